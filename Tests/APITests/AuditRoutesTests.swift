import Model
import SQLite
import Testing

@testable import API
@testable import HTTPServer

/// Audits over the interface: started, waited for, shown, and what they leave on the watermark.
struct AuditRoutesTests {
    private let audits = "/v1/pipelines/orders/audits"
    private let mark = "/v1/pipelines/orders/watermarks/orders"

    private func loaded() throws -> World {
        let world = try World()
        try world.putOrders()
        #expect(world.load()["state"] == "success")
        return world
    }

    private func audit(_ world: World, _ body: String = "") -> Reading {
        world.ask(.post, audits, ["Prefer": "wait=30"], body: body)
    }

    /// PAINS 3: drift that the cursor cannot see, from the trigger to the mended table.
    @Test func findsDriftAndMendsIt() throws {
        let world = try loaded()
        try world.database("shop.db") {
            try $0.execute("UPDATE orders SET total = 99 WHERE id = 4; DELETE FROM orders WHERE id = 6")
        }
        let found = audit(world)
        #expect(found.status == 200 && found.json["state"] == "success", "\(found.text)")
        #expect(found.header("Location") == "/v1/audits/\(found.json["id"]?.string ?? "")")
        #expect(found.json["missing"] == 0 && found.json["extra"] == 1 && found.json["different"] == 1)
        #expect(found.json["partitions"]?[0]?["start"] == "2024-01-01")
        #expect(world.ask(.get, mark).json["verified_through"] == .null)
        let mended = audit(world, "{heal: true, delete_extra: true}").json
        #expect(mended["healed"] == .object(["missing": 0, "extra": 1, "different": 1]))
        #expect(mended["extra"] == 0 && mended["verified_through"] == "2024-01-01T10:00:00Z")
        #expect(audit(world).json["different"] == 0)
        let list = world.ask(.get, "/v1/audits?pipeline=orders&limit=2").json
        #expect(list["audits"]?.array?.count == 2 && list["next_cursor"]?.string != nil)
        #expect(world.ask(.get, found.header("Location") ?? "").json == found.json)
    }

    @Test func theWatermarkShowsHowFarItIsVerifiedUntilAPersonMovesIt() throws {
        let world = try loaded()
        let before = world.ask(.get, mark)
        #expect(before.json["verified_through"] == .null && before.json["verified_at"] == .null)
        #expect(audit(world).json["state"] == "success")
        let verified = world.ask(.get, mark)
        #expect(verified.json["verified_through"] == "2024-01-01T10:00:00Z")
        #expect(verified.json["verified_at"] == "2024-04-01T00:00:00Z")
        #expect(verified.header("ETag") != before.header("ETag"))
        #expect(world.ask(.get, "/v1/watermarks").json["watermarks"] == .array([verified.json]))
        // A run that loads more leaves it; a person's word does not.
        try world.order(11...12)
        #expect(world.load()["state"] == "success")
        #expect(world.ask(.get, mark).json["verified_through"] == "2024-01-01T10:00:00Z")
        let put = world.ask(
            .put, mark, ["If-Match": world.ask(.get, mark).header("ETag") ?? ""],
            body: "{value: '2024-01-01T05:00:00Z'}")
        #expect(put.status == 200, "\(put.text)")
        #expect(world.ask(.get, mark).json["verified_through"] == .null)
    }

    @Test func answersAtOnceWithoutPrefer() throws {
        let world = try loaded()
        let answer = world.ask(.post, audits, ["Idempotency-Key": "k"])
        #expect(answer.status == 202 && answer.json["state"] == "queued" && answer.json["missing"] == .null)
        let again = world.ask(.post, audits, ["Idempotency-Key": "k"])
        #expect(again.json["id"] == answer.json["id"] && again.header("Idempotency-Replayed") == "true")
        _ = audit(world)
        let ended = world.ask(.post, "/v1/audits/\(answer.json["id"]?.string ?? "")/cancel")
        #expect(ended.status == 409 && ended.code == "conflict")
        #expect(world.ask(.get, "/v1/audits/nothing").status == 404)
        #expect(world.ask(.post, "/v1/audits/nothing/cancel").status == 404)
    }

    @Test(arguments: [
        ("{step: items}", 422, "steps[0]"), ("{step: 'A b'}", 422, "step"), ("{interval: fortnight}", 422, "interval"),
        ("{interval: 0}", 422, "interval"), ("{heel: true}", 422, "heel"),
        ("{delete_extra: true}", 422, "delete_extra"),
        ("{allow_shrink: true}", 422, "allow_shrink"), ("{heal: maybe}", 422, "heal"),
    ])
    func saysWhatIsWrong(_ body: String, _ status: Int, _ field: String) throws {
        let world = try loaded()
        let answer = audit(world, body)
        #expect(answer.status == status && answer.json["field"]?.string == field, "\(answer.text)")
        #expect(world.ask(.get, "/v1/audits").json["audits"] == .array([]))
    }

    /// Moving a table from full refresh to incremental loads: whether it may be trusted, and where not.
    @Test func comparesWithAFullRefreshAndListsWhatDiffers() throws {
        let world = try loaded()
        let path = "/v1/pipelines/orders/compare"
        let same = world.ask(.post, path, ["Prefer": "wait=30"])
        #expect(same.status == 200 && same.json["kind"] == "compare" && same.json["identical"] == true, "\(same.text)")
        let differences = (same.header("Location") ?? "") + "/differences"
        #expect(world.ask(.get, differences).json["differences"] == .array([]))
        try world.database("shop.db") {
            try $0.execute("UPDATE orders SET total = 99 WHERE id IN (4, 5); DELETE FROM orders WHERE id = 6")
        }
        try world.order(11...12)
        let found = world.ask(.post, path, ["Prefer": "wait=30"], body: "{step: orders}")
        #expect(found.json["identical"] == false && found.json["different"] == 2 && found.json["extra"] == 1)
        #expect(found.json["pending"] == 2 && found.json["excluded"] == 0 && found.json["differences_kept"] == 3)
        #expect(world.ask(.get, found.header("Location") ?? "").json == found.json)
        let list = (found.header("Location") ?? "") + "/differences"
        let first = world.ask(.get, list + "?limit=2").json
        #expect(first["differences"]?[0]?["key"] == .object(["id": 4]))
        #expect(first["differences"]?[0]?["columns"]?["total"]?["source"] == .number(99))
        let rest = world.ask(.get, list + "?limit=2&cursor=\(first["next_cursor"]?.string ?? "")").json
        #expect(rest["differences"]?.array?.count == 1 && rest["differences"]?[0]?["kind"] == "extra")
        #expect(rest["next_cursor"] == .null)
        // How far the step is verified is an audit's word.
        #expect(world.ask(.get, mark).json["verified_through"] == .null)
        #expect(audit(world).json["identical"] == .null)
        #expect(world.ask(.get, "/v1/audits/nothing/differences").status == 404)
        #expect(world.ask(.get, list + "?cursor=x").status == 400)
        #expect(world.ask(.post, path, body: "{interval: day}").json["field"] == "interval")
        #expect(world.ask(.post, path, body: "{step: items}").status == 422)
        #expect(world.ask(.post, "/v1/pipelines/nothing/compare").status == 404)
        let audits = world.ask(.get, "/v1/audits").json["audits"]?.array ?? []
        #expect(audits.map { $0["kind"]?.string } == ["audit", "compare", "compare"])
    }

    @Test func anAuditThatCannotBeCarriedOutSaysWhy() throws {
        let world = try World()
        try world.putOrders()
        let before = audit(world).json
        #expect(before["state"] == "failed" && before["error"]?["code"] == "destination_missing")
        #expect(world.load()["state"] == "success")
        let count = audit(world, "{interval: 10}").json
        #expect(count["state"] == "failed" && count["error"]?["field"] == "interval")
    }
}
