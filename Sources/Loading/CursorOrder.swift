internal import Model
internal import Platform
internal import SQLite

/// How the values of a cursor column are ordered.
enum CursorOrder: Equatable {
    /// ISO 8601 texts, ordered as instants.
    case instants
    /// Numbers that count units of time since 1970, so many a second.
    case unixTime(unitsPerSecond: Int64)
    /// SQLite's own order within one storage class: numbers, or texts byte by byte, or blobs.
    case plain

    /// The order of a step's cursor.
    init(_ cursor: Cursor, strategy: Strategy) {
        switch cursor.format {
        case .iso8601: self = .instants
        case .some(let format): self = .unixTime(unitsPerSecond: format.unitsPerSecond ?? 1)
        case nil: self = strategy == .sequence || strategy == .cdc ? .plain : .instants
        }
    }

    /// Whether the values are times, so that the clock has a say in them.
    var isTime: Bool { self != .plain }

    /// The place of a value in the order; nil when it has none.
    func key(_ value: CursorValue) -> CursorKey? {
        switch (self, value) {
        case (.instants, .text(let bytes)): CursorOrder.instant(bytes).map { .instant($0) }
        case (.unixTime, .integer(let value)), (.plain, .integer(let value)): .integer(value)
        case (.unixTime, .real(let value)), (.plain, .real(let value)): .real(value)
        case (.plain, .text(let bytes)): .text(bytes)
        case (.plain, .blob(let bytes)): .blob(bytes)
        default: nil
        }
    }

    /// The instant of an ISO 8601 text; nil for any other text.
    static func instant(_ bytes: [UInt8]) -> Instant? {
        var reader = InstantReader()
        return bytes.withUnsafeBytes { reader.read($0) }?.instant
    }

    /// The place of a time on the clock; nil for an order that has no times.
    func key(_ time: Timestamp) -> CursorKey? {
        switch self {
        case .instants: return .instant(Instant(time))
        case .unixTime(let unitsPerSecond):
            // Microseconds divide evenly by every unit there is; whole units round down.
            let perUnit = 1_000_000 / unitsPerSecond
            let quotient = time.microseconds / perUnit
            return .integer(time.microseconds % perUnit < 0 ? quotient - 1 : quotient)
        case .plain: return nil
        }
    }

    /// The key that lies `reach` below `key`; the key itself where a reach of that kind has no meaning.
    func key(_ key: CursorKey, less reach: Reach) -> CursorKey {
        switch (key, reach) {
        case (_, .none): return key
        case (.instant(let instant), .time(let duration)): return .instant(instant.subtracting(duration))
        case (.integer(let value), .time(let duration)):
            guard case .unixTime(let unitsPerSecond) = self else { return key }
            let units = duration.microseconds / (1_000_000 / unitsPerSecond)
            let (difference, overflow) = value.subtractingReportingOverflow(units)
            return .integer(overflow ? .min : difference)
        case (.real(let value), .time(let duration)):
            guard case .unixTime(let unitsPerSecond) = self else { return key }
            return .real(value - duration.seconds * Double(unitsPerSecond))
        case (.integer(let value), .count(let count)):
            let (difference, overflow) = value.subtractingReportingOverflow(count)
            return .integer(overflow ? .min : difference)
        case (.real(let value), .count(let count)): return .real(value - Double(count))
        default: return key
        }
    }

    /// What a value that has no place in the order should have been, for messages.
    var expectation: String {
        switch self {
        case .instants: "an ISO 8601 date or time such as 2024-03-31T23:59:58Z"
        case .unixTime(1): "a number of seconds since 1970"
        case .unixTime(1_000): "a number of milliseconds since 1970"
        case .unixTime: "a number of microseconds since 1970"
        case .plain: "a value of the same kind as the others (number, text or blob)"
        }
    }
}

/// A place in the order of a cursor column.
enum CursorKey: Equatable {
    case instant(Instant)
    case integer(Int64)
    case real(Double)
    case text([UInt8])
    case blob([UInt8])

    /// SQLite's order of storage classes; keys of different classes never share a column's order.
    private var storageClass: Int {
        switch self {
        case .instant: 0
        case .integer, .real: 1
        case .text: 2
        case .blob: 3
        }
    }

    /// Whether both keys belong to one storage class.
    func isComparable(to other: CursorKey) -> Bool { storageClass == other.storageClass }

    /// Negative, zero or positive as this key lies below, at or above `other`, exactly as SQLite compares.
    func compare(_ other: CursorKey) -> Int {
        switch (self, other) {
        case (.instant(let left), .instant(let right)): left < right ? -1 : left == right ? 0 : 1
        case (.integer(let left), .integer(let right)): left < right ? -1 : left == right ? 0 : 1
        case (.real(let left), .real(let right)): left < right ? -1 : left == right ? 0 : 1
        case (.integer(let left), .real(let right)): CursorKey.compare(left, right)
        case (.real(let left), .integer(let right)): -CursorKey.compare(right, left)
        case (.text(let left), .text(let right)), (.blob(let left), .blob(let right)):
            left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
        default: storageClass - other.storageClass
        }
    }

    /// Compares without rounding the integer to a double.
    private static func compare(_ left: Int64, _ right: Double) -> Int {
        if right >= 0x1p63 { return -1 }
        if right < -0x1p63 { return 1 }
        let whole = Int64(right)
        if left != whole { return left < whole ? -1 : 1 }
        let rest = right - Double(whole)
        return rest > 0 ? -1 : rest < 0 ? 1 : 0
    }

    /// The value to bind where SQLite compares for itself; nil for instants, which only our function orders.
    var value: Value? {
        switch self {
        case .instant: nil
        case .integer(let value): .integer(value)
        case .real(let value): .real(value)
        case .text(let bytes): .text(Text(bytes: bytes))
        case .blob(let bytes): .blob(bytes)
        }
    }
}

extension CursorValue {
    /// The value as SQLite holds it.
    var value: Value {
        switch self {
        case .integer(let value): .integer(value)
        case .real(let value): .real(value)
        case .text(let bytes): .text(Text(bytes: bytes))
        case .blob(let bytes): .blob(bytes)
        }
    }

    /// The cursor value that SQLite gave; nil for NULL.
    init?(_ value: Value) {
        switch value {
        case .null: return nil
        case .integer(let value): self = .integer(value)
        case .real(let value): self = .real(value)
        case .text(let text): self = .text(text.bytes)
        case .blob(let bytes): self = .blob(bytes)
        }
    }
}
