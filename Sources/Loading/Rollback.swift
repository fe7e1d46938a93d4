internal import Model
internal import Platform
internal import SQLite

/// Puts back what one step of a run, an audit that mended rows, or a backfill changed in its destination: rows, schema and
/// watermark.
///
/// It works on what was kept, commit by commit from the last, and only while no later run has touched a row of it, and
/// every row still is as it was left. Runs inside a transaction of the destination, which undoes it where it stops half-way.
struct Rollback {
    let connection: Connection
    /// What is rolled back.
    let writer: Writer
    let step: LoadStep
    let now: Timestamp

    private var run: String { writer.id }
    private var undo: UndoLedger { UndoLedger(connection) }
    private var ledger: DestinationLedger { DestinationLedger(connection) }

    /// Rolls the step back; nil when that was done before.
    func perform() throws(LoadStop) -> StepRollback? {
        guard try !undo.isRolledBack(run: run, step: step.name) else { return nil }
        let shadows = ShadowLedger(connection)
        switch try shadows.place(of: run, step: step.name) {
        case .staged(let shadow)?:
            // Of it the table holds nothing.
            try shadows.discard(shadow, at: now)
            return StepRollback(step: step.name, table: shadow.table)
        case .discarded?: return nil
        case .published?, nil: break
        }
        if writer.kind == .backfill, let staged = try shadows.open(of: step.destination.table) {
            throw .failure(isStagedOver(staged))
        }
        let watch = try ShadowWatch(connection, table: step.destination.table)
        let kept = try undo.commits(run: run, step: step.name)
        let partitions = PartitionLedger(connection)
        let loaded = writer.kind == .backfill ? nil : try ledger.committed(run: run, step: step.name)
        let commits =
            writer.kind == .backfill
            ? try partitions.writes(of: run, step: step.name) : loaded?.result.commits ?? 0
        guard commits > 0, kept.count == commits, let first = try undo.first(run: run, step: step.name) else {
            throw .failure(nothingKept)
        }
        let inserted = loaded?.result.counts.inserted ?? 0
        var result = StepRollback(step: step.name, table: first.table)
        // A table that goes takes what watches it along.
        if kept.hasMadeTable { try watch?.sawAll() }
        try refuseRebuilt()
        let later = LaterRows(connection, writer)
        // One at a time: a backfill may have many thousands.
        var number = Int.max
        while let record = try undo.record(run: run, step: step.name, before: number) {
            number = record.number
            switch record.kind {
            case .changed: try restoreRows(record, later, &result)
            case .created: if number == first.number { try dropTable(record, inserted, &result) }
            case .replaced: try swapBack(record, inserted, &result)
            case .notKept: throw .failure(notKept(record))
            }
        }
        try later.release()
        result.watermark = try restoreWatermark(first)
        try Quarantine.reopen(run: run, step: step.name, connection)
        if writer.kind == .backfill {
            try partitions.rolledBack(run, step: step.name, at: now)
            try shadows.rolledBack(run, step: step.name, at: now)
        }
        try undo.finish(run: run, step: step.name, at: now)
        return result
    }

    /// The refusal to put older rows under what another backfill has staged: it was compared with the rows that are there,
    /// so that publishing it afterwards would leave some of the old ones, which no later run loads again.
    private func isStagedOver(_ staged: Shadow) -> Failure {
        Failure(
            .conflict,
            "backfill \(staged.backfill) has rows staged for \(staged.table), which were compared with what \(writer.words) "
                + "has loaded\(Failure.unchanged)",
            hint: "cancel backfill \(staged.backfill), roll this one back, then stage the range again")
    }

    // MARK: Rows

    /// Refuses a table that another run has rebuilt since: the rows in it are others.
    private func refuseRebuilt() throws(LoadStop) {
        guard let record = try undo.first(run: run, step: step.name, withRows: true), record.kind == .changed,
            let later = try undo.laterRebuild(than: record)
        else { return }
        throw .failure(writtenSince(record, by: later))
    }

    private func writtenSince(_ record: UndoLedger.Record, by later: Writer) -> Failure {
        Failure(
            .conflict,
            "rows of \(record.table) that \(writer.words) wrote have been written since, by \(later.words)",
            hint: later.hint)
    }

    private func restoreRows(
        _ record: UndoLedger.Record, _ later: LaterRows, _ result: inout StepRollback
    ) throws(LoadStop) {
        if let entries = record.entries {
            let table = try table(record)
            let kept = UndoTable(table, key: record.key, columns: record.columns)
            // What an older program kept lacks columns that are asked for here.
            try kept.prepare(connection)
            for column in record.columns where table.shape?.column(column) == nil {
                throw .failure(
                    Failure(
                        .conflict, "column \(column) of \(record.table) is gone since \(writer.words)",
                        hint: "add the column again, then roll back"))
            }
            let slice = Slice(kept: kept, entries: entries)
            try refuseTouched(slice, later, record)
            try refuseOtherColumns(slice, record)
            try swap(slice, &result)
            try run("DELETE FROM \(kept.sql) WHERE \(slice.range)")
        }
        try dropColumns(record, &result)
    }

    /// The kept rows of one commit, in SQL.
    struct Slice {
        let kept: UndoTable
        let entries: ClosedRange<Int64>

        var range: String { "entry BETWEEN \(entries.lowerBound) AND \(entries.upperBound)" }

        /// The rows before the commit, as they stand behind FROM.
        var before: String { "(\(kept.rowsBefore(range)))" }
        /// The rows after it.
        var after: String { "(\(kept.rowsAfter(range)))" }
        /// The keys of the rows before.
        var keysBefore: String { "SELECT \(kept.keptKey) FROM \(before)" }
        /// The keys of the rows after.
        var keysAfter: String { "SELECT \(kept.keptKey) FROM \(after)" }

        /// Puts the rows before the commit back.
        ///
        /// Rows without a name get the numbers again by which what was kept of earlier commits knows them, unless other
        /// rows have those by now. SQLite reads all of them before it writes the first.
        var restore: String {
            let columns = kept.columns.map(quoted).joined(separator: ", ")
            guard kept.key.isEmpty, kept.table.shape?.rowNumber == nil, kept.rowNumber != "NULL" else {
                return "\(kept.table.insert) (\(columns)) SELECT \(kept.keptColumns) FROM \(before) ORDER BY entry"
            }
            let row = quoted("row")
            return "\(kept.table.insert) (\(kept.rowNumber), \(columns)) SELECT "
                + "CASE WHEN \(row) IN (SELECT \(kept.rowNumber) FROM \(kept.table.sql)) THEN NULL ELSE \(row) END AS n, "
                + "\(kept.keptColumns) FROM \(before) ORDER BY n IS NULL, entry"
        }

        /// The rows after the commit that the table does not hold any more as they were.
        var changed: String { absent(after) }
        /// The rows before it that the table does not hold as they were.
        var notRestored: String { absent(before) }

        private func absent(_ rows: String) -> String {
            let key =
                kept.key.isEmpty
                ? "d.\(kept.rowNumber) = l.\(quoted("row"))"
                : kept.key.map { "d.\(quoted($0)) = l.\(quoted(UndoTable.kept($0)))" }.joined(separator: " AND ")
            let same = kept.columns.map { column in
                let (left, right) = ("d.\(quoted(column))", "l.\(quoted(UndoTable.kept(column)))")
                return "\(left) IS \(right) COLLATE BINARY AND typeof(\(left)) = typeof(\(right))"
            }.joined(separator: " AND ")
            return "FROM \(rows) AS l WHERE NOT EXISTS (SELECT 1 FROM \(kept.table.sql) AS d WHERE \(key) AND \(same))"
        }

        /// The rows that the commit deleted and that are there again.
        var returned: String {
            """
            FROM \(kept.table.sql) WHERE (\(kept.tableKey)) IN (\(keysBefore)) \
            AND (\(kept.tableKey)) NOT IN (\(keysAfter))
            """
        }
    }

    /// Refuses rows that a later run has touched, whatever they hold now, or that someone else has changed, naming who.
    private func refuseTouched(_ slice: Slice, _ later: LaterRows, _ record: UndoLedger.Record) throws(LoadStop) {
        if let later = try later.writer(of: slice, record) { throw .failure(writtenSince(record, by: later)) }
        var changed = try count("SELECT count(*) \(slice.changed)")
        if !slice.kept.key.isEmpty { changed += try count("SELECT count(*) \(slice.returned)") }
        guard changed > 0 else { return }
        let other = try undo.laterRebuild(than: record, orUnkept: true)
        throw .failure(
            Failure(
                .conflict,
                "\(changed == 1 ? "a row" : "\(changed) rows") of \(record.table) that \(writer.words) wrote "
                    + "\(changed == 1 ? "has" : "have") been changed since, by "
                    + (other?.words ?? "another program or a run whose changes are not kept"),
                hint: other?.hint ?? "look at the rows; what another program wrote is not overwritten"))
    }

    /// Refuses rows that hold values in columns which came after the run: they would go with the rows.
    private func refuseOtherColumns(_ slice: Slice, _ record: UndoLedger.Record) throws(LoadStop) {
        let kept = Set(record.columns.map(fold))
        let columns = try connection.stopping { db throws(SQLiteError) in
            try db.rows("PRAGMA main.table_xinfo(\(quoted(record.table)))")
        }
        for column in columns where column["hidden"].integer == 0 {
            guard let name = column["name"].string, !kept.contains(fold(name)) else { continue }
            let usual = column["dflt_value"].string ?? "NULL"
            let filled = try count(
                "SELECT count(*) FROM \(slice.kept.table.sql) WHERE (\(slice.kept.tableKey)) IN (\(slice.keysAfter)) "
                    + "AND \(quoted(name)) IS NOT (\(usual))")
            guard filled > 0 else { continue }
            throw .failure(
                Failure(
                    .conflict,
                    "\(filled == 1 ? "a row" : "\(filled) rows") of \(record.table) that \(writer.words) wrote "
                        + "\(filled == 1 ? "holds" : "hold") a value in column \(name), which came after the run",
                    hint: "copy those values elsewhere and clear them, then roll back"))
        }
    }

    private func swap(_ slice: Slice, _ result: inout StepRollback) throws(LoadStop) {
        let kept = slice.kept
        let before = try count("SELECT count(*) FROM \(slice.before)")
        let after = try count("SELECT count(*) FROM \(slice.after)")
        let both =
            kept.key.isEmpty
            ? 0 : try count("SELECT count(*) FROM \(slice.before) WHERE (\(kept.keptKey)) IN (\(slice.keysAfter))")
        let watch = try kept.table.hasTriggers(connection) ? RowWatch(kept, connection) : nil
        let removed = try run("DELETE FROM \(kept.table.sql) WHERE (\(kept.tableKey)) IN (\(slice.keysAfter))")
        let restored = try run(slice.restore)
        var others = 0
        if let watch {
            others = try strangers(watch, slice, removed: removed, restored: restored)
            try watch.stop()
        }
        guard removed == after, restored == before else {
            throw .failure(
                Failure(
                    .verificationFailed,
                    "the rows do not add up (\(removed) of \(after) removed, \(restored) of \(before) put back)"
                        + Failure.unchanged,
                    hint: "look for a trigger on \(kept.table.sql) that drops or adds rows of the same table"))
        }
        let rewritten = kept.key.isEmpty ? 0 : try count("SELECT count(*) \(slice.notRestored)")
        guard rewritten == 0 else {
            throw .failure(
                Failure(
                    .verificationFailed,
                    "a trigger on \(kept.table.sql) changes rows as they are put back: \(rewritten) of \(before) would not "
                        + "be what they were" + Failure.unchanged,
                    hint: "drop the trigger, roll back, and make it again"))
        }
        guard others == 0 else {
            throw .failure(
                Failure(
                    .verificationFailed,
                    "a trigger on \(kept.table.sql) changes other rows of the table as rows are put back"
                        + Failure.unchanged,
                    hint: "drop the trigger, roll back, and make it again"))
        }
        result.rowsRemoved += after - both
        result.rowsReverted += both
        result.rowsRestored += before - both
    }

    /// How often triggers wrote rows beside those that were put back, or these once more where nothing else tells.
    private func strangers(
        _ watch: RowWatch, _ slice: Slice, removed: Int, restored: Int
    ) throws(LoadStop) -> Int {
        guard slice.kept.key.isEmpty else {
            return try watch.count(butOf: "\(slice.keysBefore) UNION ALL \(slice.keysAfter)")
        }
        // Rows come back under numbers of their own: nothing here updates one.
        return try watch.count(event: "update") + abs(try watch.count(event: "delete") - removed)
            + abs(try watch.count(event: "insert") - restored)
    }

    // MARK: Schema

    private func dropColumns(_ record: UndoLedger.Record, _ result: inout StepRollback) throws(LoadStop) {
        guard !record.added.isEmpty else { return }
        let table = try table(record)
        for column in record.added where table.shape?.column(column) != nil {
            guard try count("SELECT count(*) FROM \(table.sql) WHERE \(quoted(column)) IS NOT NULL") == 0 else {
                let later = try undo.laterWriter(than: record)
                throw .failure(
                    Failure(
                        .conflict,
                        "column \(column), which \(writer.words) added to \(record.table), holds values that came later"
                            + (later.map { ", with \($0.words)" } ?? ""),
                        hint: later?.hint ?? "clear the column, then roll back"))
            }
            do throws(SQLiteError) {
                try connection.execute("ALTER TABLE \(table.sql) DROP COLUMN \(quoted(column))")
            } catch {
                guard error.primaryCode == 1 else { throw .sqlite(error) }
                throw .failure(
                    Failure(
                        .conflict,
                        "column \(column), which \(writer.words) added to \(record.table), is in use: \(error.message)",
                        hint: "drop the index, view or trigger that uses it, then roll back"))
            }
            result.columnsDropped.append(column)
        }
    }

    private func dropTable(
        _ record: UndoLedger.Record, _ inserted: Int, _ result: inout StepRollback
    ) throws(LoadStop) {
        let table = try table(record)
        result.rowsRemoved += try refuseWritten(table, record, inserted)
        result.keptAs = try putAside(record)
        result.tableDropped = true
    }

    private func swapBack(
        _ record: UndoLedger.Record, _ inserted: Int, _ result: inout StepRollback
    ) throws(LoadStop) {
        let table = try table(record)
        guard let old = record.oldTable else { throw .failure(nothingKept) }
        result.rowsRemoved += try refuseWritten(table, record, inserted)
        result.rowsRestored += try count("SELECT count(*) FROM main.\(quoted(old))")
        result.keptAs = try putAside(record)
        try run("ALTER TABLE main.\(quoted(old)) RENAME TO \(quoted(record.table))")
        for definition in record.definitions {
            try connection.stopping { db throws(SQLiteError) in try db.execute(definition) }
        }
        result.tableSwapped = true
        try dropColumns(record, &result)
    }

    /// Gives the run's table another name, under which it stays for a while: of changes that another program made to it
    /// since nobody can tell. Answers the name.
    private func putAside(_ record: UndoLedger.Record) throws(LoadStop) -> String {
        let taken = try connection.stopping { db throws(SQLiteError) in
            try db.rows("SELECT name FROM main.sqlite_schema").compactMap { $0[0].string }
        }
        let name = freeName("_strandline_undone", among: taken)
        try connection.dropDependents(of: record.table)
        try run("ALTER TABLE main.\(quoted(record.table)) RENAME TO \(quoted(name))")
        try undo.write(
            UndoLedger.Record(
                run: run, step: step.name, number: 0, pipeline: record.pipeline, table: name, kind: .notKept, key: [],
                columns: [], oldTable: name, expiresAt: now.adding(step.undo?.keep ?? Limits.undoTime).microseconds))
        return name
    }

    /// Refuses a table that someone has written since the run made it; answers its rows.
    private func refuseWritten(
        _ table: DestinationTable, _ record: UndoLedger.Record, _ inserted: Int
    ) throws(LoadStop) -> Int {
        let later = try undo.laterWriter(than: record)
        let rows = try count("SELECT count(*) FROM \(table.sql)")
        guard later != nil || rows != inserted else { return rows }
        throw .failure(
            Failure(
                .conflict,
                "table \(record.table), which \(writer.words) made, was written since, by "
                    + (later?.words
                        ?? "another program: it holds \(rows) rows, and the run loaded \(inserted)"),
                hint: later?.hint ?? "look at the rows, or drop the table yourself"))
    }

    // MARK: Watermark

    /// Sets the watermark to what it was before the run, also where later runs have moved it on: their rows are read
    /// again then, and found to be there. One that lies lower by now, by a person or another rollback, stays.
    private func restoreWatermark(_ record: UndoLedger.Record) throws(LoadStop) -> CursorValue? {
        guard let held = try ledger.watermark(record.pipeline, step.name) else { return nil }
        // An audit mends what lies below the watermark, a backfill reloads it: both leave the watermark alone.
        guard writer.kind == .run else { return held.watermark.value }
        guard let before = record.watermark else {
            try ledger.forget(record.pipeline, step.name)
            return nil
        }
        guard isLower(before.value, than: held.watermark.value) else { return held.watermark.value }
        let watermark = Watermark(
            pipeline: record.pipeline, step: step.name, cursor: before.cursor, value: before.value, key: before.key,
            updatedAt: now, reason: "run \(run) was rolled back",
            version: try ledger.nextVersion(record.pipeline, step.name))
        try ledger.write(watermark, reached: record.reached ?? held.reached, attempt: nil)
        return watermark.value
    }

    private func isLower(_ value: CursorValue?, than held: CursorValue?) -> Bool {
        guard let held else { return false }
        let order = step.cursor.map { CursorOrder($0, strategy: step.strategy) } ?? .plain
        guard let value, let place = order.key(value), let other = order.key(held) else { return true }
        return place.compare(other) < 0
    }

    // MARK: Parts

    private var nothingKept: Failure {
        Failure(
            .undoMissing, "what \(writer.words) changed in \(step.destination.table) is not kept, or not any more",
            hint: "`undo: { keep: … }` of step \(step.name) says how long runs can be rolled back; to mend the table, "
                + "set the watermark back or run with full_refresh")
    }

    private func notKept(_ record: UndoLedger.Record) -> Failure {
        Failure(
            .undoMissing,
            writer.kind == .backfill
                ? "what \(writer.words) changed in \(record.table) was not kept: `undo` of step \(step.name) was off, or a "
                    + "trigger of the table changed other rows with them"
                : "what \(writer.words) changed in \(record.table) was not kept: it changed more rows than `undo.max_rows` of "
                    + "step \(step.name) allows, or a trigger of the table changed others with them",
            hint: writer.kind == .backfill
                ? "mend the source and ask for another backfill of the range"
                : "set the watermark back, or run with full_refresh; a higher `undo.max_rows` keeps the rows of runs "
                    + "to come")
    }

    private func table(_ record: UndoLedger.Record) throws(LoadStop) -> DestinationTable {
        let shape = try connection.stopping { db throws(SQLiteError) in try db.shape(of: record.table, in: "main") }
        guard let shape, shape.kind == .table else {
            throw .failure(
                Failure(
                    .conflict, "table \(record.table), which \(writer.words) wrote, is gone",
                    hint: "restore it from a copy, or delete the watermark to load all again"))
        }
        return DestinationTable(step: step, shape: shape)
    }

    private func count(_ sql: String) throws(LoadStop) -> Int {
        try connection.stopping { db throws(SQLiteError) in Int(try db.first(sql)?[0].integer ?? 0) }
    }

    @discardableResult
    private func run(_ sql: String) throws(LoadStop) -> Int {
        try connection.stopping { db throws(SQLiteError) in try db.run(sql) }
    }
}
