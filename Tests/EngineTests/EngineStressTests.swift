import Foundation
import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

/// Random histories of triggers, cancels, failures and crashes; at the end every run has ended, none was in hand twice at
/// a time, and the destinations hold what the source holds.
struct EngineStressTests {
    @Test(arguments: 0..<4)
    func losesAndRepeatsNothing(offset: UInt64) throws {
        let seed = 0xE16_0000 + offset
        var random = Seeded(seed)
        var world = try World(workers: Int.random(in: 1...4, using: &random))
        var orders = 50
        try world.order(1...orders)
        for name in ["a", "b", "c"] {
            let steps = [World.step("\(name)1"), World.step("\(name)2", after: ["\(name)1"])]
            try world.pipeline(name, steps: steps, more: World.retries)
        }
        var accepted: [Run] = []
        for round in 0..<4 {
            let chance = Chance(seed: seed + UInt64(round) * 1_000)
            world.loader.before { _ throws(Failure) in try chance.failSometimes() }
            try world.engine.start()
            for _ in 0..<12 {
                switch Int.random(in: 0..<10, using: &random) {
                case ..<7: accepted.append(try world.trigger(["a", "b", "c"].randomElement(using: &random) ?? "a"))
                case ..<8:
                    if let run = accepted.randomElement(using: &random) { _ = try? world.cancel(run) }
                default:
                    orders += 1
                    try world.order(orders...orders)
                    world.advance(by: .seconds(3))
                }
            }
            // Stopped at once: what is in hand goes back to the queue, in the middle of whatever it does.
            if round < 3 {
                world.end(within: .zero)
                #expect(world.loader.clashes.isEmpty, "seed \(seed)")
                let next = try world.afterCrash(workers: Int.random(in: 1...4, using: &random))
                world = next
            }
        }
        // Each run that is laid aside says so, and so does each that has ended.
        let log = world.log
        for run in accepted { world.engine.whenFinished(run.id) { _ in log.send("ended") } }
        while case let lines = log.values, lines.count(where: { $0 == "ended" }) < accepted.count {
            world.advance(by: .seconds(10))
            guard log.wait(lines.count + 1).count > lines.count else { break }
        }
        #expect(log.values.count { $0 == "ended" } == accepted.count, "seed \(seed)")
        for run in accepted {
            let stored = try world.stored(run)
            // Two unlucky loads in a row fail a run; nothing else may.
            let isExpected = stored.state == .failed ? stored.error?.code == .locked : stored.state.isFinal
            #expect(isExpected, "seed \(seed): \(stored)")
        }
        world.loader.before { _ throws(Failure) in }
        for name in ["a", "b", "c"] {
            #expect(try world.run(name).state == .success, "seed \(seed)")
            #expect(try world.rows("\(name)1") == orders, "seed \(seed)")
            #expect(try world.rows("\(name)2") == orders, "seed \(seed)")
        }
        #expect(world.loader.clashes.isEmpty, "seed \(seed)")
        world.end()
    }
}

/// Makes one load in six fail.
private final class Chance: Sendable {
    private let random: Monitor<Seeded>

    init(seed: UInt64) {
        random = Monitor(Seeded(seed))
    }

    func failSometimes() throws(Failure) {
        let fails = random.update { Int.random(in: 0..<6, using: &$0) == 0 }
        if fails { throw Failure(.locked, "locked", isTransient: true) }
    }
}
