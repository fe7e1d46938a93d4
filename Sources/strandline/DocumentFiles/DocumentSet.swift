internal import Documents
internal import Model

/// The documents of some files, and everything that is wrong with them.
struct DocumentSet {
    /// One file's fault or warning.
    struct Finding {
        /// The file's path as it was given.
        let file: String
        /// What is wrong.
        let failure: Failure

        /// One line as compilers write them: `file:line:column: message`.
        var line: String {
            let place = failure.mark.map { ":\($0.line):\($0.column)" } ?? ""
            let field = failure.field.map { " [\($0)]" } ?? ""
            let hint = failure.hint.isEmpty ? "" : ". \(failure.hint)"
            return Terminal.safe("\(file)\(place): \(failure.message)\(field)\(hint)")
        }
    }

    /// The files that were read.
    private(set) var files: [String] = []
    /// Their connections.
    private(set) var connections: [ConnectionDocument] = []
    /// Their webhooks.
    private(set) var webhooks: [WebhookDocument] = []
    /// Their pools.
    private(set) var pools: [PoolDefinition] = []
    /// Their pipelines.
    private(set) var pipelines: [PipelineDocument] = []
    /// What is wrong, in the order of the files.
    private(set) var faults: [Finding] = []
    /// What is allowed but probably not meant, with the file.
    private(set) var warnings: [(file: String, warning: LoadWarning)] = []
    private var homes: [String: String] = [:]

    /// Reads files, and the documents in directories; `-` is standard input. Throws when one cannot be read, and for a
    /// directory without documents unless `allowsEmpty`.
    init(_ paths: [String], allowsEmpty: Bool = false) throws(CommandError) {
        for path in paths {
            guard FileText.isDirectory(path) else {
                try add(path)
                continue
            }
            let documents = try FileText.documents(in: path)
            guard allowsEmpty || !documents.isEmpty else {
                throw CommandError(
                    message: "the directory \(path) holds no documents",
                    hint: "Name the directory of files that end in .yaml, .yml or .json; those in directories below "
                        + "it are not read.")
            }
            for file in documents { try add(file) }
        }
        if case .cycle(let names) = order {
            faults.append(
                Finding(
                    file: homes["pipeline " + (names.first ?? "")] ?? "",
                    failure: Failure(
                        .dependencyCycle,
                        "the pipelines run after each other in a circle: \(names.joined(separator: " -> "))",
                        hint: "Remove one of these from `after`.", field: "after")))
        }
    }

    private var order: StepOrder.Outcome { StepOrder.order(pipelines.map { ($0.pipeline.name, $0.pipeline.after) }) }

    /// The pipelines in an order in which each comes after those that it runs after.
    var pipelinesInOrder: [PipelineDocument] {
        guard case .ordered(let places) = order else { return pipelines }
        return places.map { pipelines[$0] }
    }

    private mutating func add(_ file: String) throws(CommandError) {
        let bytes = try FileText.read(file)
        files.append(file)
        do throws(DocumentFailures) {
            let content = try DocumentSet.decode(bytes)
            if content == DocumentFile() {
                let failure = Failure(
                    .invalidValue, "it holds neither a connection nor a pipeline",
                    hint: "Write them under `connections:` and `pipelines:`, `pools:` or `webhooks:`, or remove the "
                        + "file.")
                faults.append(Finding(file: file, failure: failure))
            }
            for connection in content.connections {
                claim("connection", connection.definition.name, in: file)
                connections.append(connection)
            }
            for webhook in content.webhooks {
                claim("webhook", webhook.definition.name, in: file)
                webhooks.append(webhook)
            }
            for pool in content.pools {
                claim("pool", pool.name, in: file)
                pools.append(pool)
            }
            for pipeline in content.pipelines {
                claim("pipeline", pipeline.pipeline.name, in: file)
                pipelines.append(pipeline)
                warnings += pipeline.warnings.map { (file, $0) }
            }
        } catch {
            faults += error.failures.map { Finding(file: file, failure: $0) }
        }
    }

    private mutating func claim(_ kind: String, _ name: String, in file: String) {
        guard let other = homes.updateValue(file, forKey: kind + " " + name) else { return }
        let failure = Failure(
            .invalidValue, "the \(kind) `\(name)` also stands in \(other)", hint: "Keep one of the two.")
        faults.append(Finding(file: file, failure: failure))
    }

    /// A file of connections, pools, webhooks and pipelines, or one pipeline as a `PUT` takes it.
    private static func decode(_ bytes: [UInt8]) throws(DocumentFailures) -> DocumentFile {
        let node: DocumentNode
        do throws(Failure) {
            node = try DocumentReader.read(bytes)
        } catch {
            throw DocumentFailures([error])
        }
        guard node["steps"] != nil, node["pipelines"] == nil, node["connections"] == nil, node["pools"] == nil else {
            return try DocumentDecoder.file(node)
        }
        var file = DocumentFile()
        file.pipelines = [try DocumentDecoder.pipeline(node, name: nil)]
        return file
    }

    /// Connections that pipelines name and no file here defines.
    var foreignConnections: [String] {
        let known = Set(connections.map(\.definition.name))
        let used = pipelines.reduce(into: Set<String>()) { $0.formUnion($1.pipeline.connections) }
        return used.subtracting(known).sorted()
    }
}
