internal import Model
internal import Platform
internal import SQLite

/// Says of each row whether an audit compares it, and in which part of the cursor's range it lies.
struct AuditRuler {
    /// Where a row lies.
    enum Place: Equatable {
        /// It is compared, and counted in this part.
        case inside(Int64)
        /// It lies above the watermark: a coming run reads it.
        case above
        /// It lies below the place where a first load began: no run reads it.
        case below
        /// Its cursor has no place in the order.
        case nowhere
    }

    /// The part of rows whose cursor has no place in the order; it comes before all others.
    static let nowherePart = Int64.min

    private let order: CursorOrder
    private let interval: Interval?
    /// The watermark, up to which rows are compared; nil where the whole table is.
    private let upper: CursorKey?
    /// Where a first load began.
    private let lower: CursorKey?
    private let includesNull: Bool
    /// Whether the table is compared whole, whatever its cursor says.
    let isWhole: Bool
    private var reader = InstantReader()

    /// Compares the whole table, in one part.
    init() {
        order = .plain
        interval = nil
        upper = nil
        lower = nil
        includesNull = true
        isWhole = true
    }

    /// Says of rows on which side of `reached` they lie, in one part; where nothing is reached yet, all lie above.
    init(_ cursor: Cursor, order: CursorOrder, reached: CursorValue?) throws(LoadStop) {
        self.order = order
        upper = try reached.map { value throws(LoadStop) in try AuditRuler.upper(value, order) }
        lower = cursor.initial.flatMap { order.key($0) }
        includesNull = cursor.onMissing == .include
        isWhole = false
        interval = nil
    }

    /// Compares what lies at or below the watermark.
    init(
        _ cursor: Cursor, order: CursorOrder, watermark: CursorValue, interval: Interval?
    ) throws(LoadStop) {
        let upper = try AuditRuler.upper(watermark, order)
        self.order = order
        self.upper = upper
        lower = cursor.initial.flatMap { order.key($0) }
        includesNull = cursor.onMissing == .include
        isWhole = false
        self.interval = try AuditRuler.interval(interval, order, from: lower, to: upper)
    }

    private static func upper(_ watermark: CursorValue, _ order: CursorOrder) throws(LoadStop) -> CursorKey {
        if let upper = order.key(watermark) { return upper }
        throw .failure(
            Failure(
                .cursorFormat, "the watermark \(watermark.display) is not \(order.expectation)",
                hint: "correct cursor.format, or set the watermark anew", field: "cursor.format"))
    }

    private static func interval(
        _ wanted: Interval?, _ order: CursorOrder, from lower: CursorKey?, to upper: CursorKey
    ) throws(LoadStop) -> Interval? {
        if order.isTime {
            guard wanted?.isTime ?? true else {
                throw .failure(
                    Failure(
                        .invalidValue, "`interval` is a number, but the step's cursor is a time",
                        hint: "use one of \(Interval.words.joined(separator: ", "))", field: "interval"))
            }
            return wanted ?? .day
        }
        guard wanted.map({ !$0.isTime }) ?? true else {
            throw .failure(
                Failure(
                    .invalidValue, "`interval` is a length of time, but the step's cursor is none",
                    hint: "use a whole number: how many numbers of the cursor make a part", field: "interval"))
        }
        guard let highest = upper.double else { return nil }
        if let wanted { return wanted }
        // About a thousand parts, of a width that people read easily.
        let span = abs(highest - (lower?.double ?? 0))
        var count: Int64 = 1
        while span / Double(count) > 1_000, count < 1_000_000_000_000_000_000 { count *= 10 }
        return .count(count)
    }

    /// The place of the row that a reader stands on, whose cursor is at `index`.
    mutating func place(_ rows: RowReader, _ index: Int) -> Place {
        guard let upper else { return isWhole ? .inside(0) : unreached(rows, index) }
        switch (order, rows.type(index)) {
        case (_, .null): return includesNull ? .inside(AuditRuler.nowherePart) : .nowhere
        case (.instants, .text):
            guard let (instant, _) = reader.read(rows.bytes(index)) else { return .nowhere }
            if case .instant(let upper) = upper, instant > upper { return .above }
            if case .instant(let lower)? = lower, instant < lower { return .below }
            return .inside(interval?.part(ofSeconds: instant.seconds) ?? 0)
        case (.unixTime, .integer), (.plain, .integer):
            return place(.integer(rows.integer(index)), upper)
        case (.unixTime, .real), (.plain, .real):
            return place(.real(rows.real(index)), upper)
        case (.plain, .text): return place(.text(Array(rows.bytes(index))), upper)
        case (.plain, .blob): return place(.blob(Array(rows.bytes(index))), upper)
        default: return .nowhere
        }
    }

    private func unreached(_ rows: RowReader, _ index: Int) -> Place {
        guard let value = CursorValue(rows.value(index)) else {
            return includesNull ? .inside(AuditRuler.nowherePart) : .nowhere
        }
        guard let key = order.key(value) else { return .nowhere }
        if let lower, key.isComparable(to: lower), key.compare(lower) < 0 { return .below }
        return .above
    }

    private func place(_ key: CursorKey, _ upper: CursorKey) -> Place {
        guard key.isComparable(to: upper) else { return .nowhere }
        if key.compare(upper) > 0 { return .above }
        if let lower, key.compare(lower) < 0 { return .below }
        guard let interval, let whole = key.whole else { return .inside(0) }
        if case .unixTime(let unitsPerSecond) = order {
            return .inside(interval.part(ofSeconds: Interval.quotient(whole, unitsPerSecond)))
        }
        return .inside(interval.part(ofSeconds: whole))
    }

    /// The cursor value at which a part begins; nil for the part of what has no place.
    func start(of part: Int64) -> CursorValue? {
        guard let interval, part != AuditRuler.nowherePart else { return nil }
        let seconds = interval.seconds(ofPart: part)
        switch order {
        case .instants:
            let instant = Instant(seconds: seconds)
            return .text(interval == .hour ? instant.sortableText + "Z" : instant.day.text)
        case .unixTime(let unitsPerSecond):
            return .integer(seconds.multipliedReportingOverflow(by: unitsPerSecond).partialValue)
        case .plain: return .integer(seconds)
        }
    }
}

extension CursorKey {
    /// The value of a number; nil for anything else.
    fileprivate var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }

    /// The whole number at or below a number; nil for anything else, and beyond the range.
    fileprivate var whole: Int64? {
        switch self {
        case .integer(let value): value
        case .real(let value): Int64(exactly: value.rounded(.down))
        default: nil
        }
    }
}

/// The SQL function that orders rows of one key as an audit needs them: 2 for one that a coming run loads, 1 for one
/// that is compared, 0 for one that is never loaded.
final class AuditPlaceFunction: ScalarFunctionBody {
    static let name = "strandline_audit_place"
    private let order: CursorOrder
    private let upper: CursorKey?
    private let lower: CursorKey?
    private let includesNull: Bool

    init(_ cursor: Cursor, order: CursorOrder, watermark: CursorValue) {
        self.order = order
        upper = order.key(watermark)
        lower = cursor.initial.flatMap { order.key($0) }
        includesNull = cursor.onMissing == .include
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        guard let value = CursorValue(arguments.value(0)) else { return context.result(includesNull ? 1 as Int64 : 0) }
        guard let key = order.key(value), let upper, key.isComparable(to: upper) else {
            return context.result(0 as Int64)
        }
        if key.compare(upper) > 0 { return context.result(2 as Int64) }
        if let lower, key.compare(lower) < 0 { return context.result(0 as Int64) }
        context.result(1 as Int64)
    }
}
