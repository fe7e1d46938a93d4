import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

/// What a monitoring system is told: from memory, and as the control database has it.
struct MeasuresTests {
    private func measures(_ world: World) -> Measures { world.engine.measures(at: world.clock.now()) }

    private func tally(_ world: World, _ pipeline: String = "orders") -> PipelineTally? {
        measures(world).pipelines.first { $0.standing.freshness.name == pipeline }?.tally
    }

    @Test func countsARunOnceHoweverManyAttemptsItTook() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", more: World.retries)
        try world.engine.start()
        #expect(tally(world) == nil)
        let locked = Failure(.locked, "warehouse.db is locked", hint: "wait", isTransient: true)
        world.loader.before { moment throws(Failure) in if moment.number == 1 { throw locked } }
        let run = try world.trigger("orders")
        _ = try world.laidAside(run)
        #expect(tally(world) == nil)
        world.advance(by: .seconds(20))
        #expect(try world.finish(run).state == .success)
        let once = try #require(tally(world))
        #expect(once.ended == [.success: 1] && once.rows["orders"]?.inserted == 3)
        // From the first start on, the wait included.
        #expect(once.time == .seconds(20) && measures(world).durations.count == 1)
        world.end()
    }

    @Test func countsWhatRecoveryFindsAndNothingOfTheLastProcess() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        _ = try world.run("orders")
        let left = try world.trigger("orders")
        _ = try world.finish(left)
        let next = try world.afterCrash()
        #expect(measures(next).pipelines.isEmpty)
        try next.engine.start()
        #expect(tally(next) == nil && measures(next).pipelines.count == 1)
        _ = try next.run("orders")
        #expect(tally(next)?.ended == [.success: 1])
        next.end()
        world.end()
    }

    @Test func countsARunThatIsCancelledInTheQueueAndOneThatFails() throws {
        let world = try World(workers: 1)
        try world.pipeline("orders", steps: [World.step("orders", source: "nowhere")])
        let waiting = try world.trigger("orders")
        #expect(measures(world).lanes.first { $0.lane == .run } == LaneLoad(lane: .run, waiting: 1, running: 0))
        try world.engine.start()
        let failed = try world.finish(waiting)
        #expect(failed.state == .failed)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        let busy = try world.trigger("orders")
        _ = begun.wait()
        let queued = try world.trigger("orders")
        #expect(measures(world).lanes.first { $0.lane == .run } == LaneLoad(lane: .run, waiting: 1, running: 1))
        #expect(measures(world).workers == (1, 1))
        #expect(try world.cancel(queued).state == .cancelled)
        gate.open()
        _ = try world.finish(busy)
        #expect(tally(world)?.ended == [.failed: 2, .cancelled: 1])
        // The cancelled one never began.
        #expect(measures(world).durations.count == 2)
        world.end()
    }

    @Test func addsUpThePartitionsOfTheBackfillsOfAStepUntilTheyEnd() throws {
        let world = try World.march(days: 1...9)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { request, _ in
            begun.open()
            _ = gate.wait()
        }
        #expect(measures(world).backfills.isEmpty)
        let first = try world.backfill(1...3)
        _ = begun.wait()
        let second = try world.backfill(5...6)
        let load = try #require(measures(world).backfills.first)
        #expect(measures(world).backfills.count == 1 && load.pipeline == "orders" && load.step == "orders")
        #expect(load.partitions.total == 5)
        gate.open()
        for backfill in [first, second] { #expect(try world.finish(backfill).state == .success) }
        #expect(measures(world).backfills.isEmpty)
        world.end()
    }

    @Test func takesUpTheBackfillsThatTheLastProcessLeft() throws {
        let world = try World.march(days: 1...9)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        let backfill = try world.backfill(1...4)
        _ = begun.wait()
        let next = try world.afterCrash()
        try next.control("UPDATE backfills SET state = 'paused'")
        try next.engine.start()
        #expect(measures(next).backfills.first?.partitions.total == 4)
        gate.open()
        _ = try world.finish(backfill)
        next.end()
        world.end()
    }

    // PAINS 54: looked at by the clock, also while nothing happens.
    @Test func freshnessIsLookedAtEveryMinute() throws {
        let world = try World()
        try world.pipeline("orders")
        #expect(measures(world).evaluatedAt == nil)
        try world.engine.start()
        #expect(measures(world).evaluatedAt == World.start)
        for minute in 1...3 {
            let time = World.start.adding(.seconds(60 * minute))
            world.advance(by: .seconds(60))
            // One thread rings all alarms in the order of their times: after this one freshness was looked at.
            let rang = Signal<Bool>()
            world.engine.alarms.set(at: world.clock.uptime() + .milliseconds(1)) { rang.open() }
            world.advance(by: .milliseconds(1))
            _ = rang.wait()
            let evaluated = try #require(measures(world).evaluatedAt)
            #expect(evaluated >= time && evaluated <= world.clock.now())
        }
        world.end()
    }
}
