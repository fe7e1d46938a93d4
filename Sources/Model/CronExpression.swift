internal import Platform

/// Five fields that say at which minutes of the calendar something runs: minute, hour, day of the month, month and day of
/// the week, as cron writes them.
///
/// Where neither of the two fields for days begins with `*`, a day runs that fits either of them, else one that fits both:
/// the rule of Vixie cron. It knows no time zone: minutes are those that a clock on the wall shows.
public struct CronExpression: Sendable, Equatable {
    /// The expression as it was written.
    public let text: String
    /// The minutes of an hour that run, as bits.
    let minutes: UInt64
    /// The hours of a day that run, as bits.
    let hours: UInt64
    private let days: UInt64
    private let months: UInt64
    private let weekdays: UInt64
    /// Whether a day must fit both fields for days.
    private let needsBoth: Bool

    /// Reads an expression or a word such as `@daily`; fails, with the remedy, for what is none and for one that no day fits.
    public init(_ text: String) throws(Failure) {
        let fields = try CronText.fields(text)
        self.text = text
        minutes = try CronText.minute.bits(fields[0])
        hours = try CronText.hour.bits(fields[1])
        days = try CronText.day.bits(fields[2])
        months = try CronText.month.bits(fields[3])
        let weekdays = try CronText.weekday.bits(fields[4])
        // Sunday is 0 and 7.
        self.weekdays = weekdays & 0x7F | weekdays >> 7
        needsBoth = fields[2].hasPrefix("*") || fields[4].hasPrefix("*")
        guard next(after: 0) != nil else {
            throw Failure(
                .invalidValue, "`\(text)` never runs: no such month has a day \(days.trailingZeroBitCount)",
                hint: "For the last days of a month use `28-31`, or the first day of the next month.")
        }
    }

    /// Whether it runs in every hour of a day that it runs on.
    var runsEveryHour: Bool { hours == 0xFF_FFFF }

    /// The first minute that runs after a minute, both since 1970-01-01 00:00; nil when there is none within
    /// `Limits.scheduleReach`.
    func next(after minute: Int64) -> Int64? {
        let start = minute + 1
        var day = Interval.quotient(start, CronExpression.minutesOfDay)
        var from = start - day * CronExpression.minutesOfDay
        let last = day + Limits.scheduleReach
        while day <= last {
            let date = CivilDate(daysSinceEpoch: day)
            let (year, month, dayOfMonth) = date.parts
            if months >> UInt64(month) & 1 == 0 {
                day += CivilDate.days(in: month, of: year) - dayOfMonth + 1
                from = 0
                continue
            }
            if fits(date), let found = time(from: from) { return day * CronExpression.minutesOfDay + found }
            day += 1
            from = 0
        }
        return nil
    }

    /// How many minutes run from `start`, included, to `end`, not included; both are of one day.
    func count(from start: Int64, to end: Int64) -> Int {
        let day = Interval.quotient(start, CronExpression.minutesOfDay)
        guard start < end, fits(CivilDate(daysSinceEpoch: day)) else { return 0 }
        let midnight = day * CronExpression.minutesOfDay
        return times(before: end - midnight) - times(before: start - midnight)
    }

    private static let minutesOfDay: Int64 = 1_440

    private func fits(_ date: CivilDate) -> Bool {
        let (_, month, day) = date.parts
        guard months >> UInt64(month) & 1 == 1 else { return false }
        let inDays = days >> UInt64(day) & 1 == 1
        // 1970-01-01 was a Thursday.
        let weekday = date.daysSinceEpoch + 4 - Interval.quotient(date.daysSinceEpoch + 4, 7) * 7
        let inWeekdays = weekdays >> UInt64(weekday) & 1 == 1
        return needsBoth ? inDays && inWeekdays : inDays || inWeekdays
    }

    /// The first minute of a day that runs, `from` or later; nil when there is none.
    private func time(from: Int64) -> Int64? {
        let hour = from / 60
        let rest = minutes >> UInt64(from % 60)
        if hours >> UInt64(hour) & 1 == 1, rest != 0 { return from + Int64(rest.trailingZeroBitCount) }
        let later = hours >> UInt64(hour + 1)
        guard later != 0 else { return nil }
        return (hour + 1 + Int64(later.trailingZeroBitCount)) * 60 + Int64(minutes.trailingZeroBitCount)
    }

    /// How many minutes of a day run before a minute of it.
    private func times(before minute: Int64) -> Int {
        let hour = UInt64(minute / 60)
        let whole = (hours & (1 << hour - 1)).nonzeroBitCount * minutes.nonzeroBitCount
        guard hours >> hour & 1 == 1 else { return whole }
        return whole + (minutes & (1 << UInt64(minute % 60) - 1)).nonzeroBitCount
    }
}
