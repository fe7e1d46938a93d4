internal import Platform

/// Says in words why a step stands as it does. Times are instants, never ages: a sentence stays true while nothing happens.
enum FreshnessReason {
    /// A step that was loaded but has nothing whose age could be told.
    static func noWatermark(_ clocks: StepClocks) -> String {
        if let value = clocks.watermark { return "its watermark \(bounded(value.display)) is no time" }
        let success = clocks.lastSuccessAt?.rfc3339 ?? ""
        return clocks.lastChangeAt == nil
            ? "no rows yet: the last load, at \(success), found none"
            : "it has no watermark; the last load that succeeded was at \(success)"
    }

    /// A step that was judged by its age.
    static func of(_ step: StepFreshness, in facts: FreshnessFacts) -> String {
        let text = text(step, in: facts)
        guard step.state == .stale, let due = step.dueAt, step.since == due,
            let bound = step.policy?.deadline?.lowerBound
        else { return text }
        return "by \(due.rfc3339) it had to have data of the last \(DurationText.format(bound)); \(text)"
    }

    private static func text(_ step: StepFreshness, in facts: FreshnessFacts) -> String {
        let isLate = step.state == .warn || step.state == .stale
        guard let from = step.reckonedFrom?.rfc3339 else {
            let known = "nothing was loaded since the step was made at \(step.clocks.knownSince.rfc3339)"
            return isLate ? "\(known); \(cause(of: step, in: facts))" : known
        }
        switch (step.basis, isLate) {
        case (.watermark, false): return "rows up to \(from) are loaded"
        case (.lastSuccess, false): return "a load succeeded at \(from)"
        case (.watermark, true): return "no rows newer than \(from) are loaded; \(cause(of: step, in: facts))"
        case (.lastSuccess, true): return "no load has succeeded since \(from); \(cause(of: step, in: facts))"
        }
    }

    /// What has kept the step from being loaded, as far as the newest run and the schedule tell.
    private static func cause(of step: StepFreshness, in facts: FreshnessFacts) -> String {
        let cause = cause(of: step, facts.lastRun)
        guard facts.isPaused else { return cause }
        let since = facts.pausedAt.map { "is paused since \($0.rfc3339)" } ?? "is paused by the document"
        return "the schedule \(since); \(cause)"
    }

    private static func cause(of step: StepFreshness, _ run: FreshnessFacts.LastRun?) -> String {
        guard let run else { return "no run was ever started" }
        let start = run.startedAt ?? run.createdAt
        let end = run.finishedAt ?? start
        switch run.state {
        case .queued:
            guard let error = run.error else { return "a run waits in the queue since \(run.createdAt.rfc3339)" }
            return "a run waits for another attempt: \(bounded(error))"
        case .running: return "a run is in hand since \(start.rfc3339)"
        case .failed: return "the last run failed at \(end.rfc3339): \(bounded(run.error ?? "it does not say why"))"
        case .cancelled: return "the last run was cancelled at \(end.rfc3339)"
        case .success:
            guard let success = step.clocks.lastSuccessAt, success >= start else {
                return "the last run, at \(end.rfc3339), did not load it"
            }
            return "the last run succeeded at \(end.rfc3339)"
                + (step.basis == .watermark ? " and found nothing newer" : " and none was started since")
        }
    }

    private static func bounded(_ text: String) -> String {
        text.count <= Limits.reasonErrorCharacters ? text : text.prefix(Limits.reasonErrorCharacters) + "…"
    }
}
