public import Model
internal import Platform
internal import Store

extension LoadEngine {
    /// Cancels a run. One that waits is cancelled when the completion is called; one in hand is told to end, and the
    /// completion gets it as it is now: it ends as `cancelled`, or as `success` when its work was done before.
    public func cancel(_ id: String, completion: @escaping @Sendable (Result<Run, Failure>) -> Void) {
        switch dispatcher.cancel(id) {
        case .removed(let job): recordCancelled(job, completion)
        case .interrupted:
            // Its end may be recorded already, though its worker has not let go of it.
            let found = Result { () throws(Failure) in try run(id) }
            if case .success(let run) = found, run.state.isFinal { return completion(.failure(whyNotCancelled(id))) }
            completion(found)
        case .unknown: completion(.failure(whyNotCancelled(id)))
        }
    }

    private func recordCancelled(_ job: Job, _ completion: @escaping @Sendable (Result<Run, Failure>) -> Void) {
        store.write { [records] (transaction) throws(StoreError) -> Run? in
            guard let run = try transaction.run(job.id) else { return nil }
            var record = AttemptRecord(waiting: run)
            record.end(.cancelled, at: transaction.now)
            try RunRecords.write(record.takeNews(), transaction, records.lineage)
            return record.run
        } completion: { [self] result in
            switch result {
            case .success(let run?):
                waiters.finish(run)
                completion(.success(run))
            case .success(nil):
                completion(.failure(LoadEngine.unknownRun(job.id)))
            case .failure(let error):
                // It was not cancelled, so it goes on.
                enqueue(job)
                completion(.failure(error.failure))
            }
        }
    }

    private func whyNotCancelled(_ id: String) -> Failure {
        do throws(Failure) {
            let run = try run(id)
            guard run.state.isFinal else {
                return Failure(
                    .conflict, "run \(id) is between two states", hint: "ask again in a moment", isTransient: true)
            }
            return Failure(
                .conflict, "run \(id) has ended already: it is \(run.state.rawValue)",
                hint: "only a queued or running run can be cancelled")
        } catch {
            return error
        }
    }
}
