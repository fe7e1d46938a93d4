internal import Model
internal import Platform

/// What becomes of a run after an attempt.
enum AttemptVerdict: Equatable {
    /// All its steps succeeded.
    case success
    /// It will not be tried again.
    case failed(Failure)
    /// It goes back to the queue for another attempt, to start when the wait is over.
    case again(Failure, wait: Duration)
    /// Someone asked for its end, and it ended before its work was done.
    case cancelled
    /// The server stops; the run goes back to the queue and is taken up at the next start.
    case released

    /// Judges an attempt.
    ///
    /// `interrupted` is why work was left undone, nil when none was: a stop that came after the last commit changes
    /// nothing. `failures` are those of the steps, in their order; a final one decides over a transient one, as another
    /// attempt could not make the run a success. `jitter` lies between 0 and 1.
    static func judge(
        failures: [Failure], interrupted: StopToken.Reason?, run: Run, pipeline: Pipeline, jitter: Double
    ) -> AttemptVerdict {
        switch interrupted {
        case .cancelled: return .cancelled
        case .shutdown: return .released
        case .timedOut: return again(timeOut(of: pipeline), run, pipeline, jitter)
        case nil:
            guard let failure = failures.first(where: { !$0.isTransient }) ?? failures.first else { return .success }
            return again(failure, run, pipeline, jitter)
        }
    }

    private static func again(
        _ failure: Failure, _ run: Run, _ pipeline: Pipeline, _ jitter: Double
    ) -> AttemptVerdict {
        guard let wait = pipeline.retries.delay(after: run.attempt, of: failure, jitter: jitter) else {
            return .failed(failure)
        }
        return .again(failure, wait: wait)
    }

    /// Transient: a busy machine or a lock held too long may be gone at the next attempt, and the commits that a large
    /// load made stay, so that the next attempt goes on from there.
    static func timeOut(of pipeline: Pipeline) -> Failure {
        let limit = pipeline.timeout.map { "\($0.seconds) s" } ?? "its limit"
        return Failure(
            .timedOut, "the attempt took longer than \(limit)",
            hint: "raise the pipeline's timeout, or look at the plan for full scans", isTransient: true)
    }

    /// The same of one step.
    static func timeOut(of step: String, _ limit: Duration?) -> Failure {
        let limit = limit.map { "\($0.seconds) s" } ?? "its limit"
        return Failure(
            .timedOut, "step \(step) took longer than \(limit)",
            hint: "raise the step's timeout, or look at the plan for full scans", isTransient: true)
    }
}
