internal import Loading
internal import Model
internal import Platform
internal import Store

extension BackfillExecutor {
    /// Reads a claimed partition ahead, on a job without files, which then waits for them and keeps what was read.
    func extract(
        _ claimed: ClaimedPartition, _ opened: Opened, _ step: ResolvedStep, _ job: Job, _ stop: StopToken
    ) -> Dispatcher.Outcome {
        var claimed = claimed
        let begun = clock.uptime()
        do throws(Failure) {
            claimed.extracted = try timed(opened, .zero, stop) { () throws(Failure) in
                try loader.extractPartition(
                    request(claimed.partition, opened.backfill, step), stop: stop, progress: claimed.progress)
            }
        } catch {
            return conclude(claimed, end(claimed, after: error, step, opened, stop), opened, job, stop)
        }
        claimed.spent = clock.uptime() - begun
        kept.put(claimed, of: job.id)
        return .later(notBefore: nil, files: step.destination.lockNames)
    }

    /// Loads the partition that a job has kept, or gives it back when the backfill does not go on.
    func goOn(_ claimed: ClaimedPartition, _ job: Job, _ stop: StopToken) -> Dispatcher.Outcome {
        if let reason = stop.reason { return giveBack(claimed, reason == .cancelled ? .cancelled : .released, job) }
        let opened: Opened
        do throws(StoreError) {
            guard let found = try open(claimed.partition.backfill) else { return giveBack(claimed, .released, job) }
            opened = found
        } catch {
            log.error(
                "a backfill could not be read", ["backfill": claimed.partition.backfill, "cause": error.description])
            kept.put(claimed, of: job.id)
            return .later(notBefore: clock.uptime() + Limits.recordPause, files: nil)
        }
        switch opened.step {
        case .failure(let failure) where failure.endsBackfill:
            fail(opened.backfill, failure)
            return giveBack(claimed, .released, job)
        case .success(let step) where !step.destination.lockNames.isSubset(of: job.files):
            // The destination is another file by now, or the backfill was paused and goes on already.
            var claimed = claimed
            claimed.extracted?.close()
            claimed.extracted = nil
            kept.put(claimed, of: job.id)
            return .later(notBefore: nil, files: step.destination.lockNames)
        case .failure, .success: return load(claimed, opened, job, stop)
        }
    }

    private func giveBack(_ claimed: ClaimedPartition, _ end: PartitionEnd, _ job: Job) -> Dispatcher.Outcome {
        claimed.extracted?.close()
        _ = settle(claimed, end, job)
        return leave(job, claimed.partition.backfill)
    }
}

extension PartitionEnd {
    /// It waits again, through no fault of its own.
    static var released: PartitionEnd { .again(nil, notBefore: nil) }
}
