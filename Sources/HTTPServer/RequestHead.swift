/// What is known of every request, also of one that is refused before it was understood.
public struct RequestHead: Sendable {
    /// The method as it was sent; it need not be one the server knows.
    public let method: String
    /// The request target as it was sent, repaired where it is no UTF-8.
    public let target: String
    /// The header fields.
    public let headers: Headers
    /// The request's identifier: the client's `X-Request-Id` where that is a short token, else a new one.
    public let id: String
    /// The client's IP address, without the port.
    public let remoteAddress: String
    /// When the head was complete, on the server's monotonic clock.
    public let receivedAt: Duration

    /// Makes a head.
    public init(
        method: String, target: String, headers: Headers = [:], id: String = "-", remoteAddress: String = "-",
        receivedAt: Duration = .zero
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.id = id
        self.remoteAddress = remoteAddress
        self.receivedAt = receivedAt
    }
}
