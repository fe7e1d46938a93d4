internal import Model
internal import SQLite

/// The SQL function that decides for each row of the source whether it belongs to the delta, and counts.
///
/// One pass over the source finds, filters and counts: NULL cursors, values without a place in the order, rows ahead
/// of the clock, rows below the window, and the highest position read. Called as `strandline_delta(cursor, key…)`.
final class DeltaGate: ScalarFunctionBody {
    static let name = "strandline_delta"
    static let probeName = "strandline_probe"

    private let order: CursorOrder
    private var progress: LoadProgress
    private var sieve: any RowSieve
    private var earlier: DeltaTally?
    /// Rows with a NULL in the key that are left after others were set aside; nil while none was.
    var nullKeysLeft: Int?

    init(order: CursorOrder, progress: LoadProgress) {
        self.order = order
        self.progress = progress
        sieve = DeltaGate.sieve(order, DeltaRange(), nil, progress)
    }

    /// Begins another load, which shows how far it has come in `progress`.
    func begin(_ progress: LoadProgress) {
        self.progress = progress
        reset(DeltaRange(), readBefore: nil)
    }

    /// What was seen since the last reset, with what was added.
    var tally: DeltaTally {
        var tally = sieve.tally
        if let nullKeysLeft { tally.nullKeys = nullKeysLeft }
        if let earlier { tally.merge(earlier) }
        return tally
    }

    /// Adds what was seen elsewhere for the same delta.
    func add(_ tally: DeltaTally) {
        if earlier == nil { earlier = tally } else { earlier?.merge(tally) }
    }

    /// Prepares for a statement that reads `range`.
    ///
    /// `readBefore` is what earlier commits read, for the progress; nil keeps this pass out of it.
    func reset(_ range: DeltaRange, readBefore: Int?) {
        sieve = DeltaGate.sieve(order, range, readBefore, progress)
        earlier = nil
        nullKeysLeft = nil
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        context.result(admits(arguments) ? 1 as Int64 : 0)
    }

    /// Whether the row belongs to the delta.
    func admits(_ arguments: FunctionArguments) -> Bool { sieve.admits(arguments) }

    private static func sieve(
        _ order: CursorOrder, _ range: DeltaRange, _ readBefore: Int?, _ progress: LoadProgress
    ) -> any RowSieve {
        switch order {
        case .instants: InstantSieve(DeltaSieve(range, readBefore: readBefore, progress))
        case .unixTime: NumberSieve(DeltaSieve(range, readBefore: readBefore, progress))
        case .plain: PlainSieve(DeltaSieve(range, readBefore: readBefore, progress))
        }
    }
}

/// A sieve of whatever order.
private protocol RowSieve: AnyObject {
    func admits(_ arguments: FunctionArguments) -> Bool
    var tally: DeltaTally { get }
}

// One class for each order instead of a generic one, for which the compiler would look types up at run time, in every
// row; and the state behind a pointer, since each access to a class's own property is checked for exclusivity, which
// was measured to cost as much as reading the cursor.

private final class InstantSieve: RowSieve {
    private let sieve: UnsafeMutablePointer<DeltaSieve<Instant>>

    init(_ sieve: DeltaSieve<Instant>) {
        self.sieve = .allocate(capacity: 1)
        self.sieve.initialize(to: sieve)
    }

    deinit {
        sieve.deinitialize(count: 1)
        sieve.deallocate()
    }

    func admits(_ arguments: FunctionArguments) -> Bool {
        sieve.pointee.admits(arguments)
    }

    var tally: DeltaTally { sieve.pointee.finishedTally }
}

private final class NumberSieve: RowSieve {
    private let sieve: UnsafeMutablePointer<DeltaSieve<NumberPlace>>

    init(_ sieve: DeltaSieve<NumberPlace>) {
        self.sieve = .allocate(capacity: 1)
        self.sieve.initialize(to: sieve)
    }

    deinit {
        sieve.deinitialize(count: 1)
        sieve.deallocate()
    }

    func admits(_ arguments: FunctionArguments) -> Bool {
        sieve.pointee.admits(arguments)
    }

    var tally: DeltaTally { sieve.pointee.finishedTally }
}

private final class PlainSieve: RowSieve {
    private let sieve: UnsafeMutablePointer<DeltaSieve<PlainPlace>>

    init(_ sieve: DeltaSieve<PlainPlace>) {
        self.sieve = .allocate(capacity: 1)
        self.sieve.initialize(to: sieve)
    }

    deinit {
        sieve.deinitialize(count: 1)
        sieve.deallocate()
    }

    func admits(_ arguments: FunctionArguments) -> Bool {
        sieve.pointee.admits(arguments)
    }

    var tally: DeltaTally { sieve.pointee.finishedTally }
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
    /// The same for ISO 8601 texts, whatever the cursor is.
    static let timeName = "strandline_time"
    private let order: CursorOrder

    init(order: CursorOrder) {
        self.order = order
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        guard order == .instants else { return context.result(arguments, at: 0) }
        guard arguments.type(0) == .text, let instant = CursorOrder.instant(Array(arguments.bytes(0))) else {
            return context.resultNull()
        }
        context.result(.text(instant.sortableText))
    }
}
