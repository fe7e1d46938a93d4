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

    private var step: LoadStep { request.load.step }

    /// Does the work inside the open transaction; answers what it did.
    func run(at now: Timestamp) throws(LoadStop) -> PartitionResult {
        let scope = try PartitionScope(request.scheme, request.range)
        gate.open(scope)
        let relation = try session.relation()
        let before = try session.destination()
        guard before.shape != nil else { throw .failure(Loader.nothingToReload(request.load)) }
        let match = try SchemaMatch(source: relation.shape, destination: before.shape, step: step)
        let column = try column(match, before, scope)
        let table = try session.prepare(before, match, relation)
        try session.undo?.open(
            table, isCreated: false, added: match.added.map(\.name), loaded: match.pairs.map(\.destination))
        session.noteQuery()
        let rows = PartitionRows(
            relation, match.pairs, key: try SnapshotRows.key(relation, match, step), column: column, table, scope)
        var result = try reload(rows, at: now)
        result.warnings = match.warnings + result.warnings
        return result
    }

    /// The column that the rows are sliced by; it must be loaded, and hold values that have an order.
    private func column(
        _ match: SchemaMatch, _ table: DestinationTable, _ scope: PartitionScope
    ) throws(LoadStop) -> SchemaMatch.Pair {
        let name = request.scheme.column
        let pair = match.pairs.first { fold($0.destination) == fold(name) }
        guard let pair, !match.added.contains(where: { fold($0.name) == fold(name) }) else {
            throw .failure(
                Failure(
                    .unknownColumn, "\(step.destination.table) has no column \(name) that step \(step.name) loads",
                    hint: "slice by one of \(match.pairs.map(\.destination).joined(separator: ", "))",
                    field: "partition_by.column"))
        }
        guard scope.order == .instants || table.shape?.affinity(of: pair.destination) != .text else {
            throw .failure(
                Failure(
                    .cursorFormat,
                    "column \(name) of \(step.destination.table) holds texts, which cannot be sliced as numbers",
                    hint: "declare the column INTEGER, or slice by another one", field: "partition_by.column"))
        }
        return pair
    }

    private func reload(_ rows: PartitionRows, at now: Timestamp) throws(LoadStop) -> PartitionResult {
        let (read, doubles) = try take(rows)
        let checked = CheckedRows(
            sql: rows.rows.sql, columns: rows.rows.pairs.map(\.source), key: rows.rows.key.map(\.source))
        let kept = try session.checks.examine(checked, of: read.all, into: rows.table, isUsedUp: false, session)
        session.trail.enter(.stage)
        session.progress.expect(read.all)
        let there = try integer(rows.countThere)
        let gone = try session.integer("SELECT count(*) FROM \(PartitionRows.gone)")
        try guardShrinking(gone, of: there, inside: read.inside)
        let write = RowDiffWrite(session: session, diff: RowDiff(rows.rows, rows.table))
        try refuseDoubledKey(rows)
        let staged = try write.stage()
        let counts = RowCounts(
            read: read.all, inserted: staged.new, updated: staged.changed + staged.back,
            unchanged: kept - staged.new - staged.changed - staged.back, deleted: gone, quarantined: read.all - kept)
        guard counts.unchanged >= 0 else { throw .failure(counts.unaccounted(0)) }
        let hasTriggers = try rows.table.hasTriggers(session.connection)
        let rowsBefore = hasTriggers ? try session.rowsInDestination(rows.table) : 0
        try write.write(counts, gone: rows.isGone, at: now)
        var warnings = doubles
        if hasTriggers {
            let removed = write.diff.deletes.column == nil ? gone : 0
            guard try session.rowsInDestination(rows.table) == rowsBefore + counts.inserted - removed else {
                throw .failure(counts.unaccounted(counts.inserted + counts.updated))
            }
            warnings += try write.rewritten()
        }
        try session.checks.examineWritten(rows.table, session)
        try write.release()
        try execute(rows.drop)
        session.progress.setRead(read.all)
        return PartitionResult(rows: counts, warnings: warnings)
    }

    /// Copies the source's rows, one for each key; answers how many they are, and how many of them lie in the range.
    private func take(
        _ rows: PartitionRows
    ) throws(LoadStop) -> (read: (all: Int, inside: Int), warnings: [LoadWarning]) {
        session.trail.enter(.stage)
        try execute(rows.make)
        let inside = try gate.counting { () throws(LoadStop) in try run(rows.copyInside) }
        let orphans = try run(rows.findGone)
        var elsewhere = 0
        if orphans > 0 || rows.mayHaveVersions { elsewhere = try run(rows.copyElsewhere) }
        var warnings: [LoadWarning] = []
        var kept = inside
        if rows.mayHaveVersions { (kept, warnings) = try settle(rows, inside: inside) }
        if elsewhere > 0 {
            elsewhere =
                try session.integer("SELECT count(*) FROM \(rows.rows.sql)") - kept - (try run(rows.dropStrangers))
            _ = try run(DeltaStatement.Text(sql: rows.keepGone, parameters: []))
        }
        return ((kept + elsewhere, inside), warnings)
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

    private func guardShrinking(_ gone: Int, of there: Int, inside: Int) throws(LoadStop) {
        guard gone > 0 else { return }
        let shrinkGuard = ShrinkGuard(request.load, within: request.range)
        try shrinkGuard.refuseEmpty(source: inside, of: gone)
        try shrinkGuard.check(removed: gone, of: there)
        try shrinkGuard.refuseOtherWriter(session)
    }

    /// Refuses a key that the destination holds twice: only one of its rows can be what the source has.
    private func refuseDoubledKey(_ rows: PartitionRows) throws(LoadStop) {
        let key = rows.rows.key.map(\.destination)
        guard let shape = rows.table.shape, !shape.isUnique(key) else { return }
        let found = try session.connection.stopping { db throws(SQLiteError) in try db.first(rows.doubledKey) }
        guard let found else { return }
        throw .failure(.doubledKey(shape.name, key, found.values))
    }

    // MARK: Statements

    private func run(_ text: DeltaStatement.Text) throws(LoadStop) -> Int {
        session.trail.note(text)
        return try session.connection.stopping { db throws(SQLiteError) in try db.run(text.sql, text.parameters) }
    }

    private func integer(_ text: DeltaStatement.Text) throws(LoadStop) -> Int {
        try session.integer(text.sql, text.parameters)
    }

    private func execute(_ statements: [String]) throws(LoadStop) {
        try session.connection.stopping { db throws(SQLiteError) in
            for statement in statements { try db.execute(statement) }
        }
    }
}
