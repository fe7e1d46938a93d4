internal import Model
internal import Synchronization

/// Those who wait for runs, or for other work, to finish, by its identifier.
///
/// May be used on any thread. Each callback is called at most once, on the thread that reports the work, outside the
/// lock; one that was removed in time is never called.
final class FinishWaiters<Work: Sendable & Identifiable>: Sendable where Work.ID == String {
    typealias Callback = @Sendable (Result<Work, Failure>) -> Void

    private struct State {
        var callbacks: [String: [Int: Callback]] = [:]
        var next = 0
        var isClosed = false
    }

    private let state = Mutex<State>(State())

    /// Makes an index without waiters.
    init() {}

    /// Adds a callback for a piece of work; nil when the index is closed.
    func add(_ id: String, _ callback: @escaping Callback) -> Int? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            state.next += 1
            state.callbacks[id, default: [:]][state.next] = callback
            return state.next
        }
    }

    /// Takes a callback out, so that it is called by whoever took it and nobody else; nil when it is gone already.
    @discardableResult
    func take(_ id: String, _ waiter: Int) -> Callback? {
        state.withLock { state in
            let callback = state.callbacks[id]?.removeValue(forKey: waiter)
            if state.callbacks[id]?.isEmpty == true { state.callbacks[id] = nil }
            return callback
        }
    }

    /// Tells all that wait for a piece of work that it has finished.
    func finish(_ work: Work) {
        let callbacks = state.withLock { $0.callbacks.removeValue(forKey: work.id) }
        for callback in (callbacks ?? [:]).sorted(by: { $0.key < $1.key }) { callback.value(.success(work)) }
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
