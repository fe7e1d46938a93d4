public import Model
public import Platform
internal import SQLite

/// What else changes with a run's state.
public struct RunChange: Sendable {
    /// The attempt that the change is made for; another stored attempt refuses it as `fenced`. Nil asks nothing.
    public var ifAttempt: Int?
    /// The new attempt number; nil leaves it.
    public var attempt: Int?
    /// When the run first started; for a change to `running`, the transaction's time unless said. A start that is stored
    /// stays.
    public var startedAt: Timestamp?
    /// When the run ended; for a change to a final state, the transaction's time unless said.
    public var finishedAt: Timestamp?
    /// When the next attempt may start; only for a run that goes back to `queued`.
    public var retryAt: Timestamp?
    /// Why the run, or its last attempt, failed; nil leaves what is stored, and success clears it.
    public var error: Failure?

    /// Makes a change of nothing unless said.
    public init(
        ifAttempt: Int? = nil, attempt: Int? = nil, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil,
        retryAt: Timestamp? = nil, error: Failure? = nil
    ) {
        self.ifAttempt = ifAttempt
        self.attempt = attempt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.retryAt = retryAt
        self.error = error
    }
}

extension Transaction {
    /// Stores a new run with its steps; the pipeline must be stored. `era` is that of the schedule which started it.
    ///
    /// Refused as `queueFull` while `Limits.queuedJobs` runs are queued, and where a run of the same tick is stored.
    public func insertRun(_ run: Run, era: Int? = nil) throws(StoreError) {
        let operation = "store the run"
        guard try pipeline(run.pipeline) != nil else {
            throw StoreError(.unknownPipeline, operation, "there is no pipeline \(run.pipeline)")
        }
        let queued = try first(operation, "SELECT count(*) AS n FROM runs WHERE state = 'queued'") {
            row throws(SQLiteError) in try row.int("n")
        }
        guard queued ?? 0 < Limits.queuedJobs else {
            throw StoreError(
                .queueFull, operation, "\(Limits.queuedJobs) runs are queued already",
                hint: "wait until some have run, or cancel some")
        }
        try self.run(
            operation,
            """
            INSERT INTO runs (id, pipeline, state, "trigger", attempt, steps, full_refresh, allow_shrink, created_at,
                started_at, finished_at, retry_at, error, retry_of, scheduled_for, schedule_era, ticks,
                priority, allow_stale_upstream) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(run.id), .text(run.pipeline), .text(run.state.rawValue), .text(run.trigger.rawValue),
                // Names of steps hold no comma.
                Value(run.attempt), .text(run.options.steps.joined(separator: ",")), Value(run.options.fullRefresh),
                Value(run.options.allowShrink), Value(run.createdAt), Value(run.startedAt), Value(run.finishedAt),
                Value(run.retryAt), Value(run.error?.stored), Value(run.retryOf), Value(run.scheduledFor), Value(era),
                Value(run.ticks), Value(run.options.priority?.rawValue), Value(run.options.allowStaleUpstream),
            ])
        touch(run.pipeline)
        for (position, step) in run.steps.enumerated() {
            try self.run(
                operation, "INSERT INTO step_runs (run, position, name, state, strategy) VALUES (?, ?, ?, ?, ?)",
                [
                    .text(run.id), Value(position), .text(step.name), .text(StepRunState.pending.rawValue),
                    .text(step.strategy?.rawValue ?? StepKind.sql.rawValue),
                ])
            if step.state != .pending || step.startedAt != nil || step.result != nil || step.error != nil {
                try store(step, of: run.id, operation)
            }
        }
    }

    /// Moves a run to another state, at `now` unless the change says when, as its transition table allows; answers the run as it is then.
    ///
    /// Going back to `queued` makes every step that did not succeed `pending` again for the next attempt. A final
    /// state ends the steps that have not ended: those that run fail, or are cancelled with the run; those that wait
    /// are skipped, or cancelled.
    @discardableResult
    public func changeRun(
        _ id: String, to state: RunState, _ change: RunChange = RunChange()
    ) throws(StoreError) -> Run {
        let operation = "change the run"
        let run = try stored(id, change.ifAttempt, operation)
        guard run.state.mayBecome(state) else {
            throw StoreError(
                .illegalTransition, operation,
                "the run \(id) is \(run.state.rawValue) and cannot become \(state.rawValue)",
                hint: run.state.isFinal ? "the run has ended; start another one" : "")
        }
        let start = state == .running ? change.startedAt ?? now : nil
        let end = state.isFinal ? change.finishedAt ?? now : nil
        try self.run(
            operation,
            """
            UPDATE runs SET state = ?2, attempt = ?3, started_at = ?4, finished_at = ?5, retry_at = ?6, error = ?7
            WHERE id = ?1
            """,
            [
                .text(id), .text(state.rawValue), Value(change.attempt ?? run.attempt),
                Value(run.startedAt ?? start), Value(end),
                Value(state == .queued ? change.retryAt : nil),
                Value(state == .success ? nil : (change.error ?? run.error)?.stored),
            ])
        try changeSteps(of: id, with: state, at: end ?? now, operation)
        touch(run.pipeline)
        let changed = try stored(id, nil, operation)
        if state.isFinal { ended.append(changed) }
        return changed
    }

    /// Stores what is known of a step of a run, as its transition table allows; the same state again is allowed.
    ///
    /// - Parameter ifAttempt: the attempt that the change is made for; another stored attempt refuses it as `fenced`.
    public func updateStep(_ id: String, _ step: StepRun, ifAttempt: Int? = nil) throws(StoreError) {
        let operation = "change the step run"
        let run = try stored(id, ifAttempt, operation)
        guard let before = run.steps.first(where: { $0.name == step.name }) else {
            throw StoreError(.unknownStep, operation, "the run \(id) has no step \(step.name)")
        }
        guard before.state == step.state || before.state.mayBecome(step.state) else {
            throw StoreError(
                .illegalTransition, operation,
                "the step \(step.name) of the run \(id) is \(before.state.rawValue) and cannot become \(step.state.rawValue)"
            )
        }
        try store(step, of: id, operation)
        try keepSuccess(step, of: run, operation)
        try keepClocks(of: step, in: run.pipeline, operation)
    }

    /// Notes that a run was rolled back; the first time counts.
    public func markRolledBack(_ id: String) throws(StoreError) {
        let operation = "note that the run was rolled back"
        let changed = try run(
            operation, "UPDATE runs SET rolled_back_at = ? WHERE id = ? AND rolled_back_at IS NULL",
            [Value(now), .text(id)])
        try takeBackSuccesses(of: id, operation)
        if changed > 0 { try setBackClocks(rolledBack: id, operation) }
    }

    /// Removes the oldest finished runs above `bound`, with their steps, and the manifests of all but the newest runs;
    /// answers how many runs.
    @discardableResult
    public func trimRuns(
        to bound: Int = Limits.finishedRuns, manifests: Int = Limits.manifestRuns
    ) throws(StoreError) -> Int {
        try run(
            "trim the manifests",
            "DELETE FROM step_manifests WHERE run <= (SELECT id FROM runs ORDER BY id DESC LIMIT 1 OFFSET ?)",
            [Value(manifests)])
        return try run(
            "trim the runs",
            """
            DELETE FROM runs WHERE state IN ('success', 'failed', 'cancelled') AND id <= (
                SELECT id FROM runs WHERE state IN ('success', 'failed', 'cancelled') ORDER BY id DESC LIMIT 1 OFFSET ?)
            """, [Value(bound)])
    }

    private func stored(_ id: String, _ attempt: Int?, _ operation: String) throws(StoreError) -> Run {
        guard let run = try run(id) else {
            throw StoreError(.unknownRun, operation, "there is no run \(id)")
        }
        if let attempt, attempt != run.attempt {
            throw StoreError(
                .fenced, operation,
                "attempt \(attempt) of the run \(id) was given up; attempt \(run.attempt) has taken over")
        }
        return run
    }

    private func changeSteps(
        of run: String, with state: RunState, at time: Timestamp, _ operation: String
    ) throws(StoreError) {
        switch state {
        case .running:
            return
        case .queued:
            try self.run(
                operation,
                """
                UPDATE step_runs SET state = 'pending', started_at = NULL, finished_at = NULL, error = NULL,
                    rows_read = NULL, rows_inserted = NULL, rows_updated = NULL, rows_unchanged = NULL,
                    rows_deleted = NULL, watermark_before = NULL, watermark_after = NULL, watermark_key = NULL,
                    commits = NULL, warnings = NULL, read_window = NULL, rows_quarantined = NULL, checks = NULL
                WHERE run = ? AND state NOT IN ('success', 'pending')
                """, [.text(run)])
        case .success, .failed, .cancelled:
            let ends: (running: StepRunState, pending: StepRunState) =
                state == .cancelled ? (.cancelled, .cancelled) : (.failed, .skipped)
            try self.run(
                operation,
                """
                UPDATE step_runs SET state = CASE state WHEN 'running' THEN ?2 ELSE ?3 END, finished_at = ?4
                WHERE run = ?1 AND state IN ('running', 'pending')
                """, [.text(run), .text(ends.running.rawValue), .text(ends.pending.rawValue), Value(time)])
        }
    }

    private func store(_ step: StepRun, of run: String, _ operation: String) throws(StoreError) {
        let result = step.result
        try self.run(
            operation,
            """
            UPDATE step_runs SET state = ?3, started_at = ?4, finished_at = ?5, error = ?6, rows_read = ?7,
                rows_inserted = ?8, rows_updated = ?9, rows_unchanged = ?10, rows_deleted = ?11, watermark_before = ?12,
                watermark_after = ?13, watermark_key = ?14, commits = ?15, warnings = ?16, read_window = ?17,
                rows_quarantined = ?18, checks = ?19
            WHERE run = ?1 AND name = ?2
            """,
            [
                .text(run), .text(step.name), .text(step.state.rawValue), Value(step.startedAt), Value(step.finishedAt),
                Value(step.error?.stored), Value(result?.counts.read), Value(result?.counts.inserted),
                Value(result?.counts.updated), Value(result?.counts.unchanged), Value(result?.counts.deleted),
                result?.watermarkBefore?.stored ?? .null, result?.watermarkAfter?.stored ?? .null,
                Value(result?.watermarkKey.stored), Value(result?.commits), Value(result?.warnings.stored),
                Value(result?.window), Value(result?.counts.quarantined), Value(result?.checks.stored),
            ])
        guard let manifest = result?.manifest else {
            try self.run(
                operation, "DELETE FROM step_manifests WHERE run = ? AND step = ?", [.text(run), .text(step.name)])
            return
        }
        try self.run(
            operation, "INSERT OR REPLACE INTO step_manifests (run, step, manifest) VALUES (?, ?, ?)",
            [.text(run), .text(step.name), .text(manifest.json.text())])
    }
}
