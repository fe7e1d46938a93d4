import Model
import Platform
import Testing

@testable import Store

/// Gives one byte again and again.
private struct Same: RandomNumberGenerator {
    let byte: UInt8
    func next() -> UInt64 { UInt64(byte) * 0x0101_0101_0101_0101 }
}

/// Webhooks, the outbox, and what is amiss.
struct WebhookQueriesTests {
    private func secret(_ byte: UInt8) -> WebhookSecret {
        var random = Same(byte: byte)
        return WebhookSecret(using: &random)
    }

    private func definition(_ name: String = "ops", secret: WebhookSecret? = nil) -> WebhookDefinition {
        WebhookDefinition(name: name, url: "https://example.org/", secret: secret?.text)
    }

    private let notice = Notice(.runFailed, pipeline: "orders", data: .object([]))

    @Test func keepsItsSecretUntilItGetsAnother() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            #expect(try transaction.putWebhook(definition(), made: secret(1)).created)
            #expect(try transaction.webhook("ops")?.secrets(at: transaction.now) == [secret(1).text])
            #expect(try transaction.putWebhook(definition(), made: secret(2)).unchanged)
            #expect(try transaction.webhook("ops")?.secrets(at: transaction.now) == [secret(1).text])
            #expect(try transaction.putWebhook(definition(secret: secret(3)), made: secret(2)).version == 2)
            let rotated = try transaction.webhook("ops")
            #expect(rotated?.secrets(at: transaction.now) == [secret(3).text, secret(1).text])
            #expect(rotated?.secrets(at: transaction.now.adding(Limits.secretOverlap)) == [secret(3).text])
        }
    }

    @Test func aVersionIsNeverGivenTwice() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putWebhook(definition(), made: secret(1))
            try transaction.deleteWebhook("ops")
            #expect(try transaction.putWebhook(definition(), made: secret(1)).version == 2)
        }
        #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in
                try transaction.deleteWebhook("ops", expecting: .version(1))
            }
        }
    }

    @Test func thereAreNoMoreThanMayBe() throws {
        let world = try World()
        let error = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in
                for number in 0...Limits.webhooks {
                    _ = try transaction.putWebhook(definition("hook-\(number)"), made: secret(1))
                }
            }
        }
        #expect(error?.code == .tooMany)
        #expect(error?.failure.code == .limitExceeded)
    }

    @Test func aWebhookTakesItsMessagesWithIt() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putWebhook(definition(), made: secret(1))
            try transaction.send(notice)
            #expect(try transaction.outboxHeads().map(\.target) == ["ops"])
            try transaction.deleteWebhook("ops")
            #expect(try transaction.outboxHeads().isEmpty)
            #expect(try transaction.deliveries(of: "ops").items.isEmpty)
        }
    }

    @Test func tooManyThatWaitAreGivenUpAndCounted() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putWebhook(definition(), made: secret(1))
            for _ in 0..<5 { try transaction.send(notice) }
            try transaction.drop(of: "ops", past: 3)
            #expect(try transaction.pendingDeliveries(of: "ops") == 3)
            let given = try transaction.deliveries(of: "ops", state: .failed).items
            #expect(given.map(\.number) == [2, 1])
            #expect(given.first?.error == "given up: more than 3 messages waited")
            #expect(try transaction.webhook("ops")?.dropped == 2)
            #expect(transaction.mail.dropped == ["ops": 2])
        }
    }

    @Test func theLogOfDeliveriesIsBounded() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putWebhook(definition(), made: secret(1))
            for number in 1...Limits.finishedDeliveries + 5 {
                try transaction.send(notice)
                _ = try transaction.record(
                    DeliveryAttempt(status: 200, error: nil, duration: .zero), of: Int64(number), to: "ops", jitter: 0)
            }
            try transaction.send(notice)
            let page = Page(limit: Limits.maximumPageItems)
            let kept = try transaction.deliveries(of: "ops", state: .delivered, page)
            #expect(kept.items.count == Limits.finishedDeliveries)
            #expect(kept.items.last?.number == 6)
            #expect(try transaction.pendingDeliveries(of: "ops") == 1)
        }
    }

    @Test func aMessageIsTriedInTheOrderOfItsTime() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putWebhook(definition(), made: secret(1))
            for _ in 0..<2 { try transaction.send(notice) }
            #expect(try transaction.outboxItem(for: "ops")?.delivery.number == 1)
            let failed = DeliveryAttempt(status: 500, error: "no", duration: .milliseconds(3))
            let first = try transaction.record(failed, of: 1, to: "ops", jitter: 0.5)
            #expect(first?.nextAttemptAt == transaction.now.adding(.seconds(5)))
            #expect(first?.duration == .milliseconds(3))
            #expect(try transaction.outboxItem(for: "ops")?.delivery.number == 2)
        }
    }

    @Test func whatWasDeliveredIsNotSentAgain() throws {
        let world = try World()
        let error = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in
                _ = try transaction.putWebhook(definition(), made: secret(1))
                let delivery = try transaction.sendTest(to: "ops")
                _ = try transaction.record(
                    DeliveryAttempt(status: 200, error: nil, duration: .zero), of: delivery.number, to: "ops", jitter: 0
                )
                #expect(
                    try transaction.record(
                        DeliveryAttempt(status: 500, error: "no", duration: .zero), of: delivery.number, to: "ops",
                        jitter: 0) == nil)
                _ = try transaction.retryDelivery(delivery.message, to: "ops")
            }
        }
        #expect(error?.code == .illegalTransition)
    }

    @Test func anAnswerDisablesNothingThatIsSetOnTheCommandLine() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            for _ in 0..<2 { try transaction.post("START", "{}", about: "orders", to: Transaction.lineageTarget) }
            let gone = DeliveryAttempt(status: 410, error: "the answer was 410", duration: .zero)
            let first = try transaction.record(gone, of: 1, to: Transaction.lineageTarget, jitter: 0.5)
            #expect(first?.state == .pending)
            #expect(try transaction.pendingDeliveries(of: Transaction.lineageTarget) == 2)
            #expect(try transaction.outboxHeads().map(\.target) == [Transaction.lineageTarget])
        }
    }

    @Test func whatIsAmissGoesWithItsPipeline() throws {
        let world = try World()
        try world.pipeline("orders")
        let trouble = Trouble(kind: .check, step: "a", since: world.clock.now(), run: "1", items: ["x", "y \"z\""])
        try world.change { transaction throws(StoreError) in
            try transaction.keep(trouble, .check, step: "a", of: "orders")
            #expect(try transaction.troubles(of: "orders") == [trouble])
            try transaction.keep(trouble, .check, step: "a", of: "nothing")
            #expect(try transaction.troubles(of: "nothing") == [])
            try transaction.deletePipeline("orders")
            _ = try transaction.putPipeline("orders", document: "{}", connections: [])
            #expect(try transaction.troubles(of: "orders") == [])
        }
    }

    @Test func tellsOfMailOnceItIsCommitted() throws {
        let world = try World()
        let seen = Monitor([OutboxNews]())
        world.store.onMail { mail in seen.update { $0.append(mail) } }
        let made = secret(1)
        let (webhook, notice) = (definition(), notice)
        try world.store.write { transaction throws(StoreError) in _ = try transaction.putWebhook(webhook, made: made) }
        #expect(seen.read { $0.isEmpty })
        try world.store.write { transaction throws(StoreError) in try transaction.send(notice) }
        #expect(seen.wait(upTo: .seconds(10)) { $0.first }?.isThere == true)
    }
}
