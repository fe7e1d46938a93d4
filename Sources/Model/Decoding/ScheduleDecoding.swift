internal import Platform

/// Decodes when a pipeline runs by itself.
struct ScheduleDecoding {
    /// The pipeline's keys.
    let pipeline: Fields

    /// The schedule; nil when the pipeline has none, or one that is refused.
    func schedule() -> Schedule? {
        guard let node = pipeline.node("schedule") else { return nil }
        if case .scalar = node.content {
            guard let expression = expression(pipeline, "schedule") else { return nil }
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
        let zone = zone(fields)
        guard let expression = expression(fields, "cron"), let zone else { return nil }
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

    private func zone(_ fields: Fields) -> Zone? {
        guard fields.node("timezone") != nil else { return .utc }
        return fields.text("timezone").flatMap { fields.zone($0, "timezone") }
    }

    private func expression(_ fields: Fields, _ key: String) -> CronExpression? {
        guard let text = fields.text(key) else { return nil }
        do throws(Failure) {
            return try CronExpression(text)
        } catch {
            fields.refuse(key, error.message, hint: error.hint)
            return nil
        }
    }
}
