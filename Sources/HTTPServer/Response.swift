/// An answer: a status, header fields and a body held in memory.
///
/// The transport adds `Date`, `Content-Length`, `X-Request-Id` and, where it must, `Connection: close`.
public struct Response: Sendable {
    /// The status code, 200 to 599.
    public var status: Int
    /// The header fields in order; a name may repeat.
    public var headers: [(name: String, value: String)]
    /// The body; empty for the statuses 204 and 304, which have none.
    public var body: [UInt8]

    /// Makes an answer.
    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer without a body.
    public static func empty(_ status: Int) -> Response { Response(status: status) }

    /// Plain text in UTF-8.
    public static func text(_ text: String, status: Int = 200) -> Response {
        Response(status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: Array(text.utf8))
    }

    /// A JSON document that is already written.
    public static func json(_ document: [UInt8], status: Int = 200) -> Response {
        Response(status: status, headers: [("Content-Type", "application/json")], body: document)
    }

    /// The value of the first field called `name`, without regard to case.
    public func header(_ name: String) -> String? {
        headers.first { equalsIgnoringCase($0.name, name) }?.value
    }

    /// Puts one field called `name` in place of all that were there.
    public mutating func setHeader(_ name: String, _ value: String) {
        headers.removeAll { equalsIgnoringCase($0.name, name) }
        headers.append((name, value))
    }
}
