internal import Model
internal import SQLite

/// A place in one kind of cursor order, in the form that compares fastest: rows are compared by the million.
protocol CursorPlace: Comparable {
    /// What reading one value after the other remembers.
    associatedtype Memory

    /// The memory of a reader that has seen nothing but the bound it starts from.
    static func memory(from lower: CursorKey?) -> Memory
    /// The place of the cursor, the first argument; nil when it has none. The zone is 0 where there is none.
    static func read(_ type: ValueType, _ arguments: FunctionArguments, _ memory: inout Memory) -> (Self, zone: UInt8)?
    /// The place of a bound; nil for one of another kind.
    init?(_ key: CursorKey)
    /// The place in its general form.
    var key: CursorKey { get }
}

extension Instant: CursorPlace {
    static func memory(from lower: CursorKey?) -> InstantReader { InstantReader() }

    static func read(
        _ type: ValueType, _ arguments: FunctionArguments, _ memory: inout InstantReader
    ) -> (Instant, zone: UInt8)? {
        guard type == .text, let (instant, zone) = memory.read(arguments.bytes(0)) else { return nil }
        return (instant, zone.rawValue)
    }

    init?(_ key: CursorKey) {
        guard case .instant(let instant) = key else { return nil }
        self = instant
    }

    var key: CursorKey { .instant(self) }
}

/// A number of units of time.
enum NumberPlace: CursorPlace {
    case integer(Int64)
    case real(Double)

    static func memory(from lower: CursorKey?) {}

    static func read(
        _ type: ValueType, _ arguments: FunctionArguments, _ memory: inout Void
    ) -> (NumberPlace, zone: UInt8)? {
        switch type {
        case .integer: (.integer(arguments.integer(0)), 0)
        case .real: (.real(arguments.real(0)), 0)
        default: nil
        }
    }

    init?(_ key: CursorKey) {
        switch key {
        case .integer(let value): self = .integer(value)
        case .real(let value): self = .real(value)
        default: return nil
        }
    }

    var key: CursorKey {
        switch self {
        case .integer(let value): .integer(value)
        case .real(let value): .real(value)
        }
    }

    static func == (left: NumberPlace, right: NumberPlace) -> Bool { left.key.compare(right.key) == 0 }

    static func < (left: NumberPlace, right: NumberPlace) -> Bool {
        if case .integer(let left) = left, case .integer(let right) = right { return left < right }
        return left.key.compare(right.key) < 0
    }
}

/// A value in SQLite's own order; the column's class is that of the first value or of the bound.
struct PlainPlace: CursorPlace {
    let key: CursorKey

    static func memory(from lower: CursorKey?) -> CursorKey? { lower }

    static func read(
        _ type: ValueType, _ arguments: FunctionArguments, _ memory: inout CursorKey?
    ) -> (PlainPlace, zone: UInt8)? {
        let key: CursorKey
        switch type {
        case .integer: key = .integer(arguments.integer(0))
        case .real: key = .real(arguments.real(0))
        case .text: key = .text(Array(arguments.bytes(0)))
        default: key = .blob(Array(arguments.bytes(0)))
        }
        if let memory {
            guard key.isComparable(to: memory) else { return nil }
        } else {
            memory = key
        }
        return (PlainPlace(key), 0)
    }

    init(_ key: CursorKey) {
        self.key = key
    }

    static func == (left: PlainPlace, right: PlainPlace) -> Bool { left.key.compare(right.key) == 0 }

    static func < (left: PlainPlace, right: PlainPlace) -> Bool {
        if case .integer(let left) = left.key, case .integer(let right) = right.key { return left < right }
        return left.key.compare(right.key) < 0
    }
}
