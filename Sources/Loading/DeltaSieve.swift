internal import Model
internal import SQLite

/// The state of a `DeltaGate` while a statement runs: decides for one row after the other, and counts.
///
/// It allocates nothing for a row whose cursor is a time or a number.
struct DeltaSieve<Place: CursorPlace> {
    private let lower: Place?
    private let includesLower: Bool
    private let upper: Place?
    private let ceiling: Place?
    private let future: Place?
    private let includesFuture: Bool
    private let includesNull: Bool
    private let readBefore: Int
    private let progress: LoadProgress
    private var memory: Place.Memory
    private var tally = DeltaTally()
    private var lowest: Place?
    private var position = Peak<Place>()
    private var reached = Peak<Place>()

    init(_ range: DeltaRange, readBefore: Int?, _ progress: LoadProgress) {
        lower = range.lower.flatMap { Place($0) }
        includesLower = range.includesLower
        upper = range.upper.flatMap { Place($0) }
        ceiling = range.ceiling.flatMap { Place($0) }
        future = range.future.flatMap { Place($0) }
        includesFuture = range.includesFuture
        includesNull = range.includesNull
        self.readBefore = readBefore ?? -1
        self.progress = progress
        memory = Place.memory(from: range.lower)
    }

    /// What was seen, with the positions as values.
    var finishedTally: DeltaTally {
        var finished = tally
        finished.position = position.position
        finished.reached = reached.position
        finished.lowest = lowest?.key
        return finished
    }

    /// Whether the row belongs to the delta.
    mutating func admits(_ arguments: FunctionArguments) -> Bool {
        let type = arguments.type(0)
        if type == .null {
            tally.nullCursors &+= 1
            guard includesNull else { return false }
            pass(arguments)
            return true
        }
        guard let (place, zone) = Place.read(type, arguments, &memory) else {
            tally.unordered &+= 1
            if tally.unorderedSample == nil { tally.unorderedSample = CursorValue(arguments.value(0)) }
            return false
        }
        if let lower, place < lower || !includesLower && place == lower {
            tally.below &+= 1
            return false
        }
        if let ceiling, ceiling < place {
            tally.above &+= 1
            return false
        }
        if let upper, upper < place {
            guard includesFuture, let future, future < place else {
                tally.above &+= 1
                return false
            }
            tally.future &+= 1
            if tally.futureSample == nil { tally.futureSample = CursorValue(arguments.value(0)) }
            reached.raise(to: place, type, arguments)
        } else {
            position.raise(to: place, type, arguments)
        }
        tally.zones |= zone
        if let lowest { if place < lowest { self.lowest = place } } else { lowest = place }
        pass(arguments)
        return true
    }

    private mutating func pass(_ arguments: FunctionArguments) {
        tally.passed &+= 1
        var index = 1
        while index < arguments.count {
            if arguments.type(index) == .null {
                tally.nullKeys &+= 1
                break
            }
            index &+= 1
        }
        if readBefore >= 0, tally.passed & 0x3FF == 0 { progress.setRead(readBefore &+ tally.passed) }
    }
}

/// The highest position seen, in a buffer that is used again from row to row.
private struct Peak<Place: CursorPlace> {
    private var place: Place?
    private var type = ValueType.null
    private var text = [UInt8](repeating: 0, count: 64)
    private var textCount = 0
    private var rowKey: [Value] = []

    /// Keeps the row when it is the highest; among equal cursors the greatest key stays.
    mutating func raise(to place: Place, _ type: ValueType, _ arguments: FunctionArguments) {
        if let held = self.place {
            guard held < place || held == place && isGreater(arguments) else { return }
        }
        self.place = place
        self.type = type
        if type == .text { keep(arguments.bytes(0)) }
        if rowKey.count == arguments.count &- 1 {
            var index = 1
            while index < arguments.count {
                rowKey[index &- 1] = arguments.value(index)
                index &+= 1
            }
        } else {
            rowKey = (1..<max(1, arguments.count)).map { arguments.value($0) }
        }
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count > text.count { text = [UInt8](repeating: 0, count: bytes.count * 2) }
        text.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
        textCount = bytes.count
    }

    /// The position as values; nil when no row was seen.
    var position: DeltaPosition? {
        guard let place else { return nil }
        let value: CursorValue
        switch place.key {
        case .integer(let integer): value = .integer(integer)
        case .real(let real): value = .real(real)
        case .blob(let bytes): value = .blob(bytes)
        case .text, .instant: value = .text(Array(text.prefix(textCount)))
        }
        return DeltaPosition(key: place.key, value: value, rowKey: rowKey)
    }

    private func isGreater(_ arguments: FunctionArguments) -> Bool {
        for index in 1..<max(1, arguments.count) where index - 1 < rowKey.count {
            guard let left = CursorValue(arguments.value(index)).flatMap({ CursorOrder.plain.key($0) }),
                let right = CursorValue(rowKey[index - 1]).flatMap({ CursorOrder.plain.key($0) })
            else { continue }
            let order = left.compare(right)
            if order != 0 { return order > 0 }
        }
        return false
    }
}
