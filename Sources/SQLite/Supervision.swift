internal import CSQLite
internal import Platform

/// What SQLite asks, on the connection's own thread, while it works or waits: go on, or give up?
///
/// `sqlite3_interrupt` alone is not enough: it is forgotten when it comes just before a statement starts, and
/// SQLite's own busy handler sleeps through it.
final class Supervision {
    let handle: InterruptHandle
    let busyTime: Duration
    /// The uptime after which statements are stopped.
    var deadline: Duration?
    /// Whether the deadline has stopped a statement.
    private(set) var missedDeadline = false
    /// Whether the last wait for a lock ended by an interrupt.
    private(set) var gaveUpWaiting = false
    private let clock = SystemClock()
    private var waitEnd: Duration = .zero
    private var interruptsBefore = 0

    init(handle: InterruptHandle, busyTime: Duration) {
        self.handle = handle
        self.busyTime = busyTime
    }

    /// Sets both handlers; `self` must outlive the connection's use of them.
    func install(on database: OpaquePointer) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_busy_handler(
            database,
            { context, attempts in
                guard let context else { return 0 }
                return Unmanaged<Supervision>.fromOpaque(context)._withUnsafeGuaranteedRef {
                    $0.waits(attempt: attempts) ? 1 : 0
                }
            }, context)
        // Some hundred microseconds of work: no cost to be measured, and a stop is seen at once.
        sqlite3_progress_handler(
            database, 20_000,
            { context in
                guard let context else { return 0 }
                return Unmanaged<Supervision>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.mustStop ? 1 : 0 }
            }, context)
    }

    /// Begins a use of a statement.
    func start() {
        missedDeadline = false
        gaveUpWaiting = false
    }

    private var mustStop: Bool {
        if handle.isShielded { return false }
        if handle.isStopped { return true }
        guard let deadline, clock.uptime() > deadline else { return false }
        missedDeadline = true
        return true
    }

    /// Sleeps a little before the next try for a lock; false when the time is up or the work is stopped.
    private func waits(attempt: Int32) -> Bool {
        let now = clock.uptime()
        if attempt == 0 {
            waitEnd = now + busyTime
            interruptsBefore = handle.count
        }
        if mustStop || (handle.count != interruptsBefore && !handle.isShielded) {
            gaveUpWaiting = true
            return false
        }
        let left = waitEnd - now
        guard left > .zero else { return false }
        let pause = min(left, .milliseconds(min(25, 1 << min(Int(attempt), 5))))
        sqlite3_sleep(Int32(max(1, pause.microseconds / 1_000)))
        return true
    }
}
