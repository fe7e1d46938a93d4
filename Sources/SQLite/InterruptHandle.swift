internal import CSQLite
internal import Synchronization

/// Stops what a connection is doing, from any thread, also while or after the connection closes.
public final class InterruptHandle: Sendable {
    private struct State: @unchecked Sendable {
        // SAFETY: the pointer is only used under the lock of `state`, and cleared under it before the close.
        var database: OpaquePointer?
        var shielded = false
    }

    private let state: Mutex<State>
    private let interrupts = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)

    init(_ database: OpaquePointer) {
        state = Mutex(State(database: database))
    }

    /// Makes the running statement fail as interrupted, within milliseconds; does nothing when none runs.
    ///
    /// A rollback is never interrupted.
    public func interrupt() {
        state.withLock { state in
            guard let database = state.database, !state.shielded else { return }
            interrupts.add(1, ordering: .relaxed)
            sqlite3_interrupt(database)
        }
    }

    /// Interrupts, and makes every later statement but a rollback fail as interrupted.
    func stop() {
        stopped.store(true, ordering: .releasing)
        interrupt()
    }

    /// Whether `stop` was called.
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    /// How many interrupts have been let through.
    var count: Int { interrupts.load(ordering: .relaxed) }

    /// Whether interrupts are held off.
    var isShielded: Bool { state.withLock { $0.shielded } }

    /// Runs `body` without letting interrupts through.
    func shielding<Result>(_ body: () -> Result) -> Result {
        state.withLock { $0.shielded = true }
        defer { state.withLock { $0.shielded = false } }
        return body()
    }

    /// Lets go of the connection, which may be closed when this returns.
    func detach() {
        state.withLock { $0.database = nil }
    }
}
