internal import Model

/// Where the steps of a pipeline name connections, for telling which names are unknown.
struct ConnectionUses: Sendable {
    private struct Use: Sendable {
        let connection: String
        let step: String
        let field: String
        let mark: Mark?
    }

    private let uses: [Use]

    /// Gathers the uses of a pipeline, with their places in the document that it was decoded from.
    init(_ pipeline: Pipeline, _ node: DocumentNode) {
        var uses: [Use] = []
        var items: [DocumentNode] = []
        if case .sequence(let steps) = node["steps"]?.content { items = steps }
        for (place, step) in pipeline.steps.enumerated() {
            let item = place < items.count ? items[place] : nil
            for (end, connection) in step.places {
                uses.append(
                    Use(
                        connection: connection, step: step.name, field: "steps[\(place)].\(end).connection",
                        mark: item?[end]?["connection"]?.mark))
            }
        }
        self.uses = uses
    }

    /// The names, each once.
    var names: Set<String> { Set(uses.map(\.connection)) }

    /// A failure for each use of the unknown ones among them.
    func failures(_ unknown: Set<String>) -> DocumentFailures {
        DocumentFailures(
            uses.filter { unknown.contains($0.connection) }.map { use in
                Failure(
                    .unknownConnection, "step \(use.step): there is no connection \(use.connection)",
                    hint: "PUT /v1/connections/\(use.connection) first, or correct the name", field: use.field,
                    mark: use.mark)
            })
    }
}
