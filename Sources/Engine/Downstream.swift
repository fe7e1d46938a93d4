internal import Model
internal import Platform
internal import Store

/// Queues the runs that the success of a run causes: one of each pipeline that runs after it.
struct Downstream: Sendable {
    let catalog: Catalog
    let identifiers: IdentifierMaker
    let clock: any Clock
    let log: Log

    /// Queues what runs after `run`, which has just succeeded, in the transaction that records its success, so that a
    /// crash leaves both or neither; answers the runs that are new.
    ///
    /// A pipeline whose run waits for its start already gets none: that run will see what there is now. One that a
    /// backfill holds gets its run when that is at its end.
    func queue(after run: Run, _ transaction: Transaction) throws(StoreError) -> [Run] {
        var free: [String] = []
        for name in try transaction.downstreams(of: run.pipeline) {
            if try transaction.holder(of: name) != nil { try transaction.hold(name) } else { free.append(name) }
        }
        return try queue(free, transaction)
    }

    /// Queues one run of each pipeline that has waited for backfills which are at their end; answers the runs that are
    /// new.
    func release(_ transaction: Transaction) throws(StoreError) -> [Run] {
        try queue(try transaction.releaseHeld(), transaction)
    }

    private func queue(_ names: [String], _ transaction: Transaction) throws(StoreError) -> [Run] {
        var queued: [Run] = []
        for name in names {
            guard try !transaction.waitsForUpstream(name), let next = try self.run(of: name, transaction) else {
                continue
            }
            try transaction.insertRun(next)
            try RunRecords.append(.run(.runQueued, next), transaction)
            queued.append(next)
        }
        return queued
    }

    private func run(of name: String, _ session: ReadSession) throws(StoreError) -> Run? {
        let pipeline: Pipeline
        do throws(Failure) {
            pipeline = try catalog.pipeline(name, session)
        } catch {
            // What another program stored is no reason to lose the success of the run before it.
            log.error("a pipeline that runs after another cannot be read", ["pipeline": name, "cause": error.message])
            return nil
        }
        return Run(
            id: identifiers.next(), pipeline: name, state: .queued, trigger: .upstream, attempt: 1,
            options: RunOptions(of: pipeline), createdAt: clock.now(),
            steps: pipeline.stepsInOrder.map { StepRun(of: $0) })
    }
}
