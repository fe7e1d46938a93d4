public import Engine
public import HTTPServer
public import Platform
public import Store

/// The server's interface: everything it answers over HTTP.
///
/// Its router may be used on any thread; no handler blocks.
public final class API: Sendable {
    /// Finds who answers a request, for the listener.
    public let router: Router

    let services: Services

    /// Makes the interface over an open store and an engine; both must be in order until `stop`.
    public init(
        engine: LoadEngine, store: ControlStore, configuration: APIConfiguration = APIConfiguration(),
        log: Log, clock: any Clock
    ) {
        services = Services(engine: engine, store: store, configuration: configuration, log: log, clock: clock)
        router = Router(routes: Routes.all(services), errors: ProblemPages(), meter: services.requests)
    }

    /// Lets `/readyz` answer 503 from now on, so that no new work is sent here. To be called when the server begins to
    /// stop.
    public func drain() {
        services.readiness.drain()
    }

    /// Ends the threads that read files and events. Blocks for what is in hand; to be called after the listener has stopped.
    public func stop() {
        services.files?.stop()
        services.events.stop()
    }
}

/// What an operator may set of the interface.
public struct APIConfiguration: Sendable {
    /// The folder whose files are served, with its `index.html` at `/`; nil serves none.
    public var publicFolder: String?
    /// The program and its libraries, with their versions, as the metrics tell them.
    public var build: [(name: String, version: String)]

    /// Makes a configuration; no files are served unless said.
    public init(publicFolder: String? = nil, build: [(name: String, version: String)] = []) {
        self.publicFolder = publicFolder
        self.build = build
    }
}
