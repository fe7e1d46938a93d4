internal import Platform

/// Starts jobs on threads of its own, one lane a worker, some for backfills, one for edits and one for audits, as `DispatcherState` decides.
///
/// May be used on any thread; no call but `stop` blocks. A start is caused by what makes it possible (a job comes, a
/// job ends, a time comes), never by polling.
final class Dispatcher: Sendable {
    /// What a job has come to.
    enum Outcome: Sendable {
        /// It is done with.
        case finished
        /// It waits in line again, until the uptime `notBefore` and for the files and places it turned out to need (nil:
        /// the same).
        case later(notBefore: Duration?, files: Set<String>?, pools: Set<SlotPool>? = nil)
    }

    /// Carries a job out, on its lane; `stop` is raised when it should end early.
    typealias Work = @Sendable (_ job: Job, _ stop: StopToken) -> Outcome

    /// The answer to `admit`.
    enum Admission: Sendable {
        case admitted, full, stopping
    }

    /// The answer to `cancel`.
    enum Cancellation: Sendable, Equatable {
        /// It waited; it is out of the queue.
        case removed(Job)
        /// It is in hand, and was told to end.
        case interrupted
        /// It neither waits nor is in hand.
        case unknown
    }

    private struct Core {
        var state: DispatcherState
        var work: [String: Work] = [:]
        var stops: [String: StopToken] = [:]
        /// Jobs that start with their token raised.
        var cancelled: Set<String> = []
        /// Jobs in hand that do not wait again before they have started once more.
        var recalled: Set<String> = []
        /// Workers' lanes without a job.
        var freeLanes: [Int]
        /// Lanes for backfills without a job.
        var freeBackfillLanes: [Int]
        /// Jobs that were promised a place in the queue and have not come yet.
        var admitted = 0
        var isOpen = false
        var isStopping = false
    }

    private struct Start: Sendable {
        let job: Job
        let work: Work
        let stop: StopToken
        /// Its place among the lanes for its kind; nil where all jobs of its kind share one.
        let lane: Int?
    }

    private let queuedJobs: Int
    private let clock: any Clock
    private let alarms: AlarmClock
    private let core: Monitor<Core>
    private let lanes: [Lane]
    private let backfillLanes: [Lane]
    private let editLane: Lane
    private let auditLane: Lane

    /// Starts the threads; no job starts before `open`.
    init(configuration: EngineConfiguration, clock: any Clock, alarms: AlarmClock) {
        queuedJobs = configuration.queuedJobs
        self.clock = clock
        self.alarms = alarms
        // A lane gets its next job while it leaves the last one: one place is enough, and never more are used.
        lanes = (1...configuration.workers).map { Lane(name: "worker-\($0)", capacity: 1) }
        backfillLanes = (1...Limits.backfillLanes).map { Lane(name: "backfill-\($0)", capacity: 1) }
        editLane = Lane(name: "editor", capacity: 1)
        auditLane = Lane(name: "auditor", capacity: 1)
        core = Monitor(
            Core(
                state: DispatcherState(workers: configuration.workers),
                freeLanes: Array((0..<configuration.workers).reversed()),
                freeBackfillLanes: Array((0..<Limits.backfillLanes).reversed())))
    }

    /// Lets jobs start.
    func open() {
        core.update { $0.isOpen = true }
        pump()
    }

    /// Promises a place in the queue, so that a trigger is refused before it is recorded; a promise is kept by
    /// `enqueue` or given back by `forgo`.
    func admit() -> Admission {
        core.update { core in
            if core.isStopping { return .stopping }
            guard core.state.waiting + core.admitted < queuedJobs else { return .full }
            core.admitted += 1
            return .admitted
        }
    }

    /// Gives a promised place back.
    func forgo() {
        core.update { $0.admitted -= 1 }
    }

    /// Puts a job in line. `admitted` says that it takes a promised place, `wasActive` that it is the active run of its
    /// pipeline, interrupted by a restart.
    func enqueue(_ job: Job, admitted: Bool = false, wasActive: Bool = false, work: @escaping Work) {
        core.update { core in
            if admitted { core.admitted -= 1 }
            core.work[job.id] = work
            core.state.enqueue(job, at: clock.uptime(), wasActive: wasActive)
        }
        wake(at: job.notBefore)
        pump()
    }

    /// Takes a waiting job out for good; false when it does not wait (any more).
    func remove(_ id: String) -> Bool {
        let removed = core.update { core in
            guard core.state.remove(id) != nil else { return false }
            core.work[id] = nil
            return true
        }
        if removed { pump() }
        return removed
    }

    /// Takes a waiting job out, or tells one in hand to end; a job in hand that would have waited for another attempt
    /// is started once more instead, with its token raised, to end as cancelled.
    func cancel(_ id: String) -> Cancellation {
        let answer: Cancellation = core.update { core in
            if let job = core.state.remove(id) {
                core.work[id] = nil
                return .removed(job)
            }
            guard let stop = core.stops[id] else { return .unknown }
            // Under the lock: the job is not laid aside before the token shows that it must not be.
            stop.stop(.cancelled)
            return .interrupted
        }
        if case .removed = answer { pump() }
        return answer
    }

    /// Lets a job that waits start as soon as a thread is free, without its files, to give up what it has kept meanwhile;
    /// one in hand does so when it would wait again. Cancelling, it starts or goes on
    /// with its token raised.
    func recall(_ id: String, cancelling: Bool) {
        core.update { core in
            if let stop = core.stops[id] {
                if cancelling { stop.stop(.cancelled) }
                core.recalled.insert(id)
            } else if var job = core.state.remove(id) {
                if cancelling { core.cancelled.insert(id) }
                job.files = []
                job.pools = []
                job.notBefore = nil
                core.state.enqueue(job, at: clock.uptime())
            }
        }
        pump()
    }

    /// The job in hand that writes one of the files; nil when they are free.
    func writer(of files: Set<String>) -> String? {
        core.read { $0.state.writer(of: files) }
    }

    /// What a waiting job waits for; nil when it does not wait.
    func wait(of id: String) -> JobWait? {
        let now = clock.uptime()
        return core.read { $0.state.wait(of: id, at: now) }
    }

    /// The jobs in hand that have a place of a pool, and those in line that need one.
    func use(of pool: SlotPool) -> (running: Int, waiting: Int) {
        core.read { $0.state.use(of: pool) }
    }

    /// Sets how many jobs may use a pool at once; nil means as many as there are.
    func limit(_ pool: SlotPool, to places: Int?) {
        core.update { $0.state.limit(pool, to: places) }
        pump()
    }

    /// Jobs that wait, and jobs in hand.
    var load: (waiting: Int, running: Int) {
        core.read { ($0.state.waiting, $0.state.running.count) }
    }

    /// The same by lane.
    var laneLoads: [LaneLoad] { core.read { $0.state.lanes } }

    /// Workers, and those of them that have a run in hand.
    var workers: (all: Int, busy: Int) { (lanes.count, lanes.count - core.read { $0.state.freeWorkers }) }

    /// Lets nothing new start, gives the jobs in hand `limit` to end, interrupts those that have not, and returns when
    /// the threads are done; false when a job did not heed its interruption and its thread was left behind.
    ///
    /// `interrupting` is called before the jobs are interrupted, if it comes to that.
    func stop(within limit: Duration, interrupting: () -> Void = {}) -> Bool {
        core.update { $0.isStopping = true }
        if !isIdle(within: limit) {
            interrupting()
            for stop in core.read({ Array($0.stops.values) }) { stop.stop(.shutdown) }
            guard isIdle(within: Limits.interruptTime) else { return false }
        }
        for lane in lanes + backfillLanes { lane.stop() }
        editLane.stop()
        auditLane.stop()
        return true
    }

    private func isIdle(within limit: Duration) -> Bool {
        core.wait(upTo: limit) { $0.stops.isEmpty ? true : nil } ?? false
    }

    private func pump() {
        let starts = core.update { core in takeStarts(&core) }
        for start in starts {
            _ = lane(of: start).submit { [self] _ in carryOut(start) }
        }
    }

    private func lane(of start: Start) -> Lane {
        switch (start.job.kind, start.lane) {
        case (.run, let place?): lanes[place]
        case (.partition, let place?): backfillLanes[place]
        case (.audit, _): auditLane
        default: editLane
        }
    }

    private func takeStarts(_ core: inout Core) -> [Start] {
        guard core.isOpen, !core.isStopping else { return [] }
        return core.state.start(at: clock.uptime()).compactMap { job in
            guard let work = core.work[job.id] else { return nil }
            let stop = StopToken()
            if core.cancelled.remove(job.id) != nil { stop.stop(.cancelled) }
            core.stops[job.id] = stop
            let lane: Int? =
                switch job.kind {
                case .run: core.freeLanes.popLast()
                case .partition: core.freeBackfillLanes.popLast()
                case .edit, .audit: nil
                }
            return Start(job: job, work: work, stop: stop, lane: lane)
        }
    }

    private func carryOut(_ start: Start) {
        let outcome = start.work(start.job, start.stop)
        let id = start.job.id
        core.update { core in
            let isRecalled = core.recalled.remove(id) != nil
            switch outcome {
            case .finished:
                core.state.finish(id)
                core.work[id] = nil
            case .later(let notBefore, let files, let pools):
                let isCancelled = start.stop.reason == .cancelled
                if isCancelled { core.cancelled.insert(id) }
                core.state.release(
                    id, notBefore: isCancelled || isRecalled ? nil : notBefore, files: isRecalled ? [] : files,
                    pools: isRecalled ? [] : pools)
            }
            core.stops[id] = nil
            if let lane = start.lane {
                if start.job.yields { core.freeBackfillLanes.append(lane) } else { core.freeLanes.append(lane) }
            }
        }
        if case .later(let notBefore, _, _) = outcome { wake(at: notBefore) }
        pump()
    }

    private func wake(at time: Duration?) {
        guard let time else { return }
        alarms.set(at: time) { [weak self] in self?.pump() }
    }
}
