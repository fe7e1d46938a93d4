public import Model
internal import Platform
internal import SQLite

extension ReadSession {
    /// What is known of a pipeline that its freshness is judged by; empty where there is no such pipeline.
    public func freshnessFacts(of pipeline: String) throws(StoreError) -> FreshnessFacts {
        let operation = "read how fresh the pipeline is"
        let steps = try rows(
            operation,
            """
            SELECT c.*, s.finished_at AS last_success_at, w.value AS watermark, v.value AS verified FROM step_clocks AS c
            LEFT JOIN step_successes AS s ON s.pipeline = c.pipeline AND s.step = c.step
            LEFT JOIN watermarks AS w ON w.pipeline = c.pipeline AND w.step = c.step
            LEFT JOIN verifications AS v ON v.pipeline = c.pipeline AND v.step = c.step WHERE c.pipeline = ?
            """, [.text(pipeline)]
        ) { row throws(SQLiteError) in (try row.text("step"), try StepClocks(row)) }
        let run = try first(
            operation,
            """
            SELECT state, created_at, started_at, finished_at, error FROM runs WHERE pipeline = ? ORDER BY id DESC LIMIT 1
            """, [.text(pipeline)]
        ) { row throws(SQLiteError) in try FreshnessFacts.LastRun(row) }
        let schedule = try first(
            operation, "SELECT paused_by_document, paused_at FROM schedules WHERE pipeline = ?", [.text(pipeline)]
        ) { row throws(SQLiteError) in
            (isPaused: try row.bool("paused_by_document"), pausedAt: try row.optionalTimestamp("paused_at"))
        }
        return FreshnessFacts(
            steps: Dictionary(uniqueKeysWithValues: steps), lastRun: run, isScheduled: schedule != nil,
            isPaused: schedule.map { $0.isPaused || $0.pausedAt != nil } ?? false, pausedAt: schedule?.pausedAt)
    }

    /// The version of a pipeline's document; nil when there is no such pipeline.
    public func pipelineVersion(_ name: String) throws(StoreError) -> Int? {
        try version(.pipeline, name, expecting: .anything, "read the pipeline")
    }

    /// The names of all pipelines, in order.
    public func pipelineNames() throws(StoreError) -> [String] {
        try rows("list the pipelines", "SELECT name FROM pipelines ORDER BY name") { row throws(SQLiteError) in
            try row.text("name")
        }
    }
}

extension Transaction {
    /// Has the freshness of a pipeline looked at before this is committed.
    public func touch(_ pipeline: String) { touched.insert(pipeline) }

    /// Notes what a run's step says of when it was begun, and when it changed rows.
    ///
    /// The newest counts, not the latest: a clock that ran ahead must not keep a table fresh once it was set right.
    func keepClocks(of step: StepRun, in pipeline: String, _ operation: String) throws(StoreError) {
        touch(pipeline)
        guard let start = step.startedAt else { return }
        let counts = step.state == .success ? step.result?.counts : nil
        let isChange = counts.map { $0.inserted + $0.updated + $0.deleted > 0 } ?? false
        try run(
            operation,
            """
            UPDATE step_clocks SET last_attempt_at = ?3, last_change_at = coalesce(?4, last_change_at)
            WHERE pipeline = ?1 AND step = ?2
            """, [.text(pipeline), .text(step.name), Value(start), Value(isChange ? step.finishedAt : nil)])
    }

    /// Sets when the steps of a run that was rolled back have changed rows to what it was without it, as far as the history goes.
    func setBackClocks(rolledBack id: String, _ operation: String) throws(StoreError) {
        guard let pipeline = try run(id)?.pipeline else { return }
        touch(pipeline)
        try run(
            operation,
            """
            UPDATE step_clocks SET last_change_at = (
                SELECT s.finished_at FROM runs AS r JOIN step_runs AS s ON s.run = r.id AND s.name = step_clocks.step
                WHERE r.pipeline = ?1 AND r.rolled_back_at IS NULL AND s.state = 'success'
                    AND s.rows_inserted + s.rows_updated + s.rows_deleted > 0
                ORDER BY r.id DESC LIMIT 1)
            WHERE pipeline = ?1 AND step IN (SELECT name FROM step_runs WHERE run = ?2 AND state = 'success')
            """, [.text(pipeline), .text(id)])
    }

    /// Begins the clocks of the steps that a stored document has and that were not there, and forgets those of others.
    func adoptClocks(of pipeline: String, _ operation: String) throws(StoreError) {
        touch(pipeline)
        try run(
            operation,
            """
            DELETE FROM step_clocks WHERE pipeline = ?1 AND step NOT IN (
                SELECT json_extract(s.value, '$.name') FROM pipelines AS p, json_each(p.document, '$.steps') AS s
                WHERE p.name = ?1)
            """, [.text(pipeline)])
        try run(
            operation,
            """
            INSERT OR IGNORE INTO step_clocks (pipeline, step, known_since)
            SELECT p.name, json_extract(s.value, '$.name'), ?2
            FROM pipelines AS p, json_each(p.document, '$.steps') AS s WHERE p.name = ?1
            """, [.text(pipeline), Value(now)])
    }

    /// Begins the clocks of the steps anew that write by a connection, which leads to another file now.
    func restartClocks(destination connection: String, _ operation: String) throws(StoreError) {
        for pipeline in try pipelines(using: connection) {
            try run(
                operation,
                """
                DELETE FROM step_clocks WHERE pipeline = ?1 AND step IN (
                    SELECT json_extract(s.value, '$.name') FROM pipelines AS p, json_each(p.document, '$.steps') AS s
                    WHERE p.name = ?1 AND json_extract(s.value, '$.destination.connection') = ?2)
                """, [.text(pipeline), .text(connection)])
            try adoptClocks(of: pipeline, operation)
        }
    }
}

extension StepClocks {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            knownSince: try row.timestamp("known_since"), lastAttemptAt: try row.optionalTimestamp("last_attempt_at"),
            lastSuccessAt: try row.optionalTimestamp("last_success_at"),
            lastChangeAt: try row.optionalTimestamp("last_change_at"), watermark: CursorValue(stored: row["watermark"]))
        verifiedThrough = CursorValue(stored: row["verified"])
    }
}

extension FreshnessFacts.LastRun {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            state: try row.decoded("state") { RunState(rawValue: $0) }, createdAt: try row.timestamp("created_at"),
            startedAt: try row.optionalTimestamp("started_at"), finishedAt: try row.optionalTimestamp("finished_at"),
            error: try row.optionalFailure("error")?.message)
    }
}
