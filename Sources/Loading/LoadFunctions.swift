internal import Model
internal import SQLite

/// The functions that the SQL of a step's loads calls, known to one connection.
///
/// Loads that follow each other on one connection share them: making a function known has SQLite prepare every statement
/// of the connection anew.
final class LoadFunctions {
    /// The order of the step's cursor; plain where it has none.
    let order: CursorOrder
    /// Decides and counts for the statements that write.
    let gate: DeltaGate
    /// The same for statements that only look.
    let probe: DeltaGate
    let kept = RowCounter()
    /// Casts the columns of the source, and knows the value that it could not.
    let casts: CastFunction

    /// Makes the functions of a step's loads known to a connection.
    init(_ step: LoadStep, _ progress: LoadProgress, on connection: Connection) throws(SQLiteError) {
        order = CursorOrder(of: step)
        gate = DeltaGate(order: order, progress: progress)
        probe = DeltaGate(order: order, progress: progress)
        casts = CastFunction(key: step.primaryKey)
        // Not deterministic: each must be called exactly once for each row.
        try connection.createFunction(
            ScalarFunction(name: DeltaGate.name, arguments: nil, isDeterministic: false, body: gate))
        try connection.createFunction(
            ScalarFunction(name: DeltaGate.probeName, arguments: nil, isDeterministic: false, body: probe))
        try connection.createFunction(
            ScalarFunction(
                name: CastFunction.name, arguments: nil, isInnocuous: true, body: casts))
        try connection.createFunction(
            ScalarFunction(name: CounterName.kept, arguments: 0, isDeterministic: false, body: kept))
        try connection.createFunction(
            ScalarFunction(name: OrderFunction.name, arguments: 1, body: OrderFunction(order: order)))
        try connection.createFunction(
            ScalarFunction(name: OrderFunction.timeName, arguments: 1, body: OrderFunction(order: .instants)))
    }

    /// Begins another load, which shows how far it has come in `progress`.
    func begin(_ progress: LoadProgress) {
        gate.begin(progress)
        probe.begin(progress)
        kept.reset()
    }
}

extension CursorOrder {
    /// The order of a step's cursor; plain where it has none.
    init(of step: LoadStep) {
        self = step.cursor.map { CursorOrder($0, strategy: step.strategy) } ?? .plain
    }
}
