/// Why the server refuses a request; each case has one status and one remedy.
public enum HTTPError: Error, Sendable, Hashable {
    /// 400: the request breaks the protocol; the text says how, and what to send instead.
    case badRequest(String)
    /// 403: a browser sent it from another site; the text names the header that said so.
    case crossSite(String)
    /// 404: no route has this path.
    case notFound
    /// 405: the path exists, with these methods.
    case methodNotAllowed(allow: [Method])
    /// 413: the body is, or would grow, longer than `limit` bytes.
    case bodyTooLarge(limit: Int)
    /// 415: the route takes other types of body.
    case unsupportedMediaType(given: String, accepted: [String])
    /// 417: an `Expect` other than `100-continue`.
    case expectationFailed(String)
    /// 421: the `Host` is not one of this server's.
    case misdirected(host: String)
    /// 500: a handler let go of the request without an answer.
    case unanswered
    /// 501: a method or a transfer coding that this server does not know.
    case notImplemented(String)
    /// 503: the server is stopping and begins no new work.
    case draining
    /// 503: more connections than the server answers at a time.
    case overloaded
    /// 503: as many streamed answers are in hand as the server gives at a time.
    case tooManyStreams(limit: Int)
    /// 503: the handler gave no answer in the time allowed.
    case timedOut
    /// 505: a version other than HTTP/1.0 and HTTP/1.1.
    case versionNotSupported(String)

    /// The status code.
    public var status: Int {
        switch self {
        case .badRequest: 400
        case .crossSite: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .bodyTooLarge: 413
        case .unsupportedMediaType: 415
        case .expectationFailed: 417
        case .misdirected: 421
        case .unanswered: 500
        case .notImplemented: 501
        case .draining, .overloaded, .tooManyStreams, .timedOut: 503
        case .versionNotSupported: 505
        }
    }

    /// A stable word for programs.
    public var code: String {
        switch self {
        case .badRequest: "bad_request"
        case .crossSite: "cross_site_request"
        case .notFound: "not_found"
        case .methodNotAllowed: "method_not_allowed"
        case .bodyTooLarge: "body_too_large"
        case .unsupportedMediaType: "unsupported_media_type"
        case .expectationFailed: "expectation_failed"
        case .misdirected: "unknown_host"
        case .unanswered: "internal_error"
        case .notImplemented: "not_implemented"
        case .draining: "stopping"
        case .overloaded: "too_many_connections"
        case .tooManyStreams: "too_many_streams"
        case .timedOut: "no_answer_in_time"
        case .versionNotSupported: "http_version_not_supported"
        }
    }

    /// What is wrong and what to do, in full sentences; safe to show to any client.
    public var detail: String {
        switch self {
        case .badRequest(let reason), .crossSite(let reason), .notImplemented(let reason): reason
        case .notFound: "Nothing is served at this path; /openapi.yaml lists what is."
        case .methodNotAllowed(let allow):
            "This path does not take that method; use \(allow.map(\.rawValue).joined(separator: ", "))."
        case .bodyTooLarge(let limit): "The body is longer than \(limit) bytes; send less in one request."
        case .unsupportedMediaType(let given, let accepted):
            "This path does not take a body of type '\(given)'; send \(accepted.joined(separator: ", "))."
        case .expectationFailed: "The only expectation this server meets is 'Expect: 100-continue'."
        case .misdirected(let host):
            "This server does not answer for the host '\(host)'; use localhost, "
                + "or start it with --allowed-host to add a name."
        case .unanswered: "The server lost the answer to this request; its log has the request identifier."
        case .draining: "The server is stopping; send the request again when it is back."
        case .overloaded: "Too many connections are open; try again in a moment."
        case .tooManyStreams(let limit):
            "\(limit) streams are open, as many as the server gives at a time; try again when others have ended."
        case .timedOut: "The answer took too long; the work may still go on, so look before repeating it."
        case .versionNotSupported(let version):
            "This server does not speak '\(version)'; use HTTP/1.1."
        }
    }

    /// The header fields that belong to the refusal.
    public var headers: [(name: String, value: String)] {
        switch self {
        case .methodNotAllowed(let allow): [("Allow", allow.map(\.rawValue).joined(separator: ", "))]
        case .draining, .tooManyStreams, .timedOut: [("Retry-After", "5")]
        case .overloaded: [("Retry-After", "1")]
        default: []
        }
    }
}
