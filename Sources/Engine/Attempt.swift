internal import Loading
internal import Model
internal import Platform

/// One attempt of a run in hand, as a plain value: which step begins next, what becomes of the run when one ends, and
/// what the control database is to be told of it.
struct Attempt: Sendable {
    /// What to do next.
    enum Turn: Sendable {
        /// Carry out the step of this name, which has begun.
        case run(String)
        /// Nothing before a step in hand has ended.
        case wait
        /// The attempt is over.
        case end(AttemptVerdict)
    }

    /// The run, and what is to be told of it.
    private(set) var record: AttemptRecord
    /// Whether the attempt's time is over, no other follows, and only steps that run `always` still begin.
    private(set) var isClosing = false
    private var sequence: StepSequence
    private let pipeline: Pipeline
    private var failures: [Failure] = []
    private var interrupted: StopToken.Reason?
    /// The verdict that was reached before the last steps.
    private var closed: AttemptVerdict?
    private var hasGivenUp = false

    /// Begins with what is left of a run to do.
    init(_ record: AttemptRecord, of resolved: ResolvedPipeline) {
        self.record = record
        pipeline = resolved.pipeline
        sequence = StepSequence(
            record.run.steps.filter { $0.state != .success }.map { step in
                StepSequence.Node(step.name, resolved)
            })
    }

    /// What comes next; `stopped` is why nothing new may begin, nil while it may. `jitter` lies between 0 and 1.
    mutating func next(stopped: StopToken.Reason?, at now: Timestamp, jitter: Double) -> Turn {
        if let stopped, interrupted == nil {
            guard !sequence.isRunning else { return .wait }
            // A stop that comes when nothing is left to do changes nothing.
            if hasMore { interrupted = stopped }
        }
        if let reason = interrupted {
            guard !sequence.isRunning else { return .wait }
            let verdict = reason == .timedOut ? closed ?? judge(reason, jitter) : judge(reason, jitter)
            guard reason == .timedOut, !isClosing, case .failed = verdict else { return .end(verdict) }
            isClosing = true
            closed = verdict
            interrupted = nil
            sequence.close()
        }
        while true {
            switch sequence.next() {
            case .run(let name):
                record.begin(name, at: now)
                return .run(name)
            case .skip(let name, let cause):
                record.skip(
                    name,
                    Failure(
                        .dependencyFailed, "not run because step \(cause) failed",
                        hint: "see the error of step \(cause)"
                    ))
            case .wait: return .wait
            case .done:
                let verdict = closed ?? judge(nil, jitter)
                guard case .failed = verdict, !hasGivenUp else { return .end(verdict) }
                // No other attempt decides about what was held back for one.
                hasGivenUp = true
                sequence.giveUp()
                if stopped != nil, hasMore { return next(stopped: stopped, at: now, jitter: jitter) }
            }
        }
    }

    /// Whether a step would begin, if one might.
    private var hasMore: Bool {
        var ahead = sequence
        while true {
            switch ahead.next() {
            case .run: return true
            case .skip: continue
            case .wait, .done: return false
            }
        }
    }

    /// A step in hand has ended; `stopped` is why all steps in hand were told to end, nil when they were not.
    mutating func end(
        _ step: String, _ outcome: StepExecutor.Outcome, stopped: StopToken.Reason?, at now: Timestamp
    ) {
        switch outcome {
        case .committed(let result, let watermark):
            sequence.succeed(step)
            record.succeed(step, result, watermark: watermark, at: now)
        case .interrupted(_, let load):
            if let load { record.leave(step, load) }
            if let stopped {
                interrupted = interrupted ?? stopped
                sequence.leave(step)
            } else {
                // It had a time of its own, which is over.
                fail(step, AttemptVerdict.timeOut(of: step, pipeline.step(step)?.timeout), at: now)
            }
        case .failed(let failure, let load):
            if let load { record.leave(step, load) }
            fail(step, failure, at: now)
        }
    }

    private mutating func fail(_ step: String, _ failure: Failure, at now: Timestamp) {
        failures.append(failure)
        let isRepeated = pipeline.retries.delay(after: record.run.attempt, of: failure, jitter: 0) != nil
        sequence.fail(step, forGood: !isRepeated)
        record.fail(step, failure, at: now)
    }

    /// What is to be told of the run since the last time.
    mutating func takeNews() -> AttemptRecord.News { record.takeNews() }

    private func judge(_ interrupted: StopToken.Reason?, _ jitter: Double) -> AttemptVerdict {
        .judge(failures: failures, interrupted: interrupted, run: record.run, pipeline: pipeline, jitter: jitter)
    }
}

extension StepSequence.Node {
    /// A step of a run; one that its pipeline has lost depends on nothing, and fails by itself.
    fileprivate init(_ name: String, _ resolved: ResolvedPipeline) {
        let step = resolved.pipeline.step(name)
        self.init(name: name, dependsOn: step?.dependsOn ?? [], when: step?.when ?? .allSuccess)
        guard case .success(let work) = resolved.step(name) else { return }
        writes = work.files
        reads = work.sources.subtracting(writes)
    }
}
