import Model
import Platform
import Testing

@testable import Engine

struct FinishWaitersTests {
    private let waiters = FinishWaiters<Run>()
    private let told = Signal<String>()

    @Test func tellsAllWhoWaitForTheRunAndNobodyElse() {
        for name in ["a", "b"] { _ = waiters.add("1") { told.send(name + "/" + id($0)) } }
        _ = waiters.add("2") { told.send("c/" + id($0)) }
        waiters.finish(run("1"))
        #expect(told.values == ["a/1", "b/1"])
        #expect(waiters.count == 1)
    }

    @Test func tellsEachOnce() {
        _ = waiters.add("1") { told.send(id($0)) }
        waiters.finish(run("1"))
        waiters.finish(run("1"))
        waiters.close(.serverStops)
        #expect(told.values == ["1"])
    }

    @Test func neverCallsOneThatWasTaken() {
        guard let waiter = waiters.add("1", { told.send(id($0)) }) else { return #expect(Bool(false)) }
        #expect(waiters.take("1", waiter) != nil)
        #expect(waiters.take("1", waiter) == nil)
        waiters.finish(run("1"))
        #expect(told.values.isEmpty)
        #expect(waiters.count == 0)
    }

    @Test func closingTellsWhyAndTakesNoMore() {
        _ = waiters.add("1") { told.send(id($0)) }
        waiters.close(.serverStops)
        #expect(told.values == ["stopping"])
        #expect(waiters.add("1") { _ in } == nil)
    }

    private func id(_ result: Result<Run, Failure>) -> String {
        switch result {
        case .success(let run): run.id
        case .failure(let failure): failure.code.rawValue
        }
    }

    private func run(_ id: String) -> Run {
        Run(
            id: id, pipeline: "p", state: .success, trigger: .api, attempt: 1, options: RunOptions(),
            createdAt: Timestamp(microseconds: 0), steps: [])
    }
}
