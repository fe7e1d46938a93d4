import Model
import Platform
import SQLite
import Testing

@testable import Store

/// Backfills as they are stored: their states, their claims, and the counts that are never counted.
struct BackfillQueriesTests {
    private static let rows = RowCounts(read: 5, inserted: 1, updated: 2, unchanged: 2, deleted: 3, quarantined: 0)
    private static let result = PartitionResult(rows: rows, warnings: [LoadWarning(code: "x", message: "y")])
    private static let locked = Failure(.locked, "locked", hint: "wait", isTransient: true)
    private static let wrong = Failure(.castFailed, "`x` is no number", hint: "mend it")

    @Test func givesBackWhatWasStored() throws {
        let world = try World()
        try world.pipeline("orders")
        var options = BackfillOptions()
        options.parallelism = 3
        options.order = .descending
        options.reprocess = .failed
        options.maxPartitions = 7
        options.maxRowsPerPartition = 100
        options.allowShrink = true
        options.reason = "March was wrong"
        let backfill = try world.backfill(1..<4, options, rows: [10, 20, 30])
        let stored = try world.stored(backfill)
        #expect(stored.scheme == backfill.scheme && stored.range == backfill.range && stored.options == options)
        #expect(stored.destination == backfill.destination && stored.rowsExpected == 60 && stored.skipped == 0)
        #expect(stored.state == .queued && stored.partitions.pending == 3 && stored.partitions.total == 3)
        let partitions = try world.partitions(backfill)
        #expect(partitions.map(\.number) == [1, 2, 3] && partitions.map(\.rowsExpected) == [10, 20, 30])
        #expect(partitions[1].range.text == "[2024-03-02, 2024-03-03)")
        try world.store.read { session throws(StoreError) in
            #expect(try session.backfills().items == [stored])
            #expect(try session.backfills(BackfillFilter(pipeline: "orders", state: .queued)).items == [stored])
            #expect(try session.backfills(BackfillFilter(state: .failed)).items.isEmpty)
            #expect(try session.backfills(BackfillFilter(pipeline: "others")).items.isEmpty)
            let first = try session.partitions(of: backfill.id, Page(limit: 2))
            #expect(first.items.map(\.number) == [1, 2] && first.nextCursor == "2")
            let second = try session.partitions(of: backfill.id, state: .pending, Page(limit: 2, cursor: "2"))
            #expect(second.items.map(\.number) == [3] && second.nextCursor == nil)
        }
    }

    @Test func numbersAreKeptAsNumbers() throws {
        let world = try World()
        try world.pipeline("orders")
        let scheme = PartitionScheme(column: "id", interval: .count(100))
        let range = PartitionRange(
            start: PartitionBound(.number(-5), text: "-5"),
            end: PartitionBound(.number(.max), text: "9223372036854775807"))
        let backfill = Backfill(
            id: world.identifiers.next(), pipeline: "orders", step: "a", destination: World.table, scheme: scheme,
            range: range, createdAt: world.clock.now())
        try world.change { transaction throws(StoreError) in try transaction.insertBackfill(backfill, [range]) }
        #expect(try world.stored(backfill).range == range && world.stored(backfill).scheme == scheme)
        #expect(try world.partitions(backfill).map(\.range) == [range])
    }

    // PAINS 38: the claim itself asks whether the backfill runs.
    @Test func noPartitionStartsOnceABackfillIsPausedOrCancelled() throws {
        let world = try World()
        try world.pipeline("orders")
        for state in [BackfillState.paused, .cancelled] {
            let backfill = try world.backfill(1..<5, parallelism: 4)
            try world.change { transaction throws(StoreError) in
                #expect(try transaction.claimed(backfill)?.number == 1)
                #expect(try transaction.changeBackfill(backfill.id, to: state).partitions.running == 1)
                #expect(try transaction.claimPartition(of: backfill.id) == .nothing)
            }
            #expect(try world.partitions(backfill).map(\.state).filter { $0 == .running }.count == 1)
            try world.change { transaction throws(StoreError) in
                if state == .paused { try transaction.changeBackfill(backfill.id, to: .cancelled) }
                let ended = try transaction.endPartition(1, of: backfill.id, attempt: 1, .cancelled)
                #expect(ended.partition.state == .cancelled && ended.backfill.isSettled)
                #expect(ended.backfill.partitions.cancelled == 4 && ended.backfill.state == .cancelled)
            }
        }
    }

    // PAINS 39: a partition is in hand once, whoever asks; PAINS 33: cancelling leaves nothing behind.
    @Test func aPartitionIsGivenOnceAndInTheOrderThatWasAskedFor() throws {
        let world = try World()
        try world.pipeline("orders")
        for order in PartitionOrder.allCases {
            let backfill = try world.backfill(1..<4, parallelism: 2, order: order)
            try world.change { transaction throws(StoreError) in
                let first = try transaction.taken(backfill)
                let second = try transaction.taken(backfill)
                #expect([first.number, second.number] == (order == .ascending ? [1, 2] : [3, 2]))
                #expect(first.attempt == 1 && first.state == .running && first.startedAt == world.clock.now())
                // As many are in hand as may be.
                #expect(try transaction.claimPartition(of: backfill.id) == .nothing)
                try transaction.endPartition(first.number, of: backfill.id, attempt: 1, .success(Self.result))
                let third = try transaction.taken(backfill)
                #expect(third.number == (order == .ascending ? 3 : 1))
                // Who was given up is fenced off.
                #expect(throws: StoreError.self) {
                    try transaction.endPartition(first.number, of: backfill.id, attempt: 1, .success(Self.result))
                }
                #expect(throws: StoreError.self) {
                    try transaction.endPartition(third.number, of: backfill.id, attempt: 2, .success(Self.result))
                }
                try transaction.changeBackfill(backfill.id, to: .cancelled)
                for partition in [second, third] {
                    try transaction.endPartition(
                        partition.number, of: backfill.id, attempt: 1, .again(nil, notBefore: nil))
                }
                let ended = try transaction.known(backfill)
                #expect(ended.isSettled && ended.partitions.success == 1 && ended.partitions.cancelled == 2)
            }
        }
    }

    @Test func anAttemptThatMayHelpWaitsForItsTime() throws {
        let world = try World()
        try world.pipeline("orders")
        let backfill = try world.backfill(1..<2)
        let time = world.clock.now().adding(.seconds(10))
        try world.change { transaction throws(StoreError) in
            _ = try transaction.claimPartition(of: backfill.id)
            let ended = try transaction.endPartition(
                1, of: backfill.id, attempt: 1, .again(Self.locked, notBefore: time))
            #expect(ended.partition.state == .pending && ended.partition.error == Self.locked)
            #expect(ended.backfill.state == .running)
            #expect(try transaction.claimPartition(of: backfill.id) == .notBefore(time))
        }
        // A clock that was set back by days makes nobody wait for days.
        world.clock.set(world.clock.now().adding(.zero - Limits.longestBackoff))
        try world.change { transaction throws(StoreError) in
            #expect(try transaction.claimed(backfill)?.attempt == 2)
            try transaction.endPartition(1, of: backfill.id, attempt: 2, .again(Self.locked, notBefore: nil))
            guard case .claimed(let partition, let tries) = try transaction.claimPartition(of: backfill.id) else {
                Issue.record("nothing was claimed")
                return
            }
            #expect(partition.attempt == 3 && tries == 3)
        }
    }

    // PAINS 42: a retry begins with what failed, not with the first partition; PAINS 41: and with the same bounds.
    @Test func aRetryTakesWhatFailedAndNothingElse() throws {
        let world = try World()
        try world.pipeline("orders")
        let backfill = try world.backfill(1..<5)
        let before = try world.partitions(backfill).map(\.range)
        try world.change { transaction throws(StoreError) in
            for number in 1...4 {
                let partition = try transaction.taken(backfill)
                let end: PartitionEnd = number % 2 == 0 ? .failed(Self.wrong) : .success(Self.result)
                try transaction.endPartition(partition.number, of: backfill.id, attempt: 1, end)
            }
            let failed = try transaction.known(backfill)
            #expect(failed.state == .failed && failed.partitions.failed == 2 && failed.partitions.success == 2)
            #expect(
                failed.error?.message
                    == "2 of 4 partitions failed; partition 2 [2024-03-02, 2024-03-03) and 1 more: `x` is no number")
            #expect(failed.error?.hint.contains("mend it; then retry") == true && failed.error?.code == .castFailed)
            try transaction.changeBackfill(backfill.id, to: .queued)
            for number in [2, 4] {
                guard case .claimed(let partition, let tries) = try transaction.claimPartition(of: backfill.id) else {
                    Issue.record("nothing was claimed")
                    return
                }
                #expect(partition.number == number && partition.attempt == 2 && tries == 1)
                try transaction.endPartition(number, of: backfill.id, attempt: 2, .success(Self.result))
            }
            let ended = try transaction.known(backfill)
            #expect(ended.state == .success && ended.error == nil && ended.rows.read == 20)
        }
        #expect(try world.partitions(backfill).map(\.range) == before)
    }

    @Test(arguments: BackfillState.allCases)
    func changesOnlyAsTheTransitionTableAllows(_ next: BackfillState) throws {
        let world = try World()
        try world.pipeline("orders")
        let paths: [[BackfillState]] = [
            [], [.running], [.paused], [.cancelled], [.failed], [.running, .awaitingPublish],
            [.cancelled, .rolledBack],
        ]
        for path in paths {
            // The states of backfills of no partition are theirs alone.
            let backfill = try world.backfill(1..<1)
            try world.change { transaction throws(StoreError) in
                for state in path { try transaction.changeBackfill(backfill.id, to: state, error: Self.error(state)) }
                let state = path.last ?? .queued
                let isChanged = (try? transaction.changeBackfill(backfill.id, to: next, error: Self.error(next))) != nil
                #expect(isChanged == state.mayBecome(next), "\(state) -> \(next)")
                try transaction.run("clear the way", "DELETE FROM backfills")
            }
        }
    }

    private static func error(_ state: BackfillState) -> Failure? { state == .failed ? wrong : nil }

    /// The counts that the trigger keeps are those of the partitions, whatever happens to them.
    @Test(arguments: 1...20) func theCountsAreThoseOfThePartitions(_ seed: UInt64) throws {
        let world = try World()
        try world.pipeline("orders")
        var random = Seeded(seed)
        let backfill = try world.backfill(1..<13, parallelism: 3, rows: Array(1...12))
        var inHand: [Partition] = []
        try world.change { transaction throws(StoreError) in
            for _ in 0..<200 {
                world.clock.advance(by: .milliseconds(3))
                switch Int.random(in: 0..<8, using: &random) {
                case 0...3:
                    if let partition = try transaction.claimed(backfill) { inHand.append(partition) }
                case 4, 5:
                    guard let partition = inHand.popLast() else { continue }
                    let ends: [PartitionEnd] = [
                        .success(Self.result), .failed(Self.wrong), .again(Self.locked, notBefore: nil),
                    ]
                    let end = ends[Int.random(in: 0..<3, using: &random)]
                    try transaction.endPartition(
                        partition.number, of: backfill.id, attempt: partition.attempt, end)
                case 6: _ = try? transaction.changeBackfill(backfill.id, to: .paused)
                default: _ = try? transaction.changeBackfill(backfill.id, to: .queued)
                }
                let stored = try transaction.known(backfill)
                let partitions = try transaction.partitions(of: backfill.id, Page(limit: 100)).items
                var counts = PartitionCounts()
                counts.pending = partitions.filter { $0.state == .pending }.count
                counts.running = partitions.filter { $0.state == .running }.count
                counts.success = partitions.filter { $0.state == .success }.count
                counts.failed = partitions.filter { $0.state == .failed }.count
                counts.cancelled = partitions.filter { $0.state == .cancelled }.count
                #expect(stored.partitions == counts, "seed \(seed)")
                #expect(counts.running == inHand.count && counts.running <= 3, "seed \(seed)")
                let rows = partitions.compactMap(\.result?.rows).reduce(RowCounts(), +)
                #expect(stored.rows == rows, "seed \(seed)")
                let passed = partitions.filter { $0.state == .success || $0.state == .failed }
                #expect(stored.rowsPassed == passed.compactMap(\.rowsExpected).reduce(0, +), "seed \(seed)")
                #expect(stored.isSettled == (stored.state.isFinal && inHand.isEmpty))
            }
        }
    }

    @Test func aSecondActiveOneOverTheSameRangeIsRefused() throws {
        let world = try World()
        try world.pipeline("orders")
        let first = try world.backfill(1..<5)
        let refusal = #expect(throws: StoreError.self) { try world.backfill(4..<6) }
        #expect(refusal?.code == .inUse && refusal?.cause.contains(first.id) == true)
        // Next to it, and of another step, there is room.
        try world.backfill(5..<6)
        try world.backfill(1..<5, step: "b")
        try world.change { transaction throws(StoreError) in
            try transaction.changeBackfill(first.id, to: .cancelled)
        }
        try world.backfill(4..<5)
    }

    @Test func knowsWhatEarlierBackfillsHaveTried() throws {
        let world = try World()
        try world.pipeline("orders")
        let first = try world.backfill(1..<5)
        try world.change { transaction throws(StoreError) in
            for end in [PartitionEnd.success(Self.result), .failed(Self.wrong)] {
                let partition = try transaction.taken(first)
                try transaction.endPartition(partition.number, of: first.id, attempt: 1, end)
            }
            try transaction.changeBackfill(first.id, to: .cancelled)
        }
        let next = world.request(2..<10)
        try world.store.read { session throws(StoreError) in
            // The first one lies outside, and the last two were never begun.
            let tried = try session.triedPartitions(before: next)
            #expect(tried.map(\.state) == [.failed] && tried.first?.backfill == first.id)
            var other = next
            other.scheme.column = "another"
            #expect(try session.triedPartitions(before: other).isEmpty)
        }
        try world.change { transaction throws(StoreError) in
            try transaction.changeBackfill(first.id, to: .rolledBack)
            #expect(try transaction.triedPartitions(before: next).isEmpty)
        }
    }

    @Test func aPipelineWithAnActiveBackfillStays() throws {
        let world = try World()
        try world.pipeline("orders")
        let backfill = try world.backfill(1..<3)
        try world.change { transaction throws(StoreError) in
            let refusal = #expect(throws: StoreError.self) { try transaction.deletePipeline("orders") }
            #expect(refusal?.code == .inUse && refusal?.cause.contains(backfill.id) == true)
            _ = try transaction.claimPartition(of: backfill.id)
            try transaction.changeBackfill(backfill.id, to: .cancelled)
            // One of its partitions is still in hand.
            #expect(throws: StoreError.self) { try transaction.deletePipeline("orders") }
            try transaction.endPartition(1, of: backfill.id, attempt: 1, .cancelled)
            try transaction.deletePipeline("orders")
            #expect(throws: StoreError.self) { try transaction.insertBackfill(world.request(1..<2), []) }
        }
        // PAINS 37: what it did can be looked up for as long as it is kept.
        #expect(try world.partitions(backfill).map(\.state) == [.cancelled, .cancelled])
    }

    @Test func theOldestFinishedOnesGo() throws {
        let world = try World()
        try world.pipeline("orders")
        var ids: [String] = []
        for _ in 0..<5 {
            let backfill = try world.backfill(1..<4)
            ids.append(backfill.id)
            try world.change { transaction throws(StoreError) in
                try transaction.changeBackfill(backfill.id, to: .cancelled)
            }
        }
        let active = try world.backfill(1..<4)
        try world.change { transaction throws(StoreError) in
            try transaction.trimBackfills(to: 4, partitions: 100)
            #expect(try transaction.backfills().items.map(\.id) == [active.id] + ids.dropFirst().reversed())
            try transaction.trimBackfills(to: 4, partitions: 6)
            #expect(try transaction.backfills().items.map(\.id) == [active.id] + ids.dropFirst(3).reversed())
        }
        #expect(try world.partitions(Backfill(ids[0], like: active)).isEmpty)
    }

    @Test func listsAndClaimsWithoutLookingAtEveryPartition() throws {
        let world = try World()
        let connection = try world.connection()
        defer { connection.close() }
        let byState =
            "backfill_partitions INDEXED BY backfill_partitions_by_state WHERE backfill = 'b' AND state = 'failed'"
        let queries = [
            "SELECT number FROM \(byState) ORDER BY number DESC LIMIT 1",
            "SELECT * FROM \(byState) AND number > 5 ORDER BY number LIMIT 9",
            "SELECT * FROM backfill_partitions WHERE backfill = 'b' AND number > 5 ORDER BY number LIMIT 9",
            "SELECT * FROM backfills WHERE pipeline = 'p' AND id < 'x' ORDER BY id DESC LIMIT 9",
        ]
        for query in queries {
            let plan = try connection.rows("EXPLAIN QUERY PLAN " + query).map { try $0.text("detail") }
            #expect(plan.count == 1 && plan[0].hasPrefix("SEARCH"), "\(query): \(plan)")
        }
    }
}

extension Transaction {
    /// The backfill as it is stored.
    fileprivate func known(_ backfill: Backfill) throws(StoreError) -> Backfill {
        guard let stored = try self.backfill(backfill.id) else { throw StoreError(.unknownRun, "test", "it is gone") }
        return stored
    }

    /// The partition that is claimed.
    fileprivate func taken(_ backfill: Backfill) throws(StoreError) -> Partition {
        guard let partition = try claimed(backfill) else { throw StoreError(.unknownRun, "test", "nothing to claim") }
        return partition
    }

    /// The partition that is claimed; nil when there is none.
    fileprivate func claimed(_ backfill: Backfill) throws(StoreError) -> Partition? {
        guard case .claimed(let partition, _) = try claimPartition(of: backfill.id) else { return nil }
        return partition
    }
}

extension Backfill {
    fileprivate init(_ id: String, like other: Backfill) {
        self = other
        self.id = id
    }
}

extension World {
    static let table = LoadStep.Destination(connection: "warehouse", table: "orders")

    private static func bound(_ day: Int) -> PartitionBound {
        PartitionBound(
            .time(Timestamp(microseconds: 1_709_251_200_000_000).adding(.seconds((day - 1) * 86_400))),
            text: "2024-03-" + (day < 10 ? "0\(day)" : "\(day)"))
    }

    /// A backfill of days of March 2024 that is not stored; a range without days is stored as one, without partitions.
    fileprivate func request(
        _ days: Range<Int>, step: String = "a", _ options: BackfillOptions = BackfillOptions()
    ) -> Backfill {
        clock.advance(by: .milliseconds(1))
        return Backfill(
            id: identifiers.next(), pipeline: "orders", step: step, destination: World.table,
            scheme: PartitionScheme(column: "created_at", interval: .day, timezone: "Europe/Berlin"),
            range: PartitionRange(
                start: World.bound(days.lowerBound), end: World.bound(max(days.upperBound, days.lowerBound + 1))),
            options: options, createdAt: clock.now())
    }

    @discardableResult
    fileprivate func backfill(
        _ days: Range<Int>, _ options: BackfillOptions = BackfillOptions(), step: String = "a", rows: [Int] = []
    ) throws -> Backfill {
        let backfill = request(days, step: step, options)
        let partitions = days.map { PartitionRange(start: World.bound($0), end: World.bound($0 + 1)) }
        try change { transaction throws(StoreError) in
            try transaction.insertBackfill(backfill, partitions, rows: rows)
        }
        return backfill
    }

    fileprivate func backfill(
        _ days: Range<Int>, parallelism: Int, order: PartitionOrder = .ascending, rows: [Int] = []
    ) throws -> Backfill {
        var options = BackfillOptions()
        options.parallelism = parallelism
        options.order = order
        return try backfill(days, options, rows: rows)
    }

    fileprivate func stored(_ backfill: Backfill) throws -> Backfill {
        try #require(try store.read { session throws(StoreError) in try session.backfill(backfill.id) })
    }

    fileprivate func partitions(_ backfill: Backfill) throws -> [Partition] {
        try store.read { session throws(StoreError) in
            try session.partitions(of: backfill.id, Page(limit: 1_000)).items
        }
    }
}
