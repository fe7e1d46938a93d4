import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// Backfills as jobs: beside live loads and behind them, partition by partition.
struct BackfillTests {
    // PAINS 34 and 35: a backfill makes no run of anybody, and moves no watermark.
    @Test func reloadsARangeAndTouchesNothingElse() throws {
        let world = try World.march(days: 1...9)
        let before = try world.everythingElse()
        try world.spoil()
        let backfill = try world.finish(try world.backfill(3...5))
        #expect(backfill.state == .success && backfill.partitions.success == 3 && backfill.partitions.total == 3)
        #expect(backfill.rows == RowCounts(read: 6, updated: 6) && backfill.error == nil)
        #expect(try world.mended() == [3, 4, 5])
        #expect(try world.everythingElse() == before)
        #expect(
            try world.backfillEvents()
                == ["backfill_queued", "backfill_started"] + [String](repeating: "partition_finished", count: 3)
                + ["backfill_finished"])
        // The next run goes on where the last one had come to.
        #expect(
            try world.run("orders").steps.first?.result?.watermarkBefore == .text(Array("2024-03-09T11:00:00Z".utf8)))
        world.end()
    }

    @Test func aLiveRunGoesFirstAndTakesTheFileBetweenTwoPartitions() throws {
        let world = try World.march(days: 1...9, workers: 1)
        let (begun, gate, order) = (Signal<Bool>(), Signal<Bool>(), Signal<String>())
        world.loader.beforePartition { request, _ in
            order.send("partition \(request.number)")
            guard request.number == 1 else { return }
            begun.open()
            _ = gate.wait()
        }
        world.loader.before { _ in order.send("run") }
        let backfill = try world.backfill(1...3)
        _ = begun.wait()
        let run = try world.trigger("orders")
        gate.open()
        #expect(try world.finish(run).state == .success)
        #expect(try world.finish(backfill).state == .success)
        #expect(order.values == ["partition 1", "run", "partition 2", "partition 3"])
        #expect(world.loader.clashes.isEmpty)
        world.end()
    }

    @Test func takesNoWorkerFromLiveRuns() throws {
        let world = try World.march(days: 1...3, workers: 1)
        try world.connection("other", "other.db")
        try world.pipeline("others", steps: [World.step("orders", to: "other")])
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        let backfill = try world.backfill(1...2)
        _ = begun.wait()
        #expect(try world.run("others").state == .success)
        gate.open()
        #expect(try world.finish(backfill).state == .success)
        world.end()
    }

    @Test func aPauseLetsNothingStartAndAResumeGoesOn() throws {
        let world = try World.march(days: 1...9)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        let backfill = try world.backfill(1...4, parallelism: 2)
        _ = begun.wait()
        #expect(try wait { world.engine.pauseBackfill(backfill.id, completion: $0) }.state == .paused)
        #expect(try wait { world.engine.pauseBackfill(backfill.id, completion: $0) }.state == .paused)
        gate.open()
        let paused = try world.stored(backfill) { $0.partitions.running == 0 && world.engine.load == (0, 0) }
        #expect(paused.state == .paused && paused.partitions.success == 1 && paused.partitions.pending == 3)
        #expect(world.loader.partitions.count == 1)
        #expect(try wait { world.engine.resumeBackfill(backfill.id, completion: $0) }.state == .queued)
        #expect(try world.finish(backfill).partitions.success == 4)
        #expect(world.loader.partitions.map(\.number) == [1, 2, 3, 4])
        let refusal = #expect(throws: Failure.self) {
            try wait { world.engine.pauseBackfill(backfill.id, completion: $0) }
        }
        #expect(refusal?.code == .conflict)
        world.end()
    }

    // PAINS 38: after the answer nothing starts; PAINS 33: and nothing stays behind that keeps a later one from running.
    @Test func aCancelEndsItAtOnceAndForGood() throws {
        let world = try World.march(days: 1...9)
        let begun = Signal<Bool>()
        world.loader.beforePartition { _, stop throws(Failure) in
            begun.open()
            try stop.throwWhenRaised()
        }
        let backfill = try world.backfill(1...9, parallelism: 4)
        _ = begun.wait()
        let answer = try wait { world.engine.cancelBackfill(backfill.id, completion: $0) }
        #expect(answer.state == .cancelled && answer.partitions.pending == 0)
        let ended = try world.finish(backfill)
        #expect(ended.partitions.cancelled == 9 && ended.partitions.running == 0 && ended.isSettled)
        #expect(world.loader.partitions.count == 1)
        #expect(try world.stored(backfill) { _ in world.engine.load == (0, 0) }.state == .cancelled)
        #expect(world.loader.partitions.count == 1)
        world.loader.beforePartition { _, _ in }
        // What was begun in vain counts as tried; the others do not.
        #expect(try world.finish(try world.backfill(1...9)).partitions.success == 8)
        world.end()
    }

    @Test func aPartitionThatHadCommittedWhenItWasCancelledIsASuccess() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let begun = Signal<Bool>()
        world.loader.afterPartition { _, stop throws(Failure) in
            begun.open()
            try stop.throwWhenRaised()
        }
        let backfill = try world.backfill(1...3)
        _ = begun.wait()
        _ = try wait { world.engine.cancelBackfill(backfill.id, completion: $0) }
        let ended = try world.finish(backfill)
        #expect(ended.state == .cancelled && ended.partitions.success == 1 && ended.partitions.cancelled == 2)
        #expect(ended.rows.updated == 2 && ended.rows.read == 2)
        #expect(try world.mended() == [1])
        world.end()
    }

    // PAINS 42: a retry loads what failed, and only that; PAINS 41: within the bounds of then.
    @Test func oneFailureStopsNoOtherPartitionAndARetryTakesThatOneAlone() throws {
        let world = try World.march(days: 1...5)
        world.loader.beforePartition { request, _ throws(Failure) in
            if request.number == 2 { throw Failure(.castFailed, "`x` is no number", hint: "mend it") }
        }
        let backfill = try world.finish(try world.backfill(1...5))
        #expect(backfill.state == .failed && backfill.partitions.success == 4 && backfill.partitions.failed == 1)
        #expect(
            backfill.error?.message
                == "1 of 5 partitions failed; partition 2 [2024-03-02, 2024-03-03): `x` is no number")
        #expect(backfill.error?.hint.contains("/v1/backfills/\(backfill.id)/retry") == true)
        let first = world.loader.partitions
        world.loader.beforePartition { _, _ in }
        #expect(try wait { world.engine.retryBackfill(backfill.id, completion: $0) }.state == .queued)
        #expect(try world.finish(backfill).state == .success)
        let retried = world.loader.partitions.dropFirst(first.count)
        #expect(retried.map(\.number) == [2] && retried.first?.load.attempt == 2)
        #expect(retried.first?.range == first[1].range)
        #expect(throws: Failure.self) { try wait { world.engine.retryBackfill(backfill.id, completion: $0) } }
        world.end()
    }

    @Test func whatMayPassIsTriedAgainByThePipelinesPolicy() throws {
        let world = try World.march(
            days: 1...3, more: "\"retries\":{\"max_attempts\":2,\"backoff\":\"10s\"},")
        world.loader.beforePartition { request, _ throws(Failure) in
            if request.number == 1 { throw Failure(.locked, "locked", isTransient: true) }
        }
        let backfill = try world.backfill(1...2)
        let waiting = try world.stored(backfill) { $0.partitions.success == 1 && $0.partitions.running == 0 }
        #expect(waiting.state == .running && waiting.partitions.pending == 1)
        #expect(world.loader.partitions.map(\.number) == [1, 2])
        while world.engine.load.waiting == 0 { try world.store.write { (_) throws(StoreError) in } }
        world.advance(by: .seconds(10))
        let ended = try world.finish(backfill)
        #expect(ended.state == .failed && ended.partitions.failed == 1 && ended.error?.code == .locked)
        #expect(world.loader.partitions.map(\.load.attempt) == [1, 1, 2])
        world.end()
    }

    @Test func holdsAFewJobsHoweverManyPartitionsItHas() throws {
        let world = try World.march(days: 1...3)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        var request = world.request(1...4)
        request.interval = .hour
        request.options.parallelism = 3
        let backfill = try world.backfill(request)
        _ = begun.wait()
        #expect(backfill.partitions.pending == 96)
        #expect(world.engine.load.waiting + world.engine.load.running <= 3)
        gate.open()
        #expect(try world.finish(backfill).partitions.success == 96)
        world.end()
    }

    @Test func twoBackfillsTakeTurns() throws {
        let world = try World.march(days: 1...9)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        let first = try world.backfill(1...3)
        _ = begun.wait()
        let second = try world.backfill(5...7)
        _ = try world.stored(second) { _ in world.engine.load == (1, 1) }
        gate.open()
        for backfill in [first, second] { #expect(try world.finish(backfill).state == .success) }
        let turns = world.loader.partitions.map { $0.load.run == first.id }
        #expect(turns == [true, false, true, false, true, false])
        #expect(world.loader.clashes.isEmpty)
        world.end()
    }

    @Test func aStepThatIsGoneOrWritesElsewhereEndsIt() throws {
        for change in [[World.step("others")], [World.step("orders", table: "elsewhere")]] {
            let world = try World.march(days: 1...9)
            let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
            world.loader.beforePartition { _, _ in
                begun.open()
                _ = gate.wait()
            }
            let backfill = try world.backfill(1...3)
            _ = begun.wait()
            try world.pipeline("orders", steps: change)
            gate.open()
            let ended = try world.finish(backfill)
            #expect(ended.state == .failed && [.unknownStep, .schemaChanged].contains(ended.error?.code))
            #expect(ended.partitions.success == 1 && ended.partitions.cancelled == 2)
            let refusal = #expect(throws: Failure.self) {
                try wait { world.engine.retryBackfill(backfill.id, completion: $0) }
            }
            #expect(refusal?.message.contains("no failed partition") == true)
            world.end()
        }
    }

    // PAINS 43: days that were loaded are not loaded again, and the refusal says how they would be.
    @Test func whatWasLoadedIsLeftOutUnlessItIsAskedFor() throws {
        let world = try World.march(days: 1...9)
        let first = try world.finish(try world.backfill(1...3))
        let second = try world.finish(try world.backfill(2...5))
        #expect(second.skipped == 2 && second.partitions.success == 2)
        let refusal = #expect(throws: Failure.self) { try world.backfill(1...5) }
        #expect(refusal?.code == .conflict && refusal?.field == "reprocess")
        #expect(refusal?.message.contains(first.id) == true && refusal?.message.contains("all 5 partitions") == true)
        #expect(refusal?.hint.contains("--reprocess completed") == true)
        var again = world.request(1...5)
        again.options.reprocess = .completed
        #expect(try world.finish(try world.backfill(again)).partitions.success == 5)
        world.end()
    }

    @Test func rollsBackAllThatItDidAndLeavesTheWatermark() throws {
        let world = try World.march(days: 1...9)
        let before = try world.everythingElse()
        let rows = try world.totals()
        try world.spoil()
        let backfill = try world.finish(try world.backfill(3...5))
        #expect(try world.totals() != rows)
        let trial = try wait { world.engine.rollbackBackfill(backfill.id, isTrial: true, completion: $0) }
        #expect(trial.backfill.state == .success && trial.steps.first?.rowsReverted == 6)
        let done = try wait { world.engine.rollbackBackfill(backfill.id, isTrial: false, completion: $0) }
        #expect(done.steps.first?.rowsReverted == 6 && done.backfill.state == .rolledBack)
        #expect(try world.totals() == rows && world.everythingElse() == before)
        // Again it finds nothing left; and what was rolled back may be loaded again.
        #expect(try wait { world.engine.rollbackBackfill(backfill.id, isTrial: false, completion: $0) }.steps.isEmpty)
        #expect(try world.finish(try world.backfill(3...5)).partitions.success == 3)
        world.end()
    }

    @Test func refusesToRollBackWhatHasNotEnded() throws {
        let world = try World.march(days: 1...9)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        let backfill = try world.backfill(1...2)
        _ = begun.wait()
        let refusal = #expect(throws: Failure.self) {
            try wait { world.engine.rollbackBackfill(backfill.id, isTrial: false, completion: $0) }
        }
        #expect(refusal?.code == .conflict)
        gate.open()
        _ = try world.finish(backfill)
        world.end()
    }

    // PAINS 46: what an outage left out is found and filled, whatever the lookback of a run would reach.
    @Test func fillsTheGapsOfTheLedgerAndNothingElse() throws {
        let world = try World.march(days: 1...9)
        let none = #expect(throws: Failure.self) { try world.backfill(world.gaps()) }
        #expect(none?.code == .conflict && none?.field == "range")
        let change = WatermarkChange(
            pipeline: "orders", step: "orders", value: .text("2024-03-20T00:00:00Z"), reason: "outage")
        let moved: Watermark? = try wait { world.engine.changeWatermark(change, completion: $0) }
        #expect(moved?.value == change.value)
        for day in [12, 14, 21] {
            try world.database("shop.db") {
                try $0.execute("INSERT INTO orders VALUES (\(day * 10), 1, '2024-03-\(day)T00:00:00Z')")
            }
        }
        #expect(try world.run("orders").steps.first?.result?.counts.inserted == 1)
        let filled = try world.finish(try world.backfill(world.gaps()))
        #expect(filled.state == .success && filled.rows.inserted == 2)
        // From the watermark of before to the place that it was moved to, that one included.
        #expect(filled.range.text == "[2024-03-09T11:00:00Z, 2024-03-20T00:00:00.000001Z)")
        #expect(filled.partitions.total == 12)
        let again = #expect(throws: Failure.self) { try world.backfill(world.gaps()) }
        #expect(again?.code == .conflict)
        world.end()
    }

    @Test func aTableThatOtherStepsLoadTooIsNotReloadedUnlessThatIsSaid() throws {
        let world = try World.march(days: 1...3)
        try world.pipeline("others", steps: [World.step("mine", table: "ORDERS"), World.step("b")])
        let failure = #expect(throws: Failure.self) { try world.backfill(1...2) }
        #expect(failure?.code == .shrinkGuard)
        #expect(failure?.message.contains("is loaded by others/mine too") == true)
        #expect(throws: Failure.self) {
            let _: BackfillPreview = try wait {
                world.engine.previewBackfill(world.request(1...2), completion: $0)
            }
        }
        var request = world.request(1...2)
        request.options.allowShrink = true
        #expect(try world.finish(try world.backfill(request)).state == .success)
        world.end()
    }

    @Test func aTrialReckonsWithTablesThatEachPartitionReadsInFull() throws {
        let world = try World.march(days: 1...3)
        func basis() throws -> String {
            let preview: BackfillPreview = try wait {
                world.engine.previewBackfill(world.request(1...2), completion: $0)
            }
            return preview.basis
        }
        // A run that took a second, by which the pace is known.
        world.loader.before { _ in world.clock.advance(by: .seconds(1)) }
        _ = try world.run("orders")
        let scanned = try basis()
        try world.database("shop.db") { try $0.execute("CREATE INDEX by_time ON orders (updated_at)") }
        try world.database("warehouse.db") { try $0.execute("CREATE INDEX by_time ON orders (updated_at)") }
        let indexed = try basis()
        #expect(scanned.contains("in full") && !indexed.contains("in full"), "\(scanned) / \(indexed)")
        world.end()
    }

    @Test func aTrialTellsWhatCannotBeRolledBack() throws {
        for (undo, code) in [
            ("\"off\"", "undo_off"), ("{\"max_rows\":1,\"keep\":\"3d\"}", nil),
        ] {
            let world = try World.march(days: 1...3)
            let step = World.step("orders").dropLast() + ",\"undo\":\(undo)}"
            try world.pipeline("orders", steps: [String(step)])
            let preview: BackfillPreview = try wait {
                world.engine.previewBackfill(world.request(1...2), completion: $0)
            }
            #expect(preview.estimates.warnings.map(\.code) == [code].compactMap { $0 })
            // All that it rewrites, and all that it writes, whatever runs may keep.
            let rows = preview.estimates.total.sourceRows + preview.estimates.total.destinationRows
            #expect(preview.kept?.rows == (code == nil ? rows : nil))
            #expect(preview.kept?.time == (code == nil ? .seconds(3 * 86_400) : nil))
            #expect(rows > 0 && (code != nil || preview.kept?.bytes ?? 0 > 0))
            world.end()
        }
    }

    @Test func refusesWhatItCannotDo() throws {
        let world = try World.march(days: 1...3)
        func refusal(_ body: (inout BackfillRequest) -> Void) -> Failure? {
            var request = world.request(1...2)
            body(&request)
            return #expect(throws: Failure.self) { try world.backfill(request) }
        }
        #expect(refusal { $0.options.autoPublish = true }?.field == "auto_publish")
        #expect(refusal { $0.timezone = "Mars/Olympus" }?.field == "timezone")
        #expect(refusal { $0.start = "soon" }?.field == "start")
        #expect(refusal { $0.end = "2024-01-01" }?.field == "end")
        #expect(refusal { $0.step = "none" }?.code == .unknownStep)
        #expect(refusal { $0.pipeline = "none" }?.code == .unknownPipeline)
        #expect(refusal { $0.options.maxPartitions = 1 }?.field == "max_partitions")
        #expect(
            refusal {
                $0.interval = .count(5); $0.timezone = "UTC"
            }?.field == "timezone")
        #expect(try world.store.read { (session) throws(StoreError) in try session.backfills() }.items.isEmpty)
        world.end()
    }
}

/// What a stop or a crash leaves of a backfill, and what the next start makes of it.
struct BackfillRecoveryTests {
    // PAINS 39 and 40: no committed partition is loaded twice, and the others are loaded.
    @Test(arguments: [false, true])
    func aCrashRepeatsNoPartitionThatHadCommitted(_ hadCommitted: Bool) throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let begun = Signal<Bool>()
        let hold: ScriptedLoader.PartitionScript = { request, stop throws(Failure) in
            guard request.number == 2 else { return }
            begun.open()
            try stop.throwWhenRaised()
        }
        if hadCommitted { world.loader.afterPartition(hold) } else { world.loader.beforePartition(hold) }
        let backfill = try world.backfill(1...4)
        _ = begun.wait()
        let next = try world.afterCrash()
        #expect(try next.stored(backfill).partitions.running == 1)
        try next.engine.start()
        let ended = try next.finish(backfill)
        #expect(ended.state == .success && ended.rows == RowCounts(read: 8, updated: 8))
        #expect(next.loader.partitions.map(\.number) == (hadCommitted ? [3, 4] : [2, 3, 4]))
        #expect(next.loader.partitions.first?.load.attempt == (hadCommitted ? 1 : 2))
        // PAINS 41: their bounds are those of then.
        #expect(next.loader.partitions.last?.range.text == "[2024-03-04, 2024-03-05)")
        #expect(try next.mended() == [1, 2, 3, 4])
        next.end()
        _ = world.engine.stop(within: .zero)
        world.store.close()
    }

    @Test func aCancelledOneIsNotTakenUpAgain() throws {
        let world = try World.march(days: 1...9)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            // It does not heed the cancellation.
            _ = gate.wait()
        }
        let backfill = try world.backfill(1...4)
        _ = begun.wait()
        _ = try wait { world.engine.cancelBackfill(backfill.id, completion: $0) }
        let next = try world.afterCrash()
        try next.engine.start()
        let ended = try next.finish(backfill)
        #expect(ended.state == .cancelled && ended.partitions.cancelled == 4 && next.loader.partitions.isEmpty)
        next.end()
        gate.open()
        world.end()
    }

    @Test func aStopPutsBackWhatWasInHandAndTheNextStartGoesOn() throws {
        let world = try World.march(days: 1...9)
        let begun = Signal<Bool>()
        world.loader.beforePartition { request, stop throws(Failure) in
            guard request.number == 2 else { return }
            begun.open()
            try stop.throwWhenRaised()
        }
        let backfill = try world.backfill(1...3)
        _ = begun.wait()
        _ = world.engine.stop(within: .zero)
        let stopped = try world.stored(backfill)
        #expect(stopped.state == .running && stopped.partitions.success == 1)
        world.store.close()
        let next = try world.afterCrash()
        try next.engine.start()
        #expect(try next.finish(backfill).partitions.success == 3)
        #expect(next.loader.partitions.map(\.number) == [2, 3])
        next.end()
    }

    @Test func aPausedOneStaysPaused() throws {
        let world = try World.march(days: 1...9)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        let backfill = try world.backfill(1...3)
        _ = begun.wait()
        _ = try wait { world.engine.pauseBackfill(backfill.id, completion: $0) }
        let next = try world.afterCrash()
        try next.engine.start()
        let stored = try next.stored(backfill)
        #expect(stored.state == .paused && stored.partitions.pending == 3 && next.engine.load == (0, 0))
        _ = try wait { next.engine.resumeBackfill(backfill.id, completion: $0) }
        #expect(try next.finish(backfill).state == .success)
        next.end()
        gate.open()
        world.end()
    }
}

extension World {
    /// A world whose pipeline `orders` has loaded two orders of each of these days of March 2024.
    static func march(days: ClosedRange<Int>, workers: Int = 2, more: String = "") throws -> World {
        let world = try World(workers: workers)
        try world.database("shop.db") { shop in
            for day in days {
                for half in 0...1 {
                    let time = World.day(day) + "T1\(half):00:00Z"
                    try shop.execute(
                        "INSERT INTO orders VALUES (?, ?, ?)",
                        [Value(day * 10 + half), .real(Double(day)), .text(time)])
                }
            }
        }
        try world.pipeline("orders", more: more)
        try world.engine.start()
        #expect(try world.run("orders").state == .success)
        return world
    }

    static func day(_ day: Int) -> String { "2024-03-" + (day < 10 ? "0\(day)" : "\(day)") }

    /// Changes every order of the shop in a way that no cursor shows.
    func spoil() throws {
        try database("shop.db") { try $0.execute("UPDATE orders SET total = -1") }
    }

    /// The days whose orders in the warehouse are those of the spoilt shop.
    func mended() throws -> [Int] {
        try database("warehouse.db") { db in
            try db.rows("SELECT id / 10 AS day FROM orders WHERE total = -1 GROUP BY 1 HAVING count(*) = 2 ORDER BY 1")
                .map { Int(try $0.int("day")) }
        }
    }

    func totals() throws -> [[Value]] {
        try database("warehouse.db") { try $0.rows("SELECT * FROM orders ORDER BY id").map(\.values) }
    }

    /// What no backfill may change: runs, watermarks and what the destination remembers of loads.
    func everythingElse() throws -> [String] {
        let control = try Connection(path: directory + "/state/control.db", access: .readOnly)
        defer { control.close() }
        var texts: [String] = []
        for table in ["runs", "step_runs", "watermarks", "watermark_history"] {
            texts += try control.rows("SELECT * FROM \(table) ORDER BY 1, 2").map { "\(table) \($0.values)" }
        }
        return try database("warehouse.db") { db in
            for table in ["_strandline_watermarks", "_strandline_loads"] {
                texts += try db.rows("SELECT * FROM \(table) ORDER BY 1, 2").map { "\(table) \($0.values)" }
            }
            return texts
        }
    }

    /// A request for whole days of March 2024.
    func gaps() -> BackfillRequest {
        var request = BackfillRequest(pipeline: "orders", start: nil, end: nil)
        request.fillsGaps = true
        return request
    }

    func request(_ days: ClosedRange<Int>) -> BackfillRequest {
        BackfillRequest(
            pipeline: "orders", start: .string(World.day(days.lowerBound)), end: .string(World.day(days.upperBound + 1))
        )
    }

    /// Starts a backfill and waits until it is accepted.
    func backfill(_ request: BackfillRequest) throws -> Backfill {
        try wait { engine.startBackfill(request, completion: $0) }
    }

    func backfill(_ days: ClosedRange<Int>, parallelism: Int = 1) throws -> Backfill {
        var request = request(days)
        request.options.parallelism = parallelism
        return try backfill(request)
    }

    /// Waits until a backfill has come to its end.
    func finish(_ backfill: Backfill) throws -> Backfill {
        let signal = Signal<Result<Backfill, Failure>>()
        engine.whenBackfilled(backfill.id) { signal.send($0) }
        return try #require(signal.wait(), "\(backfill.id) did not finish").get()
    }

    /// The backfill as the control database has it.
    func stored(_ backfill: Backfill) throws -> Backfill {
        let id = backfill.id
        return try #require(try store.read { (session) throws(StoreError) in try session.backfill(id) })
    }

    /// Waits until a backfill, as the control database has it, is what it should be.
    func stored(_ backfill: Backfill, when condition: (Backfill) -> Bool) throws -> Backfill {
        for _ in 0..<100_000 {
            let stored = try stored(backfill)
            if condition(stored) { return stored }
            // A change on its way is committed before this one is.
            try store.write { (_) throws(StoreError) in }
        }
        throw Failure(.internalError, "backfill \(backfill.id) stayed \(try stored(backfill))")
    }

    /// The kinds of the events of backfills, in their order.
    func backfillEvents() throws -> [String] {
        try store.read { (session) throws(StoreError) in try session.events() }.map(\.kind)
            .filter { $0.hasPrefix("backfill") || $0.hasPrefix("partition") }
    }
}
