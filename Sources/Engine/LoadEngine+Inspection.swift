internal import Loading
public import Model
internal import Platform

extension LoadEngine {
    /// What the next run of a pipeline would do, step by step in the order they run; changes nothing.
    public func plan(
        _ pipeline: String, options: RunOptions = RunOptions(),
        completion: @escaping @Sendable (Result<[LoadPlan], Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (stop) throws(Failure) in
                let resolved = try resolve(pipeline, options)
                var plans: [LoadPlan] = []
                for entry in resolved.steps {
                    let work = try entry.resolution.get()
                    do throws(Failure) {
                        plans.append(try plan(work, of: pipeline, options, stop))
                    } catch {
                        var failure = work.redact(error)
                        failure.message = "step \(entry.step.name): \(failure.message)"
                        throw failure
                    }
                }
                let stale = try store.reading { (session) throws(Failure) in
                    try catalog.staleUpstreams(of: resolved.pipeline, options, at: clock.now(), session)
                }
                for place in plans.indices {
                    guard let stale else { break }
                    plans[place].warnings.append(LoadWarning(code: stale.code.rawValue, message: stale.message))
                }
                return plans
            }, completion: completion)
    }

    private func plan(
        _ work: ResolvedWork, of pipeline: String, _ options: RunOptions, _ stop: StopToken
    ) throws(Failure) -> LoadPlan {
        switch work {
        case .load(let step):
            let request = LoadRequest(
                run: "plan", pipeline: pipeline, step: step.step, attempt: 1, source: step.source.file,
                destination: step.destination.file, fullRefresh: options.fullRefresh,
                allowShrink: options.allowShrink)
            return try loader.plan(request, stop: stop)
        case .sql(let step):
            let request = try loader.request(
                step, run: "plan", of: pipeline, attempt: 1, nominal: clock.now(), options)
            return try loader.plan(request, stop: stop)
        }
    }

    /// Opens a connection's file and lists its tables; changes nothing.
    public func testConnection(
        _ name: String, completion: @escaping @Sendable (Result<[TableSummary], Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (stop) throws(Failure) in
                let place = try store.reading { (session) throws(Failure) in try catalog.place(of: name, session) }
                guard place.file.exists else {
                    throw Failure(
                        .missingFile, "connection \(name): there is no file \(place.text.written)",
                        hint: "correct the connection's path; a destination is made by its first load")
                }
                do throws(Failure) {
                    return try loader.inspect(place.file, stop: stop)
                } catch {
                    var failure = error
                    failure.message = place.redact(error.message)
                    failure.hint = place.redact(error.hint)
                    throw failure
                }
            }, completion: completion)
    }

    /// The steps that a run of the pipeline is asked for, with their files.
    func resolve(_ pipeline: String, _ options: RunOptions) throws(Failure) -> ResolvedPipeline {
        try store.reading { (session) throws(Failure) in
            let pipeline = try catalog.pipeline(pipeline, session)
            return try catalog.resolve(pipeline, steps: try Catalog.names(options, of: pipeline), session)
        }
    }

    /// The pipeline's steps that are named, all when none is, with their files.
    func resolve(_ pipeline: String, steps: [String]) throws(Failure) -> ResolvedPipeline {
        try store.reading { (session) throws(Failure) in
            try catalog.resolve(try catalog.pipeline(pipeline, session), steps: steps, session)
        }
    }

    /// One step of a pipeline with its files.
    func resolve(_ pipeline: String, step: String) throws(Failure) -> ResolvedStep {
        do throws(Failure) {
            let resolved = try resolve(pipeline, steps: [step])
            guard let found = resolved.load(step) else {
                throw Failure(.unknownStep, "pipeline \(pipeline) has no step \(step)")
            }
            return try found.get()
        } catch {
            var failure = error
            // The step's name stands in the address, not in a list of steps.
            if failure.code == .unknownStep || failure.code == .unsupported { failure.field = nil }
            throw failure
        }
    }

    static func unknownRun(_ id: String) -> Failure {
        Failure(.unknownRun, "there is no run \(id)", hint: "GET /v1/runs lists the runs")
    }
}
