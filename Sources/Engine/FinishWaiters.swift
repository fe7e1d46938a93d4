internal import Model
internal import Synchronization

/// Those who wait for runs to finish, by run.
///
/// May be used on any thread. Each callback is called at most once, on the thread that reports the run, outside the
/// lock; one that was removed in time is never called.
final class FinishWaiters: Sendable {
    typealias Callback = @Sendable (Result<Run, Failure>) -> Void

    private struct State {
        var callbacks: [String: [Int: Callback]] = [:]
        var next = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Makes an index without waiters.
    init() {}

    /// Adds a callback for a run; nil when the index is closed.
    func add(_ run: String, _ callback: @escaping Callback) -> Int? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            state.next += 1
            state.callbacks[run, default: [:]][state.next] = callback
            return state.next
        }
    }

    /// Takes a callback out, so that it is called by whoever took it and nobody else; nil when it is gone already.
    @discardableResult
    func take(_ run: String, _ waiter: Int) -> Callback? {
        state.withLock { state in
            let callback = state.callbacks[run]?.removeValue(forKey: waiter)
            if state.callbacks[run]?.isEmpty == true { state.callbacks[run] = nil }
            return callback
        }
    }

    /// Tells all that wait for a run that it has finished.
    func finish(_ run: Run) {
        let callbacks = state.withLock { $0.callbacks.removeValue(forKey: run.id) }
        for callback in (callbacks ?? [:]).sorted(by: { $0.key < $1.key }) { callback.value(.success(run)) }
    }

    /// Tells all that still wait why they wait in vain, and takes no more.
    func close(_ failure: Failure) {
        let callbacks = state.withLock { state in
            state.isClosed = true
            defer { state.callbacks = [:] }
            return state.callbacks.values.flatMap(\.values)
        }
        for callback in callbacks { callback(.failure(failure)) }
    }

    /// How many wait.
    var count: Int { state.withLock { $0.callbacks.values.reduce(0) { $0 + $1.count } } }
}
