public import Platform

/// What a backfill slices the rows of a step by.
public struct PartitionScheme: Sendable, Equatable {
    /// The column, by the name that it has in the destination.
    public var column: String
    /// How its times are written; nil means ISO 8601 texts. Without a meaning where the interval is a count.
    public var format: CursorFormat?
    /// How wide a partition is.
    public var interval: Interval
    /// The time zone whose days and months are meant, by its name in the IANA database.
    public var timezone: String

    /// Makes a scheme; in UTC unless said.
    public init(column: String, format: CursorFormat? = nil, interval: Interval, timezone: String = "UTC") {
        self.column = column
        self.format = format
        self.interval = interval
        self.timezone = timezone
    }
}

/// A place at which a partition begins or ends.
public struct PartitionBound: Sendable, Hashable {
    /// Where it is.
    public enum Place: Sendable, Hashable {
        case time(Timestamp)
        case number(Int64)
    }

    /// Where it is.
    public var place: Place
    /// How people write it: a date, where a day of the scheme's time zone begins, else a time in UTC; or a number.
    public var text: String

    /// Makes a bound.
    public init(_ place: Place, text: String) {
        self.place = place
        self.text = text
    }

    /// The bound for answers: a number, or the text of a time.
    public var json: JSONValue {
        switch place {
        case .time: .string(text)
        case .number(let number): .integer(number)
        }
    }
}

/// An interval of event time, or of a sequence's numbers: `start` is included, `end` is not.
public struct PartitionRange: Sendable, Hashable {
    /// The first place in it.
    public var start: PartitionBound
    /// The first place behind it.
    public var end: PartitionBound

    /// Makes a range; `start` must lie below `end`, in the same order.
    public init(start: PartitionBound, end: PartitionBound) {
        self.start = start
        self.end = end
    }

    /// The range in words: `[2024-03-01, 2024-03-02)`.
    public var text: String { "[\(start.text), \(end.text))" }
}
