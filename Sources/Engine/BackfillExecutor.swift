internal import Loading
internal import Model
internal import Platform
internal import Store

/// Loads the partitions of backfills, one after the other. Its methods that take a job block; they run on the lanes for
/// backfills.
///
/// It never touches a run, a watermark, a schedule or what freshness is judged by.
final class BackfillExecutor: Sendable {
    private let store: ControlStore
    private let catalog: Catalog
    let loader: any StepLoading
    let records: RunRecords
    private let runs: RunExecutor
    private let feeder: BackfillFeeder
    private let board: PartitionBoard
    private let publishing: PublishDesk
    let kept: KeptPartitions
    private let waiters: FinishWaiters<Backfill>
    private let alarms: AlarmClock
    let clock: any Clock
    let log: Log

    /// Makes an executor; `waiters` are told of every backfill that comes to its end.
    init(
        store: ControlStore, catalog: Catalog, loader: any StepLoading, records: RunRecords, runs: RunExecutor,
        feeder: BackfillFeeder, kept: KeptPartitions, board: PartitionBoard, publishing: PublishDesk,
        waiters: FinishWaiters<Backfill>,
        alarms: AlarmClock,
        clock: any Clock, log: Log
    ) {
        self.store = store
        self.catalog = catalog
        self.loader = loader
        self.records = records
        self.runs = runs
        self.feeder = feeder
        self.kept = kept
        self.board = board
        self.publishing = publishing
        self.waiters = waiters
        self.alarms = alarms
        self.clock = clock
        self.log = log
    }

    /// Puts jobs of a backfill that runs, or is to, in line.
    func feed(_ backfill: Backfill) {
        let jobs = backfill.publishesItself ? 1 : min(backfill.options.parallelism, backfill.partitions.pending)
        feeder.feed(backfill.id, jobs) { [self] job, stop in
            perform(job, stop)
        }
    }

    /// A backfill's step as it is now, with what its pipeline says of attempts.
    struct Opened: Sendable {
        let backfill: Backfill
        let step: Result<ResolvedStep, Failure>
        let pipeline: Pipeline?

        /// Whether partitions are read ahead: while one is written, others can be read.
        var readsAhead: Bool {
            guard case .success(let step) = step, backfill.options.parallelism > 1, !backfill.publishesItself else {
                return false
            }
            return PartitionRequest.mayBeExtracted(step.step, from: step.source.file, to: step.destination.file)
        }

        /// What a partition of it takes places of.
        func pools(_ step: ResolvedStep) -> Set<SlotPool> { SlotPool.needed(by: [step.step], of: pipeline) }
    }

    /// Loads the next partition of the job's backfill, if there is one.
    private func perform(_ job: Job, _ stop: StopToken) -> Dispatcher.Outcome {
        guard case .partition(let id) = job.kind else { return .finished }
        if let claimed = kept.take(job.id) { return goOn(claimed, job, stop) }
        // Told to end before it began: of the backfill nothing is left to do, or it is left to the next start.
        guard stop.reason == nil else { return leave(job, id) }
        let opened: Opened
        do throws(StoreError) {
            guard let found = try open(id) else { return leave(job, id) }
            opened = found
        } catch {
            log.error("a backfill could not be read", ["backfill": id, "cause": error.description])
            return .later(notBefore: clock.uptime() + Limits.recordPause, files: nil)
        }
        // The step of a partition that is to be read ahead.
        var ahead: ResolvedStep?
        switch opened.step {
        case .failure(let failure) where failure.endsBackfill:
            fail(opened.backfill, failure)
            return leave(job, id)
        case .success(let step) where opened.pools(step) != job.pools:
            // Places first: it takes them to read ahead as well.
            return .later(
                notBefore: nil, files: opened.readsAhead ? nil : step.destination.lockNames, pools: opened.pools(step))
        case .success(let step) where !step.destination.lockNames.isSubset(of: job.files):
            if opened.readsAhead, kept.admit(job.id) { ahead = step }
            // It waits for the file like any other job, behind those that are no backfill.
            if ahead == nil { return .later(notBefore: nil, files: step.destination.lockNames) }
        case .failure(let failure) where opened.backfill.publishesItself:
            noteUnpublished(opened.backfill, failure)
            return leave(job, id)
        case .success(let step) where opened.backfill.publishesItself:
            return publish(opened.backfill, step, job, stop)
        case .failure, .success: break
        }
        switch claim(opened.backfill) {
        case .claimed(let partition, let tries)?:
            let claimed = ClaimedPartition(partition, tries: tries)
            board.show(partition.number, of: id, claimed.progress)
            guard let ahead else { return load(claimed, opened, job, stop) }
            return extract(claimed, opened, ahead, job, stop)
        case .notBefore(let time)?:
            kept.end(job.id)
            let wait = min(max(.zero, time.since(clock.now())), Limits.longestBackoff)
            return .later(notBefore: clock.uptime() + wait, files: nil)
        case nil, .nothing?:
            kept.end(job.id)
            return leave(job, id)
        }
    }

    /// Runs `body`, which publishes a backfill: until it is done nothing else ends the backfill.
    func holding<Done>(_ id: String, _ body: () throws(Failure) -> Done) throws(Failure) -> Done {
        publishing.set(id, isInHand: true)
        defer { publishing.set(id, isInHand: false) }
        // A change that came first is in the store when this turn of the writer's is over, and then seen.
        do throws(StoreError) {
            _ = try store.write { (transaction) throws(StoreError) in try transaction.lastEvent() }
        } catch {
            throw error.failure
        }
        return try body()
    }

    /// Whether a backfill is to publish itself, as the control database says now.
    func isToPublish(_ id: String) throws(Failure) -> Bool {
        do throws(StoreError) {
            return try store.read { (session) throws(StoreError) in try session.backfill(id)?.publishesItself ?? false }
        } catch {
            throw error.failure
        }
    }

    /// Loads a claimed partition on a job that has its file; another job follows.
    func load(
        _ claimed: ClaimedPartition, _ opened: Opened, _ job: Job, _ stop: StopToken
    ) -> Dispatcher.Outcome {
        conclude(claimed, load(claimed, opened, stop), opened, job, stop)
    }

    /// Records what became of a claimed partition; another job follows.
    func conclude(
        _ claimed: ClaimedPartition, _ end: PartitionEnd, _ opened: Opened, _ job: Job, _ stop: StopToken
    ) -> Dispatcher.Outcome {
        let id = claimed.partition.backfill
        let backfill = settle(claimed, end, job)
        guard let backfill, !backfill.isSettled, stop.reason != .shutdown else { return leave(job, id) }
        feeder.follow(job, of: id, readsAhead: opened.readsAhead) { [self] job, stop in perform(job, stop) }
        return .finished
    }

    /// Records what became of a claimed partition, of which nothing is kept any more.
    func settle(_ claimed: ClaimedPartition, _ end: PartitionEnd, _ job: Job) -> Backfill? {
        kept.end(job.id)
        board.remove(claimed.partition.number, of: claimed.partition.backfill)
        return record(end, of: claimed.partition)
    }

    func leave(_ job: Job, _ id: String) -> Dispatcher.Outcome {
        feeder.leave(job, of: id)
        return .finished
    }

    /// The backfill with its step; nil when it does not run.
    func open(_ id: String) throws(StoreError) -> Opened? {
        try store.read { [catalog] (session) throws(StoreError) -> Opened? in
            guard let backfill = try session.backfill(id),
                backfill.state == .queued || backfill.state == .running || backfill.publishesItself
            else { return nil }
            let step = Result { () throws(Failure) in try catalog.step(of: backfill, session) }
            let pipeline = try? catalog.pipeline(backfill.pipeline, session)
            return Opened(backfill: backfill, step: step, pipeline: pipeline)
        }
    }

    private func claim(_ backfill: Backfill) -> PartitionClaim? {
        // Not worth a wait for the disk: of an attempt that is forgotten the destination knows what it did.
        records.insist("start a partition of backfill \(backfill.id)", isDurable: false) {
            (transaction) throws(StoreError) in
            let claim = try transaction.claimPartition(of: backfill.id)
            if case .claimed = claim, backfill.startedAt == nil, let begun = try transaction.backfill(backfill.id),
                begun.partitions.running == 1, begun.partitions.tried == 0
            {
                try RunRecords.append(.backfill(.backfillStarted, begun), transaction)
            }
            return claim
        }
    }

    // MARK: One partition

    private func load(_ claimed: ClaimedPartition, _ opened: Opened, _ stop: StopToken) -> PartitionEnd {
        let step: ResolvedStep
        switch opened.step {
        case .success(let found): step = found
        case .failure(let failure):
            claimed.extracted?.close()
            return .failed(failure)
        }
        do throws(Failure) {
            let result = try timed(opened, claimed.spent, stop) { () throws(Failure) in
                try loader.loadPartition(
                    request(claimed.partition, opened.backfill, step), claimed.extracted, stop: stop,
                    progress: claimed.progress)
            }
            if claimed.extracted?.isUsed == false {
                log.debug(
                    "a partition was read again: others have committed what is newer",
                    ["backfill": opened.backfill.id, "partition": claimed.partition.range.text])
            }
            return .success(step.redact(result))
        } catch {
            return end(claimed, after: error, step, opened, stop)
        }
    }

    /// Does work for a partition within the time that its pipeline allows, of which some is `spent`.
    func timed<Result>(
        _ opened: Opened, _ spent: Duration, _ stop: StopToken, _ work: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let timeOut = opened.pipeline?.timeout.map { timeout in
            alarms.set(at: clock.uptime() + timeout - spent) { stop.stop(.timedOut) }
        }
        defer { if let timeOut { alarms.cancel(timeOut) } }
        return try work()
    }

    func request(_ partition: Partition, _ backfill: Backfill, _ step: ResolvedStep) -> PartitionRequest {
        var request = PartitionRequest(
            load: LoadRequest(
                run: backfill.id, pipeline: backfill.pipeline, step: step.step, attempt: partition.attempt,
                source: step.source.file, destination: step.destination.file,
                allowShrink: backfill.options.allowShrink),
            number: partition.number, scheme: backfill.scheme, range: partition.range)
        request.isStaged = backfill.options.mode == .staged
        request.committed = backfill.partitions.success
        return request
    }

    /// What becomes of a partition whose work has failed.
    func end(
        _ claimed: ClaimedPartition, after failure: Failure, _ step: ResolvedStep, _ opened: Opened, _ stop: StopToken
    ) -> PartitionEnd {
        let partition = claimed.partition
        let isStopped = [.cancelled, .timedOut, .interrupted].contains(failure.code)
        // The error of a commit does not tell whether it took place; the destination does.
        if isStopped || failure.code == .inputOutput {
            let found = try? loader.committedPartition(
                backfill: partition.backfill, number: partition.number, step: step.step.name,
                destination: step.destination.file)
            if let found { return .success(step.redact(found)) }
        }
        var failure = step.redact(failure)
        if isStopped {
            switch stop.reason {
            case .cancelled?: return .cancelled
            case .shutdown?: return .again(nil, notBefore: nil)
            case .timedOut?:
                if let pipeline = opened.pipeline { failure = AttemptVerdict.timeOut(of: pipeline) }
            case nil: break
            }
        }
        let wait = opened.pipeline?.retries.delay(after: claimed.tries, of: failure, jitter: Double.random(in: 0...1))
        return wait.map { .again(failure, notBefore: clock.now().adding($0)) } ?? .failed(failure)
    }

    /// Records what became of a partition, then tells those who wait for the backfill, if that was the last of it. Nil
    /// when the server stops first, or somebody else has settled the partition: the destination has the truth.
    private func record(_ end: PartitionEnd, of partition: Partition) -> Backfill? {
        let id = partition.backfill
        let recorded = records.insist("record a partition of backfill \(id)", isDurable: false) {
            (transaction) throws(StoreError) in
            try transaction.record(end, of: partition)
        }
        guard let backfill = recorded else { return nil }
        if case .failed(let failure) = end {
            log.warn(
                "a partition failed",
                ["backfill": id, "partition": partition.range.text, "error": failure.message])
        }
        tell(backfill)
        return backfill
    }

    /// Ends a backfill that cannot go on: nothing that waits is loaded.
    func fail(_ backfill: Backfill, _ failure: Failure) {
        let failed = records.insist("end backfill \(backfill.id)") { (transaction) throws(StoreError) in
            let failed = try transaction.changeBackfill(backfill.id, to: .failed, error: failure)
            try RunRecords.append(.backfill(.backfillFinished, failed), transaction)
            return failed
        }
        guard let failed else { return }
        feeder.withdraw(backfill.id)
        tell(failed)
    }

    /// Tells those who wait for a backfill that it has come to its end, if it has, and lets the pipelines run that it held.
    func tell(_ backfill: Backfill) {
        guard backfill.isSettled || backfill.state == .awaitingPublish && !backfill.publishesItself else { return }
        log.info(
            "backfill \(backfill.state.rawValue)",
            [
                "backfill": backfill.id, "pipeline": backfill.pipeline, "step": backfill.step,
                "error": backfill.error?.message ?? "none",
            ])
        if backfill.options.holdDownstream, backfill.isSettled { runs.releaseHeld() }
        waiters.finish(backfill)
    }
}

extension Transaction {
    /// Ends a partition in hand with the events of that; answers its backfill as it is then.
    func record(_ end: PartitionEnd, of partition: Partition) throws(StoreError) -> Backfill {
        let before = try backfill(partition.backfill)
        let ended = try endPartition(
            partition.number, of: partition.backfill, attempt: partition.attempt, end)
        try RunRecords.append(.partition(ended.partition, of: ended.backfill), self)
        if ended.backfill.state == .awaitingPublish {
            try RunRecords.append(.backfill(.backfillAwaitingPublish, ended.backfill), self)
        }
        if ended.backfill.state.isFinal, before?.state.isFinal == false {
            try RunRecords.append(.backfill(.backfillFinished, ended.backfill), self)
        }
        return ended.backfill
    }
}

extension Catalog {
    /// A backfill's step with its files, which must still write the table that the backfill was made for.
    func step(of backfill: Backfill, _ session: ReadSession) throws(Failure) -> ResolvedStep {
        let resolved = try resolve(try pipeline(backfill.pipeline, session), steps: [backfill.step], session)
        guard let step = try resolved.load(backfill.step)?.get() else {
            throw Failure(.unknownStep, "pipeline \(backfill.pipeline) has no step \(backfill.step) any more")
        }
        guard step.step.destination.isSame(backfill.destination) else {
            let (now, then) = (step.step.destination, backfill.destination)
            throw Failure(
                .schemaChanged,
                "step \(backfill.step) writes \(now.connection)/\(now.table) now; the backfill was made for "
                    + "\(then.connection)/\(then.table)", hint: "ask for another backfill")
        }
        guard backfill.destinationFile?.isSame(step.destination.mark) ?? true else {
            throw Failure(
                .destinationChanged,
                "connection \(step.destination.connection) leads to another file than when backfill \(backfill.id) was made",
                hint: "let it lead there again; what the backfill has loaded and kept is in that file")
        }
        return step
    }
}

extension Failure {
    /// Whether a backfill whose step gives it will not do better with its next partition.
    var endsBackfill: Bool {
        [.unknownPipeline, .unknownStep, .schemaChanged].contains(code)
    }
}
