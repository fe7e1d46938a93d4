import Model
import Platform
import Store
import Synchronization
import Testing

@testable import Engine

/// Crashes at chance moments, some of them between a delivery and its record.
struct OutboxCrashTests {
    private struct Got: Sendable {
        var bodies: [String: Set<String>] = [:]
        var times: [String: Int] = [:]
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func everyMessageArrivesAtLeastOnceAndIsTheSame(_ seed: UInt64) throws {
        var random = Seeded(seed)
        let got = Mutex(Got())
        let sent = Mutex<Set<String>>([])
        var world = try World()
        try world.pipeline("orders")
        let definition = WebhookDefinition(name: "ops", url: "https://example.org/")
        let made = try #require(WebhookSecret("whsec_" + Base64.encode([UInt8](repeating: 1, count: 32))))
        try world.store.write { (transaction) throws(StoreError) in
            _ = try transaction.putWebhook(definition, made: made)
        }
        for _ in 0..<12 {
            let isCrashed = Signal<Bool>()
            // Delivered so many, the receiver holds on to the next: its delivery is not recorded when the crash comes.
            let count = Int.random(in: 1...4, using: &random)
            let mayPass = Mutex(Int.random(in: 0..<count, using: &random))
            let refuses = Bool.random(using: &random)
            let isIn = Signal<Bool>()
            let poster = ScriptedPoster { letter, stop in
                if refuses, letter.message.utf8.last.map({ $0 % 2 == 0 }) ?? false {
                    return .answered(status: 503, retryAfter: nil)
                }
                got.withLock { got in
                    got.bodies[letter.message, default: []].insert(letter.body)
                    got.times[letter.message, default: 0] += 1
                }
                let passes = mayPass.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if passes { return .answered(status: 200, retryAfter: nil) }
                isIn.open()
                _ = isCrashed.wait()
                return .failed("crashed")
            }
            let next = try world.afterCrash(poster: poster)
            world.end()
            world = next
            try world.engine.start()
            for _ in 0..<count {
                let delivery = try world.store.write { (transaction) throws(StoreError) in
                    try transaction.sendTest(to: "ops")
                }
                _ = sent.withLock { $0.insert(delivery.message) }
            }
            if Bool.random(using: &random) { world.advance(by: .seconds(86_400)) }
            if !refuses { _ = isIn.wait() }
            // The image is taken while a delivery is in hand; what the process does afterwards is not in it.
            let image = try world.afterCrash()
            isCrashed.open()
            world.end()
            world = image
        }
        let poster = ScriptedPoster { letter, _ in
            got.withLock { got in
                got.bodies[letter.message, default: []].insert(letter.body)
                got.times[letter.message, default: 0] += 1
            }
            return .answered(status: 200, retryAfter: nil)
        }
        let last = try world.afterCrash(poster: poster)
        world.end()
        let waiting = try waiting(last)
        try last.engine.start()
        // All that wait are due within a day.
        last.advance(by: .seconds(86_400))
        for message in waiting { _ = poster.letters.wait { $0.message == message } }
        last.end()
        let all = sent.withLock { $0 }
        let received = got.withLock { $0 }
        #expect(all.isSubset(of: Set(received.bodies.keys)), "seed \(seed)")
        #expect(Set(received.bodies.keys) == all)
        #expect(received.bodies.values.allSatisfy { $0.count == 1 })
        // Some came twice: at least once is what is promised.
        #expect(received.times.values.contains { $0 > 1 }, "seed \(seed)")
    }

    /// The messages that wait for their delivery.
    private func waiting(_ world: World) throws -> [String] {
        try world.store.read { (session) throws(StoreError) in
            try session.deliveries(of: "ops", state: .pending, Page(limit: 100)).items.map(\.message)
        }
    }
}
