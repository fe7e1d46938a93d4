internal import Loading
internal import Model
internal import Platform
internal import Store

extension BackfillExecutor {
    /// Publishes what a backfill has staged, which is its last step and decides how it ends; on a job that has the file.
    func publish(_ backfill: Backfill, _ step: ResolvedStep, _ job: Job, _ stop: StopToken) -> Dispatcher.Outcome {
        do throws(Failure) {
            try holding(backfill.id) { () throws(Failure) in
                guard try isToPublish(backfill.id) else { return }
                record(try publish(backfill, step, isTrial: false, stop), of: backfill)
            }
        } catch {
            // The next start publishes it.
            guard stop.reason == nil else { return leave(job, backfill.id) }
            if error.isTransient {
                log.warn("a backfill could not be published yet", ["backfill": backfill.id, "cause": error.message])
                return .later(notBefore: clock.uptime() + Limits.publishPause, files: nil)
            }
            noteUnpublished(backfill, error)
        }
        return leave(job, backfill.id)
    }

    /// Notes why a backfill could not publish itself: it waits for a person then.
    func noteUnpublished(_ backfill: Backfill, _ failure: Failure) {
        let noted = records.insist("note why backfill \(backfill.id) was not published") {
            (transaction) throws(StoreError) in
            let noted = try transaction.noteFailedPublish(backfill.id, failure)
            try RunRecords.append(.backfill(.backfillAwaitingPublish, noted), transaction)
            return noted
        }
        if let noted { tell(noted) }
    }

    /// Publishes what a backfill has staged, or as a trial tells what that would do; on a lane that has the file.
    func publish(
        _ backfill: Backfill, _ step: ResolvedStep, isTrial: Bool, _ stop: StopToken
    ) throws(Failure) -> PartitionResult {
        do throws(Failure) {
            return step.redact(
                try loader.publishBackfill(
                    PublishRequest(
                        backfill: backfill.id, pipeline: backfill.pipeline, step: step.step,
                        destination: step.destination.file, allowShrink: backfill.options.allowShrink, isTrial: isTrial),
                    stop: stop, progress: LoadProgress()))
        } catch {
            // The error of a commit does not tell whether it took place; the destination does.
            let isOpen = [.cancelled, .timedOut, .interrupted, .inputOutput].contains(error.code)
            if isOpen, !isTrial, let found = try? committedPublish(backfill, step) { return found }
            throw step.redact(error)
        }
    }

    /// What publishing a backfill did, as the destination recorded it; nil when it is not published.
    func committedPublish(_ backfill: Backfill, _ step: ResolvedStep) throws(Failure) -> PartitionResult? {
        try loader.committedPublish(backfill: backfill.id, step: backfill.step, destination: step.destination.file)
            .map { step.redact($0) }
    }

    /// Records that a backfill is published; nil when the server stops first: the destination has the truth.
    @discardableResult
    func record(_ result: PartitionResult, of backfill: Backfill) -> Backfill? {
        let recorded = records.insist("record the publishing of backfill \(backfill.id)") {
            (transaction) throws(StoreError) in
            try transaction.recordPublished(backfill, result)
        }
        if let recorded { tell(recorded) }
        return recorded
    }
}

extension Transaction {
    /// Records that a backfill is published, with the event of that; answers it as it is then.
    func recordPublished(_ backfill: Backfill, _ result: PartitionResult) throws(StoreError) -> Backfill {
        let recorded = try recordPublish(backfill.id, result)
        if recorded.state == .success { try RunRecords.append(.backfill(.backfillFinished, recorded), self) }
        return recorded
    }
}
