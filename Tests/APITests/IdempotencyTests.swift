import Model
import Platform
import Store
import Testing

@testable import API
@testable import HTTPServer

/// A repeated request with the same key does its work once and is answered as before.
struct IdempotencyTests {
    private let runs = "/v1/pipelines/orders/runs"

    private func count(_ world: World) -> Int? {
        world.ask(.get, "/v1/runs?limit=1000").json["runs"]?.array?.count
    }

    @Test func aRepeatedTriggerFindsItsRun() throws {
        let world = try World()
        try world.putOrders()
        let first = world.ask(.post, runs, ["Idempotency-Key": "k1"], body: "{}")
        let again = world.ask(.post, runs, ["Idempotency-Key": "\"k1\""], body: "{}")
        #expect(first.header("Idempotency-Replayed") == nil)
        #expect(again.header("Idempotency-Replayed") == "true")
        #expect(again.status == 202)
        #expect(again.text == first.text)
        #expect(again.header("Location") == first.header("Location"))
        #expect(again.header("Content-Type") == "application/json")
        #expect(count(world) == 1)
        let other = world.ask(.post, runs, ["Idempotency-Key": "k1"], body: "{\"full_refresh\": true}")
        #expect(other.status == 422)
        #expect(other.code == "idempotency_mismatch")
        #expect(count(world) == 1)
    }

    @Test func aRepeatedRetryFindsItsRun() throws {
        let world = try World(isStarted: false)
        try world.putOrders()
        let id = world.ask(.post, runs).json["id"]?.string ?? ""
        _ = world.ask(.post, "/v1/runs/\(id)/cancel")
        let first = world.ask(.post, "/v1/runs/\(id)/retry", ["Idempotency-Key": "again"])
        let again = world.ask(.post, "/v1/runs/\(id)/retry", ["Idempotency-Key": "again"])
        #expect(first.status == 202)
        #expect(again.text == first.text)
        #expect(count(world) == 2)
    }

    @Test func aRepeatedDeleteIsStillGone() throws {
        let world = try World()
        try world.putOrders()
        let path = "/v1/pipelines/orders"
        #expect(world.ask(.delete, path, ["Idempotency-Key": "gone"]).status == 204)
        let again = world.ask(.delete, path, ["Idempotency-Key": "gone"])
        #expect(again.status == 204)
        #expect(again.header("Idempotency-Replayed") == "true")
        #expect(world.ask(.delete, path, ["Idempotency-Key": "other"]).status == 404)
    }

    @Test func aRepeatedPutKeepsItsAnswerAndItsHeaders() throws {
        let world = try World()
        let body = "{type: sqlite, path: shop.db}"
        let first = world.ask(.put, "/v1/connections/shop", ["Idempotency-Key": "p"], body: body)
        _ = world.ask(.put, "/v1/connections/shop", body: "{type: sqlite, path: other.db}")
        let again = world.ask(.put, "/v1/connections/shop", ["Idempotency-Key": "p"], body: body)
        #expect(again.status == 201)
        #expect(again.text == first.text)
        #expect(again.header("ETag") == "\"1\"")
        #expect(world.ask(.get, "/v1/connections/shop").json["path"] == "other.db")
        let mended = world.ask(
            .put, "/v1/connections/shop", ["Idempotency-Key": "p", "If-Match": "\"2\""], body: body)
        #expect(mended.code == "idempotency_mismatch")
    }

    @Test func aRefusedRequestGivesItsKeyBack() throws {
        let world = try World()
        let path = "/v1/connections/shop"
        let body = "{type: sqlite, path: shop.db}"
        #expect(world.ask(.put, path, ["Idempotency-Key": "r", "If-Match": "*"], body: body).status == 412)
        #expect(world.ask(.put, path, ["Idempotency-Key": "r"], body: "{type: sqlite}").status == 422)
        #expect(world.ask(.put, path, ["Idempotency-Key": "r"], body: body).status == 201)
        #expect(world.ask(.post, runs, ["Idempotency-Key": "t"]).status == 404)
        try world.putOrdersOverShop()
        #expect(world.ask(.post, runs, ["Idempotency-Key": "t"]).status == 202)
    }

    @Test func theFirstRequestInHandMakesTheSecondWait() throws {
        let world = try World()
        try world.putOrders()
        let key = try #require(
            try IdempotencyKey(
                Request(.post, "/v1/connections/shop/test", headers: ["Idempotency-Key": "busy"])))
        _ = try world.store.write { transaction throws(StoreError) in
            try transaction.claim(key: key.text, fingerprint: key.fingerprint)
        }
        let answer = world.ask(.post, "/v1/connections/shop/test", ["Idempotency-Key": "busy"])
        #expect(answer.status == 409)
        #expect(answer.code == "idempotency_in_progress")
        #expect(answer.header("Retry-After") == "1")
    }

    @Test(arguments: ["", "\"\"", "a b", "käse", String(repeating: "k", count: 256)])
    func aKeyThatIsNoWordIsRefused(_ key: String) throws {
        let world = try World()
        try world.putOrders()
        for target in [runs, "/v1/connections/shop/test"] {
            let answer = world.ask(.post, target, ["Idempotency-Key": key])
            #expect(answer.status == 400)
            #expect(answer.json["field"] == "Idempotency-Key")
        }
        #expect(count(world) == 0)
    }

    @Test func twoHundredTriggersAtOnceWithOneKeyMakeOneRun() throws {
        let world = try World()
        try world.putOrders()
        let answers = Monitor([String]())
        for _ in 0..<8 {
            Thread.start(name: "trigger") {
                for _ in 0..<25 {
                    let answer = world.ask(.post, runs, ["Idempotency-Key": "one"], body: "{}")
                    answers.update { $0.append("\(answer.status) \(answer.header("Location") ?? "")") }
                }
            }
        }
        let all = answers.wait(upTo: .seconds(60)) { $0.count == 200 ? $0 : nil } ?? []
        #expect(all.count == 200)
        #expect(Set(all).count == 1)
        #expect(count(world) == 1)
    }
}

extension World {
    /// Puts what `orders` still lacks where the connection `shop` is there.
    fileprivate func putOrdersOverShop() throws {
        #expect(ask(.put, "/v1/connections/warehouse", body: "{type: sqlite, path: warehouse.db}").status == 201)
        #expect(ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline).status == 201)
    }
}
