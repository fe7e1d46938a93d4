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

/// A pipeline with the files of its steps, each found or with the failure that says why not.
struct ResolvedPipeline: Sendable {
    /// The pipeline.
    let pipeline: Pipeline
    /// The chosen steps in the order they run.
    let steps: [(step: Step, resolution: Result<ResolvedStep, Failure>)]

    /// The names of all files that its steps write.
    var files: Set<String> {
        var files: Set<String> = []
        for step in steps {
            guard case .success(let resolved) = step.resolution else { continue }
            files.formUnion(resolved.destination.lockNames)
            if resolved.step.mayTrimSource { files.formUnion(resolved.source.lockNames) }
        }
        return files
    }

    /// The first failure among its steps; nil when every file was found.
    var failure: Failure? {
        for step in steps { if case .failure(let failure) = step.resolution { return failure } }
        return nil
    }

    /// The step of a name with its files; nil when it is not among the chosen ones.
    func step(_ name: String) -> Result<ResolvedStep, Failure>? {
        steps.first { $0.step.name == name }?.resolution
    }
}
