import Model
import Platform
import Store
import Testing

@testable import Engine

struct TriggerTests {
    @Test func refusesWhatCannotRunAndStoresNothing() throws {
        let world = try World()
        try world.pipeline("orders")
        try world.connection("secret", "${STRANDLINE_TEST_DIR}/x.db")
        try world.connection("outside", "/etc/passwd")
        try world.pipeline("secret", steps: [World.step("orders", to: "secret")])
        try world.pipeline("outside", steps: [World.step("orders", to: "outside")])
        try world.engine.start()
        let cases: [(RunRequest, Failure.Code, String)] = [
            (RunRequest(pipeline: "order"), .unknownPipeline, "order"),
            (RunRequest(pipeline: "orders", options: RunOptions(steps: ["no"])), .unknownStep, "no"),
            (RunRequest(pipeline: "secret"), .invalidValue, "STRANDLINE_TEST_DIR"),
            (RunRequest(pipeline: "outside"), .outsideDataRoot, "outside"),
        ]
        for (request, code, name) in cases {
            let failure = #expect(throws: Failure.self) { try world.trigger(request) }
            #expect(failure?.code == code)
            #expect(failure?.message.contains(name) == true)
            #expect(failure?.hint.isEmpty == false)
        }
        let runs = try world.store.read { (session) throws(StoreError) in try session.runs(RunFilter(), Page(limit: 1))
        }
        #expect(runs.items.isEmpty)
        world.end()
    }

    @Test func refusesMoreRunsThanTheQueueHolds() throws {
        let world = try World(queuedJobs: 2)
        try world.pipeline("orders")
        _ = try world.trigger("orders")
        _ = try world.trigger("orders")
        let failure = #expect(throws: Failure.self) { try world.trigger("orders") }
        #expect(failure?.code == .queueFull)
        world.end()
    }

    @Test func aRefusedTriggerTakesNoPlace() throws {
        let world = try World(queuedJobs: 1)
        try world.pipeline("orders")
        for _ in 0..<3 { #expect(throws: Failure.self) { try world.trigger("nothing") } }
        _ = try world.trigger("orders")
        world.end()
    }

    @Test func aStoppingServerTakesNoRuns() throws {
        let world = try World()
        try world.pipeline("orders")
        try world.engine.start()
        #expect(world.engine.stop(within: .zero))
        let failure = #expect(throws: Failure.self) { try world.trigger("orders") }
        #expect(failure?.code == .stopping)
        world.store.close()
    }

    @Test func oneKeyMakesOneRunHoweverOftenItIsSent() throws {
        let world = try World(workers: 4)
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let outcomes = Signal<Result<TriggerOutcome, Failure>>()
        for _ in 0..<50 { world.engine.trigger(keyed("k", "same")) { outcomes.send($0) } }
        var accepted: [String] = []
        var replayed: Set<String> = []
        for outcome in outcomes.wait(50) {
            switch try outcome.get() {
            case .accepted(let run): accepted.append(run.id)
            case .replayed(let answer): replayed.insert(String(decoding: answer.body, as: UTF8.self))
            }
        }
        #expect(accepted.count == 1)
        #expect(replayed == Set(accepted))
        world.end()
    }

    @Test func oneKeyIsNotForTwoRequests() throws {
        let world = try World()
        try world.pipeline("orders")
        _ = try world.trigger(keyed("k", "one"))
        let failure = #expect(throws: Failure.self) { try world.trigger(keyed("k", "two")) }
        #expect(failure?.code == .idempotencyMismatch)
        world.end()
    }

    @Test func aKeyKeepsItsAnswerWhenTheRequestWouldBeRefusedNow() throws {
        let world = try World(queuedJobs: 1)
        try world.pipeline("orders")
        let run = try world.trigger(keyed("k", "one"))
        let outcome = Signal<Result<TriggerOutcome, Failure>>()
        world.engine.trigger(keyed("k", "one")) { outcome.send($0) }
        guard case .success(.replayed(let answer)) = outcome.wait() else { return #expect(Bool(false)) }
        #expect(String(decoding: answer.body, as: UTF8.self) == run.id)
        world.end()
    }

    @Test func aRefusedRequestLeavesItsKeyFree() throws {
        let world = try World()
        var request = keyed("k", "one")
        #expect(throws: Failure.self) { try world.trigger(request) }
        try world.pipeline("orders")
        request = keyed("k", "two")
        _ = try world.trigger(request)
        world.end()
    }

    private func keyed(_ key: String, _ fingerprint: String) -> RunRequest {
        let answer = AnswerKey(key: key, fingerprint: fingerprint) { run in
            StoredAnswer(status: 202, headers: "{}", body: Array(run.id.utf8))
        }
        return RunRequest(pipeline: "orders", key: answer)
    }
}
