import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// Partitions whose rows are read ahead, while the destination's file is another's to write.
struct BackfillExtractionTests {
    @Test func readsSeveralPartitionsWhileARunHasTheFile() throws {
        let world = try World.queried(days: 1...9)
        try world.spoil()
        let (run, gate) = try world.runThatHoldsTheFile()
        let backfill = try world.backfill(1...5, parallelism: 3)
        #expect(world.extracted.wait(3).sorted() == [1, 2, 3])
        let kept = try world.stored(backfill) { _ in world.engine.load.running == 1 }
        #expect(kept.partitions.running == 3 && world.loader.partitions.isEmpty)
        gate.open()
        #expect(try world.finish(run).state == .success)
        let done = try world.finish(backfill)
        #expect(done.state == .success && done.rows == RowCounts(read: 10, updated: 10))
        #expect(try world.mended().starts(with: [1, 2, 3, 4, 5]))
        #expect(world.loader.used == [Bool](repeating: true, count: 5))
        #expect(world.loader.clashes.isEmpty)
        world.end()
    }

    @Test func readsNothingAheadForATableNorForOnePartitionAtATime() throws {
        let world = try World.queried(days: 1...9)
        #expect(try world.finish(try world.backfill(1...2)).state == .success)
        try world.pipeline("orders")
        #expect(try world.finish(try world.backfill(3...5, parallelism: 2)).state == .success)
        #expect(world.extracted.values.isEmpty && world.loader.partitions.count == 5)
        world.end()
    }

    @Test func readsAgainWhatARunHasOvertaken() throws {
        let world = try World.queried(days: 1...9)
        let (run, gate) = try world.runThatHoldsTheFile()
        let backfill = try world.backfill(1...2, parallelism: 2)
        _ = world.extracted.wait(2)
        // The run reads this, and so must what commits after it.
        try world.spoil()
        gate.open()
        #expect(try world.finish(run).state == .success)
        #expect(try world.finish(backfill).rows.updated == 4)
        #expect(world.loader.used == [false, false])
        #expect(try world.mended().starts(with: [1, 2]))
        world.end()
    }

    @Test func aPauseGivesBackWhatIsKept() throws {
        let world = try World.queried(days: 1...9)
        try world.spoil()
        let (run, gate) = try world.runThatHoldsTheFile()
        let backfill = try world.backfill(1...4, parallelism: 2)
        _ = world.extracted.wait(2)
        #expect(try wait { world.engine.pauseBackfill(backfill.id, completion: $0) }.state == .paused)
        let paused = try world.stored(backfill) { $0.partitions.running == 0 && world.engine.load == (0, 1) }
        #expect(paused.state == .paused && paused.partitions.pending == 4)
        #expect(try world.backfillEvents().count { $0 == "partition_released" } == 2)
        #expect(try wait { world.engine.resumeBackfill(backfill.id, completion: $0) }.state == .queued)
        #expect(world.extracted.wait(4).suffix(2).sorted() == [1, 2])
        gate.open()
        #expect(try world.finish(run).state == .success)
        #expect(try world.finish(backfill).partitions.success == 4)
        #expect(try world.mended().starts(with: [1, 2, 3, 4]))
        world.end()
    }

    @Test func aPauseReachesWhatIsBeingRead() throws {
        let world = try World.queried(days: 1...9)
        let (begun, reads) = (Signal<Bool>(), Signal<Bool>())
        world.loader.aroundExtraction(after: { _, _ in
            begun.open()
            _ = reads.wait()
        })
        let (run, gate) = try world.runThatHoldsTheFile()
        let backfill = try world.backfill(1...4, parallelism: 2)
        _ = begun.wait(2)
        _ = try wait { world.engine.pauseBackfill(backfill.id, completion: $0) }
        reads.open()
        // It waits for no file, which the run still has.
        let paused = try world.stored(backfill) { $0.partitions.running == 0 && world.engine.load == (0, 1) }
        #expect(paused.partitions.pending == 4 && world.loader.partitions.isEmpty)
        gate.open()
        #expect(try world.finish(run).state == .success)
        world.end()
    }

    // PAINS 38.
    @Test func aCancelEndsWhatIsKeptAndWhatIsBeingRead() throws {
        for isRead in [true, false] {
            let world = try World.queried(days: 1...9)
            let begun = Signal<Bool>()
            if !isRead {
                world.loader.aroundExtraction(before: { _, stop throws(Failure) in
                    begun.open()
                    try stop.throwWhenRaised()
                })
            }
            let (run, gate) = try world.runThatHoldsTheFile()
            let backfill = try world.backfill(1...4, parallelism: 2)
            if isRead { _ = world.extracted.wait(2) } else { _ = begun.wait(2) }
            _ = try wait { world.engine.cancelBackfill(backfill.id, completion: $0) }
            let ended = try world.finish(backfill)
            #expect(ended.state == .cancelled && ended.partitions.cancelled == 4 && ended.isSettled)
            #expect(try world.stored(backfill) { _ in world.engine.load == (0, 1) }.state == .cancelled)
            gate.open()
            #expect(try world.finish(run).state == .success)
            #expect(world.loader.partitions.isEmpty)
            world.end()
        }
    }

    @Test func aStopLeavesWhatIsKeptToTheNextStart() throws {
        let world = try World.queried(days: 1...9)
        try world.spoil()
        let (_, gate) = try world.runThatHoldsTheFile()
        let backfill = try world.backfill(1...4, parallelism: 2)
        _ = world.extracted.wait(2)
        let crashed = try world.afterCrash()
        gate.open()
        world.end(within: .zero)
        for next in [crashed, try world.afterCrash()] {
            try next.engine.start()
            #expect(try next.finish(backfill).partitions.success == 4)
            #expect(try next.mended().starts(with: [1, 2, 3, 4]))
            next.end()
        }
    }

    @Test(arguments: [10, 30])
    func theTimeOutCoversReadingAndWritingAndNotTheWait(seconds: Int) throws {
        let world = try World.queried(days: 1...9, more: #""timeout":"1m","retries":{"max_attempts":1},"#)
        world.loader.aroundExtraction(
            before: { [unowned world] request, _ in
                if request.number == 1 { world.advance(by: .seconds(40)) }
            }, after: { [extracted = world.extracted] request, _ in extracted.send(request.number) })
        world.loader.beforePartition { [unowned world] request, stop throws(Failure) in
            guard request.number == 1 else { return }
            world.advance(by: .seconds(seconds))
            if seconds > 20 { try stop.throwWhenRaised() }
        }
        let (run, gate) = try world.runThatHoldsTheFile()
        let backfill = try world.backfill(1...2, parallelism: 2)
        _ = world.extracted.wait(2)
        #expect(try world.stored(backfill) { _ in world.engine.load.running == 1 }.partitions.running == 2)
        // The run's own time ends here; the partitions that wait have all of theirs.
        world.advance(by: .seconds(3_600))
        gate.open()
        _ = try world.finish(run)
        let done = try world.finish(backfill)
        #expect(done.partitions.success == (seconds > 20 ? 1 : 2))
        #expect((done.error?.code == .timedOut) == (seconds > 20))
        world.end()
    }

    @Test func anotherBackfillGoesOnWhereAllThatMayBeKeptIs() throws {
        let world = try World.queried(days: 1...9)
        try world.connection("other", "other.db")
        try world.pipeline("others", steps: [World.queryStep(to: "other")])
        #expect(try world.run("others").state == .success)
        let (run, gate) = try world.runThatHoldsTheFile()
        let first = try world.backfill(1...6, parallelism: 4)
        #expect(world.extracted.wait(4).sorted() == [1, 2, 3, 4])
        var request = world.request(1...3)
        request.pipeline = "others"
        request.options.parallelism = 2
        #expect(try world.finish(try world.backfill(request)).partitions.success == 3)
        #expect(world.extracted.values.count == 4)
        gate.open()
        #expect(try world.finish(run).state == .success)
        #expect(try world.finish(first).partitions.success == 6)
        world.end()
    }

    @Test func aFailureOfTheQueryIsThePartitionsOwn() throws {
        let world = try World.queried(days: 1...4)
        world.loader.aroundExtraction(before: { request, _ throws(Failure) in
            if request.number == 2 { throw Failure(.castFailed, "no number", hint: "mend it") }
        })
        let done = try world.finish(try world.backfill(1...4, parallelism: 2))
        #expect(done.state == .failed && done.partitions.failed == 1 && done.partitions.success == 3)
        #expect(done.error?.code == .castFailed)
        world.loader.aroundExtraction()
        let id = done.id
        #expect(try wait { world.engine.retryBackfill(id, completion: $0) }.state == .queued)
        #expect(try world.finish(done).state == .success)
        world.end()
    }
}

extension World {
    /// As `march(days:)`, with a query for a source.
    static func queried(days: ClosedRange<Int>, more: String = "") throws -> World {
        let world = try World.march(days: days)
        try world.pipeline("orders", steps: [World.queryStep()], more: more)
        world.loader.aroundExtraction(after: { [extracted = world.extracted] request, _ in
            extracted.send(request.number)
        })
        return world
    }

    static func queryStep(to connection: String = "warehouse") -> String {
        """
        {"name":"orders","source":{"connection":"shop","query":"SELECT * FROM orders"},\
        "destination":{"connection":"\(connection)","table":"orders"},"strategy":"timestamp",\
        "cursor":"updated_at","primary_key":["id"]}
        """
    }

    /// Triggers a run that has the warehouse in hand until the gate is opened.
    func runThatHoldsTheFile() throws -> (Run, gate: Signal<Bool>) {
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        loader.before { moment in
            guard moment.request.pipeline == "orders" else { return }
            begun.open()
            _ = gate.wait()
        }
        let run = try trigger("orders")
        _ = begun.wait()
        return (run, gate)
    }
}
