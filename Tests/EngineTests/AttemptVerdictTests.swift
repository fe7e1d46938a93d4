import Model
import Platform
import Testing

@testable import Engine

struct AttemptVerdictTests {
    private let locked = Failure(.locked, "warehouse.db is locked", isTransient: true)
    private let broken = Failure(.unknownTable, "there is no table orders")

    @Test func anAttemptWithoutFailuresIsASuccess() {
        #expect(judge([], nil) == .success)
    }

    @Test func aFinalFailureIsNotRepeated() {
        #expect(judge([broken], nil) == .failed(broken))
    }

    @Test func aTransientFailureIsRepeatedAfterAWait() {
        #expect(judge([locked], nil) == .again(locked, wait: .seconds(10)))
        #expect(judge([locked], nil, attempt: 2) == .again(locked, wait: .seconds(20)))
        #expect(judge([locked], nil, attempt: 2, jitter: 0) == .again(locked, wait: .seconds(10)))
    }

    @Test func theLastAttemptDecides() {
        #expect(judge([locked], nil, attempt: 3) == .failed(locked))
    }

    @Test func aFinalFailureDecidesOverATransientOne() {
        #expect(judge([locked, broken], nil) == .failed(broken))
    }

    @Test func aCancelledRunIsCancelledWhateverFailedBefore() {
        #expect(judge([locked], .cancelled) == .cancelled)
    }

    @Test func aStoppingServerReleasesTheRunAlsoAtItsLastAttempt() {
        #expect(judge([], .shutdown, attempt: 3) == .released)
    }

    @Test func aTimeOutIsRepeatedAndNamesItsLimit() {
        guard case .again(let failure, .seconds(10)) = judge([], .timedOut) else { return #expect(Bool(false)) }
        #expect(failure.code == .timedOut)
        #expect(failure.message.contains("60.0 s"))
        guard case .failed(let last) = judge([], .timedOut, attempt: 3) else { return #expect(Bool(false)) }
        #expect(last.code == .timedOut)
    }

    private func judge(
        _ failures: [Failure], _ interrupted: StopToken.Reason?, attempt: Int = 1, jitter: Double = 1
    ) -> AttemptVerdict {
        let run = Run(
            id: "1", pipeline: "p", state: .running, trigger: .api, attempt: attempt, options: RunOptions(),
            createdAt: Timestamp(microseconds: 0), steps: [])
        let pipeline = Pipeline(name: "p", timeout: .seconds(60), steps: [])
        return .judge(failures: failures, interrupted: interrupted, run: run, pipeline: pipeline, jitter: jitter)
    }
}
