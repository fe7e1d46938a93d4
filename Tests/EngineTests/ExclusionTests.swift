import Foundation
import Loading
import Model
import Platform
import SQLite
import Testing

@testable import Engine

/// Two runs never write one file at the same time, whatever the file is called, and waiting for it holds no worker.
struct ExclusionTests {
    @Test func aRunThatWaitsForAFileHoldsNoWorker() throws {
        let world = try World(workers: 2)
        try world.order(1...3)
        try world.connection("annex", "annex.db")
        try world.pipeline("one", steps: [World.step("one")])
        try world.pipeline("two", steps: [World.step("two")])
        try world.pipeline("three", steps: [World.step("three", to: "annex")])
        try world.engine.start()
        let begun = Signal<Bool>()
        let gate = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            guard moment.request.pipeline == "one" else { return }
            begun.open()
            _ = gate.wait()
        }
        let one = try world.trigger("one")
        _ = begun.wait()
        let two = try world.trigger("two")
        #expect(try world.run("three").state == .success)
        #expect(try world.stored(two).state == .queued)
        gate.open()
        #expect(try world.finish(one).state == .success)
        #expect(try world.finish(two).state == .success)
        world.end()
    }

    @Test(arguments: ["link.db", "./warehouse.db", "hard.db", "folder/warehouse.db"])
    func oneFileIsOneFileWhateverLeadsToIt(path: String) throws {
        let world = try World(workers: 2)
        try world.order(1...3)
        try world.database("warehouse.db") { try $0.execute("PRAGMA journal_mode = WAL; CREATE TABLE other (a)") }
        let files = FileManager.default
        try files.createSymbolicLink(atPath: world.path("link.db"), withDestinationPath: "warehouse.db")
        try files.linkItem(atPath: world.path("warehouse.db"), toPath: world.path("hard.db"))
        try files.createSymbolicLink(atPath: world.path("folder"), withDestinationPath: ".")
        try world.connection("same", path)
        try world.pipeline("one", steps: [World.step("one")])
        try world.pipeline("two", steps: [World.step("two", to: "same")])
        try world.engine.start()
        let begun = Signal<String>()
        let gate = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            begun.send(moment.request.pipeline)
            if moment.request.pipeline == "one" { _ = gate.wait() }
        }
        let one = try world.trigger("one")
        _ = begun.wait()
        let two = try world.trigger("two")
        #expect(world.engine.load == (1, 1))
        #expect(try world.stored(two).state == .queued)
        gate.open()
        #expect(try world.finish(one).state == .success)
        _ = try world.finish(two)
        #expect(begun.values == ["one", "two"])
        world.end()
    }

    @Test func aFileThatComesToBeWhileRunsWaitIsStillOneFile() throws {
        let world = try World(workers: 2)
        try world.order(1...3)
        try world.pipeline("one", steps: [World.step("one")])
        try world.pipeline("two", steps: [World.step("two")])
        let begun = Signal<String>()
        let gate = Signal<Bool>()
        // The first run makes the file and is then held; the second one was queued before there was a file.
        world.loader.after { moment throws(Failure) in
            begun.send(moment.request.pipeline)
            if moment.request.pipeline == "one" { _ = gate.wait() }
        }
        let one = try world.trigger("one")
        let two = try world.trigger("two")
        try world.engine.start()
        _ = begun.wait()
        let three = try world.trigger("two")
        #expect(world.engine.load.running == 1)
        gate.open()
        for run in [one, two, three] { #expect(try world.finish(run).state == .success) }
        #expect(world.loader.clashes.isEmpty)
        world.end()
    }

    @Test func aConnectionThatIsChangedWhileARunWaitsIsHeldToItsNewFile() throws {
        let world = try World(workers: 2)
        try world.order(1...3)
        try world.connection("annex", "annex.db")
        try world.pipeline("one", steps: [World.step("one")])
        try world.pipeline("two", steps: [World.step("two", to: "annex")])
        let begun = Signal<Bool>()
        let gate = Signal<Bool>()
        world.loader.before { moment throws(Failure) in
            guard moment.request.pipeline == "one" else { return }
            begun.open()
            _ = gate.wait()
        }
        let one = try world.trigger("one")
        let two = try world.trigger("two")
        try world.connection("annex", "warehouse.db")
        try world.engine.start()
        _ = begun.wait()
        gate.open()
        #expect(try world.finish(one).state == .success)
        #expect(try world.finish(two).state == .success)
        #expect(world.loader.clashes.isEmpty)
        #expect(try world.rows("two") == 3)
        #expect(try world.rows("two", in: "annex.db") == nil)
        world.end()
    }

    @Test func runsOfOnePipelineGoOneAfterTheOther() throws {
        let world = try World(workers: 4)
        try world.order(1...3)
        try world.pipeline("orders")
        let runs = try (0..<5).map { _ in try world.trigger("orders") }
        try world.engine.start()
        for run in runs { #expect(try world.finish(run).state == .success) }
        #expect(world.loader.calls.map(\.run) == runs.map(\.id))
        world.end()
    }
}
