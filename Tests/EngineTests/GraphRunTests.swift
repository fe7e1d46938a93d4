import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// Runs whose steps form a graph: side by side, in part, in spite of failures, and again.
struct GraphRunTests {
    private let locked = Failure(.locked, "locked", isTransient: true)

    private func world(workers: Int = 3, steps: [String], more: String = "") throws -> World {
        let world = try World(workers: workers)
        try world.order(1...3)
        for name in ["mart", "annex"] { try world.connection(name, "\(name).db") }
        try world.pipeline("p", steps: steps, more: more)
        try world.engine.start()
        return world
    }

    /// Each step waits until both are in hand.
    @Test func independentStepsRunAtTheSameTime() throws {
        let world = try world(steps: [
            World.step("a"), World.step("b", to: "mart"), World.step("c", after: ["a", "b"]),
        ])
        let (a, b) = (Signal<Bool>(), Signal<Bool>())
        world.loader.before { moment throws(Failure) in
            let met: Bool? =
                switch moment.request.step.name {
                case "a":
                    {
                        a.open(); return b.wait()
                    }()
                case "b":
                    {
                        b.open(); return a.wait()
                    }()
                default: true
                }
            guard met != nil else { throw Failure(.internalError, "the other step did not begin") }
        }
        let run = try world.run("p")
        #expect(run.state == .success && run.steps.allSatisfy { $0.state == .success })
        #expect(world.loader.clashes.isEmpty)
        world.end()
    }

    @Test func noMoreStepsRunAtATimeThanThereAreWorkers() throws {
        let world = try world(workers: 1, steps: [World.step("a"), World.step("b", to: "mart")])
        let inHand = Monitor(0)
        world.loader.before { _ throws(Failure) in
            if inHand.update({
                $0 += 1; return $0
            }) > 1 {
                throw Failure(.internalError, "two steps at a time")
            }
        }
        world.loader.after { _ throws(Failure) in inHand.update { $0 -= 1 } }
        #expect(try world.run("p").state == .success)
        world.end()
    }

    @Test func aCancelReachesEveryStepInHand() throws {
        let world = try world(steps: [
            World.step("a"), World.step("b", to: "mart"), World.step("c", to: "annex", after: ["a"]),
        ])
        let begun = Monitor(0)
        world.loader.before { moment throws(Failure) in
            begun.update { $0 += 1 }
            try moment.stop.throwWhenRaised()
        }
        let run = try world.trigger("p")
        _ = begun.wait(upTo: .seconds(10)) { $0 == 2 ? true : nil }
        _ = try world.cancel(run)
        let ended = try world.finish(run)
        #expect(ended.state == .cancelled && ended.steps.map(\.state) == [.cancelled, .cancelled, .cancelled])
        #expect(try world.stored(run) == ended)
        world.end()
    }

    @Test func aStepBesideOneThatFailedIsCarriedThrough() throws {
        let world = try world(steps: [
            World.step("a", source: "missing"), World.step("b", to: "mart"), World.step("c", after: ["a"]),
            World.statements("d", "SELECT 1", after: ["a", "c"], more: "\"when\":\"all_done\","),
        ])
        let run = try world.run("p")
        #expect(run.state == .failed && run.steps.map(\.state) == [.failed, .success, .skipped, .success])
        #expect(run.steps[2].error?.message == "not run because step a failed")
        #expect(try world.stored(run).steps == run.steps)
        world.end()
    }

    @Test func whatRunsAfterAnyEndWaitsForTheLastAttempt() throws {
        let world = try world(
            steps: [
                World.step("a"),
                World.statements(
                    "d", "CREATE TABLE IF NOT EXISTS n (a); INSERT INTO n VALUES (1)", after: ["a"],
                    more: "\"when\":\"all_done\","),
            ], more: World.retries)
        world.loader.before { [locked] _ throws(Failure) in throw locked }
        let run = try world.trigger("p")
        let waiting = try world.laidAside(run)
        #expect(waiting.steps.map(\.state) == [.pending, .pending])
        #expect(try world.rows("n") == nil)
        world.advance(by: .seconds(10))
        let ended = try world.finish(run)
        #expect(ended.state == .failed && ended.steps.map(\.state) == [.failed, .success])
        #expect(try world.rows("n") == 1)
        world.end()
    }

    @Test func aStepsOwnTimeEndsItAlone() throws {
        let slow = World.step("a").dropLast() + ",\"timeout\":\"30s\"}"
        let world = try world(
            steps: [String(slow), World.step("b", to: "mart", after: [])],
            more: #""retries":{"max_attempts":1},"#)
        let begun = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            guard moment.request.step.name == "a" else { return }
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let run = try world.trigger("p")
        _ = begun.wait()
        world.advance(by: .seconds(31))
        let ended = try world.finish(run)
        #expect(ended.state == .failed && ended.steps.map(\.state) == [.failed, .success])
        #expect(ended.steps[0].error?.code == .timedOut)
        #expect(ended.steps[0].error?.message.hasPrefix("step a took longer than 30") == true)
        world.end()
    }

    @Test func whatAlwaysRunsDoesSoAfterTheRunsTimeIsOver() throws {
        let insert = "CREATE TABLE IF NOT EXISTS n (a); INSERT INTO n VALUES (:run)"
        let world = try world(
            steps: [
                World.step("a", to: "mart"),
                World.statements("b", insert, after: ["a"], more: "\"when\":\"all_done\","),
                World.statements("c", insert, after: ["a"], more: "\"when\":\"always\","),
            ], more: #""timeout":"60s","retries":{"max_attempts":1},"#)
        let begun = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let run = try world.trigger("p")
        _ = begun.wait()
        world.advance(by: .seconds(61))
        let ended = try world.finish(run)
        #expect(ended.state == .failed && ended.error?.code == .timedOut)
        #expect(ended.steps.map(\.state) == [.failed, .skipped, .success])
        #expect(try world.rows("n") == 1)
        world.end()
    }

    // MARK: Parts of a pipeline

    private let chain = [
        World.step("a"), World.step("b", after: ["a"]), World.step("c", after: ["b"]), World.step("d"),
    ]

    @Test func aRunFromAStepTakesAllThatDependOnIt() throws {
        let world = try world(steps: chain)
        let run = try world.finish(
            try world.trigger(RunRequest(pipeline: "p", options: options { $0.from = "b" })))
        #expect(run.steps.map(\.name) == ["b", "c"] && run.options.steps == ["b", "c"] && run.options.from == nil)
        let plans = try wait { world.engine.plan("p", options: options { $0.from = "c" }, completion: $0) }
        #expect(plans.map(\.step) == ["c"])
        world.end()
    }

    @Test func unknownNamesAndBothWaysAreRefused() throws {
        let world = try world(steps: ["customers", "orders"].map { World.step($0) })
        for (options, code, field, hint) in [
            (options { $0.from = "custmers" }, Failure.Code.unknownStep, "from", "did you mean customers?"),
            (options { $0.steps = ["orders", "order"] }, .unknownStep, "steps[1]", "did you mean orders?"),
            (options { ($0.from, $0.steps) = ("orders", ["customers"]) }, .invalidValue, "from", "one of them"),
        ] {
            let failure = #expect(throws: Failure.self) {
                try world.trigger(RunRequest(pipeline: "p", options: options))
            }
            #expect(failure?.code == code && failure?.field == field && failure?.hint.contains(hint) == true)
        }
        world.end()
    }

    @Test func aRetryRepeatsOnlyWhatDidNotSucceed() throws {
        let world = try world(steps: chain)
        world.loader.before { moment throws(Failure) in
            if moment.request.step.name == "b", moment.number == 1 { throw Failure(.corrupt, "damaged") }
        }
        let failed = try world.run("p")
        #expect(failed.steps.map(\.state) == [.success, .failed, .skipped, .success])
        let outcome = try wait { world.engine.retry(failed.id, completion: $0) }
        guard case .accepted(let retry) = outcome else { throw Failure(.internalError, "an answer was replayed") }
        let ended = try world.finish(retry)
        #expect(ended.state == .success && ended.steps.map(\.name) == ["b", "c"])
        #expect(ended.retryOf == failed.id && ended.trigger == .retry)
        #expect(try world.stored(ended).retryOf == failed.id)
        #expect(world.loader.calls.map(\.step.name).sorted() == ["a", "b", "b", "c", "d"])
        world.end()
    }

    private func options(_ change: (inout RunOptions) -> Void) -> RunOptions {
        var options = RunOptions()
        change(&options)
        return options
    }
}
