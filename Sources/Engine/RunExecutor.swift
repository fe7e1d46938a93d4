internal import Loading
internal import Model
internal import Platform
internal import Store

/// Carries out one attempt of a run: its steps, then the verdict.
///
/// Its methods block; they run on workers.
final class RunExecutor: Sendable {
    private let store: ControlStore
    private let catalog: Catalog
    private let steps: StepExecutor
    private let records: RunRecords
    private let waiters: FinishWaiters<Run>
    private let lanes: StepLanes
    private let dispatcher: Dispatcher
    private let alarms: AlarmClock
    private let clock: any Clock
    private let log: Log

    /// Makes an executor; `waiters` are told of every run that it finishes.
    init(
        store: ControlStore, catalog: Catalog, steps: StepExecutor, records: RunRecords, waiters: FinishWaiters<Run>,
        lanes: StepLanes, dispatcher: Dispatcher, alarms: AlarmClock, clock: any Clock, log: Log
    ) {
        self.store = store
        self.catalog = catalog
        self.steps = steps
        self.records = records
        self.waiters = waiters
        self.lanes = lanes
        self.dispatcher = dispatcher
        self.alarms = alarms
        self.clock = clock
        self.log = log
    }

    /// Puts a run in line, to be carried out when its turn comes.
    func enqueue(_ job: Job, admitted: Bool = false, wasActive: Bool = false) {
        dispatcher.enqueue(job, admitted: admitted, wasActive: wasActive) { [self] job, stop in perform(job, stop) }
    }

    /// Queues the runs of pipelines that have waited for backfills which are at their end; does not wait for it. What is
    /// lost with the process is made up for by the next start.
    func releaseHeld() {
        store.write { [records] (transaction) throws(StoreError) in
            try records.downstream.release(transaction)
        } completion: { [self] result in
            switch result {
            case .success(let runs): for run in runs { enqueue(Job(starting: run)) }
            case .failure(let error):
                log.error("held pipelines could not be released yet", ["cause": error.description])
            }
        }
    }

    /// Carries out the next attempt of the job's run.
    private func perform(_ job: Job, _ stop: StopToken) -> Dispatcher.Outcome {
        let opened: Opened
        do throws(StoreError) {
            guard let found = try open(job.id) else { return .finished }
            opened = found
        } catch {
            log.error("a run could not be read", ["run": job.id, "cause": error.description])
            return .later(notBefore: clock.uptime() + Limits.recordPause, files: nil)
        }
        switch opened.resolution {
        case .failure(let failure):
            var record = AttemptRecord(beginning: opened.run, at: clock.now())
            let pipeline = Pipeline(name: opened.run.pipeline, steps: [])
            return end(&record, judge([failure], stop.reason, opened.run, pipeline), stop)
        case .success(let resolved):
            // A connection may lead elsewhere by now, the file may have come to be, or the document may be another: the
            // job must hold the files that it writes, and the places, so it waits for them like any other.
            let (files, pools) = (resolved.files, resolved.pools)
            guard files.isSubset(of: job.files), pools == job.pools else {
                return .later(notBefore: nil, files: files, pools: pools)
            }
            var (record, verdict) = AttemptCrew(
                AttemptRecord(beginning: opened.run, at: clock.now()), of: resolved, steps: steps, records: records,
                lanes: lanes, alarms: alarms, clock: clock, stop: stop
            ).perform()
            return end(&record, verdict, stop)
        }
    }

    private struct Opened: Sendable {
        let run: Run
        let resolution: Result<ResolvedPipeline, Failure>
    }

    /// The queued run with its pipeline and files; nil when it is not queued any more.
    private func open(_ id: String) throws(StoreError) -> Opened? {
        try store.read { [catalog, clock] (session) throws(StoreError) -> Opened? in
            guard let run = try session.run(id), run.state == .queued else { return nil }
            let resolution = Result { () throws(Failure) -> ResolvedPipeline in
                let pipeline = try catalog.pipeline(run.pipeline, session)
                // In each attempt: what was young enough for the first may have aged since.
                let stale = try catalog.staleUpstreams(of: pipeline, run.options, at: clock.now(), session)
                if let stale { throw stale }
                // A step that the document lost since then fails by itself; the others still run.
                let names = run.steps.map(\.name).filter { pipeline.step($0) != nil }
                guard !names.isEmpty else { return ResolvedPipeline(pipeline: pipeline, steps: []) }
                return try catalog.resolve(pipeline, steps: names, session)
            }
            return Opened(run: run, resolution: resolution)
        }
    }

    private func judge(
        _ failures: [Failure], _ interrupted: StopToken.Reason?, _ run: Run, _ pipeline: Pipeline
    ) -> AttemptVerdict {
        .judge(
            failures: failures, interrupted: interrupted, run: run, pipeline: pipeline,
            jitter: Double.random(in: 0...1))
    }

    /// Records the attempt's end, then tells those who wait.
    private func end(
        _ record: inout AttemptRecord, _ verdict: AttemptVerdict, _ stop: StopToken
    ) -> Dispatcher.Outcome {
        var verdict = verdict
        // Nobody wants the next attempt of a run that was cancelled while this one failed.
        if case .again = verdict, stop.reason == .cancelled { verdict = .cancelled }
        // The wait counts from here, not from when the end was recorded.
        let ended = clock.uptime()
        record.end(verdict, at: clock.now())
        // Not recorded means that the server stops: the next start finds the truth in the destinations.
        guard let recorded = records.record(record.takeNews()) else { return .finished }
        let run = recorded.run
        for caused in recorded.caused { enqueue(Job(starting: caused)) }
        log.info(
            "run \(run.state.rawValue)",
            [
                "run": run.id, "pipeline": run.pipeline, "attempt": String(run.attempt),
                "error": run.error?.message ?? "none",
            ])
        switch verdict {
        case .again(_, let wait): return .later(notBefore: ended + wait, files: nil)
        case .released: return .later(notBefore: nil, files: nil)
        case .success, .failed, .cancelled:
            waiters.finish(run)
            return .finished
        }
    }
}
