import Model
import Testing

struct RetryPolicyTests {
    private let transient = Failure(.locked, "the destination is locked", isTransient: true)
    private let terminal = Failure(.unknownColumn, "there is no such column")

    @Test func repeatsOnlyTransientFailures() {
        let policy = RetryPolicy()
        #expect(policy.delay(after: 1, of: transient, jitter: 1) != nil)
        #expect(policy.delay(after: 1, of: terminal, jitter: 1) == nil)
    }

    @Test func stopsAfterTheLastAttempt() {
        let policy = RetryPolicy(maxAttempts: 3)
        #expect(policy.delay(after: 2, of: transient, jitter: 1) != nil)
        #expect(policy.delay(after: 3, of: transient, jitter: 1) == nil)
        #expect(RetryPolicy(maxAttempts: 1).delay(after: 1, of: transient, jitter: 1) == nil)
    }

    @Test(arguments: [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (90, 300)])
    func doublesTheWaitUpToItsBound(attempt: Int, seconds: Int) {
        let policy = RetryPolicy(maxAttempts: 100)
        #expect(policy.delay(after: attempt, of: transient, jitter: 1) == .seconds(seconds))
    }

    @Test func jitterSpreadsTheWaitOverItsUpperHalf() {
        let policy = RetryPolicy()
        #expect(policy.delay(after: 1, of: transient, jitter: 0) == .seconds(5))
        #expect(policy.delay(after: 1, of: transient, jitter: 0.5) == .milliseconds(7_500))
        #expect(policy.delay(after: 1, of: transient, jitter: -3) == .seconds(5))
        #expect(policy.delay(after: 1, of: transient, jitter: 9) == .seconds(10))
    }
}
