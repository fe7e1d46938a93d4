import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

/// Pipelines that run after others.
struct DownstreamTests {
    private func newest(_ pipeline: String, _ world: World) throws -> [Run] {
        try world.store.read { (session) throws(StoreError) in
            try session.runs(RunFilter(pipeline: pipeline), Page(limit: 100)).items
        }
    }

    private func world() throws -> World {
        let world = try World()
        try world.order(1...3)
        try world.connection("annex", "annex.db")
        try world.pipeline("orders")
        try world.pipeline(
            "report", steps: [World.step("report", to: "annex", table: "report")], more: #""after":["orders"],"#)
        return world
    }

    @Test func aSuccessStartsWhatRunsAfterIt() throws {
        let world = try world()
        try world.pipeline(
            "digest", steps: [World.step("digest", to: "annex", table: "digest")], more: #""after":["report"],"#)
        try world.engine.start()
        #expect(try world.run("orders").state == .success)
        let report = try #require(try newest("report", world).first)
        #expect(report.trigger == .upstream)
        #expect(try world.finish(report).state == .success)
        let digest = try #require(try newest("digest", world).first)
        #expect(try world.finish(digest).state == .success)
        #expect(try world.rows("digest", in: "annex.db") == 3)
        #expect(try newest("orders", world).count == 1)
        #expect(try world.events(of: report).first == "run_queued")
        world.end()
    }

    @Test func aFailureStartsNothing() throws {
        let world = try world()
        try world.engine.start()
        world.loader.before { moment throws(Failure) in
            if moment.request.pipeline == "orders" { throw Failure(.constraint, "no") }
        }
        #expect(try world.run("orders").state == .failed)
        #expect(try newest("report", world).isEmpty)
        world.end()
    }

    @Test func oneRunWaitsHoweverManySuccessesCauseIt() throws {
        let world = try world()
        try world.engine.start()
        let gate = Signal<Bool>()
        let begun = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            guard moment.request.pipeline == "report", moment.number == 1 else { return }
            begun.open()
            _ = gate.wait()
        }
        _ = try world.run("orders")
        _ = begun.wait()
        // The first report is in hand, and may have read before these were loaded: one more follows, for all of them.
        for last in 4...6 {
            try world.order(last...last)
            _ = try world.run("orders")
        }
        #expect(try newest("report", world).map(\.state) == [.queued, .running])
        gate.open()
        for run in try newest("report", world) { #expect(try world.finish(run).state == .success) }
        #expect(try newest("report", world).count == 2)
        #expect(try world.rows("report", in: "annex.db") == 6)
        world.end()
    }

    /// The destination shows that the run had succeeded; what runs after it must not be lost with the process.
    @Test func aSuccessThatIsFoundAfterACrashStartsWhatRunsAfterIt() throws {
        let world = try world()
        let gate = Signal<Bool>()
        let committed = Signal<Bool>()
        world.loader.after { moment throws(Failure) in
            guard moment.request.pipeline == "orders" else { return }
            committed.open()
            _ = gate.wait()
        }
        try world.engine.start()
        let run = try world.trigger("orders")
        _ = committed.wait()
        let next = try world.afterCrash()
        gate.open()
        world.end()
        try next.engine.start()
        #expect(try next.finish(run).state == .success)
        let report = try #require(try newest("report", next).first)
        #expect(try next.finish(report).state == .success)
        #expect(try newest("report", next).count == 1)
        next.end()
    }

    // MARK: Held by a backfill

    /// A world in which a backfill of `orders` that holds `report` waits in its first partition for the gate.
    private func held(_ gate: Signal<Bool>) throws -> (World, Backfill) {
        let world = try World.march(days: 1...3)
        try world.connection("annex", "annex.db")
        try world.pipeline(
            "report", steps: [World.step("report", to: "annex", table: "report")], more: #""after":["orders"],"#)
        let begun = Signal<Bool>()
        world.loader.beforePartition { request, _ in
            guard request.number == 1, request.load.attempt == 1 else { return }
            begun.open()
            _ = gate.wait()
        }
        var request = world.request(1...2)
        request.options.holdDownstream = true
        request.options.parallelism = 1
        let backfill = try world.backfill(request)
        _ = begun.wait()
        return (world, backfill)
    }

    /// Runs `orders` of a world whose warehouse a partition has in hand, once that lets go of it.
    private func runTwice(_ world: World, _ gate: Signal<Bool>) throws {
        let runs = [try world.trigger("orders"), try world.trigger("orders")]
        gate.open()
        for run in runs { #expect(try world.finish(run).state == .success) }
    }

    @Test func whatRunsAfterAPipelineWaitsForItsBackfillAndIsThenRunOnce() throws {
        let gate = Signal<Bool>()
        let (world, backfill) = try held(gate)
        let pause = try wait { world.engine.pauseBackfill(backfill.id, completion: $0) }
        #expect(pause.state == .paused)
        try runTwice(world, gate)
        _ = try world.stored(backfill) { $0.partitions.running == 0 }
        #expect(try newest("report", world).isEmpty)
        _ = try wait { world.engine.resumeBackfill(backfill.id, completion: $0) } as Backfill
        #expect(try world.finish(backfill).state == .success)
        let report = try #require(try world.firstRun("report"))
        #expect(report.trigger == .upstream)
        #expect(try world.finish(report).state == .success)
        #expect(try newest("report", world).count == 1)
        // Nothing holds it any more.
        #expect(try world.run("orders").state == .success)
        #expect(try newest("report", world).count == 2)
        world.end()
    }

    @Test func aTrialNamesAllThatWouldWait() throws {
        let world = try World.march(days: 1...3)
        try world.connection("annex", "annex.db")
        for (name, upstream) in [("report", "orders"), ("digest", "report")] {
            try world.pipeline(
                name, steps: [World.step(name, to: "annex", table: name)], more: "\"after\":[\"\(upstream)\"],")
        }
        var request = world.request(1...2)
        let free: BackfillPreview = try wait { world.engine.previewBackfill(request, completion: $0) }
        #expect(free.heldBack.isEmpty)
        request.options.holdDownstream = true
        let held: BackfillPreview = try wait { world.engine.previewBackfill(request, completion: $0) }
        #expect(held.heldBack == ["digest", "report"])
        world.end()
    }

    @Test func aRetryHoldsAgainAndIsFollowedByARun() throws {
        let world = try World.march(days: 1...3)
        try world.connection("annex", "annex.db")
        try world.pipeline(
            "report", steps: [World.step("report", to: "annex", table: "report")], more: #""after":["orders"],"#)
        world.loader.beforePartition { request, _ throws(Failure) in
            if request.number == 2, request.load.attempt == 1 { throw Failure(.constraint, "no") }
        }
        var request = world.request(1...2)
        request.options.holdDownstream = true
        let backfill = try world.backfill(request)
        #expect(try world.finish(backfill).state == .failed)
        let first = try #require(try world.firstRun("report"))
        #expect(try world.finish(first).state == .success)
        _ = try wait { world.engine.retryBackfill(backfill.id, completion: $0) } as Backfill
        #expect(try world.finish(backfill).state == .success)
        let second = try #require(try world.firstRun("report", after: 1))
        #expect(try world.finish(second).state == .success)
        world.end()
    }

    @Test func aCancelledBackfillLetsGoOfWhatItHeldAndOneThatNoRunMissedIsFollowedByOne() throws {
        let gate = Signal<Bool>()
        let (world, backfill) = try held(gate)
        _ = try wait { world.engine.pauseBackfill(backfill.id, completion: $0) } as Backfill
        try runTwice(world, gate)
        _ = try wait { world.engine.cancelBackfill(backfill.id, completion: $0) } as Backfill
        let report = try #require(try world.firstRun("report"))
        #expect(try world.finish(report).state == .success)
        var request = world.request(3...3)
        request.options.holdDownstream = true
        #expect(try world.finish(try world.backfill(request)).state == .success)
        // No run was held, but the rows that it reads are others now.
        let second = try #require(try world.firstRun("report", after: 1))
        #expect(try world.finish(second).state == .success)
        #expect(try newest("report", world).count == 2)
        world.end()
    }

    /// The process dies between the end of the backfill and the run that waited for it.
    @Test func whatWasHeldIsRunAfterACrashToo() throws {
        let gate = Signal<Bool>()
        let (world, backfill) = try held(gate)
        _ = try wait { world.engine.pauseBackfill(backfill.id, completion: $0) } as Backfill
        try runTwice(world, gate)
        _ = try world.stored(backfill) { $0.partitions.running == 0 }
        // Ended first: nothing of it closes files any more while they are copied.
        world.end()
        let next = try world.afterCrash()
        try next.store.write { (transaction) throws(StoreError) in
            _ = try transaction.changeBackfill(backfill.id, to: .cancelled)
        }
        try next.engine.start()
        let report = try #require(try next.firstRun("report"))
        #expect(try next.finish(report).state == .success)
        next.end()
    }
}

extension World {
    /// The pipeline's next run after so many, once there is one.
    fileprivate func firstRun(_ pipeline: String, after count: Int = 0) throws -> Run? {
        for _ in 0..<100_000 {
            let found = try store.read { (session) throws(StoreError) in
                try session.runs(RunFilter(pipeline: pipeline), Page(limit: 100)).items
            }
            if found.count > count { return found.first }
            // The writer's turn: what it has been given before is done when this is.
            try store.write { (transaction) throws(StoreError) in _ = try transaction.lastEvent() }
        }
        return nil
    }
}
