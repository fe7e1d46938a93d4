internal import Loading
public import Model
public import Platform
public import Store

/// Runs pipelines: a durable queue, workers of its own, retries, time-outs, cancelling, and recovery after a crash.
///
/// Methods that take a completion may be called on any thread and do not wait for loads; a completion is called exactly
/// once, on a thread of the engine or the store or on the caller's, and must be short.
public final class LoadEngine: Sendable {
    let store: ControlStore
    let loader: any StepLoading
    let catalog: Catalog
    let clock: any Clock
    let log: Log
    let identifiers: IdentifierMaker
    let alarms: AlarmClock
    let dispatcher: Dispatcher
    let inspections: InspectionPool
    let waiters = FinishWaiters<Run>()
    let auditWaiters = FinishWaiters<Audit>()
    let backfillWaiters = FinishWaiters<Backfill>()
    let board = RunBoard()
    let partitionBoard = PartitionBoard()
    let edits = EditDesk()
    let publishing = PublishDesk()
    let work = WorkMeter()
    private let stepLanes: StepLanes
    let records: RunRecords
    let feeder: BackfillFeeder
    let backfiller: BackfillExecutor
    let courier: OutboxCourier?
    private let kept: KeptPartitions
    let scheduler: Scheduler
    let freshness: FreshnessMonitor
    private let downstream: Downstream
    private let executor: RunExecutor
    private let auditor: AuditExecutor

    /// Makes an engine over an open store; it does nothing before `start`. Without an outbox messages wait where they are.
    public init(
        store: ControlStore, loader: any StepLoading, catalog: Catalog, configuration: EngineConfiguration,
        clock: any Clock, log: Log, identifiers: IdentifierMaker, outbox: OutboxConfiguration? = nil
    ) {
        self.store = store
        self.loader = loader
        self.catalog = catalog
        self.clock = clock
        self.log = log
        self.identifiers = identifiers
        alarms = AlarmClock(clock: clock)
        dispatcher = Dispatcher(configuration: configuration, clock: clock, alarms: alarms)
        stepLanes = StepLanes(workers: configuration.workers) { [dispatcher] in dispatcher.workers.busy }
        inspections = InspectionPool(clock: clock, alarms: alarms)
        scheduler = Scheduler(
            store: store, catalog: catalog, identifiers: identifiers, clock: clock, alarms: alarms, log: log)
        freshness = FreshnessMonitor(store: store, catalog: catalog, clock: clock, alarms: alarms, log: log)
        downstream = Downstream(catalog: catalog, identifiers: identifiers, clock: clock, log: log)
        let lineage = outbox?.lineageNamespace.map { LineageDesk(namespace: $0, loader: loader) }
        records = RunRecords(store: store, downstream: downstream, lineage: lineage, log: log)
        courier = outbox.map { [records] in
            OutboxCourier(configuration: $0, store: store, records: records, clock: clock, log: log)
        }
        executor = RunExecutor(
            store: store, catalog: catalog, steps: StepExecutor(loader: loader, board: board, lineage: lineage),
            records: records, waiters: waiters, lanes: stepLanes, dispatcher: dispatcher, alarms: alarms, clock: clock,
            log: log)
        auditor = AuditExecutor(
            store: store, catalog: catalog, loader: loader, records: records, waiters: auditWaiters, clock: clock,
            log: log)
        kept = KeptPartitions()
        feeder = BackfillFeeder(dispatcher: dispatcher, identifiers: identifiers, kept: kept) {
            loader.closePartitions(of: $0)
        }
        backfiller = BackfillExecutor(
            store: store, catalog: catalog, loader: loader, records: records, runs: executor, feeder: feeder,
            kept: kept,
            board: partitionBoard, publishing: publishing, waiters: backfillWaiters, alarms: alarms, clock: clock,
            log: log)
    }

    /// Settles what the last process left unfinished, then lets runs start. Blocks; to be called once, before any other
    /// method.
    ///
    /// A destination that cannot be read is no reason to fail: its run is queued again and says so by itself.
    public func start() throws(Failure) {
        store.onWork { [work] news in work.count(news) }
        let recovery = Recovery(
            store: store, loader: loader, catalog: catalog, downstream: downstream, lineage: records.lineage,
            clock: clock, log: log)
        let restored: [Recovery.Restored]
        let audits: [Job]
        let backfills: [Backfill]
        let unfinished: [Backfill]
        let undiscarded: [Backfill]
        let released: [Run]
        let overdue: [String]
        freshness.watch()
        do throws(StoreError) {
            try learnLimits()
            // Lists have the newest first, also after a clock that was set back.
            if let last = try store.read({ (session) throws(StoreError) in try session.lastIdentifier() }) {
                identifiers.follow(last)
            }
            restored = try recovery.perform()
            audits = try recovery.takeUpAudits()
            backfills = try recovery.takeUpBackfills()
            unfinished = try store.read { (session) throws(StoreError) in try session.unsettledBackfills() }
            undiscarded = try store.read { (session) throws(StoreError) in try session.undiscardedBackfills() }
            released = try store.write { [downstream] (transaction) throws(StoreError) in
                try downstream.release(transaction)
            }
            overdue = try scheduler.overdueCancellations()
            try freshness.begin()
        } catch {
            throw error.failure
        }
        work.begin(unfinished)
        for run in restored { enqueue(run.job, wasActive: run.wasActive) }
        for run in released { enqueue(Job(starting: run)) }
        for job in audits { enqueueAudit(job) }
        for backfill in undiscarded { discard(backfill) }
        for backfill in backfills { backfiller.feed(backfill) }
        for run in overdue { schedulerEffects.cancel(run) }
        dispatcher.open()
        courier?.start()
        do throws(StoreError) { try scheduler.begin(schedulerEffects) } catch { throw error.failure }
    }

    /// Lets nothing new start and gives the runs in hand `limit` to finish; those that have not are interrupted and go
    /// back to the queue for the next start. Returns when all threads are done; false when a load did not heed its
    /// interruption, and was left to the next start. Blocks; the store must still be open.
    @discardableResult
    public func stop(within limit: Duration) -> Bool {
        inspections.stop()
        courier?.stop()
        scheduler.end()
        let isClean = dispatcher.stop(within: limit) { records.giveUp() }
        records.giveUp()
        kept.closeAll()
        if isClean { stepLanes.stop() }
        freshness.end()
        alarms.stop()
        edits.refuseAll(.serverStops)
        waiters.close(.serverStops)
        auditWaiters.close(.serverStops)
        backfillWaiters.close(.serverStops)
        return isClean
    }

    /// Runs that wait in the queue and runs in hand.
    public var load: (waiting: Int, running: Int) { dispatcher.load }

    /// The live counters of a run's step in hand; nil when it has none. May be called on any thread.
    public func progress(of run: String) -> RunProgress? {
        board.progress(of: run)
    }

    func enqueue(_ job: Job, admitted: Bool = false, wasActive: Bool = false) {
        executor.enqueue(job, admitted: admitted, wasActive: wasActive)
    }

    func enqueueAudit(_ job: Job, admitted: Bool = false) {
        dispatcher.enqueue(job, admitted: admitted) { [auditor] job, stop in auditor.perform(job, stop) }
    }
}
