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
