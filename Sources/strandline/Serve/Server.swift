internal import API
internal import Engine
internal import HTTPServer
internal import Loading
internal import Model
internal import Platform
internal import Store

/// The parts of a running server, wired together.
struct Server {
    private let configuration: Configuration
    private let log: Log
    private let store: ControlStore
    private let engine: LoadEngine
    private let api: API
    private let listener: Listener

    /// Opens the state and the socket and applies the configured documents; nothing runs before `start`.
    ///
    /// `environment` is what `${NAME}` in connections is looked up in.
    init(_ configuration: Configuration, environment: [String: String], log: Log) throws(CommandError) {
        let clock = SystemClock()
        let roots: DataRoots
        do throws(Failure) {
            roots = try DataRoots(configuration.dataRoots, stateDirectory: configuration.stateDirectory)
        } catch {
            throw CommandError(error)
        }
        // Read before anything is made or changed, so that a wrong document leaves no trace.
        let config = configuration.configDirectory.map { ConfigDirectory(path: $0) }
        let documents = try config?.read()
        let store: ControlStore
        do throws(StoreError) {
            store = try ControlStore.open(directory: configuration.stateDirectory, clock: clock, log: log)
        } catch {
            throw CommandError(message: "cannot \(error.operation): \(error.cause)", hint: error.hint)
        }
        do throws(CommandError) {
            if let config, let documents {
                let changed = try config.apply(documents, to: store)
                log.info("documents applied", ["directory": config.path, "changed": "\(changed)"])
            }
            engine = LoadEngine(
                store: store, loader: Loader(clock: clock, rowsPerCommit: configuration.rowsPerCommit),
                catalog: Catalog(roots: roots, environment: environment),
                configuration: EngineConfiguration(workers: configuration.workers), clock: clock, log: log,
                identifiers: IdentifierMaker(clock: clock),
                outbox: OutboxConfiguration(
                    poster: Postman(
                        allowed: configuration.webhookNetworks, lineage: configuration.lineage,
                        lineageKey: environment["OPENLINEAGE_API_KEY"]),
                    environment: environment,
                    lineageNamespace: configuration.lineage == nil ? nil : configuration.lineageNamespace))
            let pages = FileText.isDirectory(configuration.publicDirectory) ? configuration.publicDirectory : nil
            api = API(
                engine: engine, store: store,
                configuration: APIConfiguration(
                    publicFolder: pages, build: [("version", VersionCommand.program)] + VersionCommand.libraries),
                log: log, clock: clock)
            listener = try Server.listener(configuration, api.router, log, clock)
        } catch {
            store.close()
            throw error
        }
        self.configuration = configuration
        self.log = log
        self.store = store
    }

    private static func listener(
        _ configuration: Configuration, _ router: Router, _ log: Log, _ clock: any Clock
    ) throws(CommandError) -> Listener {
        var server = ServerConfiguration()
        server.address = configuration.listen.host
        server.port = configuration.listen.port
        server.allowedHosts = configuration.allowedHosts
        do throws(ListenError) {
            return try Listener(server, router: router, log: log, clock: clock)
        } catch {
            throw CommandError(message: error.description)
        }
    }

    /// The URL that it answers at.
    var url: String { configuration.listen.url(port: listener.port) }

    /// Settles what the last process left, then lets runs start and answers requests.
    func start() throws(CommandError) {
        do throws(Failure) { try engine.start() } catch { throw CommandError(error) }
        do throws(ListenError) {
            try listener.start()
        } catch {
            throw CommandError(message: error.description)
        }
    }

    /// Reads the configured documents again; a wrong one changes nothing and is logged.
    func reload() {
        guard let directory = configuration.configDirectory else {
            log.warn("nothing to reload", ["hint": "start the server with --config-dir"])
            return
        }
        let config = ConfigDirectory(path: directory)
        do throws(CommandError) {
            let changed = try config.apply(try config.read(), to: store)
            engine.schedulesChanged()
            log.info("documents applied", ["directory": directory, "changed": "\(changed)"])
        } catch {
            log.error("documents not applied", ["cause": error.message, "hint": error.hint])
        }
    }

    /// Stops in good order: no new work, runs in hand finish or go back to the queue, the last answers leave.
    func stop() {
        api.drain()
        listener.drain()
        if !engine.stop(within: configuration.stopTime) {
            log.warn("a run was left to the next start")
        }
        listener.stop(within: Limits.lastRequestsTime)
        api.stop()
        store.close()
    }
}

extension CommandError {
    /// A failure of the work.
    init(_ failure: Failure) {
        self.init(message: failure.message, hint: failure.hint)
    }
}
