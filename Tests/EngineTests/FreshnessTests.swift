import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// Freshness in a running engine: judged by the clock, fed by what is committed.
struct FreshnessTests {
    private static let limits = #""freshness":{"warn_after":"1h","error_after":"2h"},"#

    /// A world whose newest order was changed a minute before the start.
    private func world(_ more: String = FreshnessTests.limits, steps: [String]? = nil) throws -> World {
        let world = try World()
        try world.order(99_931...99_940)
        try world.pipeline("orders", steps: steps, more: more)
        try world.engine.start()
        return world
    }

    // PAINS 54 and 48
    @Test func goesStaleByTheClockAloneAndStartsNothing() throws {
        let world = try world()
        let run = try world.run("orders")
        #expect(try world.state() == .fresh)
        try world.tick(by: .seconds(3_539))
        #expect(try world.state() == .fresh)
        try world.tick(by: .seconds(1))
        #expect(try world.state() == .warn)
        try world.tick(by: .seconds(3_600))
        #expect(try world.state() == .stale)
        for _ in 0..<100 {
            try world.tick(by: .seconds(60))
            #expect(try world.state() == .stale)
        }
        #expect(try world.newest().map(\.id) == [run.id])
        #expect(world.loader.calls.count == 1)
        world.end()
    }

    // PAINS 54: the server was down, the limit was passed meanwhile.
    @Test func knowsAfterARestartWhenTheLimitWasPassed() throws {
        let world = try world()
        _ = try world.run("orders")
        let next = try world.afterCrash(now: World.start.adding(.seconds(86_400)))
        try next.engine.start()
        let freshness = try next.freshness()
        #expect(freshness.state == .stale)
        #expect(freshness.worst.since == World.start.adding(.seconds(7_140)))
        #expect(freshness.lastSuccessAt == World.start && freshness.lastRunState == .success)
        next.end()
        world.end()
    }

    // PAINS 54: a load that had committed when the server died succeeded then, not when that was found.
    @Test func aLoadThatACrashHidSucceededWhenItCommitted() throws {
        let world = try world()
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.after { _ in
            begun.open()
            _ = gate.wait()
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        let next = try world.afterCrash(now: World.start.adding(.seconds(86_400)))
        try next.engine.start()
        #expect(try next.stored(run).state == .success)
        #expect(try next.freshness().lastSuccessAt == World.start && next.freshness().lastChangeAt == World.start)
        gate.open()
        next.end()
        world.end()
    }

    // PAINS 54: a schedule that is held, and a run that waits, are told as what holds the load up.
    @Test func saysThatTheScheduleIsPausedOrTheQueueHoldsTheRun() throws {
        let world = try world(FreshnessTests.limits + #""schedule":{"every":"30m"},"#)
        _ = try wait { world.engine.pause("orders", expecting: { _ in .anything }, completion: $0) }
        try world.tick(by: .seconds(7_200))
        #expect(try world.state() == .stale)
        #expect(try world.freshness().reason.contains("the schedule is paused since 2024-04-01T00:00:00Z"))
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        // That it has begun is recorded beside it.
        try world.store.write { _ in }
        #expect(try world.freshness().reason.hasSuffix("; a run is in hand since 2024-04-01T02:00:00.000001Z"))
        let second = try world.trigger("orders")
        #expect(try world.freshness().reason.hasSuffix("; a run waits in the queue since 2024-04-01T02:00:00.000001Z"))
        gate.open()
        _ = try world.finish(run)
        _ = try world.finish(second)
        world.end()
    }

    // PAINS 47
    @Test func aBackfillMovesNothing() throws {
        let world = try World.march(days: 1...9)
        try world.pipeline("orders", more: FreshnessTests.limits)
        let before = try world.freshness()
        try world.tick(by: .seconds(60))
        try world.spoil()
        #expect(try world.finish(try world.backfill(3...5)).state == .success)
        #expect(try world.freshness() == before)
        world.end()
    }

    // PAINS 51
    @Test func aRunOfSomeStepsMovesTheirsAlone() throws {
        let steps = [World.step("a"), World.step("b")]
        let world = try world(FreshnessTests.limits, steps: steps)
        let run = try world.finish(try world.trigger(RunRequest(pipeline: "orders", options: RunOptions(steps: ["a"]))))
        #expect(run.state == .success)
        let partial = try world.freshness()
        #expect(partial.lastSuccessAt == nil && partial.steps[0].clocks.lastSuccessAt == World.start)
        #expect(partial.state == .unknown && partial.worst.name == "b")
        world.loader.before { moment throws(Failure) in
            if moment.request.step.name == "b" { throw Failure(.internalError, "broken") }
        }
        try world.tick(by: .seconds(60))
        #expect(try world.run("orders").state == .failed)
        let failed = try world.freshness()
        #expect(failed.steps[0].clocks.lastSuccessAt == World.start.adding(.seconds(60)).adding(.microseconds(1)))
        #expect(failed.lastSuccessAt == nil && failed.steps[1].clocks.lastAttemptAt != nil)
        world.loader.before { _ in }
        #expect(try world.run("orders").state == .success)
        #expect(try world.freshness().lastSuccessAt != nil)
        #expect(try world.state() == .fresh)
        world.end()
    }

    // PAINS 50
    @Test func aRunThatFindsNothingMovesTheSuccessAlone() throws {
        let world = try world()
        _ = try world.run("orders")
        let first = try world.freshness()
        try world.tick(by: .seconds(600))
        _ = try world.run("orders")
        let second = try world.freshness()
        #expect(second.worst.watermarkAt == first.worst.watermarkAt && second.lastChangeAt == first.lastChangeAt)
        #expect(second.lastSuccessAt?.since(World.start) ?? .zero >= .seconds(600))
        world.end()
    }

    @Test func aRollbackSetsTheClocksBack() throws {
        let world = try world()
        _ = try world.run("orders")
        let first = try world.freshness()
        try world.tick(by: .seconds(600))
        try world.order(100_100...100_100)
        let run = try world.run("orders")
        #expect(try world.freshness() != first)
        _ = try wait { world.engine.rollback(run.id, isTrial: false, completion: $0) }
        let after = try world.freshness()
        #expect(after.lastSuccessAt == first.lastSuccessAt && after.lastChangeAt == first.lastChangeAt)
        #expect(after.worst.watermarkAt == first.worst.watermarkAt)
        world.end()
    }

    // PAINS 52: a control database that somebody else has locked holds no answer up.
    @Test func isToldWhileTheControlDatabaseIsLocked() throws {
        let world = try world()
        _ = try world.run("orders")
        let other = try Connection(path: world.directory + "/state/control.db", access: .readWrite)
        try other.execute("BEGIN IMMEDIATE")
        world.clock.advance(by: .seconds(7_200))
        #expect(try world.state() == .stale)
        try other.execute("ROLLBACK")
        other.close()
        world.end()
    }

    @Test func aClockThatIsSetBackIsBelieved() throws {
        let world = try world()
        _ = try world.run("orders")
        try world.tick(by: .seconds(7_200))
        #expect(try world.state() == .stale)
        world.clock.set(World.start.adding(.seconds(60)))
        #expect(try world.state() == .fresh)
        world.clock.set(World.start.adding(.seconds(3_540)))
        #expect(try world.state() == .warn)
        world.end()
    }
}

extension World {
    /// How the pipeline `orders` stands.
    func freshness(of name: String = "orders") throws -> PipelineFreshness {
        try #require(engine.freshness(of: name, at: clock.now())).freshness
    }

    func state() throws -> FreshnessState { try freshness().state }
}
