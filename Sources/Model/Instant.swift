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

    /// Reads the text of a string as `InstantReader` does.
    public init?(iso8601 text: String) {
        guard let read = Instant.read(text) else { return nil }
        self = read.instant
    }

    /// The instant and the zone of a text, as `InstantReader` reads them.
    static func read(_ text: String) -> (instant: Instant, zone: Zone)? {
        var text = text
        var reader = InstantReader()
        return text.withUTF8 { reader.read(UnsafeRawBufferPointer($0)) }
    }
}

/// Reads ISO 8601 texts, one after the other; rows near each other mostly share their day, which it remembers.
public struct InstantReader: Sendable {
    private var dayDigits: UInt64 = 0
    private var dayEnd: UInt16 = 0
    private var dayStart: Int64 = 0

    /// Makes a reader.
    public init() {}

    /// Reads an ISO 8601 date, or a date and time with `T` or a space, with or without a fraction and an offset.
    ///
    /// `2024-03-31`, `2024-03-31 23:59`, `2024-03-31T23:59:58.123+02:00`, `…+0200`, `…+02`; no offset means UTC.
    /// Nil for anything else, also for days and times that do not exist and for more than 18 digits of a fraction.
    /// Called once for each row of a load: it allocates nothing.
    public mutating func read(_ bytes: UnsafeRawBufferPointer) -> (instant: Instant, zone: Instant.Zone)? {
        guard bytes.count >= 10, let start = start(ofDay: bytes) else { return nil }
        var cursor = Cursor(bytes: bytes, at: 10)
        guard !cursor.atEnd else { return (Instant(seconds: start), .none) }
        guard cursor.take(UInt8(ascii: "T")) || cursor.take(UInt8(ascii: " ")) || cursor.take(UInt8(ascii: "t")),
            let hour = cursor.twoDigits(), hour < 24, cursor.take(UInt8(ascii: ":")), let minute = cursor.twoDigits(),
            minute < 60
        else { return nil }
        var seconds = start &+ hour &* 3_600 &+ minute &* 60
        var attoseconds: Int64 = 0
        if cursor.take(UInt8(ascii: ":")) {
            guard let second = cursor.twoDigits(), second < 60 else { return nil }
            seconds &+= second
            if cursor.take(UInt8(ascii: ".")) || cursor.take(UInt8(ascii: ",")) {
                guard let fraction = cursor.fraction() else { return nil }
                attoseconds = fraction
            }
        }
        guard let (offset, zone) = cursor.offset() else { return nil }
        return (Instant(seconds: seconds &- offset, attoseconds: attoseconds), zone)
    }

    /// The seconds at which the day of the first ten bytes starts in UTC.
    private mutating func start(ofDay bytes: UnsafeRawBufferPointer) -> Int64? {
        let digits = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        let end = bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
        // No day is all zero bytes, so the empty memory matches nothing.
        if digits == dayDigits, end == dayEnd { return dayStart }
        var cursor = Cursor(bytes: bytes, at: 0)
        guard let century = cursor.twoDigits(), let year = cursor.twoDigits(), cursor.take(UInt8(ascii: "-")),
            let month = cursor.twoDigits(), cursor.take(UInt8(ascii: "-")), let day = cursor.twoDigits(),
            let date = CivilDate(year: century &* 100 &+ year, month: month, day: day)
        else { return nil }
        (dayDigits, dayEnd, dayStart) = (digits, end, date.daysSinceEpoch &* 86_400)
        return dayStart
    }

    private struct Cursor {
        let bytes: UnsafeRawBufferPointer
        var at: Int

        var atEnd: Bool { at == bytes.count }

        mutating func take(_ byte: UInt8) -> Bool {
            guard at < bytes.count, bytes[at] == byte else { return false }
            at &+= 1
            return true
        }

        mutating func twoDigits() -> Int64? {
            guard at &+ 2 <= bytes.count else { return nil }
            let tens = bytes[at] &- UInt8(ascii: "0")
            let ones = bytes[at &+ 1] &- UInt8(ascii: "0")
            guard tens < 10, ones < 10 else { return nil }
            at &+= 2
            return Int64(tens) &* 10 &+ Int64(ones)
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
        mutating func offset() -> (Int64, Instant.Zone)? {
            if atEnd { return (0, .none) }
            if take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return atEnd ? (0, .utc) : nil }
            _ = take(UInt8(ascii: " "))
            let east = take(UInt8(ascii: "+"))
            guard east || take(UInt8(ascii: "-")), let hours = twoDigits(), hours < 24 else { return nil }
            var minutes: Int64 = 0
            if !atEnd {
                _ = take(UInt8(ascii: ":"))
                guard let read = twoDigits(), read < 60, atEnd else { return nil }
                minutes = read
            }
            let seconds = hours &* 3_600 &+ minutes &* 60
            return (east ? seconds : -seconds, seconds == 0 ? .utc : .offset)
        }
    }
}
