internal import Model
internal import Platform

/// What the engine writes into the event log.
struct RunEvent: Sendable {
    /// The kinds; programs depend on the words.
    enum Kind: String, Sendable, CaseIterable {
        case runQueued = "run_queued"
        case runStarted = "run_started"
        case runRetrying = "run_retrying"
        case runReleased = "run_released"
        case runRecovered = "run_recovered"
        case runFinished = "run_finished"
        case stepFinished = "step_finished"
        case runRolledBack = "run_rolled_back"
        case ticksJoined = "ticks_joined"
        case schedulePaused = "schedule_paused"
        case scheduleResumed = "schedule_resumed"
        case scheduleBegunAnew = "schedule_begun_anew"
        case watermarkMoved = "watermark_moved"
        case watermarkSet = "watermark_set"
        case watermarkRemoved = "watermark_removed"
        case auditQueued = "audit_queued"
        case auditStarted = "audit_started"
        case auditReleased = "audit_released"
        case auditFinished = "audit_finished"
        case backfillQueued = "backfill_queued"
        case backfillStarted = "backfill_started"
        case backfillPaused = "backfill_paused"
        case backfillResumed = "backfill_resumed"
        case backfillRetried = "backfill_retried"
        case backfillAwaitingPublish = "backfill_awaiting_publish"
        case backfillFinished = "backfill_finished"
        case backfillRolledBack = "backfill_rolled_back"
        case partitionRetrying = "partition_retrying"
        case partitionReleased = "partition_released"
        case partitionFinished = "partition_finished"
        case auditRolledBack = "audit_rolled_back"
        case freshnessChanged = "freshness_changed"
    }

    /// What happened.
    let kind: Kind
    /// The pipeline it happened to.
    let pipeline: String
    /// The run; nil when a person did it.
    let run: String?
    /// The step; nil when it concerns the whole run.
    let step: String?
    /// What else there is to know.
    let payload: JSONValue

    /// The run, backfill or audit that it is about; nil for none.
    var work: String? { run ?? payload["backfill"]?.string ?? payload["audit"]?.string }

    /// A run was asked for, started, laid aside or finished.
    static func run(_ kind: Kind, _ run: Run) -> RunEvent {
        var members: [JSONValue.Member] = [
            .init("state", .string(run.state.rawValue)), .init("trigger", .string(run.trigger.rawValue)),
            .init("attempt", .integer(Int64(run.attempt))),
        ]
        if let tick = run.scheduledFor {
            members += [
                .init("scheduled_for", .string(tick.rfc3339)), .init("ticks", .integer(Int64(run.ticks))),
            ]
        }
        if let retryAt = run.retryAt { members.append(.init("retry_at", .string(retryAt.rfc3339))) }
        if let error = run.error { members.append(.init("error", RunEvent.json(error))) }
        return RunEvent(kind: kind, pipeline: run.pipeline, run: run.id, step: nil, payload: .object(members))
    }

    /// Ticks came while a run waits, which stands for them now.
    static func joined(_ due: DueTicks, run: String, of pipeline: String) -> RunEvent {
        RunEvent(
            kind: .ticksJoined, pipeline: pipeline, run: run, step: nil,
            payload: .object(["ticks": .integer(Int64(due.count)), "scheduled_for": .string(due.last.rfc3339)]))
    }

    /// A schedule was paused, resumed or begun anew.
    static func schedule(_ kind: Kind, of pipeline: String, _ payload: [JSONValue.Member] = []) -> RunEvent {
        RunEvent(kind: kind, pipeline: pipeline, run: nil, step: nil, payload: .object(payload))
    }

    /// A step of a run came to an end.
    static func stepFinished(_ step: StepRun, of run: Run) -> RunEvent {
        var members: [JSONValue.Member] = [.init("state", .string(step.state.rawValue))]
        if let counts = step.result?.counts {
            members += [
                .init("rows_read", .integer(Int64(counts.read))),
                .init("rows_inserted", .integer(Int64(counts.inserted))),
                .init("rows_updated", .integer(Int64(counts.updated))),
                .init("rows_unchanged", .integer(Int64(counts.unchanged))),
                .init("rows_deleted", .integer(Int64(counts.deleted))),
            ]
        }
        if let error = step.error { members.append(.init("error", json(error))) }
        return RunEvent(
            kind: .stepFinished, pipeline: run.pipeline, run: run.id, step: step.name, payload: .object(members))
    }

    /// A run was rolled back.
    static func rolledBack(_ run: Run, _ steps: [StepRollback]) -> RunEvent {
        RunEvent(
            kind: .runRolledBack, pipeline: run.pipeline, run: run.id, step: nil,
            payload: .object(["steps": .array(steps.map(\.json))]))
    }

    /// What an audit had mended was rolled back.
    static func rolledBack(_ audit: Audit, _ steps: [StepRollback]) -> RunEvent {
        RunEvent(
            kind: .auditRolledBack, pipeline: audit.pipeline, run: nil, step: audit.step,
            payload: .object(["audit": .string(audit.id), "steps": .array(steps.map(\.json))]))
    }

    /// A watermark changed.
    static func watermark(_ kind: Kind, _ watermark: Watermark) -> RunEvent {
        var members: [JSONValue.Member] = [
            .init("cursor", .string(watermark.cursor)), .init("value", watermark.value?.json ?? .null),
            .init("version", .integer(Int64(watermark.version))),
        ]
        if let reason = watermark.reason { members.append(.init("reason", .string(reason))) }
        return RunEvent(
            kind: kind, pipeline: watermark.pipeline, run: watermark.run, step: watermark.step,
            payload: .object(members))
    }

    /// The freshness of a pipeline is another one.
    static func freshness(_ change: FreshnessChange, of pipeline: String) -> RunEvent {
        RunEvent(
            kind: .freshnessChanged, pipeline: pipeline, run: nil, step: change.step,
            payload: .object([
                "status": .string(change.state.rawValue), "previous": JSONValue(change.previous?.rawValue),
                "since": JSONValue(change.since?.rfc3339), "reason": .string(change.reason),
            ]))
    }

    /// An audit was asked for, started, laid aside or finished.
    static func audit(_ kind: Kind, _ audit: Audit) -> RunEvent {
        var members: [JSONValue.Member] = [
            .init("audit", .string(audit.id)), .init("kind", .string(audit.options.kind.rawValue)),
            .init("state", .string(audit.state.rawValue)),
        ]
        if let drift = audit.result?.total.drift {
            members += [
                .init("missing", .integer(Int64(drift.missing))), .init("extra", .integer(Int64(drift.extra))),
                .init("different", .integer(Int64(drift.different))),
            ]
        }
        if let error = audit.error { members.append(.init("error", json(error))) }
        return RunEvent(kind: kind, pipeline: audit.pipeline, run: nil, step: audit.step, payload: .object(members))
    }

    /// A backfill was asked for, started, held, resumed, retried, finished or, with what that did, rolled back.
    static func backfill(_ kind: Kind, _ backfill: Backfill, _ rollback: [StepRollback] = []) -> RunEvent {
        let counts = backfill.partitions
        var members: [JSONValue.Member] = [
            .init("backfill", .string(backfill.id)), .init("state", .string(backfill.state.rawValue)),
            .init("start", backfill.range.start.json), .init("end", backfill.range.end.json),
            .init("partitions", .integer(Int64(counts.total))), .init("success", .integer(Int64(counts.success))),
            .init("failed", .integer(Int64(counts.failed))), .init("rows_read", .integer(Int64(backfill.rows.read))),
        ]
        if !rollback.isEmpty { members.append(.init("steps", .array(rollback.map(\.json)))) }
        if let error = backfill.error { members.append(.init("error", json(error))) }
        return RunEvent(
            kind: kind, pipeline: backfill.pipeline, run: nil, step: backfill.step, payload: .object(members))
    }

    /// A partition of a backfill ended, or waits for another attempt.
    static func partition(_ partition: Partition, of backfill: Backfill) -> RunEvent {
        var members: [JSONValue.Member] = [
            .init("backfill", .string(backfill.id)), .init("number", .integer(Int64(partition.number))),
            .init("start", partition.range.start.json), .init("end", partition.range.end.json),
            .init("state", .string(partition.state.rawValue)), .init("attempt", .integer(Int64(partition.attempt))),
        ]
        if let rows = partition.result?.rows {
            members += [
                .init("rows_read", .integer(Int64(rows.read))), .init("rows_inserted", .integer(Int64(rows.inserted))),
                .init("rows_updated", .integer(Int64(rows.updated))),
                .init("rows_unchanged", .integer(Int64(rows.unchanged))),
                .init("rows_deleted", .integer(Int64(rows.deleted))),
            ]
        }
        if let error = partition.error { members.append(.init("error", json(error))) }
        let kind: Kind =
            partition.state != .pending
            ? .partitionFinished : partition.error == nil ? .partitionReleased : .partitionRetrying
        return RunEvent(
            kind: kind, pipeline: backfill.pipeline, run: nil, step: backfill.step, payload: .object(members))
    }

    private static func json(_ failure: Failure) -> JSONValue {
        .object(["code": .string(failure.code.rawValue), "message": .string(failure.message)])
    }
}

extension LoadEngine {
    /// The kinds of events that the log may hold, as their words.
    public static var eventKinds: [String] { RunEvent.Kind.allCases.map(\.rawValue) }

    /// The words of the events that begin a run, a backfill or an audit.
    public static let startsOfWork = words([.runQueued, .backfillQueued, .auditQueued])

    /// The words of the events after which a run, a backfill or an audit may be over: partitions in hand outlast the end of
    /// a backfill that is cancelled.
    public static let endsOfWork = words([
        .runFinished, .auditFinished, .backfillFinished, .backfillRolledBack, .partitionFinished,
    ])

    private static func words(_ kinds: [RunEvent.Kind]) -> Set<String> { Set(kinds.map(\.rawValue)) }
}
