import Model
import Testing

@testable import Engine

struct StepSequenceTests {
    private func sequence(_ nodes: (String, [String])...) -> StepSequence {
        StepSequence(nodes.map { StepSequence.Node(name: $0.0, dependsOn: $0.1, writes: [$0.0]) })
    }

    @Test func whatIsIndependentRunsSideBySide() {
        var sequence = sequence(("a", []), ("b", ["a"]), ("c", []))
        #expect([sequence.next(), sequence.next(), sequence.next()] == [.run("a"), .run("c"), .wait])
        sequence.succeed("a")
        #expect([sequence.next(), sequence.next()] == [.run("b"), .wait])
        sequence.succeed("c")
        sequence.succeed("b")
        #expect([sequence.next(), sequence.next()] == [.done, .done])
    }

    @Test func skipsWhatDependsOnAFailureAndNamesItsCause() {
        var sequence = sequence(("a", []), ("b", ["a"]), ("c", ["b"]), ("d", []))
        #expect(sequence.next() == .run("a"))
        sequence.fail("a", forGood: true)
        #expect(sequence.next() == .skip("b", because: "a"))
        #expect(sequence.next() == .skip("c", because: "a"))
        #expect(sequence.next() == .run("d"))
    }

    @Test func aStepIsSkippedOnceAllBeforeItHaveEnded() {
        var sequence = sequence(("a", []), ("b", []), ("c", ["a", "b"]))
        _ = sequence.next()
        _ = sequence.next()
        sequence.fail("b", forGood: true)
        #expect(sequence.next() == .wait)
        sequence.fail("a", forGood: true)
        #expect(sequence.next() == .skip("c", because: "a"))
    }

    @Test func aDependencyOutsideTheRunCountsAsMet() {
        var sequence = sequence(("b", ["a"]))
        #expect(sequence.next() == .run("b"))
    }

    @Test func stepsThatShareAFileRunOneAfterAnother() {
        var sequence = StepSequence([
            .init(name: "a", dependsOn: [], reads: ["shop"], writes: ["warehouse"]),
            .init(name: "b", dependsOn: [], reads: ["shop"], writes: ["warehouse"]),
            .init(name: "c", dependsOn: [], reads: ["shop"], writes: ["mart"]),
            // It reads what a and b write, and is listed behind them.
            .init(name: "d", dependsOn: [], reads: ["warehouse"], writes: ["copy"]),
        ])
        #expect([sequence.next(), sequence.next(), sequence.next()] == [.run("a"), .run("c"), .wait])
        sequence.succeed("a")
        #expect([sequence.next(), sequence.next()] == [.run("b"), .wait])
        sequence.fail("b", forGood: false)
        #expect(sequence.next() == .run("d"))
    }

    @Test func whatAnotherAttemptMayMendHoldsWhatRunsAfterAnyEnd() {
        var sequence = StepSequence([
            .init(name: "a", dependsOn: []), .init(name: "b", dependsOn: ["a"]),
            .init(name: "c", dependsOn: ["b"], when: .allDone), .init(name: "d", dependsOn: ["c"]),
        ])
        #expect(sequence.next() == .run("a"))
        sequence.fail("a", forGood: false)
        #expect([sequence.next(), sequence.next()] == [.skip("b", because: "a"), .done])
        sequence.giveUp()
        #expect(sequence.next() == .run("c"))
        sequence.succeed("c")
        #expect(sequence.next() == .run("d"))
    }

    @Test func whenTheTimeIsOverOnlyWhatAlwaysRunsIsLeft() {
        var sequence = StepSequence([
            .init(name: "a", dependsOn: []), .init(name: "b", dependsOn: ["a"], when: .allDone),
            .init(name: "c", dependsOn: ["b"], when: .always),
        ])
        #expect(sequence.next() == .run("a"))
        sequence.leave("a")
        sequence.close()
        #expect(sequence.next() == .run("c"))
        sequence.succeed("c")
        #expect(sequence.next() == .done)
    }

    /// Against an oracle that settles the steps one by one in their order, whatever ran beside what.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func agreesWithAnOracle(seed: UInt64) {
        var numbers = Numbers(seed: seed)
        for round in 0..<500 {
            let model = Model(&numbers)
            var sequence = StepSequence(model.nodes)
            var running: [String] = []
            var met: [String: Model.End] = [:]
            var hasGivenUp = false
            while true {
                let next = running.count < model.lanes ? sequence.next() : .wait
                switch next {
                case .run(let name):
                    model.check(name, beside: running, after: met, "round \(round) of seed \(seed)")
                    running.append(name)
                    continue
                case .skip(let name, let cause):
                    met[name] = .skipped(because: cause)
                    continue
                case .wait: break
                case .done where hasGivenUp: break
                case .done:
                    #expect(met == model.ends(givenUp: false), "round \(round) of seed \(seed), before giving up")
                    hasGivenUp = true
                    sequence.giveUp()
                    continue
                }
                guard !running.isEmpty else { break }
                let name = running.remove(at: Int(numbers.next() % UInt64(running.count)))
                let outcome = model.outcomes[name] ?? .success
                if outcome == .success {
                    sequence.succeed(name)
                } else {
                    sequence.fail(name, forGood: outcome == .failed)
                }
                met[name] = outcome
            }
            #expect(met == model.ends(givenUp: true), "round \(round) of seed \(seed)")
        }
    }
}

/// A small generator that gives the same numbers on every machine.
private struct Numbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) ^ (state << 31)
    }
}

/// A graph with the end that each step would come to if it ran.
private struct Model {
    enum End: Equatable {
        case success, failed, failedForNow
        case skipped(because: String)
    }

    var nodes: [StepSequence.Node] = []
    var outcomes: [String: End] = [:]
    let lanes: Int

    init(_ numbers: inout Numbers) {
        lanes = Int.random(in: 1...4, using: &numbers)
        let ends: [End] = [.success, .success, .success, .failed, .failedForNow]
        for number in 0..<Int.random(in: 1...9, using: &numbers) {
            var node = StepSequence.Node(
                name: "s\(number)",
                dependsOn: (0..<number).filter { _ in Int.random(in: 0..<3, using: &numbers) == 0 }.map { "s\($0)" },
                when: StepCondition.allCases.randomElement(using: &numbers) ?? .allSuccess)
            node.writes = ["f\(Int.random(in: 0..<4, using: &numbers))"]
            node.reads = Set(["f\(Int.random(in: 0..<6, using: &numbers))"]).subtracting(node.writes)
            nodes.append(node)
            outcomes[node.name] = ends.randomElement(using: &numbers) ?? .success
        }
    }

    /// The end of every step that comes to one, before or after all failures are for good.
    func ends(givenUp: Bool) -> [String: End] {
        var ends: [String: End] = [:]
        /// What another attempt may mend.
        var open: Set<String> = []
        for node in nodes {
            let bad = node.dependsOn.filter { ends[$0] != nil && ends[$0] != .success }
            let unsettled = node.dependsOn.filter { open.contains($0) }
            if node.when == .allSuccess, !bad.isEmpty {
                let cause = bad.first { !open.contains($0) } ?? bad[0]
                if case .skipped(let first) = ends[cause] {
                    ends[node.name] = .skipped(because: first)
                } else {
                    ends[node.name] = .skipped(because: cause)
                }
                if open.contains(cause) { open.insert(node.name) }
            } else if !unsettled.isEmpty {
                open.insert(node.name)
            } else {
                ends[node.name] = outcomes[node.name]
                if !givenUp, outcomes[node.name] == .failedForNow { open.insert(node.name) }
            }
        }
        // What was skipped before failures were for good keeps the cause that it had then.
        guard givenUp else { return ends }
        let before = self.ends(givenUp: false)
        return ends.merging(before) { _, earlier in earlier }
    }

    func check(_ name: String, beside running: [String], after met: [String: End], _ place: String) {
        guard let node = nodes.first(where: { $0.name == name }) else { return }
        for other in nodes where running.contains(other.name) {
            let isApart =
                other.writes.isDisjoint(with: node.writes.union(node.reads))
                && node.writes.isDisjoint(with: other.reads)
            #expect(isApart, "\(name) beside \(other.name), \(place)")
        }
        #expect(!node.dependsOn.contains { running.contains($0) }, "\(name), \(place)")
        if node.when == .allSuccess { #expect(node.dependsOn.allSatisfy { met[$0] == .success }, "\(name), \(place)") }
    }
}
