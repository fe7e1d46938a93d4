internal import Glibc
internal import Synchronization

/// The wall clock and the monotonic clock, in one protocol so that tests inject both.
///
/// Every method may be called on any thread.
public protocol Clock: Sendable {
    /// The wall clock's time; it may jump either way.
    func now() -> Timestamp
    /// Time since an arbitrary start; it never goes back.
    func uptime() -> Duration
}

/// The machine's own clocks.
public struct SystemClock: Clock {
    /// Makes a reader of the machine's clocks.
    public init() {}

    /// The machine's real-time clock.
    public func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    /// The machine's monotonic clock.
    public func uptime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}

/// A clock that stands still until it is moved.
public final class ManualClock: Clock {
    private let state: Mutex<(now: Timestamp, uptime: Duration)>

    /// Makes a clock that shows `now`; its uptime starts at zero.
    public init(_ now: Timestamp) {
        state = Mutex((now, .zero))
    }

    /// The time it was last moved to.
    public func now() -> Timestamp { state.withLock { $0.now } }

    /// The sum of all it was advanced by.
    public func uptime() -> Duration { state.withLock { $0.uptime } }

    /// Moves both clocks forward.
    public func advance(by duration: Duration) {
        state.withLock { $0 = ($0.now.adding(duration), $0.uptime + duration) }
    }

    /// Sets the wall clock alone, as an operator or a time server would.
    public func set(_ now: Timestamp) {
        state.withLock { $0.now = now }
    }
}
