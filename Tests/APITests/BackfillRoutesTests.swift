import Model
import Platform
import SQLite
import Testing

@testable import API
@testable import Engine
@testable import HTTPServer

/// Backfills over the interface: from the dry run to the rollback.
struct BackfillRoutesTests {
    private let backfills = "/v1/backfills"
    private let morning = "pipeline: orders, interval: hour, start: '2024-01-01T02:00:00Z', end: '2024-01-01T06:00:00Z'"

    /// A pipeline that has loaded its ten orders, an hour apart; afterwards all of the shop's are changed.
    private func spoilt() throws -> World {
        let world = try World()
        try world.putOrders()
        #expect(world.load()["state"] == "success")
        try world.database("shop.db") { try $0.execute("UPDATE orders SET total = -1") }
        return world
    }

    private func mended(_ world: World) throws -> [Int64] {
        try world.database("warehouse.db") { db in
            try db.rows("SELECT id FROM orders WHERE total = -1 ORDER BY id").map { try $0.int("id") }
        }
    }

    private func backfill(_ world: World, _ more: String = "") -> Reading {
        world.ask(.post, backfills, ["Prefer": "wait=30"], body: "{\(morning)\(more)}")
    }

    // PAINS 37: what a backfill did can be looked up, partition by partition.
    @Test func reloadsARangeAndShowsWhatItDid() throws {
        let world = try spoilt()
        let answer = backfill(world, ", reason: 'totals were wrong'")
        #expect(answer.status == 200 && answer.json["state"] == "success", "\(answer.text)")
        let id = answer.json["id"]?.string ?? ""
        #expect(answer.header("Location") == "/v1/backfills/\(id)")
        #expect(answer.json["partitions"]?["success"] == 4 && answer.json["partitions"]?["total"] == 4)
        #expect(answer.json["rows_read"] == 4 && answer.json["rows_updated"] == 4 && answer.json["rows_written"] == 4)
        #expect(answer.json["progress"] == .number(1) && answer.json["reason"] == "totals were wrong")
        #expect(answer.json["start"] == "2024-01-01T02:00:00Z" && answer.json["interval"] == "hour")
        #expect(try mended(world) == [2, 3, 4, 5])
        #expect(world.ask(.get, "/v1/backfills/\(id)").json == answer.json)
        #expect(
            world.ask(.get, "/v1/backfills?pipeline=orders&state=success").json["backfills"] == .array([answer.json]))
        #expect(world.ask(.get, "/v1/backfills?state=failed").json["backfills"] == .array([]))
        let page = world.ask(.get, "/v1/backfills/\(id)/partitions?limit=3").json
        #expect(page["partitions"]?.array?.map { $0["number"] } == [1, 2, 3])
        #expect(page["partitions"]?[0]?["rows_updated"] == 1 && page["partitions"]?[0]?["attempt"] == 1)
        let next = world.ask(.get, "/v1/backfills/\(id)/partitions?limit=3&cursor=\(page["next_cursor"]?.string ?? "")")
        #expect(next.json["partitions"]?.array?.map { $0["start"] } == ["2024-01-01T05:00:00Z"])
        #expect(world.ask(.get, "/v1/backfills/\(id)/partitions?state=failed").json["partitions"] == .array([]))
        #expect(world.ask(.get, "/v1/runs").json["runs"]?.array?.count == 1)
    }

    // PAINS 44: what is reloaded is staged, compared with the source, and only then published.
    @Test func stagesARangeShowsHowItReconcilesAndPublishesIt() throws {
        let world = try spoilt()
        let answer = backfill(world, ", mode: staged")
        #expect(answer.status == 200 && answer.json["state"] == "awaiting_publish", "\(answer.text)")
        #expect(answer.json["reconciliation"]?["reconciled"] == true)
        #expect(answer.json["reconciliation"]?["source_rows"] == 4 && answer.json["rows_written"] == 0)
        let path = "/v1/backfills/\(answer.json["id"]?.string ?? "")"
        let partition = world.ask(.get, path + "/partitions?limit=1").json["partitions"]?[0]
        #expect(partition?["reconciliation"]?["shadow_rows"] == 1)
        #expect(partition?["reconciliation"]?["sums"]?[1]?["source"] == -1, "\(partition?.text() ?? "")")
        #expect(try mended(world) == [])
        let trial = world.ask(.post, path + "/publish?dry_run=true")
        #expect(trial.status == 200 && trial.json["publish"]?["rows_updated"] == 4, "\(trial.text)")
        #expect(trial.json["backfill"]?["state"] == "awaiting_publish")
        #expect(try mended(world) == [])
        let done = world.ask(.post, path + "/publish")
        #expect(done.status == 200 && done.json["backfill"]?["state"] == "success", "\(done.text)")
        #expect(done.json["backfill"]?["rows_written"] == 4 && done.json["backfill"]?["published_at"] != .null)
        #expect(try mended(world) == [2, 3, 4, 5])
        #expect(world.ask(.post, path + "/publish").json["publish"] == done.json["publish"])
        #expect(world.ask(.post, path + "/cancel").status == 409)
        #expect(world.ask(.post, path + "/rollback").status == 200)
        #expect(try mended(world) == [])
        let itself = backfill(world, ", mode: staged, auto_publish: true, reprocess: completed")
        #expect(itself.json["state"] == "success" && itself.json["rows_updated"] == 4, "\(itself.text)")
        #expect(world.ask(.post, "/v1/backfills/nothing/publish").status == 404)
    }

    @Test func aDryRunSaysWhatItWouldTakeAndChangesNothing() throws {
        let world = try spoilt()
        try world.database("shop.db") { try $0.execute("INSERT INTO orders VALUES (11, 1, NULL)") }
        let answer = world.ask(.post, backfills + "?dry_run=true", body: "{\(morning), order: desc}")
        #expect(answer.status == 200 && answer.json["dry_run"] == true, "\(answer.text)")
        #expect(answer.json["partition_count"] == 4 && answer.json["rows_expected"] == 4)
        #expect(answer.json["destination_rows"] == 4 && answer.json["skipped"] == 0)
        #expect(answer.json["first"]?["start"] == "2024-01-01T05:00:00Z" && answer.json["first"]?["rows_expected"] == 1)
        #expect(answer.json["last"]?["start"] == "2024-01-01T02:00:00Z" && answer.json["held_back"] == .array([]))
        #expect(answer.json["unplaced"]?["null"] == 1)
        #expect(answer.json["seconds_basis"]?.string != nil && (answer.json["bytes_expected"]?.integer ?? 0) > 0)
        #expect(world.ask(.get, backfills).json["backfills"] == .array([]))
        #expect(try mended(world).isEmpty)
        // An hour that was loaded is not loaded again.
        _ = world.ask(
            .post, backfills, ["Prefer": "wait=30"],
            body: "{pipeline: orders, interval: hour, start: '2024-01-01T02:00:00Z', end: '2024-01-01T03:00:00Z'}")
        let less = world.ask(.post, backfills + "?dry_run=true", body: "{\(morning)}").json
        #expect(less["partition_count"] == 3 && less["skipped"] == 1)
    }

    // PAINS 43, at three in the morning: the refusal says what to add.
    @Test func aSecondReloadIsRefusedWithWhatToAdd() throws {
        let world = try spoilt()
        let first = backfill(world)
        let refused = backfill(world)
        #expect(refused.status == 409 && refused.json["field"] == "reprocess", "\(refused.text)")
        #expect(refused.json["detail"]?.string?.contains(first.json["id"]?.string ?? "?") == true)
        #expect(refused.json["hint"]?.string?.contains("\"reprocess\": \"completed\"") == true)
        #expect(world.ask(.post, backfills + "?dry_run=true", body: "{\(morning)}").status == 409)
        let again = backfill(world, ", reprocess: completed")
        #expect(again.json["rows_unchanged"] == 4 && again.json["rows_written"] == 0)
    }

    @Test func isPausedResumedAndCancelled() throws {
        let loader = ScriptedLoader(clock: SystemClock())
        let gate = Signal<Bool>()
        loader.beforePartition { _, _ in _ = gate.wait() }
        let world = try World(loader: { _ in loader })
        try world.putOrders()
        #expect(world.load()["state"] == "success")
        let started = world.ask(.post, backfills, body: "{\(morning)}")
        #expect(started.status == 202 && started.json["partitions"]?["pending"] == 4, "\(started.text)")
        let path = started.header("Location") ?? ""
        let paused = world.ask(.post, path + "/pause")
        #expect(paused.status == 200 && paused.json["state"] == "paused", "\(paused.text)")
        #expect(world.ask(.post, path + "/rollback").status == 409)
        #expect(world.ask(.delete, "/v1/pipelines/orders").status == 409)
        let conflict = world.ask(.post, backfills, body: "{\(morning)}")
        #expect(conflict.status == 409 && conflict.json["detail"]?.string?.contains("paused") == true)
        gate.open()
        let resumed = world.ask(.post, path + "/resume", ["Prefer": "wait=30"])
        #expect(resumed.status == 200 && resumed.json["state"] == "success", "\(resumed.text)")
        for verb in ["pause", "resume", "cancel", "retry"] {
            let refused = world.ask(.post, path + "/" + verb)
            #expect(refused.status == 409 && refused.code == "conflict", "\(verb): \(refused.text)")
        }
    }

    @Test func rollsBackWhatItDid() throws {
        let world = try spoilt()
        let path = backfill(world).header("Location") ?? ""
        let trial = world.ask(.post, path + "/rollback?dry_run=true")
        #expect(trial.status == 200 && trial.json["rollback"]?[0]?["rows_reverted"] == 4, "\(trial.text)")
        #expect(try mended(world) == [2, 3, 4, 5])
        let mark = world.ask(.get, "/v1/pipelines/orders/watermarks/orders").json
        let done = world.ask(.post, path + "/rollback")
        #expect(done.json["backfill"]?["state"] == "rolled_back", "\(done.text)")
        #expect(try mended(world).isEmpty)
        #expect(world.ask(.get, "/v1/pipelines/orders/watermarks/orders").json == mark)
        #expect(backfill(world).json["state"] == "success")
    }

    @Test func anIdempotencyKeyStartsOneAndALimitRefusesAll() throws {
        let world = try spoilt()
        let headers: Headers = ["Prefer": "wait=30", "Idempotency-Key": "k"]
        let body = "{\(morning), max_rows_per_partition: 1}"
        let first = world.ask(.post, backfills, headers, body: body)
        #expect(first.json["rows_expected"] == 4 && first.json["progress"] == .number(1), "\(first.text)")
        let again = world.ask(.post, backfills, headers, body: body)
        #expect(again.json["id"] == first.json["id"] && again.header("Idempotency-Replayed") == "true")
        try world.database("shop.db") { try $0.execute("INSERT INTO orders VALUES (12, 1, '2024-01-01T09:30:00Z')") }
        let full = world.ask(
            .post, backfills,
            body:
                "{pipeline: orders, interval: hour, start: '2024-01-01', end: '2024-01-02', max_rows_per_partition: 1}")
        #expect(full.status == 422 && full.json["field"] == "max_rows_per_partition", "\(full.text)")
        #expect(
            full.json["detail"]?.string?.contains("[2024-01-01T09:00:00Z, 2024-01-01T10:00:00Z) has 2 rows") == true)
    }

    @Test(arguments: [
        ("{}", 422, "pipeline"), ("{pipeline: orders}", 422, "start"),
        ("{pipeline: nothing, start: '2024-01-01', end: '2024-01-02'}", 422, "pipeline"),
        ("{pipeline: orders, step: nothing, start: '2024-01-01', end: '2024-01-02'}", 422, "step"),
        ("{pipeline: orders, start: '2024-01-02', end: '2024-01-01'}", 422, "end"),
        ("{pipeline: orders, start: soon, end: '2024-01-01'}", 422, "start"),
        ("{pipeline: orders, start: '2024-01-01', end: '2024-01-02', column: colour}", 422, nil),
        ("{pipeline: orders, start: '2024-01-01', end: '2024-01-02', colum: id}", 422, "colum"),
        ("{pipeline: orders, start: '2024-01-01', end: '2024-01-02', interval: fortnight}", 422, "interval"),
        ("{pipeline: orders, start: '2024-01-01', end: '2024-01-02', timezone: Mars/Olympus}", 422, "timezone"),
        ("{pipeline: orders, start: '2024-01-01', end: '2024-01-02', parallelism: 99}", 422, "parallelism"),
        ("{pipeline: orders, start: '2024-01-01', end: '2024-01-02', order: up}", 422, "order"),
        ("{pipeline: orders, start: '2024-01-01', end: '2024-01-02', mode: beside}", 422, "mode"),
        ("{pipeline: orders, start: '2024-01-01', end: '2024-01-02', auto_publish: true}", 422, "auto_publish"),
        ("{pipeline: orders, range: all}", 422, "range"),
        ("{pipeline: orders, start: '2000-01-01', end: '2024-01-02'}", 422, "max_partitions"),
    ])
    func saysWhatIsWrongAndChangesNothing(_ body: String, _ status: Int, _ field: String?) throws {
        let world = try World()
        try world.putOrders()
        #expect(world.load()["state"] == "success")
        for target in [backfills, backfills + "?dry_run=true"] {
            let answer = world.ask(.post, target, body: body)
            #expect(answer.status == status, "\(answer.text)")
            if let field { #expect(answer.json["field"]?.string == field, "\(answer.text)") }
        }
        #expect(world.ask(.get, backfills).json["backfills"] == .array([]))
        #expect(world.ask(.get, backfills + "/nothing").status == 404)
        #expect(world.ask(.get, backfills + "/nothing/partitions").status == 404)
        #expect(world.ask(.post, backfills + "/nothing/cancel").status == 404)
        #expect(world.ask(.get, backfills + "?state=faild").json["hint"] == "Did you mean `failed`?")
    }
}
