import Model
import Platform
import SQLite
import Testing

@testable import Store

/// When each step succeeded last.
struct SuccessQueriesTests {
    /// Ends a run, with its steps in these states; answers when.
    private func end(_ run: Run, _ world: World, a: StepRunState, b: StepRunState) throws -> Timestamp {
        world.clock.advance(by: .seconds(60))
        let now = world.clock.now()
        try world.change { transaction throws(StoreError) in
            try transaction.changeRun(run.id, to: .running)
            for (name, strategy, state) in [("a", Strategy.timestamp, a), ("b", .fullRefresh, b)] {
                var step = StepRun(name: name, state: .running, strategy: strategy)
                if state != .skipped { try transaction.updateStep(run.id, step) }
                step.state = state
                step.finishedAt = now
                try transaction.updateStep(run.id, step)
            }
            try transaction.changeRun(run.id, to: a == .success && b == .success ? .success : .failed)
        }
        return now
    }

    private func successes(_ world: World) throws -> [String: Timestamp] {
        try world.store.read { session throws(StoreError) in try session.lastSuccesses(of: "orders") }
    }

    @Test func eachStepHasItsOwnAndARollbackTakesItBack() throws {
        let world = try World()
        try world.pipeline("orders")
        #expect(try successes(world) == [:])
        let first = try end(try world.run(), world, a: .success, b: .success)
        #expect(try successes(world) == ["a": first, "b": first])
        let broken = try world.run()
        let second = try end(broken, world, a: .success, b: .failed)
        #expect(try successes(world) == ["a": second, "b": first])
        _ = try end(try world.run(), world, a: .failed, b: .skipped)
        #expect(try successes(world) == ["a": second, "b": first])
        try world.change { transaction throws(StoreError) in try transaction.markRolledBack(broken.id) }
        #expect(try successes(world) == ["a": first, "b": first])
    }

    @Test func outlivesItsRunAndEndsWithThePipelineAndItsPlace() throws {
        let world = try World()
        try world.pipeline("orders")
        func put(_ document: String) throws {
            try world.change { transaction throws(StoreError) in
                _ = try transaction.putPipeline("orders", document: document, connections: ["shop"])
            }
        }
        let steps = #"{"name":"a","destination":{"connection":"x"}},{"name":"b","destination":{"connection":"y"}}"#
        try put(#"{"steps":[\#(steps)]}"#)
        let run = try world.run()
        let time = try end(run, world, a: .success, b: .success)
        try world.change { transaction throws(StoreError) in
            #expect(try transaction.trimRuns(to: 0) == 1)
        }
        #expect(try successes(world) == ["a": time, "b": time])
        try world.reopen()
        #expect(try successes(world) == ["a": time, "b": time])
        try put(#"{"steps":[\#(steps.replacing("\"x\"", with: "\"z\""))]}"#)
        #expect(try successes(world) == ["b": time])
        try world.change { transaction throws(StoreError) in try transaction.deletePipeline("orders") }
        #expect(try successes(world) == [:])
    }
}
