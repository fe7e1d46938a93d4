import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// Another program holds the control database while runs, ticks, triggers and cancels are on their way.
struct LockedStoreTests {
    // PAINS 62
    @Test func whatTheControlDatabaseCannotTakeNowIsToldLaterAndNothingIsLost() throws {
        let world = try World(busyTime: .milliseconds(200))
        try world.order(1...3)
        for (name, file) in [("loads", "a"), ("cancelled", "b"), ("waits", "c"), ("ticks", "d")] {
            try world.connection(file, file + ".db")
            let more = name == "ticks" ? #""schedule":{"every":"1m"},"# : ""
            try world.pipeline(name, steps: [World.step(name, to: file)], more: more)
        }
        let (begun, gate, release) = (Signal<String>(), Signal<Bool>(), Signal<Bool>())
        world.loader.before { moment throws(Failure) in
            begun.send(moment.request.pipeline)
            if moment.request.pipeline == "loads" { _ = gate.wait() }
            if moment.request.pipeline == "cancelled" {
                _ = release.wait()
                if moment.stop.reason == .cancelled { throw Failure(.cancelled, "cancelled") }
            }
        }
        try world.engine.start()
        let (loads, cancelled) = (try world.trigger("loads"), try world.trigger("cancelled"))
        _ = begun.wait(2)
        let waits = try world.trigger("waits")

        let other = try Connection(path: world.directory + "/state/control.db", access: .readWrite)
        defer { other.close() }
        try other.begin(.immediate)
        let (triggered, revoked) = (Signal<Failure?>(), Signal<Failure?>())
        world.engine.trigger(RunRequest(pipeline: "ticks")) { triggered.send($0.failure) }
        world.engine.cancel(waits.id) { revoked.send($0.failure) }
        world.advance(by: .seconds(60))
        // One that is in hand is told at once, and ends; one that loads commits in its destination.
        #expect(try world.cancel(cancelled).state == .running)
        release.open()
        gate.open()
        for what in ["record run \(loads.id)", "record run \(cancelled.id)", "a tick could not be recorded yet"] {
            _ = try #require(world.log.wait { $0.contains(what) }, "\(what)")
        }
        // Whoever asked for a change is told that it was not made, and may ask again.
        for signal in [triggered, revoked] {
            let failure = signal.wait() ?? nil
            #expect(failure?.isTransient == true && failure?.code == .locked, "\(String(describing: failure))")
        }
        #expect(try world.rows("loads", in: "a.db") == 3)
        // Reads are answered all the while.
        for run in [loads, cancelled] { #expect(try world.stored(run).state == .running) }
        #expect(try world.newest("ticks").isEmpty)
        try other.rollback()

        let done = try world.finish(loads)
        #expect(done.state == .success && done.attempt == 1 && done.error == nil)
        #expect(try world.finish(cancelled).state == .cancelled)
        #expect(try world.finish(waits).state == .success)
        try world.tick(by: .seconds(6))
        let tick = try world.finish(try #require(try world.newest("ticks").first))
        #expect(tick.state == .success && tick.ticks == 1)
        #expect(tick.scheduledFor == World.start.adding(.seconds(60)))
        #expect(try world.newest("ticks").count == 1 && world.schedule("ticks").runs == 1)
        for run in [loads, cancelled, waits, tick] {
            #expect(try world.events(of: run).filter { $0 == "run_finished" }.count == 1)
        }
        world.end()
    }

    // PAINS 62
    @Test func aServerThatIsStoppedMeanwhileFindsTheTruthWhenItIsBack() throws {
        let world = try World(busyTime: .milliseconds(100))
        try world.order(1...3)
        try world.pipeline("orders")
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        try world.engine.start()
        let run = try world.trigger("orders")
        _ = begun.wait()
        let other = try Connection(path: world.directory + "/state/control.db", access: .readWrite)
        try other.begin(.immediate)
        gate.open()
        _ = try #require(world.log.wait { $0.contains("record run \(run.id)") })
        world.end(within: .zero)
        other.close()
        let next = try world.afterCrash()
        try next.engine.start()
        let done = try next.finish(run)
        #expect(done.state == .success && done.steps.first?.result?.counts.inserted == 3)
        #expect(try next.rows() == 3)
        next.end()
    }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}
