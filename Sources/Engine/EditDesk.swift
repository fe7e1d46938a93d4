internal import Model
internal import Synchronization

/// Edits that wait for their file, with those to tell when they are refused. May be used on any thread.
final class EditDesk: Sendable {
    typealias Refusal = @Sendable (Failure) -> Void

    private struct State {
        var refusals: [String: Refusal] = [:]
        var closed: Failure?
    }

    private let state = Mutex(State())

    /// Makes a desk without edits.
    init() {}

    /// Lays an edit down; false, and its refusal told, when the desk is closed.
    func add(_ id: String, _ refusal: @escaping Refusal) -> Bool {
        let closed = state.withLock { state in
            if state.closed == nil { state.refusals[id] = refusal }
            return state.closed
        }
        if let closed { refusal(closed) }
        return closed == nil
    }

    /// Takes an edit up; false when it was refused. Whoever gets true tells its outcome.
    func take(_ id: String) -> Bool {
        state.withLock { $0.refusals.removeValue(forKey: id) != nil }
    }

    /// Refuses an edit that still waits.
    func refuse(_ id: String, _ failure: Failure) {
        state.withLock { $0.refusals.removeValue(forKey: id) }?(failure)
    }

    /// Refuses all that still wait, and those that come.
    func refuseAll(_ failure: Failure) {
        let refusals = state.withLock { state in
            state.closed = failure
            defer { state.refusals = [:] }
            return Array(state.refusals.values)
        }
        for refusal in refusals { refusal(failure) }
    }
}
