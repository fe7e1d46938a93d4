import Glibc
import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

struct StopTests {
    @Test func aRunThatDoesNotFinishInTimeGoesBackToTheQueueAndIsTakenUpAgain() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let begun = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let run = try world.trigger("orders")
        let waiting = try world.trigger("orders")
        _ = begun.wait()
        #expect(world.engine.stop(within: .zero))
        let released = try world.stored(run)
        #expect(released.state == .queued)
        #expect(released.attempt == 2)
        #expect(released.retryAt == nil)
        #expect(released.steps.map(\.state) == [.pending])
        #expect(try world.stored(waiting).state == .queued)
        #expect(world.loader.calls.count == 1)
        world.store.close()
        let next = try world.afterCrash()
        try next.engine.start()
        #expect(try next.finish(run).state == .success)
        #expect(try next.finish(waiting).state == .success)
        #expect(next.loader.calls.map(\.run) == [run.id, waiting.id])
        next.end()
    }

    @Test func whoWaitsIsToldThatTheServerStops() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.trigger("orders")
        let told = Signal<Result<Run, Failure>>()
        world.engine.whenFinished(run.id) { told.send($0) }
        world.end()
        #expect(told.values == [.failure(.serverStops)])
        world.engine.whenFinished(run.id) { told.send($0) }
        #expect(told.values.count == 2)
    }

    @Test func stoppingTwiceOrBeforeTheStartIsHarmless() throws {
        let world = try World()
        #expect(world.engine.stop(within: .zero))
        world.store.close()
    }
}

/// A control database that cannot be written for a while: what a load has done is not lost.
struct RecordingTests {
    /// Stands for a full disk: every change of a run to this state fails.
    private func breakWrites(_ world: World, to state: String) throws {
        try world.control(
            "CREATE TRIGGER broken BEFORE UPDATE ON runs WHEN NEW.state = '\(state)' "
                + "BEGIN SELECT RAISE(ABORT, 'no space left on device'); END")
    }

    @Test func aFinishedLoadIsRecordedWhenTheControlDatabaseCanBeWrittenAgain() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        try breakWrites(world, to: "success")
        let run = try world.trigger("orders")
        _ = world.log.wait { $0.contains("cannot be written") }
        #expect(try world.rows() == 3)
        #expect(try world.stored(run).state == .running)
        try world.control("DROP TRIGGER broken")
        let ended = try world.finish(run)
        #expect(ended.state == .success)
        #expect(ended.steps.first?.result?.counts.inserted == 3)
        #expect(try world.stored(run) == ended)
        #expect(world.loader.calls.count == 1)
        world.end()
    }

    @Test func aFinishedLoadThatWasNeverRecordedIsFoundAtTheNextStart() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        try breakWrites(world, to: "success")
        let run = try world.trigger("orders")
        _ = world.log.wait { $0.contains("cannot be written") }
        world.end(within: .zero)
        let next = try world.afterCrash()
        try next.control("DROP TRIGGER broken")
        try next.engine.start()
        let ended = try next.stored(run)
        #expect(ended.state == .success)
        #expect(ended.steps.first?.result?.counts.inserted == 3)
        #expect(next.loader.calls.isEmpty)
        next.end()
    }

    @Test func aStartThatWasNotRecordedIsMadeUpFor() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", steps: [World.step("a", source: "missing"), World.step("b")])
        try world.engine.start()
        try breakWrites(world, to: "running")
        // The trigger is gone before the second step begins.
        world.loader.before { moment throws(Failure) in
            guard moment.request.step.name == "a" else { return }
            _ = world.log.wait { $0.contains("could not be recorded yet") }
            try? world.control("DROP TRIGGER broken")
        }
        let ended = try world.run("orders")
        #expect(ended.state == .failed)
        #expect(ended.steps.map(\.state) == [.failed, .success])
        #expect(try world.stored(ended) == ended)
        world.end()
    }

    @Test func aTriggerThatCannotBeStoredIsRefusedAndTakesNoPlace() throws {
        let world = try World(queuedJobs: 1)
        try world.order(1...3)
        try world.pipeline("orders")
        try world.control(
            "CREATE TRIGGER broken BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'no space left'); END")
        #expect(throws: Failure.self) { try world.trigger("orders") }
        try world.control("DROP TRIGGER broken")
        _ = try world.trigger("orders")
        world.end()
    }

    @Test func aCancelThatCannotBeStoredLeavesTheRunInTheQueue() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        let run = try world.trigger("orders")
        try breakWrites(world, to: "cancelled")
        #expect(throws: Failure.self) { try world.cancel(run) }
        try world.control("DROP TRIGGER broken")
        try world.engine.start()
        #expect(try world.finish(run).state == .success)
        world.end()
    }
}
