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
    let kept: PartitionConnection
    let scope: PartitionScope
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
        let (view, ahead) = try open()
        if let ahead { try session.noteFilled(ahead) }
        let extracted = try usable(view, ahead)
        var (result, staged) =
            request.isStaged
            ? try stage(view, extracted, as: number) : (try write(view, extracted, at: now), nil)
        session.progress.setRead(result.rows.read)
        let left = extracted?.isUsed == true ? extracted?.left ?? 0 : kept.gate.left
        result.warnings = view.match.warnings + AheadRows.warnings(left, of: scope.range.text) + result.warnings
        return (result, staged)
    }

    /// Looks at both sides, and at which rows of the source are left to the next run.
    func open() throws(LoadStop) -> (PartitionView, AheadRows?) {
        let view = try kept.view(session, request.scheme, scope)
        let ahead = try AheadRows(session, view.relation, view.before)
        kept.gate.open(scope, session.progress, leaving: ahead?.range)
        return (view, ahead)
    }

    private func write(
        _ view: PartitionView, _ extracted: ExtractedPartition?, at now: Timestamp
    ) throws(LoadStop) -> PartitionResult {
        let pairs = view.match.pairs
        let table = try session.prepare(view.before, view.match, view.relation)
        try session.undo?.open(
            table, isCreated: false, added: view.match.added.map(\.name), loaded: pairs.map(\.destination))
        guard let key = view.key else {
            return try reload(
                PartitionValues(view.relation, pairs, column: view.column, table, scope), pairs, extracted, at: now)
        }
        return try reload(kept.rows(view, key, table, scope, isRead: session.watch != nil), extracted, at: now)
    }

    // MARK: Rows with a key

    /// How the destination differs from the source.
    private struct Differences {
        /// The source's rows that count for the partition, and those of them that lie in the range.
        var read: (all: Int, inside: Int)
        /// The rows of them that were not set aside.
        var kept: Int
        /// The destination's rows of the range that the source does not have.
        var gone: Int
        var staged: RowDiffWrite.Staged
        var warnings: [LoadWarning] = []
    }

    private func reload(
        _ rows: PartitionRows, _ extracted: ExtractedPartition?, at now: Timestamp
    ) throws(LoadStop) -> PartitionResult {
        let write = RowDiffWrite(session: session, diff: rows.diff)
        let found = rows.isInPlace ? try compare(rows, write) : try copy(rows, extracted, write)
        if found.read.inside == 0 { try refuseUnplaced() }
        try guardShrinking(found.gone, of: rows.countThere, inside: found.read.inside)
        let staged = found.staged
        let counts = RowCounts(
            read: found.read.all, inserted: staged.new, updated: staged.changed + staged.back,
            unchanged: found.kept - staged.new - staged.changed - staged.back, deleted: found.gone,
            quarantined: found.read.all - found.kept)
        guard counts.unchanged >= 0 else { throw .failure(counts.unaccounted(0)) }
        var warnings = found.warnings
        try session.watchingTriggers(rows.table, counts) { hasTriggers throws(LoadStop) in
            try write.write(counts, gone: rows.isGone, at: now)
            if hasTriggers { warnings += try write.rewritten() }
        }
        try session.checks.examineWritten(rows.table, session)
        try kept.clearStage(rows.stage)
        return PartitionResult(rows: counts, warnings: warnings)
    }

    /// Compares both sides where they are.
    private func compare(_ rows: PartitionRows, _ write: RowDiffWrite) throws(LoadStop) -> Differences {
        session.trail.enter(.stage)
        try kept.openStage(rows.stage)
        var (staged, inside) = try kept.gate.counting { () throws(LoadStop) in try write.fill(scope.text(rows.compare))
        }
        var gone = try run(scope.text(rows.findGone))
        var elsewhere = 0
        if gone > 0 {
            staged += try write.fill(DeltaStatement.Text(sql: rows.compareMoved, parameters: []))
            elsewhere = try run(DeltaStatement.Text(sql: rows.keepGone, parameters: []))
            gone -= elsewhere
        }
        let read = inside + elsewhere
        session.progress.expect(read)
        return Differences(read: (read, inside), kept: read, gone: gone, staged: try write.look(at: staged))
    }

    /// Copies the source's rows, has them checked, and compares them.
    private func copy(
        _ rows: PartitionRows, _ extracted: ExtractedPartition?, _ write: RowDiffWrite
    ) throws(LoadStop) -> Differences {
        let (read, doubles) = try take(rows, extracted)
        // Before rows are set aside: the source has them all the same.
        try session.watch?.found(
            rows.isCopied, [rows.placeName] + rows.rows.key.map(\.source), scope.parameters, among: rows.isInRange)
        let checked = CheckedRows(
            sql: rows.rows.sql, columns: rows.rows.pairs.map(\.source), key: rows.rows.key.map(\.source))
        let kept = try session.checks.examine(checked, of: read.all, into: rows.table, isUsedUp: false, session)
        try session.watch?.saw(rows.rows.sql, rows.rows.pairs.map(\.source))
        session.trail.enter(.stage)
        session.progress.expect(read.all)
        try refuseDoubledKey(rows)
        let staged = try write.fill(DeltaStatement.Text(sql: write.diff.fillStage, parameters: []))
        return Differences(
            read: read, kept: kept, gone: try session.integer("SELECT count(*) FROM \(PartitionRows.gone)"),
            staged: try write.look(at: staged), warnings: doubles)
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
        var inRange = inside
        if rows.mayHaveVersions { (inRange, warnings) = try settle(rows, inside: inside) }
        if elsewhere > 0 {
            _ = try run(scope.text(rows.dropStrangers))
            _ = try run(DeltaStatement.Text(sql: rows.keepGone, parameters: []))
            elsewhere = try session.integer("SELECT count(*) FROM \(rows.rows.sql)") - inRange
        }
        return ((inRange + elsewhere, inside), warnings)
    }

    /// Copies the source's rows of the range, and those elsewhere of the keys in hand; answers how many they are.
    private func copy(_ rows: PartitionRows) throws(LoadStop) -> (inside: Int, elsewhere: Int) {
        try kept.openStage(rows.stage)
        let inside = try copyInside(scope.text(rows.copyInside))
        guard try findGone(rows) > 0 || rows.mayHaveVersions else { return (inside, 0) }
        return (inside, try run(scope.text(rows.copyElsewhere(of: PartitionRows.gone))))
    }

    /// Stages the destination's rows in the range that were not copied; answers how many they are.
    func findGone(_ rows: PartitionRows) throws(LoadStop) -> Int {
        let gone = try run(scope.text(rows.findGone))
        guard let staged = rows.findStagedGone else { return gone }
        return try run(scope.text(staged)) + gone
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
            try kept.openStage(rows.stage)
            read = try copyInside(rows.copyInside)
        }
        if read == 0 { try refuseUnplaced() }
        // Before rows are set aside: a row that was loaded once stays, though it would not be loaded again.
        _ = try run(rows.compare)
        let checked = CheckedRows(sql: rows.copy, columns: pairs.map(\.destination), key: [])
        let passed = try session.checks.examine(checked, of: read, into: rows.table, isUsedUp: false, session)
        session.trail.enter(.stage)
        session.progress.expect(read)
        let gone = try session.integer(rows.countGone)
        try guardShrinking(gone, of: rows.countThere, inside: read)
        let new = try session.integer("SELECT count(*) FROM \(rows.missing)")
        let counts = RowCounts(
            read: read, inserted: new, unchanged: passed - new, deleted: gone, quarantined: read - passed)
        try session.watchingTriggers(rows.table, counts) { _ throws(LoadStop) in try write(rows, counts, at: now) }
        try session.checks.examineWritten(rows.table, session)
        try kept.clearStage(rows.stage)
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

    /// Refuses to take a range for empty where no row could lie in any.
    func refuseUnplaced() throws(LoadStop) {
        guard kept.gate.left == 0 else { return }
        try kept.refuseUnplaced(scope, session)
    }

    private func guardShrinking(
        _ gone: Int, of countThere: String, inside: Int
    ) throws(LoadStop) {
        guard gone > 0 else { return }
        let shrinkGuard = ShrinkGuard(request.load, within: request.range)
        try shrinkGuard.refuseEmpty(source: inside, of: gone)
        func there(_ bound: Int) throws(LoadStop) -> Int {
            let text = scope.text(countThere, upTo: bound)
            return try session.integer(text.sql, text.parameters)
        }
        if try !shrinkGuard.allows(upTo: gone, rows: there) {
            try shrinkGuard.check(removed: gone, of: try there(.max))
        }
        try kept.refuseOtherWriter(shrinkGuard, session)
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
