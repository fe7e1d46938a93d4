internal import Platform

/// How wide the parts are in which rows are counted by an audit, or reloaded by a backfill.
public enum Interval: Sendable, Hashable {
    case hour, day, week, month, year
    /// So many numbers of a cursor that counts.
    case count(Int64)

    /// The words for lengths of time.
    public static let words = ["hour", "day", "week", "month", "year"]

    /// Reads a word for a length of time; nil for any other.
    public init?(word: String) {
        switch word {
        case "hour": self = .hour
        case "day": self = .day
        case "week": self = .week
        case "month": self = .month
        case "year": self = .year
        default: return nil
        }
    }

    /// Reads what `json` gave; nil for anything else.
    public init?(json: JSONValue) {
        switch json {
        case .string(let word): self.init(word: word)
        case .integer(let count) where count > 0: self = .count(count)
        default: return nil
        }
    }

    /// The word, or the count.
    public var json: JSONValue {
        switch self {
        case .hour: "hour"
        case .day: "day"
        case .week: "week"
        case .month: "month"
        case .year: "year"
        case .count(let count): .integer(count)
        }
    }

    /// Whether it is a length of time.
    public var isTime: Bool { if case .count = self { false } else { true } }

    /// The number of the part that the seconds since 1970 lie in; parts of a later time have higher numbers.
    public func part(ofSeconds seconds: Int64) -> Int64 {
        switch self {
        case .hour: return Interval.quotient(seconds, 3_600)
        case .day: return Interval.quotient(seconds, 86_400)
        // 1970 began on a Thursday; weeks begin on Mondays.
        case .week: return Interval.quotient(Interval.quotient(seconds, 86_400) + 3, 7)
        case .month:
            let (year, month, _) = CivilDate(daysSinceEpoch: Interval.quotient(seconds, 86_400)).parts
            return year * 12 + month - 1
        case .year: return CivilDate(daysSinceEpoch: Interval.quotient(seconds, 86_400)).parts.year
        case .count(let count): return Interval.quotient(seconds, count)
        }
    }

    /// Where a part of time begins, in seconds since 1970.
    public func seconds(ofPart part: Int64) -> Int64 {
        func days(_ year: Int64, _ month: Int64) -> Int64 {
            CivilDate(year: min(max(year, 0), 9999), month: month, day: 1)?.daysSinceEpoch ?? 0
        }
        switch self {
        case .hour: return part * 3_600
        case .day: return part * 86_400
        case .week: return (part * 7 - 3) * 86_400
        case .month:
            let year = Interval.quotient(part, 12)
            return days(year, part - year * 12 + 1) * 86_400
        case .year: return days(part, 1) * 86_400
        case .count(let count): return part.multipliedReportingOverflow(by: count).partialValue
        }
    }

    /// The number of the part of so many numbers that a number lies in.
    public static func quotient(_ value: Int64, _ count: Int64) -> Int64 {
        let quotient = value / count
        return value % count < 0 ? quotient - 1 : quotient
    }
}
