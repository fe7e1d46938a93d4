import Loading
import Model
import Platform
import SQLite
import Testing

@testable import Engine

/// Steps that run statements, among the loads of a pipeline.
struct SQLStepRunTests {
    // PAINS 61
    @Test func statementsSeeTheRunsWindowAndTheWatermarkOfTheirLoad() throws {
        let world = try World()
        try world.order(1...3)
        try world.database("warehouse.db") { try $0.execute("CREATE TABLE seen (s, e, w, r, n)") }
        let sql = "INSERT INTO seen SELECT :window_start, :window_end, :watermark, :run, count(*) FROM orders"
        try world.pipeline("p", steps: [World.statements("daily", sql, after: ["orders"]), World.step("orders")])
        try world.engine.start()
        let first = try world.run("p")
        #expect(first.state == .success && first.steps.map(\.name) == ["orders", "daily"])
        #expect(first.steps.map(\.strategy) == [.timestamp, nil] && first.steps.map(\.kind) == [.load, .sql])
        #expect(first.steps.last?.result?.counts == RowCounts(inserted: 1))
        world.advance(by: .seconds(60))
        try world.order(4...5)
        let second = try world.run("p")
        let rows = try world.database("warehouse.db") { db in
            try db.rows("SELECT ifnull(s, '-') || ' ' || e || ' ' || w || ' ' || r || ' ' || n FROM seen")
                .map { $0[0].string }
        }
        let marks = [first, second].map { $0.steps[0].result?.watermarkAfter?.display ?? "" }
        #expect(
            rows == [
                "- 2024-04-01T00:00:00Z \(marks[0]) \(first.id) 3",
                "2024-04-01T00:00:00Z 2024-04-01T00:01:00Z \(marks[1]) \(second.id) 5",
            ])
        world.end()
    }

    @Test func whatIsAboutLoadsRefusesThem() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline(
            "p", steps: [World.step("orders"), World.statements("daily", "SELECT 1", after: ["orders"])])
        try world.engine.start()
        #expect(try world.run("p").state == .success)
        func refusal<Value: Sendable>(
            _ start: (@escaping @Sendable (Result<Value, Failure>) -> Void) -> Void
        ) -> Failure? {
            do {
                _ = try wait(start)
                return nil
            } catch {
                return error as? Failure
            }
        }
        let refusals = [
            refusal { world.engine.findWatermark("p", step: "daily", completion: $0) },
            refusal { world.engine.startAudit(AuditRequest(pipeline: "p", step: "daily"), completion: $0) },
            refusal { done in
                let request = BackfillRequest(pipeline: "p", step: "daily", start: "2024-01-01", end: "2024-01-02")
                world.engine.startBackfill(request, completion: done)
            },
        ]
        for failure in refusals {
            #expect(failure?.code == .unsupported && failure?.hint.contains("orders") == true)
        }
        // Where nothing is named, the only load is meant.
        let audit = try wait { world.engine.startAudit(AuditRequest(pipeline: "p"), completion: $0) }
        #expect(audit.step == "orders")
        world.end()
    }

    @Test func aRollbackLeavesThemAndSaysSo() throws {
        let world = try World()
        try world.order(1...3)
        let sql = "CREATE TABLE IF NOT EXISTS seen (n); INSERT INTO seen SELECT count(*) FROM orders"
        try world.pipeline("p", steps: [World.step("orders"), World.statements("daily", sql, after: ["orders"])])
        try world.pipeline("q", steps: [World.statements("only", sql)])
        try world.engine.start()
        let run = try world.run("p")
        let done = try wait { world.engine.rollback(run.id, isTrial: false, completion: $0) }
        #expect(done.steps.map(\.step) == ["orders", "daily"] && done.steps.map { $0.note == nil } == [true, false])
        #expect(try world.rows("seen") == 1)
        #expect(try wait { world.engine.rollback(run.id, isTrial: false, completion: $0) }.steps.isEmpty)
        try world.database("warehouse.db") { try $0.execute("CREATE TABLE IF NOT EXISTS orders (id)") }
        let other = try world.run("q")
        let failure = #expect(throws: Failure.self) {
            try wait { world.engine.rollback(other.id, isTrial: false, completion: $0) }
        }
        #expect(failure?.code == .undoMissing)
        world.end()
    }

    @Test func aPlanShowsThem() throws {
        let world = try World()
        try world.order(1...3)
        try world.pipeline(
            "p", steps: [World.step("orders"), World.statements("daily", "SELECT :run", after: ["orders"])])
        try world.engine.start()
        _ = try world.run("p")
        let plans = try wait { world.engine.plan("p", completion: $0) }
        #expect(plans.map(\.step) == ["orders", "daily"] && plans[1].statements == ["SELECT :run"])
        #expect(plans[1].to == .text(Array("2024-04-01T00:00:00Z".utf8)))
        world.end()
    }
}
