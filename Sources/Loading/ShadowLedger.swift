internal import Model
internal import Platform
internal import SQLite

/// What the destination remembers of backfills that stage their rows: where they are, and what became of them.
struct ShadowLedger {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// The tables, as a migration of the destination's ledger.
    static let schema = """
        CREATE TABLE main._strandline_backfills (
            number INTEGER PRIMARY KEY,
            backfill TEXT NOT NULL, step TEXT NOT NULL, pipeline TEXT NOT NULL, table_name TEXT NOT NULL,
            shadow_table TEXT, touched_table TEXT,     -- NULL once they are gone
            key_columns TEXT NOT NULL,
            staged INTEGER NOT NULL DEFAULT 0,         -- the commit_order of the last partition that was staged
            superseded INTEGER NOT NULL DEFAULT 0,     -- what was staged up to it is older than the whole table
            rows_read INTEGER, rows_inserted INTEGER, rows_updated INTEGER, rows_unchanged INTEGER,
            rows_deleted INTEGER, rows_quarantined INTEGER, warnings TEXT, manifest TEXT, -- of the publish
            published_at TEXT, discarded_at TEXT, rolled_back_at TEXT,
            UNIQUE (backfill, step)
        );
        CREATE INDEX main._strandline_backfills_open ON _strandline_backfills (table_name COLLATE NOCASE)
            WHERE shadow_table IS NOT NULL;
        ALTER TABLE main._strandline_partitions ADD COLUMN staged INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE main._strandline_partitions ADD COLUMN rows_there INTEGER;   -- in the destination, when it was staged
        ALTER TABLE main._strandline_partitions ADD COLUMN rows_inside INTEGER;  -- in the source's range
        ALTER TABLE main._strandline_partitions ADD COLUMN reconciliation TEXT;  -- JSON
        """

    /// The columns that a shadow was given after rows were staged, as a migration of the destination's ledger.
    static let lateColumns = """
        ALTER TABLE main._strandline_backfills ADD COLUMN late_columns TEXT; -- JSON: each with the commit_order it came with
        """

    /// Where a backfill's staged rows are.
    enum Place {
        case staged(Shadow)
        case published(PartitionResult, rolledBack: Bool)
        case discarded
    }

    /// Whether the destination has the table: one that an older program wrote last has not.
    func exists() throws(LoadStop) -> Bool {
        try connection.hasTable("_strandline_backfills")
    }

    /// Where a backfill's staged rows are; nil when it has staged none.
    func place(of backfill: String, step: String) throws(LoadStop) -> Place? {
        let found = try first("backfill = ? AND step = ?", [.text(backfill), .text(step)])
        guard let found else { return nil }
        return try connection.stopping { _ throws(SQLiteError) in
            if let shadow = try Shadow(found) { return .staged(shadow) }
            guard try found.optionalText("published_at") != nil else { return .discarded }
            let result = PartitionResult(
                rows: try RowCounts(found), warnings: WarningText.warnings(try found.text("warnings")))
            return .published(result, rolledBack: try found.optionalText("rolled_back_at") != nil)
        }
    }

    /// The rows that a backfill has staged for a table; nil when none has.
    func open(of table: String) throws(LoadStop) -> Shadow? {
        try open().first { fold($0.table) == fold(table) }
    }

    /// The rows that backfills have staged, one for each table at most.
    func open() throws(LoadStop) -> [Shadow] {
        try connection.stopping { db throws(SQLiteError) in
            var open: [Shadow] = []
            for row in try db.rows(
                "SELECT * FROM main._strandline_backfills WHERE shadow_table IS NOT NULL ORDER BY number")
            {
                if let shadow = try Shadow(row) { open.append(shadow) }
            }
            return open
        }
    }

    private func first(_ condition: String, _ parameters: [Value]) throws(LoadStop) -> Row? {
        try connection.stopping { db throws(SQLiteError) in
            try db.first("SELECT * FROM main._strandline_backfills WHERE \(condition)", parameters)
        }
    }

    /// Makes the record of a backfill's first staged rows, and names their tables.
    func begin(_ request: LoadRequest, _ table: String, key: [String]) throws(LoadStop) -> Shadow {
        let taken = try connection.stopping { db throws(SQLiteError) in
            try db.rows("SELECT name FROM main.sqlite_schema").compactMap { $0[0].string }
        }
        try run(
            "INSERT INTO main._strandline_backfills (backfill, step, pipeline, table_name, shadow_table, touched_table, "
                + "key_columns) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                .text(request.run), .text(request.step.name), .text(request.pipeline), .text(table),
                .text(freeName("_strandline_shadow", among: taken)), .text(freeName("_strandline_noted", among: taken)),
                .text(NameList.text(key)),
            ])
        guard case .staged(let shadow)? = try place(of: request.run, step: request.step.name) else {
            throw .failure(Failure(.internalError, "the staged rows of backfill \(request.run) have no place"))
        }
        return shadow
    }

    /// Notes that the partition at `order` among the backfill's commits is the first that was staged with a column.
    func added(_ column: String, at order: Int, to shadow: Shadow) throws(LoadStop) {
        let late = shadow.late + [(column, order)]
        let json = JSONValue.object(late.map { JSONValue.Member($0.column, .integer(Int64($0.since))) })
        try run(
            "UPDATE main._strandline_backfills SET late_columns = ? WHERE number = ?",
            [.text(json.text()), .integer(shadow.number)])
    }

    /// Notes that a partition was staged, and what it found.
    func staged(
        _ shadow: Shadow, _ request: PartitionRequest, at order: Int, there: Int, inside: Int,
        _ reconciliation: Reconciliation?
    ) throws(LoadStop) {
        try run(
            "UPDATE main._strandline_backfills SET staged = ? WHERE number = ?",
            [Value(order), .integer(shadow.number)])
        try run(
            "UPDATE main._strandline_partitions SET staged = 1, rows_there = ?, rows_inside = ?, reconciliation = ? "
                + "WHERE backfill = ? AND number = ?",
            [
                Value(there), Value(inside), Value(reconciliation?.json.text()), .text(shadow.backfill),
                Value(request.number),
            ])
    }

    /// How what a partition staged compared with the source; nil where it staged nothing.
    func reconciliation(backfill: String, number: Int) throws(LoadStop) -> Reconciliation? {
        guard try exists() else { return nil }
        let found = try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT reconciliation FROM main._strandline_partitions WHERE backfill = ? AND number = ?",
                [.text(backfill), Value(number)])
        }
        return found?[0].string.flatMap { JSONReader.value($0) }.flatMap { Reconciliation(json: $0) }
    }

    /// What the partitions found that are published now: the destination's rows in their ranges, the source's, how many
    /// partitions there are, and how many that are not published since the table is newer.
    func figures(_ shadow: Shadow) throws(LoadStop) -> (there: Int, inside: Int, range: PartitionRange?, older: Int) {
        let row = try connection.stopping { db throws(SQLiteError) in
            try db.first(
                """
                SELECT sum(CASE WHEN commit_order > ?3 THEN rows_there END) AS there,
                    sum(CASE WHEN commit_order > ?3 THEN rows_inside END) AS inside,
                    count(CASE WHEN commit_order <= ?3 THEN 1 END) AS older,
                    min(start_value) AS first, max(end_value) AS last
                FROM main._strandline_partitions WHERE backfill = ?1 AND step = ?2 AND staged
                """, [.text(shadow.backfill), .text(shadow.step), Value(shadow.superseded)])
        }
        guard let row else { return (0, 0, nil, 0) }
        func bound(_ column: String, _ value: Value) throws(LoadStop) -> PartitionBound? {
            let text = try connection.stopping { db throws(SQLiteError) in
                try db.first(
                    "SELECT \(column)_text FROM main._strandline_partitions WHERE backfill = ? AND \(column)_value = ?",
                    [.text(shadow.backfill), value])?[0].string
            }
            guard let text, let number = value.integer else { return nil }
            return PartitionBound(.number(number), text: text)
        }
        let start = try bound("start", row["first"])
        let end = try bound("end", row["last"])
        var range: PartitionRange?
        if let start, let end { range = PartitionRange(start: start, end: end) }
        return (
            Int(row["there"].integer ?? 0), Int(row["inside"].integer ?? 0), range, Int(row["older"].integer ?? 0)
        )
    }

    /// Notes that the whole of a table was compared or rebuilt: what is staged for it is older everywhere.
    func supersede(_ table: String) throws(LoadStop) {
        try run(
            "UPDATE main._strandline_backfills SET superseded = staged "
                + "WHERE table_name = ? COLLATE NOCASE AND shadow_table IS NOT NULL", [.text(table)])
    }

    /// Drops the tables of what was published, and records that.
    func published(
        _ shadow: Shadow, _ result: PartitionResult, _ manifest: CommitManifest
    ) throws(LoadStop) {
        try dropTables(of: shadow)
        let rows = result.rows
        try run(
            """
            UPDATE main._strandline_backfills SET shadow_table = NULL, touched_table = NULL, published_at = ?,
                rows_read = ?, rows_inserted = ?, rows_updated = ?, rows_unchanged = ?, rows_deleted = ?,
                rows_quarantined = ?, warnings = ?, manifest = ? WHERE number = ?
            """,
            [
                .text(manifest.at.rfc3339), Value(rows.read), Value(rows.inserted), Value(rows.updated),
                Value(rows.unchanged), Value(rows.deleted), Value(rows.quarantined),
                .text(WarningText.text(result.warnings)), .text(manifest.json.text()), .integer(shadow.number),
            ])
    }

    /// Throws away what a backfill has staged: its partitions count as never loaded.
    func discard(_ shadow: Shadow, at now: Timestamp) throws(LoadStop) {
        try dropTables(of: shadow)
        try run(
            "UPDATE main._strandline_backfills SET shadow_table = NULL, touched_table = NULL, discarded_at = ? "
                + "WHERE number = ?", [.text(now.rfc3339), .integer(shadow.number)])
        try PartitionLedger(connection).rolledBack(shadow.backfill, step: shadow.step, at: now)
        try Quarantine.reopen(run: shadow.backfill, step: shadow.step, connection)
    }

    /// Notes that what was published was put back.
    func rolledBack(_ backfill: String, step: String, at now: Timestamp) throws(LoadStop) {
        try run(
            "UPDATE main._strandline_backfills SET rolled_back_at = ? WHERE backfill = ? AND step = ?",
            [.text(now.rfc3339), .text(backfill), .text(step)])
    }

    private func dropTables(of shadow: Shadow) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            for statement in shadow.drop { try db.execute(statement) }
        }
    }

    private func run(_ sql: String, _ parameters: [Value]) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in _ = try db.run(sql, parameters) }
    }
}

extension Shadow {
    /// The shadow of a record; nil once its tables are gone.
    fileprivate init?(_ row: Row) throws(SQLiteError) {
        guard let name = try row.optionalText("shadow_table"), let touched = try row.optionalText("touched_table")
        else {
            return nil
        }
        self.init(
            number: try row.int("number"), backfill: try row.text("backfill"), step: try row.text("step"),
            table: try row.text("table_name"), name: name, touchedName: touched,
            key: NameList.names(try row.text("key_columns")), staged: Int(try row.int("staged")),
            superseded: Int(try row.int("superseded")), late: try Shadow.late(row))
    }

    /// The late columns of a record; none in a file that is only looked at and that an older program wrote last.
    private static func late(_ row: Row) throws(SQLiteError) -> [(column: String, since: Int)] {
        guard row.names.contains("late_columns"), let text = try row.optionalText("late_columns"),
            case .object(let members)? = JSONReader.value(text)
        else { return [] }
        return members.compactMap { member in member.value.integer.map { (member.key, Int($0)) } }
    }
}
