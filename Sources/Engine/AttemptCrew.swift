internal import Loading
internal import Model
internal import Platform

/// Carries out one attempt: the worker that has the run in hand, and threads that help it while steps can run side by
/// side.
///
/// Whoever ends a step begins the next ones: no thread waits while there is a step for it, and only the worker waits for
/// the others. What to do is decided by the attempt, a plain value behind the lock.
final class AttemptCrew: Sendable {
    private struct State {
        var attempt: Attempt
        /// Threads beside the worker that have a step in hand, or still record one.
        var helpers = 0
        /// Raised when all steps in hand are to end.
        var stop: StopToken
        /// Whether the start of the run is on its way to the control database.
        var hasBegun = false
        var alarms: [Int] = []
    }

    /// What a thread does next.
    private enum Task: Sendable {
        case begin(Start)
        case tell(AttemptRecord.News)
        case end(AttemptVerdict)
        /// Nothing, for a helper.
        case leave
    }

    /// Steps that begin together: one for the thread that begins them, the others for helpers.
    private struct Start: Sendable {
        let own: String
        let others: [(step: String, place: StepLanes.Place)]
        let news: AttemptRecord.News
        let isFirst: Bool
        let run: Run
        let stop: StopToken
    }

    private let monitor: Monitor<State>
    private let resolved: ResolvedPipeline
    private let steps: StepExecutor
    private let records: RunRecords
    private let lanes: StepLanes
    private let alarms: AlarmClock
    private let clock: any Clock
    /// The job's own token: what raises it ends the attempt.
    private let stop: StopToken

    /// Makes the crew of an attempt that begins with `record`.
    init(
        _ record: AttemptRecord, of resolved: ResolvedPipeline, steps: StepExecutor, records: RunRecords,
        lanes: StepLanes, alarms: AlarmClock, clock: any Clock, stop: StopToken
    ) {
        self.resolved = resolved
        self.steps = steps
        self.records = records
        self.lanes = lanes
        self.alarms = alarms
        self.clock = clock
        self.stop = stop
        monitor = Monitor(State(attempt: Attempt(record, of: resolved), stop: StopToken()))
        monitor.update { begin(&$0) }
    }

    /// Carries the attempt out, on the worker's thread; answers what is to be recorded with its end, and the verdict.
    func perform() -> (AttemptRecord, AttemptVerdict) {
        while true {
            switch monitor.wait(for: { task(&$0, isWorker: true) }) {
            case .begin(let start): carryOut(start)
            case .tell(let news): _ = records.record(news)
            case .end(let verdict):
                let (record, set) = monitor.read { ($0.attempt.record, $0.alarms) }
                for alarm in set { alarms.cancel(alarm) }
                return (record, verdict)
            case .leave, nil: break
            }
        }
    }

    /// Carries a step out on another thread, and then whatever there is to do.
    private func help(_ step: String, _ start: Start) {
        carryOut(step, start)
        while true {
            // Nil, where the worker would wait, is the helper's time to leave.
            let next = monitor.update { state -> Task in
                let task = task(&state, isWorker: false) ?? .leave
                if case .leave = task { state.helpers -= 1 }
                return task
            }
            switch next {
            case .begin(let start): carryOut(start)
            case .tell(let news): _ = records.record(news)
            case .end, .leave: return
            }
        }
    }

    // MARK: What to do

    private func task(_ state: inout State, isWorker: Bool) -> Task? {
        switch turn(&state) {
        case .run(let step): return .begin(start(step, &state))
        case .wait: return state.attempt.record.hasNews ? .tell(state.attempt.takeNews()) : nil
        case .end(let verdict): return isWorker && state.helpers == 0 ? .end(verdict) : nil
        }
    }

    private func turn(_ state: inout State) -> Attempt.Turn {
        let wasClosing = state.attempt.isClosing
        let turn = state.attempt.next(
            stopped: state.stop.reason, at: clock.now(), jitter: Double.random(in: 0...1))
        if state.attempt.isClosing, !wasClosing {
            // The last steps have as much time as the attempt had.
            state.stop = StopToken()
            begin(&state)
        }
        return turn
    }

    /// Lets the steps to come be ended by the job's token, and when the pipeline's time is over.
    private func begin(_ state: inout State) {
        let own = state.stop
        stop.pass(to: own)
        guard let timeout = resolved.pipeline.timeout else { return }
        state.alarms.append(alarms.set(at: clock.uptime() + timeout) { own.stop(.timedOut) })
    }

    /// Begins a step and, where threads are free, all others that may run beside it.
    private func start(_ step: String, _ state: inout State) -> Start {
        var others: [(step: String, place: StepLanes.Place)] = []
        while let place = lanes.take() {
            guard case .run(let other) = turn(&state) else {
                lanes.giveBack(place)
                break
            }
            others.append((other, place))
        }
        state.helpers += others.count
        defer { state.hasBegun = true }
        return Start(
            own: step, others: others, news: state.attempt.takeNews(), isFirst: !state.hasBegun,
            run: state.attempt.record.run, stop: state.stop)
    }

    // MARK: Doing it

    private func carryOut(_ start: Start) {
        // Nothing waits for the first step's start to be durable: if it is lost, the run is still queued and its load,
        // found finished in the destination, is not repeated.
        if start.isFirst { records.note(start.news) } else { _ = records.record(start.news) }
        for (step, place) in start.others {
            lanes.run(on: place) { [self] in help(step, start) }
        }
        carryOut(start.own, start)
    }

    private func carryOut(_ step: String, _ start: Start) {
        let own = StopToken()
        let link = start.stop.pass(to: own)
        let alarm = resolved.pipeline.step(step)?.timeout.map { timeout in
            alarms.set(at: clock.uptime() + timeout) { own.stop(.timedOut) }
        }
        let outcome = steps.perform(step, of: start.run, resolved, own)
        if let alarm { alarms.cancel(alarm) }
        start.stop.removeHandler(link)
        monitor.update { $0.attempt.end(step, outcome, stopped: start.stop.reason, at: clock.now()) }
    }
}
