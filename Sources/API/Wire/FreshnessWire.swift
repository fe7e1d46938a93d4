internal import Engine
internal import Model
internal import Platform

/// A member of an answer whose ages are told when it is asked for.
typealias AgedMember = (key: String, value: AgedValue)

extension PipelineFreshness {
    /// How the pipeline stands, as its worst step does, with both clocks.
    var members: [AgedMember] {
        let watermark = furthestBehind ?? worst
        return [
            ("pipeline", .fixed(.string(name))), ("status", .fixed(.string(state.rawValue))),
            ("since", .fixed(JSONValue(worst.since?.rfc3339))), ("has_limits", .fixed(.bool(hasLimits))),
            ("basis", .fixed(.string(worst.basis.rawValue))), ("step", .fixed(.string(worst.name))),
        ] + worst.limits + [
            ("watermark", .fixed(watermark.clocks.watermark?.json ?? .null)),
            ("watermark_at", .fixed(JSONValue(watermark.watermarkAt?.rfc3339))),
            ("watermark_lag_seconds", .age(of: watermark.watermarkAt)),
            ("last_success_at", .fixed(JSONValue(lastSuccessAt?.rfc3339))),
            ("success_lag_seconds", .age(of: lastSuccessAt)),
            ("last_change_at", .fixed(JSONValue(lastChangeAt?.rfc3339))),
            ("last_attempt_at", .fixed(JSONValue(lastAttemptAt?.rfc3339))),
            ("last_run_state", .fixed(JSONValue(lastRunState?.rawValue))), ("reason", .fixed(.string(reason))),
        ]
    }

    /// The same as one value at `now`; without `now` the ages are left out, so that the value changes only with what it tells of.
    func wire(at now: Timestamp?) -> JSONValue {
        .object(
            members.compactMap { member in
                if now == nil, case .age = member.value { return nil }
                return .init(member.key, member.value.json(at: now ?? Timestamp(microseconds: 0)))
            })
    }
}

extension FreshnessChange {
    /// The entry as a history shows it; its age is what it was when it was recorded.
    var wire: JSONValue {
        .object([
            "at": .string(at.rfc3339), "since": JSONValue(since?.rfc3339), "status": .string(state.rawValue),
            "previous": JSONValue(previous?.rawValue), "step": .string(step),
            "lag_seconds": reckonedFrom.map { .number(max(0, at.since($0).seconds)) } ?? .null,
            "reason": .string(reason),
        ])
    }
}

extension StepFreshness {
    /// The age by which it is judged, with its limits.
    fileprivate var limits: [AgedMember] {
        [
            ("lag_seconds", .age(of: reckonedFrom)),
            ("warn_after_seconds", .fixed(StepFreshness.seconds(policy?.warnAfter))),
            ("error_after_seconds", .fixed(StepFreshness.seconds(policy?.errorAfter))),
            ("deadline_at", .fixed(JSONValue(dueAt?.rfc3339))),
        ]
    }

    /// How the step stands, with both clocks.
    var members: [AgedMember] {
        [
            ("name", .fixed(.string(name))), ("kind", .fixed(.string(kind.rawValue))),
            ("status", .fixed(.string(state.rawValue))), ("since", .fixed(JSONValue(since?.rfc3339))),
            ("has_limits", .fixed(.bool(policy != nil))), ("basis", .fixed(.string(basis.rawValue))),
        ] + limits + [
            ("watermark", .fixed(clocks.watermark?.json ?? .null)),
            ("watermark_at", .fixed(JSONValue(watermarkAt?.rfc3339))),
            ("watermark_lag_seconds", .age(of: watermarkAt)),
            ("last_success_at", .fixed(JSONValue(clocks.lastSuccessAt?.rfc3339))),
            ("success_lag_seconds", .age(of: clocks.lastSuccessAt)),
            ("last_change_at", .fixed(JSONValue(clocks.lastChangeAt?.rfc3339))),
            ("last_attempt_at", .fixed(JSONValue(clocks.lastAttemptAt?.rfc3339))), ("reason", .fixed(.string(reason))),
        ]
    }

    /// Whole seconds as an integer, for figures that a person has written.
    private static func seconds(_ duration: Duration?) -> JSONValue {
        guard let duration else { return .null }
        let microseconds = duration.microseconds
        return microseconds % 1_000_000 == 0 ? .integer(microseconds / 1_000_000) : .number(duration.seconds)
    }
}
