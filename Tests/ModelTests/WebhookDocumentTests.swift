import Documents
import Model
import Platform
import Testing

struct WebhookDocumentTests {
    private func decode(_ text: String) -> Result<WebhookDefinition, DocumentFailures> {
        Result { () throws(DocumentFailures) in
            let node: DocumentNode
            do throws(Failure) { node = try DocumentReader.read(Array(text.utf8)) } catch {
                throw DocumentFailures([error])
            }
            return try DocumentDecoder.webhook(node, name: "hook")
        }
    }

    private func fault(_ text: String) -> Failure? {
        if case .failure(let failures) = decode(text) { failures.failures.first } else { nil }
    }

    @Test func readsAllOfIt() throws {
        let secret = "whsec_" + Base64.encode([UInt8](repeating: 7, count: 24))
        let webhook = try decode(
            "{url: 'https://example.org/a?b=c', events: [run.failed, run.failed], pipelines: [orders], secret: \(secret)}"
        ).get()
        #expect(
            webhook
                == WebhookDefinition(
                    name: "hook", url: "https://example.org/a?b=c", events: [.runFailed], pipelines: ["orders"],
                    secret: secret))
        #expect(WebhookDefinition(stored: webhook.stored) == webhook)
    }

    @Test func aloneItGetsEverything() throws {
        let webhook = try decode("{url: 'http://example.org:8080'}").get()
        #expect(NoticeType.allCases.allSatisfy { webhook.wants($0, about: "orders") && webhook.wants($0, about: nil) })
        var narrow = webhook
        narrow.pipelines = ["orders"]
        narrow.events = [.runFailed]
        #expect(narrow.wants(.runFailed, about: "orders"))
        #expect(!narrow.wants(.runFailed, about: "customers"))
        #expect(!narrow.wants(.runRecovered, about: "orders"))
    }

    @Test(arguments: [
        "ftp://example.org", "example.org", "https://", "https:///a", "https://user@example.org",
        "https://user:canary@example.org/", "https://example.org/#a", "https://example.org:0", "https://example.org:x",
        "https://example.org:99999", "https://exa mple.org", "https://example.org\\@evil", "https://exämple.org",
        "https://[]", "https://[::1", "javascript:alert(1)", "https://a" + String(repeating: "a", count: 2_000),
    ])
    func refusesAnAddressThatIsNone(_ url: String) {
        let failure = fault("{url: \"\(url.replacing("\\", with: "\\\\"))\"}")
        #expect(failure?.field == "url", "\(url)")
        #expect(failure?.message.contains("canary") == false)
    }

    @Test(arguments: [
        ("{}", "missing_key", "url"), ("{url: 'https://a', evnts: []}", "unknown_key", "evnts"),
        ("{url: 'https://a', events: [run.fail]}", "invalid_value", "events[0]"),
        ("{url: 'https://a', events: [webhook.test]}", "invalid_value", "events[0]"),
        ("{url: 'https://a', events: run.failed}", "invalid_value", "events"),
        ("{url: 'https://a', pipelines: ['No Name']}", "invalid_value", "pipelines[0]"),
        ("{url: 'https://a', secret: whsec_canary}", "invalid_value", "secret"),
        ("{url: 'https://a', secret: canary}", "invalid_value", "secret"),
        ("{url: 'https://a', secret: 'whsec_${CANARY}'}", "invalid_value", "secret"),
        ("{url: 'https://a', secret: '${1}'}", "invalid_value", "secret"), ("[]", "invalid_value", nil),
    ])
    func refusesWhatIsWrong(_ text: String, _ code: String, _ field: String?) {
        let failure = fault(text)
        #expect(failure?.code.rawValue == code, "\(text)")
        #expect(failure?.field == field)
        #expect(failure?.message.lowercased().contains("canary") == false)
    }

    @Test func aFileMustNameTheSecret() throws {
        func file(_ text: String) throws -> DocumentFile {
            try DocumentDecoder.file(try DocumentReader.read(Array(text.utf8)))
        }
        let found = try file("webhooks: { ops: { url: 'https://example.org', secret: '${OPS_SECRET}' } }")
        #expect(found.webhooks.map(\.definition.name) == ["ops"])
        #expect(throws: DocumentFailures.self) { try file("webhooks: { ops: { url: 'https://example.org' } }") }
    }

    @Test func secretsOfTheWrongLengthAreNone() {
        func secret(_ bytes: Int) -> WebhookSecret? {
            WebhookSecret("whsec_" + Base64.encode([UInt8](repeating: 1, count: bytes)))
        }
        #expect(secret(23) == nil)
        #expect(secret(24)?.key.count == 24)
        #expect(secret(64)?.key.count == 64)
        #expect(secret(65) == nil)
        var random = SystemRandomNumberGenerator()
        let made = WebhookSecret(using: &random)
        #expect(WebhookSecret(made.text) == made)
        #expect(made != WebhookSecret(using: &random))
    }
}

struct DeliveryScheduleTests {
    @Test func triesForThreeDaysAndGivesUp() {
        let attempt = DeliveryAttempt(status: 500, error: "no", duration: .zero)
        let waits = (1...9).compactMap { attempt.wait(afterTry: $0, jitter: 0.5)?.components.seconds }
        #expect(waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400])
        #expect(attempt.wait(afterTry: 10, jitter: 0.5) == nil)
        for tries in 1...9 {
            let (least, most) = (attempt.wait(afterTry: tries, jitter: 0), attempt.wait(afterTry: tries, jitter: 1))
            #expect(least ?? .zero < most ?? .zero)
            #expect(most ?? .zero <= DeliveryAttempt.longestWait)
        }
    }

    @Test func waitsAsLongAsItIsAskedToButNotForEver() {
        func wait(_ seconds: Int) -> Duration? {
            DeliveryAttempt(status: 429, error: "no", retryAfter: .seconds(seconds), duration: .zero)
                .wait(afterTry: 1, jitter: 0.5)
        }
        #expect(wait(1) == .seconds(5))
        #expect(wait(600) == .seconds(600))
        #expect(wait(1_000_000) == DeliveryAttempt.longestWait)
    }

    @Test(arguments: [(200, true), (204, true), (299, true), (199, false), (300, false), (410, false), (500, false)])
    func onlyTwoHundredsArrive(_ status: Int, _ isDelivered: Bool) {
        #expect(DeliveryAttempt(status: status, error: nil, duration: .zero).isDelivered == isDelivered)
    }
}
