internal import HTTPServer

/// Writes the server's own refusals as problem documents; nothing of the path is repeated in them.
struct ProblemPages: ErrorPages {
    /// The problem document of a refusal.
    func response(for error: HTTPError, to head: RequestHead) -> Response {
        let problem = Problem(error.status, error.code, error.detail)
        return problem.answer(head.id).response(pretty: head.asksForPretty)
    }
}

extension RequestHead {
    /// Whether the target asks for indented JSON; the target may be one that could not be read.
    fileprivate var asksForPretty: Bool {
        guard let query = target.split(separator: "?", maxSplits: 1).dropFirst().first else { return false }
        return query.split(separator: "&").contains { $0 == "pretty" || $0 == "pretty=true" || $0 == "pretty=1" }
    }
}
