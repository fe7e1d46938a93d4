import Platform
import Testing

@testable import Engine

/// Schedules come up in the order of their times, whatever was set before.
struct SchedulerStateTests {
    private func at(_ seconds: Int) -> Timestamp { Timestamp(microseconds: Int64(seconds) * 1_000_000) }

    @Test func takesWhatIsDueInOrder() {
        let state = Held()
        for (name, seconds) in [("c", 30), ("a", 10), ("d", 40), ("b", 20)] { state.set(name, at(seconds)) }
        #expect(state.next() == at(10))
        #expect(state.takeDue(at: at(30)) == ["a", "b", "c"])
        #expect(state.next() == at(40) && state.count == 1)
    }

    @Test func theLastWordCounts() {
        let state = Held()
        state.set("a", at(10))
        state.set("b", at(20))
        state.set("a", at(30))
        state.set("b", nil)
        #expect(state.takeDue(at: at(20)).isEmpty)
        #expect(state.next() == at(30))
        state.replace(["c": at(5)])
        #expect(state.takeDue(at: at(100)) == ["c"])
        #expect(state.next() == nil)
    }

    @Test(arguments: 0..<20) func doesWhatASortedListDoes(_ seed: Int) {
        var random = Seeded(UInt64(seed))
        let state = Held()
        var oracle: [String: Timestamp] = [:]
        for _ in 0..<2_000 {
            let name = "p\(Int.random(in: 0..<50, using: &random))"
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let time = at(Int.random(in: 0..<1_000, using: &random))
                state.set(name, time)
                oracle[name] = time
            case 6:
                state.set(name, nil)
                oracle[name] = nil
            default:
                let now = at(Int.random(in: 0..<1_000, using: &random))
                let due = oracle.filter { $0.value <= now }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(
                    \.key)
                #expect(state.takeDue(at: now) == due)
                for name in due { oracle[name] = nil }
            }
            #expect(state.next() == oracle.values.min())
        }
    }

    @Test func noticesAClockThatWasSetBack() {
        let state = Held()
        #expect(!state.noteSetBack(at(100)))
        #expect(!state.noteSetBack(at(200)))
        #expect(!state.noteSetBack(at(199)))
        #expect(state.noteSetBack(at(150)))
        #expect(!state.noteSetBack(at(150)))
    }
}

/// A state that an expectation may change.
private final class Held {
    private var state = SchedulerState()

    var count: Int { state.count }

    func next() -> Timestamp? { state.next() }

    func set(_ pipeline: String, _ at: Timestamp?) { state.set(pipeline, at) }

    func replace(_ wakes: [String: Timestamp]) { state.replace(wakes) }

    func takeDue(at now: Timestamp) -> [String] { state.takeDue(at: now) }

    func noteSetBack(_ now: Timestamp) -> Bool { state.noteSetBack(now) }
}
