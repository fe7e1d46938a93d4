import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

/// Random runs, failures, backfills, changed watermarks, restarts and jumps of the clock, against a few lines of arithmetic.
struct FreshnessModelTests {
    /// What should be so of a step.
    private struct Line {
        /// Reckoned by the watermark, else by the last success.
        let hasTime: Bool
        let warn: Int?
        let error: Int?
        var mark: Timestamp?
        var success: Timestamp?

        func state(_ now: Timestamp) -> (FreshnessState, since: Timestamp?) {
            if hasTime, mark == nil, success != nil { return (.unknown, nil) }
            let from = (hasTime ? mark : success) ?? World.start
            for (minutes, state) in [(error, FreshnessState.stale), (warn, .warn)] {
                guard let limit = minutes.map({ from.adding(.seconds($0 * 60)) }), limit <= now else { continue }
                return (state, limit)
            }
            return ((hasTime ? mark : success) == nil ? .unknown : .fresh, nil)
        }
    }

    private static let names = ["orders", "looked", "both"]

    private func expected() -> [String: [Line]] {
        [
            "orders": [Line(hasTime: true, warn: 60, error: 180)],
            "looked": [Line(hasTime: false, warn: nil, error: 120)],
            "both": [Line(hasTime: true, warn: 120, error: 240), Line(hasTime: false, warn: 120, error: 240)],
        ]
    }

    private func made() throws -> World {
        let world = try World()
        try world.connection("annex", "annex.db")
        try world.pipeline("orders", more: #""freshness":{"warn_after":"1h","error_after":"3h"},"#)
        try world.pipeline(
            "looked", steps: [World.step("looked", to: "annex")],
            more: #""freshness":{"error_after":"2h","basis":"last_success"},"#)
        try world.pipeline(
            "both", steps: [World.step("a", to: "annex"), World.statements("b", "SELECT 1", after: ["a"])],
            more: #""freshness":{"warn_after":"2h","error_after":"4h"},"#)
        try world.webhook()
        try world.engine.start()
        return world
    }

    private func worst(_ lines: [Line], _ now: Timestamp) -> FreshnessState {
        let order = [FreshnessState.fresh, .unknown, .warn, .stale]
        let places = lines.compactMap { line in order.firstIndex { $0 == line.state(now).0 } }
        return order[places.max() ?? 0]
    }

    // PAINS 47, 48, 50, 51 and 54
    @Test(arguments: [1, 2, 3] as [UInt64]) func holdsWhateverHappens(_ seed: UInt64) throws {
        var random = Seeded(seed)
        var world = try made()
        var lines = expected()
        var isTold: [String: Bool] = [:]
        var told: [String] = []
        var newest: Timestamp?
        var used: Set<Int> = []
        var runs = 0
        for number in 0..<50 {
            let name = FreshnessModelTests.names.randomElement(using: &random) ?? "orders"
            let what = Int.random(in: 0..<20, using: &random)
            switch what {
            case 0...2:
                let passed = Int(world.clock.now().since(World.start).seconds)
                let second = passed - Int.random(in: 0...7_200, using: &random)
                guard used.insert(second).inserted else { break }
                try world.order((100_000 + second)...(100_000 + second))
                newest = max(newest ?? .init(microseconds: .min), World.start.adding(.seconds(second)))
            case 3...8:
                // A row that is too far ahead of a clock that was set back moves no watermark: that is told elsewhere.
                guard newest ?? World.start < world.clock.now().adding(.seconds(240)) else { break }
                #expect(try world.run(name).state == .success)
                runs += 1
                lines[name] = lines[name]?.map { line in
                    var line = line
                    line.success = world.clock.now()
                    if let newest { line.mark = max(line.mark ?? newest, newest) }
                    return line
                }
            case 9:
                world.loader.before { _ throws(Failure) in throw Failure(.internalError, "broken") }
                #expect(try world.run(name).state == .failed)
                runs += 1
                world.loader.before { _ in }
            case 10...11:
                // Moves nothing: neither a watermark nor a success, also of rows that are newer than both.
                guard lines["orders"]?[0].success != nil, newest != nil else { break }
                var request = BackfillRequest(
                    pipeline: "orders", start: .string("2024-03-31"), end: .string("2024-04-09"))
                request.options.reprocess = .completed
                #expect(try world.finish(try world.backfill(request)).state == .success)
            case 12:
                guard lines["orders"]?[0].mark != nil else { break }
                let value = world.clock.now().adding(.seconds(-Int.random(in: 0...14_400, using: &random)))
                let second = Timestamp(microseconds: value.microseconds / 1_000_000 * 1_000_000)
                let change = WatermarkChange(
                    pipeline: "orders", step: "orders", value: .text(second.rfc3339), reason: "again")
                _ = try wait { world.engine.changeWatermark(change, completion: $0) }
                lines["orders"]?[0].mark = second
            case 13...16: world.advance(by: .seconds(Int.random(in: 1...7_200, using: &random)))
            case 17:
                world.clock.set(world.clock.now().adding(.seconds(-Int.random(in: 2...240, using: &random))))
                // Within this time it is seen.
                world.advance(by: Limits.clockLookTime)
            default:
                let downtime = Int.random(in: 0...14_400, using: &random)
                let next = try world.afterCrash(now: world.clock.now().adding(.seconds(downtime)))
                try next.engine.start()
                world.end()
                world = next
            }
            try world.settle()
            let now = world.clock.now()
            for name in FreshnessModelTests.names {
                let own = lines[name] ?? []
                let freshness = try world.freshness(of: name)
                let comment = Comment(rawValue: "seed \(seed), \(number): \(what), \(name): \(freshness.reason)")
                #expect(freshness.state == worst(own, now), comment)
                for (step, line) in zip(freshness.steps, own) {
                    #expect(step.state == line.state(now).0 && step.since == line.state(now).since, comment)
                    #expect(step.clocks.lastSuccessAt == line.success, comment)
                    if line.hasTime { #expect(step.watermarkAt == line.mark, comment) }
                }
                if freshness.state == .stale, isTold[name] != true {
                    isTold[name] = true
                    told.append("freshness.stale")
                } else if freshness.state == .fresh, isTold[name] == true {
                    isTold[name] = false
                    told.append("freshness.recovered")
                }
                #expect(try world.states(of: name).last == freshness.state.rawValue, comment)
            }
            #expect(try world.told().count == told.count, "seed \(seed), \(number)")
        }
        for name in FreshnessModelTests.names {
            let states = try world.states(of: name)
            #expect(zip(states, states.dropFirst()).allSatisfy { $0 != $1 }, "\(states)")
        }
        // Nothing was started by any of it.
        #expect(
            try world.store.read { (session) throws(StoreError) in
                try session.runs(RunFilter(), Page(limit: 1_000)).items.count
            } == runs)
        world.end()
    }
}
