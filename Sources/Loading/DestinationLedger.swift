internal import Model
internal import Platform
internal import SQLite

/// Strandline's own tables in a destination: the watermarks and the record of every commit.
///
/// They are written in the transaction that writes the rows, so that rows, watermark and record are there together
/// or not at all. Plain columns without types hold cursor values byte for byte; the tables are not STRICT, so that
/// old programs can still open the file.
struct DestinationLedger {
    let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// The version of the tables that this program makes and knows.
    static var version: Int { migrations.count }

    /// The version from which records tell of checks.
    private static let checksVersion = 4

    /// Makes what is missing of the tables; refuses those of a newer program.
    func prepare() throws(LoadStop) {
        let found = try foundVersion()
        guard found <= DestinationLedger.version else {
            throw .failure(
                Failure(
                    .newerDestination,
                    "the destination was written by a newer Strandline (its tables have version \(found), this "
                        + "program knows \(DestinationLedger.version))",
                    hint: "run the newer program on it"))
        }
        guard found < DestinationLedger.version else { return }
        try connection.stopping { db throws(SQLiteError) in
            for migration in DestinationLedger.migrations[found...] { try db.execute(migration) }
            _ = try db.run(
                "UPDATE main._strandline_meta SET value = ? WHERE key = 'version'", [Value(DestinationLedger.version)])
        }
    }

    /// The version of the destination's tables; 0 where there are none.
    private func foundVersion() throws(LoadStop) -> Int {
        guard try exists() else { return 0 }
        let row = try connection.stopping { db throws(SQLiteError) in
            try db.first("SELECT value FROM main._strandline_meta WHERE key = 'version'")
        }
        return Int(row?[0].integer ?? 0)
    }

    /// Whether the destination has the tables.
    func exists() throws(LoadStop) -> Bool {
        try connection.hasTable("_strandline_meta")
    }

    /// What leads from each version of the tables to the next; what was released is never changed.
    private static let migrations = [
        """
        CREATE TABLE main._strandline_meta (key TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID;
        INSERT INTO main._strandline_meta VALUES ('version', 1);
        CREATE TABLE main._strandline_watermarks (
            pipeline TEXT NOT NULL, step TEXT NOT NULL,
            cursor TEXT NOT NULL,          -- the source column
            value,                         -- byte for byte as the source gave it
            position_key TEXT NOT NULL,    -- JSON: the greatest key among the rows at value
            reached,                       -- the highest cursor ever loaded; a rewind leaves it
            run TEXT, attempt INTEGER, reason TEXT,
            updated_at TEXT NOT NULL, version INTEGER NOT NULL,
            PRIMARY KEY (pipeline, step)
        ) WITHOUT ROWID;
        CREATE TABLE main._strandline_loads (
            run TEXT NOT NULL, step TEXT NOT NULL, commit_number INTEGER NOT NULL,
            pipeline TEXT NOT NULL, attempt INTEGER NOT NULL,
            final INTEGER NOT NULL CHECK (final IN (0, 1)),
            rows_read INTEGER NOT NULL, rows_inserted INTEGER NOT NULL, rows_updated INTEGER NOT NULL,
            rows_unchanged INTEGER NOT NULL, rows_deleted INTEGER NOT NULL,
            watermark_before, watermark_after, position_key TEXT NOT NULL,
            load_window TEXT NOT NULL, warnings TEXT NOT NULL, committed_at TEXT NOT NULL,
            PRIMARY KEY (run, step, commit_number)
        ) WITHOUT ROWID;
        CREATE INDEX main._strandline_loads_by_step ON _strandline_loads (pipeline, step, run);
        """,
        // JSON: what the commit read, ran and took; NULL in records of before.
        "ALTER TABLE main._strandline_loads ADD COLUMN manifest TEXT",
        UndoLedger.schema,
        """
        ALTER TABLE main._strandline_loads ADD COLUMN rows_quarantined INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE main._strandline_loads ADD COLUMN checks TEXT;  -- JSON: what became of them; NULL where there are none
        CREATE TABLE main._strandline_quarantine (
            id INTEGER PRIMARY KEY,
            pipeline TEXT NOT NULL, step TEXT NOT NULL,
            identity TEXT NOT NULL,        -- JSON: what tells the row from others
            destination TEXT NOT NULL,     -- the table it would have gone to
            row_key TEXT,                  -- JSON: the values of its key; NULL where it has none
            row_values TEXT NOT NULL,      -- JSON: its columns and values, byte for byte
            copies INTEGER NOT NULL,       -- how many equal rows
            check_name TEXT NOT NULL, reason TEXT NOT NULL,
            run TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL,
            resolved_at TEXT, resolved_run TEXT,
            resolution TEXT CHECK (resolution IN ('loaded', 'gone')),
            UNIQUE (pipeline, step, identity)
        );
        CREATE INDEX main._strandline_quarantine_waiting ON _strandline_quarantine (pipeline, step)
            WHERE resolved_at IS NULL;
        """,
        // The rows kept beside a table may hold both sides of a change from now on, which programs of before overlook.
        """
        ALTER TABLE main._strandline_loads ADD COLUMN by_audit INTEGER NOT NULL DEFAULT 0; -- `run` is the audit then
        UPDATE main._strandline_loads SET by_audit = 1 WHERE load_window = 'audit: rows that differed were mended';
        """,
        PartitionLedger.schema,
        TrimmedLoads.schema,
        ShadowLedger.schema,
        // The highest cursor ever loaded, as it was before a commit that may be rolled back.
        "ALTER TABLE main._strandline_undo ADD COLUMN reached",
        ShadowLedger.lateColumns,
        UndoLedger.counts,
        FoldedPartitions.schema,
    ]

    // MARK: Watermarks

    /// A watermark with what only the loader needs.
    struct Held {
        var watermark: Watermark
        /// The highest cursor ever loaded; nil when no rows were.
        var reached: CursorValue?
    }

    /// The step's watermark; nil when there is none.
    func watermark(_ pipeline: String, _ step: String) throws(LoadStop) -> Held? {
        let found = try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT cursor, value, position_key, reached, run, reason, updated_at, version "
                    + "FROM main._strandline_watermarks WHERE pipeline = ? AND step = ?",
                [.text(pipeline), .text(step)])
        }
        guard let found else { return nil }
        return try connection.stopping { _ throws(SQLiteError) in
            Held(
                watermark: Watermark(
                    pipeline: pipeline, step: step, cursor: try found.text("cursor"),
                    value: CursorValue(found["value"]), key: KeyText.values(try found.text("position_key")),
                    updatedAt: Timestamp(rfc3339: try found.text("updated_at")) ?? Timestamp(microseconds: 0),
                    run: try found.optionalText("run"), reason: try found.optionalText("reason"),
                    version: Int(try found.int("version"))),
                reached: CursorValue(found["reached"]))
        }
    }

    /// Writes a watermark over the one before it.
    func write(_ watermark: Watermark, reached: CursorValue?, attempt: Int?) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                """
                INSERT INTO main._strandline_watermarks
                    (pipeline, step, cursor, value, position_key, reached, run, attempt, reason, updated_at, version)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (pipeline, step) DO UPDATE SET cursor = excluded.cursor, value = excluded.value,
                    position_key = excluded.position_key, reached = excluded.reached, run = excluded.run,
                    attempt = excluded.attempt, reason = excluded.reason, updated_at = excluded.updated_at,
                    version = excluded.version
                """,
                [
                    .text(watermark.pipeline), .text(watermark.step), .text(watermark.cursor),
                    watermark.value?.value ?? .null, .text(KeyText.text(watermark.key)), reached?.value ?? .null,
                    Value(watermark.run), Value(attempt), Value(watermark.reason),
                    .text(watermark.updatedAt.rfc3339), Value(watermark.version),
                ])
        }
    }

    /// The version of the step's next watermark; one that was removed, and its removal, are counted too, so that no
    /// version is ever given twice.
    func nextVersion(_ pipeline: String, _ step: String) throws(LoadStop) -> Int {
        try connection.stopping { db throws(SQLiteError) in
            let found = try db.first(
                """
                SELECT max(ifnull((SELECT version FROM main._strandline_watermarks WHERE pipeline = ?1 AND step = ?2), 0),
                    ifnull((SELECT value FROM main._strandline_meta WHERE key = ?3), 0)) AS version
                """, [.text(pipeline), .text(step), .text(DestinationLedger.removal(pipeline, step))])
            return Int(try found?.int("version") ?? 0) + 1
        }
    }

    /// Removes a watermark, so that the next run starts from the beginning; in a transaction of its own.
    func remove(_ pipeline: String, _ step: String) throws(LoadStop) {
        try connection.transaction(wrapping: { LoadStop.sqlite($0) }) { () throws(LoadStop) in
            try forget(pipeline, step)
        }
    }

    /// Removes a watermark inside the open transaction.
    func forget(_ pipeline: String, _ step: String) throws(LoadStop) {
        let version = try nextVersion(pipeline, step)
        try connection.stopping { db throws(SQLiteError) in
            let removed = try db.run(
                "DELETE FROM main._strandline_watermarks WHERE pipeline = ? AND step = ?",
                [.text(pipeline), .text(step)])
            guard removed > 0 else { return }
            _ = try db.run(
                "INSERT OR REPLACE INTO main._strandline_meta (key, value) VALUES (?, ?)",
                [.text(DestinationLedger.removal(pipeline, step)), Value(version)])
        }
    }

    /// Where the version of a watermark's last removal is kept; names hold no slash.
    private static func removal(_ pipeline: String, _ step: String) -> String { "removed/\(pipeline)/\(step)" }

    /// The last change of a captured table that a step has applied; nil where none is known.
    func capturedEvent(_ pipeline: String, _ step: String) throws(LoadStop) -> CapturedEvent? {
        try connection.stopping { db throws(SQLiteError) in
            let found = try db.first(
                "SELECT value FROM main._strandline_meta WHERE key = ?",
                [.text(DestinationLedger.captured(pipeline, step))])?[0].string
            guard let found, let space = found.firstIndex(of: " "), let sequence = Int64(found[..<space]) else {
                return nil
            }
            return CapturedEvent(sequence: sequence, mark: String(found[found.index(after: space)...]))
        }
    }

    /// Writes the last change of a captured table that a step has applied; nil removes it.
    func write(_ event: CapturedEvent?, _ pipeline: String, _ step: String) throws(LoadStop) {
        let key = Value.text(Text(DestinationLedger.captured(pipeline, step)))
        try connection.stopping { db throws(SQLiteError) in
            if let event {
                _ = try db.run(
                    "INSERT OR REPLACE INTO main._strandline_meta (key, value) VALUES (?, ?)",
                    [key, .text(Text("\(event.sequence) \(event.mark)"))])
            } else {
                _ = try db.run("DELETE FROM main._strandline_meta WHERE key = ?", [key])
            }
        }
    }

    /// Where the last change of a captured table is kept that a step has applied.
    private static func captured(_ pipeline: String, _ step: String) -> String { "captured/\(pipeline)/\(step)" }

    // MARK: Loads

    /// What one commit did.
    struct Record {
        var counts: RowCounts
        var watermarkBefore: CursorValue?
        var watermarkAfter: CursorValue?
        var key: [CursorValue]
        var window: String
        var warnings: [LoadWarning]
        /// What became of the step's checks.
        var checks: [CheckResult] = []
        /// Whether the step's load ends with this commit.
        var isFinal: Bool
    }

    /// What the run has committed for the step so far, over all attempts.
    struct Committed {
        var pipeline: String
        var result: LoadResult
        var isFinal: Bool
        /// The highest attempt that has committed.
        var attempt: Int
        /// When the last of it was committed; nil where the record does not say.
        var committedAt: Timestamp?

        /// Refuses an attempt that was given up.
        func fence(_ attempt: Int) throws(LoadStop) {
            guard self.attempt > attempt else { return }
            throw .failure(
                Failure(
                    .fenced,
                    "attempt \(attempt) of the run was given up; attempt \(self.attempt) has taken over",
                    hint: "nothing: the later attempt does the work"))
        }
    }

    /// A run's load of a step with the step's watermark as it is now; nil while the load has not ended.
    func finished(run: String, step: String) throws(LoadStop) -> FinishedLoad? {
        guard let committed = try committed(run: run, step: step), committed.isFinal else { return nil }
        return try finished(committed, step)
    }

    /// What has been committed for a step, to its end, with the step's watermark as it is now.
    func finished(_ committed: Committed, _ step: String) throws(LoadStop) -> FinishedLoad {
        let hasWatermark = committed.result.watermarkAfter != nil
        var load = FinishedLoad(
            result: committed.result,
            watermark: hasWatermark ? try watermark(committed.pipeline, step)?.watermark : nil)
        load.committedAt = committed.committedAt
        return load
    }

    /// What a run has committed for a step; nil when nothing.
    func committed(run: String, step: String) throws(LoadStop) -> Committed? {
        let rows = try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                "SELECT * FROM main._strandline_loads WHERE run = ? AND step = ? ORDER BY commit_number",
                [.text(run), .text(step)])
        }
        guard let first = rows.first, let last = rows.last else { return nil }
        return try connection.stopping { _ throws(SQLiteError) in
            var result = LoadResult(
                watermarkBefore: CursorValue(first["watermark_before"]),
                watermarkAfter: CursorValue(last["watermark_after"]),
                watermarkKey: KeyText.values(try last.text("position_key")), commits: rows.count,
                window: try rows.count == 1
                    ? last.text("load_window")
                    : "\(first.text("load_window")) … \(last.text("load_window"))")
            var attempt = 0
            for row in rows {
                result.counts = result.counts + (try RowCounts(row))
                result.warnings.append(contentsOf: WarningText.warnings(try row.text("warnings")))
                attempt = max(attempt, Int(try row.int("attempt")))
            }
            return Committed(
                pipeline: try last.text("pipeline"), result: result, isFinal: try last.bool("final"), attempt: attempt,
                committedAt: Timestamp(rfc3339: try last.text("committed_at")))
        }
    }

    /// Whether the step's last load ended; true when there was none.
    func lastLoadEnded(_ pipeline: String, _ step: String) throws(LoadStop) -> Bool {
        try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT final FROM main._strandline_loads WHERE pipeline = ? AND step = ? "
                    + "ORDER BY run DESC, commit_number DESC LIMIT 1", [.text(pipeline), .text(step)]
            )?[0] != .integer(0)
        }
    }

    /// What a run's commits for a step read, ran and took; nil where no record tells, as of programs before.
    ///
    /// Of very many commits only the first and the last are read.
    func manifest(run: String, step: String) throws(LoadStop) -> LoadManifest? {
        guard try foundVersion() > 1 else { return nil }
        let rows = try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT manifest, total FROM (SELECT commit_number, manifest, count(*) OVER () AS total,
                    row_number() OVER (ORDER BY commit_number) AS place
                    FROM main._strandline_loads WHERE run = ?1 AND step = ?2 AND manifest IS NOT NULL)
                WHERE place <= ?3 OR place > total - ?3 ORDER BY place
                """, [.text(run), .text(step), Value(Limits.manifestCommits / 2)])
        }
        let commits = rows.compactMap { row in
            row[0].string.flatMap { JSONReader.value($0) }.flatMap { CommitManifest(json: $0) }
        }
        guard !commits.isEmpty else { return nil }
        return LoadManifest(commits: commits, commitsOmitted: Int(rows[0][1].integer ?? 0) - rows.count)
    }

    /// What became of the checks of a run's load of a step, over all its commits.
    func checks(run: String, step: String) throws(LoadStop) -> [CheckResult] {
        guard try foundVersion() >= DestinationLedger.checksVersion else { return [] }
        let rows = try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                "SELECT checks FROM main._strandline_loads WHERE run = ? AND step = ? AND checks IS NOT NULL "
                    + "ORDER BY commit_number", [.text(run), .text(step)])
        }
        var results: [CheckResult] = []
        for row in rows {
            results.merge(
                (row[0].string.flatMap { JSONReader.value($0) }?.array ?? []).compactMap { CheckResult(json: $0) })
        }
        return results
    }

    /// How many rows each of the step's last finished loads read, but the run's own; newest first.
    func rowsRead(
        _ pipeline: String, _ step: String, butOf run: String, last count: Int
    ) throws(LoadStop) -> [Int] {
        try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT sum(rows_read) FROM main._strandline_loads INDEXED BY _strandline_loads_by_step
                WHERE pipeline = ? AND step = ? AND run <> ? AND by_audit = 0 GROUP BY run HAVING max(final) = 1
                ORDER BY run DESC LIMIT ?
                """, [.text(pipeline), .text(step), .text(run), Value(count)]
            ).map { Int($0[0].integer ?? 0) }
        }
    }

    /// Who makes a commit.
    struct Author {
        /// The run, or the audit that mends.
        let run: String
        let pipeline: String
        let step: String
        let attempt: Int
        var isAudit = false
    }

    /// Records a commit, and trims the step's oldest records.
    func record(_ record: Record, _ manifest: CommitManifest, by author: Author) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                """
                INSERT INTO main._strandline_loads (run, step, commit_number, pipeline, attempt, final, rows_read,
                    rows_inserted, rows_updated, rows_unchanged, rows_deleted, watermark_before, watermark_after,
                    position_key, load_window, warnings, committed_at, manifest, rows_quarantined, checks, by_audit)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    .text(author.run), .text(author.step), Value(manifest.number), .text(author.pipeline),
                    Value(author.attempt), Value(record.isFinal), Value(record.counts.read),
                    Value(record.counts.inserted), Value(record.counts.updated), Value(record.counts.unchanged),
                    Value(record.counts.deleted), record.watermarkBefore?.value ?? .null,
                    record.watermarkAfter?.value ?? .null, .text(KeyText.text(record.key)), .text(record.window),
                    .text(WarningText.text(record.warnings)), .text(manifest.at.rfc3339),
                    .text(manifest.json.text()), Value(record.counts.quarantined),
                    record.checks.isEmpty ? .null : .text(JSONValue.array(record.checks.map(\.json)).text()),
                    Value(author.isAudit),
                ])
            try TrimmedLoads(db).trim(pipeline: author.pipeline, step: author.step, during: author.run)
        }
    }
}

/// A row's key as text: a JSON array that gives every value back.
enum KeyText {
    static func text(_ key: [CursorValue]) -> String { JSONValue.array(key.map(\.json)).text() }

    static func values(_ text: String) -> [CursorValue] {
        (JSONReader.value(text)?.array ?? []).compactMap { CursorValue(json: $0) }
    }
}

/// The warnings of a load as text: a JSON array of code and message.
enum WarningText {
    static func text(_ warnings: [LoadWarning]) -> String {
        JSONValue.array(
            warnings.map { .object(["code": .string($0.code), "message": .string($0.message)]) }
        ).text()
    }

    static func warnings(_ text: String) -> [LoadWarning] {
        (JSONReader.value(text)?.array ?? []).compactMap { item in
            guard let code = item["code"]?.string, let message = item["message"]?.string else { return nil }
            return LoadWarning(code: code, message: message)
        }
    }
}

extension JSONReader {
    /// The value of a JSON text that Strandline wrote itself; nil when it is none.
    static func value(_ text: String) -> JSONValue? {
        (try? read(Array(text.utf8)))?.json
    }
}
