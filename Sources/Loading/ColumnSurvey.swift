internal import Model
internal import SQLite

/// The SQL function that looks at columns row by row, in the order in which the rows were added, and keeps what it saw.
///
/// Called as `strandline_survey(column…)`; it answers true.
final class ColumnSurvey: ScalarFunctionBody {
    static let name = "strandline_survey"

    /// What was seen of one column.
    struct Column {
        var nulls = 0
        var numbers = 0
        var times = 0
        var others = 0
        /// How many numbers could be times of each unit, by the order of `units`.
        var unixTimes = [0, 0, 0]
        var zones: UInt8 = 0
        /// The first value that is no number, respectively no time.
        var otherThanNumber: CursorValue?
        var otherThanTime: CursorValue?
        /// Values that were lower than the one before.
        var falls = 0
        var futureTimes = 0
        var futureUnix = [0, 0, 0]
        var lowest: CursorKey?
        var highest: CursorKey?
        var lowestValue: CursorValue?
        var highestValue: CursorValue?
        fileprivate var last: CursorKey?
        fileprivate var reader = InstantReader()

        /// Rows that have a value.
        var values: Int { numbers + times + others }
    }

    /// The formats of numbers that may be times, each with the lowest and the highest number of the years 1990 to 2100.
    static let units: [(format: CursorFormat, range: ClosedRange<Double>)] = [
        (.unixSeconds, 631_152_000...4_102_444_800), (.unixMillis, 631_152_000e3...4_102_444_800e3),
        (.unixMicros, 631_152_000e6...4_102_444_800e6),
    ]

    private(set) var columns: [Column]
    private let now: Instant

    init(columns: Int, now: Instant) {
        self.columns = Array(repeating: Column(), count: columns)
        self.now = now
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        for index in 0..<min(columns.count, arguments.count) { columns[index].look(arguments, at: index, now: now) }
        context.result(1 as Int64)
    }
}

extension ColumnSurvey.Column {
    fileprivate mutating func look(_ arguments: FunctionArguments, at index: Int, now: Instant) {
        let key: CursorKey
        switch arguments.type(index) {
        case .null:
            nulls += 1
            return
        case .integer:
            key = .integer(arguments.integer(index))
            note(number: Double(arguments.integer(index)), arguments, index, now)
        case .real:
            key = .real(arguments.real(index))
            note(number: arguments.real(index), arguments, index, now)
        case .text:
            if otherThanNumber == nil { otherThanNumber = CursorValue(arguments.value(index)) }
            guard let (instant, zone) = reader.read(arguments.bytes(index)) else {
                others += 1
                if otherThanTime == nil { otherThanTime = CursorValue(arguments.value(index)) }
                return
            }
            times += 1
            zones |= zone.rawValue
            if instant > now { futureTimes += 1 }
            key = .instant(instant)
        case .blob:
            others += 1
            let value = CursorValue(arguments.value(index))
            otherThanNumber = otherThanNumber ?? value
            otherThanTime = otherThanTime ?? value
            return
        }
        place(key, arguments, index)
    }

    private mutating func note(number: Double, _ arguments: FunctionArguments, _ index: Int, _ now: Instant) {
        numbers += 1
        if otherThanTime == nil { otherThanTime = CursorValue(arguments.value(index)) }
        for (unit, (format, range)) in ColumnSurvey.units.enumerated() where range.contains(number) {
            unixTimes[unit] += 1
            if number / Double(format.unitsPerSecond ?? 1) > Double(now.seconds) { futureUnix[unit] += 1 }
        }
    }

    private mutating func place(_ key: CursorKey, _ arguments: FunctionArguments, _ index: Int) {
        if let last, last.isComparable(to: key), key.compare(last) < 0 { falls += 1 }
        last = key
        if lowest.map({ key.compare($0) < 0 }) ?? true {
            lowest = key
            lowestValue = CursorValue(arguments.value(index))
        }
        if highest.map({ key.compare($0) > 0 }) ?? true {
            highest = key
            highestValue = CursorValue(arguments.value(index))
        }
    }
}
