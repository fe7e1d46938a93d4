internal import Model
internal import Platform
internal import SQLite

/// A load that compares every row of the source with the destination, which is the last snapshot, in one commit.
///
/// It needs neither a cursor nor a change log. Rows are told apart by their key to the byte; what is new is inserted,
/// what differs in a loaded column is updated, what is gone is removed or marked. Columns that only the destination has
/// keep their values.
struct SnapshotDiffLoad: StepLoad {
    let session: LoadSession

    private var step: LoadStep { session.request.step }

    /// Does the whole load in one commit.
    func next(at now: Timestamp) throws(LoadStop) -> DestinationLedger.Record {
        try session.watch?.sawAll()
        let relation = try session.relation()
        let before = try session.destination()
        let match = try SchemaMatch(source: relation.shape, destination: before.shape, step: step)
        let table = try session.prepare(before, match, relation)
        try session.undo?.open(
            table, isCreated: before.shape == nil, added: before.shape == nil ? [] : match.added.map(\.name),
            loaded: match.pairs.map(\.destination))
        let rows = try rows(relation, match, table)
        session.noteQuery()
        session.trail.enter(.stage)
        try rows.take(session)
        let doubles = try rows.settleDoubles(session)
        // What is set aside would be taken for gone, so of these rows none is.
        _ = try session.checks.examine(checked(rows), of: 0, into: table, isUsedUp: false, session)
        session.trail.enter(.stage)
        let isEmpty = try session.value("SELECT 1 FROM \(table.sql) LIMIT 1") == nil
        let (counts, rewritten) =
            isEmpty ? (try fill(table, rows), []) : try compare(RowDiff(rows, table), at: now)
        try session.checks.examineWritten(table, session)
        try rows.release(session)
        try session.checks.count(counts.read, session)
        try session.checks.checkFreshness(table, watermark: nil, at: now, session)
        session.progress.setRead(counts.read)
        let held = try session.ledger.watermark(session.request.pipeline, step.name)?.watermark
        return DestinationLedger.Record(
            counts: counts, watermarkBefore: held?.value, watermarkAfter: held?.value, key: held?.key ?? [],
            window: "all rows", warnings: match.warnings + doubles + rewritten, isFinal: true)
    }

    private func rows(
        _ relation: SourceRelation, _ match: SchemaMatch, _ table: DestinationTable
    ) throws(LoadStop) -> SnapshotRows {
        SnapshotRows(
            relation, match.pairs, key: try SnapshotRows.key(relation, match, step), table, to: .compare)
    }

    /// The rows, as checks see them.
    private func checked(_ rows: SnapshotRows) -> CheckedRows {
        CheckedRows(sql: rows.sql, columns: rows.pairs.map(\.source), key: rows.key.map(\.source))
    }

    // MARK: Plans

    /// The statements of the load, for plans.
    func statements(
        _ table: DestinationTable, _ match: SchemaMatch, _ relation: SourceRelation
    ) throws(LoadStop) -> [String] {
        let prepared = table.prepared(match, relation)
        let rows = try rows(relation, match, prepared)
        let isNew = table.shape == nil
        let before = isNew ? table.create(match, relation) : match.added.map { table.add($0) }
        let checks = try session.checks.statements(
            checked(rows), into: prepared, isUsedUp: false, isRebuild: false, at: session.clock.now())
        let kept = isNew ? nil : session.undoTable(prepared, match)
        return before + rows.copying + checks.staged
            + (isNew ? [rows.filling()] : RowDiff(rows, prepared).statements(kept)) + checks.written
    }

    /// The index by which the source's rows would be found where they are.
    func suggestedIndexes(_ match: SchemaMatch, _ relation: SourceRelation) throws(LoadStop) -> [String] {
        guard relation.isTable, !step.primaryKey.isEmpty else { return [] }
        let key = step.primaryKey.map { relation.shape.column($0)?.name ?? $0 }
        let names = Set(key.map(fold))
        guard !relation.shape.uniqueKeys.contains(where: { $0.columns.isSubset(of: names) }) else { return [] }
        return [
            "CREATE UNIQUE INDEX \(quoted(relation.shape.name + "_key")) ON \(quoted(relation.shape.name)) "
                + "(\(key.map { quoted(relation.sourceNames[fold($0)] ?? $0) }.joined(separator: ", ")))"
        ]
    }

    // MARK: Writing

    /// Fills a table that holds nothing yet.
    private func fill(_ table: DestinationTable, _ rows: SnapshotRows) throws(LoadStop) -> RowCounts {
        let nullKeys = try rows.nullKeys(session)
        guard nullKeys == 0 else { throw .failure(.nullKeys(nullKeys, rows.key.map(\.source))) }
        // A table without row numbers does not tell how far its copy has come.
        if table.shape?.hasRowNumber ?? false {
            session.progress.expect(try session.integer("SELECT count(*) FROM \(rows.sql)"))
        }
        session.trail.enter(.write)
        let filling = rows.filling()
        session.trail.note(filling)
        // Nothing was there: every row is new.
        let written = try session.undoable([rows.sql + " AS s"]) { () throws(LoadStop) in try session.copy(filling) }
        let counts = RowCounts(read: written, inserted: written)
        guard try session.rowsInDestination(table) == written else { throw .failure(counts.unaccounted(written)) }
        return counts
    }

    private func compare(
        _ diff: RowDiff, at now: Timestamp
    ) throws(LoadStop) -> (counts: RowCounts, warnings: [LoadWarning]) {
        let read = try session.integer("SELECT count(*) FROM \(diff.source.sql)")
        session.progress.expect(read)
        let there = try diff.deletes.rowsThere(session)
        let shrinkGuard = ShrinkGuard(session.request)
        try shrinkGuard.refuseEmpty(source: read, of: there)
        try shrinkGuard.refuseOtherWriter(session)
        let write = RowDiffWrite(session: session, diff: diff)
        try write.refuseDoubledKey()
        let staged = try write.stage()
        let counts = RowCounts(
            read: read, inserted: staged.new, updated: staged.changed + staged.back,
            unchanged: read - staged.new - staged.changed - staged.back,
            // Of the rows that were there, those that the source still has are all its rows but the new ones and
            // those that were marked.
            deleted: there - (read - staged.new - staged.back))
        guard counts.unchanged >= 0, counts.deleted >= 0 else { throw .failure(counts.unaccounted(0)) }
        try shrinkGuard.check(removed: counts.deleted, of: there)
        try write.write(counts, gone: diff.source.isGone, at: now)
        let warnings = try diff.table.hasTriggers(session.connection) ? lookBehindTriggers(write, counts) : []
        try write.release()
        return (counts, warnings)
    }

    /// Refuses rows that a trigger has added or removed, and tells of those that it has given other values.
    private func lookBehindTriggers(_ write: RowDiffWrite, _ counts: RowCounts) throws(LoadStop) -> [LoadWarning] {
        guard try write.diff.deletes.rowsThere(session) == counts.read else {
            throw .failure(counts.unaccounted(counts.inserted + counts.updated))
        }
        return try write.rewritten()
    }
}
