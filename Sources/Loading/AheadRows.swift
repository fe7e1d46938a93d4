internal import Model
internal import Platform
internal import SQLite

/// The rows of a source that runs of a step which appends have yet to add; the partitions of a backfill leave them to
/// those, since a run does not look for them in the destination and would add them once more.
struct AheadRows {
    /// What a run would add unseen; nil where it looks for every row.
    let range: DeltaRange?
    /// The highest place that runs have passed, as a cursor value; nil where they have passed none.
    let passed: CursorValue?

    /// Works them out for a session's step; nil for a step that writes rows by their key, which doubles none.
    ///
    /// By the watermark as it is now: inside a transaction no run can move it.
    init?(_ session: LoadSession, _ relation: SourceRelation, _ table: DestinationTable) throws(LoadStop) {
        let (step, order) = (session.request.step, session.order)
        guard AheadRows.cursor(of: step) != nil else { return nil }
        let cursor = try session.request.cursor()
        guard let held = try session.held() else {
            throw .failure(
                Failure(
                    .watermarkMissing,
                    "step \(step.name) appends and has no watermark, so nothing tells which rows its next run would "
                        + "append once more",
                    hint:
                        "run pipeline \(session.request.pipeline) first, or set the step's watermark to where the rows "
                        + "of \(step.destination.table) end"))
        }
        try IncrementalLoad(session, cursor: cursor, rowsPerCommit: 1).refuseWhatDoesNotFit(held, table)
        let delta = session.delta(relation, cursor, [])
        let window = try DeltaWindow(
            step: step, cursor: cursor, order: order, held: held.watermark, isCursorUnique: delta.isCursorUnique,
            now: session.clock.now(),
            // What later runs will read is ahead as well, so the window's end is of no interest.
            highest: { () throws(LoadStop) in nil })
        var all = window.range
        all.upper = nil
        all.future = nil
        // The partition notes how far runs have passed, so that from then on they look for all rows up to there.
        passed = order.higher(try session.appended(held), held.watermark.value)
        range = AppendSplit(all, reached: passed.flatMap { order.key($0) }, isThere: table.shape != nil).new
    }

    /// The column by which the runs of a step append rows; nil where they do not, or by nothing.
    static func cursor(of step: LoadStep) -> String? {
        step.writeMode == .append && step.strategy.isIncremental ? step.cursor?.column : nil
    }

    /// What is to be said of so many rows of a range that were left.
    static func warnings(_ count: Int, of range: String) -> [LoadWarning] {
        guard count > 0 else { return [] }
        return [
            LoadWarning(
                code: "rows_above_watermark",
                message:
                    "\(count == 1 ? "1 row of \(range) lies" : "\(count) rows of \(range) lie") above the watermark; the next run "
                    + "appends \(count == 1 ? "it" : "them")")
        ]
    }
}

/// The SQL function that says whether a row is left to the next run, by its cursor.
final class AheadGate: ScalarFunctionBody {
    static let name = "strandline_ahead"

    private let gate: DeltaGate
    private var isOpen = false

    init(_ order: CursorOrder) {
        gate = DeltaGate(order: order, progress: LoadProgress())
    }

    /// Goes over to the rows of a range; nil for none.
    func open(_ range: DeltaRange?) {
        isOpen = range != nil
        if let range { gate.reset(range, readBefore: nil) }
    }

    /// Whether a row is, whose cursor is the first argument.
    func holds(_ arguments: FunctionArguments) -> Bool { isOpen && gate.admits(arguments) }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        context.result(holds(arguments) ? 1 as Int64 : 0)
    }
}

extension LoadSession {
    /// The highest place up to which rows may have been appended, by runs or by backfills; nil where none were.
    func appended(_ held: DestinationLedger.Held?) throws(LoadStop) -> CursorValue? {
        guard let cursor = AheadRows.cursor(of: request.step), hasDestination, try ledger.exists() else {
            return held?.reached
        }
        let filled = try ledger.filled(request.pipeline, request.step.name, cursor)
        return order.higher(held?.reached, filled)
    }

    /// Remembers that a partition may have added rows up to a place: one that a run does not reach any more once
    /// someone rolls it back, or sets the watermark to a lower value.
    func noteFilled(_ ahead: AheadRows) throws(LoadStop) {
        guard let cursor = AheadRows.cursor(of: request.step), let passed = ahead.passed else { return }
        let filled = try ledger.filled(request.pipeline, request.step.name, cursor)
        guard let highest = order.higher(filled, passed), highest != filled else { return }
        try ledger.write(filled: highest, request.pipeline, request.step.name, cursor)
    }
}

extension CursorOrder {
    /// The higher of two values; one that has no place is lower than any.
    fileprivate func higher(_ left: CursorValue?, _ right: CursorValue?) -> CursorValue? {
        guard let left, let place = key(left) else { return right }
        guard let right, let other = key(right), other.compare(place) > 0 else { return left }
        return right
    }
}
