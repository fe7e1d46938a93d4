import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

struct OutboxTests {
    private let secret = "whsec_" + Base64.encode([UInt8](repeating: 1, count: 32))

    private func started(
        _ poster: ScriptedPoster, environment: [String: String] = [:]
    ) throws -> World {
        let world = try World(environment: environment, poster: poster)
        try world.pipeline("orders")
        try world.order(1...3)
        try world.engine.start()
        return world
    }

    private func hook(
        _ world: World, _ name: String = "ops", url: String = "https://example.org/", events: [NoticeType] = [],
        pipelines: [String] = [], secret: String? = nil
    ) throws {
        let definition = WebhookDefinition(
            name: name, url: url, events: events, pipelines: pipelines, secret: secret ?? self.secret)
        let made = try #require(WebhookSecret(self.secret))
        try world.store.write { (transaction) throws(StoreError) in
            _ = try transaction.putWebhook(definition, made: made)
        }
    }

    private func breakSource(_ world: World) throws {
        try world.database("shop.db") { try $0.execute("ALTER TABLE orders RENAME TO hidden") }
    }

    private func mendSource(_ world: World) throws {
        try world.database("shop.db") { try $0.execute("ALTER TABLE hidden RENAME TO orders") }
    }

    private func delivery(_ world: World, _ letter: Letter, to name: String = "ops") throws -> Delivery {
        try #require(
            try world.store.read { (session) throws(StoreError) in try session.delivery(letter.message, to: name) })
    }

    /// Waits until what came of an attempt is in the log of deliveries.
    private func settled(
        _ world: World, _ letter: Letter, to name: String = "ops", _ isMeant: (Delivery) -> Bool
    ) throws -> Delivery {
        for _ in 0..<2_000 {
            let found = try delivery(world, letter, to: name)
            if isMeant(found) { return found }
            // The writer's queue is passed through: what came before it is recorded by then.
            try world.store.write { (transaction) throws(StoreError) in _ = try transaction.webhook(name) }
        }
        throw Failure(.internalError, "not recorded: \(try delivery(world, letter, to: name))")
    }

    // MARK: What is told

    @Test func aFailureIsToldOnceAndItsEndOnce() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        try hook(world)
        _ = try world.run("orders")
        try breakSource(world)
        let first = try world.run("orders")
        for _ in 0..<3 { _ = try world.run("orders") }
        try mendSource(world)
        for _ in 0..<3 { _ = try world.run("orders") }
        let letters = poster.letters.wait(2)
        world.end()
        #expect(poster.types == ["run.failed", "run.recovered"])
        #expect(letters.first?.json["data"]?["run"]?.string == first.id)
        #expect(letters.last?.json["data"]?["first_failed_run"]?.string == first.id)
        #expect(letters.first?.json["data"]?["error"]?["code"] == "unknown_table")
    }

    @Test func whatIsAmissIsRememberedAcrossARestart() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        try hook(world)
        try breakSource(world)
        _ = try world.run("orders")
        _ = poster.letters.wait(1)
        world.end()
        let next = try world.afterCrash(poster: poster)
        try next.engine.start()
        _ = try next.run("orders")
        try mendSource(next)
        _ = try next.run("orders")
        _ = poster.letters.wait { $0.type == "run.recovered" }
        next.end()
        #expect(poster.types == ["run.failed", "run.recovered"])
    }

    @Test func aMessageAndWhatItTellsOfAreRecordedTogether() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        try hook(world)
        try breakSource(world)
        // No message can be written: then the end of the run is not either.
        try world.control(
            "CREATE TRIGGER full BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'no room'); END")
        let run = try world.trigger("orders")
        _ = try #require(world.log.wait { $0.contains("no room") })
        #expect(try !world.stored(run).state.isFinal)
        #expect(try !world.events(of: run).contains("run_finished"))
        let told = try world.store.read { (session) throws(StoreError) in try session.troubles(of: "orders") }
        #expect(told == [])
        try world.control("DROP TRIGGER full")
        #expect(try world.finish(run).state == .failed)
        #expect(poster.letters.wait()?.json["data"]?["run"]?.string == run.id)
        #expect(try world.events(of: run).filter { $0 == "run_finished" }.count == 1)
        world.end()
        #expect(poster.types == ["run.failed"])
    }

    @Test func eachGetsWhatItAskedFor() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        try world.pipeline("others", steps: [World.step("others")])
        try hook(world, "all", url: "https://all.example.org/")
        try hook(world, "kinds", url: "https://kinds.example.org/", events: [.runRecovered])
        try hook(world, "names", url: "https://names.example.org/", pipelines: ["others"])
        try breakSource(world)
        _ = try world.run("orders")
        _ = try world.run("others")
        try mendSource(world)
        _ = try world.run("orders")
        _ = poster.letters.wait(5)
        world.end()
        let got = Dictionary(grouping: poster.letters.values, by: \.url).mapValues { $0.map(\.type).sorted() }
        #expect(
            got == [
                "https://all.example.org/": ["run.failed", "run.failed", "run.recovered"],
                "https://kinds.example.org/": ["run.recovered"], "https://names.example.org/": ["run.failed"],
            ])
        // The same message has the same identifier wherever it goes.
        let recovered = poster.letters.values.filter { $0.type == "run.recovered" }
        #expect(Set(recovered.map(\.message)).count == 1)
    }

    @Test func aCheckAndASchemaAreTold() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        try hook(world)
        let checked = World.step("orders").dropLast()
        try world.pipeline(
            "orders", steps: [checked + ",\"checks\":[{\"type\":\"range\",\"column\":\"total\",\"min\":0}]}"])
        _ = try world.run("orders")
        try world.database("shop.db") {
            try $0.execute("ALTER TABLE orders ADD COLUMN note TEXT")
            try $0.execute("INSERT INTO orders VALUES (9, -1, '2024-03-31T23:59:59Z', 'x')")
        }
        for _ in 0..<2 { #expect(try world.run("orders").state == .failed) }
        try world.database("shop.db") { try $0.execute("UPDATE orders SET total = 1 WHERE id = 9") }
        for _ in 0..<2 { #expect(try world.run("orders").state == .success) }
        _ = poster.letters.wait(5)
        world.end()
        #expect(
            poster.types.sorted() == [
                "check.failed", "check.recovered", "run.failed", "run.recovered", "schema.changed",
            ])
        let schema = poster.letters.values.first { $0.type == "schema.changed" }
        #expect(schema?.json["data"]?["changes"]?.array?.first?["code"] == "columns_added")
    }

    // MARK: Deliveries

    @Test func whatDoesNotArriveIsSentAgainAsTheSame() throws {
        let poster = ScriptedPoster { _, _ in .answered(status: 500, retryAfter: nil) }
        let world = try started(poster)
        try hook(world)
        try breakSource(world)
        _ = try world.run("orders")
        let first = try #require(poster.letters.wait())
        let failed = try settled(world, first) { $0.attempts == 1 }
        #expect(failed.state == .pending)
        #expect(failed.status == 500)
        #expect(failed.error == "the answer was 500")
        let wait = try #require(failed.nextAttemptAt).since(world.clock.now())
        #expect((.milliseconds(4_500)...(.milliseconds(5_500))).contains(wait))
        poster.answer { _, _ in .answered(status: 204, retryAfter: nil) }
        world.advance(by: .milliseconds(5_600))
        let second = try #require(poster.letters.wait(2).last)
        let done = try settled(world, first) { $0.state == .delivered }
        world.end()
        #expect(second.message == first.message)
        #expect(second.body == first.body)
        #expect(second.time > first.time)
        #expect(done.attempts == 2)
        #expect(done.status == 204)
        #expect(done.error == nil)
        #expect(done.nextAttemptAt == nil)
        #expect(poster.letters.values.count == 2)
    }

    @Test func isGivenUpInTheEndAndCanBeAskedForAgain() throws {
        let poster = ScriptedPoster { _, _ in .failed("connection refused") }
        let world = try started(poster)
        try hook(world)
        try breakSource(world)
        _ = try world.run("orders")
        let letter = try #require(poster.letters.wait())
        for attempt in 1...10 {
            #expect(poster.letters.wait(attempt).count == attempt)
            _ = try settled(world, letter) { $0.attempts == attempt }
            world.advance(by: .seconds(86_401))
        }
        let given = try delivery(world, letter)
        #expect(given.state == .failed)
        #expect(given.error == "connection refused")
        poster.answer { _, _ in .answered(status: 200, retryAfter: nil) }
        let again = try world.store.write { (transaction) throws(StoreError) in
            try transaction.retryDelivery(letter.message, to: "ops")
        }
        #expect(again.state == .pending)
        let done = try settled(world, letter) { $0.state == .delivered }
        world.end()
        #expect(done.attempts == 11)
        #expect(Set(poster.letters.values.map(\.message)).count == 1)
    }

    @Test func aReceiverThatIsGoneGetsNothingMore() throws {
        let poster = ScriptedPoster { _, _ in .answered(status: 410, retryAfter: nil) }
        let world = try started(poster)
        try hook(world)
        try breakSource(world)
        _ = try world.run("orders")
        let letter = try #require(poster.letters.wait())
        #expect(try settled(world, letter) { $0.state == .failed }.attempts == 1)
        try mendSource(world)
        _ = try world.run("orders")
        let webhook = try #require(
            try world.store.read { (session) throws(StoreError) in try session.webhook("ops") })
        #expect(webhook.disabled?.reason == "its receiver answered 410 Gone")
        // Put again, it gets what happens from then on.
        try hook(world)
        try breakSource(world)
        _ = try world.run("orders")
        #expect(poster.letters.wait(2).count == 2)
        world.end()
        #expect(poster.types == ["run.failed", "run.failed"])
    }

    @Test func aSlowReceiverHoldsUpNobodyElseAndNoStop() throws {
        let isIn = Signal<Bool>()
        let poster = ScriptedPoster { letter, stop in
            guard letter.url.contains("slow") else { return .answered(status: 200, retryAfter: nil) }
            let ended = Signal<Bool>()
            _ = stop.addHandler { ended.open() }
            isIn.open()
            _ = ended.wait()
            return .failed("the server is stopping")
        }
        let world = try started(poster)
        for name in ["slow-a", "slow-b", "fast"] { try hook(world, name, url: "https://\(name).example.org/") }
        for _ in 0..<3 {
            try breakSource(world)
            _ = try world.run("orders")
            try mendSource(world)
            _ = try world.run("orders")
        }
        _ = isIn.wait(2)
        _ = poster.letters.wait(8)
        let fast = poster.letters.values.filter { $0.url.contains("fast") }.map(\.type)
        #expect(fast == ["run.failed", "run.recovered", "run.failed", "run.recovered", "run.failed", "run.recovered"])
        // One at a time goes to each that is slow.
        #expect(poster.letters.values.filter { $0.url.contains("slow") }.count == 2)
        let began = SystemClock().uptime()
        world.end()
        #expect(SystemClock().uptime() - began < .seconds(8))
        // What was in hand was not delivered, and is sent again.
        let next = ScriptedPoster()
        let after = try world.afterCrash(poster: next)
        try after.engine.start()
        _ = next.letters.wait(12)
        after.end()
        #expect(Set(next.letters.values.map { $0.url + $0.message }).count == 12)
    }

    @Test func aClockThatGoesBackSilencesNobody() throws {
        let poster = ScriptedPoster { _, _ in .answered(status: 500, retryAfter: nil) }
        let world = try started(poster)
        try hook(world)
        try breakSource(world)
        _ = try world.run("orders")
        _ = try settled(world, try #require(poster.letters.wait())) { $0.attempts == 1 }
        world.clock.set(Timestamp(microseconds: 0))
        world.advance(by: .zero)
        #expect(poster.letters.wait(2).count == 2)
        world.end()
    }

    // MARK: Secrets

    @Test func variablesAreLookedUpAndNeverShown() throws {
        let key = [UInt8](repeating: 9, count: 24)
        let poster = ScriptedPoster { _, _ in .failed("no route to https://canary.example.org/token-4711") }
        let environment = [
            "HOOK_URL": "https://canary.example.org/token-4711", "HOOK_SECRET": "whsec_" + Base64.encode(key),
            "HOOK_WRONG": "canary-no-secret", "HOOK_USER": "https://canary:word@example.org/",
        ]
        let world = try started(poster, environment: environment)
        try hook(world, "good", url: "${HOOK_URL}", secret: "${HOOK_SECRET}")
        try hook(world, "wrong", url: "https://example.org", secret: "${HOOK_WRONG}")
        try hook(world, "unset", url: "https://example.org/${NOT_SET}")
        try hook(world, "user", url: "${HOOK_USER}")
        try breakSource(world)
        _ = try world.run("orders")
        let letter = try #require(poster.letters.wait())
        #expect(letter.url == "https://canary.example.org/token-4711")
        #expect(letter.keys == [key])
        let errors = try ["good", "wrong", "unset", "user"].map { name in
            try settled(world, letter, to: name) { $0.attempts == 1 }.error ?? ""
        }
        world.end()
        #expect(errors[0] == "no route to ${HOOK_URL}")
        #expect(errors[1] == "webhook wrong: what ${HOOK_WRONG} holds is no secret")
        #expect(errors[2] == "webhook unset: the environment variable NOT_SET is not set")
        #expect(errors[3].hasPrefix("webhook user: the address holds a user name"))
        #expect(poster.letters.values.count == 1, "only the one that can be looked up is sent to, and once")
        for line in world.log.values + errors { #expect(!line.contains("canary"), "\(line)") }
    }

    @Test func bothSecretsSignWhileANewOneTakesOver() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        try hook(world)
        let (old, new) = ([UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32))
        func next(_ count: Int) throws -> [[UInt8]] {
            _ = try world.store.write { (transaction) throws(StoreError) in try transaction.sendTest(to: "ops") }
            return try #require(poster.letters.wait(count).last).keys
        }
        #expect(try next(1) == [old])
        try hook(world, secret: "whsec_" + Base64.encode(new))
        #expect(try next(2) == [new, old])
        world.advance(by: Limits.secretOverlap)
        #expect(try next(3) == [new])
        world.end()
    }
}
