internal import Platform

/// Turns documents into nouns, noting everything that is wrong before it refuses one.
///
/// Pure: no I/O, no clock. May be used on any thread.
public enum DocumentDecoder {
    /// Decodes a pipeline. `name` is the one in the URL: it fills a missing `name` and must equal one that is there.
    public static func pipeline(_ node: DocumentNode, name: String?) throws(DocumentFailures) -> PipelineDocument {
        let findings = Findings()
        let pipeline = PipelineDecoding(findings: findings).pipeline(node, path: "", name: name)
        try findings.check()
        return try document(pipeline, node, findings.warnings)
    }

    /// Decodes a connection. `name` is the one in the URL: it fills a missing `name` and must equal one that is there.
    public static func connection(
        _ node: DocumentNode, name: String?
    ) throws(DocumentFailures) -> (definition: ConnectionDefinition, json: JSONValue) {
        let findings = Findings()
        let definition = ConnectionDecoding(findings: findings).connection(node, path: "", name: name)
        try findings.check()
        guard let definition else { throw refused(node) }
        return (definition, node.json.named(definition.name))
    }

    /// Decodes a webhook. `name` is the one in the URL: it fills a missing `name` and must equal one that is there.
    public static func webhook(_ node: DocumentNode, name: String?) throws(DocumentFailures) -> WebhookDefinition {
        let findings = Findings()
        let definition = WebhookDecoding(findings: findings).webhook(node, path: "", name: name)
        try findings.check()
        guard let definition else { throw refused(node) }
        return definition
    }

    /// Decodes a pool. `name` is the one in the URL: it fills a missing `name` and must equal one that is there.
    public static func pool(_ node: DocumentNode, name: String?) throws(DocumentFailures) -> PoolDefinition {
        let findings = Findings()
        let pool = PoolDecoding(findings: findings).pool(node, path: "", name: name)
        try findings.check()
        guard let pool else { throw refused(node) }
        return pool
    }

    /// Decodes a file of connections, pools, pipelines and webhooks; each may be missing, an empty file is none of them.
    public static func file(_ node: DocumentNode) throws(DocumentFailures) -> DocumentFile {
        let findings = Findings()
        var file = DocumentFile()
        if case .scalar(.null) = node.content { return file }
        guard let fields = Fields(node, path: "", called: "the document", findings: findings) else {
            try findings.check()
            throw refused(node)
        }
        fields.allow(["connections", "pools", "pipelines", "webhooks"], of: "the document")
        if let connections = fields.mapping("connections") {
            for member in connections.all {
                let path = connections.path(member.key)
                let decoding = ConnectionDecoding(findings: findings)
                if let definition = decoding.connection(member.value, path: path, name: member.key) {
                    file.connections.append(
                        ConnectionDocument(definition: definition, json: member.value.json.named(member.key)))
                }
            }
        }
        for member in fields.mapping("webhooks")?.all ?? [] {
            let decoding = WebhookDecoding(findings: findings, needsSecret: true)
            if let definition = decoding.webhook(member.value, path: "webhooks." + member.key, name: member.key) {
                file.webhooks.append(
                    WebhookDocument(definition: definition, json: member.value.json.named(member.key)))
            }
        }
        if let pools = fields.mapping("pools") { file.pools = PoolDecoding(findings: findings).pools(pools) }
        var names: [String: Mark] = [:]
        for (index, item) in (fields.list("pipelines") ?? []).enumerated() {
            let path = "pipelines[\(index)]"
            let inner = Findings()
            let pipeline = PipelineDecoding(findings: inner).pipeline(item, path: path, name: nil)
            findings.take(inner)
            guard let pipeline else { continue }
            if let first = names.updateValue(item.mark, forKey: pipeline.name) {
                findings.fail(
                    .invalidValue,
                    "the pipeline `\(pipeline.name)` stands here again; it first stands at \(first.text)",
                    hint: "Give one of them another name.", field: path + ".name", mark: item.mark)
            }
            file.pipelines.append(
                PipelineDocument(
                    pipeline: pipeline, json: item.json.named(pipeline.name), warnings: inner.warnings))
        }
        try findings.check()
        return file
    }

    private static func document(
        _ pipeline: Pipeline?, _ node: DocumentNode, _ warnings: [LoadWarning]
    ) throws(DocumentFailures) -> PipelineDocument {
        guard let pipeline else { throw refused(node) }
        return PipelineDocument(pipeline: pipeline, json: node.json.named(pipeline.name), warnings: warnings)
    }

    /// Decoding gives nil only with a failure noted; this says so where the compiler cannot know it.
    private static func refused(_ node: DocumentNode) -> DocumentFailures {
        DocumentFailures([Failure(.malformedDocument, "the document could not be understood", mark: node.mark)])
    }
}

/// A pipeline with the document that it was decoded from.
public struct PipelineDocument: Sendable, Equatable {
    /// The pipeline.
    public let pipeline: Pipeline
    /// The document as its author wrote it, keys in their order, with `name` in front when it came from the URL.
    public let json: JSONValue
    /// What is allowed but probably not meant.
    public let warnings: [LoadWarning]
}

/// A connection with the document that it was decoded from.
public struct ConnectionDocument: Sendable, Equatable {
    /// The connection.
    public let definition: ConnectionDefinition
    /// The document as its author wrote it, with `name` in front.
    public let json: JSONValue
}

/// A webhook with the document that it was decoded from.
public struct WebhookDocument: Sendable, Equatable {
    /// The webhook.
    public let definition: WebhookDefinition
    /// The document as its author wrote it, with `name` in front.
    public let json: JSONValue
}

/// What a file of documents holds.
public struct DocumentFile: Sendable, Equatable {
    /// The connections, in the file's order.
    public var connections: [ConnectionDocument] = []
    /// The webhooks, in the file's order.
    public var webhooks: [WebhookDocument] = []
    /// The pools, in the file's order.
    public var pools: [PoolDefinition] = []
    /// The pipelines, in the file's order.
    public var pipelines: [PipelineDocument] = []

    /// Makes an empty file.
    public init() {}
}

extension JSONValue {
    /// The same object with a `name`, put in front when it has none.
    fileprivate func named(_ name: String) -> JSONValue {
        guard case .object(let members) = self, self["name"] == nil else { return self }
        return .object([Member("name", .string(name))] + members)
    }
}
