import HTTPServer
import Model
import Platform
import Store
import Testing

@testable import API

struct WebhookRoutesTests {
    private let hook = "{url: 'https://example.org/hook'}"
    private let own = "whsec_" + Base64.encode([UInt8]("canary-canary-canary-canary".utf8))

    @Test func aSecretIsShownOnceAndNeverAgain() throws {
        let world = try World()
        let made = world.ask(.put, "/v1/webhooks/ops", body: hook)
        #expect(made.status == 201)
        #expect(made.header("Location") == "/v1/webhooks/ops")
        let secret = try #require(made.json["secret"]?.string)
        #expect(WebhookSecret(secret)?.key.count == 32)
        var texts = [world.ask(.get, "/v1/webhooks/ops").text, world.ask(.get, "/v1/webhooks").text]
        texts.append(world.ask(.put, "/v1/webhooks/ops", body: hook).text)
        let changed = world.ask(.put, "/v1/webhooks/ops", body: "{url: 'https://example.org/other'}")
        #expect(changed.status == 200)
        #expect(changed.json["secret"] == .null)
        texts.append(changed.text)
        let rotated = world.ask(.post, "/v1/webhooks/ops/rotate")
        #expect(rotated.status == 200)
        let next = try #require(rotated.json["secret"]?.string)
        #expect(next != secret)
        #expect(rotated.json["rotating_until"]?.string == "2024-04-02T00:00:00Z")
        texts.append(world.ask(.get, "/v1/webhooks/ops").text)
        texts.append(world.ask(.post, "/v1/webhooks/ops/test").text)
        for text in texts {
            #expect(!text.contains(secret), "\(text)")
            #expect(!text.contains(next), "\(text)")
        }
    }

    @Test func aGivenSecretIsNotShownAtAll() throws {
        let world = try World()
        let made = world.ask(.put, "/v1/webhooks/ops", body: "{url: 'https://example.org', secret: \(own)}")
        #expect(made.status == 201)
        #expect(made.json["secret"] == .null)
        #expect(!made.text.contains(own))
        // The answer can be sent back, and changes nothing.
        let back = world.ask(.put, "/v1/webhooks/ops", body: made.text)
        #expect(back.json["version"] == 1)
        let variable = world.ask(.put, "/v1/webhooks/env", body: "{url: '${URL}', secret: '${SECRET}'}")
        #expect(variable.json["secret"] == "${SECRET}")
        #expect(variable.json["url"] == "${URL}")
        for line in world.lines.read({ $0 }) { #expect(!line.contains(own)) }
    }

    @Test func onlyTheVersionThatWasSeenIsChanged() throws {
        let world = try World()
        let made = world.ask(.put, "/v1/webhooks/ops", ["If-None-Match": "*"], body: hook)
        #expect(world.ask(.put, "/v1/webhooks/ops", ["If-None-Match": "*"], body: hook).status == 412)
        let tag = try #require(made.header("ETag"))
        #expect(world.ask(.get, "/v1/webhooks/ops", ["If-None-Match": tag]).status == 304)
        let other = "{url: 'https://example.org/other'}"
        #expect(world.ask(.put, "/v1/webhooks/ops", ["If-Match": tag], body: other).status == 200)
        #expect(world.ask(.put, "/v1/webhooks/ops", ["If-Match": tag], body: hook).status == 412)
        #expect(world.ask(.delete, "/v1/webhooks/ops", ["If-Match": tag]).status == 412)
        #expect(world.ask(.delete, "/v1/webhooks/ops").status == 204)
        #expect(world.ask(.delete, "/v1/webhooks/ops").status == 404)
        for path in ["", "/deliveries", "/deliveries/msg_1"] {
            #expect(world.ask(.get, "/v1/webhooks/ops" + path).status == 404, "\(path)")
        }
        for path in ["/test", "/rotate", "/deliveries/msg_1/retry"] {
            #expect(world.ask(.post, "/v1/webhooks/ops" + path).status == 404, "\(path)")
        }
    }

    @Test func aTestIsQueuedOnceForAKey() throws {
        let world = try World()
        _ = world.ask(.put, "/v1/webhooks/ops", body: hook)
        let first = world.ask(.post, "/v1/webhooks/ops/test", ["Idempotency-Key": "k"])
        #expect(first.status == 202)
        #expect(first.json["state"] == "pending")
        #expect(first.json["type"] == "webhook.test")
        let again = world.ask(.post, "/v1/webhooks/ops/test", ["Idempotency-Key": "k"])
        #expect(again.json["id"] == first.json["id"])
        #expect(again.header("Idempotency-Replayed") == "true")
        let id = try #require(first.json["id"]?.string)
        #expect(first.header("Location") == "/v1/webhooks/ops/deliveries/\(id)")
        #expect(world.ask(.get, "/v1/webhooks/ops/deliveries/\(id)").json == first.json)
        #expect(world.ask(.get, "/v1/webhooks/ops").json["pending"] == 1)
        #expect(world.ask(.get, "/v1/webhooks/ops/deliveries").json["deliveries"]?.array?.count == 1)
        #expect(world.ask(.get, "/v1/webhooks/ops/deliveries?state=failed").json["deliveries"]?.array?.isEmpty == true)
        #expect(world.ask(.get, "/v1/webhooks/ops/deliveries?state=faild").status == 400)
    }

    @Test func listsDeliveriesPageByPage() throws {
        let world = try World()
        _ = world.ask(.put, "/v1/webhooks/ops", body: hook)
        for _ in 0..<3 { _ = world.ask(.post, "/v1/webhooks/ops/test") }
        let first = world.ask(.get, "/v1/webhooks/ops/deliveries?limit=2").json
        let rest = world.ask(
            .get, "/v1/webhooks/ops/deliveries?limit=2&cursor=\(first["next_cursor"]?.string ?? "")"
        ).json
        #expect(first["deliveries"]?.array?.count == 2)
        #expect(rest["deliveries"]?.array?.count == 1)
        #expect(rest["next_cursor"] == .null)
    }

    @Test func aFailedDeliveryIsTriedAgain() throws {
        let world = try World()
        _ = world.ask(.put, "/v1/webhooks/ops", body: hook)
        let id = world.ask(.post, "/v1/webhooks/ops/test").json["id"]?.string ?? ""
        func record(_ status: Int) throws {
            let attempt = DeliveryAttempt(
                status: status, error: status < 300 ? nil : "the answer was \(status)", duration: .milliseconds(12))
            _ = try world.store.write { (transaction) throws(StoreError) in
                try transaction.record(attempt, of: 1, to: "ops", jitter: 0)
            }
        }
        try record(410)
        let failed = world.ask(.get, "/v1/webhooks/ops/deliveries/\(id)").json
        #expect(failed["state"] == "failed")
        #expect(failed["status"] == 410)
        #expect(failed["duration_seconds"] == 0.012)
        #expect(world.ask(.get, "/v1/webhooks/ops").json["state"] == "disabled")
        for path in ["test", "deliveries/\(id)/retry"] {
            let refused = world.ask(.post, "/v1/webhooks/ops/\(path)")
            #expect(refused.status == 409)
            #expect(refused.json["hint"]?.string?.contains("PUT") == true)
        }
        #expect(world.ask(.put, "/v1/webhooks/ops", body: hook).json["state"] == "enabled")
        let again = world.ask(.post, "/v1/webhooks/ops/deliveries/\(id)/retry")
        #expect(again.status == 202)
        #expect(again.json["state"] == "pending")
        #expect(again.json["attempts"] == 1)
        try record(200)
        #expect(world.ask(.post, "/v1/webhooks/ops/deliveries/\(id)/retry").status == 409)
    }

    @Test(arguments: [
        ("", 400, "missing_body"), ("{url: ''}", 422, "invalid_value"), ("{url: 'ftp://a'}", 422, "invalid_value"),
        ("{url: 'https://u:canary@example.org'}", 422, "invalid_value"), ("{}", 422, "missing_key"),
        ("{url: 'https://a', event: []}", 422, "unknown_key"),
        ("{url: 'https://a', events: [stale]}", 422, "invalid_value"),
        ("{url: 'https://a', secret: canary}", 422, "invalid_value"),
    ])
    func aBadDefinitionIsRefusedAndChangesNothing(_ body: String, _ status: Int, _ code: String) throws {
        let world = try World()
        let answer = world.ask(.put, "/v1/webhooks/ops", body: body)
        #expect(answer.status == status)
        #expect(answer.code == code, "\(answer.text)")
        #expect(!answer.text.contains("canary"))
        #expect(world.ask(.get, "/v1/webhooks/ops").status == 404)
    }
}
