import Model
import Platform
import SQLite
import Testing

@testable import API
@testable import HTTPServer

/// Pipelines over the interface.
struct PipelineRoutesTests {
    private let path = "/v1/pipelines/orders"

    @Test func aPipelineIsItsDocumentAndWhatAPageNeeds() throws {
        let world = try World()
        try world.putOrders()
        let before = world.ask(.get, path)
        #expect(
            before.json.keys == [
                "name", "steps", "version", "created_at", "updated_at", "last_run", "watermarks", "schedule_status",
                "held_by", "upstreams", "freshness_status",
            ])
        #expect(before.json["last_run"] == .null)
        #expect(before.json["watermarks"] == .array([]))
        let run = world.load()
        let after = world.ask(.get, path).json
        #expect(after["last_run"] == world.ask(.get, "/v1/runs").json["runs"]?[0])
        #expect(after["last_run"]?["id"] == run["id"])
        #expect(after["watermarks"]?[0]?["value"] == "2024-01-01T10:00:00Z")
        #expect(world.ask(.get, "/v1/pipelines").json["pipelines"]?[0] == after)
    }

    // PAINS 53
    @Test func showsHowOldTheDataIsThatItRunsOn() throws {
        let world = try World()
        try world.putOrders()
        let report = World.ordersPipeline.replacing("name: orders", with: "name: report").replacing(
            "table: orders }\n    strategy", with: "table: report }\n    strategy")
        let place = "/v1/pipelines/report"
        #expect(world.ask(.put, place, body: report + "\nafter: [orders]").status == 201)
        let before = world.ask(.get, place).json["upstreams"]
        #expect(
            before
                == .array([
                    .object([
                        "pipeline": "orders", "step": "orders", "basis": "last_success", "since": .null, "stale": .null,
                    ])
                ]))
        world.load()
        #expect(world.ask(.put, place, body: report + "\nafter: [orders]\nmax_upstream_age: 2h").status == 200)
        let shown = world.ask(.get, "/v1/pipelines").json["pipelines"]?.array?.last
        #expect(
            shown?["upstreams"]
                == .array([
                    .object([
                        "pipeline": "orders", "step": "orders", "basis": "watermark", "since": "2024-01-01T10:00:00Z",
                        "stale": true,
                    ])
                ]))
        // The answer can be sent back as it is.
        let answer = world.ask(.get, place)
        #expect(world.ask(.put, place, body: answer.text).json["version"] == answer.json["version"])
        let run = world.ask(.post, place + "/runs")
        let ended = world.finished(run.json["id"]?.string ?? "")
        #expect(ended["state"] == "failed" && ended["error"]?["code"] == "upstream_stale")
        let allowed = world.ask(.post, place + "/runs", body: #"{"allow_stale_upstream": true}"#)
        #expect(allowed.json["options"]?["allow_stale_upstream"] == true)
        #expect(world.finished(allowed.json["id"]?.string ?? "")["state"] == "success")
    }

    // PAINS 62
    @Test func readsAreAnsweredWhileAnotherProgramHoldsTheControlDatabase() throws {
        let world = try World()
        try world.putOrders()
        let run = world.load()
        let other = try Connection(path: world.directory + "/state/control.db", access: .readWrite)
        defer { other.close() }
        try other.begin(.immediate)
        let lane = Lane(name: "client", capacity: 1)
        let started = Signal<Int>()
        _ = lane.submit { _ in started.send(world.ask(.post, "/v1/pipelines/orders/runs").status) }
        for target in [
            path, "/v1/pipelines", "/v1/runs", "/v1/runs/\(run["id"]?.string ?? "")", "/v1/watermarks", "/healthz",
            "/metrics",
        ] { #expect(world.ask(.get, target).status == 200, "\(target)") }
        #expect(started.values.isEmpty)
        try other.rollback()
        // It waited for its turn.
        #expect(started.wait() == 202)
        lane.stop()
    }

    @Test func theSameDocumentKeepsItsVersionInAnySpelling() throws {
        let world = try World()
        try world.putOrders()
        let answer = world.ask(.get, path)
        let back = world.ask(.put, path, body: answer.text)
        #expect(back.status == 200)
        #expect(back.json["version"] == 1)
        #expect(back.json["warnings"] == .array([]))
        let changed = world.ask(.put, path, body: World.ordersPipeline + "\n    lookback: 2h")
        #expect(changed.json["version"] == 2)
    }

    @Test func warnsOfWhatIsProbablyNotMeant() throws {
        let world = try World()
        try world.putOrders()
        let document = World.ordersPipeline.replacing("primary_key: [id]", with: "write_mode: append")
        let answer = world.ask(.put, path, body: document)
        #expect(answer.status == 200)
        #expect(answer.json["warnings"]?.array?.count == 1, "\(answer.text)")
    }

    @Test func everyUseOfAnUnknownConnectionIsNamedWithItsPlace() throws {
        let world = try World()
        let answer = world.ask(.put, path, body: World.ordersPipeline)
        #expect(answer.status == 422)
        #expect(answer.code == "unknown_connection")
        let errors = answer.json["errors"]
        #expect(
            errors?.array?.map { $0["field"] } == ["steps[0].source.connection", "steps[0].destination.connection"])
        #expect(errors?[0]?["line"] == 4)
        #expect(errors?[0]?["column"] == 27)
        #expect(errors?[1]?["line"] == 5)
        #expect(world.ask(.get, path).status == 404)
    }

    @Test func aPipelineRunsAfterOthersThatMustBeThere() throws {
        let world = try World()
        try world.putOrders()
        let report = World.ordersPipeline.replacing("name: orders", with: "name: report", maxReplacements: 1)
        let unknown = world.ask(.put, "/v1/pipelines/report", body: report + "\nafter: [order]")
        #expect(unknown.status == 422 && unknown.code == "unknown_pipeline" && unknown.json["field"] == "after")
        #expect(world.ask(.put, "/v1/pipelines/report", body: report + "\nafter: orders").status == 201)
        let circle = world.ask(.put, path, body: World.ordersPipeline + "\nafter: [report]")
        #expect(circle.status == 422 && circle.code == "dependency_cycle" && circle.json["field"] == "after")
        let used = world.ask(.delete, path)
        #expect(used.status == 409 && used.text.contains("report"))
    }

    @Test func allFaultsOfADocumentAreToldAtOnce() throws {
        let world = try World()
        try world.putOrders()
        let answer = world.ask(
            .put, path,
            body: """
                name: orders
                descripton: x
                steps:
                  - name: orders
                    source: { connection: shop, table: orders }
                    destination: { connection: warehouse }
                    strategy: timestamp
                """)
        #expect(answer.status == 422)
        let fields = answer.json["errors"]?.array?.compactMap { $0["field"]?.string } ?? []
        #expect(Set(fields) == ["descripton", "steps[0].destination.table", "steps[0].cursor"], "\(answer.text)")
        #expect(answer.json["request_id"] == "r-1")
        #expect(world.ask(.get, path).json["version"] == 1)
    }

    @Test func aSyntaxErrorHasLineAndColumn() throws {
        let world = try World()
        let answer = world.ask(.put, path, body: "{\n  \"name\": \"orders\",\n  \"steps\" []\n}")
        #expect(answer.status == 400)
        #expect(answer.code == "malformed_document")
        #expect(answer.json["errors"]?[0]?["line"] == 3)
    }

    @Test func planTellsWithoutDoing() throws {
        let world = try World()
        try world.putOrders()
        let plan = world.ask(.post, path + "/plan")
        #expect(plan.status == 200)
        let step = plan.json["steps"]?[0]
        #expect(step?["rows"] == 10)
        #expect(step?["creates_destination"] == true)
        #expect(step?["to"] == "2024-01-01T10:00:00Z")
        #expect(step?["full_scans"] == .array(["orders"]))
        let tables = try world.database("warehouse.db") { try $0.rows("SELECT 1 FROM sqlite_schema").count }
        #expect(tables == 0)
        let refresh = world.ask(.post, path + "/plan", body: "{\"full_refresh\": true, \"steps\": [\"orders\"]}")
        #expect(refresh.status == 200)
        #expect(world.ask(.post, "/v1/pipelines/none/plan").status == 404)
        #expect(world.ask(.get, "/v1/runs").json["runs"] == .array([]))
    }

    @Test func planSaysWhatTheSourceLacks() throws {
        let world = try World()
        try world.putOrders()
        _ = world.ask(.put, path, body: World.ordersPipeline.replacing("table: orders }", with: "table: order }"))
        let answer = world.ask(.post, path + "/plan")
        #expect(answer.status == 422)
        #expect(answer.code == "unknown_table", "\(answer.text)")
    }

    @Test func deleteKeepsTheRunsAndIsRefusedDuringOne() throws {
        let world = try World(isStarted: false)
        try world.putOrders()
        let id = world.ask(.post, path + "/runs").json["id"]?.string ?? ""
        let refused = world.ask(.delete, path)
        #expect(refused.status == 409)
        #expect(refused.json["detail"]?.string?.contains(id) == true)
        _ = world.ask(.post, "/v1/runs/\(id)/cancel")
        #expect(world.ask(.delete, path).status == 204)
        #expect(world.ask(.get, path).status == 404)
        #expect(world.ask(.get, "/v1/runs?pipeline=orders").json["runs"]?.array?.count == 1)
    }

    @Test func aNewPipelineOfAnOldNameHasANewVersion() throws {
        let world = try World()
        try world.putOrders()
        #expect(world.ask(.delete, path).status == 204)
        let again = world.ask(.put, path, body: World.ordersPipeline)
        #expect(again.status == 201)
        #expect(again.json["version"] == 2)
    }
}
