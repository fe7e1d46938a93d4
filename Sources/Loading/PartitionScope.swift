internal import Model
internal import Platform
internal import SQLite

/// The part of a column's order that a partition reloads, and the SQL that finds its rows.
///
/// Pure. Rows whose value is NULL or has no place in the order belong to no partition.
struct PartitionScope {
    let order: CursorOrder
    let range: PartitionRange
    /// The first place in it.
    let start: CursorKey
    /// The first place behind it.
    let end: CursorKey
    /// The source's column by which runs append rows; nil where a partition takes rows wherever runs are.
    let cursor: String?
    /// Where a search of an index begins and ends, as far as it is bounded.
    private let bounds: [(sign: String, value: Value, meaning: String)]

    /// The scope of a range, in the order that the scheme's column has, for a step.
    init(_ scheme: PartitionScheme, _ range: PartitionRange, _ step: LoadStep) throws(LoadStop) {
        order = CursorOrder(scheme)
        cursor = AheadRows.cursor(of: step)
        self.range = range
        guard let start = order.place(range.start.place), let end = order.place(range.end.place) else {
            throw .failure(
                Failure(
                    .invalidValue, "the range \(range.text) does not fit the interval \(scheme.interval.json.text())",
                    hint: "times are sliced by hour, day, week, month or year, numbers by a count", field: "interval"))
        }
        self.start = start
        self.end = end
        let first = PartitionScope.bound(start, isEnd: false).map {
            (sign: ">=", value: $0, meaning: "where the search for the partition begins")
        }
        let last = PartitionScope.bound(end, isEnd: true).map {
            (sign: "<", value: $0, meaning: "where the search for the partition ends")
        }
        bounds = [first, last].compactMap { $0 }
    }

    /// Texts of other offsets than UTC's are up to a day away from where their instants would be among the others.
    ///
    /// Beyond the calendar of four-digit years texts no longer order: there nothing bounds the search.
    private static func bound(_ key: CursorKey, isEnd: Bool) -> Value? {
        guard case .instant(let instant) = key else { return key.value }
        let isMidnight = instant == Instant(seconds: instant.day.daysSinceEpoch * 86_400)
        let day = CivilDate(daysSinceEpoch: instant.day.daysSinceEpoch + (isEnd ? isMidnight ? 1 : 2 : -1))
        return (0...9999).contains(day.parts.year) ? .text(day.text) : nil
    }

    /// The condition that a value lies in the partition; its parameters are `parameters`, from the first.
    ///
    /// It is true or false, also for NULL, so that its opposite finds all other rows. Of a column that converts to numbers,
    /// for which `asNumber` asks, SQLite's own order says all where numbers are sliced: it is NULL for NULL then.
    func holds(_ column: String, asNumber: Bool = false) -> String {
        let bounds = bounds.enumerated().map { "\(column) COLLATE BINARY \($1.sign) ?\($0 + 1)" }
        let isEnough = asNumber && order != .instants && bounds.count == 2
        return "(" + (bounds + (isEnough ? [] : ["\(PartitionGate.name)(\(column))"])).joined(separator: " AND ") + ")"
    }

    /// The condition that the partition takes a row of the source: it lies in it by the column, and is not left to the
    /// next run.
    ///
    /// One call decides both, and counts what is left: SQLite may call two functions in any order.
    func takes(_ row: String, _ column: String) -> String {
        let place = "\(row).\(quoted(column))"
        guard let cursor else { return holds(place) }
        let bounds = bounds.enumerated().map { "\(place) COLLATE BINARY \($1.sign) ?\($0 + 1)" }
        let gate = "\(PartitionGate.name)(\(row).\(quoted(cursor)), \(place))"
        return "(" + (bounds + [gate]).joined(separator: " AND ") + ")"
    }

    /// The condition that a row of the source, wherever it lies, is not left to the next run, to stand behind others.
    func andPassed(_ row: String) -> String {
        cursor.map { " AND NOT \(AheadGate.name)(\(row).\(quoted($0)))" } ?? ""
    }

    /// Whether the conditions of another scope are written the same.
    func isLike(_ other: PartitionScope) -> Bool {
        order == other.order && cursor == other.cursor && bounds.map(\.sign) == other.bounds.map(\.sign)
    }

    /// Whether it holds whole numbers that a floating-point number may stand for only nearly.
    var reachesBeyondExactReals: Bool {
        let exact: Int64 = 1 << 53
        return CursorKey.integer(exact).compare(end) < 0 || start.compare(.integer(-exact)) < 0
    }

    /// The values of the condition's parameters.
    var parameters: [Value] { bounds.map(\.value) }

    /// A statement that has the condition in it.
    func text(_ sql: String) -> DeltaStatement.Text {
        DeltaStatement.Text(sql: sql, parameters: parameters, meanings: bounds.map(\.meaning))
    }

    /// Counts the rows behind FROM, of which `rows` says the condition, no further than a bound.
    func count(_ rows: String) -> String {
        "SELECT count(*) FROM (SELECT 1 FROM \(rows) LIMIT ?\(bounds.count + 1))"
    }

    /// The same with its parameters.
    func text(_ count: String, upTo bound: Int) -> DeltaStatement.Text {
        var text = text(count)
        text.parameters.append(Value(bound))
        return text
    }
}

extension CursorOrder {
    /// The order of the values that a backfill slices rows by.
    init(_ scheme: PartitionScheme) {
        switch scheme.format {
        case _ where !scheme.interval.isTime: self = .plain
        case nil, .iso8601: self = .instants
        case .some(let format): self = .unixTime(unitsPerSecond: format.unitsPerSecond ?? 1)
        }
    }

    /// The place of a partition's bound, exactly; nil where the order has none of that kind.
    func place(_ place: PartitionBound.Place) -> CursorKey? {
        switch (self, place) {
        case (.instants, .time(let time)): return .instant(Instant(time))
        case (.unixTime(let unitsPerSecond), .time(let time)):
            let perUnit = 1_000_000 / unitsPerSecond
            guard time.microseconds % perUnit != 0 else { return .integer(time.microseconds / perUnit) }
            return .real(Double(time.microseconds) / Double(perUnit))
        case (.plain, .number(let number)): return .integer(number)
        default: return nil
        }
    }
}

/// The SQL function that says whether a value lies in the partition in hand; with two arguments, a cursor and the value,
/// whether the partition takes the row.
final class PartitionGate: ScalarFunctionBody {
    static let name = "strandline_in_partition"

    // Behind a pointer, since each access to a class's own property is checked for exclusivity, in every row.
    private let state: UnsafeMutablePointer<State>

    fileprivate struct State {
        var progress: LoadProgress
        var start = CursorKey.integer(0)
        var end = CursorKey.integer(0)
        /// The same where both are integers, which is where comparing takes longer than all else.
        var integers: Range<Int64>?
        var reader = InstantReader()
        /// The rows let through since counting began; negative while nobody counts.
        var passed = -1
        /// The rows left to the next run meanwhile.
        var left = 0
    }

    /// Says which rows are left to the next run.
    let ahead: AheadGate

    init(_ cursorOrder: CursorOrder, progress: LoadProgress) {
        ahead = AheadGate(cursorOrder)
        state = .allocate(capacity: 1)
        state.initialize(to: State(progress: progress))
    }

    /// Makes a connection know the function, and that for rows that are left.
    func register(on connection: Connection) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            for arguments in 1...2 {
                try db.createFunction(
                    ScalarFunction(name: PartitionGate.name, arguments: arguments, body: self))
            }
            try db.createFunction(ScalarFunction(name: AheadGate.name, arguments: 1, body: ahead))
        }
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Goes over to a partition, whose load shows how far it has come in `progress`, with what it leaves to the next run.
    func open(_ scope: PartitionScope, _ progress: LoadProgress, leaving rows: DeltaRange? = nil) {
        ahead.open(rows)
        state.pointee = State(progress: progress, start: scope.start, end: scope.end)
        if case .integer(let start) = scope.start, case .integer(let end) = scope.end, start <= end {
            state.pointee.integers = start..<end
        }
    }

    /// Counts the rows that a statement which `body` runs lets through, also into the load's progress.
    func counting<Result>(_ body: () throws(LoadStop) -> Result) throws(LoadStop) -> (Result, passed: Int) {
        state.pointee.passed = 0
        state.pointee.left = 0
        defer { state.pointee.passed = -1 }
        return (try body(), state.pointee.passed)
    }

    /// The rows of the range that the last count found to be left to the next run.
    var left: Int { state.pointee.left }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        context.result(state.pointee.admits(arguments, but: ahead) ? 1 as Int64 : 0)
    }
}

extension PartitionGate.State {
    fileprivate mutating func admits(_ arguments: FunctionArguments, but ahead: AheadGate) -> Bool {
        guard arguments.count == 1 else {
            guard holds(arguments, at: 1) else { return false }
            guard ahead.holds(arguments) else { return count() }
            if passed >= 0 { left &+= 1 }
            return false
        }
        return holds(arguments, at: 0) && count()
    }

    /// Counts a row that is let through, if anybody counts; true.
    private mutating func count() -> Bool {
        if passed >= 0 {
            passed &+= 1
            if passed & 0x3FF == 0 { progress.setRead(passed) }
        }
        return true
    }

    private mutating func holds(_ arguments: FunctionArguments, at index: Int) -> Bool {
        switch arguments.type(index) {
        case .text:
            guard case .instant(let start) = start, case .instant(let end) = end,
                let (instant, _) = reader.read(arguments.bytes(index))
            else { return false }
            return start <= instant && instant < end
        case .integer:
            let value = arguments.integer(index)
            return integers?.contains(value) ?? holds(.integer(value))
        case .real: return holds(.real(arguments.real(index)))
        case .null, .blob: return false
        }
    }

    private func holds(_ place: CursorKey) -> Bool {
        start.isComparable(to: place) && start.compare(place) <= 0 && place.compare(end) < 0
    }
}
