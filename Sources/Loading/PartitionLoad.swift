internal import Model
internal import Platform
internal import SQLite

/// Reloads one partition in one commit: afterwards the destination's rows in its range are the source's.
///
/// The effect is that of deleting the range and inserting it, made as a difference, so that a row that is the same is
/// not rewritten. A row whose key moved into the range, or out of it, is updated where it is.
struct PartitionLoad {
    let session: LoadSession
    let request: PartitionRequest
    let gate: PartitionGate
    /// What was read of the source before the destination's write lock was held; nil where nothing was.
    var extracted: ExtractedPartition?

    var step: LoadStep { request.load.step }

    /// What was staged, and what the shrink guard will ask of it.
    struct Staged {
        let shadow: Shadow
        /// The destination's rows in the range.
        let there: Int
        /// The source's.
        let inside: Int
    }

    /// Does the work inside the open transaction, as the backfill's commit of that number; answers what it did, and
    /// what it staged where it wrote nothing.
    func run(as number: Int, at now: Timestamp) throws(LoadStop) -> (PartitionResult, Staged?) {
        let scope = try PartitionScope(request.scheme, request.range)
        gate.open(scope)
        let view = try PartitionView(session, request.scheme, scope)
        let extracted = try usable(view)
        var (result, staged) =
            request.isStaged
            ? try stage(view, scope, extracted, as: number) : (try write(view, scope, extracted, at: now), nil)
        session.progress.setRead(result.rows.read)
        result.warnings = view.match.warnings + result.warnings
        return (result, staged)
    }

    private func write(
        _ view: PartitionView, _ scope: PartitionScope, _ extracted: ExtractedPartition?, at now: Timestamp
    ) throws(LoadStop) -> PartitionResult {
        let pairs = view.match.pairs
        let table = try session.prepare(view.before, view.match, view.relation)
        try session.undo?.open(
            table, isCreated: false, added: view.match.added.map(\.name), loaded: pairs.map(\.destination))
        guard let key = view.key else {
            return try reload(
                PartitionValues(view.relation, pairs, column: view.column, table, scope), pairs, extracted, at: now)
        }
        return try reload(
            PartitionRows(view.relation, pairs, key: key, column: view.column, table, scope), extracted, at: now)
    }

    // MARK: Rows with a key

    private func reload(
        _ rows: PartitionRows, _ extracted: ExtractedPartition?, at now: Timestamp
    ) throws(LoadStop) -> PartitionResult {
        let (read, doubles) = try take(rows, extracted)
        // Before rows are set aside: the source has them all the same.
        try session.watch?.found(
            rows.isCopied, [rows.placeName] + rows.rows.key.map(\.source), rows.scope.parameters, among: rows.isInRange)
        let checked = CheckedRows(
            sql: rows.rows.sql, columns: rows.rows.pairs.map(\.source), key: rows.rows.key.map(\.source))
        let kept = try session.checks.examine(checked, of: read.all, into: rows.table, isUsedUp: false, session)
        try session.watch?.saw(rows.rows.sql, rows.rows.pairs.map(\.source))
        session.trail.enter(.stage)
        session.progress.expect(read.all)
        let gone = try session.integer("SELECT count(*) FROM \(PartitionRows.gone)")
        try guardShrinking(gone, of: rows.countThere, inside: read.inside)
        try refuseDoubledKey(rows)
        let write = RowDiffWrite(session: session, diff: RowDiff(rows.rows, rows.table))
        let staged = try write.stage()
        let counts = RowCounts(
            read: read.all, inserted: staged.new, updated: staged.changed + staged.back,
            unchanged: kept - staged.new - staged.changed - staged.back, deleted: gone, quarantined: read.all - kept)
        guard counts.unchanged >= 0 else { throw .failure(counts.unaccounted(0)) }
        var warnings = doubles
        try session.watchingTriggers(rows.table, counts) { hasTriggers throws(LoadStop) in
            try write.write(counts, gone: rows.isGone, at: now)
            if hasTriggers { warnings += try write.rewritten() }
        }
        try session.checks.examineWritten(rows.table, session)
        try write.release()
        try execute(rows.drop)
        return PartitionResult(rows: counts, warnings: warnings)
    }

    /// Copies the source's rows, one for each key; answers how many they are, and how many of them lie in the range.
    func take(
        _ rows: PartitionRows, _ extracted: ExtractedPartition?
    ) throws(LoadStop) -> (read: (all: Int, inside: Int), warnings: [LoadWarning]) {
        session.trail.enter(.stage)
        let inside: Int
        var elsewhere: Int
        if let read = try copied(rows, extracted) {
            (inside, elsewhere) = read
        } else {
            (inside, elsewhere) = try copy(rows)
        }
        var warnings: [LoadWarning] = []
        var kept = inside
        if rows.mayHaveVersions { (kept, warnings) = try settle(rows, inside: inside) }
        if elsewhere > 0 {
            _ = try run(rows.dropStrangers)
            _ = try run(DeltaStatement.Text(sql: rows.keepGone, parameters: []))
            elsewhere = try session.integer("SELECT count(*) FROM \(rows.rows.sql)") - kept
        }
        return ((kept + elsewhere, inside), warnings)
    }

    /// Copies the source's rows of the range, and those elsewhere of the keys in hand; answers how many they are.
    private func copy(_ rows: PartitionRows) throws(LoadStop) -> (inside: Int, elsewhere: Int) {
        try execute(rows.make)
        let inside = try copyInside(rows.copyInside)
        let gone = try findGone(rows)
        let elsewhere = gone > 0 || rows.mayHaveVersions ? try run(rows.copyElsewhere(of: PartitionRows.gone)) : 0
        return (inside, elsewhere)
    }

    /// Stages the destination's rows in the range that were not copied; answers how many they are.
    func findGone(_ rows: PartitionRows) throws(LoadStop) -> Int {
        let gone = try run(rows.findGone)
        guard let staged = rows.findStagedGone else { return gone }
        return try run(staged) + gone
    }

    /// Leaves one row of each key; answers how many of the range stay.
    private func settle(
        _ rows: PartitionRows, inside: Int
    ) throws(LoadStop) -> (kept: Int, warnings: [LoadWarning]) {
        guard rows.tellsNewest, let cursor = step.cursor else {
            let warnings = try rows.rows.settleDoubles(session)
            return (try session.integer(rows.countInside), warnings)
        }
        _ = try run(DeltaStatement.Text(sql: rows.keepNewest, parameters: []))
        let kept = try session.integer(rows.countInside)
        let judgement = DeltaJudgement(step: step, cursor: cursor, order: session.order, tally: DeltaTally())
        return (kept, try judgement.duplicates(passed: inside, kept: kept))
    }

    /// Refuses a key that the destination holds twice: only one of its rows can be what the source has.
    func refuseDoubledKey(_ rows: PartitionRows) throws(LoadStop) {
        let key = rows.rows.key.map(\.destination)
        guard let shape = rows.table.shape, !shape.isUnique(key) else { return }
        let found = try session.connection.stopping { db throws(SQLiteError) in try db.first(rows.doubledKey) }
        guard let found else { return }
        throw .failure(.doubledKey(shape.name, key, found.values))
    }

    // MARK: Rows without one

    private func reload(
        _ rows: PartitionValues, _ pairs: [SchemaMatch.Pair], _ extracted: ExtractedPartition?, at now: Timestamp
    ) throws(LoadStop) -> PartitionResult {
        session.trail.enter(.stage)
        let read: Int
        if let extracted {
            take(over: extracted)
            read = extracted.read.inside
        } else {
            try execute(rows.make)
            read = try copyInside(rows.copyInside)
        }
        // Before rows are set aside: a row that was loaded once stays, though it would not be loaded again.
        _ = try run(rows.compare)
        let checked = CheckedRows(sql: rows.copy, columns: pairs.map(\.destination), key: [])
        let kept = try session.checks.examine(checked, of: read, into: rows.table, isUsedUp: false, session)
        session.trail.enter(.stage)
        session.progress.expect(read)
        let gone = try session.integer(rows.countGone)
        try guardShrinking(gone, of: rows.countThere, inside: read)
        let new = try session.integer("SELECT count(*) FROM \(rows.missing)")
        let counts = RowCounts(
            read: read, inserted: new, unchanged: kept - new, deleted: gone, quarantined: read - kept)
        try session.watchingTriggers(rows.table, counts) { _ throws(LoadStop) in try write(rows, counts, at: now) }
        try session.checks.examineWritten(rows.table, session)
        try execute(rows.drop)
        return PartitionResult(rows: counts, warnings: [])
    }

    private func write(_ rows: PartitionValues, _ counts: RowCounts, at now: Timestamp) throws(LoadStop) {
        session.trail.enter(.write)
        let deletes = DeleteWrite(rows.table)
        var (removed, added) = (0, 0)
        if counts.deleted > 0 {
            try session.undo?.keepRemoved(counts.deleted, where: rows.isGoneHere)
            removed = try deletes.run(where: rows.isGone, at: now, session)
        }
        if counts.inserted > 0 {
            let insert = DeltaStatement.Text(sql: rows.insert, parameters: [])
            added = try session.undoable([rows.missing]) { () throws(LoadStop) in
                guard let undo = session.undo else { return try run(insert) }
                return try undo.aroundAppend { () throws(LoadStop) in try run(insert) }
            }
        }
        guard removed == counts.deleted, added == counts.inserted else { throw .failure(counts.unaccounted(added)) }
    }

    // MARK: Safety

    private func guardShrinking(
        _ gone: Int, of countThere: DeltaStatement.Text, inside: Int
    ) throws(LoadStop) {
        guard gone > 0 else { return }
        let there = try session.integer(countThere.sql, countThere.parameters)
        let shrinkGuard = ShrinkGuard(request.load, within: request.range)
        try shrinkGuard.refuseEmpty(source: inside, of: gone)
        try shrinkGuard.check(removed: gone, of: there)
        try shrinkGuard.refuseOtherWriter(session)
    }

    // MARK: Statements

    func run(_ text: DeltaStatement.Text) throws(LoadStop) -> Int {
        session.trail.note(text)
        return try session.connection.stopping { db throws(SQLiteError) in try db.run(text.sql, text.parameters) }
    }

    func execute(_ statements: [String]) throws(LoadStop) {
        try session.connection.stopping { db throws(SQLiteError) in
            for statement in statements { try db.execute(statement) }
        }
    }
}
