public import Platform

/// An instant of a time cursor, exact to the eighteenth digit after the second.
///
/// Instants of different offsets compare as instants; the text they came from is kept elsewhere, byte for byte.
public struct Instant: Sendable, Hashable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z; negative before it.
    public let seconds: Int64
    /// The rest, 0 up to a second.
    public let attoseconds: Int64

    /// Makes an instant; `attoseconds` must lie in 0..<10^18.
    @inlinable
    public init(seconds: Int64, attoseconds: Int64 = 0) {
        self.seconds = seconds
        self.attoseconds = attoseconds
    }

    /// The instant a clock shows.
    public init(_ timestamp: Timestamp) {
        let quotient = timestamp.microseconds / 1_000_000
        let rest = timestamp.microseconds % 1_000_000
        self.init(
            seconds: rest < 0 ? quotient - 1 : quotient,
            attoseconds: (rest < 0 ? rest + 1_000_000 : rest) * 1_000_000_000_000)
    }

    /// Whether the left instant is the earlier one.
    @inlinable
    public static func < (left: Instant, right: Instant) -> Bool {
        left.seconds != right.seconds ? left.seconds < right.seconds : left.attoseconds < right.attoseconds
    }

    /// The instant `duration` earlier; a duration beyond the calendar's range gives the range's end.
    public func subtracting(_ duration: Duration) -> Instant {
        let (wholeSeconds, rest) = duration.components
        let (difference, overflow) = seconds.subtractingReportingOverflow(wholeSeconds)
        guard !overflow else { return Instant(seconds: wholeSeconds > 0 ? .min : .max) }
        let fraction = attoseconds - rest
        if fraction < 0 { return Instant(seconds: difference &- 1, attoseconds: fraction + 1_000_000_000_000_000_000) }
        if fraction >= 1_000_000_000_000_000_000 {
            return Instant(seconds: difference &+ 1, attoseconds: fraction - 1_000_000_000_000_000_000)
        }
        return Instant(seconds: difference, attoseconds: fraction)
    }

    /// The day in UTC.
    public var day: CivilDate {
        let quotient = seconds / 86_400
        return CivilDate(daysSinceEpoch: seconds % 86_400 < 0 ? quotient - 1 : quotient)
    }

    /// A text in UTC that orders as the instants do, whatever their fractions: `2024-03-31T23:59:58.5`.
    public var sortableText: String {
        let day = day
        let clock = seconds - day.daysSinceEpoch * 86_400
        var text = day.text + "T"
        for (value, separator) in [(clock / 3_600, ":"), (clock / 60 % 60, ":"), (clock % 60, "")] {
            text += value < 10 ? "0\(value)\(separator)" : "\(value)\(separator)"
        }
        guard attoseconds > 0 else { return text }
        var fraction = String(attoseconds)
        fraction = String(repeating: "0", count: 18 - fraction.utf8.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return text + "." + fraction
    }
}

extension Instant {
    /// How an ISO 8601 text says where it stands; texts of one column that differ in it are worth a warning.
    public enum Zone: UInt8, Sendable {
        /// No offset: taken as UTC.
        case none = 1
        /// `Z` or an offset of zero.
        case utc = 2
        /// Another offset.
        case offset = 4
    }

    /// Reads an ISO 8601 date, or a date and time with `T` or a space, with or without a fraction and an offset.
    ///
    /// `2024-03-31`, `2024-03-31 23:59`, `2024-03-31T23:59:58.123+02:00`, `…+0200`, `…+02`; no offset means UTC.
    /// Nil for anything else, also for days and times that do not exist and for more than 18 digits of a fraction.
    /// Called once for each row of a load: it allocates nothing.
    public static func parse(_ bytes: UnsafeRawBufferPointer) -> (instant: Instant, zone: Zone)? {
        var reader = Reader(bytes: bytes)
        guard let year = reader.digits(4), reader.take(UInt8(ascii: "-")), let month = reader.digits(2),
            reader.take(UInt8(ascii: "-")), let day = reader.digits(2),
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        var seconds = date.daysSinceEpoch &* 86_400
        guard !reader.atEnd else { return (Instant(seconds: seconds), .none) }
        guard reader.take(UInt8(ascii: "T")) || reader.take(UInt8(ascii: " ")) || reader.take(UInt8(ascii: "t")),
            let hour = reader.digits(2), hour < 24, reader.take(UInt8(ascii: ":")), let minute = reader.digits(2),
            minute < 60
        else { return nil }
        seconds &+= hour &* 3_600 &+ minute &* 60
        var attoseconds: Int64 = 0
        if reader.take(UInt8(ascii: ":")) {
            guard let second = reader.digits(2), second < 60 else { return nil }
            seconds &+= second
            if reader.take(UInt8(ascii: ".")) || reader.take(UInt8(ascii: ",")) {
                guard let fraction = reader.fraction() else { return nil }
                attoseconds = fraction
            }
        }
        guard let (offset, zone) = reader.offset() else { return nil }
        return (Instant(seconds: seconds &- offset, attoseconds: attoseconds), zone)
    }

    /// Reads the text of a string as `parse(_:)` does.
    public init?(iso8601 text: String) {
        var text = text
        let parsed = text.withUTF8 { Instant.parse(UnsafeRawBufferPointer($0)) }
        guard let parsed else { return nil }
        self = parsed.instant
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var at = 0

        init(bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
        }

        var atEnd: Bool { at == bytes.count }

        mutating func take(_ byte: UInt8) -> Bool {
            guard at < bytes.count, bytes[at] == byte else { return false }
            at &+= 1
            return true
        }

        mutating func digits(_ count: Int) -> Int64? {
            guard at &+ count <= bytes.count else { return nil }
            var value: Int64 = 0
            for index in at..<at &+ count {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit < 10 else { return nil }
                value = value &* 10 &+ Int64(digit)
            }
            at &+= count
            return value
        }

        /// The digits after the point, as attoseconds.
        mutating func fraction() -> Int64? {
            var value: Int64 = 0
            var count = 0
            while at < bytes.count {
                let digit = bytes[at] &- UInt8(ascii: "0")
                guard digit < 10 else { break }
                guard count < 18 else { return nil }
                value = value &* 10 &+ Int64(digit)
                count &+= 1
                at &+= 1
            }
            guard count > 0 else { return nil }
            while count < 18 {
                value = value &* 10
                count &+= 1
            }
            return value
        }

        /// `Z`, an offset, or nothing, up to the end; seconds east of UTC.
        mutating func offset() -> (Int64, Zone)? {
            if atEnd { return (0, .none) }
            if take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return atEnd ? (0, .utc) : nil }
            _ = take(UInt8(ascii: " "))
            let east = take(UInt8(ascii: "+"))
            guard east || take(UInt8(ascii: "-")), let hours = digits(2), hours < 24 else { return nil }
            var minutes: Int64 = 0
            if !atEnd {
                _ = take(UInt8(ascii: ":"))
                guard let read = digits(2), read < 60, atEnd else { return nil }
                minutes = read
            }
            let seconds = hours &* 3_600 &+ minutes &* 60
            return (east ? seconds : -seconds, seconds == 0 ? .utc : .offset)
        }
    }
}
