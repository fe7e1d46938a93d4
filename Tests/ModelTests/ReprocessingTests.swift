import Model
import Platform
import Testing

/// What an earlier backfill leaves to a later one.
struct ReprocessingTests {
    private func partitions(_ bounds: [Int64]) -> [PartitionRange] {
        func bound(_ number: Int64) -> PartitionBound { PartitionBound(.number(number), text: String(number)) }
        return zip(bounds, bounds.dropFirst()).map { PartitionRange(start: bound($0), end: bound($1)) }
    }

    private func tried(_ backfill: String, _ places: Range<Int64>, _ state: PartitionState) -> TriedPartition {
        TriedPartition(backfill: backfill, places: places, state: state)
    }

    // PAINS 43: what was loaded before is not loaded again unless somebody says so.
    @Test func leavesOutWhatWasTriedUnlessItIsAskedFor() {
        let new = partitions([0, 10, 20, 30, 40, 50])
        let before = [
            tried("a", 0..<10, .success), tried("a", 10..<20, .failed), tried("a", 20..<30, .cancelled),
            tried("a", 30..<35, .success),
        ]
        let none = Reprocessing(new, .none, tried: before)
        #expect(none.left.map(\.text) == ["[30, 40)", "[40, 50)"])
        #expect(none.skipped == 3 && none.unsuccessful == 2 && none.backfill == "a")
        let failed = Reprocessing(new, .failed, tried: before)
        #expect(failed.left.map(\.text) == ["[10, 20)", "[20, 30)", "[30, 40)", "[40, 50)"])
        #expect(failed.skipped == 1 && failed.unsuccessful == 0)
        let all = Reprocessing(new, .completed, tried: before)
        #expect(all.left == new && all.skipped == 0 && all.backfill == nil)
    }

    @Test func theLastTryDecides() {
        let new = partitions([0, 10])
        let success = tried("new", -5..<50, .success)
        let failure = tried("old", 0..<10, .failed)
        #expect(Reprocessing(new, .failed, tried: [success, failure]).left.isEmpty)
        #expect(Reprocessing(new, .failed, tried: [failure, success]).left == new)
        #expect(Reprocessing(new, .none, tried: [failure, success]).backfill == "old")
    }

    @Test func aPartitionThatIsCoveredByPartsOfSeveralIsLeftOut() {
        let month = partitions([0, 31])
        let days = (0..<31).map { tried("days", $0..<$0 + 1, .success) }
        #expect(Reprocessing(month, .failed, tried: days).left.isEmpty)
        #expect(Reprocessing(month, .failed, tried: days.filter { $0.places.lowerBound != 17 }).left == month)
    }

    @Test(arguments: 1...200) func agreesWithLookingAtEveryPlace(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bounds = Set(
            (0..<Int.random(in: 2..<12, using: &random)).map { _ in Int64.random(in: 0..<60, using: &random) })
        let new = partitions(bounds.union([0, 60]).sorted())
        let states: [PartitionState] = [.success, .failed, .cancelled]
        let before = (0..<Int.random(in: 0..<15, using: &random)).map { place in
            let start = Int64.random(in: -10..<65, using: &random)
            return tried(
                "\(place)", start..<start + Int64.random(in: 0..<30, using: &random),
                states.randomElement(using: &random) ?? .success)
        }
        for reprocess in Reprocess.allCases {
            let left = new.filter { partition in
                let places = partition.start.place.ordinal..<partition.end.place.ordinal
                let last = places.map { place in before.first { $0.places.contains(place) } }
                return switch reprocess {
                case .none: last.contains { $0 == nil }
                case .failed: last.contains { $0?.state != .success }
                case .completed: true
                }
            }
            let found = Reprocessing(new, reprocess, tried: before)
            #expect(found.left == left && found.skipped == new.count - left.count, "seed \(seed), \(reprocess)")
        }
    }
}

/// How far a backfill has come.
struct BackfillProgressTests {
    private func backfill(_ state: BackfillState, _ body: (inout Backfill) -> Void) -> Backfill {
        let bound = PartitionBound(.number(0), text: "0")
        var backfill = Backfill(
            id: "b", pipeline: "p", step: "s", destination: LoadStep.Destination(connection: "c", table: "t"),
            state: state, scheme: PartitionScheme(column: "x", interval: .count(1)),
            range: PartitionRange(start: bound, end: bound), createdAt: Timestamp(microseconds: 0))
        body(&backfill)
        return backfill
    }

    @Test func isToldByRowsWhereTheyWereCounted() {
        var running = backfill(.running) {
            $0.partitions.pending = 6
            $0.partitions.success = 3
            $0.partitions.failed = 1
            $0.busy = .seconds(8)
        }
        #expect(BackfillProgress(running).fraction == 0.4 && BackfillProgress(running).secondsLeft == 12)
        #expect(BackfillProgress(running).rowsPerSecond == nil)
        running.rowsExpected = 1_000
        running.rowsPassed = 500
        running.rows.read = 480
        #expect(BackfillProgress(running, rowsInHand: 100).fraction == 0.6)
        #expect(BackfillProgress(running, rowsInHand: 100).secondsLeft == 6.4)
        #expect(BackfillProgress(running).rowsPerSecond == 60)
        #expect(BackfillProgress(running, rowsInHand: 10_000).fraction == 1)
        running.state = .paused
        #expect(BackfillProgress(running).secondsLeft == nil && BackfillProgress(running).fraction == 0.5)
    }

    @Test func whatWasCancelledIsNotDone() {
        let cancelled = backfill(.cancelled) {
            $0.partitions.success = 1
            $0.partitions.cancelled = 3
        }
        #expect(BackfillProgress(cancelled).fraction == 0.25)
        #expect(BackfillProgress(backfill(.success) { _ in }).fraction == 1)
    }
}
