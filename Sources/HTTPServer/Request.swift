/// A whole request that passed the server's checks, its body included.
public struct Request: Sendable {
    /// Method, target, headers and origin as they were sent.
    public let head: RequestHead
    /// The method; `HEAD` is given to the handler of `GET`, and the transport drops the answer's body.
    public let method: Method
    /// The decoded segments of the path; a segment may hold a `/` that was sent as `%2F`.
    public let segments: [String]
    /// The decoded parameters of the query.
    public let query: Query
    /// The body, within the route's limit; empty when there is none.
    public var body: [UInt8]
    /// The segments that the route's pattern names, by name.
    public var parameters: [String: String]

    /// Makes a request as the server would, for a router that is called in process.
    public init(
        _ method: Method, _ target: String, headers: Headers = [:], body: [UInt8] = [], id: String = "-"
    ) throws(HTTPError) {
        let head = RequestHead(method: method.rawValue, target: target, headers: headers, id: id)
        self.init(head: head, method: method, target: try Target(target.utf8), parameters: [:], body: body)
    }

    init(head: RequestHead, method: Method, target: Target, parameters: [String: String], body: [UInt8]) {
        self.head = head
        self.method = method
        segments = target.segments
        query = target.query
        self.parameters = parameters
        self.body = body
    }

    /// The header fields.
    public var headers: Headers { head.headers }
    /// The request's identifier, as it stands in the answer's `X-Request-Id` and in the log.
    public var id: String { head.id }
    /// The client's IP address, without the port.
    public var remoteAddress: String { head.remoteAddress }
    /// When the head was complete, on the server's monotonic clock.
    public var receivedAt: Duration { head.receivedAt }
    /// The request target as it was sent.
    public var rawTarget: String { head.target }
    /// The decoded path, for people; where escapes matter use `segments`.
    public var path: String { "/" + segments.joined(separator: "/") }
}
