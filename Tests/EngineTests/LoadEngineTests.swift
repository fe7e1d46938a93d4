import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

struct LoadEngineTests {
    @Test func loadsWhatIsNewAndReportsItExactly() throws {
        let world = try World()
        try world.order(1...10)
        try world.pipeline("orders")
        try world.engine.start()
        let first = try world.run("orders")
        #expect(first.state == .success)
        #expect(first.attempt == 1)
        #expect(first.steps.map(\.state) == [.success])
        #expect(first.steps.first?.result?.counts == RowCounts(read: 10, inserted: 10))
        try world.order(11...12)
        let second = try world.run("orders")
        #expect(second.steps.first?.result?.counts.inserted == 2)
        #expect(try world.rows() == 12)
        world.end()
    }

    @Test func mirrorsTheWatermarkAndTellsWhatHappened() throws {
        let world = try World()
        try world.order(1...10)
        try world.pipeline("orders")
        try world.engine.start()
        let run = try world.run("orders")
        let mirrored = try world.store.read { (session) throws(StoreError) in try session.watermark("orders", "orders")
        }
        #expect(mirrored?.value == run.steps.first?.result?.watermarkAfter)
        #expect(mirrored?.run == run.id)
        #expect(
            try world.events(of: run) == [
                "run_queued", "run_started", "step_finished", "watermark_moved", "run_finished",
            ])
        let again = try world.run("orders")
        #expect(try world.events(of: again).contains("watermark_moved") == false)
        world.end()
    }

    @Test func theRunThatIsHandedOverIsTheOneThatIsStored() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let run = try world.run("orders")
        #expect(try world.stored(run) == run)
        world.end()
    }

    @Test func aRunsTimesEncloseThoseOfItsStepsHoweverLateTheyAreRecorded() throws {
        let world = try World()
        try world.pipeline("orders")
        // The engine is not started, so the run waits while the test does its attempt.
        var record = AttemptRecord(beginning: try world.trigger("orders"), at: world.clock.now())
        let start = world.clock.now()
        record.begin("orders", at: start)
        world.clock.advance(by: .seconds(5))
        record.succeed("orders", LoadResult(), watermark: nil, at: world.clock.now())
        let end = world.clock.now()
        record.end(.success, at: end)
        world.clock.advance(by: .seconds(60))
        let news = record.takeNews()
        let run = try world.store.write { (transaction) throws(StoreError) in
            try RunRecords.write(news, transaction, nil)
        }
        #expect(run.startedAt == start)
        #expect(run.finishedAt == end)
        #expect(run.steps.first?.startedAt == start)
        #expect(run.steps.first?.finishedAt == end)
        world.end()
    }

    @Test func runsOnlyTheStepsThatWereAskedFor() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", steps: [World.step("a"), World.step("b", after: ["a"])])
        try world.engine.start()
        let run = try world.finish(
            try world.trigger(RunRequest(pipeline: "orders", options: RunOptions(steps: ["b"]))))
        #expect(run.state == .success)
        #expect(run.steps.map(\.name) == ["b"])
        #expect(try world.rows("a") == nil)
        world.end()
    }

    @Test func aFailedStepSkipsWhatDependsOnItAndNothingElse() throws {
        let world = try World()
        try world.order(1...3)
        let steps = [
            World.step("a", source: "missing"), World.step("b", after: ["a"]), World.step("c", after: ["b"]),
            World.step("d"),
        ]
        try world.pipeline("orders", steps: steps)
        try world.engine.start()
        let run = try world.run("orders")
        #expect(run.state == .failed)
        #expect(run.error?.code == .unknownTable)
        #expect(run.steps.map(\.state) == [.failed, .skipped, .skipped, .success])
        for step in run.steps[1...2] {
            #expect(step.error?.code == .dependencyFailed)
            #expect(step.error?.message.contains("step a ") == true)
        }
        #expect(try world.rows("d") == 3)
        #expect(try world.stored(run) == run)
        world.end()
    }

    @Test func aFinalFailureIsNotRepeated() throws {
        let world = try World()
        try world.pipeline("orders", steps: [World.step("orders", source: "missing")])
        try world.engine.start()
        let run = try world.run("orders")
        #expect(run.state == .failed)
        #expect(run.attempt == 1)
        #expect(world.loader.calls.count == 1)
        world.end()
    }

    @Test func aStepThatTheDocumentLostFailsByItself() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", steps: [World.step("a"), World.step("b")])
        let run = try world.trigger("orders")
        try world.pipeline("orders", steps: [World.step("b")])
        try world.engine.start()
        let ended = try world.finish(run)
        #expect(ended.state == .failed)
        #expect(ended.steps.map(\.state) == [.failed, .success])
        #expect(ended.steps.first?.error?.code == .unknownStep)
        world.end()
    }

    @Test func retryingMakesANewRunOfOneThatFailed() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        world.loader.before { moment throws(Failure) in
            if moment.number == 1 { throw Failure(.constraint, "no") }
        }
        var options = RunOptions(steps: ["orders"], fullRefresh: true, allowShrink: true)
        options.priority = .low
        let failed = try world.finish(try world.trigger(RunRequest(pipeline: "orders", options: options)))
        #expect(failed.state == .failed)
        let outcome = Signal<Result<TriggerOutcome, Failure>>()
        world.engine.retry(failed.id) { outcome.send($0) }
        guard case .success(.accepted(let retried)) = outcome.wait() else { return #expect(Bool(false)) }
        #expect(retried.id != failed.id)
        #expect(retried.trigger == .retry)
        #expect(retried.options == options)
        #expect(try world.finish(retried).state == .success)
        for (id, code) in [(retried.id, Failure.Code.conflict), ("nothing", .unknownRun)] {
            let refused = Signal<Result<TriggerOutcome, Failure>>()
            world.engine.retry(id) { refused.send($0) }
            guard case .failure(let failure) = refused.wait() else { return #expect(Bool(false)) }
            #expect(failure.code == code)
        }
        world.end()
    }

    @Test func showsHowFarTheStepInHandHasCome() throws {
        let world = try World()
        try world.order(1...5)
        try world.pipeline("orders")
        try world.engine.start()
        let progress = Signal<RunProgress?>()
        world.loader.after { moment throws(Failure) in progress.send(world.engine.progress(of: moment.request.run)) }
        let run = try world.run("orders")
        #expect(progress.wait()??.step == "orders")
        #expect(progress.wait()??.rowsRead == 5)
        #expect(world.engine.progress(of: run.id) == nil)
        world.loader.after { _ throws(Failure) in }
        world.end()
    }
}
