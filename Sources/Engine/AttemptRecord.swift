internal import Loading
internal import Model
internal import Platform

/// A run during one attempt, as the worker knows it, with what the control database does not know yet.
///
/// A plain value: the rules of how a run and its steps look after each thing that can happen to them.
struct AttemptRecord: Sendable {
    /// The run as it is now.
    private(set) var run: Run
    /// The names of the steps that changed since `takeNews`.
    private var changed: Set<String> = []
    private var events: [RunEvent] = []
    private var watermarks: [Watermark] = []
    private let attempt: Int
    private let wasInHand: Bool

    /// What must be written to the control database, in one transaction.
    struct News: Sendable {
        /// The run as it is now.
        let run: Run
        /// The attempt that it was in, or is; the control database must have no other.
        let attempt: Int
        /// Whether a worker has, or had, the run in hand.
        let wasInHand: Bool
        /// Its steps that changed.
        let steps: [StepRun]
        /// What happened.
        let events: [RunEvent]
        /// Watermarks as the destinations have them now.
        let watermarks: [Watermark]
    }

    /// Begins the attempt of a queued run.
    init(beginning run: Run, at now: Timestamp) {
        self.run = run
        attempt = run.attempt
        wasInHand = true
        self.run.state = .running
        self.run.startedAt = run.startedAt ?? now
        self.run.retryAt = nil
        events.append(.run(.runStarted, self.run))
    }

    /// Takes up the attempt that a dead process left running.
    init(recovering run: Run) {
        self.run = run
        attempt = run.attempt
        wasInHand = true
        events.append(.run(.runRecovered, run))
    }

    /// Takes up a run that waits in the queue, to end it there.
    init(waiting run: Run) {
        self.run = run
        attempt = run.attempt
        wasInHand = false
    }

    /// Whether anything happened since the last time.
    var hasNews: Bool { !changed.isEmpty || !events.isEmpty }

    /// What happened since the last time; empty afterwards.
    mutating func takeNews() -> News {
        defer {
            changed = []
            events = []
            watermarks = []
        }
        let steps = run.steps.filter { changed.contains($0.name) }
        return News(
            run: run, attempt: attempt, wasInHand: wasInHand, steps: steps, events: events, watermarks: watermarks)
    }

    // MARK: Steps

    /// A step's load begins.
    mutating func begin(_ step: String, at now: Timestamp) {
        change(step) { run in
            run.state = .running
            run.startedAt = now
            run.finishedAt = nil
            run.result = nil
            run.error = nil
        }
    }

    /// A step's load is committed in the destination; `watermark` is the destination's after it, nil when it has none.
    mutating func succeed(_ step: String, _ result: LoadResult, watermark: Watermark?, at now: Timestamp) {
        change(step) { run in
            run.state = .success
            run.startedAt = run.startedAt ?? now
            run.finishedAt = now
            run.result = result
            run.error = nil
        }
        finished(step)
        mirror(watermark, of: result)
    }

    private mutating func mirror(_ watermark: Watermark?, of result: LoadResult) {
        guard let watermark, result.watermarkAfter != nil else { return }
        watermarks.append(watermark)
        if result.watermarkAfter != result.watermarkBefore { events.append(.watermark(.watermarkMoved, watermark)) }
    }

    /// A step's load ends before its time; `load` is what is to be told of how far it got.
    mutating func leave(_ step: String, _ load: FinishedLoad) {
        change(step) { $0.result = load.result }
        mirror(load.watermark, of: load.result)
    }

    /// A step failed; what is told of how far it got stays.
    mutating func fail(_ step: String, _ failure: Failure, at now: Timestamp) {
        change(step) { run in
            run.state = .failed
            run.startedAt = run.startedAt ?? now
            run.finishedAt = now
            run.error = failure
        }
        finished(step)
    }

    /// A step is not carried out, for the reason given.
    mutating func skip(_ step: String, _ reason: Failure) {
        change(step) { run in
            run.state = .skipped
            run.error = reason
        }
        finished(step)
    }

    // MARK: The run

    /// Ends the attempt as the verdict says.
    mutating func end(_ verdict: AttemptVerdict, at now: Timestamp) {
        switch verdict {
        case .success:
            finish(.success, nil, at: now)
        case .failed(let failure):
            closeSteps(failure, at: now)
            finish(.failed, failure, at: now)
        case .cancelled:
            for step in run.steps where !step.state.isFinal {
                change(step.name) { run in
                    run.state = .cancelled
                    run.finishedAt = run.startedAt == nil ? nil : now
                }
                finished(step.name)
            }
            finish(.cancelled, Failure(.cancelled, "the run was cancelled"), at: now)
        case .again(let failure, let wait):
            requeue(at: now.adding(wait), failure)
            events.append(.run(.runRetrying, run))
        case .released:
            requeue(at: nil, run.error)
            events.append(.run(.runReleased, run))
        }
    }

    private mutating func finish(_ state: RunState, _ failure: Failure?, at now: Timestamp) {
        run.state = state
        run.error = failure
        // The clock may have gone back since a step ended.
        run.finishedAt = run.steps.compactMap(\.finishedAt).reduce(max(now, run.startedAt ?? now)) { max($0, $1) }
        run.retryAt = nil
        events.append(.run(.runFinished, run))
    }

    /// The next attempt has the next number: what the last one may still do anywhere is fenced off by it.
    private mutating func requeue(at time: Timestamp?, _ failure: Failure?) {
        run.state = .queued
        run.attempt += 1
        run.retryAt = time
        run.error = failure
        for step in run.steps where step.state != .success && step.state != .pending {
            change(step.name) { $0 = StepRun(name: $0.name, strategy: $0.strategy) }
        }
    }

    /// The step in hand failed with the run; the ones after it were never begun.
    private mutating func closeSteps(_ failure: Failure, at now: Timestamp) {
        for step in run.steps where !step.state.isFinal {
            if step.state == .running {
                fail(step.name, failure, at: now)
            } else {
                let reason = Failure(failure.code, "not started: \(failure.message)", hint: failure.hint)
                skip(step.name, reason)
            }
        }
    }

    private mutating func finished(_ name: String) {
        guard let step = run.steps.first(where: { $0.name == name }) else { return }
        events.append(.stepFinished(step, of: run))
    }

    private mutating func change(_ name: String, _ body: (inout StepRun) -> Void) {
        guard let place = run.steps.firstIndex(where: { $0.name == name }) else { return }
        body(&run.steps[place])
        changed.insert(name)
    }
}
