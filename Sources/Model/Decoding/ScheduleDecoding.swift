internal import Platform

/// Decodes when a pipeline runs by itself.
struct ScheduleDecoding {
    /// The pipeline's keys.
    let pipeline: Fields

    /// The schedule; nil when the pipeline has none, or one that is refused.
    func schedule() -> Schedule? {
        guard let node = pipeline.node("schedule") else { return nil }
        if case .scalar = node.content {
            guard let expression = pipeline.expression("schedule") else { return nil }
            return Schedule(.cron(expression, .utc))
        }
        guard let fields = pipeline.mapping("schedule") else { return nil }
        fields.allow(["cron", "timezone", "every", "jitter", "overlap"], of: "`schedule`")
        let overlap = fields.word("overlap", Schedule.Overlap.self) ?? .bufferOne
        guard let rule = rule(fields) else { return nil }
        return Schedule(rule, overlap: overlap)
    }

    private func rule(_ fields: Fields) -> Schedule.Rule? {
        switch (fields.node("cron") != nil, fields.node("every") != nil) {
        case (true, true):
            fields.refuse("every", "`schedule` has both `cron` and `every`", hint: "Remove one of them.")
            return nil
        case (false, false):
            fields.miss(
                "cron", "`schedule` has neither `cron` nor `every`",
                hint: "Add `cron: \"0 6 * * *\"` for times of the calendar, or `every: 5m`.")
            return nil
        case (true, false): return calendar(fields)
        case (false, true): return regular(fields)
        }
    }

    private func calendar(_ fields: Fields) -> Schedule.Rule? {
        if fields.node("jitter") != nil {
            fields.refuse(
                "jitter", "`jitter` has no meaning with `cron`",
                hint: "Remove it, or use `every`; its ticks can be spread.")
        }
        let zone = fields.zone()
        guard let expression = fields.expression("cron"), let zone else { return nil }
        return .cron(expression, zone)
    }

    private func regular(_ fields: Fields) -> Schedule.Rule? {
        if fields.node("timezone") != nil {
            fields.refuse(
                "timezone", "`timezone` has no meaning with `every`",
                hint: "Remove it, or use `cron`, which follows clocks.")
        }
        guard let period = fields.duration("every", in: Limits.shortestPeriod...Limits.longestPeriod) else {
            return nil
        }
        let jitter = fields.duration("jitter", in: .zero...Limits.longestPeriod)
        if let jitter, jitter >= period {
            fields.refuse(
                "jitter", "`jitter` (\(DurationText.format(jitter))) must be shorter than `every`",
                hint: "Ticks are spread over it; \(DurationText.format(period / 2)) spreads them well.")
            return nil
        }
        return .every(period, jitter: jitter ?? .zero)
    }
}

extension Fields {
    /// The time zone under the key `timezone`: UTC where there is none, nil for one that is refused.
    func zone() -> Zone? {
        guard node("timezone") != nil else { return .utc }
        return text("timezone").flatMap { zone($0, "timezone") }
    }

    /// The cron expression of a key.
    func expression(_ key: String) -> CronExpression? {
        guard let text = text(key) else { return nil }
        do throws(Failure) {
            return try CronExpression(text)
        } catch {
            refuse(key, error.message, hint: error.hint)
            return nil
        }
    }
}
