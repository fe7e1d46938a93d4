public import Model

/// Someone's wait for a run, an audit or a backfill to finish.
public struct FinishWait: Sendable {
    /// Takes the callback out; false when it was called.
    let take: @Sendable () -> Bool

    /// Ends the wait; when this returns true, the callback was not called and never will be.
    @discardableResult
    public func cancel() -> Bool { take() }
}

extension LoadEngine {
    /// Calls `callback` once: when the run has finished and its end is durable (at once, if it has already), when there
    /// is no such run, or when the server stops first. May be called on any thread; the callback must be short.
    @discardableResult
    public func whenFinished(
        _ id: String, _ callback: @escaping @Sendable (Result<Run, Failure>) -> Void
    ) -> FinishWait {
        wait(for: id, among: waiters, isFinal: \.state.isFinal, callback) { () throws(Failure) in try run(id) }
    }

    /// Calls `callback` once: when the audit has finished and its end is durable (at once, if it has already), when
    /// there is no such audit, or when the server stops first. May be called on any thread; the callback must be short.
    @discardableResult
    public func whenAudited(
        _ id: String, _ callback: @escaping @Sendable (Result<Audit, Failure>) -> Void
    ) -> FinishWait {
        wait(for: id, among: auditWaiters, isFinal: \.state.isFinal, callback) { () throws(Failure) in try audit(id) }
    }

    /// Calls `callback` once: when the backfill has ended, nothing of it is in hand any more and that is durable (at once,
    /// if so already), when there is no such backfill, or when the server stops first. May be called on any thread; the
    /// callback must be short.
    @discardableResult
    public func whenBackfilled(
        _ id: String, _ callback: @escaping @Sendable (Result<Backfill, Failure>) -> Void
    ) -> FinishWait {
        wait(
            for: id, among: backfillWaiters,
            isFinal: { $0.isSettled || $0.state == .awaitingPublish && !$0.publishesItself }, callback
        ) {
            () throws(Failure) in try backfill(id)
        }
    }

    private func wait<Work>(
        for id: String, among waiters: FinishWaiters<Work>, isFinal: (Work) -> Bool,
        _ callback: @escaping @Sendable (Result<Work, Failure>) -> Void, find: () throws(Failure) -> Work
    ) -> FinishWait {
        guard let waiter = waiters.add(id, callback) else {
            callback(.failure(.serverStops))
            return FinishWait { false }
        }
        // Looked up after the callback was added, so that an end between the two is not missed.
        let found = Result { () throws(Failure) in try find() }
        if case .success(let work) = found, !isFinal(work) {
            return FinishWait { waiters.take(id, waiter) != nil }
        }
        waiters.take(id, waiter)?(found)
        return FinishWait { false }
    }
}
