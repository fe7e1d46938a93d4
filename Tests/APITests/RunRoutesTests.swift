import Model
import Platform
import SQLite
import Testing

@testable import API
@testable import HTTPServer

/// Runs over the interface: started, listed, shown, cancelled, repeated.
struct RunRoutesTests {
    @Test func triggerAnswersAcceptedWithThePlaceOfTheRun() throws {
        let world = try World()
        try world.putOrders()
        let answer = world.ask(.post, "/v1/pipelines/orders/runs")
        #expect(answer.status == 202)
        let id = answer.json["id"]?.string ?? ""
        #expect(answer.header("Location") == "/v1/runs/\(id)")
        #expect(answer.header("Retry-After") == "1")
        let run = world.finished(id)
        #expect(run["state"] == "success")
        #expect(run["steps"]?[0]?["rows_inserted"] == 10)
        #expect(run["steps"]?[0]?["watermark_after"] == "2024-01-01T10:00:00Z")
    }

    @Test func aRunHasTheKeysOfTheDesignInTheirOrder() throws {
        let world = try World()
        try world.putOrders()
        let run = world.load()
        let design = [
            "id", "pipeline", "state", "trigger", "attempt", "created_at", "started_at", "finished_at",
            "duration_seconds", "error", "steps",
        ]
        #expect(run.keys.filter { design.contains($0) } == design)
        #expect(
            Set(run.keys).subtracting(design) == [
                "options", "scheduled_for", "ticks", "retry_at", "retry_of", "rolled_back_at", "progress",
                "waiting_for",
            ])
        let step = [
            "name", "state", "strategy", "watermark_before", "watermark_after", "rows_read", "rows_inserted",
            "rows_updated", "rows_unchanged", "rows_deleted", "checks", "warnings", "error",
        ]
        let keys = run["steps"]?[0]?.keys ?? []
        #expect(keys.filter { step.contains($0) } == step)
        #expect(
            Set(keys).subtracting(step)
                == [
                    "kind", "started_at", "finished_at", "duration_seconds", "window", "commits", "manifest",
                    "rows_quarantined",
                ])
        #expect(run["steps"]?[0]?["manifest"]?["commits"]?[0]?["bounds"]?["cursor"] == "updated_at")
        // A page of runs would be mostly manifests.
        #expect(world.ask(.get, "/v1/runs").json["runs"]?[0]?["steps"]?[0]?.keys == keys.dropLast())
    }

    @Test(arguments: [
        (#"{"steps": ["orders"], "full_refresh": true}"#, "application/x-www-form-urlencoded"),
        ("steps: [orders]\nfull_refresh: true\n", "application/yaml"),
        (#"{"steps": ["orders"], "full_refresh": true}"#, "application/json"),
    ])
    func takesTheOptionsAsPeopleSendThem(_ body: String, _ type: String) throws {
        let world = try World()
        try world.putOrders()
        let answer = world.ask(.post, "/v1/pipelines/orders/runs", ["Content-Type": type], body: body)
        #expect(answer.status == 202)
        #expect(
            answer.json["options"]
                == .object([
                    "steps": .array(["orders"]), "full_refresh": true, "allow_shrink": false,
                    "allow_stale_upstream": false, "priority": "normal",
                ]))
    }

    @Test func showsWhatBecameOfTheChecks() throws {
        let world = try World()
        try world.putOrders()
        let checks = """
            \n    checks:
                  - { type: range, column: total, min: 0, name: positive }
                  - { type: row_count, min: 1 }
            """
        #expect(world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline + checks).status == 200)
        let good = world.load()["steps"]?[0]
        #expect(good?["checks"]?.array?.map { $0["state"] } == ["passed", "passed"])
        try world.database("shop.db") {
            try $0.execute("UPDATE orders SET total = -1, updated_at = '2024-01-02T00:00:00Z' WHERE id IN (3, 5)")
        }
        let run = world.load()
        let bad = run["steps"]?[0]
        #expect(run["state"] == "failed")
        #expect(run["error"]?["code"] == "check_failed")
        #expect(run["error"]?["transient"] == false)
        #expect(bad?["checks"]?[0]?["name"] == "positive")
        #expect(bad?["checks"]?[0]?["count"] == 2)
        #expect(bad?["checks"]?[0]?["samples"] == .array([.object(["id": 3]), .object(["id": 5])]))
        #expect(bad?["window"] == .null)
        #expect(bad?["rows_inserted"] == 0)
        // Lists show them, too.
        #expect(world.ask(.get, "/v1/runs").json["runs"]?[0]?["steps"]?[0]?["checks"] == bad?["checks"])
        let aside = checks.replacing("name: positive", with: "name: positive, on_fail: quarantine")
        #expect(world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline + aside).status == 200)
        let step = world.load()["steps"]?[0]
        #expect(step?["state"] == "success")
        #expect(step?["rows_quarantined"] == 2)
        #expect(step?["warnings"]?[0]?["code"] == "rows_quarantined")
    }

    @Test func aFailedLoadOfManyCommitsTellsWhatWasCommitted() throws {
        let world = try World(orders: 8, rowsPerCommit: 2)
        try world.putOrders()
        let checks = "\n    checks: [{ type: range, column: total, max: 5, name: few }]"
        #expect(world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline + checks).status == 200)
        let run = world.load()
        let step = run["steps"]?[0]
        #expect(step?["state"] == "failed")
        #expect(step?["commits"] == 2)
        #expect(step?["rows_inserted"] == 4)
        #expect(step?["watermark_after"] == "2024-01-01T04:00:00Z")
        #expect(step?["manifest"]?["commits"]?.array?.count == 2)
        #expect(step?["manifest"]?["failed"]?["number"] == 3)
        #expect(run["error"]?["message"]?.string?.contains("the 2 before it stay (4 rows read") == true)
        // The watermark is the one that they left, and all of it can be rolled back.
        let mark = "/v1/pipelines/orders/watermarks/orders"
        #expect(world.ask(.get, mark).json["value"] == "2024-01-01T04:00:00Z")
        let back = world.ask(.post, "/v1/runs/\(run["id"]?.string ?? "")/rollback")
        #expect(back.json["rollback"]?[0]?["rows_removed"] == 4)
        #expect(world.ask(.get, mark).status == 404)
    }

    @Test func tellsAllThatIsWrongWithATrigger() throws {
        let world = try World()
        try world.putOrders()
        let answer = world.ask(
            .post, "/v1/pipelines/orders/runs", body: #"{"ful_refresh": true, "allow_shrink": "yes", "steps": "a"}"#)
        #expect(answer.status == 422)
        #expect(answer.header("Content-Type") == "application/problem+json")
        #expect(answer.json["hint"] == "Did you mean `full_refresh`?")
        let fields = answer.json["errors"]?.array?.map { $0["field"]?.string ?? "" }
        #expect(fields == ["ful_refresh", "steps", "allow_shrink"])
        #expect(answer.json["errors"]?[0]?["line"] == 1)
        #expect(answer.json["errors"]?[0]?["column"] == 2)
    }

    @Test(arguments: ["[]", "7", "a=b", "\"\"", "[[]]", "{x: 1}"])
    func aBodyOfAnotherShapeIsRefusedWhereverOneIsRead(_ body: String) throws {
        let world = try World()
        try world.putOrders()
        let id = world.load()["id"]?.string ?? ""
        for target in [
            "/v1/pipelines/orders/runs", "/v1/pipelines/orders/plan", "/v1/runs/\(id)/cancel", "/v1/runs/\(id)/retry",
            "/v1/connections/shop/test",
        ] {
            let answer = world.ask(.post, target, body: body)
            #expect(answer.status == 422, "\(target) \(answer.text)")
            #expect(answer.json["errors"]?[0]?["line"] == 1)
            #expect(answer.json["hint"] != nil)
        }
    }

    @Test func remembersWhetherTheCommandLineAsked() throws {
        let world = try World()
        try world.putOrders()
        for (headers, trigger) in [
            ([:], "api"), (["Strandline-Trigger": "cli"], "cli"), (["Strandline-Trigger": "api"], "api"),
        ] as [(Headers, String)] {
            let run = world.ask(.post, "/v1/pipelines/orders/runs", headers)
            #expect(run.json["trigger"]?.string == trigger)
            #expect(world.finished(run.json["id"]?.string ?? "")["trigger"]?.string == trigger)
        }
        let refused = world.ask(.post, "/v1/pipelines/orders/runs", ["Strandline-Trigger": "schedule"])
        #expect(refused.status == 400)
        #expect(refused.code == "invalid_header")
    }

    @Test func refusesUnknownPipelinesAndSteps() throws {
        let world = try World()
        try world.putOrders()
        #expect(world.ask(.post, "/v1/pipelines/nothing/runs").status == 404)
        let answer = world.ask(.post, "/v1/pipelines/orders/runs", body: #"{"steps": ["order"]}"#)
        #expect(answer.status == 422)
        #expect(answer.code == "unknown_step")
        #expect(answer.json["field"] == "steps[0]")
    }

    @Test func listsTheNewestFirstPageByPage() throws {
        let world = try World()
        try world.putOrders()
        let ids = (0..<5).map { _ in world.load()["id"]?.string ?? "" }
        var seen: [String] = []
        var target = "/v1/runs?limit=2"
        for _ in 0..<5 {
            let page = world.ask(.get, target).json
            seen += page["runs"]?.array?.compactMap { $0["id"]?.string } ?? []
            guard let next = page["next_cursor"]?.string else { break }
            target = "/v1/runs?limit=2&cursor=\(next)"
        }
        #expect(seen == ids.reversed())
    }

    @Test func filtersByPipelineStateAndTime() throws {
        let world = try World()
        try world.putOrders()
        let first = world.load()
        world.clock.advance(by: .seconds(60))
        let second = world.load()
        func ids(_ query: String) -> [JSONValue?] {
            world.ask(.get, "/v1/runs?\(query)").json["runs"]?.array?.map { $0["id"] } ?? []
        }
        #expect(ids("pipeline=orders") == [second["id"], first["id"]])
        #expect(ids("pipeline=other") == [])
        #expect(ids("state=success") == [second["id"], first["id"]])
        #expect(ids("state=failed") == [])
        #expect(ids("since=2024-04-01T00:00:30Z") == [second["id"]])
        #expect(ids("since=2024-04-01T02:00:30%2B02:00") == [second["id"]])
    }

    @Test(arguments: [
        ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("cursor=", "cursor"),
        ("cursor=%2F%2F", "cursor"), ("cursor=zzz", "cursor"), ("state=sucess", "state"), ("since=yesterday", "since"),
        ("stat=failed", "stat"),
        ("pipeline=A%20B", "pipeline"), ("limit=1&limit=2", "limit"), ("pretty=maybe", "pretty"),
    ])
    func aBadParameterIsNamed(_ query: String, _ field: String) throws {
        let world = try World()
        let answer = world.ask(.get, "/v1/runs?\(query)")
        #expect(answer.status == 400)
        #expect(answer.json["field"] == .string(field))
        #expect(answer.code == (field == "stat" ? "unknown_parameter" : "invalid_parameter"))
    }

    @Test func namesTheNearestParameterAndState() throws {
        let world = try World()
        #expect(world.ask(.get, "/v1/runs?stat=failed").json["hint"] == "Did you mean `state`?")
        #expect(world.ask(.get, "/v1/runs?state=sucess").json["hint"] == "Did you mean `success`?")
    }

    @Test func cancelsAQueuedRunAtOnceAndAnEndedOneNever() throws {
        let world = try World(isStarted: false)
        try world.putOrders()
        let id = world.ask(.post, "/v1/pipelines/orders/runs").json["id"]?.string ?? ""
        let answer = world.ask(.post, "/v1/runs/\(id)/cancel")
        #expect(answer.status == 200)
        #expect(answer.json["state"] == "cancelled")
        let again = world.ask(.post, "/v1/runs/\(id)/cancel")
        #expect(again.status == 409)
        #expect(again.code == "conflict")
        #expect(world.ask(.post, "/v1/runs/01hwq0v7x2c4m8k6j5t3r1n9pq/cancel").status == 404)
    }

    @Test func retriesWhatDidNotSucceed() throws {
        let world = try World()
        try world.putOrders()
        let good = world.load()["id"]?.string ?? ""
        #expect(world.ask(.post, "/v1/runs/\(good)/retry").status == 409)
        try world.database("shop.db") { try $0.execute("ALTER TABLE orders RENAME TO kept") }
        let bad = world.load()
        #expect(bad["state"] == "failed")
        #expect(bad["error"]?.keys == ["code", "message", "hint", "field", "transient"])
        #expect(bad["steps"]?[0]?["state"] == "failed")
        try world.database("shop.db") { try $0.execute("ALTER TABLE kept RENAME TO orders") }
        let answer = world.ask(.post, "/v1/runs/\(bad["id"]?.string ?? "")/retry")
        #expect(answer.status == 202)
        #expect(answer.json["trigger"] == "retry")
        #expect(answer.json["id"] != bad["id"])
        #expect(world.finished(answer.json["id"]?.string ?? "")["state"] == "success")
    }

    @Test func aFullQueueSaysWhenToComeBack() throws {
        let world = try World(queuedJobs: 1, isStarted: false)
        try world.putOrders()
        #expect(world.ask(.post, "/v1/pipelines/orders/runs").status == 202)
        let answer = world.ask(.post, "/v1/pipelines/orders/runs")
        #expect(answer.status == 429)
        #expect(answer.code == "queue_full")
        #expect(answer.header("Retry-After") == "1")
        // An edit waits in the same queue, and is told the same.
        let edit = world.ask(
            .put, "/v1/pipelines/orders/watermarks/orders", body: "{value: '2024-01-01T05:00:00Z'}")
        #expect(edit.status == 429)
        #expect(edit.code == "queue_full")
    }
}
