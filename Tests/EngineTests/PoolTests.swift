import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

struct PoolTests {
    @Test func runsOfOnePoolShareItsPlacesAlsoAfterARestart() throws {
        let world = try World(workers: 4)
        try pool(1, world)
        let gate = try held(world, more: "\"pool\":\"heavy\",")
        try world.engine.start()
        let first = try world.trigger("a")
        #expect(gate.begun.wait() == "a")
        let second = try world.trigger("b")
        #expect(world.engine.wait(of: second.id) == RunWait(reason: .pool, name: "heavy", jobs: [first.id]))
        #expect(world.engine.use(ofPool: "heavy") == (1, 1))

        let image = try world.afterCrash(workers: 4)
        let again = hold(image)
        try image.engine.start()
        #expect(again.begun.wait() == "a")
        #expect(image.engine.wait(of: second.id) == RunWait(reason: .pool, name: "heavy", jobs: [first.id]))
        again.open.open()
        #expect(try image.finish(second).state == .success)
        image.end()

        // More places hold at once.
        try pool(2, world)
        world.engine.poolChanged("heavy")
        #expect(gate.begun.wait(2) == ["a", "b"])
        gate.open.open()
        #expect(try world.finish(first).state == .success)
        #expect(try world.finish(second).state == .success)
        world.end()
        #expect(world.engine.use(ofPool: "heavy") == (0, 0))
    }

    @Test func aConnectionIsReadByNoMoreThanItAllows() throws {
        let world = try World(workers: 4)
        try connection(most: 1, world)
        let gate = try held(world)
        try world.engine.start()
        let first = try world.trigger("a")
        #expect(gate.begun.wait() == "a")
        let second = try world.trigger("b")
        #expect(world.engine.wait(of: second.id) == RunWait(reason: .connection, name: "shop", jobs: [first.id]))
        try connection(most: nil, world)
        world.engine.connectionChanged("shop")
        #expect(gate.begun.wait(2) == ["a", "b"])
        gate.open.open()
        _ = (try world.finish(first), try world.finish(second))
        world.end()
    }

    @Test func aRunTakesThePriorityOfItsPipelineUnlessItsTriggerSays() throws {
        let world = try World(workers: 1)
        let gate = try held(world, more: "\"priority\":\"low\",")
        try world.pipeline("c", steps: [World.step("c", to: "other", source: "orders")], more: "\"priority\":\"high\",")
        try world.engine.start()
        let first = try world.trigger("a")
        #expect(gate.begun.wait() == "a")
        var options = RunOptions()
        options.priority = .high
        let runs = [
            try world.trigger("b"), try world.trigger("c"),
            try world.trigger(RunRequest(pipeline: "a", options: options)),
        ]
        #expect(runs.map(\.options.priority) == [.low, .high, .high])
        #expect(try world.stored(runs[0]).options.priority == .low)
        gate.open.open()
        for run in [first] + runs { _ = try world.finish(run) }
        #expect(world.loader.calls.map(\.pipeline) == ["a", "c", "a", "b"])
        world.end()
    }

    @Test func aPoolInUseStaysAndOneThatIsMissingIsRefused() throws {
        let world = try World()
        #expect(throws: StoreError.self) { try world.pipeline("orders", more: "\"pool\":\"heavy\",") }
        try pool(1, world)
        try world.pipeline("orders", more: "\"pool\":\"heavy\",")
        let error = #expect(throws: StoreError.self) {
            try world.store.write { (transaction) throws(StoreError) in try transaction.deletePool("heavy") }
        }
        #expect(error?.code == .inUse)
        #expect(error?.cause.contains("orders") == true)
        try world.pipeline("orders")
        try world.store.write { (transaction) throws(StoreError) in try transaction.deletePool("heavy") }
        world.end()
    }

    // MARK: The world

    private struct Gate {
        let begun = Signal<String>()
        let open = Signal<Bool>()
    }

    /// Two pipelines that write two files, each load of which waits for the gate.
    private func held(_ world: World, more: String = "") throws -> Gate {
        try world.order(1...3)
        try world.connection("other", "other.db")
        try world.pipeline("a", steps: [World.step("a", source: "orders")], more: more)
        try world.pipeline("b", steps: [World.step("b", to: "other", source: "orders")], more: more)
        return hold(world)
    }

    private func hold(_ world: World) -> Gate {
        let gate = Gate()
        world.loader.before { moment throws(Failure) in
            gate.begun.send(moment.request.pipeline)
            _ = gate.open.wait()
        }
        return gate
    }

    private func pool(_ slots: Int, _ world: World) throws {
        let text = PoolDefinition(name: "heavy", slots: slots).json.text()
        try world.store.write { (transaction) throws(StoreError) in
            _ = try transaction.putPool("heavy", definition: text)
        }
    }

    private func connection(most: Int?, _ world: World) throws {
        let limit = most.map { ",\"max_concurrent\":\($0)" } ?? ""
        let text = "{\"name\":\"shop\",\"type\":\"sqlite\",\"path\":\"shop.db\"\(limit)}"
        try world.store.write { (transaction) throws(StoreError) in
            _ = try transaction.putConnection("shop", definition: text)
        }
    }
}
