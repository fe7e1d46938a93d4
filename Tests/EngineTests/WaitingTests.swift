import Loading
import Model
import Platform
import Testing

@testable import Engine

struct WaitingTests {
    @Test func tellsOfARunThatHasFinishedAlreadyAtOnce() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let run = try world.run("orders")
        let told = Signal<Result<Run, Failure>>()
        world.engine.whenFinished(run.id) { told.send($0) }
        #expect(told.values == [.success(run)])
        world.end()
    }

    @Test func tellsWhenThereIsNoSuchRun() throws {
        let world = try World()
        let told = Signal<Result<Run, Failure>>()
        world.engine.whenFinished("nothing") { told.send($0) }
        guard case .failure(let failure) = told.values.first else { return #expect(Bool(false)) }
        #expect(failure.code == .unknownRun)
        world.end()
    }

    @Test func aWaitThatWasEndedIsNeverTold() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        let run = try world.trigger("orders")
        let told = Signal<Result<Run, Failure>>()
        let wait = world.engine.whenFinished(run.id) { told.send($0) }
        #expect(wait.cancel())
        #expect(!wait.cancel())
        try world.engine.start()
        _ = try world.finish(run)
        #expect(told.values.isEmpty)
        world.end()
    }

    @Test func allWhoWaitAreTold() throws {
        let world = try World(workers: 4)
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let told = Signal<String>()
        for _ in 0..<20 {
            let run = try world.trigger("orders")
            for _ in 0..<3 {
                world.engine.whenFinished(run.id) { if case .success(let run) = $0 { told.send(run.id) } }
            }
        }
        #expect(told.wait(60).count == 60)
        #expect(world.engine.waiters.count == 0)
        world.end()
    }
}
