internal import Documents
internal import HTTPServer
internal import Model
internal import Store

/// A request whose query was found to be in order, with what its handler needs.
struct Call: Sendable {
    /// The request.
    let request: Request
    /// What the handlers stand on.
    let services: Services
    /// Whether the JSON of the answer is indented.
    let isPretty: Bool

    /// Checks the names in the query and that none comes twice that may not.
    init(_ request: Request, _ services: Services, query names: [String], repeatable: Set<String>) throws(Problem) {
        self.request = request
        self.services = services
        let known = names + ["pretty"]
        var seen: Set<String> = []
        for parameter in request.query.parameters {
            guard known.contains(parameter.name) else {
                throw .unknownParameter(parameter.name, known: known)
            }
            guard seen.insert(parameter.name).inserted || repeatable.contains(parameter.name) else {
                throw .parameter(parameter.name, "is given more than once", hint: "Give it once.")
            }
        }
        isPretty = try Call.flag("pretty", request)
    }

    /// A parameter of the query that is on when it stands there alone or as `true`.
    func flag(_ name: String) throws(Problem) -> Bool { try Call.flag(name, request) }

    private static func flag(_ name: String, _ request: Request) throws(Problem) -> Bool {
        switch request.query[name] {
        case nil, "false", "0": return false
        case "", "true", "1": return true
        default: throw .parameter(name, "must be true or false", hint: "Write ?\(name)=true, or leave it out.")
        }
    }

    /// The part of a list that `limit` and `cursor` ask for.
    func page() throws(Problem) -> Page {
        try Page(query: request.query)
    }

    /// The name in the path's `{place}`; a text that cannot be a name is answered 404 as one that nothing has.
    ///
    /// So what a message shows of the path is always a plain word.
    func name(_ place: String) throws(Problem) -> String {
        let text = request.parameters[place] ?? ""
        guard ResourceName.isValid(text) else { throw .noSuch(place) }
        return text
    }

    /// The answer with its tag, or 304 without a body when the client holds it already (RFC 9110, section 13.1.2).
    func unlessHeld(_ answer: Answer, _ tag: EntityTag) -> Answer {
        var answer = answer
        answer.headers.append(("ETag", tag.text))
        guard tag.isHeld(request.headers.all("If-None-Match")) else { return answer }
        return Answer(304, headers: answer.headers.filter { $0.name != "Content-Type" })
    }

    /// Deletes what stands under a name, when its version is what the request asks for, and then tells of it.
    func delete(
        version: @escaping @Sendable (ReadSession) throws(StoreError) -> Int?,
        _ delete: @escaping @Sendable (Transaction, Expectation) throws(StoreError) -> Void,
        then tell: @escaping @Sendable () -> Void = {}
    ) throws(Problem) -> Outcome {
        let precondition = try Precondition(request.headers)
        return .later { waiting in
            services.store.write { transaction throws(StoreError) in
                try delete(transaction, precondition.expectation(try version(transaction)))
            } completion: { result in
                waiting.finish { () throws(Problem) in
                    try result.orProblem()
                    tell()
                    return Answer(204)
                }
            }
        }
    }

    /// The document in the body; nil when there is no body.
    func document() throws(Problem) -> DocumentNode? {
        guard !request.body.isEmpty else { return nil }
        do throws(Failure) { return try DocumentReader.read(request.body) } catch {
            throw Problem(DocumentFailures([error]))
        }
    }

    /// The document in the body of a request that must have one.
    func requiredDocument(_ example: String) throws(Problem) -> DocumentNode {
        guard let document = try document() else {
            throw Problem(
                400, "missing_body", "The request has no body.", hint: "Send a YAML or JSON document: \(example)")
        }
        return document
    }
}

extension Request {
    /// Whether the query asks for indented JSON, whatever else is wrong with it.
    var asksForPretty: Bool {
        switch query["pretty"] {
        case "", "true", "1": true
        default: false
        }
    }
}

extension Query {
    /// The state that a list of `what` is to be in; nil for every one.
    func state<State: RawRepresentable & CaseIterable>(
        _ type: State.Type, of what: String
    ) throws(Problem) -> State? where State.RawValue == String {
        guard let word = self["state"] else { return nil }
        guard let state = State(rawValue: word) else {
            throw .parameter("state", word, noneOf: State.allCases.map(\.rawValue), "is no state of \(what)")
        }
        return state
    }

    /// The name of a pipeline that a list is to be about; nil for all. It need not exist.
    func pipeline() throws(Problem) -> String? {
        guard let name = self["pipeline"] else { return nil }
        guard ResourceName.isValid(name) else {
            throw .parameter("pipeline", "is no name of a pipeline", hint: "GET /v1/pipelines lists them.")
        }
        return name
    }
}
