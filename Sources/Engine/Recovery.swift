internal import Loading
internal import Model
internal import Platform
internal import Store

/// Takes up what the last process left unfinished.
///
/// The destination is the truth: a running run whose loads are all recorded there is a success, with the recorded
/// counts; any other goes back to the queue with the next attempt number, which fences the dead attempt off.
struct Recovery {
    /// A run that is to go on.
    struct Restored {
        let job: Job
        /// Whether it is its pipeline's active run.
        let wasActive: Bool
    }

    let store: ControlStore
    let loader: any StepLoading
    let catalog: Catalog
    let downstream: Downstream
    let lineage: LineageDesk?
    let clock: any Clock
    let log: Log

    /// Settles every unfinished run; answers those that are to go on, oldest first. Blocks.
    func perform() throws(StoreError) -> [Restored] {
        let runs = try store.read { (session) throws(StoreError) in try session.activeRuns() }
        var needs: [String: (files: Set<String>, pools: Set<SlotPool>)] = [:]
        var news: [AttemptRecord.News] = []
        var restored: [Restored] = []
        for run in runs {
            var run = run
            if run.state == .running {
                let settled = settle(run)
                news.append(settled)
                run = settled.run
            }
            guard run.state == .queued else { continue }
            let known = needs[run.pipeline] ?? self.needs(of: run)
            needs[run.pipeline] = known
            var job = Job(starting: run)
            (job.files, job.pools) = known
            restored.append(restore(run, job))
        }
        guard !news.isEmpty else { return restored }
        defer { for item in news { lineage?.forget(item.run.id) } }
        let caused = try store.write { [news, downstream, lineage] (transaction) throws(StoreError) in
            var caused: [Run] = []
            for item in news {
                let run = try RunRecords.write(item, transaction, lineage)
                if run.state == .success { caused += try downstream.queue(after: run, transaction) }
            }
            return caused
        }
        return restored + caused.map { Restored(job: Job(starting: $0), wasActive: false) }
    }

    /// Puts every unfinished audit back into the queue, oldest first: one that was in hand begins again. Blocks.
    func takeUpAudits() throws(StoreError) -> [Job] {
        let audits = try store.read { (session) throws(StoreError) in try session.activeAudits() }
        let inHand = audits.filter { $0.state == .running }.map(\.id)
        if !inHand.isEmpty {
            try store.write { (transaction) throws(StoreError) in
                for id in inHand {
                    let audit = try transaction.changeAudit(id, to: .queued)
                    try RunRecords.append(.audit(.auditReleased, audit), transaction)
                }
            }
        }
        // Which files a mending one writes it finds out by itself.
        return audits.map { Job(id: $0.id, kind: .audit, files: []) }
    }

    /// Looks a running run up in its destinations.
    private func settle(_ run: Run) -> AttemptRecord.News {
        var record = AttemptRecord(recovering: run)
        do throws(Failure) {
            let resolved = try resolve(run)
            for step in run.steps where step.state != .success {
                guard let place = try resolved.step(step.name)?.get() else { continue }
                let load = try loader.committed(run: run.id, step: step.name, destination: place.destination.file)
                guard let load else { continue }
                lineage?.look(at: place, of: run.id, columns: true, StopToken())
                // When it was committed, not when that was found: what was loaded before a downtime is as old as that.
                record.succeed(
                    step.name, place.redact(load.result), watermark: load.watermark, at: load.committedAt ?? clock.now()
                )
            }
        } catch {
            // The run goes back to the queue, and says by itself what is wrong with its destination.
            log.warn(
                "an interrupted run could not be looked up in its destination",
                ["run": run.id, "pipeline": run.pipeline, "cause": error.message])
        }
        let isWhole = record.run.steps.allSatisfy { $0.state == .success }
        record.end(isWhole ? .success : .released, at: clock.now())
        log.info(
            isWhole ? "an interrupted run had finished in its destination" : "an interrupted run is queued again",
            ["run": run.id, "pipeline": run.pipeline])
        return record.takeNews()
    }

    private func restore(_ run: Run, _ job: Job) -> Restored {
        var job = job
        // The wall clock may have jumped since: no wait is longer than any policy could ask for.
        let wait = run.retryAt.map { min(max(.zero, $0.since(clock.now())), Limits.longestBackoff) }
        job.notBefore = wait.map { clock.uptime() + $0 }
        return Restored(job: job, wasActive: run.attempt > 1)
    }

    /// The files that the pipeline writes, and its pools; none when they cannot be told, and then the run finds out by
    /// itself.
    private func needs(of run: Run) -> (files: Set<String>, pools: Set<SlotPool>) {
        do throws(Failure) {
            let resolved = try resolve(run)
            return (resolved.files, resolved.pools)
        } catch {
            return ([], [])
        }
    }

    private func resolve(_ run: Run) throws(Failure) -> ResolvedPipeline {
        try store.reading { [catalog] (session) throws(Failure) in
            let pipeline = try catalog.pipeline(run.pipeline, session)
            let names = run.steps.map(\.name).filter { pipeline.step($0) != nil }
            guard !names.isEmpty else { return ResolvedPipeline(pipeline: pipeline, steps: []) }
            return try catalog.resolve(pipeline, steps: names, session)
        }
    }
}
