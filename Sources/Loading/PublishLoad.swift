internal import Model
internal import Platform
internal import SQLite

/// Brings what a backfill has staged into the table, in one commit: afterwards the table's rows of the range are those
/// that were staged, but for rows that other commits have changed since, which are newer.
struct PublishLoad {
    private static let gone = "temp._strandline_gone"

    let session: LoadSession
    let shadow: Shadow
    /// What the step loads now.
    let selection: ColumnSelection

    /// Does the work inside the open transaction, on a shadow that is dropped afterwards; answers what it did.
    func run(at now: Timestamp) throws(LoadStop) -> PartitionResult {
        let before = try session.destination()
        guard before.shape != nil else { throw .failure(Loader.nothingToReload(session.request)) }
        let overtaken = try run("DELETE FROM \(shadow.sql) AS s WHERE \(shadow.isOvertaken("s"))")
        let (relation, excluded) = try selected(try session.relation())
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
        for late in shadow.late { try keepOwn(late.column, since: late.since, match, table) }
        let gone = try stageGone(key, table)
        let rows = SnapshotRows(relation, match.pairs, key: key, table, to: .compare)
        session.trail.enter(.stage)
        try rows.take(session)
        var result = try write(rows, gone: gone, table, at: now)
        try rows.release(session)
        try execute("DROP TABLE \(PublishLoad.gone)")
        result.warnings =
            match.warnings.filter { $0.code == "columns_added" } + excluded + result.warnings
            + (try newer(overtaken))
        return result
    }

    /// The staged rows without the columns that the step loads no more, with what is to be said of these.
    private func selected(_ staged: SourceRelation) throws(LoadStop) -> (SourceRelation, [LoadWarning]) {
        let included = selection.include.map { Set($0.map(fold)) }
        let excluded = Set(selection.exclude.map(fold))
        var relation = staged
        let columns = staged.shape.columns.filter { $0.name != Shadow.kind && $0.name != Shadow.order }
        relation.shape.columns = columns.filter { column in
            included?.contains(fold(column.name)) ?? true && !excluded.contains(fold(column.name))
        }
        let left = columns.map(\.name).filter { relation.shape.column($0) == nil }
        if let lost = shadow.key.first(where: { relation.shape.column($0) == nil }) {
            throw .failure(
                Failure(
                    .schemaChanged,
                    "staged rows are told apart by column \(lost), which the step does not load any more",
                    hint: "load the column, or cancel the backfill and ask for another one", field: "columns"))
        }
        guard !left.isEmpty else { return (relation, []) }
        return (
            relation,
            [
                LoadWarning(
                    code: "columns_excluded",
                    message: "staged and not published, since the step does not load them any more: "
                        + left.joined(separator: ", "))
            ]
        )
    }

    /// Gives the rows that were staged before a column came what the table holds there, so that publishing changes
    /// nothing of it; rows that are new get the column's default.
    private func keepOwn(
        _ column: String, since order: Int, _ match: SchemaMatch, _ table: DestinationTable
    ) throws(LoadStop) {
        guard let name = match.pairs.first(where: { fold($0.destination) == fold(column) })?.destination else { return }
        let there = "FROM \(table.sql) AS d WHERE \(shadow.sameKey("d", "s"))"
        let isEarlier = "s.\(quoted(Shadow.order)) < \(order)"
        _ = try run(
            "UPDATE \(shadow.sql) AS s SET \(quoted(name)) = (SELECT d.\(quoted(name)) \(there)) "
                + "WHERE \(isEarlier) AND EXISTS (SELECT 1 \(there))")
        guard let usual = try usual(name, table) else { return }
        _ = try session.connection.stopping { db throws(SQLiteError) in
            try db.run(
                "UPDATE \(shadow.sql) AS s SET \(quoted(name)) = ? WHERE \(isEarlier) AND NOT EXISTS (SELECT 1 \(there))",
                [usual])
        }
    }

    /// The default of a column of the table; nil where it has none.
    private func usual(_ column: String, _ table: DestinationTable) throws(LoadStop) -> Value? {
        guard let shape = table.shape, shape.column(column)?.hasDefault ?? false else { return nil }
        return try session.connection.stopping { db throws(SQLiteError) in
            let found = try db.first(
                "SELECT dflt_value FROM pragma_table_info(?, 'main') WHERE name = ?",
                [.text(shape.name), .text(column)])
            guard var usual = found?[0].string else { return nil }
            // Only a declaration takes a bare word for a text; it takes an expression in brackets alone.
            let isWord = usual.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
            }
            if !isWord { usual = "(\(usual))" }
            try db.execute("CREATE TEMP TABLE _strandline_usual (value DEFAULT \(usual))")
            try db.execute("INSERT INTO temp._strandline_usual DEFAULT VALUES")
            let value = try db.first("SELECT value FROM temp._strandline_usual")?[0]
            try db.execute("DROP TABLE temp._strandline_usual")
            return value
        }
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
        var checked = CheckedRows(sql: rows.sql, columns: rows.pairs.map(\.source), key: rows.key.map(\.source))
        // What was set aside since they were staged is newer.
        checked.isNewest = false
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
