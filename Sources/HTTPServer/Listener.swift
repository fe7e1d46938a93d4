public import Platform

/// The server: listens, checks, routes and answers.
public final class Listener: Sendable {
    /// The port it listens on; the one the kernel chose where the configuration said 0.
    public let port: Int

    public init(
        _ configuration: ServerConfiguration, router: Router, log: Log, clock: any Clock = SystemClock()
    ) throws(ListenError) {
        port = 0
    }

    public var isDraining: Bool { false }
    public func start() throws(ListenError) {}
    public func drain() {}
    public func stop(within time: Duration) {}
}
