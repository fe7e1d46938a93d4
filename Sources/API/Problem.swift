internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// A refusal as the client sees it: a problem document of RFC 9457.
struct Problem: Error, Sendable {
    /// The status code.
    var status: Int
    /// The stable word for programs.
    var code: String
    /// What is wrong, naming the thing.
    var detail: String
    /// What to do about it; empty when the detail says all.
    var hint: String
    /// The field or parameter that is wrong; nil where there is none.
    var field: String?
    /// Everything that is wrong with a document, in its order; empty where there is none.
    var failures: [Failure] = []
    /// The header fields that belong to the refusal.
    var headers: [(name: String, value: String)]

    /// Makes a problem; one that passes by itself says when to ask again.
    init(
        _ status: Int, _ code: String, _ detail: String, hint: String = "", field: String? = nil,
        headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.field = field
        self.headers = headers
        let seconds: Int? =
            switch status {
            case 429: 1
            case 503: 5
            default: nil
            }
        if let seconds { self.headers.append(("Retry-After", String(seconds))) }
    }

    /// The problem that a failure of the work is.
    init(_ failure: Failure) {
        self.init(
            failure.status, failure.code.rawValue, failure.message, hint: failure.hint, field: failure.field)
        if failure.isTransient, headers.isEmpty { headers.append(("Retry-After", "1")) }
    }

    /// The problem of a document: what is wrong first, and all of it.
    init(_ error: DocumentFailures) {
        self.init(error.summary)
        failures = error.failures
        // What cannot be read is no document; what can be read but not be carried out is one that is refused.
        status = error.failures.first?.code == .malformedDocument ? 400 : 422
    }

    /// The problem that an error of the control database is.
    init(_ error: StoreError) {
        guard error.code != .invalidCursor else {
            self = .parameter(
                "cursor", "was not given by this list",
                hint: "Use the next_cursor of an answer as it is, or leave the cursor out to start again.")
            return
        }
        let failure = error.failure
        self.init(
            error.status ?? failure.status, failure.code.rawValue, failure.message, hint: failure.hint,
            field: failure.field)
    }

    /// A parameter of the query is wrong; `what` goes on after its name.
    static func parameter(_ name: String, _ what: String, hint: String) -> Problem {
        Problem(400, "invalid_parameter", "The parameter `\(name)` \(what).", hint: hint, field: name)
    }

    /// A parameter of the query gives a word that is none of `words`; `what` goes on after the parameter's name.
    static func parameter(_ name: String, _ word: String, noneOf words: [String], _ what: String) -> Problem {
        parameter(
            name, what,
            hint: NearestName.hint(word, among: words, otherwise: "It is one of \(words.joined(separator: ", ")).")
        )
    }

    /// The query has a parameter that the operation does not know.
    static func unknownParameter(_ name: String, known: [String]) -> Problem {
        let shown = ResourceName.isValid(name.lowercased()) ? " `\(name)`" : " of that name"
        return Problem(
            400, "unknown_parameter", "This operation has no parameter\(shown).",
            hint: NearestName.hint(
                name, among: known, otherwise: "Its parameters are \(known.joined(separator: ", "))."),
            field: ResourceName.isValid(name.lowercased()) ? name : nil)
    }

    /// Nothing has the name that stands at `place` of the path; the name is not shown.
    static func noSuch(_ place: String) -> Problem {
        let code: Failure.Code =
            switch place {
            case "connection": .unknownConnection
            case "pipeline": .unknownPipeline
            case "pool": .unknownPool
            case "step": .unknownStep
            case "run": .unknownRun
            default: .notFound
            }
        return Problem(404, code.rawValue, "There is no such \(place).")
    }

    /// The problem document, as the answer to a request.
    func answer(_ request: String) -> Answer {
        var members: [JSONValue.Member] = [
            .init("type", .string("urn:strandline:problem:\(code)")), .init("title", .string(title)),
            .init("status", .integer(Int64(status))), .init("detail", .string(detail)), .init("code", .string(code)),
        ]
        if !hint.isEmpty { members.append(.init("hint", .string(hint))) }
        if let field { members.append(.init("field", .string(field))) }
        if !failures.isEmpty { members.append(.init("errors", .array(failures.map(\.documentWire)))) }
        members.append(.init("request_id", .string(request)))
        return Answer(
            status, .json(.object(members)), headers: [("Content-Type", "application/problem+json")] + headers)
    }

    /// Tells the operator of what is our own fault or the machine's.
    func log(_ log: Log, request: String) {
        guard status >= 500 else { return }
        log.error("request failed", ["request": request, "code": code, "cause": detail])
    }

    /// The code in words.
    private var title: String {
        let words = code.split(separator: "_").joined(separator: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }
}

extension Failure {
    /// The failure as an entry of a problem's `errors`.
    fileprivate var documentWire: JSONValue {
        .object([
            "code": .string(code.rawValue), "detail": .string(message), "hint": JSONValue(hint.isEmpty ? nil : hint),
            "field": JSONValue(field), "line": JSONValue(mark?.line), "column": JSONValue(mark?.column),
        ])
    }
}

extension Problem {
    /// There is no run of an identifier.
    static func unknownRun(_ id: String) -> Problem {
        Problem(Failure(.unknownRun, "there is no run \(id)", hint: "GET /v1/runs lists the runs"))
    }

    /// There is no backfill of an identifier.
    static func unknownBackfill(_ id: String) -> Problem {
        Problem(Failure(.notFound, "there is no backfill \(id)", hint: "GET /v1/backfills lists the backfills"))
    }

    /// There is no audit of an identifier.
    static func unknownAudit(_ id: String) -> Problem {
        Problem(Failure(.notFound, "there is no audit \(id)", hint: "GET /v1/audits lists the audits"))
    }
}
