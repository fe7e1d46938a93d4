import Model
import Platform
import Testing

/// What is loaded, what is missing, and what was loaded twice.
struct LedgerTests {
    private let time = Timestamp(microseconds: 0)

    private func ledger(_ loads: [(Int64?, Int64)]) -> Ledger {
        var ledger = Ledger()
        for (place, (start, end)) in loads.enumerated() {
            ledger.add(from: start.map { .number($0) }, to: .number(end), by: .run, "run-\(place)", at: time)
        }
        return ledger
    }

    @Test func runsInARowAreOneInterval() {
        let found = ledger([(nil, 10), (10, 20), (20, 20), (20, 35)])
        #expect(found.intervals.count == 1)
        #expect(
            found.intervals[0].loads == 3 && found.intervals[0].first == "run-0" && found.intervals[0].last == "run-3")
        #expect(found.intervals[0].start == nil && found.through == .number(35))
        #expect(found.gaps.isEmpty && found.overlaps.isEmpty)
    }

    // PAINS 46: what an outage left out is seen, and seen to be filled.
    @Test func whatWasPassedOverIsAGapUntilItIsFilled() {
        var found = ledger([(nil, 10), (50, 60)])
        #expect(found.gaps == [Ledger.Stretch(start: .number(10), end: .number(50))])
        found.add(from: .number(10), to: .number(30), by: .backfill, "b", at: time)
        #expect(found.gaps == [Ledger.Stretch(start: .number(30), end: .number(50))])
        found.add(from: .number(30), to: .number(51), by: .backfill, "b", at: time)
        #expect(found.gaps.isEmpty)
        #expect(found.overlaps.map(\.start) == [.number(50)] && found.overlaps.map(\.end) == [.number(51)])
        #expect(found.intervals.map(\.origin) == [.run, .run, .backfill])
    }

    @Test func partitionsOfABackfillAreOneIntervalInEitherOrder() {
        var found = Ledger()
        for start in [30, 20, 10] as [Int64] {
            found.add(from: .number(start), to: .number(start + 10), by: .backfill, "b", at: time)
        }
        #expect(found.intervals.count == 1 && found.intervals[0].loads == 3)
        #expect(found.intervals[0].start == .number(10) && found.intervals[0].end == .number(40))
    }

    @Test func theListsAreBoundedAndSayWhatTheyLeaveOut() {
        var found = Ledger()
        for round in 0..<Int64(3 * Limits.ledgerIntervals) {
            found.add(from: .number(10 * round), to: .number(10 * round + 5), by: .run, "r", at: time)
        }
        #expect(found.intervals.count + found.intervalsOmitted == 3 * Limits.ledgerIntervals)
        #expect(found.intervals.count < 2 * Limits.ledgerIntervals)
        #expect(found.gaps.count == 3 * Limits.ledgerIntervals - 1)
    }

    /// Against a set of the numbers that are loaded, counted one by one.
    @Test(arguments: 0..<40)
    func itIsWhatCountingNumberByNumberFinds(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var found = Ledger()
        var times: [Int64: Int] = [:]
        for _ in 0..<Int.random(in: 1...25, using: &random) {
            let start = Int64.random(in: 0...60, using: &random)
            let end = start + Int64.random(in: -2...15, using: &random)
            let isFromTheBeginning = Int.random(in: 0...15, using: &random) == 0
            found.add(
                from: isFromTheBeginning ? nil : .number(start), to: .number(end),
                by: Bool.random(using: &random) ? .run : .backfill, "x", at: time)
            guard isFromTheBeginning || start < end else { continue }
            for number in stride(from: isFromTheBeginning ? -10 : start, to: end, by: 1) {
                times[number, default: 0] += 1
            }
        }
        func isIn(_ number: Int64, _ start: PartitionBound.Place?, _ end: PartitionBound.Place) -> Bool {
            (start.map { $0 <= .number(number) } ?? true) && .number(number) < end
        }
        let highest = times.keys.max() ?? 0
        let lowest = times.keys.min() ?? 0
        for number in -10...80 as ClosedRange<Int64> {
            let loaded = times[number] ?? 0
            let isMissing = loaded == 0 && number > lowest && number < highest
            #expect(found.gaps.contains { isIn(number, $0.start, $0.end) } == isMissing, "seed \(seed), \(number)")
            #expect(
                found.overlaps.count { isIn(number, $0.start, $0.end) } == max(0, loaded - 1), "seed \(seed), \(number)"
            )
            #expect(
                found.intervals.contains { isIn(number, $0.start, $0.end) } == (loaded > 0), "seed \(seed), \(number)")
        }
    }
}
