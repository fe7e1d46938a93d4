internal import Model
internal import Platform

extension ScheduleRecord {
    /// How the schedule stands at `now`.
    func wire(at now: Timestamp) -> [JSONValue.Member] {
        [
            .init("pipeline", .string(pipeline)), .init("paused", .bool(isPaused)),
            .init("paused_by", pausedBy.map(JSONValue.string) ?? .null),
            .init("paused_at", JSONValue(pausedAt?.rfc3339)), .init("last_tick", JSONValue(lastTick?.rfc3339)),
            .init("missed_ticks", .integer(Int64(missed(at: now)))),
            .init(
                "counts",
                .object([
                    "runs": .integer(Int64(runs)), "coalesced": .integer(Int64(coalesced)),
                    "skipped": .integer(Int64(skipped)),
                ])), .init("next_ticks", .array(nextTicks(at: now))),
        ]
    }

    private var pausedBy: String? { isPausedByDocument ? "document" : pausedAt != nil ? "request" : nil }

    /// The ticks to come; none while it is paused.
    private func nextTicks(at now: Timestamp) -> [JSONValue] {
        guard !isPaused, let rule = Schedule.Rule(text: rule) else { return [] }
        let ticks = rule.ticks(of: pipeline)
        var found: [JSONValue] = []
        // After a clock that was set back a little, ticks up to the last one do not come again.
        var at = max(now, accounted)
        while found.count < Limits.ticksShown, let next = ticks.next(after: at) {
            found.append(.object(["at": .string(next.rfc3339), "local": .string(rule.localText(next))]))
            at = next
        }
        return found
    }
}

extension Schedule.Rule {
    /// An instant as the clocks of the rule's time zone show it, with their offset.
    fileprivate func localText(_ instant: Timestamp) -> String {
        guard case .cron(_, let zone) = self else { return instant.rfc3339 }
        let offset = zone.offset(at: instant)
        guard offset != 0 else { return instant.rfc3339 }
        let shown = instant.adding(.seconds(offset)).rfc3339.dropLast()
        let minutes = abs(offset) / 60
        let digits = { (number: Int64) in (number < 10 ? "0" : "") + String(number) }
        return shown + (offset < 0 ? "-" : "+") + digits(minutes / 60) + ":" + digits(minutes % 60)
    }
}
