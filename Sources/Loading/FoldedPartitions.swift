internal import Model
internal import Platform
internal import SQLite

/// What is left of the partitions of backfills that can be rolled back no longer: the intervals that they had loaded,
/// neighbours as one, so that the ledger stays whole however many backfills there were.
///
/// The last partition of each stays, by which a backfill that goes on after all knows how far it came.
struct FoldedPartitions {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// The table, as a migration of the destination's ledger.
    static let schema = """
        CREATE TABLE main._strandline_backfill_intervals (
            backfill TEXT NOT NULL, step TEXT NOT NULL, place INTEGER NOT NULL, -- among the backfill's, from 1
            pipeline TEXT NOT NULL, partition_column TEXT NOT NULL,
            start_value INTEGER NOT NULL, end_value INTEGER NOT NULL, -- a number, or microseconds since 1970
            loads INTEGER NOT NULL, committed_at TEXT NOT NULL,
            PRIMARY KEY (backfill, step, place)
        ) WITHOUT ROWID;
        CREATE INDEX main._strandline_backfill_intervals_by_step ON _strandline_backfill_intervals (pipeline, step);
        """

    /// Folds the partitions of a backfill of which nothing is kept for a rollback any more, but its last, and those of
    /// its step's oldest backfills wholly; where `run` is no backfill, nothing happens.
    func fold(_ run: String, step: String) throws(LoadStop) {
        let pipeline = try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT pipeline FROM main._strandline_partitions WHERE backfill = ? AND step = ? LIMIT 1",
                [.text(run), .text(step)])?[0].string
        }
        guard let pipeline else { return }
        try fold(run, step: step, keepsLast: true)
        for backfill in try oldest(pipeline, step) { try fold(backfill, step: step, keepsLast: false) }
        try write(
            """
            DELETE FROM main._strandline_backfill_intervals WHERE (backfill, step, place) IN (
                SELECT backfill, step, place FROM main._strandline_backfill_intervals
                WHERE pipeline = ? AND step = ? ORDER BY backfill DESC, place DESC LIMIT -1 OFFSET ?)
            """, [.text(pipeline), .text(step), Value(Limits.loadRecords)])
    }

    /// The backfills of a step beyond the newest, of those that can be rolled back no longer.
    private func oldest(_ pipeline: String, _ step: String) throws(LoadStop) -> [String] {
        try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT DISTINCT backfill FROM main._strandline_partitions AS p WHERE pipeline = ?1 AND step = ?2
                    AND \(FoldedPartitions.isDone)
                    AND NOT EXISTS (SELECT 1 FROM main._strandline_undo AS u WHERE u.run = p.backfill AND u.step = p.step)
                ORDER BY backfill DESC LIMIT -1 OFFSET ?3
                """, [.text(pipeline), .text(step), Value(Limits.loadRecords)]
            ).compactMap { $0[0].string }
        }
    }

    /// The condition that a partition, `p`, does not wait to be published.
    private static let isDone = """
        (NOT p.staged OR p.rolled_back_at IS NOT NULL OR EXISTS (SELECT 1 FROM main._strandline_backfills AS b
            WHERE b.backfill = p.backfill AND b.step = p.step AND b.published_at IS NOT NULL))
        """

    private func fold(_ backfill: String, step: String, keepsLast: Bool) throws(LoadStop) {
        let own: [Value] = [.text(backfill), .text(step), Value(keepsLast)]
        // What the last partition was, if it stays.
        let goes = """
            p.backfill = ?1 AND p.step = ?2 AND \(FoldedPartitions.isDone) AND (NOT ?3 OR p.commit_order < (
                SELECT max(commit_order) FROM main._strandline_partitions WHERE backfill = ?1))
            """
        var intervals: [Ledger.Entry] = []
        var owner: [Value] = []
        try connection.stopping { db throws(SQLiteError) in
            try db.forEach(
                """
                SELECT 0, place, start_value, end_value, loads, committed_at, pipeline, partition_column
                FROM main._strandline_backfill_intervals WHERE backfill = ?1 AND step = ?2
                UNION ALL
                SELECT 1, commit_order, start_value, end_value, 1, committed_at, pipeline, partition_column
                FROM main._strandline_partitions AS p WHERE \(goes) AND p.rolled_back_at IS NULL ORDER BY 1, 2
                """, own
            ) { row throws(SQLiteError) in
                intervals.join(try Ledger.Entry(row, of: backfill))
                if owner.isEmpty { owner = [row["pipeline"], row["partition_column"]] }
                return true
            }
        }
        try write(
            "DELETE FROM main._strandline_backfill_intervals WHERE backfill = ? AND step = ?",
            [.text(backfill), .text(step)])
        for (place, interval) in intervals.enumerated() {
            try write(
                """
                INSERT INTO main._strandline_backfill_intervals (backfill, step, place, pipeline, partition_column,
                    start_value, end_value, loads, committed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [.text(backfill), .text(step), Value(place + 1)] + owner + [
                    interval.start?.stored ?? .null, interval.end.stored, Value(interval.loads),
                    .text(interval.loadedAt.rfc3339),
                ])
        }
        try write("DELETE FROM main._strandline_partitions AS p WHERE \(goes)", own)
    }

    /// Removes the partitions of a backfill that was put back, but its last.
    func remove(_ backfill: String, step: String) throws(LoadStop) {
        try write(
            """
            DELETE FROM main._strandline_partitions WHERE backfill = ?1 AND step = ?2 AND commit_order < (
                SELECT max(commit_order) FROM main._strandline_partitions WHERE backfill = ?1)
            """, [.text(backfill), .text(step)])
    }

    private func write(_ sql: String, _ parameters: [Value]) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in _ = try db.run(sql, parameters) }
    }
}

extension Ledger.Entry {
    /// The interval of a row; its bounds are numbers, whatever they mean.
    fileprivate init(_ row: Row, of backfill: String) throws(SQLiteError) {
        self.init(
            start: .number(try row.int("start_value")), end: .number(try row.int("end_value")), origin: .backfill,
            first: backfill, last: backfill, loads: Int(try row.int("loads")),
            loadedAt: Timestamp(rfc3339: try row.text("committed_at")) ?? Timestamp(microseconds: 0))
    }
}

extension PartitionBound.Place {
    /// The place as it is kept: a number as it is, a time in microseconds.
    var stored: Value {
        switch self {
        case .time(let time): .integer(time.microseconds)
        case .number(let number): .integer(number)
        }
    }
}
