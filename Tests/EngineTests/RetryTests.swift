import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

struct RetryTests {
    private let locked = Failure(.locked, "warehouse.db is locked", hint: "wait", isTransient: true)

    @Test func aTransientFailureIsRepeatedWhenItsWaitIsOver() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", more: World.retries)
        try world.engine.start()
        world.loader.before { [locked] moment throws(Failure) in if moment.number == 1 { throw locked } }
        let run = try world.trigger("orders")
        let waiting = try world.laidAside(run)
        #expect(waiting.state == .queued)
        #expect(waiting.attempt == 2)
        #expect(waiting.error == locked)
        #expect(waiting.steps.map(\.state) == [.pending])
        let wait = try #require(waiting.retryAt).since(world.clock.now())
        #expect(wait >= .seconds(5) && wait <= .seconds(10))
        world.advance(by: .seconds(4))
        #expect(world.loader.calls.count == 1)
        world.advance(by: .seconds(6))
        let ended = try world.finish(run)
        #expect(ended.state == .success)
        #expect(ended.attempt == 2)
        #expect(ended.error == nil)
        #expect(world.loader.calls.map(\.attempt) == [1, 2])
        #expect(try world.events(of: run).contains("run_retrying"))
        #expect(try world.stored(run) == ended)
        world.end()
    }

    @Test func waitingForTheNextAttemptHoldsNoWorkerButThePipeline() throws {
        let world = try World(workers: 1)
        try world.order(1...3)
        try world.pipeline("orders", more: World.retries)
        try world.pipeline("others", steps: [World.step("others")])
        try world.engine.start()
        world.loader.before { [locked] moment throws(Failure) in
            if moment.number == 1, moment.request.pipeline == "orders" { throw locked }
        }
        let first = try world.trigger("orders")
        _ = try world.laidAside(first)
        let second = try world.trigger("orders")
        #expect(try world.run("others").state == .success)
        #expect(try world.stored(second).state == .queued)
        world.advance(by: .seconds(10))
        #expect(try world.finish(first).state == .success)
        #expect(try world.finish(second).state == .success)
        #expect(world.loader.calls.filter { $0.pipeline == "orders" }.map(\.run) == [first.id, first.id, second.id])
        world.end()
    }

    @Test func theLastAttemptFailsTheRun() throws {
        let world = try World()
        try world.pipeline("orders", more: World.retries)
        try world.engine.start()
        world.loader.before { [locked] _ throws(Failure) in throw locked }
        let run = try world.trigger("orders")
        _ = try world.laidAside(run)
        world.advance(by: .seconds(10))
        let ended = try world.finish(run)
        #expect(ended.state == .failed)
        #expect(ended.error == locked)
        #expect(ended.steps.first?.error == locked)
        #expect(world.loader.calls.count == 2)
        world.end()
    }

    @Test func aStepThatSucceededIsNotRepeated() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline(
            "orders", steps: [World.step("a"), World.step("b", after: ["a"]), World.step("c", after: ["b"])],
            more: World.retries)
        try world.engine.start()
        world.loader.before { [locked] moment throws(Failure) in
            if moment.request.step.name == "b", moment.number == 1 { throw locked }
        }
        let run = try world.trigger("orders")
        let waiting = try world.laidAside(run)
        #expect(waiting.steps.map(\.state) == [.success, .pending, .pending])
        world.advance(by: .seconds(10))
        let ended = try world.finish(run)
        #expect(ended.state == .success)
        #expect(world.loader.calls.map(\.step.name) == ["a", "b", "b", "c"])
        #expect(try world.stored(run) == ended)
        world.end()
    }

    @Test func anAttemptThatTakesTooLongIsInterruptedAndRepeated() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", more: World.retries + "\"timeout\":\"60s\",")
        try world.engine.start()
        let begun = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            guard moment.number == 1 else { return }
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        world.advance(by: .seconds(60))
        let waiting = try world.laidAside(run)
        #expect(waiting.error?.code == .timedOut)
        world.advance(by: .seconds(10))
        #expect(try world.finish(run).state == .success)
        world.end()
    }

    @Test func aTimeOutOfTheLastAttemptFailsTheRunAndSaysWhichStepsWereNotBegun() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline(
            "orders", steps: [World.step("a"), World.step("b")], more: World.retriesOnce + "\"timeout\":\"60s\",")
        try world.engine.start()
        let begun = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        world.advance(by: .seconds(60))
        let ended = try world.finish(run)
        #expect(ended.state == .failed)
        #expect(ended.error?.code == .timedOut)
        #expect(ended.steps.map(\.state) == [.failed, .skipped])
        #expect(ended.steps.last?.error?.message.hasPrefix("not started") == true)
        #expect(try world.stored(run) == ended)
        world.end()
    }

    @Test func theErrorOfACommitThatTookPlaceIsNoFailure() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        world.loader.after { _ throws(Failure) in throw Failure(.inputOutput, "fsync failed", isTransient: true) }
        let run = try world.run("orders")
        #expect(run.state == .success)
        #expect(run.steps.first?.result?.counts.inserted == 3)
        world.end()
    }
}

extension World {
    static let retries = #""retries":{"max_attempts":2,"backoff":"10s"},"#
    static let retriesOnce = #""retries":{"max_attempts":1},"#
}
