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
    /// Where a search of an index begins and ends, as far as it is bounded.
    private let bounds: [(sign: String, value: Value, meaning: String)]

    /// The scope of a range, in the order that the scheme's column has.
    init(_ scheme: PartitionScheme, _ range: PartitionRange) throws(LoadStop) {
        order = CursorOrder(scheme)
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
    /// It is true or false, also for NULL, so that its opposite finds all other rows.
    func holds(_ column: String) -> String {
        let bounds = bounds.enumerated().map { "\(column) COLLATE BINARY \($1.sign) ?\($0 + 1)" }
        return "(" + (bounds + ["\(PartitionGate.name)(\(column))"]).joined(separator: " AND ") + ")"
    }

    /// The values of the condition's parameters.
    var parameters: [Value] { bounds.map(\.value) }

    /// A statement that has the condition in it.
    func text(_ sql: String) -> DeltaStatement.Text {
        DeltaStatement.Text(sql: sql, parameters: parameters, meanings: bounds.map(\.meaning))
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

/// The SQL function that says whether a value lies in the partition in hand.
final class PartitionGate: ScalarFunctionBody {
    static let name = "strandline_in_partition"

    private let progress: LoadProgress
    private var start = CursorKey.integer(0)
    private var end = CursorKey.integer(0)
    private var reader = InstantReader()
    /// The rows let through since counting began; negative while nobody counts.
    private var passed = -1

    init(progress: LoadProgress) {
        self.progress = progress
    }

    /// Goes over to a partition.
    func open(_ scope: PartitionScope) {
        start = scope.start
        end = scope.end
        passed = -1
    }

    /// Counts the rows that `body` lets through into the load's progress.
    func counting<Result>(_ body: () throws(LoadStop) -> Result) throws(LoadStop) -> Result {
        passed = 0
        defer { passed = -1 }
        return try body()
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        guard holds(arguments) else { return context.result(0 as Int64) }
        if passed >= 0 {
            passed += 1
            if passed & 0x3FF == 0 { progress.setRead(passed) }
        }
        context.result(1 as Int64)
    }

    private func holds(_ arguments: FunctionArguments) -> Bool {
        switch arguments.type(0) {
        case .text:
            guard case .instant(let start) = start, case .instant(let end) = end,
                let (instant, _) = reader.read(arguments.bytes(0))
            else { return false }
            return start <= instant && instant < end
        case .integer: return holds(.integer(arguments.integer(0)))
        case .real: return holds(.real(arguments.real(0)))
        case .null, .blob: return false
        }
    }

    private func holds(_ place: CursorKey) -> Bool {
        start.isComparable(to: place) && start.compare(place) <= 0 && place.compare(end) < 0
    }
}
