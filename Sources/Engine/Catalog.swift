public import Loading
internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Finds pipelines and the files that their connections lead to.
///
/// Connections are looked up anew each time, so that a changed one counts from the next run on. May be used on any
/// thread; a look-up reads the control database and asks the file system, and is short.
public final class Catalog: Sendable {
    private let roots: DataRoots
    private let environment: [String: String]
    /// Decoded documents by the pipeline's name, with the text they were decoded from.
    private let decoded = Mutex<[String: (text: String, pipeline: Pipeline)]>([:])

    /// Makes a catalog of files below `roots`; `${NAME}` in a connection's path is looked up in `environment`.
    public init(roots: DataRoots, environment: [String: String]) {
        self.roots = roots
        self.environment = environment
    }

    /// The pipeline of a name.
    func pipeline(_ name: String, _ session: ReadSession) throws(Failure) -> Pipeline {
        let stored = try storing { () throws(StoreError) in try session.pipeline(name) }
        guard let stored else {
            throw Failure(
                .unknownPipeline, "there is no pipeline \(name)",
                hint: "PUT /v1/pipelines/\(name) makes it; GET /v1/pipelines lists those that are there")
        }
        if let known = decoded.withLock({ $0[name] }), known.text == stored.definition { return known.pipeline }
        let pipeline = try decode(stored.definition) { (node) throws(DocumentFailures) in
            try DocumentDecoder.pipeline(node, name: name).pipeline
        }
        decoded.withLock { decoded in
            if decoded.count >= Limits.cachedPipelines { decoded.removeAll() }
            decoded[name] = (stored.definition, pipeline)
        }
        return pipeline
    }

    /// The pipeline's steps that are named, all when none is, in the order they run and with their files; fails when a
    /// name is no step of it.
    func resolve(
        _ pipeline: Pipeline, steps names: [String], _ session: ReadSession
    ) throws(Failure) -> ResolvedPipeline {
        for (place, name) in names.enumerated() where pipeline.step(name) == nil {
            throw Catalog.unknown(name, of: pipeline, field: "steps[\(place)]")
        }
        let chosen = pipeline.stepsInOrder.filter { names.isEmpty || names.contains($0.name) }
        var places: [String: Result<Place, Failure>] = [:]
        func place(_ connection: String) throws(Failure) -> Place {
            if let known = places[connection] { return try known.get() }
            let found = Result { () throws(Failure) in try self.place(of: connection, session) }
            places[connection] = found
            return try found.get()
        }
        return ResolvedPipeline(
            pipeline: pipeline,
            steps: chosen.map { step in
                let resolution = Result { () throws(Failure) in
                    switch step.work {
                    case .load(let load):
                        ResolvedWork.load(
                            ResolvedStep(
                                step: load, source: try place(load.source.connection),
                                destination: try place(load.destination.connection)))
                    case .sql(let sql):
                        ResolvedWork.sql(
                            ResolvedSQL(
                                step: sql, destination: try place(sql.connection),
                                upstream: try pipeline.onlyLoad(before: step).map { (load) throws(Failure) in
                                    (load.name, try place(load.destination.connection))
                                }))
                    }
                }
                return (step, resolution.mapError { Catalog.naming(step, $0) })
            })
    }

    /// The names of the steps that a run is asked for; empty for all. Fails when a name is no step.
    static func names(_ options: RunOptions, of pipeline: Pipeline) throws(Failure) -> [String] {
        guard let first = options.from else { return options.steps }
        guard options.steps.isEmpty else {
            throw Failure(
                .invalidValue, "a run is asked for by `steps` and by `from`",
                hint: "say one of them: `steps` names all that run, `from` the first", field: "from")
        }
        guard let names = pipeline.names(from: first) else {
            throw unknown(first, of: pipeline, field: "from")
        }
        return names
    }

    private static func unknown(_ name: String, of pipeline: Pipeline, field: String) -> Failure {
        let names = pipeline.steps.map(\.name)
        let nearest = NearestName.find(name, among: names).map { "did you mean \($0)? " } ?? ""
        return Failure(
            .unknownStep, "pipeline \(pipeline.name) has no step \(name)",
            hint: nearest + "its steps are \(names.joined(separator: ", "))", field: field)
    }

    /// Where the connection of a name leads; the file need not exist.
    func place(of connection: String, _ session: ReadSession) throws(Failure) -> Place {
        let stored = try storing { () throws(StoreError) in
            try session.connection(connection)
        }
        guard let stored else {
            throw Failure(
                .unknownConnection, "there is no connection \(connection)",
                hint: "PUT /v1/connections/\(connection) makes it")
        }
        let definition = try decode(stored.definition) { (node) throws(DocumentFailures) in
            try DocumentDecoder.connection(node, name: connection).definition
        }
        let text = try EnvironmentText(
            definition.path, of: "connection \(connection)", environment: environment)
        do {
            return Place(
                connection: connection, file: try roots.resolve(text.expanded), text: text)
        } catch {
            var failure = error
            failure.message = "connection \(connection): \(text.redact(error.message))"
            failure.hint = text.redact(error.hint)
            throw failure
        }
    }

    /// The failure with the step it concerns.
    private static func naming(_ step: Step, _ failure: Failure) -> Failure {
        var failure = failure
        failure.message = "step \(step.name): \(failure.message)"
        return failure
    }

    /// Reads what the store holds; it was checked when it was put there, so a failure means an older or newer program.
    private func decode<Noun>(
        _ text: String, _ body: (DocumentNode) throws(DocumentFailures) -> Noun
    ) throws(Failure) -> Noun {
        let node = try JSONReader.read(Array(text.utf8))
        do throws(DocumentFailures) { return try body(node) } catch { throw error.summary }
    }
}
