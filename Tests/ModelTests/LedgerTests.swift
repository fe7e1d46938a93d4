import Model
import Platform
import Testing

/// What is loaded, what is missing, and what was loaded twice.
struct LedgerTests {
    private let time = Timestamp(microseconds: 0)

    private func entry(_ start: Int64?, _ end: Int64, _ origin: Ledger.Origin, _ id: String) -> Ledger.Entry {
        Ledger.Entry(
            start: start.map { .number($0) }, end: .number(end), origin: origin, first: id, last: id, loadedAt: time)
    }

    private func ledger(_ loads: [(Int64?, Int64)]) -> Ledger {
        var ledger = Ledger()
        for (place, (start, end)) in loads.enumerated() {
            ledger.add(entry(start, end, .run, "run-\(place)"))
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
        found.add(entry(10, 30, .backfill, "b"))
        #expect(found.gaps == [Ledger.Stretch(start: .number(30), end: .number(50))])
        found.add(entry(30, 51, .backfill, "b"))
        #expect(found.gaps.isEmpty)
        #expect(found.overlaps.map(\.start) == [.number(50)] && found.overlaps.map(\.end) == [.number(51)])
        #expect(found.intervals.map(\.origin) == [.run, .run, .backfill])
    }

    @Test func partitionsOfABackfillAreOneIntervalInEitherOrder() {
        var found = Ledger()
        for start in [30, 20, 10] as [Int64] {
            found.add(entry(start, start + 10, .backfill, "b"))
        }
        #expect(found.intervals.count == 1 && found.intervals[0].loads == 3)
        #expect(found.intervals[0].start == .number(10) && found.intervals[0].end == .number(40))
    }

    @Test func theListsAreBoundedAndSayWhatTheyLeaveOut() {
        var found = Ledger()
        for round in 0..<Int64(3 * Limits.ledgerIntervals) {
            found.add(entry(10 * round, 10 * round + 5, .run, "r"))
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
            let origin: Ledger.Origin = Bool.random(using: &random) ? .run : .backfill
            found.add(entry(isFromTheBeginning ? nil : start, end, origin, "x"))
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
