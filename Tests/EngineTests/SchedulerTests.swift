import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// Runs that a schedule starts: one for a tick, none lost, none doubled.
struct SchedulerTests {
    private static let everyMinute = #""schedule":{"every":"1m"},"#

    private func world(_ more: String = SchedulerTests.everyMinute, isStarted: Bool = true) throws -> World {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", more: more)
        if isStarted { try world.engine.start() }
        return world
    }

    /// A world whose first load waits for the gate, with its run in hand.
    private func held(_ more: String) throws -> (World, gate: Signal<Bool>, run: Run) {
        let world = try world(more)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.before { moment throws(Failure) in
            guard moment.number == 1 else { return }
            begun.open()
            _ = gate.wait()
            if moment.stop.reason == .cancelled { throw Failure(.cancelled, "cancelled") }
        }
        try world.tick(by: .seconds(60))
        _ = begun.wait()
        return (world, gate, try #require(try world.newest().first))
    }

    @Test func aTickStartsARun() throws {
        let world = try world()
        try world.tick(by: .seconds(59))
        #expect(try world.newest().isEmpty)
        try world.tick(by: .seconds(1))
        let run = try world.finish(try #require(try world.newest().first))
        #expect(run.state == .success && run.trigger == .schedule && run.ticks == 1)
        #expect(run.scheduledFor == World.start.adding(.seconds(60)))
        #expect(try world.rows() == 3)
        #expect(try world.schedule().runs == 1)
        world.end()
    }

    // PAINS 55
    @Test func allTicksOfADowntimeAreOneRun() throws {
        let world = try world()
        try world.tick(by: .seconds(60))
        _ = try world.finish(try #require(try world.newest().first))
        let next = try world.afterCrash(now: World.start.adding(.seconds(86_400)))
        try next.engine.start()
        try next.settle()
        let runs = try next.newest()
        #expect(runs.count == 2)
        let run = try next.finish(try #require(runs.first))
        #expect(run.ticks == 1_439 && run.scheduledFor == World.start.adding(.seconds(86_400)))
        let record = try next.schedule()
        #expect(record.runs == 2 && record.coalesced == 1_438 && record.skipped == 0)
        next.end()
        world.end()
    }

    // PAINS 57: a run that is stuck silences nothing; what comes meanwhile waits, and is counted.
    @Test func oneRunWaitsForTheOneInHand() throws {
        let (world, gate, first) = try held(SchedulerTests.everyMinute)
        for _ in 0..<3 { try world.tick(by: .seconds(60)) }
        let runs = try world.newest()
        #expect(runs.count == 2 && runs[1].id == first.id)
        #expect(runs[0].state == .queued && runs[0].ticks == 3)
        #expect(runs[0].scheduledFor == World.start.adding(.seconds(240)))
        gate.open()
        #expect(try world.finish(runs[0]).state == .success)
        #expect(try world.events(of: runs[0]).prefix(3) == ["run_queued", "ticks_joined", "ticks_joined"])
        let record = try world.schedule()
        #expect(record.runs == 2 && record.coalesced == 2)
        world.end()
    }

    // PAINS 57
    @Test func whatIsSkippedIsCounted() throws {
        let (world, gate, first) = try held(#""schedule":{"every":"1m","overlap":"skip"},"#)
        for _ in 0..<3 { try world.tick(by: .seconds(60)) }
        #expect(try world.newest().map(\.id) == [first.id])
        #expect(try world.schedule().skipped == 3)
        let events = try world.store.read { (session) throws(StoreError) in try session.events() }
        #expect(events.filter { $0.kind == "ticks_skipped" }.count == 3)
        #expect(events.last { $0.kind == "ticks_skipped" }?.payload.contains("run \(first.id) has not ended") == true)
        gate.open()
        #expect(try world.finish(first).state == .success)
        try world.tick(by: .seconds(60))
        #expect(try world.newest().count == 2)
        world.end()
    }

    @Test func theRunInHandIsCancelledForTheNext() throws {
        let world = try world(#""schedule":{"every":"1m","overlap":"cancel_other"},"#)
        let begun = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            guard moment.number == 1 else { return }
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        try world.tick(by: .seconds(60))
        _ = begun.wait()
        let first = try #require(try world.newest().first)
        try world.tick(by: .seconds(60))
        let second = try #require(try world.newest().first)
        #expect(try world.finish(first).state == .cancelled)
        #expect(try world.finish(second).state == .success)
        #expect(second.id != first.id && second.ticks == 1)
        world.end()
    }

    @Test func aCrashBetweenATickAndItsCancellationForgetsNeither() throws {
        let world = try world(#""schedule":{"every":"1m","overlap":"cancel_other"},"#)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        try world.tick(by: .seconds(60))
        _ = begun.wait()
        // The second run is stored, and the crash comes before the first one is told.
        let first = try #require(try world.newest().first)
        try world.tick(by: .seconds(60))
        let next = try world.afterCrash()
        try next.engine.start()
        #expect(try next.finish(first).state == .cancelled)
        #expect(try next.finish(try #require(try next.newest().first)).state == .success)
        next.end()
        gate.open()
        world.end()
    }

    // PAINS 59
    @Test func aTickThatWasRecordedIsNotRunAgainAfterACrash() throws {
        let world = try world()
        let begun = Signal<Bool>()
        let gate = Signal<Bool>()
        world.loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        try world.tick(by: .seconds(60))
        _ = begun.wait()
        let next = try world.afterCrash()
        try next.engine.start()
        try next.settle()
        let runs = try next.newest()
        #expect(runs.count == 1)
        #expect(try next.finish(try #require(runs.first)).state == .success)
        #expect(try next.schedule().runs == 1)
        next.end()
        gate.open()
        world.end()
    }

    @Test func aTickWithoutRoomInTheControlDatabaseIsTriedAgain() throws {
        let world = try world()
        try world.control("CREATE TRIGGER no BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'no'); END")
        try world.tick(by: .seconds(60))
        _ = try #require(world.log.wait { $0.contains("a tick could not be recorded yet") })
        #expect(try world.newest().isEmpty)
        #expect(try world.schedule().accounted == World.start)
        try world.control("DROP TRIGGER no")
        try world.tick(by: .seconds(60))
        let run = try world.finish(try #require(try world.newest().first))
        #expect(run.ticks == 2)
        world.end()
    }

    // MARK: Clocks

    @Test func aClockThatJumpsAheadIsNoticedWithinAMinute() throws {
        let world = try world(#""schedule":"@daily","#)
        world.clock.set(World.start.adding(.seconds(3 * 86_400 + 10)))
        try world.tick(by: .seconds(60))
        let runs = try world.newest()
        #expect(runs.map(\.ticks) == [3])
        world.end()
    }

    @Test func aClockThatIsSetBackALittleDoublesNothing() throws {
        let world = try world()
        try world.tick(by: .seconds(60))
        _ = try world.finish(try #require(try world.newest().first))
        world.clock.set(World.start.adding(.seconds(30)))
        try world.tick(by: .seconds(45))
        #expect(try world.newest().count == 1)
        try world.tick(by: .seconds(50))
        #expect(try world.newest().map(\.scheduledFor) == [120, 60].map { World.start.adding(.seconds($0)) })
        world.end()
    }

    @Test func aClockThatIsSetBackFarSilencesNothing() throws {
        let world = try world()
        world.clock.set(World.start.adding(.seconds(30 * 86_400)))
        try world.tick(by: .seconds(60))
        let first = try world.finish(try #require(try world.newest().first))
        #expect(first.ticks == 30 * 1_440 + 1)
        world.clock.set(World.start.adding(.seconds(600)))
        try world.tick(by: .seconds(60))
        try world.tick(by: .seconds(60))
        let second = try #require(try world.newest().first)
        #expect(second.ticks == 1 && second.scheduledFor == World.start.adding(.seconds(720)))
        #expect(try world.newest().count == 2 && world.schedule().era == 2)
        let events = try world.store.read { (session) throws(StoreError) in try session.events() }
        #expect(events.contains { $0.kind == "schedule_begun_anew" })
        world.end()
    }

    // MARK: Changes

    @Test func aScheduleThatIsChangedBeginsNow() throws {
        let world = try world(#""schedule":"@yearly","#)
        try world.pipeline("orders", more: SchedulerTests.everyMinute)
        try world.tick(by: .seconds(60))
        #expect(try world.newest().count == 1)
        try world.pipeline("orders", more: #""schedule":"@hourly","#)
        try world.tick(by: .seconds(600))
        #expect(try world.newest().count == 1)
        try world.pipeline("orders")
        try world.tick(by: .seconds(86_400))
        #expect(try world.newest().count == 1)
        world.end()
    }

    // PAINS 56
    @Test func whatIsResumedSaysWhatRuns() throws {
        let world = try world()
        #expect(try world.pause().isPaused)
        // Runs are still started by request.
        #expect(try world.run("orders").state == .success)
        try world.tick(by: .seconds(600))
        #expect(try world.newest().count == 1)
        #expect(try world.pause().missed(at: world.clock.now()) == 10)
        let resumed = try world.resume(.coalesce)
        #expect(resumed.missed == 10 && !resumed.record.isPaused)
        try world.settle()
        let run = try world.finish(try #require(try world.newest().first))
        #expect(run.ticks == 10)
        _ = try world.pause()
        try world.tick(by: .seconds(600))
        #expect(try world.resume(.skip).missed == 10)
        try world.settle()
        #expect(try world.newest().count == 2 && world.schedule().skipped == 10)
        // One that goes has missed nothing.
        #expect(try world.resume(.coalesce).missed == 0)
        try world.tick(by: .seconds(60))
        #expect(try world.newest().count == 3)
        world.end()
    }

    @Test func whatTheDocumentPausesTheDocumentResumes() throws {
        let world = try world(SchedulerTests.everyMinute + #""paused":true,"#)
        try world.tick(by: .seconds(300))
        #expect(try world.newest().isEmpty)
        let failure = #expect(throws: Failure.self) { _ = try world.resume(.coalesce) }
        #expect(failure?.code == .conflict && failure?.hint.contains("paused: true") == true)
        try world.pipeline("orders", more: SchedulerTests.everyMinute)
        try world.settle()
        #expect(try world.newest().map(\.ticks) == [5])
        world.end()
    }

    @Test func aPauseOutlivesARestart() throws {
        let world = try world()
        _ = try world.pause()
        let next = try world.afterCrash(now: World.start.adding(.seconds(86_400)))
        try next.engine.start()
        try next.settle()
        #expect(try next.newest().isEmpty && next.schedule().isPaused)
        next.end()
        world.end()
    }

    // PAINS 35 and 36: a backfill moves no tick, and no pause holds it.
    @Test func backfillsGoOnWhileTheScheduleIsPausedAndMoveNothingOfIt() throws {
        let world = try World.march(days: 1...9, more: SchedulerTests.everyMinute)
        _ = try world.pause()
        let before = try world.schedule()
        let backfill = try world.finish(try world.backfill(3...5))
        #expect(backfill.state == .success && backfill.partitions.success == 3)
        #expect(try world.schedule() == before)
        _ = try world.resume(.coalesce)
        try world.tick(by: .seconds(60))
        let run = try #require(try world.newest().first)
        #expect(run.trigger == .schedule && run.ticks == 1)
        world.end()
    }
}

extension World {
    /// Lets time pass, and what that starts be recorded.
    func tick(by duration: Duration) throws {
        advance(by: duration)
        try settle()
    }

    /// Returns when everything that is due by now was decided and recorded.
    func settle() throws {
        let passed = Signal<Bool>()
        engine.alarms.set(at: clock.uptime() + .microseconds(1)) { passed.open() }
        advance(by: .microseconds(1))
        _ = passed.wait()
        // Behind what the alarms have asked for, and once more behind what that has asked for.
        for _ in 0..<2 { try store.write { (transaction) throws(StoreError) in _ = try transaction.lastEvent() } }
    }

    /// The runs of a pipeline, newest first.
    func newest(_ pipeline: String = "orders") throws -> [Run] {
        try store.read { (session) throws(StoreError) in
            try session.runs(RunFilter(pipeline: pipeline), Page(limit: 100)).items
        }
    }

    /// How far the ticks of a pipeline are accounted for.
    func schedule(_ pipeline: String = "orders") throws -> ScheduleRecord {
        try #require(try store.read { (session) throws(StoreError) in try session.schedule(of: pipeline) })
    }

    func pause(_ pipeline: String = "orders") throws -> ScheduleRecord {
        try wait { engine.pause(pipeline, expecting: { _ in .anything }, completion: $0) }
    }

    func resume(_ policy: ResumePolicy, _ pipeline: String = "orders") throws -> Resumption {
        try wait { engine.resume(pipeline, policy, expecting: { _ in .anything }, completion: $0) }
    }
}
