internal import Engine
internal import Model
internal import Platform

extension Run {
    /// The run as answers show it; `progress` is that of its step in hand, `wait` what it waits for in the queue. Lists leave the manifests of its steps out.
    func wire(_ progress: RunProgress? = nil, wait: RunWait? = nil, isWhole: Bool = true) -> JSONValue {
        .object([
            "id": .string(id), "pipeline": .string(pipeline), "state": .string(state.rawValue),
            "trigger": .string(trigger.rawValue), "scheduled_for": JSONValue(scheduledFor?.rfc3339),
            "ticks": .integer(Int64(ticks)), "attempt": .integer(Int64(attempt)), "options": options.wire,
            "created_at": .string(createdAt.rfc3339), "started_at": JSONValue(startedAt?.rfc3339),
            "finished_at": JSONValue(finishedAt?.rfc3339), "retry_at": JSONValue(retryAt?.rfc3339),
            "retry_of": JSONValue(retryOf), "rolled_back_at": JSONValue(rolledBackAt?.rfc3339),
            "duration_seconds": JSONValue(from: startedAt, to: finishedAt), "progress": progress?.wire ?? .null,
            "waiting_for": wait?.wire ?? .null, "error": error?.wire ?? .null,
            "steps": .array(steps.map { $0.wire(isWhole: isWhole) }),
        ])
    }

    /// The run as answers show it, with what the engine knows of it now.
    func wire(_ engine: LoadEngine, isWhole: Bool = true) -> JSONValue {
        wire(
            state == .running ? engine.progress(of: id) : nil, wait: state == .queued ? engine.wait(of: id) : nil,
            isWhole: isWhole)
    }

    /// Where the run is found.
    var location: (name: String, value: String) { ("Location", "/v1/runs/\(id)") }

    /// The answer that promises the run: 202 with its place.
    var accepted: Answer {
        Answer(202, .json(wire()), headers: [location, ("Retry-After", "1")])
    }
}

extension RunOptions {
    /// What the trigger asked for, as it could be asked for again.
    fileprivate var wire: JSONValue {
        .object([
            "steps": .array(steps.map(JSONValue.string)), "full_refresh": .bool(fullRefresh),
            "allow_shrink": .bool(allowShrink), "allow_stale_upstream": .bool(allowStaleUpstream),
            "priority": JSONValue(priority?.rawValue),
        ])
    }
}

extension RunWait {
    /// What a queued run waits for.
    fileprivate var wire: JSONValue {
        .object([
            "reason": .string(reason.rawValue), "name": JSONValue(name), "jobs": .array(jobs.map(JSONValue.string)),
        ])
    }
}

extension RunProgress {
    /// How far the step in hand has come.
    fileprivate var wire: JSONValue { .object(members) }

    /// How far the step in hand has come, as members of an object.
    var members: [JSONValue.Member] {
        [
            .init("step", .string(step)), .init("rows_read", .integer(Int64(rowsRead))),
            .init("rows_expected", JSONValue(rowsExpected)), .init("commits", .integer(Int64(commits))),
        ]
    }
}

extension StepRun {
    /// The step run as answers show it; before it has done anything its counts are 0.
    fileprivate func wire(isWhole: Bool) -> JSONValue {
        let warnings = result?.warnings ?? []
        var members: [JSONValue.Member] = [
            .init("name", .string(name)), .init("state", .string(state.rawValue)),
            .init("kind", .string(kind.rawValue)), .init("strategy", JSONValue(strategy?.rawValue)),
            .init("started_at", JSONValue(startedAt?.rfc3339)),
            .init("finished_at", JSONValue(finishedAt?.rfc3339)),
            .init("duration_seconds", JSONValue(from: startedAt, to: finishedAt)),
            // A load that failed at its checks has read no window.
            .init("window", JSONValue(result.flatMap { $0.window.isEmpty ? nil : $0.window })),
            .init("watermark_before", result?.watermarkBefore?.json ?? .null),
            .init("watermark_after", result?.watermarkAfter?.json ?? .null),
        ]
        members += (result?.counts ?? RowCounts()).wire
        members += [
            .init("commits", .integer(Int64(result?.commits ?? 0))),
            .init("checks", .array((result?.checks ?? []).map(\.json))),
            .init("warnings", .array(warnings.map(\.wire))), .init("error", error?.wire ?? .null),
        ]
        if isWhole { members.append(.init("manifest", result?.manifest?.json ?? .null)) }
        return .object(members)
    }
}

extension RowCounts {
    /// The counts as members of a step run, or of what else counts rows.
    var wire: [JSONValue.Member] {
        [
            .init("rows_read", .integer(Int64(read))), .init("rows_inserted", .integer(Int64(inserted))),
            .init("rows_updated", .integer(Int64(updated))), .init("rows_unchanged", .integer(Int64(unchanged))),
            .init("rows_deleted", .integer(Int64(deleted))), .init("rows_quarantined", .integer(Int64(quarantined))),
        ]
    }
}

extension Failure {
    /// The failure of a run or a step.
    var wire: JSONValue {
        .object([
            "code": .string(code.rawValue), "message": .string(message), "hint": JSONValue(hint.isEmpty ? nil : hint),
            "field": JSONValue(field), "transient": .bool(isTransient),
        ])
    }
}

extension LoadWarning {
    /// The warning as answers show it.
    var wire: JSONValue { .object(["code": .string(code), "message": .string(message)]) }
}

extension JSONValue {
    /// The seconds from one instant to another, 0 where the clock went back between them; null while either is unknown.
    init(from start: Timestamp?, to end: Timestamp?) {
        guard let start, let end else {
            self = .null
            return
        }
        self = .number(Double(max(0, end.since(start).microseconds)) / 1_000_000)
    }
}
