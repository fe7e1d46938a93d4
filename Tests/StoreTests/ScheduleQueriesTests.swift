import Model
import Platform
import Testing

@testable import Store

/// Schedules in the control database.
struct ScheduleQueriesTests {
    private let minute = Schedule(.every(.seconds(60), jitter: .zero))

    private func world(_ schedule: Schedule?) throws -> World {
        let world = try World()
        try put(schedule, world)
        return world
    }

    private func put(_ schedule: Schedule?, isPaused: Bool = false, _ world: World) throws {
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putPipeline(
                "orders", document: "{}", connections: [], schedule: schedule, isPaused: isPaused)
        }
    }

    private func record(_ world: World) throws -> ScheduleRecord? {
        try world.store.read { session throws(StoreError) in try session.schedule(of: "orders") }
    }

    private func run(_ world: World, at tick: Timestamp, ticks: Int = 1, era: Int = 1) throws -> Run {
        var run = Run(
            id: world.identifiers.next(), pipeline: "orders", state: .queued, trigger: .schedule, attempt: 1,
            options: RunOptions(), createdAt: world.clock.now(), steps: [StepRun(name: "a", strategy: .timestamp)])
        run.scheduledFor = tick
        run.ticks = ticks
        try world.change { transaction throws(StoreError) in try transaction.insertRun(run, era: era) }
        return run
    }

    @Test func aNewScheduleBeginsNow() throws {
        let world = try world(minute)
        let record = try #require(try record(world))
        #expect(record.accounted == world.clock.now() && record.era == 1 && record.lastTick == nil)
        #expect(record.rule == minute.rule.text && record.overlap == .bufferOne && !record.isPaused)
    }

    @Test func theSameRuleGoesOnAndAnotherBeginsNow() throws {
        let world = try world(minute)
        let start = world.clock.now()
        world.clock.advance(by: .seconds(600))
        try put(Schedule(minute.rule, overlap: .skip), isPaused: true, world)
        var record = try #require(try record(world))
        #expect(record.accounted == start && record.overlap == .skip && record.isPausedByDocument)
        try put(Schedule(.every(.seconds(90), jitter: .zero)), world)
        record = try #require(try self.record(world))
        #expect(record.accounted == world.clock.now() && record.era == 2 && record.skipped == 10 && !record.isPaused)
        let events = try world.store.read { session throws(StoreError) in try session.events() }
        #expect(events.last?.kind == "ticks_skipped")
        #expect(events.last?.payload == #"{"ticks":10,"reason":"the schedule was changed"}"#)
        try put(nil, world)
        #expect(try self.record(world) == nil)
    }

    @Test func aPipelineThatIsGoneTakesItsScheduleAlong() throws {
        let world = try world(minute)
        try world.change { transaction throws(StoreError) in try transaction.deletePipeline("orders") }
        #expect(try record(world) == nil)
        #expect(try world.store.read { session throws(StoreError) in try session.schedules() }.isEmpty)
    }

    // PAINS 59
    @Test func aTickIsRunOnce() throws {
        let world = try world(minute)
        let tick = world.clock.now().adding(.seconds(60))
        let first = try run(world, at: tick)
        #expect(throws: StoreError.self) { _ = try run(world, at: tick) }
        // After the clock was set back the same time of the wall is another tick.
        _ = try run(world, at: tick, era: 2)
        let stored = try world.store.read { session throws(StoreError) in try session.run(first.id) }
        #expect(stored?.scheduledFor == tick && stored?.ticks == 1)
    }

    @Test func ticksJoinARunThatWaits() throws {
        let world = try world(minute)
        let tick = world.clock.now().adding(.seconds(60))
        let waiting = try run(world, at: tick)
        let later = tick.adding(.seconds(120))
        try world.change { transaction throws(StoreError) in
            try transaction.join(DueTicks(count: 2, last: later), era: 1, to: waiting.id)
        }
        let stored = try world.store.read { session throws(StoreError) in try session.run(waiting.id) }
        #expect(stored?.scheduledFor == later && stored?.ticks == 3)
        // What it has joined cannot be run apart from it.
        #expect(throws: StoreError.self) { _ = try run(world, at: later) }
    }

    @Test func aScheduleSeesHowFarRunsHaveCome() throws {
        let world = try world(minute)
        let inHand = try world.run()
        let laidAside = try world.run()
        let asked = try world.run()
        let ended = try world.run()
        let waiting = try run(world, at: world.clock.now())
        try world.change { transaction throws(StoreError) in
            try transaction.changeRun(inHand.id, to: .running)
            try transaction.changeRun(laidAside.id, to: .running)
            try transaction.changeRun(laidAside.id, to: .queued)
            try transaction.changeRun(ended.id, to: .cancelled)
        }
        let runs = try world.store.read { session throws(StoreError) in try session.tickRuns(of: "orders") }
        #expect(
            runs == [
                TickRun(id: inHand.id, state: .inHand), TickRun(id: laidAside.id, state: .inHand),
                TickRun(id: asked.id, state: .waiting), TickRun(id: waiting.id, state: .waitingForTick),
            ])
    }

    @Test func aPipelineThatIsMadeAgainRunsNoTickOfBefore() throws {
        let world = try world(minute)
        let tick = world.clock.now().adding(.seconds(60))
        let run = try run(world, at: tick)
        try world.change { transaction throws(StoreError) in
            try transaction.changeRun(run.id, to: .cancelled)
            try transaction.deletePipeline("orders")
        }
        try put(minute, world)
        #expect(try record(world)?.era == 2)
    }
}
