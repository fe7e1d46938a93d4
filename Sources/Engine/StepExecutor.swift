internal import Loading
internal import Model
internal import Platform

/// Carries out the load of one step and finds out what became of it. Blocks; runs on workers.
struct StepExecutor: Sendable {
    /// What became of a step.
    enum Outcome: Sendable {
        /// The destination holds the rows and the record of the whole load; with its watermark then.
        case committed(LoadResult, Watermark?)
        /// It ended early because the stop token was raised; with what is to be told of how far it got.
        case interrupted(StopToken.Reason, FinishedLoad?)
        /// It failed; with the same.
        case failed(Failure, FinishedLoad?)
    }

    let loader: any StepLoading
    let board: RunBoard
    let lineage: LineageDesk?

    /// Loads the run's step of a name.
    func load(_ name: String, of run: Run, _ resolved: ResolvedPipeline, _ stop: StopToken) -> Outcome {
        let step: ResolvedStep
        switch resolved.step(name) {
        case .success(let found): step = found
        case .failure(let failure): return .failed(failure, nil)
        case nil:
            return .failed(
                Failure(
                    .unknownStep, "pipeline \(run.pipeline) has no step \(name) any more",
                    hint: "trigger a new run of the changed pipeline"), nil)
        }
        defer { lineage?.look(at: step, of: run.id) }
        let request = LoadRequest(
            run: run.id, pipeline: run.pipeline, step: step.step, attempt: run.attempt, source: step.source.file,
            destination: step.destination.file, fullRefresh: run.options.fullRefresh,
            allowShrink: run.options.allowShrink)
        let progress = LoadProgress()
        board.show(run.id, step: name, progress)
        do throws(Failure) {
            return committed(try loader.load(request, stop: stop, progress: progress), step)
        } catch {
            return failed(error, step, run, stop, progress.failed)
        }
    }

    private func failed(
        _ failure: Failure, _ step: ResolvedStep, _ run: Run, _ stop: StopToken, _ load: FinishedLoad?
    ) -> Outcome {
        let isStopped = [.cancelled, .timedOut, .interrupted].contains(failure.code)
        // The error of a commit does not tell whether it took place; the destination does.
        if isStopped || failure.code == .inputOutput {
            let found = try? loader.committed(
                run: run.id, step: step.step.name, destination: step.destination.file)
            if let found { return committed(found, step) }
        }
        let told = load.map { FinishedLoad(result: step.redact($0.result), watermark: $0.watermark) }
        if isStopped, let reason = stop.reason { return .interrupted(reason, told) }
        return .failed(step.redact(failure), told)
    }

    private func committed(_ load: FinishedLoad, _ step: ResolvedStep) -> Outcome {
        .committed(step.redact(load.result), load.watermark)
    }
}
