internal import Loading
internal import Model

/// Where a connection leads, with what keeps its secrets.
struct Place: Sendable, Equatable {
    /// The connection's name.
    let connection: String
    /// The file.
    let file: DatabaseFile
    /// The connection's path as it was written and as it was expanded.
    let text: EnvironmentText

    /// The message with every secret of the connection's path replaced by the name of its variable.
    func redact(_ message: String) -> String {
        text.redact(message, path: file.path)
    }

    /// The failure with its words redacted so.
    func redact(_ failure: Failure) -> Failure {
        guard text.hasSecrets else { return failure }
        var failure = failure
        failure.message = redact(failure.message)
        failure.hint = redact(failure.hint)
        return failure
    }

    /// What the file is known by later on.
    var mark: FileMark { FileMark(path: text.written, identity: file.identity) }

    /// Every name that another job may know the file by: the path from before it existed, and the file itself.
    var lockNames: Set<String> { [file.path, file.identity] }
}

/// A step with the files it reads and writes.
struct ResolvedStep: Sendable {
    /// The step.
    let step: LoadStep
    /// What it reads from.
    let source: Place
    /// What it writes to.
    let destination: Place

    /// The failure without the secrets of the step's connections, naming the step's field where there is none.
    func redact(_ failure: Failure) -> Failure {
        destination.redact(source.redact(failure))
    }

    /// The message without the secrets of the step's connections.
    func redact(_ message: String) -> String {
        destination.redact(source.redact(message))
    }

    /// The result without the secrets of the step's connections.
    func redact(_ result: PartitionResult) -> PartitionResult {
        var result = result
        result.warnings = result.warnings.map { LoadWarning(code: $0.code, message: redact($0.message)) }
        return result
    }

    /// The result without the secrets of the step's connections.
    func redact(_ result: LoadResult) -> LoadResult {
        guard source.text.hasSecrets || destination.text.hasSecrets else { return result }
        var result = result
        result.warnings = result.warnings.map { LoadWarning(code: $0.code, message: redact($0.message)) }
        return result
    }
}

/// A step that runs statements, with the file in which they run.
struct ResolvedSQL: Sendable {
    /// The step.
    let step: SQLStep
    /// Where its statements run.
    let destination: Place
    /// The load that it depends on, with the file that holds its watermark; nil unless that is exactly one.
    let upstream: (step: String, place: Place)?
}

/// A step of any kind with the files it needs.
enum ResolvedWork: Sendable {
    case load(ResolvedStep)
    case sql(ResolvedSQL)

    /// What it writes to.
    var destination: Place {
        switch self {
        case .load(let load): load.destination
        case .sql(let sql): sql.destination
        }
    }

    /// The names of all files that it writes.
    var files: Set<String> {
        switch self {
        case .load(let load):
            load.destination.lockNames.union(load.step.mayTrimSource ? load.source.lockNames : [])
        case .sql(let sql): sql.destination.lockNames
        }
    }

    /// The names of all files that it reads.
    var sources: Set<String> {
        switch self {
        case .load(let load): load.source.lockNames
        case .sql(let sql): sql.upstream?.place.lockNames ?? []
        }
    }

    /// The failure without the secrets of the step's connections.
    func redact(_ failure: Failure) -> Failure {
        switch self {
        case .load(let load): load.redact(failure)
        case .sql(let sql): sql.destination.redact(failure)
        }
    }

    /// The result without the secrets of the step's connections.
    func redact(_ result: LoadResult) -> LoadResult {
        switch self {
        case .load(let load): load.redact(result)
        // What it warns of are its checks, which see no file.
        case .sql: result
        }
    }
}

/// A pipeline with the files of its steps, each found or with the failure that says why not.
struct ResolvedPipeline: Sendable {
    /// The pipeline.
    let pipeline: Pipeline
    /// The chosen steps in the order they run.
    let steps: [(step: Step, resolution: Result<ResolvedWork, Failure>)]

    /// The names of all files that its steps write.
    var files: Set<String> {
        var files: Set<String> = []
        for step in steps {
            guard case .success(let resolved) = step.resolution else { continue }
            files.formUnion(resolved.files)
        }
        return files
    }

    /// The pools of which a run of them takes a place.
    var pools: Set<SlotPool> { SlotPool.needed(by: steps.compactMap(\.step.load), of: pipeline) }

    /// What a run of it was asked for, with the steps that this comes to in place of the first of them, and the
    /// pipeline's priority unless it asks for another.
    func options(_ asked: RunOptions) -> RunOptions {
        var options = asked
        options.priority = asked.priority ?? pipeline.priority
        guard asked.from != nil else { return options }
        options.from = nil
        options.steps = pipeline.steps.map(\.name).filter { name in steps.contains { $0.step.name == name } }
        return options
    }

    /// The first failure among its steps; nil when every file was found.
    var failure: Failure? {
        for step in steps { if case .failure(let failure) = step.resolution { return failure } }
        return nil
    }

    /// The step of a name with its files; nil when it is not among the chosen ones.
    func step(_ name: String) -> Result<ResolvedWork, Failure>? {
        steps.first { $0.step.name == name }?.resolution
    }

    /// The load of a name with its files; nil when it is not among the chosen steps, a failure when it is no load.
    func load(_ name: String) -> Result<ResolvedStep, Failure>? {
        step(name).map { found in
            found.flatMap { work in
                guard case .load(let load) = work else { return .failure(noLoad(name)) }
                return .success(load)
            }
        }
    }

    private func noLoad(_ name: String) -> Failure {
        let loads = pipeline.loads.map(\.name)
        return Failure(
            .unsupported,
            "step \(name) of pipeline \(pipeline.name) runs statements: it has neither a source nor a watermark",
            hint: loads.isEmpty
                ? "only steps of kind `load` have" : "name a step of kind `load`: \(loads.joined(separator: ", "))",
            field: "step")
    }
}
