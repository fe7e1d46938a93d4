public import Model
internal import Platform
internal import SQLite

/// Which backfills are asked for; nil is every one.
public struct BackfillFilter: Sendable, Equatable {
    /// The pipeline's name.
    public var pipeline: String?
    /// The state.
    public var state: BackfillState?

    /// Makes a filter; all backfills unless said.
    public init(pipeline: String? = nil, state: BackfillState? = nil) {
        self.pipeline = pipeline
        self.state = state
    }
}

extension ReadSession {
    /// The backfill of an identifier; nil when there is none.
    public func backfill(_ id: String) throws(StoreError) -> Backfill? {
        try first("read the backfill", "SELECT * FROM backfills WHERE id = ?", [.text(id)]) { row throws(SQLiteError) in
            try Backfill(row)
        }
    }

    /// Backfills, newest first.
    public func backfills(
        _ filter: BackfillFilter = BackfillFilter(), _ page: Page = Page()
    ) throws(StoreError) -> Listing<Backfill> {
        let operation = "list the backfills"
        var conditions = Conditions()
        if let before = try page.run(operation) { conditions.add("id < ?", .text(before)) }
        if let pipeline = filter.pipeline { conditions.add("pipeline = ?", .text(pipeline)) }
        if let state = filter.state { conditions.add("state = ?", .text(state.rawValue)) }
        let found = try rows(
            operation,
            "SELECT * FROM backfills \(conditions.sql) ORDER BY id DESC LIMIT ?",
            conditions.parameters + [Value(page.limit + 1)]
        ) { row throws(SQLiteError) in try Backfill(row) }
        return Listing(found, page) { $0.id }
    }

    /// Partitions of a backfill by their numbers; those in one state where `state` names it.
    public func partitions(
        of backfill: String, state: PartitionState? = nil, _ page: Page = Page()
    ) throws(StoreError) -> Listing<Partition> {
        let operation = "list the partitions"
        let after = try page.number(operation)
        let found = try partitions(
            operation,
            """
            \(ReadSession.partitionRows(in: state)) WHERE p.backfill = ? \(state == nil ? "" : "AND p.state = ?")
                AND p.number > ? ORDER BY p.number LIMIT ?
            """,
            [.text(backfill)] + (state.map { [.text($0.rawValue)] } ?? [])
                + [.integer(after ?? 0), Value(page.limit + 1)])
        return Listing(found, page) { String($0.number) }
    }

    /// The partition of a number; nil when there is none.
    public func partition(_ number: Int, of backfill: String) throws(StoreError) -> Partition? {
        try partitions(
            "read the partition", "\(ReadSession.partitionRows(in: nil)) WHERE p.backfill = ? AND p.number = ?",
            [.text(backfill), Value(number)]
        ).first
    }

    /// The backfills that are to go on, and those that have ended with partitions in hand; oldest first, all of them, for
    /// the start of the server.
    public func unsettledBackfills() throws(StoreError) -> [Backfill] {
        try rows(
            "list the backfills in hand",
            """
            SELECT * FROM backfills WHERE state IN ('queued', 'running', 'paused', 'awaiting_publish')
            UNION ALL SELECT * FROM backfills WHERE state IN ('failed', 'cancelled') AND running > 0 ORDER BY id
            """
        ) { row throws(SQLiteError) in try Backfill(row) }
    }

    /// The backfills that were cancelled, and of which nobody has noted that what they had staged is thrown away; oldest
    /// first, all of them, for the start of the server.
    public func undiscardedBackfills() throws(StoreError) -> [Backfill] {
        try rows(
            "list the backfills that may have left rows staged",
            """
            SELECT * FROM backfills WHERE mode = 'staged' AND state = 'cancelled' AND discarded_at IS NULL
                AND published_at IS NULL ORDER BY id
            """
        ) { row throws(SQLiteError) in try Backfill(row) }
    }

    /// The backfill of a step that is not at its end and whose range has places in common with another's; nil when there
    /// is none.
    public func activeBackfill(overlapping other: Backfill) throws(StoreError) -> Backfill? {
        try first(
            "look for a backfill of the same range",
            """
            SELECT * FROM backfills WHERE state IN ('queued', 'running', 'paused', 'awaiting_publish')
                AND pipeline = ? AND step = ? AND partition_column = ? COLLATE NOCASE AND is_time = ?
                AND range_start < ? AND range_end > ? ORDER BY id LIMIT 1
            """,
            [
                .text(other.pipeline), .text(other.step), .text(other.scheme.column),
                Value(other.scheme.interval.isTime), .integer(other.range.end.place.ordinal),
                .integer(other.range.start.place.ordinal),
            ]
        ) { row throws(SQLiteError) in try Backfill(row) }
    }

    /// The partitions that earlier backfills of the same step, table and column have tried in the range of `backfill`,
    /// and that were not rolled back; the one that ended last first.
    public func triedPartitions(before backfill: Backfill) throws(StoreError) -> [TriedPartition] {
        try rows(
            "look for what earlier backfills have loaded",
            """
            SELECT p.backfill, p.range_start, p.range_end, p.state
            FROM backfills b JOIN backfill_partitions p ON p.backfill = b.id
            WHERE b.pipeline = ?1 AND b.step = ?2 AND b.destination = ?3 AND b.destination_table = ?4 COLLATE NOCASE
                AND b.partition_column = ?5 COLLATE NOCASE AND b.is_time = ?6 AND b.state <> 'rolled_back'
                AND b.range_start < ?8 AND b.range_end > ?7 AND p.range_start < ?8 AND p.range_end > ?7
                AND p.state IN ('success', 'failed', 'cancelled') AND p.attempt > 0
                -- What was staged and never published has loaded nothing.
                AND (b.mode = 'direct' OR b.published_at IS NOT NULL OR p.state <> 'success')
            ORDER BY p.finished_at DESC, p.backfill DESC
            """,
            [
                .text(backfill.pipeline), .text(backfill.step), .text(backfill.destination.connection),
                .text(backfill.destination.table), .text(backfill.scheme.column),
                Value(backfill.scheme.interval.isTime), .integer(backfill.range.start.place.ordinal),
                .integer(backfill.range.end.place.ordinal),
            ]
        ) { row throws(SQLiteError) in
            TriedPartition(
                backfill: try row.text("backfill"), places: try row.int("range_start")..<row.int("range_end"),
                state: try row.decoded("state") { PartitionState(rawValue: $0) })
        }
    }

    /// Why partitions of a backfill failed: each reason once, with the first partition that it stopped and how many it
    /// did; the most frequent first.
    public func partitionFailures(
        of backfill: String
    ) throws(StoreError) -> [(failure: Failure, first: Partition, count: Int)] {
        let operation = "read why partitions failed"
        let found = try rows(
            operation,
            """
            SELECT min(number) AS number, count(*) AS n FROM backfill_partitions INDEXED BY backfill_partitions_by_state
            WHERE backfill = ? AND state = 'failed'
            GROUP BY error ORDER BY n DESC, number LIMIT ?
            """, [.text(backfill), Value(Limits.partitionFailuresShown)]
        ) { row throws(SQLiteError) in (Int(try row.int("number")), Int(try row.int("n"))) }
        var failures: [(failure: Failure, first: Partition, count: Int)] = []
        for (number, count) in found {
            guard let partition = try partition(number, of: backfill), let error = partition.error else { continue }
            failures.append((error, partition, count))
        }
        return failures
    }

    /// Rows and seconds of the partitions of a step's last backfills; nil where none has loaded anything.
    public func pastPartitions(_ pipeline: String, _ step: String) throws(StoreError) -> (rows: Int, seconds: Double)? {
        try pace(
            "read how long backfills took",
            """
            SELECT sum(rows_read) AS n, sum(busy) AS time FROM (
                SELECT rows_read, busy FROM backfills WHERE pipeline = ? AND step = ? AND success > 0
                ORDER BY id DESC LIMIT ?)
            """, [.text(pipeline), .text(step), Value(Limits.pastLoads)])
    }

    /// Rows and seconds of a step's last runs that loaded something; nil where none has.
    public func pastRuns(_ pipeline: String, _ step: String) throws(StoreError) -> (rows: Int, seconds: Double)? {
        try pace(
            "read how long runs took",
            """
            SELECT sum(rows_read) AS n, sum(time) AS time FROM (
                SELECT s.rows_read, s.finished_at - s.started_at AS time
                FROM runs r JOIN step_runs s ON s.run = r.id
                WHERE r.pipeline = ? AND s.name = ? AND s.state = 'success' AND s.rows_read > 0
                ORDER BY r.id DESC LIMIT ?)
            """, [.text(pipeline), .text(step), Value(Limits.pastLoads)])
    }

    private func pace(
        _ operation: String, _ sql: String, _ parameters: [Value]
    ) throws(StoreError) -> (rows: Int, seconds: Double)? {
        let found = try first(operation, sql, parameters) { row throws(SQLiteError) in
            (rows: Int(try row.optionalInt("n") ?? 0), seconds: Double(try row.optionalInt("time") ?? 0) / 1e6)
        }
        return found.flatMap { $0.rows > 0 && $0.seconds > 0 ? $0 : nil }
    }

    /// Rows of partitions, each with what its backfill says of the places in it; found by a state where that is one.
    private static func partitionRows(in state: PartitionState?) -> String {
        // Left to itself the planner takes the key, and reads a hundred thousand rows to find one that failed.
        let index = state == nil ? "" : "INDEXED BY backfill_partitions_by_state"
        return "SELECT p.*, b.is_time FROM backfill_partitions p \(index) JOIN backfills b ON b.id = p.backfill"
    }

    private func partitions(
        _ operation: String, _ sql: String, _ parameters: [Value]
    ) throws(StoreError) -> [Partition] {
        try rows(operation, sql, parameters) { row throws(SQLiteError) in try Partition(row) }
    }
}

extension Backfill {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        let interval = try row.decoded("partition_interval") { JSONValue(stored: $0).flatMap { Interval(json: $0) } }
        let format: CursorFormat? =
            row["partition_format"].isNull
            ? nil : try row.decoded("partition_format") { CursorFormat(rawValue: $0) }
        self.init(
            id: try row.text("id"), pipeline: try row.text("pipeline"), step: try row.text("step"),
            destination: LoadStep.Destination(
                connection: try row.text("destination"), table: try row.text("destination_table")),
            state: try row.decoded("state") { BackfillState(rawValue: $0) },
            scheme: PartitionScheme(
                column: try row.text("partition_column"), format: format, interval: interval,
                timezone: try row.text("timezone")),
            range: try PartitionRange(row), options: try BackfillOptions(row), partitions: try PartitionCounts(row),
            skipped: Int(try row.int("skipped")), rows: try RowCounts(row),
            rowsExpected: try row.optionalInt("rows_expected").map { Int($0) },
            createdAt: try row.timestamp("created_at"), startedAt: try row.optionalTimestamp("started_at"),
            finishedAt: try row.optionalTimestamp("finished_at"), error: try row.optionalFailure("error"))
        if let path = try row.optionalText("destination_path") {
            destinationFile = FileMark(path: path, identity: try row.text("destination_identity"))
        }
        rowsPassed = Int(try row.int("rows_passed"))
        busy = .microseconds(try row.int("busy"))
        publishedAt = try row.optionalTimestamp("published_at")
        if !row["publish_warnings"].isNull {
            warnings = try row.decoded("publish_warnings") { [LoadWarning](stored: $0) }
        }
        var compared = BackfillReconciliation()
        compared.reconciled = Int(try row.int("reconciled"))
        compared.unreconciled = Int(try row.int("unreconciled"))
        compared.sourceRows = Int(try row.int("source_rows"))
        compared.shadowRows = Int(try row.int("shadow_rows"))
        compared.missing = Int(try row.int("keys_missing"))
        compared.extra = Int(try row.int("keys_extra"))
        if compared.reconciled + compared.unreconciled > 0 { reconciliation = compared }
    }
}

extension BackfillOptions {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init()
        parallelism = Int(try row.int("parallelism"))
        order = try row.decoded("partition_order") { PartitionOrder(rawValue: $0) }
        mode = try row.decoded("mode") { BackfillMode(rawValue: $0) }
        reprocess = try row.decoded("reprocess") { Reprocess(rawValue: $0) }
        maxPartitions = Int(try row.int("max_partitions"))
        maxRowsPerPartition = try row.optionalInt("max_rows_per_partition").map { Int($0) }
        allowShrink = try row.bool("allow_shrink")
        autoPublish = try row.bool("auto_publish")
        holdDownstream = try row.bool("hold_downstream")
        reason = try row.text("reason")
    }
}

extension PartitionCounts {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init()
        pending = Int(try row.int("pending"))
        running = Int(try row.int("running"))
        success = Int(try row.int("success"))
        failed = Int(try row.int("failed"))
        cancelled = Int(try row.int("cancelled"))
    }
}

extension RowCounts {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            read: Int(try row.int("rows_read")), inserted: Int(try row.int("rows_inserted")),
            updated: Int(try row.int("rows_updated")), unchanged: Int(try row.int("rows_unchanged")),
            deleted: Int(try row.int("rows_deleted")), quarantined: Int(try row.int("rows_quarantined")))
    }
}

extension PartitionRange {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        let isTime = try row.bool("is_time")
        func bound(_ place: String, _ text: String) throws(SQLiteError) -> PartitionBound {
            let number = try row.int(place)
            return PartitionBound(
                isTime ? .time(Timestamp(microseconds: number)) : .number(number), text: try row.text(text))
        }
        self.init(start: try bound("range_start", "start_text"), end: try bound("range_end", "end_text"))
    }
}

extension Partition {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            backfill: try row.text("backfill"), number: Int(try row.int("number")), range: try PartitionRange(row),
            state: try row.decoded("state") { PartitionState(rawValue: $0) }, attempt: Int(try row.int("attempt")),
            rowsExpected: try row.optionalInt("rows_expected").map { Int($0) },
            result: row["rows_read"].isNull
                ? nil
                : PartitionResult(
                    rows: try RowCounts(row), warnings: try row.decoded("warnings") { [LoadWarning](stored: $0) }),
            startedAt: try row.optionalTimestamp("started_at"), finishedAt: try row.optionalTimestamp("finished_at"),
            error: try row.optionalFailure("error"))
        if !row["reconciliation"].isNull {
            result?.reconciliation = try row.decoded("reconciliation") {
                JSONValue(stored: $0).flatMap { Reconciliation(json: $0) }
            }
        }
    }
}
