/// A node of a document's tree as it was read, before it is given a meaning.
///
/// YAML and JSON give the same tree; every node knows where it stands in the text.
public struct DocumentNode: Sendable {
    /// What the node holds.
    public enum Content: Sendable {
        /// Null, true, false, a number or a string, resolved as YAML 1.2's core schema says.
        case scalar(JSONValue)
        case sequence([DocumentNode])
        /// The keys in their order; the reader has refused duplicates.
        case mapping([(key: String, keyMark: Mark, value: DocumentNode)])
    }

    /// What the node holds.
    public let content: Content
    /// Where it starts.
    public let mark: Mark

    /// Makes a node.
    public init(_ content: Content, at mark: Mark) {
        self.content = content
        self.mark = mark
    }

    /// The value of a mapping's key; nil when there is none or this is no mapping.
    public subscript(key: String) -> DocumentNode? {
        guard case .mapping(let members) = content else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The same tree as a JSON value.
    public var json: JSONValue {
        switch content {
        case .scalar(let value): value
        case .sequence(let items): .array(items.map(\.json))
        case .mapping(let members): .object(members.map { JSONValue.Member($0.key, $0.value.json) })
        }
    }
}
