public import Model

/// Someone's wait for a run to finish.
public struct FinishWait: Sendable {
    let waiters: FinishWaiters
    let run: String
    let waiter: Int?

    /// Ends the wait; when this returns true, the callback was not called and never will be.
    @discardableResult
    public func cancel() -> Bool {
        guard let waiter else { return false }
        return waiters.take(run, waiter) != nil
    }
}

extension LoadEngine {
    /// Calls `callback` once: when the run has finished and its end is durable (at once, if it has already), when there
    /// is no such run, or when the server stops first. May be called on any thread; the callback must be short.
    @discardableResult
    public func whenFinished(
        _ id: String, _ callback: @escaping @Sendable (Result<Run, Failure>) -> Void
    ) -> FinishWait {
        guard let waiter = waiters.add(id, callback) else {
            callback(.failure(.serverStops))
            return FinishWait(waiters: waiters, run: id, waiter: nil)
        }
        // Looked up after the callback was added, so that an end between the two is not missed.
        let found = Result { () throws(Failure) in try run(id) }
        if case .success(let run) = found, !run.state.isFinal {
            return FinishWait(waiters: waiters, run: id, waiter: waiter)
        }
        waiters.take(id, waiter)?(found)
        return FinishWait(waiters: waiters, run: id, waiter: nil)
    }
}
