import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

struct CancelTests {
    @Test func aQueuedRunIsCancelledAtOnce() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        let run = try world.trigger("orders")
        let cancelled = try world.cancel(run)
        #expect(cancelled.state == .cancelled)
        #expect(cancelled.finishedAt != nil)
        #expect(cancelled.steps.map(\.state) == [.cancelled])
        #expect(try world.stored(run) == cancelled)
        try world.engine.start()
        #expect(try world.run("orders").state == .success)
        #expect(world.loader.calls.map(\.run).contains(run.id) == false)
        world.end()
    }

    @Test func aRunningRunEndsAsCancelledAndLeavesTheDestinationAlone() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", steps: [World.step("a"), World.step("b"), World.step("c")])
        try world.engine.start()
        let begun = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            guard moment.request.step.name == "b" else { return }
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        #expect(try world.cancel(run).state == .running)
        let ended = try world.finish(run)
        #expect(ended.state == .cancelled)
        #expect(ended.steps.map(\.state) == [.success, .cancelled, .cancelled])
        #expect(try world.rows("a") == 3)
        #expect(try world.rows("b") == nil)
        #expect(try world.stored(run) == ended)
        world.end()
    }

    @Test func aLoadThatFinishedBeforeTheCancelCameIsASuccess() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let committed = Signal<Bool>()
        let gate = Signal<Bool>()
        world.loader.after { _ throws(Failure) in
            committed.open()
            _ = gate.wait()
        }
        let run = try world.trigger("orders")
        _ = committed.wait()
        _ = try world.cancel(run)
        gate.open()
        let ended = try world.finish(run)
        #expect(ended.state == .success)
        #expect(ended.steps.first?.result?.counts.inserted == 3)
        world.end()
    }

    @Test func aLoadThatWasInterruptedAfterItsCommitIsASuccess() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let committed = Signal<Bool>()
        world.loader.after { moment throws(Failure) in
            committed.open()
            try moment.stop.throwWhenRaised()
        }
        let run = try world.trigger("orders")
        _ = committed.wait()
        _ = try world.cancel(run)
        #expect(try world.finish(run).state == .success)
        world.end()
    }

    @Test func aRunThatWaitsForItsNextAttemptIsCancelledAtOnceAndFreesItsPipeline() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders", more: World.retries)
        try world.engine.start()
        world.loader.before { moment throws(Failure) in
            if moment.number == 1 { throw Failure(.locked, "locked", isTransient: true) }
        }
        let run = try world.trigger("orders")
        _ = try world.laidAside(run)
        // A worker that has not let go of it yet is told to end it, which takes no more time than that.
        _ = try world.cancel(run)
        #expect(try world.finish(run).state == .cancelled)
        #expect(try world.run("orders").state == .success)
        world.end()
    }

    @Test func aTransientFailureOfACancelledRunIsNotRepeated() throws {
        let world = try World()
        try world.pipeline("orders", more: World.retries)
        try world.engine.start()
        let begun = Signal<Bool>()
        let gate = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            begun.open()
            _ = gate.wait()
            throw Failure(.locked, "locked", isTransient: true)
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        _ = try world.cancel(run)
        gate.open()
        #expect(try world.finish(run).state == .cancelled)
        world.end()
    }

    @Test func onlyARunThatHasNotEndedIsCancelled() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let run = try world.run("orders")
        #expect(#expect(throws: Failure.self) { try world.cancel(run) }?.code == .conflict)
        var unknown = run
        unknown.id = "nothing"
        #expect(#expect(throws: Failure.self) { try world.cancel(unknown) }?.code == .unknownRun)
        #expect(try world.stored(run).state == .success)
        world.end()
    }
}
