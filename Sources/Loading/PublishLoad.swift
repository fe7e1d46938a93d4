internal import Model
internal import Platform
internal import SQLite

/// Brings what a backfill has staged into the table, in one commit: afterwards the table's rows of the range are those
/// that were staged, but for rows that other commits have changed since, which are newer.
struct PublishLoad {
    private static let gone = "temp._strandline_gone"

    let session: LoadSession
    let shadow: Shadow

    /// Does the work inside the open transaction, on a shadow that is dropped afterwards; answers what it did.
    func run(at now: Timestamp) throws(LoadStop) -> PartitionResult {
        let before = try session.destination()
        guard before.shape != nil else { throw .failure(Loader.nothingToReload(session.request)) }
        let overtaken = try run("DELETE FROM \(shadow.sql) AS s WHERE \(shadow.isOvertaken("s"))")
        let relation = try session.relation()
        let match = try SchemaMatch(source: relation.shape, destination: before.shape, step: session.request.step)
        let table = try session.prepare(before, match, relation)
        try session.undo?.open(
            table, isCreated: false, added: match.added.map(\.name), loaded: match.pairs.map(\.destination))
        let key = shadow.key.compactMap { name in match.pairs.first { fold($0.destination) == fold(name) } }
        guard key.count == shadow.key.count else {
            throw .failure(
                Failure(
                    .schemaChanged,
                    "\(table.step.destination.table) has lost a column by which its rows are told apart",
                    hint: "cancel the backfill and ask for another one"))
        }
        let gone = try stageGone(key, table)
        let rows = SnapshotRows(relation, match.pairs, key: key, table, to: .compare)
        session.trail.enter(.stage)
        try rows.take(session)
        var result = try write(rows, gone: gone, table, at: now)
        try rows.release(session)
        try execute("DROP TABLE \(PublishLoad.gone)")
        result.warnings =
            match.warnings.filter { $0.code == "columns_added" } + result.warnings + (try newer(overtaken))
        return result
    }

    /// Moves the keys that are to leave the table, and are still there, out of the shadow; answers how many.
    private func stageGone(_ key: [SchemaMatch.Pair], _ table: DestinationTable) throws(LoadStop) -> Int {
        let isMarked = DeleteWrite(table).isMarked("d").map { " AND NOT \($0)" } ?? ""
        let (place, row) =
            table.shape?.rowNumberName.map { ("d.\($0) AS place", "d.\($0)") } ?? ("NULL AS place", "NULL")
        try execute("DROP TABLE IF EXISTS \(PublishLoad.gone)")
        try execute(
            "CREATE TEMP TABLE _strandline_gone AS SELECT \(shadow.keys(of: "d")), \(place) FROM \(table.sql) AS d WHERE 0"
        )
        let count = try run(
            "INSERT INTO \(PublishLoad.gone) SELECT \(shadow.keys(of: "d")), \(row) FROM \(shadow.sql) AS s "
                + "JOIN \(table.sql) AS d ON \(shadow.sameKey("d", "s")) "
                + "WHERE s.\(quoted(Shadow.kind)) = \(Shadow.Kind.gone)\(isMarked)")
        _ = try run("DELETE FROM \(shadow.sql) AS s WHERE s.\(quoted(Shadow.kind)) = \(Shadow.Kind.gone)")
        return count
    }

    /// The condition that a row of the table, `d`, is to leave it.
    private func isGone(_ table: DestinationTable) -> String {
        guard let number = table.shape?.rowNumberName else {
            return "(\(shadow.keys(of: "d"))) IN (SELECT \(shadow.keys()) FROM \(PublishLoad.gone))"
        }
        return "d.\(number) IN (SELECT place FROM \(PublishLoad.gone))"
    }

    private func write(
        _ rows: SnapshotRows, gone: Int, _ table: DestinationTable, at now: Timestamp
    ) throws(LoadStop) -> PartitionResult {
        let read = try session.integer("SELECT count(*) FROM \(rows.sql)")
        session.progress.expect(read)
        // Before rows are set aside: what was staged and fails a check now stays as the table has it.
        let checked = CheckedRows(sql: rows.sql, columns: rows.pairs.map(\.source), key: rows.key.map(\.source))
        let kept = try session.checks.examine(checked, of: read, into: table, isUsedUp: false, session)
        session.trail.enter(.stage)
        try guardShrinking(gone)
        let write = RowDiffWrite(session: session, diff: RowDiff(rows, table))
        try write.refuseDoubledKey()
        let staged = try write.stage()
        let counts = RowCounts(
            read: read, inserted: staged.new, updated: staged.changed + staged.back,
            unchanged: kept - staged.new - staged.changed - staged.back, deleted: gone, quarantined: read - kept)
        guard counts.unchanged >= 0 else { throw .failure(counts.unaccounted(0)) }
        var warnings: [LoadWarning] = []
        try session.watchingTriggers(table, counts) { hasTriggers throws(LoadStop) in
            try write.write(counts, gone: isGone(table), at: now)
            if hasTriggers { warnings += try write.rewritten() }
        }
        try session.checks.examineWritten(table, session)
        try write.release()
        session.progress.setRead(read)
        return PartitionResult(rows: counts, warnings: warnings)
    }

    private func guardShrinking(_ gone: Int) throws(LoadStop) {
        guard gone > 0 else { return }
        let figures = try ShadowLedger(session.connection).figures(shadow)
        let shrinkGuard = ShrinkGuard(session.request, within: figures.range)
        try shrinkGuard.refuseEmpty(source: figures.inside, of: gone)
        try shrinkGuard.check(removed: gone, of: figures.there)
        try shrinkGuard.refuseOtherWriter(session)
    }

    /// Tells of what was staged and is older than the table by now.
    private func newer(_ overtaken: Int) throws(LoadStop) -> [LoadWarning] {
        var warnings: [LoadWarning] = []
        let older = try ShadowLedger(session.connection).figures(shadow).older
        if older > 0 {
            warnings.append(
                LoadWarning(
                    code: "superseded",
                    message:
                        "\(older == 1 ? "1 partition was" : "\(older) partitions were") staged before a run compared or "
                        + "rebuilt the whole table: the table is newer there, and nothing of them was published"))
        }
        if overtaken > 0 {
            warnings.append(
                LoadWarning(
                    code: "rows_newer",
                    message:
                        "\(overtaken == 1 ? "1 staged row was" : "\(overtaken) staged rows were") not published: later "
                        + "commits have loaded newer ones"))
        }
        return warnings
    }

    private func run(_ sql: String) throws(LoadStop) -> Int {
        session.trail.note(sql)
        return try session.connection.stopping { db throws(SQLiteError) in try db.run(sql) }
    }

    private func execute(_ sql: String) throws(LoadStop) {
        try session.connection.stopping { db throws(SQLiteError) in try db.execute(sql) }
    }
}
