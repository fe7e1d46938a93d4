internal import Model

/// Stops a run that would remove too much.
struct ShrinkGuard {
    private let request: LoadRequest
    /// The part of the table that is reloaded; nil where it is all of it.
    private let range: PartitionRange?

    init(_ request: LoadRequest, within range: PartitionRange? = nil) {
        self.request = request
        self.range = range
    }

    private var work: String { range == nil ? "run" : "backfill" }
    private var rowsAre: String {
        request.step.destination.table + (range.map { " in \($0.text)" } ?? "")
    }

    /// Fails when `removed` of `rows` is more than the step allows and the run does not override it.
    func check(removed: Int, of rows: Int) throws(LoadStop) {
        guard !request.allowShrink, removed > 0, rows > 0,
            Double(removed) > Double(rows) * request.step.maxShrink
        else { return }
        throw .failure(
            Failure(
                .shrinkGuard,
                "the \(work) would remove \(removed) of the \(rows) rows of \(rowsAre), more than "
                    + "max_shrink (\(request.step.maxShrink)) allows\(Failure.unchanged)",
                hint: "look whether the source is complete; if it is, run once with allow_shrink", field: "max_shrink"))
    }

    /// Fails when `removed` rows are more than the step allows of those that were there; `remaining` counts those that
    /// are left, up to a bound.
    func check(removed: Int, remaining: (Int) throws(LoadStop) -> Int) throws(LoadStop) {
        guard removed > 0 else { return }
        let limit = rows(for: removed)
        guard try remaining(limit) < limit else { return }
        try check(removed: removed, of: removed + (try remaining(.max)))
    }

    /// Whether no more than `removed` rows can never be too many; `rows` counts those that are there, up to a bound.
    func allows(upTo removed: Int, rows: (Int) throws(LoadStop) -> Int) throws(LoadStop) -> Bool {
        guard !request.allowShrink, removed > 0, request.step.maxShrink < 1 else { return true }
        let limit = self.rows(for: removed)
        let there = try rows(limit)
        return there == 0 || there >= limit
    }

    /// So many rows have to be there that `removed` of them may go.
    private func rows(for removed: Int) -> Int {
        let enough = Double(removed) / max(request.step.maxShrink, .leastNonzeroMagnitude)
        return enough < Double(Int32.max) ? Int(enough) + 1 : Int(Int32.max)
    }

    /// Fails when the source is empty and the destination, with `rows` rows, is not, unless the run overrides it.
    func refuseEmpty(source: Int, of rows: Int) throws(LoadStop) {
        guard source == 0, rows > 0, !request.allowShrink else { return }
        throw .failure(
            Failure(
                .shrinkGuard,
                "the source \(range == nil ? "is empty" : "has no rows there"), and the \(work) would remove "
                    + "\(range == nil ? "all \(rows)" : "\(rows)") rows of \(rowsAre)\(Failure.unchanged)",
                hint: "look whether the source is complete; if it is, run once with allow_shrink"))
    }

    /// Fails when another step was the last to write the table: what it loaded is not in this step's source, and would
    /// be removed. A run with `allow_shrink` takes the table over.
    ///
    /// - Parameter sequence: the destination's commit up to which that was looked for already.
    func refuseOtherWriter(_ session: LoadSession, after sequence: Int64 = 0) throws(LoadStop) {
        guard !request.allowShrink else { return }
        let table = request.step.destination.table
        let writer = try UndoLedger(session.connection).lastWriter(
            of: table, before: request.run, after: sequence)
        guard let writer, writer.pipeline != request.pipeline || writer.step != request.step.name else { return }
        throw .failure(
            Failure(
                .shrinkGuard,
                "table \(table) was last loaded by \(writer.pipeline)/\(writer.step), whose rows the run would take for "
                    + "deleted\(Failure.unchanged)",
                hint: "give each of the two a table of its own; if \(writer.pipeline)/\(writer.step) loads this one no "
                    + "more, run once with allow_shrink", field: "destination.table"))
    }
}
