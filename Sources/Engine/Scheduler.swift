internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Starts the runs of schedules: looks at each when its tick has come, and never before.
///
/// What is decided, and that it is decided, commits in one transaction of the control database: a crash leaves both or
/// neither, so no tick is lost or run twice. May be used on any thread; no call but `begin` blocks.
final class Scheduler: Sendable {
    /// What the scheduler has done to the rest of the engine.
    struct Effects: Sendable {
        /// Puts a run that is stored in line.
        let start: @Sendable (Run) -> Void
        /// Tells a run to end.
        let cancel: @Sendable (String) -> Void
    }

    private struct Core {
        var state = SchedulerState()
        /// The one alarm that is set.
        var alarm: Int?
        var isOpen = false
    }

    /// What a decision leads to.
    private struct Outcome: Sendable {
        var next: Timestamp?
        var started: Run?
        var cancelled: String?
    }

    private let store: ControlStore
    private let catalog: Catalog
    private let identifiers: IdentifierMaker
    private let clock: any Clock
    private let alarms: AlarmClock
    private let log: Log
    private let core = Mutex(Core())

    /// Makes a scheduler that does nothing before `begin`.
    init(
        store: ControlStore, catalog: Catalog, identifiers: IdentifierMaker, clock: any Clock, alarms: AlarmClock,
        log: Log
    ) {
        self.store = store
        self.catalog = catalog
        self.identifiers = identifiers
        self.clock = clock
        self.alarms = alarms
        self.log = log
    }

    /// Looks at every schedule, and from now on at each when its time has come. What fell due before becomes one run of
    /// each pipeline. Blocks for a read of the control database.
    func begin(_ effects: Effects) throws(StoreError) {
        let records = try store.read { (session) throws(StoreError) in try session.schedules() }
        core.withLock { core in
            core.isOpen = true
            _ = core.state.noteSetBack(clock.now())
        }
        take(records)
        turn(effects)
    }

    /// Runs that a schedule has asked to end and that a crash has kept.
    func overdueCancellations() throws(StoreError) -> [String] {
        try store.read { (session) throws(StoreError) in
            var overdue: [String] = []
            for record in try session.schedules() where record.overlap == .cancelOther {
                let runs = try session.tickRuns(of: record.pipeline)
                guard runs.contains(where: { $0.state == .waitingForTick }) else { continue }
                overdue += runs.filter { $0.state == .inHand }.map(\.id)
            }
            return overdue
        }
    }

    /// Looks at a pipeline at once, whose schedule may have changed.
    func look(at pipeline: String, _ effects: Effects) {
        core.withLock { $0.state.set(pipeline, clock.now()) }
        turn(effects)
    }

    /// Looks at every schedule at once.
    func lookAtAll(_ effects: Effects) {
        do throws(StoreError) {
            take(try store.read { (session) throws(StoreError) in try session.schedules() })
        } catch {
            log.error("the schedules cannot be read", ["cause": error.description])
        }
        turn(effects)
    }

    /// Starts nothing any more.
    func end() {
        core.withLock { core in
            core.isOpen = false
            core.alarm.map(alarms.cancel)
            core.alarm = nil
        }
    }

    private func take(_ records: [ScheduleRecord]) {
        let now = clock.now()
        var wakes: [String: Timestamp] = [:]
        for record in records {
            wakes[record.pipeline] = record.nextDecision(at: now)
            if record.ticks == nil {
                log.error("a schedule cannot be read", ["pipeline": record.pipeline, "rule": record.rule])
            }
        }
        core.withLock { $0.state.replace(wakes) }
    }

    /// Decides what is due and sets the alarm for what is next.
    private func turn(_ effects: Effects) {
        // Before the wall clock: time that passes in between makes the alarm early, never late.
        let uptime = clock.uptime()
        let now = clock.now()
        let isSetBack = core.withLock { $0.state.noteSetBack(now) }
        if isSetBack {
            log.warn("the clock was set back", ["now": now.rfc3339])
            return lookAtAll(effects)
        }
        let due = core.withLock { core in
            guard core.isOpen else { return [String]() }
            let due = core.state.takeDue(at: now)
            core.alarm.map(alarms.cancel)
            // The wall clock may be set while the alarm waits: it is looked at now and then.
            let wait = core.state.next().map { min($0.since(now), Limits.clockLookTime) } ?? Limits.clockLookTime
            core.alarm = alarms.set(at: uptime + max(wait, .zero)) { [weak self] in self?.turn(effects) }
            return due
        }
        for pipeline in due { decide(pipeline, effects) }
    }

    private func decide(_ pipeline: String, _ effects: Effects) {
        store.write { [self] (transaction) throws(StoreError) in
            try decide(pipeline, transaction)
        } completion: { [self] result in
            switch result {
            case .success(let outcome):
                note(pipeline, outcome.next, effects)
                // Before the new run, which then finds the way free.
                outcome.cancelled.map(effects.cancel)
                outcome.started.map(effects.start)
            case .failure(let error):
                log.error("a tick could not be recorded yet", ["pipeline": pipeline, "cause": error.description])
                note(pipeline, clock.now().adding(Limits.recordPause), effects)
            }
        }
    }

    /// Notes when a pipeline is to be looked at next, and sets the alarm anew where that is sooner than anything else.
    private func note(_ pipeline: String, _ next: Timestamp?, _ effects: Effects) {
        let isSooner = core.withLock { core in
            let before = core.state.next()
            core.state.set(pipeline, next)
            return core.state.next() != before
        }
        if isSooner { turn(effects) }
    }

    private func decide(_ name: String, _ transaction: Transaction) throws(StoreError) -> Outcome {
        guard var record = try transaction.schedule(of: name) else { return Outcome() }
        let now = clock.now()
        let decision = record.decide(at: now, active: try transaction.tickRuns(of: name))
        var outcome = Outcome()
        switch decision {
        case .nothing: break
        case .start(let due, let cancelled):
            outcome.started = try start(name, due, record.era, transaction)
            outcome.cancelled = cancelled
        case .join(let due, let run, let cancelled):
            try transaction.join(due, era: record.era, to: run)
            try RunRecords.append(.joined(due, run: run, of: name), transaction)
            log.info("ticks joined a run that waits", ["pipeline": name, "run": run, "ticks": String(due.count)])
            outcome.cancelled = cancelled
        case .skip(let due, let run):
            try transaction.noteSkipped(due.count, of: name, because: "run \(run) has not ended")
            log.info("ticks skipped", ["pipeline": name, "unfinished": run, "ticks": String(due.count)])
        case .beginAnew:
            log.warn(
                "ticks begin anew: the clock was set back by more than the time between two of them",
                ["pipeline": name, "accounted": record.accounted.rfc3339, "now": now.rfc3339])
            let figures: [JSONValue.Member] = [
                .init("accounted", .string(record.accounted.rfc3339)), .init("now", .string(now.rfc3339)),
            ]
            try RunRecords.append(.schedule(.scheduleBegunAnew, of: name, figures), transaction)
        }
        if decision != .nothing {
            record.apply(decision)
            try transaction.updateSchedule(record)
        }
        outcome.next = record.nextDecision(at: now)
        return outcome
    }

    private func start(
        _ name: String, _ due: DueTicks, _ era: Int, _ transaction: Transaction
    ) throws(StoreError) -> Run {
        let pipeline: Pipeline
        do throws(Failure) {
            pipeline = try catalog.pipeline(name, transaction)
        } catch {
            throw StoreError(.unknownPipeline, "start the run of a tick", error.message, hint: error.hint)
        }
        var run = Run(
            id: identifiers.next(), pipeline: name, state: .queued, trigger: .schedule, attempt: 1,
            options: RunOptions(of: pipeline), createdAt: clock.now(),
            steps: pipeline.stepsInOrder.map { StepRun(of: $0) })
        run.scheduledFor = due.last
        run.ticks = due.count
        try transaction.insertRun(run, era: era)
        try RunRecords.append(.run(.runQueued, run), transaction)
        return run
    }
}
