/// Where messages are sent, and which.
public struct WebhookDefinition: Sendable, Equatable {
    /// The name: the same form as a pipeline's.
    public var name: String
    /// The address as written; `${NAME}` stands for an environment variable.
    public var url: String
    /// The kinds of messages that it gets; empty means all.
    public var events: [NoticeType]
    /// The pipelines whose messages it gets; empty means all.
    public var pipelines: [String]
    /// What messages are signed with: `whsec_…`, or `${NAME}` for an environment variable; nil where one is to be made.
    public var secret: String?

    /// Makes a definition; it gets all messages unless said.
    public init(
        name: String, url: String, events: [NoticeType] = [], pipelines: [String] = [], secret: String? = nil
    ) {
        self.name = name
        self.url = url
        self.events = events
        self.pipelines = pipelines
        self.secret = secret
    }

    /// Whether it gets messages of a kind about a pipeline.
    public func wants(_ type: NoticeType, about pipeline: String?) -> Bool {
        (events.isEmpty || events.contains(type))
            && (pipelines.isEmpty || pipeline.map(pipelines.contains) ?? false)
    }

    /// The definition for storage, its secret included; never for answers.
    public var stored: JSONValue {
        .object([
            "name": .string(name), "url": .string(url), "events": .array(events.map { .string($0.rawValue) }),
            "pipelines": .array(pipelines.map(JSONValue.string)), "secret": JSONValue(secret),
        ])
    }

    /// Takes back what `stored` gave; nil for anything else.
    public init?(stored json: JSONValue) {
        guard let name = json["name"]?.string, let url = json["url"]?.string, let events = json["events"]?.array,
            let pipelines = json["pipelines"]?.array
        else { return nil }
        self.init(
            name: name, url: url, events: events.compactMap { $0.string.flatMap(NoticeType.init(rawValue:)) },
            pipelines: pipelines.compactMap(\.string), secret: json["secret"]?.string)
        // Of a newer program; without it this one would ask for all.
        guard self.events.count == events.count else { return nil }
    }
}
