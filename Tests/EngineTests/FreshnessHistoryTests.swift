import Model
import Platform
import Store
import Testing

@testable import Engine

/// Changes of freshness are recorded and told once, with each other or not at all.
struct FreshnessHistoryTests {
    private static let limits = #""freshness":{"warn_after":"1h","error_after":"2h"},"#

    /// A world whose newest order is of a minute before the start, with a webhook.
    private func world() throws -> World {
        let world = try World()
        try world.order(99_931...99_940)
        try world.pipeline("orders", more: FreshnessHistoryTests.limits)
        try world.webhook()
        try world.engine.start()
        return world
    }

    @Test func tellsOnceThatItIsStaleAndOnceThatItIsFreshAgain() throws {
        let world = try world()
        #expect(try world.run("orders").state == .success)
        #expect(try world.states() == ["unknown", "fresh"])
        #expect(try world.told() == [])
        try world.tick(by: .seconds(3_540))
        #expect(try world.states() == ["unknown", "fresh", "warn"])
        try world.tick(by: .seconds(3_600))
        for _ in 0..<5 { try world.tick(by: .seconds(3_600)) }
        // A run that fails, and one that finds nothing, change nothing of it.
        #expect(try world.run("orders").state == .success)
        #expect(try world.states() == ["unknown", "fresh", "warn", "stale"])
        #expect(try world.told() == ["freshness.stale"])
        let stale = try #require(try world.history().last)
        #expect(stale.since == World.start.adding(.seconds(7_140)) && stale.previous == .warn)
        #expect(stale.staleSince == stale.since && stale.reckonedFrom == World.start.adding(.seconds(-60)))
        #expect(stale.at >= World.start.adding(.seconds(7_140)))
        // Half of the way back is not over.
        try world.order(114_000...114_000)
        #expect(try world.run("orders").state == .success)
        #expect(try world.freshness().state == .warn || world.freshness().state == .stale)
        try world.order(124_999...124_999)
        #expect(try world.run("orders").state == .success)
        #expect(try world.freshness().state == .fresh)
        #expect(try world.told() == ["freshness.stale", "freshness.recovered"])
        #expect(try world.events() == (try world.states()))
        world.end()
    }

    // PAINS 54: what passed its limit while no server was there is told once by the next one.
    @Test func tellsOnceAfterADowntime() throws {
        let world = try world()
        #expect(try world.run("orders").state == .success)
        let later = World.start.adding(.seconds(86_400))
        let next = try world.afterCrash(now: later)
        try next.engine.start()
        #expect(try next.states() == ["unknown", "fresh", "stale"])
        #expect(try next.told() == ["freshness.stale"])
        let change = try #require(try next.history().last)
        #expect(change.since == World.start.adding(.seconds(7_140)) && change.at == later)
        let third = try next.afterCrash(now: later.adding(.seconds(60)))
        try third.engine.start()
        #expect(try third.states() == ["unknown", "fresh", "stale"])
        #expect(try third.told() == ["freshness.stale"])
        for world in [world, next, third] { world.end() }
    }

    @Test func aMessageThatCannotBeRecordedIsToldLater() throws {
        let world = try world()
        #expect(try world.run("orders").state == .success)
        // Neither the entry nor the event is there without the message.
        try world.control(
            "CREATE TRIGGER no BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'not now'); END")
        try world.tick(by: .seconds(7_200))
        #expect(try world.freshness().state == .stale)
        #expect(try world.states() == ["unknown", "fresh"] && world.events() == ["unknown", "fresh"])
        _ = world.log.wait { $0.contains("could not be looked at") }
        try world.control("DROP TRIGGER no")
        try world.tick(by: Limits.recordPause)
        try world.settle()
        #expect(try world.states() == ["unknown", "fresh", "stale"])
        #expect(try world.told() == ["freshness.stale"])
        world.end()
    }

    @Test func takingTheLimitsAwayEndsItInSilence() throws {
        let world = try world()
        #expect(try world.run("orders").state == .success)
        try world.tick(by: .seconds(7_200))
        try world.pipeline("orders")
        #expect(try world.states().last == "unknown")
        #expect(try world.history().last?.staleSince == nil)
        try world.pipeline("orders", more: FreshnessHistoryTests.limits)
        #expect(try world.told() == ["freshness.stale", "freshness.stale"])
        // One that never had any leaves no trace.
        try world.pipeline("plain")
        #expect(try world.history(of: "plain").isEmpty)
        world.end()
    }

    @Test func theHistoryIsBoundedAndGoesWithItsPipeline() throws {
        let world = try world()
        try world.store.write { (transaction) throws(StoreError) in
            for number in 0...(Limits.freshnessChanges + 10) {
                let state: FreshnessState = number % 2 == 0 ? .fresh : .unknown
                try transaction.record(
                    FreshnessChange(
                        at: World.start, state: state, previous: nil, since: nil, step: "orders", reckonedFrom: nil,
                        reason: "\(number)", staleSince: nil), of: "orders")
            }
        }
        #expect(try world.history().count == Limits.freshnessChanges)
        try world.store.write { (transaction) throws(StoreError) in try transaction.deletePipeline("orders") }
        #expect(try world.history().isEmpty)
        world.end()
    }
}

extension World {
    /// Puts a webhook `ops` that gets every message; nothing delivers them.
    func webhook() throws {
        let secret = try #require(WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        try store.write { (transaction) throws(StoreError) in
            _ = try transaction.putWebhook(
                WebhookDefinition(name: "ops", url: "https://example.org/"), made: secret)
        }
    }

    /// How the freshness of a pipeline changed, oldest first.
    func history(of pipeline: String = "orders") throws -> [FreshnessChange] {
        try store.read { (session) throws(StoreError) in
            var page = Page(limit: 1_000)
            var all: [FreshnessChange] = []
            while true {
                let part = try session.freshnessHistory(of: pipeline, page)
                all += part.items
                guard let next = part.nextCursor else { return all.reversed() }
                page = Page(limit: 1_000, cursor: next)
            }
        }
    }

    func states(of pipeline: String = "orders") throws -> [String] {
        try history(of: pipeline).map(\.state.rawValue)
    }

    /// The states that the event log tells of.
    func events() throws -> [String] {
        try store.read { (session) throws(StoreError) in
            try session.events(EventFilter(kinds: ["freshness_changed"]), after: 0, limit: 1_000).events
        }.map { (try? JSONValue(parsing: $0.payload.utf8))?["status"]?.string ?? "" }
    }

    /// The kinds of messages about freshness for the webhook `ops`, oldest first.
    func told() throws -> [String] {
        try store.read { (session) throws(StoreError) in
            try session.deliveries(of: "ops", Page(limit: 1_000)).items
        }.map(\.type).filter { $0.hasPrefix("freshness") }.reversed()
    }
}
