internal import Platform

/// The minutes of a cron expression as instants, by the clocks of a time zone.
///
/// An expression for certain hours runs once for each time that it names: at the first showing of a time that the clocks
/// show twice, and at the moment of the jump for times that they leave out. One that runs in every hour follows the hours
/// as they pass: in both showings of an hour, and in none that is left out.
struct CalendarTicks: Sendable, Equatable {
    let expression: CronExpression
    let zone: Zone

    /// The farthest that clocks were ever set back, with room: past it no time of before is shown again.
    private static let longestFold: Int64 = 3 * 3_600

    /// The first tick after an instant; nil when there is none in reach.
    func next(after instant: Timestamp) -> Timestamp? {
        expression.runsEveryHour ? nextPassing(after: instant) : nextNamed(after: instant)
    }

    private func nextNamed(after instant: Timestamp) -> Timestamp? {
        // Later times are shown at later moments, so the first that comes after the instant is the one.
        var minute = Interval.quotient(zone.localSeconds(instant), 60)
        while let next = expression.next(after: minute) {
            let at = zone.instant(localSeconds: next * 60)
            if at > instant { return at }
            minute = next
        }
        return nil
    }

    private func nextPassing(after instant: Timestamp) -> Timestamp? {
        let fold = CalendarTicks.longestFold
        let second = Interval.quotient(instant.microseconds, 1_000_000)
        let offset = zone.offset(at: instant)
        let isCalm =
            zone.offset(at: CalendarTicks.instant(second - fold)) == offset
            && zone.offset(at: CalendarTicks.instant(second + fold)) == offset
        // Near a change, times that the clocks have shown may come once more.
        var minute = Interval.quotient(second + offset - (isCalm ? 0 : fold), 60)
        var best: Timestamp?
        while let next = expression.next(after: minute) {
            if isCalm {
                let at = CalendarTicks.instant(next * 60 - offset)
                if zone.offset(at: at) == offset { return at }
            }
            let shown = zone.instants(localSeconds: next * 60)
            if let best, let first = shown.first, first >= best { return best }
            if let found = shown.first(where: { $0 > instant }) {
                if isCalm { return found }
                best = min(best ?? found, found)
            }
            minute = next
        }
        return best
    }

    /// How many ticks come after one instant, up to another one, itself included.
    ///
    /// Days on which no clock is set are reckoned, not walked through: a year of minutes costs what a year of days does.
    func count(after start: Timestamp, through end: Timestamp) -> Int {
        // Ticks are whole seconds: those from `from` to before `to`.
        var from = Interval.quotient(start.microseconds, 1_000_000) + 1
        let to = Interval.quotient(end.microseconds, 1_000_000) + 1
        var count = 0
        while from < to {
            if let (offset, end) = calmDay(at: from) {
                let stop = min(end, to)
                // A minute counts when its first second does.
                count += expression.count(
                    from: Interval.quotient(from + offset + 59, 60), to: Interval.quotient(stop + offset + 59, 60))
                from = stop
            } else {
                // Past the change, and past the moment at which times that were left out run.
                let stop = min(to, from + 2 * 86_400)
                var at = CalendarTicks.instant(from - 1)
                while let next = next(after: at), next < CalendarTicks.instant(stop) {
                    count += 1
                    at = next
                }
                from = stop
            }
        }
        return count
    }

    /// The offset of a local day that clocks pass evenly, and where it ends; nil when they are set at its begin, on it or at
    /// its end.
    private func calmDay(at second: Int64) -> (offset: Int64, end: Int64)? {
        let offset = zone.offset(at: CalendarTicks.instant(second))
        let start = Interval.quotient(second + offset, 86_400) * 86_400 - offset
        guard zone.offset(at: CalendarTicks.instant(start - 1)) == offset,
            zone.offset(at: CalendarTicks.instant(start + 86_400)) == offset
        else { return nil }
        return (offset, start + 86_400)
    }

    private static func instant(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }
}
