internal import Model
internal import SQLite

/// The part of a cursor's order that a statement reads.
struct DeltaRange {
    /// The lowest place read; nil reads from the beginning.
    var lower: CursorKey?
    /// Whether rows at `lower` itself are read.
    var includesLower = true
    /// The highest place read and the highest a watermark may take; nil reads to the end.
    var upper: CursorKey?
    /// Rows above this place are not read at all; nil means no such bound.
    var ceiling: CursorKey?
    /// Rows above this place are ahead of the clock: read with the last commit, but no reason to move a watermark.
    var future: CursorKey?
    /// Whether this statement reads the rows ahead of the clock.
    var includesFuture = true
    /// Whether it reads the rows whose cursor is NULL.
    var includesNull = false
}

/// The SQL function that decides for each row of the source whether it belongs to the delta, and counts.
///
/// One pass over the source finds, filters and counts: NULL cursors, values without a place in the order, rows ahead
/// of the clock, rows below the window, and the highest position read. Called as `strandline_delta(cursor, key…)`.
final class DeltaGate: ScalarFunctionBody {
    static let name = "strandline_delta"
    static let probeName = "strandline_probe"

    /// What one pass saw.
    struct Tally {
        /// Rows that belong to the delta.
        var passed = 0
        /// Rows below the window: already loaded, or late.
        var below = 0
        /// Rows above the window, left for a later commit or run.
        var above = 0
        /// Rows of the delta that are ahead of the clock.
        var future = 0
        /// The first of those.
        var futureSample: CursorValue?
        /// Rows whose cursor is NULL.
        var nullCursors = 0
        /// Rows whose cursor has no place in the order.
        var unordered = 0
        /// The first of those.
        var unorderedSample: CursorValue?
        /// Rows of the delta in which a column of the key is NULL.
        var nullKeys = 0
        /// How the texts of the delta name their time zone, as bits of `Instant.Zone`.
        var zones: UInt8 = 0
        /// The highest position read that a watermark may take.
        var position: Position?
        /// The highest cursor read, rows ahead of the clock included.
        var reached: Position?
        /// The lowest cursor read.
        var lowest: CursorKey?

        /// Adds what an earlier pass over other rows of the same source saw.
        ///
        /// Both passes may have met the rows that belong to neither, so of those the higher count stays.
        mutating func merge(_ earlier: Tally) {
            passed += earlier.passed
            below = max(below, earlier.below)
            above = max(above, earlier.above)
            future += earlier.future
            futureSample = earlier.futureSample ?? futureSample
            nullCursors = max(nullCursors, earlier.nullCursors)
            unordered = max(unordered, earlier.unordered)
            unorderedSample = earlier.unorderedSample ?? unorderedSample
            nullKeys += earlier.nullKeys
            zones |= earlier.zones
            position = Position.higher(position, earlier.position)
            reached = Position.higher(reached, earlier.reached)
            if let other = earlier.lowest, lowest.map({ other.compare($0) < 0 }) ?? true { lowest = other }
        }
    }

    /// A cursor value with its place in the order and the key of its row.
    struct Position {
        var key: CursorKey
        var value: CursorValue
        var rowKey: [Value]

        /// The higher of two positions; the first where they are equal.
        static func higher(_ left: Position?, _ right: Position?) -> Position? {
            guard let left, let right else { return left ?? right }
            return right.key.compare(left.key) > 0 ? right : left
        }
    }

    private let order: CursorOrder
    private let progress: LoadProgress
    private var range = DeltaRange()
    private var readBefore = 0
    var tally = Tally()

    init(order: CursorOrder, progress: LoadProgress) {
        self.order = order
        self.progress = progress
    }

    /// Prepares for a statement that reads `range`.
    ///
    /// `readBefore` is what earlier commits read, for the progress; nil keeps this pass out of it.
    func reset(_ range: DeltaRange, readBefore: Int?) {
        self.range = range
        self.readBefore = readBefore ?? -1
        tally = Tally()
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        context.result(admits(arguments) ? 1 as Int64 : 0)
    }

    private func admits(_ arguments: FunctionArguments) -> Bool {
        let type = arguments.type(0)
        if type == .null {
            tally.nullCursors += 1
            guard range.includesNull else { return false }
            pass(arguments)
            return true
        }
        guard let key = key(type, arguments) else {
            tally.unordered += 1
            if tally.unorderedSample == nil { tally.unorderedSample = CursorValue(arguments.value(0)) }
            return false
        }
        if let lower = range.lower {
            let order = key.compare(lower)
            if order < 0 || order == 0 && !range.includesLower {
                tally.below += 1
                return false
            }
        }
        if let ceiling = range.ceiling, key.compare(ceiling) > 0 {
            tally.above += 1
            return false
        }
        if let upper = range.upper, key.compare(upper) > 0 {
            guard range.includesFuture, let future = range.future, key.compare(future) > 0 else {
                tally.above += 1
                return false
            }
            tally.future += 1
            if tally.futureSample == nil { tally.futureSample = CursorValue(arguments.value(0)) }
            raise(&tally.reached, key, arguments)
        } else {
            raise(&tally.position, key, arguments)
        }
        if tally.lowest.map({ key.compare($0) < 0 }) ?? true { tally.lowest = key }
        pass(arguments)
        return true
    }

    private func pass(_ arguments: FunctionArguments) {
        tally.passed += 1
        for index in 1..<max(1, arguments.count) where arguments.type(index) == .null {
            tally.nullKeys += 1
            break
        }
        if readBefore >= 0, tally.passed & 0x3FF == 0 { progress.setRead(readBefore + tally.passed) }
    }

    /// The place of the row's cursor in the order; nil when it has none, or is of another class than the others.
    private func key(_ type: ValueType, _ arguments: FunctionArguments) -> CursorKey? {
        switch order {
        case .instants:
            guard type == .text, let (instant, zone) = Instant.parse(arguments.bytes(0)) else { return nil }
            tally.zones |= zone.rawValue
            return .instant(instant)
        case .unixTime:
            return type == .integer ? .integer(arguments.integer(0)) : type == .real ? .real(arguments.real(0)) : nil
        case .plain:
            let key: CursorKey
            switch type {
            case .integer: key = .integer(arguments.integer(0))
            case .real: key = .real(arguments.real(0))
            case .text: key = .text(Array(arguments.bytes(0)))
            default: key = .blob(Array(arguments.bytes(0)))
            }
            // The watermark, or the first row, says of which class the column is.
            if let other = range.lower ?? tally.lowest, !key.isComparable(to: other) { return nil }
            return key
        }
    }

    /// Keeps the row as the highest position when it is; among equal cursors the greatest key stays.
    private func raise(_ position: inout Position?, _ key: CursorKey, _ arguments: FunctionArguments) {
        let order = position.map { key.compare($0.key) } ?? 1
        guard order >= 0 else { return }
        if order == 0 {
            guard let held = position, isGreater(arguments, than: held.rowKey) else { return }
        }
        if position == nil {
            position = Position(key: key, value: .integer(0), rowKey: [])
            position?.rowKey.reserveCapacity(arguments.count)
        }
        position?.key = key
        position?.value = CursorValue(arguments.value(0)) ?? .integer(0)
        position?.rowKey.removeAll(keepingCapacity: true)
        for index in 1..<max(1, arguments.count) { position?.rowKey.append(arguments.value(index)) }
    }

    private func isGreater(_ arguments: FunctionArguments, than held: [Value]) -> Bool {
        for index in 1..<max(1, arguments.count) where index - 1 < held.count {
            let order = compare(arguments.value(index), held[index - 1])
            if order != 0 { return order > 0 }
        }
        return false
    }

    private func compare(_ left: Value, _ right: Value) -> Int {
        guard let left = CursorValue(left).flatMap({ CursorOrder.plain.key($0) }),
            let right = CursorValue(right).flatMap({ CursorOrder.plain.key($0) })
        else { return 0 }
        return left.compare(right)
    }
}

/// The SQL function that counts the rows for which it is reached, and answers true.
final class RowCounter: ScalarFunctionBody {
    private(set) var count = 0

    func reset() { count = 0 }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        count += 1
        context.result(1 as Int64)
    }
}

/// The SQL function `strandline_order(cursor)`: a value that SQLite orders as the cursor's own order is.
final class OrderFunction: ScalarFunctionBody {
    static let name = "strandline_order"
    private let order: CursorOrder

    init(order: CursorOrder) {
        self.order = order
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        guard order == .instants else { return context.result(arguments, at: 0) }
        guard arguments.type(0) == .text, let (instant, _) = Instant.parse(arguments.bytes(0)) else {
            return context.resultNull()
        }
        context.result(.text(instant.sortableText))
    }
}
