/// An instant of the wall clock in UTC, to the microsecond.
///
/// The range is that of RFC 3339: years 0000 to 9999.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 1970-01-01T00:00:00Z; negative before it.
    public let microseconds: Int64

    /// Makes the instant that lies `microseconds` after 1970-01-01T00:00:00Z.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Whether the left instant is the earlier one.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The instant `duration` later, cut to whole microseconds and held within `Int64`.
    public func adding(_ duration: Duration) -> Timestamp {
        let (sum, overflow) = microseconds.addingReportingOverflow(duration.microseconds)
        guard overflow else { return Timestamp(microseconds: sum) }
        return Timestamp(microseconds: duration.microseconds < 0 ? .min : .max)
    }

    /// The time from `earlier` to this instant; negative when `earlier` is later.
    public func since(_ earlier: Timestamp) -> Duration {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(earlier.microseconds)
        return .microseconds(overflow ? .max : difference)
    }

    /// RFC 3339 in UTC with `Z`; a fraction of three or six digits only where it is not zero.
    public var rfc3339: String {
        var seconds = microseconds / 1_000_000
        var fraction = microseconds % 1_000_000
        if fraction < 0 {
            fraction += 1_000_000
            seconds -= 1
        }
        let date = CivilDate(daysSinceEpoch: seconds.flooredQuotient(86_400))
        let clock = seconds - date.daysSinceEpoch * 86_400
        var text =
            date.text + "T" + padded(clock / 3_600, 2) + ":" + padded(clock / 60 % 60, 2) + ":"
            + padded(clock % 60, 2)
        if fraction != 0 {
            text += fraction % 1_000 == 0 ? "." + padded(fraction / 1_000, 3) : "." + padded(fraction, 6)
        }
        return text + "Z"
    }

    /// Reads an RFC 3339 date and time with `Z` or an offset; nil for anything else.
    ///
    /// Digits of the fraction past the sixth are cut. A lower-case `t` or `z` and a space for `T` are taken.
    public init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, let date = CivilDate(prefixOf: bytes),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t") || bytes[10] == UInt8(ascii: " "),
            let hour = number(bytes, 11, 2, 0...23), bytes[13] == UInt8(ascii: ":"),
            let minute = number(bytes, 14, 2, 0...59), bytes[16] == UInt8(ascii: ":"),
            let second = number(bytes, 17, 2, 0...59)
        else { return nil }
        var at = 19
        var fraction: Int64 = 0
        if bytes[at] == UInt8(ascii: ".") {
            var unit: Int64 = 100_000
            at += 1
            let first = at
            while at < bytes.count, let digit = number(bytes, at, 1, 0...9) {
                fraction += digit * unit
                unit /= 10
                at += 1
            }
            guard at > first else { return nil }
        }
        guard at < bytes.count, let offset = offsetSeconds(bytes, at) else { return nil }
        let seconds = date.daysSinceEpoch * 86_400 + hour * 3_600 + minute * 60 + second - offset
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }
}

extension Duration {
    /// Whole microseconds, cut towards zero and held within `Int64`.
    public var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// Seconds as a floating-point number, for answers and metrics.
    public var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}

/// A day of the proleptic Gregorian calendar.
///
/// The conversions are Howard Hinnant's `days_from_civil` and `civil_from_days`.
public struct CivilDate: Sendable, Hashable {
    /// Days since 1970-01-01; negative before it.
    public let daysSinceEpoch: Int64

    /// Makes the day that lies `daysSinceEpoch` days after 1970-01-01.
    public init(daysSinceEpoch: Int64) {
        self.daysSinceEpoch = daysSinceEpoch
    }

    /// Makes the day of a year (0 to 9999), month and day of the month; nil where there is no such day.
    @inlinable
    public init?(year: Int64, month: Int64, day: Int64) {
        guard (0...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= CivilDate.days(in: month, of: year)
        else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        daysSinceEpoch = era * 146_097 + dayOfEra - 719_468
    }

    /// The number of days in a month (1 to 12) of a year.
    @inlinable
    public static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The year, the month (1 to 12) and the day of the month.
    public var parts: (year: Int64, month: Int64, day: Int64) {
        let shifted = daysSinceEpoch + 719_468
        let era = shifted.flooredQuotient(146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// The day as `YYYY-MM-DD`.
    public var text: String {
        let (year, month, day) = parts
        return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2)
    }

    fileprivate init?(prefixOf bytes: [UInt8]) {
        guard bytes.count >= 10, let year = number(bytes, 0, 4, 0...9999), bytes[4] == UInt8(ascii: "-"),
            let month = number(bytes, 5, 2, 1...12), bytes[7] == UInt8(ascii: "-"),
            let day = number(bytes, 8, 2, 1...31)
        else { return nil }
        self.init(year: year, month: month, day: day)
    }
}

extension Int64 {
    func flooredQuotient(_ divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

private func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

private func number(_ bytes: [UInt8], _ start: Int, _ count: Int, _ range: ClosedRange<Int64>) -> Int64? {
    guard start + count <= bytes.count else { return nil }
    var value: Int64 = 0
    for byte in bytes[start..<start + count] {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return range.contains(value) ? value : nil
}

/// `Z`, `+hh:mm` or `-hh:mm` at `start` and to the end of `bytes`, in seconds east of UTC.
private func offsetSeconds(_ bytes: [UInt8], _ start: Int) -> Int64? {
    switch bytes[start] {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"):
        return bytes.count == start + 1 ? 0 : nil
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
        guard bytes.count == start + 6, bytes[start + 3] == UInt8(ascii: ":"),
            let hours = number(bytes, start + 1, 2, 0...23), let minutes = number(bytes, start + 4, 2, 0...59)
        else { return nil }
        let seconds = hours * 3_600 + minutes * 60
        return bytes[start] == UInt8(ascii: "-") ? -seconds : seconds
    default:
        return nil
    }
}
