import Foundation
import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

/// What the next start makes of a crash: each crash is the image of the directory at one moment.
struct RecoveryTests {
    @Test func anAcceptedRunIsCarriedOutOnce() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        // The engine never starts: the crash comes right after the answer.
        let run = try world.trigger("orders")
        let next = try world.afterCrash()
        try next.engine.start()
        let ended = try next.finish(run)
        #expect(ended.state == .success)
        #expect(ended.attempt == 1)
        #expect(next.loader.calls.map(\.run) == [run.id])
        next.end()
        world.end()
    }

    @Test func aRunThatHadNotCommittedIsRepeatedAsTheNextAttempt() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        let (run, next) = try crash(world) { hold in world.loader.before { _ throws(Failure) in hold() } }
        try next.engine.start()
        let ended = try next.finish(run)
        #expect(ended.state == .success)
        #expect(ended.attempt == 2)
        #expect(next.loader.calls.map(\.attempt) == [2])
        #expect(try next.rows() == 3)
        #expect(try next.events(of: run).suffix(5).first == "run_released")
        next.end()
    }

    @Test func aRunThatHadCommittedIsASuccessWithTheRecordedCounts() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        let (run, next) = try crash(world) { hold in world.loader.after { _ throws(Failure) in hold() } }
        // New rows since the crash are for the next run.
        try next.order(4...9)
        try next.engine.start()
        let ended = try next.stored(run)
        #expect(ended.state == .success)
        #expect(ended.attempt == 1)
        #expect(ended.steps.first?.result?.counts == RowCounts(read: 3, inserted: 3))
        #expect(next.loader.calls.isEmpty)
        #expect(try next.rows() == 3)
        let mirrored = try next.store.read { (session) throws(StoreError) in
            try session.watermark("orders", "orders")
        }
        #expect(mirrored?.value == ended.steps.first?.result?.watermarkAfter)
        #expect(try next.events(of: run).last == "run_finished")
        next.end()
    }

    /// The start of an attempt is not waited for. When it was lost, the run is still queued though its load is done.
    @Test func aRunWhoseStartWasLostStillHasTheRecordedCounts() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        let run = try world.trigger("orders")
        let image = try world.afterCrash()
        // The destination of the other process's load, with the control database from before it.
        try world.engine.start()
        #expect(try world.finish(run).state == .success)
        for suffix in ["", "-wal", "-shm"]
        where FileManager.default.fileExists(atPath: world.path("warehouse.db") + suffix) {
            try FileManager.default.copyItem(
                atPath: world.path("warehouse.db") + suffix, toPath: image.path("warehouse.db") + suffix)
        }
        try image.order(4...9)
        try image.engine.start()
        let ended = try image.finish(run)
        #expect(ended.state == .success)
        #expect(ended.steps.first?.result?.counts == RowCounts(read: 3, inserted: 3))
        #expect(try image.rows() == 3)
        image.end()
        world.end()
    }

    @Test func onlyTheStepsThatHadNotCommittedAreRepeated() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", steps: [World.step("a"), World.step("b", after: ["a"]), World.step("c")])
        let (run, next) = try crash(world) { hold in
            world.loader.after { moment throws(Failure) in if moment.request.step.name == "b" { hold() } }
        }
        try next.engine.start()
        let ended = try next.finish(run)
        #expect(ended.state == .success)
        #expect(next.loader.calls.map(\.step.name) == ["c"])
        #expect(ended.steps.map { $0.result?.counts.inserted } == [3, 3, 3])
        next.end()
    }

    /// Guarantee 1 for statements: what they changed and the record of it are there together, and once.
    @Test func statementsThatHadCommittedAreNotRepeated() throws {
        let world = try World()
        try world.order(1...3)
        let sql = "CREATE TABLE IF NOT EXISTS seen (n); INSERT INTO seen SELECT count(*) FROM orders"
        try world.pipeline(
            "orders", steps: [World.step("orders"), World.statements("daily", sql, after: ["orders"])])
        let (run, next) = try crash(world) { hold in world.loader.aroundSQL(after: { _, _ throws(Failure) in hold() }) }
        try next.engine.start()
        let ended = try next.stored(run)
        #expect(ended.state == .success && ended.attempt == 1)
        #expect(ended.steps.map { $0.result?.counts.inserted } == [3, 1])
        #expect(try next.rows("seen") == 1)
        next.end()
    }

    @Test(arguments: ["missing", "broken", "folder", "gone", "pipeline"])
    func aDestinationThatCannotBeReadStopsNoServer(kind: String) throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.connection("annex", "annex.db")
        try world.pipeline("others", steps: [World.step("others", to: "annex")])
        let (run, next) = try crash(world) { hold in
            world.loader.after { moment throws(Failure) in if moment.request.pipeline == "orders" { hold() } }
        }
        let files = FileManager.default
        for suffix in ["", "-wal", "-shm"] { try? files.removeItem(atPath: next.path("warehouse.db") + suffix) }
        switch kind {
        case "broken":
            try Data("this is no database, but long enough to look at".utf8).write(
                to: URL(fileURLWithPath: next.path("warehouse.db")))
        case "folder": try files.createDirectory(atPath: next.path("warehouse.db"), withIntermediateDirectories: false)
        case "gone": try next.connection("warehouse", "nowhere/warehouse.db")
        case "pipeline": try next.pipeline("orders", steps: [World.step("changed")])
        default: break
        }
        try next.engine.start()
        let ended = try next.finish(run)
        // A missing destination is made anew: that is what a first load does.
        #expect(ended.state == (kind == "missing" ? .success : .failed))
        #expect(ended.attempt == 2)
        if kind != "missing" {
            #expect(ended.error?.message.isEmpty == false)
            #expect(ended.error?.code != .internalError)
        }
        #expect(try next.run("others").state == .success)
        next.end()
    }

    @Test func theOldAttemptIsFencedOff() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        let (run, next) = try crash(world) { hold in world.loader.before { _ throws(Failure) in hold() } }
        let request = Signal<LoadRequest>()
        next.loader.before { moment throws(Failure) in request.send(moment.request) }
        try next.engine.start()
        _ = try next.finish(run)
        #expect(try #require(request.wait()).attempt > run.attempt)
        next.end()
    }

    @Test func aRunThatWaitedForItsNextAttemptWaitsOnAndKeepsItsPipeline() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", more: World.retries)
        try world.engine.start()
        world.loader.before { _ throws(Failure) in throw Failure(.locked, "locked", isTransient: true) }
        let first = try world.trigger("orders")
        _ = try world.laidAside(first)
        let second = try world.trigger("orders")
        let next = try world.afterCrash(now: world.clock.now().adding(.seconds(2)))
        try next.engine.start()
        #expect(next.engine.load == (2, 0))
        next.advance(by: .seconds(10))
        #expect(try next.finish(first).state == .success)
        #expect(try next.finish(second).state == .success)
        #expect(next.loader.calls.map(\.run) == [first.id, second.id])
        next.end()
        world.end()
    }

    @Test func aClockThatWentBackDoesNotMakeARunWaitForEver() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", more: World.retries)
        try world.engine.start()
        world.loader.before { _ throws(Failure) in throw Failure(.locked, "locked", isTransient: true) }
        let run = try world.trigger("orders")
        _ = try world.laidAside(run)
        let next = try world.afterCrash(now: world.clock.now().adding(.seconds(-86_400 * 365)))
        try next.engine.start()
        next.advance(by: Limits.longestBackoff)
        #expect(try next.finish(run).state == .success)
        next.end()
        world.end()
    }

    @Test func runsStayInTheOrderOfTheirStartWhenTheClockWasSetBackMeanwhile() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let before = try world.run("orders")
        let next = try world.afterCrash(now: World.start.adding(.seconds(-86_400)))
        world.end()
        try next.engine.start()
        let after = try next.run("orders")
        #expect(after.createdAt < before.createdAt)
        #expect(try next.newest().map(\.id) == [after.id, before.id])
        next.end()
    }

    /// Starts the world, holds its only run where `script` says, and answers that run with what a crash then leaves.
    private func crash(
        _ world: World, _ script: (@escaping @Sendable () -> Void) -> Void
    ) throws -> (Run, World) {
        let held = Signal<Bool>()
        let gate = Signal<Bool>()
        script {
            held.open()
            _ = gate.wait()
        }
        try world.engine.start()
        let run = try world.trigger("orders")
        _ = held.wait()
        // The start was on its way to the control database when the load began; this change comes after it.
        try world.store.write { (_) throws(StoreError) in }
        #expect(try world.stored(run).state == .running)
        let next = try world.afterCrash()
        gate.open()
        _ = try world.finish(run)
        world.end()
        return (run, next)
    }
}
