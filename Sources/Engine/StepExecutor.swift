internal import Loading
internal import Model
internal import Platform

/// Carries out one step and finds out what became of it. Blocks; runs on workers.
struct StepExecutor: Sendable {
    /// What became of a step.
    enum Outcome: Sendable {
        /// The destination holds what the step did and the record of it; with its watermark then.
        case committed(LoadResult, Watermark?)
        /// It ended early because the stop token was raised; with what is to be told of how far it got.
        case interrupted(StopToken.Reason, FinishedLoad?)
        /// It failed; with the same.
        case failed(Failure, FinishedLoad?)
    }

    let loader: any StepLoading
    let board: RunBoard
    let lineage: LineageDesk?

    /// Carries out the run's step of a name.
    func perform(_ name: String, of run: Run, _ resolved: ResolvedPipeline, _ stop: StopToken) -> Outcome {
        let work: ResolvedWork
        switch resolved.step(name) {
        case .success(let found): work = found
        case .failure(let failure): return .failed(failure, nil)
        case nil:
            return .failed(
                Failure(
                    .unknownStep, "pipeline \(run.pipeline) has no step \(name) any more",
                    hint: "trigger a new run of the changed pipeline"), nil)
        }
        let progress = LoadProgress()
        board.show(run.id, step: name, progress)
        defer { board.remove(run.id, step: name) }
        let outcome: Outcome
        do throws(Failure) {
            outcome = committed(try perform(work, of: run, stop, progress), work)
        } catch {
            outcome = failed(error, name, work, run, stop, progress.failed)
        }
        // What was locked, or is to stop, is not waited for a second time.
        if case .committed = outcome {
            lineage?.look(at: work, of: run.id, columns: true, stop)
        } else {
            lineage?.look(at: work, of: run.id, columns: false, stop)
        }
        return outcome
    }

    private func perform(
        _ work: ResolvedWork, of run: Run, _ stop: StopToken, _ progress: LoadProgress
    ) throws(Failure) -> FinishedLoad {
        switch work {
        case .load(let step):
            let request = LoadRequest(
                run: run.id, pipeline: run.pipeline, step: step.step, attempt: run.attempt, source: step.source.file,
                destination: step.destination.file, fullRefresh: run.options.fullRefresh,
                allowShrink: run.options.allowShrink)
            return try loader.load(request, stop: stop, progress: progress)
        case .sql(let step):
            let request = try loader.request(
                step, run: run.id, of: run.pipeline, attempt: run.attempt, nominal: run.scheduledFor ?? run.createdAt,
                run.options)
            return try loader.run(request, stop: stop, progress: progress)
        }
    }

    private func failed(
        _ failure: Failure, _ name: String, _ work: ResolvedWork, _ run: Run, _ stop: StopToken, _ load: FinishedLoad?
    ) -> Outcome {
        let isStopped = [.cancelled, .timedOut, .interrupted].contains(failure.code)
        // The error of a commit does not tell whether it took place; the destination does.
        if isStopped || failure.code == .inputOutput {
            let found = try? loader.committed(run: run.id, step: name, destination: work.destination.file)
            if let found { return committed(found, work) }
        }
        let told = load.map { FinishedLoad(result: work.redact($0.result), watermark: $0.watermark) }
        if isStopped, let reason = stop.reason { return .interrupted(reason, told) }
        return .failed(work.redact(failure), told)
    }

    private func committed(_ load: FinishedLoad, _ work: ResolvedWork) -> Outcome {
        .committed(work.redact(load.result), load.watermark)
    }
}

extension StepLoading {
    /// What is asked of a step that runs statements, with the watermark of the load that it depends on.
    func request(
        _ step: ResolvedSQL, run: String, of pipeline: String, attempt: Int, nominal: Timestamp, _ options: RunOptions
    ) throws(Failure) -> SQLRequest {
        var request = SQLRequest(
            run: run, pipeline: pipeline, step: step.step, attempt: attempt, destination: step.destination.file,
            nominal: nominal, isWhole: options.fullRefresh)
        if let (load, place) = step.upstream {
            request.watermark = try watermark(pipeline: pipeline, step: load, destination: place.file)?.value
        }
        return request
    }
}
