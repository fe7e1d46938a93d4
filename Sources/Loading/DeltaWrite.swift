internal import Model
internal import SQLite

/// Writes a delta into the destination's table, by the step's write mode, and counts what really changed.
///
/// One for each write mode; it runs inside the load's transaction.
protocol DeltaWrite {
    /// The statements it runs for a range, for plans and manifests.
    func statements(_ range: DeltaRange) -> [DeltaStatement.Text]
    /// Writes the rows of `range`; the gate and the counters have been reset for it.
    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts
}

/// `upsert`: new keys are inserted, rows that differ are updated, equal rows are left alone.
struct UpsertWrite: DeltaWrite {
    let delta: DeltaStatement
    let table: DestinationTable
    /// Whether the rows go straight in: on a first load, where next to no row of the table is changed. Else they are
    /// staged, because a statement that calls the gate makes SQLite keep the old pages of all it changes in a file.
    let isDirect: Bool

    func statements(_ range: DeltaRange) -> [DeltaStatement.Text] {
        let rows = delta.selectNewest(range)
        return isDirect ? [upsert(rows)] : [DeltaStage.fill(delta, rows), upsert(staged)]
    }

    private var staged: DeltaStatement.Text {
        DeltaStatement.Text(sql: "SELECT \(delta.inserted) FROM \(DeltaStage.table) WHERE true", parameters: [])
    }

    private var keyed: KeyedUpsert {
        KeyedUpsert(columns: delta.columns.map(\.destination), keyColumns: delta.keyColumns, table: table)
    }

    private func upsert(_ rows: DeltaStatement.Text) -> DeltaStatement.Text { keyed.text(rows) }

    /// The staged rows that are new or differ from those that are there, as they stand behind FROM.
    private var touched: String {
        let same = delta.keyColumns.map { "d.\(quoted($0)) = s.\(quoted($0))" }.joined(separator: " AND ")
        let differs = keyed.differs(old: "d", new: "s").map { " AND NOT (\($0))" } ?? ""
        return "\(DeltaStage.table) AS s WHERE NOT EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(same)\(differs))"
    }

    /// The staged rows, `count` in number, as they will be written.
    private func stagedRows(_ count: Int) -> StagedRows {
        StagedRows(
            sql: DeltaStage.table, columns: keyed.columns, updated: keyed.others, key: delta.keyColumns,
            differs: keyed.differs(old: "d", new: "s") ?? "false", cleared: DeleteWrite(table).column, count: count)
    }

    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts {
        var rows = delta.selectNewest(range)
        var kept: Int?
        if !isDirect {
            let read = try DeltaStage.stage(delta, rows, table, session)
            kept = read
            // A NULL key matches no row; the load is refused for it, so nothing need be written.
            guard session.gate.tally.nullKeys == 0 else { return RowCounts(read: read) }
            rows = staged
        }
        let upsert = upsert(rows)
        let before = try table.mayIgnoreRows(session) ? try session.rowsInDestination(table) : nil
        let (changed, updated) = try session.undoable([touched], kept.map(stagedRows)) { () throws(LoadStop) in
            try session.connection.stopping { db throws(SQLiteError) in
                try db.countingUpdates { () throws(SQLiteError) in try db.run(upsert.sql, upsert.parameters) }
            }
        }
        let read = kept ?? (delta.needsNewest ? session.kept.count : session.gate.tally.passed)
        let counts = RowCounts(
            read: read, inserted: changed - updated, updated: updated, unchanged: read - changed)
        guard counts.inserted >= 0, counts.unchanged >= 0 else { throw .failure(counts.unaccounted(changed)) }
        if let before {
            let added = try session.rowsInDestination(table) - before
            let missing = try missing(range, session)
            guard added == counts.inserted, missing == 0 else { throw .failure(counts.unaccounted(changed)) }
        }
        return counts
    }

    /// The rows of the delta whose key the destination does not have.
    private func missing(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> Int {
        session.probe.reset(range, readBefore: nil)
        let key = delta.columns.filter { pair in delta.keyColumns.contains { fold($0) == fold(pair.source) } }
        let rows = isDirect ? delta.select(range, gate: DeltaGate.probeName) : staged
        let same = key.map { "d.\(quoted($0.destination)) = s.\(quoted(isDirect ? $0.source : $0.destination))" }
            .joined(separator: " AND ")
        return try session.integer(
            "SELECT count(*) FROM (\(rows.sql)) AS s WHERE NOT EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(same))",
            rows.parameters)
    }
}

/// `delete_insert`: rows of the destination whose key is in the delta are removed, then the delta is inserted.
///
/// It needs no unique key in the destination. A row that is there once and equal is left alone.
struct DeleteInsertWrite: DeltaWrite {
    let delta: DeltaStatement
    let table: DestinationTable

    private var staged: String { DeltaStage.table }
    private var keyList: String { delta.keyColumns.map(quoted).joined(separator: ", ") }

    /// Keys are told apart byte by byte, unless the source itself takes keys for equal that differ in case.
    private var collation: String {
        let key = Set(delta.keyColumns.map(fold))
        return delta.relation.shape.uniqueKeys.contains { $0.columns == key && !$0.isBinary } ? "" : " COLLATE BINARY"
    }

    /// The condition that a destination row has a staged row's key.
    private var sameKey: String {
        delta.keyColumns.map { "d.\(quoted($0)) = s.\(quoted($0))\(collation)" }.joined(separator: " AND ")
    }

    private var dropUnchanged: String {
        let differs =
            DestinationTable.differs(delta.columns.map(\.destination), table.shape, old: "d", new: "s")
            + (DeleteWrite(table).isMarked("d").map { " OR " + $0 } ?? "")
        return """
            DELETE FROM \(staged) AS s WHERE (SELECT count(*) FROM \(table.sql) AS d WHERE \(sameKey)) = 1 \
            AND EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(sameKey) AND NOT (\(differs)))
            """
    }

    private var countExisting: String {
        "SELECT count(*) FROM \(staged) AS s WHERE EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(sameKey))"
    }

    private var delete: String {
        let staged = "IN (SELECT \(keyList) FROM \(staged))"
        let keys = delta.keyColumns.map { quoted($0) + collation }.joined(separator: ", ")
        // SQLite finds rows of several columns by an index only without a collation, which then narrows them down.
        let found = delta.keyColumns.count > 1 && !collation.isEmpty ? "(\(keyList)) \(staged) AND " : ""
        return "DELETE FROM \(table.sql) WHERE \(found)(\(keys)) \(staged)"
    }

    private var insert: String {
        "\(table.insert) (\(delta.inserted)) SELECT \(delta.inserted) FROM \(staged)"
    }

    func statements(_ range: DeltaRange) -> [DeltaStatement.Text] {
        [DeltaStage.fill(delta, delta.selectNewest(range))]
            + [dropUnchanged, countExisting, delete, insert].map { DeltaStatement.Text(sql: $0, parameters: []) }
    }

    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts {
        let read = try DeltaStage.stage(delta, delta.selectNewest(range), table, session)
        // A NULL key matches no row; the load is refused for it, so nothing need be written.
        guard session.gate.tally.nullKeys == 0 else { return RowCounts(read: read) }
        let unchanged = try session.connection.stopping { db throws(SQLiteError) in try db.run(dropUnchanged) }
        let before = try session.rowsInDestination(table)
        let existing = try session.connection.stopping { db throws(SQLiteError) in
            Int(try db.first(countExisting)?[0].integer ?? 0)
        }
        let (removed, written) = try session.undoable([staged]) {
            () throws(LoadStop) in
            try session.connection.stopping { db throws(SQLiteError) in (try db.run(delete), try db.run(insert)) }
        }
        let counts = RowCounts(
            read: read, inserted: written - existing, updated: existing, unchanged: unchanged,
            deleted: removed - existing)
        guard counts.inserted >= 0, counts.deleted >= 0, written + unchanged == read else {
            throw .failure(counts.unaccounted(written))
        }
        try ShrinkGuard(session.request).check(removed: counts.deleted, of: before)
        return counts
    }
}

/// `append`: rows are added; what is there already is recognised and not added again.
///
/// Rows above everything loaded before go straight in. Below that lies what a tie at the boundary, a lookback or a
/// rewind makes a run read again: there a row counts as loaded when the destination holds as many rows of its identity
/// as the source has up to it. The identity is key and cursor, or the whole row where there is no key.
struct AppendWrite: DeltaWrite {
    let delta: DeltaStatement
    let table: DestinationTable
    /// The highest place loaded before; nil when nothing was.
    let reached: CursorKey?

    private var identity: [String] {
        guard !delta.keyColumns.isEmpty else { return delta.columns.map(\.destination) }
        return delta.keyColumns
            + [delta.cursor].filter { cursor in !delta.keyColumns.contains { fold($0) == fold(cursor) } }
    }

    private var dropLoaded: String {
        let same = identity.map { "d.\(quoted($0)) IS s.\(quoted($0)) COLLATE BINARY" }.joined(separator: " AND ")
        let classes = identity.map { "typeof(d.\(quoted($0))) = typeof(s.\(quoted($0)))" }.joined(separator: " AND ")
        let isKeyed = !delta.keyColumns.isEmpty
        let parts = identity.map(quoted) + (isKeyed ? [] : identity.map { "typeof(\(quoted($0)))" })
        let place = DeltaStage.rowNumber(delta)
        let columns = delta.columns.map(\.destination)
        let placed = quoted(freeName("strandline_place", among: columns))
        let nth = quoted(freeName("strandline_nth", among: columns))
        return """
            DELETE FROM \(DeltaStage.table) WHERE \(place) IN (SELECT s.\(placed) FROM (\
            SELECT \(place) AS \(placed), \
            row_number() OVER (PARTITION BY \(parts.joined(separator: ", "))) AS \(nth), * \
            FROM \(DeltaStage.table)) AS s WHERE s.\(nth) <= (SELECT count(*) FROM \(table.sql) AS d \
            WHERE \(same)\(isKeyed ? "" : " AND \(classes)")))
            """
    }

    private func insert(_ rows: DeltaStatement.Text) -> DeltaStatement.Text {
        rows.within("\(table.insert) (\(delta.inserted)) \(rows.sql)")
    }

    private var insertStaged: String {
        "\(table.insert) (\(delta.inserted)) SELECT \(delta.inserted) FROM \(DeltaStage.table)"
    }

    /// Whether new rows are staged, too, because checks look at them.
    private var stagesNew: Bool { delta.step.checksRows }

    private func split(_ range: DeltaRange) -> AppendSplit {
        AppendSplit(range, reached: reached, isThere: table.shape != nil)
    }

    func statements(_ range: DeltaRange) -> [DeltaStatement.Text] {
        let split = split(range)
        let (known, new) = (split.known, split.new)
        var statements: [DeltaStatement.Text] = []
        if let known {
            statements.append(DeltaStage.fill(delta, delta.select(known)))
            statements += [dropLoaded, insertStaged].map { DeltaStatement.Text(sql: $0, parameters: []) }
        }
        if let new {
            statements +=
                stagesNew
                ? [DeltaStage.fill(delta, delta.select(new)), DeltaStatement.Text(sql: insertStaged, parameters: [])]
                : [insert(delta.select(new))]
        }
        return statements
    }

    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts {
        let split = split(range)
        let (known, new) = (split.known, split.new)
        var counts = RowCounts()
        if let known {
            session.gate.reset(known, readBefore: nil)
            counts.read = try DeltaStage.stage(delta, delta.select(known), table, session)
            counts.unchanged = try session.connection.stopping { db throws(SQLiteError) in try db.run(dropLoaded) }
            counts.inserted = try add(insertStaged, [], session)
            guard counts.inserted + counts.unchanged == counts.read else {
                throw .failure(counts.unaccounted(counts.inserted))
            }
        }
        guard let new else { return counts }
        let first = session.gate.tally
        session.gate.reset(new, readBefore: session.readBefore + counts.read)
        // Checks look at new rows, and the keys of rows kept for a rollback have to be known, before they are written.
        var text = insert(delta.select(new))
        var kept: Int?
        if stagesNew || session.undo?.keepsKeys == true {
            kept = try DeltaStage.stage(delta, delta.select(new), table, session)
            text = DeltaStatement.Text(sql: insertStaged, parameters: [])
        }
        let written = try add(text.sql, text.parameters, session)
        guard written == kept ?? session.gate.tally.passed else { throw .failure(counts.unaccounted(written)) }
        if known != nil { session.gate.add(first) }
        return counts + RowCounts(read: written, inserted: written)
    }
}

/// The part of a range that may have been loaded before, and the part whose rows a load appends without looking for them
/// in the destination; nil where there is none.
struct AppendSplit {
    let known: DeltaRange?
    let new: DeltaRange?

    /// Splits a range at the highest place loaded before; nil for `reached` where nothing was.
    init(_ range: DeltaRange, reached: CursorKey?, isThere: Bool) {
        guard let reached else {
            // Nothing was loaded by cursor; rows without one may have been.
            (known, new) = range.includesNull && isThere ? (range, nil) : (nil, range)
            return
        }
        let order = range.lower.map { $0.compare(reached) } ?? -1
        guard range.includesNull || order < 0 || order == 0 && range.includesLower else {
            (known, new) = (nil, range)
            return
        }
        var below = range
        below.ceiling = reached
        var above = range
        above.includesNull = false
        if order <= 0 {
            above.lower = reached
            above.includesLower = false
        }
        (known, new) = (below, above)
    }
}

extension AppendWrite {
    /// Runs a statement that adds rows, keeping them for a rollback; answers their number.
    private func add(_ sql: String, _ parameters: [Value], _ session: LoadSession) throws(LoadStop) -> Int {
        let insert = { () throws(LoadStop) in
            try session.connection.stopping { db throws(SQLiteError) in try db.run(sql, parameters) }
        }
        guard let undo = session.undo, undo.keepsRows else { return try insert() }
        return undo.keepsKeys
            ? try undo.around([DeltaStage.table], nil, insert)
            : try undo.aroundAppend(insert)
    }
}

/// Fills a table that was just made, when every row of the source belongs to the delta.
///
/// One pass over the source judges the rows; then SQLite copies them as whole records, which it does for a plain copy
/// between tables that are declared alike, at a fraction of the cost of inserting them one by one.
struct WholeTableWrite {
    let delta: DeltaStatement
    let table: DestinationTable

    /// The statement that copies the rows.
    var copy: String { "\(table.insert) SELECT * FROM \(delta.relation.sql)" }

    /// Whether source and destination have the same columns in the same order, and no two rows share a key.
    var fits: Bool {
        let source = delta.relation.shape.columns.map { fold($0.name) }
        return delta.relation.isTable && !delta.needsNewest
            && delta.columns.map { fold($0.source) } == source
            && (table.shape?.columns ?? []).map { fold($0.name) } == source
    }

    /// Writes all rows of the source, `sourceRows` in number; nil, and nothing written, when some do not belong to the
    /// delta.
    func write(
        _ range: DeltaRange, of sourceRows: Int, _ session: LoadSession
    ) throws(LoadStop) -> RowCounts? {
        // The copy shows the progress: this pass is the shorter one.
        session.gate.reset(range, readBefore: nil)
        let condition = delta.condition(range)
        let judge = condition.within("SELECT count(*) FROM \(delta.relation.sql) WHERE \(condition.sql)")
        let passed = try session.integer(judge.sql, judge.parameters)
        guard passed == sourceRows else {
            session.reset(range)
            return nil
        }
        session.trail.note(judge)
        session.trail.note(copy)
        let written = try session.copy(copy)
        let counts = RowCounts(read: passed, inserted: written)
        guard written == passed else { throw .failure(counts.unaccounted(written)) }
        return counts
    }
}

/// The temporary table that holds a delta while it is compared.
enum DeltaStage {
    static let table = "temp._strandline_delta"

    /// The name under which its row numbers are reached: one that no column bears.
    static func rowNumber(_ delta: DeltaStatement) -> String {
        freeRowNumber(among: delta.columns.map(\.destination)) ?? "rowid"
    }

    /// The statement that fills it.
    static func fill(_ delta: DeltaStatement, _ rows: DeltaStatement.Text) -> DeltaStatement.Text {
        rows.within("INSERT INTO \(table) (\(delta.inserted)) \(rows.sql)")
    }

    /// Fills it anew and has the step's checks made on it; answers the number of rows that stay.
    ///
    /// Its columns convert values as the destination's do, so that what is compared is what would be stored.
    static func stage(
        _ delta: DeltaStatement, _ rows: DeltaStatement.Text, _ destination: DestinationTable, _ session: LoadSession
    ) throws(LoadStop) -> Int {
        session.trail.enter(.stage)
        defer { session.trail.enter(.write) }
        let fill = fill(delta, rows)
        let read = try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(table)")
            try db.execute(
                "CREATE TEMP TABLE _strandline_delta AS SELECT \(delta.inserted) FROM \(destination.sql) WHERE 0")
            return try db.run(fill.sql, fill.parameters)
        }
        let kept = try session.checks.examine(
            CheckedRows(delta), of: read, into: destination, isUsedUp: delta.step.writeMode != .upsert, session)
        // Of a row that was set aside the destination holds an older version still.
        try session.watch?.saw(table, delta.columns.map(\.destination))
        return kept
    }
}

extension RowCounts {
    /// The failure of a write whose figures do not add up: better no commit than one that cannot be explained.
    func unaccounted(_ written: Int) -> Failure {
        Failure(
            .verificationFailed,
            "the rows do not add up (\(read) read, \(written) written, \(unchanged) unchanged)\(Failure.unchanged)",
            hint: "look for a trigger on the destination that drops or adds rows of the same table")
    }
}
