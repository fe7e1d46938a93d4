internal import Model
internal import Platform
internal import SQLite

/// What the destination remembers of each partition of a backfill that has committed: one record a partition, in the
/// transaction that wrote its rows.
///
/// Apart from the records of loads, so that nothing that looks at past loads sees a backfill.
struct PartitionLedger {
    let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// The table, as a migration of the destination's ledger.
    static let schema = """
        CREATE TABLE main._strandline_partitions (
            backfill TEXT NOT NULL, number INTEGER NOT NULL,
            pipeline TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL,
            commit_order INTEGER NOT NULL,  -- the place among the backfill's commits, from 1
            partition_column TEXT NOT NULL,
            start_value INTEGER NOT NULL, end_value INTEGER NOT NULL, -- a number, or microseconds since 1970
            start_text TEXT NOT NULL, end_text TEXT NOT NULL,
            rows_read INTEGER NOT NULL, rows_inserted INTEGER NOT NULL, rows_updated INTEGER NOT NULL,
            rows_unchanged INTEGER NOT NULL, rows_deleted INTEGER NOT NULL, rows_quarantined INTEGER NOT NULL,
            warnings TEXT NOT NULL, checks TEXT, manifest TEXT NOT NULL,
            committed_at TEXT NOT NULL, rolled_back_at TEXT,
            PRIMARY KEY (backfill, number)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX main._strandline_partitions_by_order ON _strandline_partitions (backfill, commit_order);
        CREATE INDEX main._strandline_partitions_by_step ON _strandline_partitions (pipeline, step, start_value);
        CREATE INDEX main._strandline_undo_by_old ON _strandline_undo (table_name, sequence) WHERE old_rows > 0;
        """

    /// Whether the destination has the table: one that an older program wrote last has not.
    func exists() throws(LoadStop) -> Bool {
        try connection.hasTable("_strandline_partitions")
    }

    /// What a committed partition did; nil when it has not committed, or was rolled back.
    func result(backfill: String, number: Int, step: String) throws(LoadStop) -> PartitionResult? {
        let found = try connection.stopping { db throws(SQLiteError) in
            try db.first(
                """
                SELECT rows_read, rows_inserted, rows_updated, rows_unchanged, rows_deleted, rows_quarantined, warnings
                FROM main._strandline_partitions
                WHERE backfill = ? AND number = ? AND step = ? AND rolled_back_at IS NULL
                """, [.text(backfill), Value(number), .text(step)])
        }
        guard let found else { return nil }
        let reconciliation = try ShadowLedger(connection).reconciliation(backfill: backfill, number: number)
        var result = try connection.stopping { _ throws(SQLiteError) in
            PartitionResult(rows: try RowCounts(found), warnings: WarningText.warnings(try found.text("warnings")))
        }
        result.reconciliation = reconciliation
        return result
    }

    /// How many partitions of a backfill of a step have committed.
    func commits(of backfill: String, step: String) throws(LoadStop) -> Int {
        try connection.stopping { db throws(SQLiteError) in
            let last = try db.first(
                "SELECT max(commit_order) FROM main._strandline_partitions WHERE backfill = ? AND step = ?",
                [.text(backfill), .text(step)])
            return Int(last?[0].integer ?? 0)
        }
    }

    /// How many commits of a backfill have changed its table: what was staged has when it was published, in one.
    func writes(of backfill: String, step: String) throws(LoadStop) -> Int {
        switch try ShadowLedger(connection).place(of: backfill, step: step) {
        case nil: try commits(of: backfill, step: step)
        case .published?: 1
        case .staged?, .discarded?: 0
        }
    }

    /// Notes that all that a backfill has changed was put back, or thrown away: of its partitions only the last is kept.
    func rolledBack(_ backfill: String, step: String, at now: Timestamp) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                "UPDATE main._strandline_partitions SET rolled_back_at = ? WHERE backfill = ? AND step = ?",
                [.text(now.rfc3339), .text(backfill), .text(step)])
        }
        try FoldedPartitions(connection).remove(backfill, step: step)
    }

    /// Records a partition.
    func record(
        _ request: PartitionRequest, _ result: PartitionResult, _ checks: [CheckResult], _ manifest: CommitManifest
    ) throws(LoadStop) {
        let rows = result.rows
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                """
                INSERT INTO main._strandline_partitions (backfill, number, pipeline, step, attempt, commit_order,
                    partition_column, start_value, end_value, start_text, end_text, rows_read, rows_inserted,
                    rows_updated, rows_unchanged, rows_deleted, rows_quarantined, warnings, checks, manifest, committed_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    .text(request.load.run), Value(request.number), .text(request.load.pipeline),
                    .text(request.load.step.name), Value(request.load.attempt), Value(manifest.number),
                    .text(request.scheme.column), request.range.start.place.stored, request.range.end.place.stored,
                    .text(request.range.start.text), .text(request.range.end.text), Value(rows.read),
                    Value(rows.inserted), Value(rows.updated), Value(rows.unchanged), Value(rows.deleted),
                    Value(rows.quarantined), .text(WarningText.text(result.warnings)),
                    checks.isEmpty ? .null : .text(JSONValue.array(checks.map(\.json)).text()),
                    .text(manifest.json.text()), .text(manifest.at.rfc3339),
                ])
        }
    }
}
