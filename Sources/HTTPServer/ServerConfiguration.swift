internal import Platform

/// Where and within which bounds the server listens.
public struct ServerConfiguration: Sendable {
    /// The IP address to listen on, or `localhost`.
    public var address = "127.0.0.1"
    /// The port to listen on; 0 takes any free one.
    public var port = 8080
    /// Threads that serve connections, 2 to 64.
    public var threads = Limits.serverThreads
    /// Names the server answers for besides the loopback names and its own address; `name` stands for any port,
    /// `name:port` for that one.
    public var allowedHosts: [String] = []
    /// Connections held at a time; above fifteen sixteenths of it only routes that answer under load do.
    public var connections = Limits.connections
    /// Streamed answers at a time, within half of the connections.
    public var streams = Limits.streams
    /// Seconds without a byte after which a connection is closed.
    public var idleSeconds = Limits.connectionIdleSeconds
    /// Time for a client to send its head, and again for its body.
    public var receiveTime = Limits.requestReceiveTime
    /// Time for a client to take an answer.
    public var sendTime = Limits.responseSendTime
    /// The longest a request may wait for its answer.
    public var waitTime = Limits.answerWaitTime
    /// How often clients that take too long are looked for.
    public var sweepInterval = Limits.sweepInterval

    /// Makes the defaults: loopback only.
    public init() {}
}
