public import Platform

/// When a pipeline runs by itself.
public struct Schedule: Sendable, Equatable {
    /// What becomes of a tick while a run of the pipeline is queued or in hand.
    public enum Overlap: String, Sendable, CaseIterable {
        /// It is counted, and nothing runs.
        case skip
        /// One run waits for the one in hand; ticks that come meanwhile join it.
        case bufferOne = "buffer_one"
        /// As before, and the run in hand is cancelled.
        case cancelOther = "cancel_other"
    }

    /// Which instants are ticks.
    public enum Rule: Sendable, Equatable {
        /// Minutes of the calendar, as the clocks of a time zone show them.
        case cron(CronExpression, Zone)
        /// Every so often since 1970, later by a part of `jitter` that differs by pipeline and never changes.
        case every(Duration, jitter: Duration)
    }

    /// Which instants are ticks.
    public var rule: Rule
    /// What becomes of a tick while a run of the pipeline is queued or in hand.
    public var overlap: Overlap

    /// Makes a schedule.
    public init(_ rule: Rule, overlap: Overlap = .bufferOne) {
        self.rule = rule
        self.overlap = overlap
    }
}

extension Schedule.Rule {
    /// The rule as a text by which rules are compared and kept; `init` reads it.
    public var text: String {
        switch self {
        case .cron(let expression, let zone): "cron \(zone.name) \(expression.text)"
        case .every(let period, let jitter): "every \(DurationText.format(period)) \(DurationText.format(jitter))"
        }
    }

    /// Reads what `text` gave; nil for anything else, and where the system knows the time zone no more.
    public init?(text: String) {
        let words = text.split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count == 3 else { return nil }
        if words[0] == "every", let period = DurationText.parse(words[1]), let jitter = DurationText.parse(words[2]) {
            self = .every(period, jitter: jitter)
        } else if words[0] == "cron", let zone = Zone(named: words[1]),
            let expression = try? CronExpression(words[2])
        {
            self = .cron(expression, zone)
        } else {
            return nil
        }
    }

    /// The ticks of a pipeline.
    public func ticks(of pipeline: String) -> Ticks {
        switch self {
        case .cron(let expression, let zone):
            return Ticks(.calendar(CalendarTicks(expression: expression, zone: zone)))
        case .every(let period, let jitter):
            let most = UInt64(clamping: jitter.microseconds / 1_000) + 1
            let shift = Int64(CheckSum(pipeline.utf8).value % most) * 1_000
            return Ticks(.regular(period: max(1, period.microseconds), shift: shift))
        }
    }
}

/// The instants at which a pipeline runs by itself.
public struct Ticks: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case calendar(CalendarTicks)
        /// Microseconds; ticks are `shift` past the multiples of `period`.
        case regular(period: Int64, shift: Int64)
    }

    private let kind: Kind

    init(_ kind: Kind) {
        self.kind = kind
    }

    /// The first tick after an instant; nil when there is none within `Limits.scheduleReach`.
    public func next(after instant: Timestamp) -> Timestamp? {
        switch kind {
        case .calendar(let ticks): return ticks.next(after: instant)
        case .regular(let period, let shift):
            let passed = Interval.quotient(instant.microseconds - shift, period)
            return Timestamp(microseconds: shift + (passed + 1) * period)
        }
    }

    /// The last tick up to an instant, itself included; nil when there is none after `start`.
    public func last(through instant: Timestamp, after start: Timestamp) -> Timestamp? {
        var reach: Duration = .seconds(120)
        while true {
            let from = max(start, instant.adding(.zero - reach))
            if var found = next(after: from), found <= instant {
                while let later = next(after: found), later <= instant { found = later }
                return found
            }
            guard from > start else { return nil }
            reach = reach * 8
        }
    }

    /// How many ticks come after one instant, up to another one, itself included.
    public func count(after start: Timestamp, through end: Timestamp) -> Int {
        guard start < end else { return 0 }
        switch kind {
        case .calendar(let ticks): return ticks.count(after: start, through: end)
        case .regular(let period, let shift):
            return Int(
                Interval.quotient(end.microseconds - shift, period)
                    - Interval.quotient(start.microseconds - shift, period))
        }
    }
}
