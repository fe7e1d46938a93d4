import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

struct InspectionTests {
    @Test func plansWithoutChangingAnything() throws {
        let world = try World()
        try world.order(1...10)
        try world.pipeline("orders", steps: [World.step("b", after: ["a"]), World.step("a")])
        try world.engine.start()
        let plans = try wait { world.engine.plan("orders", completion: $0) }
        #expect(plans.map(\.step) == ["a", "b"])
        #expect(plans.map(\.rows) == [10, 10])
        #expect(try world.rows("a") == nil)
        let one = try wait { world.engine.plan("orders", options: RunOptions(steps: ["b"]), completion: $0) }
        #expect(one.map(\.step) == ["b"])
        let failure = #expect(throws: Failure.self) { try wait { world.engine.plan("nothing", completion: $0) } }
        #expect(failure?.code == .unknownPipeline)
        world.end()
    }

    @Test func listsTheTablesOfAConnection() throws {
        let world = try World()
        let tables = try wait { world.engine.testConnection("shop", completion: $0) }
        #expect(tables.map(\.name) == ["orders"])
        for (name, code) in [("warehouse", Failure.Code.missingFile), ("nothing", .unknownConnection)] {
            let failure = #expect(throws: Failure.self) {
                try wait { world.engine.testConnection(name, completion: $0) }
            }
            #expect(failure?.code == code)
        }
        world.end()
    }

    @Test func showsNoSecretOfAConnection() throws {
        let world = try World(environment: ["STRANDLINE_TEST_NAME": "hushhush"])
        try world.order(1...3)
        try world.connection("shop", "${STRANDLINE_TEST_NAME}.db")
        try world.pipeline("orders")
        try world.engine.start()
        let run = try world.run("orders")
        let plan = #expect(throws: Failure.self) { try wait { world.engine.plan("orders", completion: $0) } }
        let test = #expect(throws: Failure.self) { try wait { world.engine.testConnection("shop", completion: $0) } }
        for failure in [run.error, run.steps.first?.error, plan, test] {
            let failure = try #require(failure)
            #expect(!"\(failure)".contains("hushhush"), "\(failure)")
            #expect("\(failure)".contains("STRANDLINE_TEST_NAME"))
        }
        #expect(!world.log.values.contains { $0.contains("hushhush") })
        world.end()
    }

    @Test func setsAWatermarkInTheDestinationAndMirrorsIt() throws {
        let world = try World()
        try world.order(1...10)
        try world.pipeline("orders")
        try world.engine.start()
        _ = try world.run("orders")
        let value = CursorValue.text(World.start.adding(.seconds(5 - 100_000)).rfc3339)
        var change = WatermarkChange(pipeline: "orders", step: "orders", value: value, reason: "again", ifVersion: 9)
        #expect(refusal(world, change)?.code == .preconditionFailed)
        change.ifVersion = 1
        let preview = try wait { world.engine.previewWatermark(change, completion: $0) }
        #expect(preview.proposed == value)
        #expect(preview.rowsToRead == 10)
        let set = try wait { world.engine.changeWatermark(change, completion: $0) }
        #expect(set?.value == value)
        #expect(set?.version == 2)
        #expect(try mirrored(world) == set)
        #expect(try world.run("orders").steps.first?.result?.watermarkBefore == value)
        world.end()
    }

    @Test func removesAWatermark() throws {
        let world = try World()
        try world.order(1...10)
        try world.pipeline("orders")
        try world.engine.start()
        let change = WatermarkChange(pipeline: "orders", step: "orders", value: nil, reason: "from the beginning")
        #expect(refusal(world, change)?.code == .notFound)
        _ = try world.run("orders")
        #expect(try wait { world.engine.changeWatermark(change, completion: $0) } == nil)
        #expect(try mirrored(world) == nil)
        #expect(refusal(world, change)?.code == .notFound)
        world.end()
    }

    @Test func aWatermarkIsNotSetWhileALoadWrites() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline("orders")
        try world.engine.start()
        let begun = Signal<Bool>()
        let gate = Signal<Bool>()
        world.loader.before { _ throws(Failure) in
            begun.open()
            _ = gate.wait()
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        let change = WatermarkChange(pipeline: "orders", step: "orders", value: .text("2024-01-01"), reason: "why")
        let outcome = Signal<Result<Watermark?, Failure>>()
        world.engine.changeWatermark(change) { outcome.send($0) }
        world.advance(by: Limits.editWaitTime)
        guard case .failure(let failure) = outcome.wait() else { return #expect(Bool(false)) }
        #expect(failure.code == .conflict)
        #expect(failure.message.contains(run.id))
        world.engine.changeWatermark(change) { outcome.send($0) }
        gate.open()
        _ = try world.finish(run)
        guard case .success(let watermark) = outcome.wait(2).last else { return #expect(Bool(false)) }
        #expect(watermark?.reason == "why")
        world.end()
    }

    @Test func anEditThatWaitsIsRefusedWhenTheServerStops() throws {
        let world = try World()
        try world.pipeline("orders")
        let outcome = Signal<Result<Watermark?, Failure>>()
        let change = WatermarkChange(pipeline: "orders", step: "orders", value: .text("2024-01-01"), reason: "why")
        world.engine.changeWatermark(change) { outcome.send($0) }
        world.end()
        world.engine.changeWatermark(change) { outcome.send($0) }
        #expect(outcome.values.count == 2)
        for value in outcome.values {
            guard case .failure = value else { return #expect(Bool(false)) }
        }
    }

    private func refusal(_ world: World, _ change: WatermarkChange) -> Failure? {
        #expect(throws: Failure.self) { try wait { world.engine.changeWatermark(change, completion: $0) } }
    }

    private func mirrored(_ world: World) throws -> Watermark? {
        try world.store.read { (session) throws(StoreError) in try session.watermark("orders", "orders") }
    }
}
