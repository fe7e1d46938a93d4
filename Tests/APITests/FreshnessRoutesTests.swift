import Engine
import Model
import Platform
import SQLite
import Store
import Testing

@testable import API
@testable import HTTPServer

/// Freshness over the interface.
struct FreshnessRoutesTests {
    private static let limits = "\nfreshness: { warn_after: 1d, error_after: 100d }"

    /// A world whose newest order is of 2024-01-01T10:00:00Z; its clock shows 2024-04-01.
    private func world(_ limits: String = FreshnessRoutesTests.limits) throws -> World {
        let world = try World()
        try world.putOrders()
        #expect(world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline + limits).status == 200)
        return world
    }

    // PAINS 50: both clocks, and which one it is judged by.
    @Test func tellsBothClocksAndItsReason() throws {
        let world = try world()
        #expect(world.load()["state"] == "success")
        world.clock.advance(by: .milliseconds(1_500))
        let one = world.ask(.get, "/v1/freshness/orders").json
        #expect(one["status"] == "warn" && one["since"] == "2024-01-02T10:00:00Z" && one["basis"] == "watermark")
        #expect(one["watermark"] == "2024-01-01T10:00:00Z" && one["watermark_at"] == one["watermark"])
        // 90 days and 14 hours.
        #expect(one["lag_seconds"] == .number(7_826_401.5) && one["watermark_lag_seconds"] == one["lag_seconds"])
        #expect(one["success_lag_seconds"] == .number(1.5) && one["last_success_at"] == "2024-04-01T00:00:00Z")
        #expect(one["warn_after_seconds"] == 86_400 && one["error_after_seconds"] == 8_640_000)
        #expect(one["last_run_state"] == "success" && one["checked_at"] == "2024-04-01T00:00:01.500Z")
        #expect(one["reason"]?.string?.hasPrefix("no rows newer than 2024-01-01T10:00:00Z are loaded; ") == true)
        let step = one["steps"]?[0]
        #expect(step?["name"] == "orders" && step?["kind"] == "load" && step?["status"] == "warn")
        #expect(step?["lag_seconds"] == one["lag_seconds"])

        let list = world.ask(.get, "/v1/freshness").json
        #expect(list.keys == ["status", "checked_at", "counts", "pipelines"])
        #expect(list["status"] == "warn" && list["counts"]?["warn"] == 1 && list["counts"]?["fresh"] == 0)
        let row = try #require(list["pipelines"]?[0])
        for key in row.keys { #expect(row[key] == one[key], "\(key)") }
        #expect(world.ask(.get, "/v1/pipelines/orders").json["freshness_status"] == row)
        #expect(world.ask(.get, "/v1/freshness?pretty").json == list)
        #expect(world.ask(.get, "/v1/freshness?pretty").text.contains("\n  \"status\""))
    }

    @Test func failsWhereAMonitorAsksForIt() throws {
        let world = try world()
        #expect(world.load()["state"] == "success")
        _ = world.ask(
            .put, "/v1/pipelines/other", body: World.ordersPipeline.replacing("name: orders", with: "name: other"))
        for (query, status) in [
            ("", 200), ("?fail_on=stale", 200), ("?fail_on=warn", 503), ("?fail_on=warn&prefix=ot", 200),
            ("?fail_on=warn&status=stale", 200), ("?fail_on=warn&status=stale&status=warn", 503),
            ("?fail_on=late", 400), ("?status=late", 400), ("?fail_on", 400),
        ] { #expect(world.ask(.get, "/v1/freshness\(query)").status == status, "\(query)") }
        let failed = world.ask(.get, "/v1/freshness?fail_on=warn")
        #expect(failed.header("Content-Type") == "application/json" && failed.json["status"] == "warn")
        #expect(failed.json["pipelines"]?.array?.count == 2)
        #expect(world.ask(.get, "/v1/freshness?prefix=ot").json["status"] == "unknown")
        #expect(world.ask(.get, "/v1/freshness/orders?fail_on=warn").status == 503)
        #expect(world.ask(.get, "/v1/freshness/other?fail_on=warn").status == 200)
        #expect(world.ask(.get, "/v1/freshness/nothing").code == "unknown_pipeline")
        world.clock.advance(by: .seconds(10 * 86_400))
        #expect(world.ask(.get, "/v1/freshness?fail_on=stale").status == 503)
        // What has limits and cannot be judged does not look fine.
        let empty = World.ordersPipeline.replacing("name: orders", with: "name: empty")
            .replacing("table: orders", with: "table: nothing")
        #expect(world.ask(.put, "/v1/pipelines/empty", body: empty + FreshnessRoutesTests.limits).status == 201)
        #expect(world.ask(.get, "/v1/freshness/empty").json["status"] == "unknown")
        #expect(world.ask(.get, "/v1/freshness/empty?fail_on=stale").status == 200)
        #expect(world.ask(.get, "/v1/freshness/empty?fail_on=warn").status == 503)
    }

    // PAINS 51: a load that is cut into commits and does not come to its end has not succeeded.
    @Test func aLoadThatStopsHalfWayMovesItsWatermarkAlone() throws {
        let world = try World(orders: 9, rowsPerCommit: 3)
        try world.putOrders()
        try world.database("shop.db") { try $0.execute("UPDATE orders SET total = NULL WHERE id = 8") }
        let checked = World.ordersPipeline + "\n    checks: [{ type: not_null, columns: [total] }]"
        #expect(world.ask(.put, "/v1/pipelines/orders", body: checked + FreshnessRoutesTests.limits).status == 200)
        #expect(world.load()["state"] == "failed")
        let half = world.ask(.get, "/v1/freshness/orders").json
        #expect(half["watermark"] == "2024-01-01T06:00:00Z", "\(half.text(pretty: true))")
        #expect(half["last_success_at"] == .null && half["last_change_at"] == .null)
        #expect(half["last_attempt_at"] == "2024-04-01T00:00:00Z" && half["last_run_state"] == "failed")
        try world.database("shop.db") { try $0.execute("UPDATE orders SET total = 1 WHERE id = 8") }
        #expect(world.load()["state"] == "success")
        let whole = world.ask(.get, "/v1/freshness/orders").json
        #expect(whole["last_success_at"] == "2024-04-01T00:00:00Z" && whole["watermark"] == "2024-01-01T09:00:00Z")
    }

    // PAINS 52: neither the source, nor the destination, nor the control database is asked.
    @Test func answersFromMemoryAlone() throws {
        let world = try world()
        #expect(world.load()["state"] == "success")
        world.engine.stop(within: .seconds(5))
        world.store.close()
        world.clock.advance(by: .seconds(10 * 86_400))
        #expect(world.ask(.get, "/v1/freshness").json["pipelines"]?[0]?["status"] == "stale")
        #expect(world.ask(.get, "/v1/freshness/orders").json["since"] == "2024-04-10T10:00:00Z")
        #expect(world.ask(.get, "/v1/freshness/orders/badge.svg").text.contains(">stale<"))
    }

    @Test func followsEditsAndRemovals() throws {
        let world = try world()
        #expect(world.load()["state"] == "success")
        #expect(world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline).status == 200)
        #expect(world.ask(.get, "/v1/freshness/orders").json["has_limits"] == false)
        let tight = World.ordersPipeline + "\nfreshness: { error_after: 1h }"
        #expect(world.ask(.put, "/v1/pipelines/orders", body: tight).json["freshness_status"]?["status"] == "stale")
        let mark = "/v1/pipelines/orders/watermarks/orders"
        #expect(world.ask(.put, mark, body: "{value: '2024-03-31T23:30:00Z', reason: x}").status == 200)
        #expect(world.ask(.get, "/v1/freshness/orders").json["status"] == "fresh")
        // Another file: what was loaded before is not there.
        #expect(world.ask(.put, "/v1/connections/warehouse", body: "{type: sqlite, path: other.db}").status == 200)
        let moved = world.ask(.get, "/v1/freshness/orders").json
        #expect(moved["status"] == "unknown" && moved["watermark"] == .null && moved["last_success_at"] == .null)
        #expect(world.ask(.delete, "/v1/pipelines/orders").status == 204)
        #expect(world.ask(.get, "/v1/freshness/orders").status == 404)
        #expect(world.ask(.get, "/v1/freshness").json["pipelines"] == .array([]))
    }

    @Test func theTagOfAPipelineStaysWhileOnlyAgesPass() throws {
        let world = try world()
        #expect(world.load()["state"] == "success")
        let before = world.ask(.get, "/v1/pipelines/orders")
        world.clock.advance(by: .seconds(60))
        let tag = before.header("ETag") ?? ""
        #expect(world.ask(.get, "/v1/pipelines/orders", ["If-None-Match": tag]).status == 304)
        #expect(world.ask(.get, "/v1/pipelines/orders").json != before.json)
        world.clock.advance(by: .seconds(10 * 86_400))
        #expect(world.ask(.get, "/v1/pipelines/orders", ["If-None-Match": tag]).status == 200)
    }

    @Test func theBadgeIsASmallPictureOfItsOwn() throws {
        let world = try world()
        let badge = world.ask(.get, "/v1/freshness/orders/badge.svg")
        #expect(badge.header("Content-Type") == "image/svg+xml" && badge.header("Cache-Control") == "no-store")
        #expect(badge.text.hasPrefix("<svg ") && badge.text.contains(">orders<") && badge.text.contains(">unknown<"))
        #expect(!badge.text.contains("href") && badge.text.utf8.count < 1_500)
        #expect(world.ask(.get, "/v1/freshness/nothing/badge.svg").status == 404)
        #expect(world.ask(.get, "/v1/freshness/%3Cscript%3E/badge.svg").status == 404)
    }
}
