public import Platform

/// The server: listens, checks, routes and answers. May be used on any thread but the server's own.
///
/// made → started → stopped, once each; a listener that was started must be stopped.
public final class Listener: Sendable {
    private enum State {
        case made
        case started(MicroHTTPDaemon)
        case stopping
        case stopped
    }

    /// The port it listens on; the one the kernel chose where the configuration said 0.
    public let port: Int

    private let socket: ListeningSocket
    private let service: Service
    private let sweeper: Sweeper
    private let state = Monitor(State.made)

    /// Opens the socket; connections wait in the kernel until `start`.
    public init(
        _ configuration: ServerConfiguration, router: Router, log: Log, clock: any Clock = SystemClock()
    ) throws(ListenError) {
        socket = try ListeningSocket(address: configuration.address, port: configuration.port)
        port = socket.port
        service = Service(configuration, router: router, log: log, clock: clock)
        sweeper = Sweeper(
            links: service.links, room: service.room, streams: service.streams, alarm: service.alarm, clock: clock,
            log: log,
            interval: configuration.sweepInterval)
    }

    deinit {
        state.update { state in
            if case .made = state { socket.close() }
        }
    }

    /// Begins to answer. Does nothing when it was started before.
    public func start() throws(ListenError) {
        let wanted = service.configuration.connections + Limits.otherOpenFiles
        let allowed = OpenFiles.allow(wanted)
        if allowed < wanted {
            service.log.warn(
                "the bound on open files is low: connections may be refused below their own bound",
                ["open_files": "\(allowed)", "needed": "\(wanted)", "remedy": "ulimit -n \(wanted)"])
        }
        let isStarted = state.update { state in
            guard case .made = state else { return true }
            guard let daemon = MicroHTTPDaemon(socket, service: service) else { return false }
            sweeper.start()
            service.lingerer.start()
            state = .started(daemon)
            return true
        }
        guard isStarted else {
            throw ListenError(
                code: .failed, endpoint: "\(service.configuration.address):\(port)",
                cause: "the server threads did not start",
                hint: "look for limits on memory, threads and open files")
        }
    }

    /// Whether the server takes no new work; what a readiness check answers 503 by.
    public var isDraining: Bool { service.isDraining }

    /// Takes no new work: unsafe methods are answered 503, and every answer closes its connection.
    public func drain() {
        service.drain()
    }

    /// Stops in good order and returns when all threads are done; later calls wait for the first one.
    ///
    /// Until nothing is in hand any more, safe methods are still answered and unsafe ones refused. Requests that wait
    /// with a deadline's answer get it at once, and streamed answers end; the others have until `time` has passed and are then answered 503.
    public func stop(within time: Duration) {
        drain()
        let daemon = state.wait { state -> MicroHTTPDaemon?? in
            switch state {
            case .made:
                socket.close()
                state = .stopped
                return .some(nil)
            case .started(let daemon):
                state = .stopping
                return .some(daemon)
            case .stopping: return nil
            case .stopped: return .some(nil)
            }
        }
        guard let daemon = daemon ?? nil else { return }
        service.room.hasten()
        service.streams.close()
        _ = service.traffic.waitUntilIdle(upTo: time)
        // The library ends the process when it is stopped with a connection suspended.
        service.room.close()
        _ = service.traffic.waitUntilIdle(upTo: Limits.lastAnswersTime)
        sweeper.stop()
        daemon.stop()
        service.lingerer.stop()
        state.update { $0 = .stopped }
    }
}
