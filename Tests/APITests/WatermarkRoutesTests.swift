import Model
import SQLite
import Testing

@testable import API
@testable import HTTPServer

/// Watermarks over the interface: read, moved by a person, removed, and what is kept of that.
struct WatermarkRoutesTests {
    private let path = "/v1/pipelines/orders/watermarks/orders"

    private func loaded() throws -> World {
        let world = try World()
        try world.putOrders()
        #expect(world.load()["state"] == "success")
        return world
    }

    @Test func hasTheKeysOfTheDesignInTheirOrder() throws {
        let world = try loaded()
        let answer = world.ask(.get, path)
        #expect(answer.header("ETag") == "\"1\"")
        let design = ["pipeline", "step", "cursor", "value", "updated_at", "run", "version"]
        #expect(answer.json.keys.filter { design.contains($0) } == design)
        #expect(Set(answer.json.keys).subtracting(design) == ["reason", "verified_through", "verified_at"])
        #expect(answer.json["value"] == "2024-01-01T10:00:00Z")
        #expect(world.ask(.get, "/v1/watermarks").json["watermarks"] == .array([answer.json]))
        #expect(world.ask(.get, "/v1/pipelines/orders/watermarks").json["watermarks"] == .array([answer.json]))
    }

    @Test func aStepWithoutOneIsNotAMisspeltStep() throws {
        let world = try World()
        try world.putOrders()
        #expect(world.ask(.get, path).code == "not_found")
        let misspelt = world.ask(.get, "/v1/pipelines/orders/watermarks/order")
        #expect(misspelt.status == 404)
        #expect(misspelt.code == "unknown_step")
        #expect(misspelt.json["hint"] == "its steps are orders")
        #expect(world.ask(.get, path + "/history").json["watermarks"] == .array([]))
        #expect(world.ask(.get, "/v1/pipelines/orders/watermarks/order/history").code == "unknown_step")
        for answer in [
            world.ask(.put, "/v1/pipelines/orders/watermarks/order", body: "{value: '2024-01-01'}"),
            world.ask(.delete, "/v1/pipelines/orders/watermarks/order"),
            world.ask(.delete, "/v1/pipelines/orders/watermarks/order?dry_run"),
        ] {
            #expect(answer.status == 404)
            #expect(answer.code == "unknown_step")
            #expect(answer.json["field"] == nil)
        }
        #expect(world.ask(.get, "/v1/pipelines/other/watermarks").code == "unknown_pipeline")
    }

    @Test func putMovesItBackAndTheNextRunReadsAgain() throws {
        let world = try loaded()
        let answer = world.ask(
            .put, path, body: "{\"value\": \"2024-01-01T05:00:00Z\", \"reason\": \"corrected at the source\"}")
        #expect(answer.status == 200)
        #expect(answer.header("ETag") == "\"2\"")
        #expect(answer.json["run"] == .null)
        #expect(answer.json["reason"] == "corrected at the source")
        #expect(world.ask(.get, path).json == answer.json)
        // One hour of lookback: the orders 4 to 10.
        #expect(world.load()["steps"]?[0]?["rows_unchanged"] == 7)
    }

    @Test func aDryRunOnlySaysWhatWouldHappen() throws {
        let world = try loaded()
        let before = world.ask(.get, path).json
        let answer = world.ask(.put, path + "?dry_run=true", body: "{\"value\": \"2024-01-01T05:00:00Z\"}")
        #expect(answer.status == 200)
        #expect(
            answer.json.keys == ["pipeline", "step", "current", "proposed", "rows_to_read", "rows_skipped"])
        #expect(answer.json["rows_to_read"] == 7)
        #expect(answer.json["current"] == "2024-01-01T10:00:00Z")
        let removal = world.ask(.delete, path + "?dry_run")
        #expect(removal.status == 200)
        #expect(removal.json["rows_to_read"] == 10)
        #expect(removal.json["proposed"] == .null)
        #expect(world.ask(.get, path).json == before)
    }

    @Test func deleteRemovesItWithItsReason() throws {
        let world = try loaded()
        #expect(world.ask(.delete, path + "?reason=start%20over").status == 204)
        #expect(world.ask(.get, path).status == 404)
        #expect(world.ask(.delete, path).status == 404)
        let history = world.ask(.get, path + "/history").json["watermarks"]
        #expect(history?.array?.count == 2)
        #expect(history?[0]?["value"] == .null)
        #expect(history?[0]?["reason"] == "start over")
        #expect(history?[1]?["value"] == "2024-01-01T10:00:00Z")
    }

    @Test func aVersionOfAnEarlierLifeIsRefused() throws {
        let world = try loaded()
        #expect(world.ask(.delete, path).status == 204)
        #expect(world.load()["state"] == "success")
        #expect(world.ask(.get, path).header("ETag") == "\"3\"")
        let body = "{value: '2024-01-01T05:00:00Z'}"
        #expect(world.ask(.put, path, ["If-Match": "\"1\""], body: body).status == 412)
        let versions = world.ask(.get, path + "/history").json["watermarks"]?.array?.compactMap { $0["version"] }
        #expect(versions == [3, 2, 1])
        // Connections count on as well.
        #expect(world.ask(.delete, "/v1/pipelines/orders").status == 204)
        #expect(world.ask(.delete, "/v1/connections/shop").status == 204)
        let shop = world.ask(.put, "/v1/connections/shop", body: "{type: sqlite, path: shop.db}")
        #expect(shop.header("ETag") == "\"2\"")
    }

    @Test func aPipelineThatIsMadeAgainHasTheWatermarkOfItsDestination() throws {
        let world = try loaded()
        let before = world.ask(.get, path).json
        #expect(world.ask(.delete, "/v1/pipelines/orders").status == 204)
        #expect(world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline).status == 201)
        #expect(world.ask(.get, path).json == before)
        // It is mirrored again, and that was no change.
        #expect(world.ask(.get, "/v1/watermarks").json["watermarks"] == .array([before]))
        #expect(world.ask(.get, path + "/history").json["watermarks"]?.array?.count == 1)
    }

    @Test func aConnectionThatLeadsElsewhereShowsTheWatermarkThere() throws {
        let world = try loaded()
        let first = world.ask(.get, path).json
        func put(_ path: String) -> Int {
            world.ask(.put, "/v1/connections/warehouse", body: "{type: sqlite, path: \(path)}").status
        }
        #expect(put("other.db") == 200)
        #expect(world.ask(.get, path).code == "not_found")
        #expect(world.ask(.get, "/v1/watermarks").json["watermarks"] == .array([]))
        try world.order(11...11)
        #expect(world.load()["state"] == "success")
        #expect(world.ask(.get, path).json["value"] == "2024-01-01T11:00:00Z")
        #expect(put("warehouse.db") == 200)
        #expect(world.ask(.get, path).json == first)
    }

    @Test func aStepThatWritesElsewhereShowsTheWatermarkThere() throws {
        let world = try loaded()
        #expect(world.ask(.put, "/v1/connections/other", body: "{type: sqlite, path: other.db}").status == 201)
        let moved = World.ordersPipeline.replacing("connection: warehouse", with: "connection: other")
        #expect(world.ask(.put, "/v1/pipelines/orders", body: moved).status == 200)
        #expect(world.ask(.get, path).code == "not_found")
        #expect(world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline).status == 200)
        #expect(world.ask(.get, path).status == 200)
    }

    @Test func theHistoryHasPages() throws {
        let world = try loaded()
        for hour in 1...4 { _ = world.ask(.put, path, body: "{value: '2024-01-01T0\(hour):00:00Z'}") }
        var values: [JSONValue] = []
        var target = path + "/history?limit=2"
        for _ in 0..<5 {
            let page = world.ask(.get, target).json
            values += page["watermarks"]?.array?.compactMap { $0["version"] } ?? []
            guard let next = page["next_cursor"]?.string else { break }
            target = path + "/history?limit=2&cursor=\(next)"
        }
        #expect(values == [5, 4, 3, 2, 1])
    }

    @Test(arguments: [
        ("", 400, "missing_body"), ("{}", 422, "missing_key"), ("{value: null}", 422, "missing_key"),
        ("{value: [1]}", 422, "invalid_value"), ("{value: true}", 422, "invalid_value"),
        ("{value: soon}", 422, "invalid_value"), ("{valu: '2024-01-01'}", 422, "unknown_key"),
        ("{value: '2024-01-01', reason: 7}", 422, "invalid_value"),
    ])
    func aBadValueIsRefusedAndChangesNothing(_ body: String, _ status: Int, _ code: String) throws {
        let world = try loaded()
        let answer = world.ask(.put, path, body: body)
        #expect(answer.status == status)
        #expect(answer.code == code, "\(answer.text)")
        #expect(world.ask(.get, path).json["version"] == 1)
    }

    @Test func changesOnlyTheVersionThatWasSeen() throws {
        let world = try loaded()
        let body = "{value: '2024-01-01T05:00:00Z'}"
        #expect(world.ask(.put, path, ["If-Match": "\"9\""], body: body).status == 412)
        #expect(world.ask(.put, path, ["If-None-Match": "*"], body: body).status == 412)
        #expect(world.ask(.delete, path, ["If-Match": "W/\"1\""]).status == 412)
        #expect(world.ask(.get, path, ["If-None-Match": "\"1\""]).status == 304)
        #expect(world.ask(.put, path, ["If-Match": "\"1\""], body: body).status == 200)
        #expect(world.ask(.delete, path, ["If-Match": "\"1\""]).status == 412)
        #expect(world.ask(.delete, path, ["If-Match": "*"]).status == 204)
        #expect(world.ask(.put, path, ["If-Match": "*"], body: body).status == 412)
        #expect(world.ask(.put, path, ["If-None-Match": "*"], body: body).status == 200)
    }

    @Test func numbersStayExact() throws {
        let world = try World()
        try world.putOrders()
        let document = World.ordersPipeline.replacing("timestamp", with: "sequence")
            .replacing("cursor: updated_at", with: "cursor: id")
        _ = world.ask(.put, "/v1/pipelines/orders", body: document)
        try world.database("shop.db") { try $0.execute("UPDATE orders SET id = 9007199254740993 WHERE id = 10") }
        #expect(world.load()["steps"]?[0]?["watermark_after"] == 9_007_199_254_740_993)
        #expect(world.ask(.get, path).text.contains("\"value\":9007199254740993,"))
    }
}
