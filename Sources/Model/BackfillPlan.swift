public import Platform

/// How a range of event time is cut into partitions, once and for all when a backfill is made.
///
/// Partitions end where days, weeks, months or years of the scheme's time zone end, so that a day has 23 or 25 hours
/// where the clocks change; the first and the last are cut to the range. Hours are always 3,600 seconds. Partitions of a
/// count begin at the range's start.
public struct BackfillPlan: Sendable {
    /// What the rows are sliced by.
    public let scheme: PartitionScheme
    private let zone: Zone

    /// Makes a plan; fails for a time zone that the system does not know.
    public init(_ scheme: PartitionScheme) throws(Failure) {
        guard let zone = Zone(named: scheme.timezone) else {
            throw Failure(
                .invalidValue, "`\(scheme.timezone)` is no time zone that this system knows",
                hint: "use a name of the IANA database such as Europe/Berlin", field: "timezone")
        }
        self.scheme = scheme
        self.zone = zone
    }

    /// Reads a bound as a person or a program writes it: a date, a date and time (without an offset it is the scheme's
    /// time zone's), or a whole number where the interval is a count.
    public func bound(_ json: JSONValue, field: String) throws(Failure) -> PartitionBound {
        switch (scheme.interval.isTime, json) {
        case (false, .integer(let number)): return number.bound
        case (false, .string(let text)):
            if let number = Int64(text) { return number.bound }
        case (true, .string(let text)):
            if let instant = instant(text) { return bound(instant) }
        default: break
        }
        throw Failure(
            .invalidValue,
            "`\(field)` must be \(scheme.interval.isTime ? "a date or a time" : "a whole number"), and is \(json.text())",
            hint: scheme.interval.isTime
                ? "write a date such as 2024-03-01, or a time such as 2024-03-01T06:00:00Z"
                : "write the number at which the range begins or ends, such as 1000", field: field)
    }

    /// The bound at an instant.
    public func bound(_ instant: Timestamp) -> PartitionBound {
        let local = zone.localSeconds(instant)
        let isDay = instant.microseconds % 1_000_000 == 0 && local.flooredRemainder(86_400) == 0
        return PartitionBound(
            .time(instant),
            text: isDay ? CivilDate(daysSinceEpoch: Interval.quotient(local, 86_400)).text : instant.rfc3339)
    }

    private func instant(_ text: String) -> Timestamp? {
        if let instant = Timestamp(rfc3339: text) { return instant }
        guard let (local, zone) = Instant.read(text), zone == .none, local.attoseconds % 1_000_000_000_000 == 0 else {
            return nil
        }
        return self.zone.instant(localSeconds: local.seconds)
            .adding(.microseconds(local.attoseconds / 1_000_000_000_000))
    }

    /// The range between two bounds; fails where there is nothing between them.
    public func range(_ start: PartitionBound, _ end: PartitionBound) throws(Failure) -> PartitionRange {
        guard start.place < end.place else {
            throw Failure(
                .invalidValue, "`end` (\(end.text)) must lie behind `start` (\(start.text))",
                hint: "`start` is included and `end` is not: for the whole of March write 2024-03-01 and 2024-04-01",
                field: "end")
        }
        return PartitionRange(start: start, end: end)
    }

    /// The partitions of a range, in its order; fails when they are more than `limit`, with the figure.
    public func partitions(of range: PartitionRange, limit: Int) throws(Failure) -> [PartitionRange] {
        var partitions: [PartitionRange] = []
        var start = range.start
        var count = 0
        while start.place < range.end.place, count < BackfillPlan.mostCounted {
            let next = next(start.place)
            let end = next.place < range.end.place ? next : range.end
            count += 1
            if count <= limit { partitions.append(PartitionRange(start: start, end: end)) }
            start = end
        }
        guard count <= limit else {
            let figure = count == BackfillPlan.mostCounted ? "more than \(count)" : "\(count)"
            throw Failure(
                .limitExceeded, "the range \(range.text) has \(figure) partitions, more than max_partitions (\(limit))",
                hint: "choose a wider interval or a shorter range, or raise max_partitions", field: "max_partitions")
        }
        return partitions
    }

    /// Partitions are counted no further, though a range may have more.
    static let mostCounted = 1_000_000

    /// Where the partition that `place` lies in ends.
    private func next(_ place: PartitionBound.Place) -> PartitionBound {
        switch (place, scheme.interval) {
        case (.number(let number), .count(let count)):
            let (sum, overflow) = number.addingReportingOverflow(count)
            return (overflow ? .max : sum).bound
        case (.time(let instant), .hour):
            let local = zone.localSeconds(instant)
            let whole = Timestamp(microseconds: Interval.quotient(instant.microseconds, 1_000_000) * 1_000_000)
            return bound(whole.adding(.seconds(3_600 - local.flooredRemainder(3_600))))
        case (.time(let instant), let interval):
            // A day that the clocks leave out whole has no length: the next one that has is taken.
            var part = interval.part(ofSeconds: zone.localSeconds(instant)) + 1
            while true {
                let next = zone.instant(localSeconds: interval.seconds(ofPart: part))
                if next > instant { return bound(next) }
                // Behind the calendar's end there is no other part.
                guard interval.seconds(ofPart: part + 1) > interval.seconds(ofPart: part) else {
                    return bound(Timestamp(microseconds: .max))
                }
                part += 1
            }
        // A range has places of its interval's kind alone.
        case (.number, _): return Int64.max.bound
        }
    }
}

extension PartitionBound.Place: Comparable {
    /// Whether the left place comes first; places of different kinds are not compared with each other.
    public static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.time(let left), .time(let right)): left < right
        case (.number(let left), .number(let right)): left < right
        case (.time, .number): true
        case (.number, .time): false
        }
    }
}

extension Int64 {
    fileprivate var bound: PartitionBound { PartitionBound(.number(self), text: String(self)) }

    fileprivate func flooredRemainder(_ divisor: Int64) -> Int64 { self - Interval.quotient(self, divisor) * divisor }
}
