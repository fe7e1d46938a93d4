internal import Model
internal import Platform

extension LoadEngine {
    /// Runs `work` on the edit lane as the only one that writes `files`. Once begun it is not stopped; when another keeps
    /// a file for longer than `Limits.editWaitTime`, the completion gets a `conflict` that names `what` is kept and the
    /// `remedy`, and nothing is done.
    func edit<Done: Sendable>(
        _ files: Set<String>, _ what: String, _ remedy: String,
        _ work: @escaping @Sendable () throws(Failure) -> Done,
        _ completion: @escaping @Sendable (Result<Done, Failure>) -> Void
    ) {
        do throws(Failure) { try admit() } catch { return completion(.failure(error)) }
        let job = Job(id: identifiers.next(), kind: .edit, files: files)
        guard edits.add(job.id, { completion(.failure($0)) }) else { return dispatcher.forgo() }
        alarms.set(at: clock.uptime() + Limits.editWaitTime) { [self] in refuseWaiting(job, what, remedy) }
        dispatcher.enqueue(job, admitted: true) { [edits] job, _ in
            guard edits.take(job.id) else { return .finished }
            completion(Result { () throws(Failure) in try work() })
            return .finished
        }
    }

    private func refuseWaiting(_ job: Job, _ what: String, _ remedy: String) {
        guard case .removed = dispatcher.cancel(job.id) else { return }
        let writer = dispatcher.writer(of: job.files).map { "run \($0)" } ?? "another run"
        edits.refuse(
            job.id,
            Failure(
                .conflict, "\(writer) is writing \(what)", hint: "wait for it to end, or cancel it, and \(remedy)",
                isTransient: true))
    }
}
