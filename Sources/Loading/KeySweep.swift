internal import Model
internal import Platform
internal import SQLite

/// The look for rows of the destination whose key is gone from the source, which a cursor cannot see.
///
/// Only keys are read. A row that the step passes over (below its `initial`, or without a cursor) still has its key in
/// the source, so it stays.
struct KeySweep {
    let rows: SnapshotRows
    let deletes: DeleteWrite

    /// The sweep of a step that detects deletes; nil for any other.
    init?(_ relation: SourceRelation, _ match: SchemaMatch, _ table: DestinationTable) throws(LoadStop) {
        guard table.step.detectDeletes == .keys else { return nil }
        let key = try SnapshotRows.key(relation, match, table.step)
        rows = SnapshotRows(relation, key, key: key, table, to: .find)
        deletes = DeleteWrite(table)
    }

    /// Takes away the marks of rows that are back though no cursor told of it; nil where rows are not marked.
    private var unmark: String? {
        guard let unmark = deletes.unmark, let isMarked = deletes.isMarked("d") else { return nil }
        return "UPDATE OR ROLLBACK \(deletes.table.sql) AS d SET \(unmark) WHERE \(isMarked) AND \(rows.isThere)"
    }

    /// The statements in their order, for plans; with the keys laid aside where `kept` keeps the rows.
    func statements(_ kept: UndoTable?) -> [String] {
        rows.copying + [unmark].compactMap { $0 } + deletes.statements(where: rows.isGone, keeping: kept)
    }

    /// Removes or marks what is gone, under the shrink guard, after the delta was written; answers the rows, and what
    /// is to be said of them.
    func run(
        _ relation: SourceRelation, at now: Timestamp, _ session: LoadSession
    ) throws(LoadStop) -> (counts: RowCounts, warnings: [LoadWarning]) {
        let there = try deletes.rowsThere(session)
        let shrinkGuard = ShrinkGuard(session.request)
        let isEmpty = try session.value("SELECT 1 FROM \(relation.sql) LIMIT 1") == nil
        try shrinkGuard.refuseEmpty(source: isEmpty ? 0 : 1, of: there)
        try shrinkGuard.refuseOtherWriter(session)
        try rows.take(session)
        try session.watch?.found(rows.isThere, rows.key.map(\.destination))
        let returned = try takeMarks(session)
        let gone = try deletes.run(where: rows.isGone, at: now, session)
        // Too much: the load fails, and its transaction with it.
        try shrinkGuard.check(removed: gone, of: there + returned)
        guard try deletes.rowsThere(session) == there + returned - gone else {
            throw .failure(RowCounts(deleted: gone).unaccounted(gone))
        }
        try rows.release(session)
        return (RowCounts(read: returned, updated: returned, deleted: gone), warnings(returned))
    }

    /// Takes the marks of rows that are back; answers how many.
    private func takeMarks(_ session: LoadSession) throws(LoadStop) -> Int {
        guard let unmark, let isMarked = deletes.isMarked("d") else { return 0 }
        session.trail.note(unmark)
        let marked = "\(deletes.table.sql) AS d WHERE \(isMarked) AND \(rows.isThere)"
        return try session.undoable([marked]) { () throws(LoadStop) in
            try session.connection.stopping { db throws(SQLiteError) in try db.run(unmark) }
        }
    }

    private func warnings(_ returned: Int) -> [LoadWarning] {
        guard returned > 0 else { return [] }
        return [
            LoadWarning(
                code: "rows_returned",
                message: "\(returned == 1 ? "1 row is" : "\(returned) rows are") in the source again with a cursor "
                    + "below the window: no longer marked as deleted, with the values of before")
        ]
    }
}
