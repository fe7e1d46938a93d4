public import Model
public import Platform
internal import SQLite

/// Which runs are asked for; nil is every one.
public struct RunFilter: Sendable, Equatable {
    /// The pipeline's name.
    public var pipeline: String?
    /// The state.
    public var state: RunState?
    /// The earliest creation.
    public var since: Timestamp?

    /// Makes a filter; all runs unless said.
    public init(pipeline: String? = nil, state: RunState? = nil, since: Timestamp? = nil) {
        self.pipeline = pipeline
        self.state = state
        self.since = since
    }
}

extension ReadSession {
    /// The run of an identifier with its steps; nil when there is none.
    public func run(_ id: String) throws(StoreError) -> Run? {
        let operation = "read the run"
        guard
            var run = try first(
                operation, "SELECT * FROM runs WHERE id = ?", [.text(id)], { row throws(SQLiteError) in try Run(row) })
        else { return nil }
        run.steps = try steps(of: id, operation)
        let manifests = try manifests(of: id, operation)
        for (place, step) in run.steps.enumerated() { run.steps[place].result?.manifest = manifests[step.name] }
        return run
    }

    /// Runs, newest first.
    public func runs(_ filter: RunFilter = RunFilter(), _ page: Page = Page()) throws(StoreError) -> Listing<Run> {
        let operation = "list the runs"
        var conditions = Conditions()
        if let before = try page.run(operation) { conditions.add("id < ?", .text(before)) }
        if let pipeline = filter.pipeline { conditions.add("pipeline = ?", .text(pipeline)) }
        if let state = filter.state { conditions.add("state = ?", .text(state.rawValue)) }
        if let since = filter.since { conditions.add("created_at >= ?", Value(since)) }
        let found = try runs(
            operation,
            "SELECT * FROM runs \(conditions.sql) ORDER BY id DESC LIMIT ?",
            conditions.parameters + [Value(page.limit + 1)])
        return Listing(found, page) { $0.id }
    }

    /// Whether a run that an upstream pipeline caused waits for its first start.
    public func waitsForUpstream(_ pipeline: String) throws(StoreError) -> Bool {
        try first(
            "look for a run that waits",
            """
            SELECT 1 FROM runs
            WHERE pipeline = ? AND state = 'queued' AND "trigger" = 'upstream' AND started_at IS NULL LIMIT 1
            """, [.text(pipeline)]
        ) { _ in true } ?? false
    }

    /// The greatest identifier of a run, an audit or a backfill; nil when there is none.
    public func lastIdentifier() throws(StoreError) -> String? {
        try first(
            "read the last identifier",
            """
            SELECT max(id) AS id FROM (
                SELECT max(id) AS id FROM runs UNION ALL SELECT max(id) FROM audits UNION ALL SELECT max(id) FROM backfills)
            """
        ) { row throws(SQLiteError) in try row.optionalText("id") } ?? nil
    }

    /// The runs that are queued or running, oldest first; all of them, for the start of the server.
    public func activeRuns() throws(StoreError) -> [Run] {
        try runs("list the runs in hand", "SELECT * FROM runs WHERE state IN ('queued', 'running') ORDER BY id", [])
    }

    private func runs(_ operation: String, _ sql: String, _ parameters: [Value]) throws(StoreError) -> [Run] {
        var runs = try rows(operation, sql, parameters) { row throws(SQLiteError) in try Run(row) }
        for index in runs.indices { runs[index].steps = try steps(of: runs[index].id, operation) }
        return runs
    }

    private func steps(of run: String, _ operation: String) throws(StoreError) -> [StepRun] {
        try rows(operation, "SELECT * FROM step_runs WHERE run = ? ORDER BY position", [.text(run)]) {
            row throws(SQLiteError) in try StepRun(row)
        }
    }

    private func manifests(of run: String, _ operation: String) throws(StoreError) -> [String: LoadManifest] {
        let found = try rows(operation, "SELECT step, manifest FROM step_manifests WHERE run = ?", [.text(run)]) {
            row throws(SQLiteError) in
            (try row.text("step"), try row.decoded("manifest") { LoadManifest(stored: $0) })
        }
        return Dictionary(uniqueKeysWithValues: found)
    }
}

extension Run {
    /// The run in a row, without its steps.
    fileprivate init(_ row: Row) throws(SQLiteError) {
        let steps = try row.text("steps")
        self.init(
            id: try row.text("id"), pipeline: try row.text("pipeline"),
            state: try row.decoded("state") { RunState(rawValue: $0) },
            trigger: try row.decoded("trigger") { Trigger(rawValue: $0) }, attempt: Int(try row.int("attempt")),
            options: RunOptions(
                steps: steps.split(separator: ",").map(String.init), fullRefresh: try row.bool("full_refresh"),
                allowShrink: try row.bool("allow_shrink")),
            createdAt: try row.timestamp("created_at"), startedAt: try row.optionalTimestamp("started_at"),
            finishedAt: try row.optionalTimestamp("finished_at"), retryAt: try row.optionalTimestamp("retry_at"),
            error: try row.optionalFailure("error"), steps: [])
        rolledBackAt = try row.optionalTimestamp("rolled_back_at")
        retryOf = try row.optionalText("retry_of")
        scheduledFor = try row.optionalTimestamp("scheduled_for")
        ticks = Int(try row.int("ticks"))
        options.allowStaleUpstream = try row.bool("allow_stale_upstream")
        if let priority = try row.optionalText("priority") { options.priority = RunPriority(rawValue: priority) }
    }
}

extension StepRun {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            name: try row.text("name"), state: try row.decoded("state") { StepRunState(rawValue: $0) },
            strategy: try row.text("strategy") == StepKind.sql.rawValue
                ? nil : try row.decoded("strategy") { Strategy(rawValue: $0) },
            startedAt: try row.optionalTimestamp("started_at"), finishedAt: try row.optionalTimestamp("finished_at"),
            result: row["rows_read"].isNull ? nil : try LoadResult(row), error: try row.optionalFailure("error"))
    }
}

extension LoadResult {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            counts: RowCounts(
                read: Int(try row.int("rows_read")), inserted: Int(try row.int("rows_inserted")),
                updated: Int(try row.int("rows_updated")), unchanged: Int(try row.int("rows_unchanged")),
                deleted: Int(try row.int("rows_deleted")),
                // Rows of before version 3 have neither.
                quarantined: Int(try row.optionalInt("rows_quarantined") ?? 0)),
            watermarkBefore: CursorValue(stored: row["watermark_before"]),
            watermarkAfter: CursorValue(stored: row["watermark_after"]),
            watermarkKey: try row.decoded("watermark_key") { [CursorValue](stored: $0) },
            commits: Int(try row.int("commits")), warnings: try row.decoded("warnings") { [LoadWarning](stored: $0) },
            window: try row.text("read_window"))
        if !row["checks"].isNull { checks = try row.decoded("checks") { [CheckResult](stored: $0) } }
    }
}
