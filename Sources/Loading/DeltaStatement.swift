internal import Model
internal import Platform
internal import SQLite

/// The SELECT that reads a delta, and what the statements around it need to know.
///
/// Pure: it only writes SQL, so that a plan shows the very statements that a run executes.
struct DeltaStatement {
    let relation: SourceRelation
    let step: LoadStep
    let order: CursorOrder
    let cursor: String
    let columns: [SchemaMatch.Pair]
    let keyColumns: [String]

    /// SQL with the values for its parameters.
    struct Text {
        var sql: String
        var parameters: [Value]
    }

    /// Whether an index, or the table's own order, finds the rows of a range.
    var isOrdered: Bool { relation.isOrdered(by: cursor) }

    /// The condition that lets through the rows of `range`, calling the gate for each row that an index cannot rule out.
    ///
    /// Instants are searched for in the index by their day, a day wider on both sides than any offset reaches, since
    /// texts of different offsets are not ordered as the instants are; the gate then decides exactly.
    func condition(_ range: DeltaRange, gate: String = DeltaGate.name) -> Text {
        var bounds: [String] = []
        var parameters: [Value] = []
        if isOrdered {
            if let lower = range.lower.flatMap({ bound($0, daysBeyond: -1) }) {
                bounds.append("\(quoted(cursor)) >= ?")
                parameters.append(lower)
            }
            if !range.includesFuture, let upper = range.upper.flatMap({ bound($0, daysBeyond: 2) }) {
                bounds.append(order == .instants ? "\(quoted(cursor)) < ?" : "\(quoted(cursor)) <= ?")
                parameters.append(upper)
            }
        }
        var sql = bounds.joined(separator: " AND ")
        if !bounds.isEmpty, range.includesNull { sql = "(\(sql) OR \(quoted(cursor)) IS NULL)" }
        return Text(sql: (sql.isEmpty ? "" : sql + " AND ") + call(gate), parameters: parameters)
    }

    /// The call of a gate with the row's cursor and key.
    private func call(_ gate: String) -> String {
        "\(gate)(" + ([cursor] + keyColumns).map(quoted).joined(separator: ", ") + ")"
    }

    private func bound(_ key: CursorKey, daysBeyond: Int64) -> Value? {
        guard case .instant(let instant) = key else { return key.value }
        let day = CivilDate(daysSinceEpoch: instant.day.daysSinceEpoch + daysBeyond)
        // Beyond the calendar of four-digit years the texts no longer order; read without the bound there.
        return (0...9999).contains(day.parts.year) ? .text(day.text) : nil
    }

    /// The columns to select, in the order of `columns`.
    var selected: String { columns.map { quoted($0.source) }.joined(separator: ", ") }

    /// The columns to insert, in the order of `columns`.
    var inserted: String { columns.map { quoted($0.destination) }.joined(separator: ", ") }

    /// The rows of a range.
    func select(_ range: DeltaRange) -> Text {
        let condition = condition(range)
        return Text(
            sql: "SELECT \(selected) FROM \(relation.sql) WHERE \(condition.sql)", parameters: condition.parameters)
    }

    /// The rows of a range, of those that share a key only the newest.
    ///
    /// Equal cursors are told apart by the other columns, so that the choice does not depend on where rows lie.
    func selectNewest(_ range: DeltaRange) -> Text {
        guard needsNewest else { return select(range) }
        let condition = condition(range)
        let newestFirst =
            ["\(OrderFunction.name)(\(quoted(cursor))) DESC"] + columns.map { "\(quoted($0.source)) DESC" }
        return Text(
            sql: """
                SELECT \(selected) FROM (SELECT *, row_number() OVER (PARTITION BY \
                \(keyColumns.map(quoted).joined(separator: ", ")) ORDER BY \(newestFirst.joined(separator: ", "))) \
                AS strandline_rank FROM \(relation.sql) WHERE \(condition.sql)) \
                WHERE strandline_rank = 1 AND \(CounterName.kept)()
                """, parameters: condition.parameters)
    }

    /// Whether rows of one delta may share a key.
    var needsNewest: Bool { !keyColumns.isEmpty && !relation.shape.isUnique(keyColumns) }

    /// Whether no two rows of the source share a cursor value, so that the boundary need not be read again.
    var isCursorUnique: Bool { relation.shape.isUnique([cursor]) }
}

/// The names of the counting functions in SQL.
enum CounterName {
    /// Reached for each row that is kept of those that share a key.
    static let kept = "strandline_kept"
    /// Reached for each row of the destination that is rewritten.
    static let updated = "strandline_updated"
}
