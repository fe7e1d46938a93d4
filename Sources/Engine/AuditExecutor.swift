internal import Loading
internal import Model
internal import Platform
internal import Store

/// Carries out audits. Its methods block; they run on the auditor's thread.
///
/// An audit is begun again from its start whenever it was broken off: comparing changes nothing, and a repair is
/// recorded with what it wrote, so that it is not repeated.
final class AuditExecutor: Sendable {
    private let store: ControlStore
    private let catalog: Catalog
    private let loader: any StepLoading
    private let records: RunRecords
    private let waiters: FinishWaiters<Audit>
    private let clock: any Clock
    private let log: Log

    /// Makes an executor; `waiters` are told of every audit that it finishes.
    init(
        store: ControlStore, catalog: Catalog, loader: any StepLoading, records: RunRecords,
        waiters: FinishWaiters<Audit>, clock: any Clock, log: Log
    ) {
        self.store = store
        self.catalog = catalog
        self.loader = loader
        self.records = records
        self.waiters = waiters
        self.clock = clock
        self.log = log
    }

    /// Carries out the job's audit.
    func perform(_ job: Job, _ stop: StopToken) -> Dispatcher.Outcome {
        let opened: (audit: Audit, step: Result<ResolvedStep, Failure>)
        do throws(StoreError) {
            guard let found = try open(job.id) else { return .finished }
            opened = found
        } catch {
            log.error("an audit could not be read", ["audit": job.id, "cause": error.description])
            return .later(notBefore: clock.uptime() + Limits.recordPause, files: nil)
        }
        switch opened.step {
        case .failure(let failure): return end(opened.audit, as: .failed, error: failure)
        case .success(let step):
            // What mends a file waits for it like a load.
            let files = opened.audit.options.heal ? step.destination.lockNames : []
            let pools = SlotPool.needed(by: [step.step], of: nil)
            guard files.isSubset(of: job.files), pools == job.pools else {
                return .later(notBefore: nil, files: files, pools: pools)
            }
            return perform(opened.audit, step, stop)
        }
    }

    /// The queued audit with its step; nil when it is not queued any more.
    private func open(_ id: String) throws(StoreError) -> (audit: Audit, step: Result<ResolvedStep, Failure>)? {
        try store.read { [catalog] (session) throws(StoreError) -> (Audit, Result<ResolvedStep, Failure>)? in
            guard let audit = try session.audit(id), audit.state == .queued else { return nil }
            let step = Result { () throws(Failure) -> ResolvedStep in
                let pipeline = try catalog.pipeline(audit.pipeline, session)
                let resolved = try catalog.resolve(pipeline, steps: [audit.step], session)
                guard let step = resolved.load(audit.step) else {
                    throw Failure(.unknownStep, "pipeline \(audit.pipeline) has no step \(audit.step) any more")
                }
                return try step.get()
            }
            return (audit, step)
        }
    }

    private func perform(_ audit: Audit, _ step: ResolvedStep, _ stop: StopToken) -> Dispatcher.Outcome {
        let begun = records.insist("start audit \(audit.id)") { (transaction) throws(StoreError) in
            let begun = try transaction.changeAudit(audit.id, to: .running)
            try RunRecords.append(.audit(.auditStarted, begun), transaction)
            return begun
        }
        guard begun != nil else { return .finished }
        let request = LoadRequest(
            run: audit.id, pipeline: audit.pipeline, step: step.step, attempt: 1, source: step.source.file,
            destination: step.destination.file)
        do throws(Failure) {
            return end(audit, as: .success, result: try loader.audit(request, audit.options, stop: stop))
        } catch {
            switch stop.reason {
            case .cancelled?:
                return end(audit, as: .cancelled, error: Failure(.cancelled, "the audit was cancelled"))
            case .shutdown?: return release(audit)
            case .timedOut?, nil: return end(audit, as: .failed, error: step.redact(error))
            }
        }
    }

    /// Puts an audit back for the next start.
    private func release(_ audit: Audit) -> Dispatcher.Outcome {
        _ = records.insist("release audit \(audit.id)") { (transaction) throws(StoreError) in
            let queued = try transaction.changeAudit(audit.id, to: .queued)
            try RunRecords.append(.audit(.auditReleased, queued), transaction)
        }
        return .later(notBefore: nil, files: nil)
    }

    /// Records an audit's end, then tells those who wait.
    private func end(
        _ audit: Audit, as state: AuditState, result: AuditResult? = nil, error: Failure? = nil
    ) -> Dispatcher.Outcome {
        let ended = records.insist("record audit \(audit.id)") { (transaction) throws(StoreError) in
            let ended = try transaction.changeAudit(audit.id, to: state, result: result, error: error)
            if let result { try AuditExecutor.verify(ended, result, transaction) }
            try RunRecords.append(.audit(.auditFinished, ended), transaction)
            return ended
        }
        // Not recorded means that the server stops: the next start begins it again.
        guard let ended else { return .finished }
        log.info(
            "audit \(ended.state.rawValue)",
            ["audit": ended.id, "pipeline": ended.pipeline, "step": ended.step, "error": error?.message ?? "none"])
        waiters.finish(ended)
        return .finished
    }

    /// Notes how far the step was verified, unless a person has moved its watermark meanwhile.
    private static func verify(
        _ audit: Audit, _ result: AuditResult, _ transaction: Transaction
    ) throws(StoreError) {
        // A comparison with a full refresh looks at more than what lies below the watermark.
        guard audit.options.kind == .audit, let watermark = result.watermark else { return }
        let held = try transaction.watermark(audit.pipeline, audit.step)
        if let held, held.run == nil, held.value != watermark { return }
        try transaction.verify(
            audit.pipeline, audit.step,
            Verification(through: result.verifiedThrough, at: audit.startedAt ?? transaction.now, audit: audit.id))
    }
}
