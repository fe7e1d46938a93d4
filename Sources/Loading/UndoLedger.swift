internal import Model
internal import Platform
internal import SQLite

/// What the destination remembers of each commit so that it can be undone: one record a commit, beside the load's own.
struct UndoLedger {
    let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// The tables, as a migration of the destination's ledger.
    static let schema = """
        CREATE TABLE main._strandline_undo (
            run TEXT NOT NULL, step TEXT NOT NULL, commit_number INTEGER NOT NULL, pipeline TEXT NOT NULL,
            table_name TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('changed', 'created', 'replaced', 'not_kept')),
            first_entry INTEGER, last_entry INTEGER,   -- the rows kept beside the table
            key_columns TEXT NOT NULL, columns TEXT NOT NULL, added_columns TEXT NOT NULL,
            old_table TEXT, old_rows INTEGER NOT NULL, definitions TEXT NOT NULL, -- of a table that was replaced
            had_watermark INTEGER NOT NULL,            -- and the watermark as it was before
            cursor TEXT, value, position_key TEXT,
            sequence INTEGER NOT NULL UNIQUE,          -- the order of the commits, whatever the clock says
            expires_at INTEGER NOT NULL,
            PRIMARY KEY (run, step, commit_number)
        ) WITHOUT ROWID;
        CREATE INDEX main._strandline_undo_by_age ON _strandline_undo (expires_at);
        CREATE INDEX main._strandline_undo_by_table ON _strandline_undo (table_name, last_entry);
        CREATE TABLE main._strandline_rollbacks (
            run TEXT NOT NULL, step TEXT NOT NULL, rolled_back_at TEXT NOT NULL,
            PRIMARY KEY (run, step)
        ) WITHOUT ROWID;
        """

    /// Counts the rows kept of a table for runs, apart from those of backfills, as a migration; NULL for a backfill.
    static let counts = """
        ALTER TABLE main._strandline_undo ADD COLUMN kept_through INTEGER;
        UPDATE main._strandline_undo SET kept_through = last_entry
            WHERE run NOT IN (SELECT backfill FROM main._strandline_partitions);
        CREATE INDEX main._strandline_undo_by_count ON _strandline_undo (table_name, kept_through)
            WHERE kept_through IS NOT NULL;
        """

    /// What kind of change a commit made.
    enum Kind: String {
        /// Rows of a table that was there before.
        case changed
        /// It made the table, or filled one that the same run had made.
        case created
        /// It put a new table in the old one's place.
        case replaced
        /// It changed more rows than are kept, or others than it said.
        case notKept = "not_kept"
    }

    /// What is remembered of one commit.
    struct Record {
        var run: String
        var step: String
        var number: Int
        var pipeline: String
        var table: String
        var kind: Kind
        /// The rows kept beside the table; nil when the commit changed none.
        var entries: ClosedRange<Int64>?
        var key: [String]
        var columns: [String]
        var added: [String] = []
        var oldTable: String?
        var oldRows = 0
        var definitions: [String] = []
        /// The watermark before the commit; nil when there was none.
        var watermark: (cursor: String, value: CursorValue?, key: [CursorValue])?
        /// The highest cursor that was loaded before the commit; nil where there was none, or an older program kept it
        /// not.
        var reached: CursorValue?
        /// Whether a backfill made the commit: all of its rows are kept for as long as those of its last commit.
        var isBackfill = false
        /// The place among the destination's commits; 0 before it is written.
        var sequence: Int64 = 0
        var expiresAt: Int64
    }

    /// Writes a commit's record.
    func write(_ record: Record) throws(LoadStop) {
        let rows = record.entries.map { $0.upperBound - $0.lowerBound + 1 }
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                """
                INSERT INTO main._strandline_undo VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,
                    ?16, ?17, ?18, (SELECT ifnull(max(sequence), 0) + 1 FROM main._strandline_undo), ?19, ?20,
                    ?21 + ifnull((SELECT max(kept_through) FROM main._strandline_undo
                        WHERE table_name = ?5 AND kept_through IS NOT NULL), 0))
                """,
                [
                    .text(record.run), .text(record.step), Value(record.number), .text(record.pipeline),
                    .text(record.table), .text(record.kind.rawValue),
                    record.entries.map { .integer($0.lowerBound) } ?? .null,
                    record.entries.map { .integer($0.upperBound) } ?? .null, .text(NameList.text(record.key)),
                    .text(NameList.text(record.columns)), .text(NameList.text(record.added)), Value(record.oldTable),
                    Value(record.oldRows), .text(NameList.text(record.definitions)), Value(record.watermark != nil),
                    Value(record.watermark?.cursor), record.watermark?.value?.value ?? .null,
                    Value(record.watermark.map { KeyText.text($0.key) }),
                    .integer(record.expiresAt), record.reached?.value ?? .null,
                    record.isBackfill ? .null : rows.map { .integer($0) } ?? .null,
                ])
            // The last commit's time counts for all of them.
            guard record.isBackfill, record.number > 1 else { return }
            _ = try db.run(
                "UPDATE main._strandline_undo SET expires_at = ? WHERE run = ? AND step = ? AND commit_number = ?",
                [.integer(.max), .text(record.run), .text(record.step), Value(record.number - 1)])
        }
    }

    /// The commits of a run's step that are remembered, which may be many.
    struct Commits {
        var count = 0
        /// Whether one of them made the table, or put another one in its place.
        var hasMadeTable = false
    }

    /// What commits of a run's step are remembered.
    func commits(run: String, step: String) throws(LoadStop) -> Commits {
        try connection.stopping { db throws(SQLiteError) in
            let found = try db.first(
                "SELECT count(*), max(kind IN ('created', 'replaced')) FROM main._strandline_undo "
                    + "WHERE run = ? AND step = ? AND commit_number > 0", [.text(run), .text(step)])
            return Commits(count: Int(found?[0].integer ?? 0), hasMadeTable: found?[1] == .integer(1))
        }
    }

    /// The first commit of a run's step, or the first that kept rows; nil where there is none.
    func first(run: String, step: String, withRows: Bool = false) throws(LoadStop) -> Record? {
        try record(
            run, step, "commit_number > 0\(withRows ? " AND first_entry IS NOT NULL" : "") ORDER BY commit_number", [])
    }

    /// The last commit of a run's step before the one of that number; nil where there is none.
    func record(run: String, step: String, before number: Int) throws(LoadStop) -> Record? {
        try record(run, step, "commit_number BETWEEN 1 AND ? ORDER BY commit_number DESC", [Value(number - 1)])
    }

    private func record(
        _ run: String, _ step: String, _ condition: String, _ parameters: [Value]
    ) throws(LoadStop) -> Record? {
        try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT * FROM main._strandline_undo WHERE run = ? AND step = ? AND \(condition) LIMIT 1",
                [.text(run), .text(step)] + parameters
            ).map { row throws(SQLiteError) in try Record(row) }
        }
    }

    /// What kind of change the last commit of a run's step made; nil where it has made none.
    func lastKind(run: String, step: String) throws(LoadStop) -> Kind? {
        try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT kind FROM main._strandline_undo WHERE run = ? AND step = ? ORDER BY commit_number DESC LIMIT 1",
                [.text(run), .text(step)])?[0].string.flatMap { Kind(rawValue: $0) }
        }
    }

    /// Whether a run's step was rolled back.
    func isRolledBack(run: String, step: String) throws(LoadStop) -> Bool {
        try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT 1 FROM main._strandline_rollbacks WHERE run = ? AND step = ?", [.text(run), .text(step)]) != nil
        }
    }

    /// Notes that a run's step was rolled back, and forgets what was kept for it.
    func finish(run: String, step: String, at now: Timestamp) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                "INSERT INTO main._strandline_rollbacks VALUES (?, ?, ?)",
                [.text(run), .text(step), .text(now.rfc3339)])
            // Number 0 is the table that the rollback itself put aside.
            _ = try db.run(
                "DELETE FROM main._strandline_undo WHERE run = ? AND step = ? AND commit_number > 0",
                [.text(run), .text(step)])
        }
    }

    /// Who made the first commit after `record` that wrote its table, or moved its step on; nil when nobody did.
    func laterWriter(than record: Record) throws(LoadStop) -> Writer? {
        try writer(
            """
            SELECT run FROM (
                SELECT run, sequence FROM main._strandline_undo
                WHERE table_name = ?1 AND run <> ?2 AND sequence > ?3
                    AND (kind <> 'changed' OR first_entry IS NOT NULL)
                UNION ALL
                SELECT l.run, 9223372036854775807 FROM main._strandline_loads l
                WHERE l.pipeline = ?4 AND l.step = ?5 AND l.run > ?2
                    AND l.rows_inserted + l.rows_updated + l.rows_deleted > 0 AND NOT EXISTS (
                        SELECT 1 FROM main._strandline_rollbacks r WHERE r.run = l.run AND r.step = l.step))
            ORDER BY sequence, run LIMIT 1
            """,
            [
                .text(record.table), .text(record.run), .integer(record.sequence), .text(record.pipeline),
                .text(record.step),
            ])
    }

    /// Who made the first commit after `record` that put another table in the place of its own, or, with `orUnkept`,
    /// wrote it without keeping what changed; nil when nobody did.
    func laterRebuild(than record: Record, orUnkept: Bool = false) throws(LoadStop) -> Writer? {
        try writer(
            "SELECT run FROM main._strandline_undo WHERE table_name = ? AND run <> ? AND sequence > ? "
                + "AND (kind IN ('created', 'replaced') OR ? AND kind = 'not_kept') ORDER BY sequence LIMIT 1",
            [.text(record.table), .text(record.run), .integer(record.sequence), Value(orUnkept)])
    }

    /// The run or the audit that a statement finds; nil when it finds none.
    func writer(_ sql: String, _ parameters: [Value]) throws(LoadStop) -> Writer? {
        try connection.stopping { db throws(SQLiteError) in
            guard let id = try db.first(sql, parameters)?[0].string else { return nil }
            return Writer(id: id, kind: try kind(of: id, db))
        }
    }

    /// Who committed under an identifier.
    func writer(_ id: String) throws(LoadStop) -> Writer {
        try connection.stopping { db throws(SQLiteError) in Writer(id: id, kind: try kind(of: id, db)) }
    }

    private func kind(of id: String, _ db: Connection) throws(SQLiteError) -> Writer.Kind {
        if try db.first("SELECT 1 FROM main._strandline_partitions WHERE backfill = ? LIMIT 1", [.text(id)]) != nil {
            return .backfill
        }
        let audit = try db.first("SELECT 1 FROM main._strandline_loads WHERE run = ? AND by_audit LIMIT 1", [.text(id)])
        return audit == nil ? .run : .audit
    }

    /// The place of the last of the destination's commits; 0 where none is remembered.
    func lastSequence() throws(LoadStop) -> Int64 {
        try connection.stopping { db throws(SQLiteError) in
            try db.first("SELECT max(sequence) FROM main._strandline_undo")?[0].integer ?? 0
        }
    }

    /// The step that was the last to write a table in another run, in a commit after the one in place `sequence`, as far
    /// as that is remembered; nil when none did.
    func lastWriter(
        of table: String, before run: String, after sequence: Int64
    ) throws(LoadStop) -> (pipeline: String, step: String)? {
        let found = try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT pipeline, step FROM main._strandline_undo WHERE table_name = ? COLLATE NOCASE "
                    + "AND commit_number > 0 AND run <> ? AND sequence > ? ORDER BY sequence DESC LIMIT 1",
                [.text(table), .text(run), .integer(sequence)])
        }
        guard let found, let pipeline = found[0].string, let step = found[1].string else { return nil }
        return (pipeline, step)
    }
}

/// Who wrote a commit.
struct Writer {
    let id: String
    let kind: Kind

    /// A run, an audit that mended rows, or a backfill.
    enum Kind: String {
        case run, audit, backfill
    }

    /// The writer in a sentence.
    var words: String { "\(kind.rawValue) \(id)" }
    /// What to do with it before an earlier one can be rolled back.
    var hint: String { "roll \(words) back first" }
}

extension UndoLedger.Record {
    init(_ row: Row) throws(SQLiteError) {
        let first = row["first_entry"].integer
        let last = row["last_entry"].integer
        self.init(
            run: try row.text("run"), step: try row.text("step"), number: Int(try row.int("commit_number")),
            pipeline: try row.text("pipeline"), table: try row.text("table_name"),
            kind: UndoLedger.Kind(rawValue: try row.text("kind")) ?? .notKept, entries: nil,
            key: NameList.names(try row.text("key_columns")), columns: NameList.names(try row.text("columns")),
            added: NameList.names(try row.text("added_columns")), oldTable: try row.optionalText("old_table"),
            oldRows: Int(try row.int("old_rows")), definitions: NameList.names(try row.text("definitions")),
            sequence: try row.int("sequence"),
            expiresAt: try row.int("expires_at"))
        // A file that is only looked at may still be as an older program left it.
        reached = row.names.contains("reached") ? CursorValue(row["reached"]) : nil
        if let first, let last, first <= last { entries = first...last }
        if try row.bool("had_watermark") {
            watermark = (
                cursor: try row.text("cursor"), value: CursorValue(row["value"]),
                key: KeyText.values(try row.text("position_key"))
            )
        }
    }
}

/// A list of names or statements as text: a JSON array.
enum NameList {
    static func text(_ names: [String]) -> String { JSONValue.array(names.map(JSONValue.string)).text() }

    static func names(_ text: String) -> [String] {
        guard case .array(let items)? = JSONReader.value(text) else { return [] }
        return items.compactMap(\.string)
    }
}
