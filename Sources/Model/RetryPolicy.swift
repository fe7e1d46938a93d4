/// How failed attempts of a run are repeated.
public struct RetryPolicy: Sendable, Equatable {
    /// Attempts in all, the first included; at least 1.
    public var maxAttempts: Int
    /// The wait before the second attempt; it doubles with each further one.
    public var backoff: Duration
    /// The longest wait.
    public var maxBackoff: Duration

    /// Makes a policy; three attempts, ten seconds and five minutes unless said.
    public init(maxAttempts: Int = 3, backoff: Duration = .seconds(10), maxBackoff: Duration = .seconds(300)) {
        self.maxAttempts = maxAttempts
        self.backoff = backoff
        self.maxBackoff = maxBackoff
    }

    /// The wait before the attempt after `attempt` (from 1); nil when `failure` is final.
    ///
    /// Only transient failures are repeated. `jitter`, 0 to 1, spreads runs that failed together: the wait lies
    /// between half of the doubled backoff and the whole of it.
    public func delay(after attempt: Int, of failure: Failure, jitter: Double) -> Duration? {
        guard failure.isTransient, attempt < maxAttempts else { return nil }
        var wait = backoff
        for _ in 1..<max(1, attempt) where wait < maxBackoff { wait = wait * 2 }
        wait = min(wait, maxBackoff)
        return wait * (0.5 + 0.5 * min(1, max(0, jitter)))
    }
}
