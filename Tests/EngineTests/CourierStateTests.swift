import Platform
import Testing

@testable import Engine

struct CourierStateTests {
    private let now = Timestamp(microseconds: 1_700_000_000_000_000)

    private func next(
        _ state: inout CourierState, _ heads: [(String, Int)], seen: Int? = nil, uptime: Int = 0
    ) -> CourierState.Turn {
        state.next(
            heads.map { (target: $0.0, due: now.adding(.seconds($0.1))) }, seen: seen ?? state.news, now: now,
            uptime: .seconds(uptime))
    }

    @Test func everyOneHasItsTurn() {
        var state = CourierState()
        // a has waited longest and has most waiting; it does not keep b from its turn.
        let heads = [("a", -100), ("b", -1)]
        var served: [String] = []
        for _ in 0..<6 {
            guard case .deliver(let target) = next(&state, heads) else { break }
            served.append(target)
            state.release(target, restingUntil: nil)
        }
        #expect(served == ["a", "b", "a", "b", "a", "b"])
    }

    @Test func nobodyGetsTwoAtATime() {
        var state = CourierState()
        #expect(next(&state, [("a", 0)]) == .deliver("a"))
        #expect(next(&state, [("a", 0)]) == .wait(nil))
        #expect(next(&state, [("a", 0), ("b", 7)]) == .wait(.seconds(7)))
    }

    /// One thread has read what waits, and before it has chosen another thread delivers just that.
    @Test func whatWasReadBeforeADeliveryEndedIsNotDeliveredAgain() {
        var state = CourierState()
        let seen = state.news
        #expect(next(&state, [("a", 0)], seen: seen) == .deliver("a"))
        state.release("a", restingUntil: nil)
        #expect(next(&state, [("a", 0)], seen: seen) == .wait(nil))
        #expect(next(&state, [("a", 0), ("b", 0)], seen: seen) == .deliver("b"))
        // News since then let nobody sleep: who looks again sees what waits now.
        #expect(state.news != seen)
        #expect(next(&state, [("a", 5)]) == .wait(.seconds(5)))
        #expect(next(&state, [("a", 0)]) == .deliver("a"))
    }

    @Test func waitsForTheFirstThatFallsDue() {
        var state = CourierState()
        #expect(next(&state, []) == .wait(nil))
        #expect(next(&state, [("a", 30), ("b", 20)]) == .wait(.seconds(20)))
        // Farther ahead than any wait: the clock has gone back.
        #expect(next(&state, [("a", 90_000)]) == .deliver("a"))
    }

    @Test func whatCannotBeRecordedRestsAWhile() {
        var state = CourierState()
        #expect(next(&state, [("a", 0)]) == .deliver("a"))
        state.release("a", restingUntil: .seconds(5))
        #expect(next(&state, [("a", 0)], uptime: 2) == .wait(.seconds(3)))
        #expect(next(&state, [("a", 0)], uptime: 5) == .deliver("a"))
    }
}
