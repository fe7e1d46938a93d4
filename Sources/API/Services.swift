internal import Engine
internal import HTTPServer
internal import Platform
internal import Store
internal import Synchronization

/// What the handlers stand on.
final class Services: Sendable {
    /// Carries out runs, plans and edits.
    let engine: LoadEngine
    /// Keeps documents and history.
    let store: ControlStore
    /// What those who listen to events hear.
    let events: EventTail
    /// Reads the files of the page; nil when none are served.
    let files: StaticFiles?
    /// What was written out of freshness.
    let freshness = FreshnessTexts()
    /// Counts what was answered.
    let requests = RequestMeter()
    /// What was written of metrics.
    let metrics = MetricsPage()
    /// When the process started.
    let startedAt: Timestamp
    /// The program and its libraries, with their versions.
    let build: [(name: String, version: String)]
    /// Whether the server takes work.
    let readiness = Readiness()
    /// Where causes go that no client sees.
    let log: Log
    /// Time.
    let clock: any Clock

    /// Gathers the services.
    init(
        engine: LoadEngine, store: ControlStore, configuration: APIConfiguration, log: Log, clock: any Clock
    ) {
        files = configuration.publicFolder.map { StaticFiles(folder: $0) }
        build = configuration.build
        startedAt = clock.now()
        self.engine = engine
        self.store = store
        events = EventTail(store: store, clock: clock, log: log)
        self.log = log
        self.clock = clock
    }

    /// Reads the control database in the words of an answer; short, so it may be called on a server thread.
    func read<Value>(_ body: (ReadSession) throws(StoreError) -> Value) throws(Problem) -> Value {
        do throws(StoreError) { return try store.read(body) } catch { throw Problem(error) }
    }
}

/// Whether the server takes work; may be used on any thread.
final class Readiness: Sendable {
    private let draining = Atomic<Bool>(false)

    /// Whether the server begins to stop.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// The server begins to stop.
    func drain() { draining.store(true, ordering: .relaxed) }
}
