public import Platform

/// One method of one path, and who answers it.
public struct Route: Sendable {
    /// Answers a request; runs on a server thread and must not block.
    public typealias Handler = @Sendable (Request) -> Reply

    /// The types of body a document may come in; curl's `-d` calls everything a form.
    public static let documentTypes = [
        "application/json", "application/yaml", "application/x-yaml", "text/yaml",
        "application/x-www-form-urlencoded",
    ]

    /// The method; a route of `GET` answers `HEAD` too.
    public let method: Method
    /// The path as it was written, such as `/v1/pipelines/{pipeline}/runs`.
    public let pattern: String
    /// A short name for logs and metrics.
    public let name: String
    /// The longest body in bytes.
    public let bodyLimit: Int
    /// The types a body may have, in lower case; nil takes any. A body without a type is always taken.
    public let acceptedTypes: [String]?
    /// Whether it answers above the bound on connections too, as health checks must.
    public let answersUnderLoad: Bool
    /// Who answers.
    public let handler: Handler

    let path: Pattern

    /// Makes a route; a pattern that is not well formed is a mistake of the program and stops it.
    public init(
        _ method: Method, _ pattern: String, name: String, bodyLimit: Int = Limits.requestBodyBytes,
        acceptedTypes: [String]? = Route.documentTypes, answersUnderLoad: Bool = false,
        handler: @escaping Handler
    ) {
        self.method = method
        self.pattern = pattern
        self.name = name
        self.bodyLimit = bodyLimit
        self.acceptedTypes = acceptedTypes
        self.answersUnderLoad = answersUnderLoad
        self.handler = handler
        path = Pattern(pattern)
    }

    /// Refuses a body of a type the route does not take.
    func checkType(_ headers: Headers) throws(HTTPError) {
        guard let acceptedTypes, let given = headers["Content-Type"] else { return }
        let type = given.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        guard acceptedTypes.contains(type) else {
            throw .unsupportedMediaType(given: given, accepted: acceptedTypes)
        }
    }
}
