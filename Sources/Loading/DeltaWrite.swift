internal import Model
internal import SQLite

/// Writes a delta into the destination's table, by the step's write mode, and counts what really changed.
///
/// One for each write mode; it runs inside the load's transaction.
protocol DeltaWrite {
    /// The statements it runs for a range, for plans.
    func statements(_ range: DeltaRange) -> [String]
    /// Writes the rows of `range`; the gate and the counters have been reset for it.
    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts
}

/// `upsert`: new keys are inserted, rows that differ are updated, equal rows are left alone.
struct UpsertWrite: DeltaWrite {
    let delta: DeltaStatement
    let table: DestinationTable

    func statements(_ range: DeltaRange) -> [String] { [statement(range).sql] }

    private func statement(_ range: DeltaRange) -> DeltaStatement.Text {
        var text = delta.selectNewest(range)
        let key = delta.keyColumns.map(quoted).joined(separator: ", ")
        let keys = Set(delta.keyColumns.map(fold))
        let others = delta.columns.map(\.destination).filter { !keys.contains(fold($0)) }
        var action = "DO NOTHING"
        if !others.isEmpty {
            let changes = others.map { "\(quoted($0)) = excluded.\(quoted($0))" }.joined(separator: ", ")
            let differs = DestinationTable.differs(others, table.shape, old: "strandline_old", new: "excluded")
            action = "DO UPDATE SET \(changes) WHERE (\(differs)) AND \(CounterName.updated)()"
        }
        // A SELECT that ends in a table name needs its WHERE before ON CONFLICT; every SELECT here has one.
        text.sql =
            "INSERT INTO \(table.sql) AS strandline_old (\(delta.inserted)) \(text.sql) ON CONFLICT (\(key)) \(action)"
        return text
    }

    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts {
        let text = statement(range)
        let changed = try session.connection.stopping { db throws(SQLiteError) in try db.run(text.sql, text.parameters)
        }
        let read = delta.needsNewest ? session.kept.count : session.gate.tally.passed
        let updated = session.updated.count
        let counts = RowCounts(
            read: read, inserted: changed - updated, updated: updated, unchanged: read - changed)
        guard counts.inserted >= 0, counts.unchanged >= 0 else { throw .failure(counts.unaccounted(changed)) }
        return counts
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

    /// The condition that a destination row has a staged row's key.
    private var sameKey: String {
        delta.keyColumns.map { "d.\(quoted($0)) = s.\(quoted($0))" }.joined(separator: " AND ")
    }

    private var dropUnchanged: String {
        let differs = DestinationTable.differs(delta.columns.map(\.destination), table.shape, old: "d", new: "s")
        return """
            DELETE FROM \(staged) AS s WHERE (SELECT count(*) FROM \(table.sql) AS d WHERE \(sameKey)) = 1 \
            AND EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(sameKey) AND NOT (\(differs)))
            """
    }

    private var countExisting: String {
        "SELECT count(*) FROM \(staged) AS s WHERE EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(sameKey))"
    }

    private var delete: String {
        "DELETE FROM \(table.sql) WHERE (\(keyList)) IN (SELECT \(keyList) FROM \(staged))"
    }

    private var insert: String {
        "INSERT INTO \(table.sql) (\(delta.inserted)) SELECT \(delta.inserted) FROM \(staged)"
    }

    func statements(_ range: DeltaRange) -> [String] {
        [DeltaStage.fill(delta, delta.selectNewest(range)).sql, dropUnchanged, countExisting, delete, insert]
    }

    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts {
        let read = try DeltaStage.stage(delta, delta.selectNewest(range), on: session.connection)
        let unchanged = try session.connection.stopping { db throws(SQLiteError) in try db.run(dropUnchanged) }
        let before = try session.rowsInDestination(table)
        let existing = try session.connection.stopping { db throws(SQLiteError) in
            Int(try db.first(countExisting)?[0].integer ?? 0)
        }
        let removed = try session.connection.stopping { db throws(SQLiteError) in try db.run(delete) }
        let written = try session.connection.stopping { db throws(SQLiteError) in try db.run(insert) }
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
        return """
            DELETE FROM \(DeltaStage.table) WHERE rowid IN (SELECT s.place FROM (SELECT rowid AS place, *, \
            row_number() OVER (PARTITION BY \(identity.map(quoted).joined(separator: ", "))) AS nth \
            FROM \(DeltaStage.table)) AS s WHERE s.nth <= (SELECT count(*) FROM \(table.sql) AS d \
            WHERE \(same)\(isKeyed ? "" : " AND \(classes)")))
            """
    }

    private func insert(_ rows: DeltaStatement.Text) -> DeltaStatement.Text {
        DeltaStatement.Text(
            sql: "INSERT INTO \(table.sql) (\(delta.inserted)) \(rows.sql)", parameters: rows.parameters)
    }

    private var insertStaged: String {
        "INSERT INTO \(table.sql) (\(delta.inserted)) SELECT \(delta.inserted) FROM \(DeltaStage.table)"
    }

    /// The part of a range that may have been loaded before, and the part that is new; nil where there is none.
    private func split(_ range: DeltaRange) -> (known: DeltaRange?, new: DeltaRange?) {
        guard let reached else {
            // Nothing was loaded by cursor; rows without one may have been.
            return range.includesNull && table.shape != nil ? (range, nil) : (nil, range)
        }
        let order = range.lower.map { $0.compare(reached) } ?? -1
        guard range.includesNull || order < 0 || order == 0 && range.includesLower else { return (nil, range) }
        var known = range
        known.ceiling = reached
        var new = range
        new.includesNull = false
        if order <= 0 {
            new.lower = reached
            new.includesLower = false
        }
        return (known, new)
    }

    func statements(_ range: DeltaRange) -> [String] {
        let (known, new) = split(range)
        var statements: [String] = []
        if let known { statements += [DeltaStage.fill(delta, delta.select(known)).sql, dropLoaded, insertStaged] }
        if let new { statements.append(insert(delta.select(new)).sql) }
        return statements
    }

    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts {
        let (known, new) = split(range)
        var counts = RowCounts()
        if let known {
            session.gate.reset(known, readBefore: nil)
            counts.read = try DeltaStage.stage(delta, delta.select(known), on: session.connection)
            counts.unchanged = try session.connection.stopping { db throws(SQLiteError) in try db.run(dropLoaded) }
            counts.inserted = try session.connection.stopping { db throws(SQLiteError) in try db.run(insertStaged) }
            guard counts.inserted + counts.unchanged == counts.read else {
                throw .failure(counts.unaccounted(counts.inserted))
            }
        }
        guard let new else { return counts }
        let first = session.gate.tally
        session.gate.reset(new, readBefore: session.readBefore + counts.read)
        let text = insert(delta.select(new))
        let written = try session.connection.stopping { db throws(SQLiteError) in try db.run(text.sql, text.parameters)
        }
        guard written == session.gate.tally.passed else { throw .failure(counts.unaccounted(written)) }
        if known != nil { session.gate.add(first) }
        return counts + RowCounts(read: written, inserted: written)
    }
}

/// Fills a table that was just made, when every row of the source belongs to the delta.
///
/// One pass over the source judges the rows; then SQLite copies them as whole records, which it does for a plain copy
/// between tables that are declared alike, at a fraction of the cost of inserting them one by one.
struct WholeTableWrite {
    let delta: DeltaStatement
    let table: DestinationTable

    private var copy: String { "INSERT INTO \(table.sql) SELECT * FROM \(delta.relation.sql)" }

    /// Whether source and destination have the same columns in the same order, and no two rows share a key.
    var fits: Bool {
        let source = delta.relation.shape.columns.map { fold($0.name) }
        return delta.relation.isTable && !delta.needsNewest
            && delta.columns.map { fold($0.source) } == source
            && (table.shape?.columns ?? []).map { fold($0.name) } == source
    }

    /// Writes all rows of the source; nil, and nothing written, when some do not belong to the delta.
    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts? {
        let condition = delta.condition(range)
        let passed = try session.integer(
            "SELECT count(*) FROM \(delta.relation.sql) WHERE \(condition.sql)", condition.parameters)
        guard try passed == session.integer("SELECT count(*) FROM \(delta.relation.sql)") else {
            session.reset(range)
            return nil
        }
        let written = try session.connection.stopping { db throws(SQLiteError) in try db.run(copy) }
        let counts = RowCounts(read: passed, inserted: written)
        guard written == passed else { throw .failure(counts.unaccounted(written)) }
        return counts
    }
}

/// The temporary table that holds a delta while it is compared.
enum DeltaStage {
    static let table = "temp._strandline_delta"

    /// The statement that fills it; its columns have no types, so that values stay as the source gave them.
    static func fill(_ delta: DeltaStatement, _ rows: DeltaStatement.Text) -> DeltaStatement.Text {
        DeltaStatement.Text(sql: "INSERT INTO \(table) (\(delta.inserted)) \(rows.sql)", parameters: rows.parameters)
    }

    /// Fills it anew; answers the number of rows.
    static func stage(
        _ delta: DeltaStatement, _ rows: DeltaStatement.Text, on connection: Connection
    ) throws(LoadStop) -> Int {
        let fill = fill(delta, rows)
        return try connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(table)")
            try db.execute("CREATE TEMP TABLE _strandline_delta (\(delta.inserted))")
            return try db.run(fill.sql, fill.parameters)
        }
    }
}

/// Stops a run that would remove too much.
struct ShrinkGuard {
    private let request: LoadRequest

    init(_ request: LoadRequest) {
        self.request = request
    }

    /// Fails when `removed` of `rows` is more than the step allows and the run does not override it.
    func check(removed: Int, of rows: Int) throws(LoadStop) {
        guard !request.allowShrink, removed > 0, rows > 0,
            Double(removed) > Double(rows) * request.step.maxShrink
        else { return }
        throw .failure(
            Failure(
                .shrinkGuard,
                "the run would remove \(removed) of the \(rows) rows of \(request.step.destination.table), more than "
                    + "max_shrink (\(request.step.maxShrink)) allows; nothing was changed",
                hint: "look whether the source is complete; if it is, run once with allow_shrink", field: "max_shrink"))
    }
}

extension RowCounts {
    /// The failure of a write whose figures do not add up: better no commit than one that cannot be explained.
    fileprivate func unaccounted(_ written: Int) -> Failure {
        Failure(
            .verificationFailed,
            "the rows do not add up (\(read) read, \(written) written, \(unchanged) unchanged); nothing was changed",
            hint: "look for a trigger on the destination that drops or adds rows of the same table")
    }
}
