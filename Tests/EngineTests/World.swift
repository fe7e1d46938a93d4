import Foundation
import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// A server without HTTP in a fresh directory: a shop's database, a warehouse, a control database and an engine.
final class World: Sendable {
    let directory: String
    let clock: ManualClock
    let store: ControlStore
    let loader: ScriptedLoader
    let engine: LoadEngine
    let log = Signal<String>()
    /// The numbers of partitions that were read ahead.
    let extracted = Signal<Int>()

    /// Makes a world; `image`, the directory of another one, is what a crash of that one has left.
    init(
        workers: Int = 2, queuedJobs: Int = 1_000, environment: [String: String] = [:], image: String? = nil,
        now: Timestamp = World.start, poster: (any LetterPosting)? = nil, lineage: String? = nil,
        busyTime: Duration = Limits.busyTime
    ) throws {
        directory = NSTemporaryDirectory() + "strandline-engine-" + UUID().uuidString
        if let image {
            try World.copy(image, to: directory)
        } else {
            try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
        }
        clock = ManualClock(now)
        let log = Log(level: .info, clock: clock) { [log = self.log] in log.send($0) }
        store = try ControlStore.open(
            directory: directory + "/state", clock: clock, log: log, busyTime: busyTime)
        loader = ScriptedLoader(clock: clock)
        engine = LoadEngine(
            store: store, loader: loader,
            catalog: Catalog(roots: try DataRoots([directory + "/data"]), environment: environment),
            configuration: EngineConfiguration(workers: workers, queuedJobs: queuedJobs), clock: clock, log: log,
            identifiers: IdentifierMaker(clock: clock),
            outbox: poster.map { OutboxConfiguration(poster: $0, environment: environment, lineageNamespace: lineage) })
        guard image == nil else { return }
        try database("shop.db") {
            try $0.execute(
                """
                PRAGMA journal_mode = WAL;
                CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL, updated_at TEXT);
                """)
        }
        try connection("shop", "shop.db")
        try connection("warehouse", "warehouse.db")
    }

    /// Copies a directory, again where a file was closed for good, and its log removed, in the middle of it.
    private static func copy(_ image: String, to directory: String) throws {
        for _ in 0..<10 {
            do { return try FileManager.default.copyItem(atPath: image, toPath: directory) } catch {
                try? FileManager.default.removeItem(atPath: directory)
            }
        }
        try FileManager.default.copyItem(atPath: image, toPath: directory)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    static let start = Timestamp(microseconds: 1_711_929_600_000_000)

    /// Stops the engine and closes the store.
    func end(within limit: Duration = .seconds(10)) {
        #expect(engine.stop(within: limit))
        store.close()
    }

    /// A world that starts from what a crash at this moment would leave on disk.
    func afterCrash(
        workers: Int = 2, now: Timestamp? = nil, poster: (any LetterPosting)? = nil, lineage: String? = nil
    ) throws -> World {
        try World(workers: workers, image: directory, now: now ?? clock.now(), poster: poster, lineage: lineage)
    }

    func path(_ name: String) -> String { directory + "/data/" + name }

    /// Lets time pass for the engine.
    func advance(by duration: Duration) {
        clock.advance(by: duration)
        engine.alarms.lookAgain()
        engine.courier?.lookAgain()
    }

    // MARK: Databases

    @discardableResult
    func database<Value>(_ name: String, _ body: (Connection) throws -> Value) throws -> Value {
        let connection = try Connection(path: path(name), access: .create)
        defer { connection.close() }
        return try body(connection)
    }

    /// Adds orders numbered `ids` to the shop, one second apart from the start.
    func order(_ ids: ClosedRange<Int>) throws {
        try database("shop.db") { shop in
            try shop.execute("BEGIN IMMEDIATE")
            for id in ids {
                let time = World.start.adding(.seconds(id - 100_000)).rfc3339
                try shop.execute("INSERT INTO orders VALUES (?, ?, ?)", [Value(id), .real(Double(id)), .text(time)])
            }
            try shop.execute("COMMIT")
        }
    }

    /// How many rows a table has; nil when it is not there.
    func rows(_ table: String = "orders", in file: String = "warehouse.db") throws -> Int? {
        guard FileManager.default.fileExists(atPath: path(file)) else { return nil }
        return try database(file) { db in
            guard try db.first("SELECT 1 FROM sqlite_schema WHERE name = ?", [.text(table)]) != nil else { return nil }
            return try db.first("SELECT count(*) AS n FROM \"\(table)\"").map { Int(try $0.int("n")) }
        }
    }

    /// Runs statements in the control database behind the engine's back.
    func control(_ sql: String) throws {
        let connection = try Connection(path: directory + "/state/control.db", access: .readWrite)
        defer { connection.close() }
        try connection.execute(sql)
    }

    // MARK: Documents

    func connection(_ name: String, _ path: String) throws {
        let text = JSONValue.object(["name": .string(name), "type": "sqlite", "path": .string(path)]).text()
        try store.write { (transaction) throws(StoreError) in
            _ = try transaction.putConnection(name, definition: text)
        }
    }

    /// Stores a pipeline of steps over the table of orders; `more` is put into the document as it is.
    func pipeline(_ name: String, steps: [String]? = nil, more: String = "") throws {
        let steps = steps ?? [World.step("orders")]
        let text = "{\"name\":\"\(name)\",\(more)\"steps\":[\(steps.joined(separator: ","))]}"
        let document = try DocumentDecoder.pipeline(try JSONReader.read(Array(text.utf8)), name: name)
        try store.write { (transaction) throws(StoreError) in
            _ = try transaction.putPipeline(document)
        }
        engine.scheduleChanged(name)
    }

    static func step(
        _ name: String, to connection: String = "warehouse", table: String? = nil, source: String = "orders",
        after: [String] = []
    ) -> String {
        let dependencies = after.map { "\"\($0)\"" }.joined(separator: ",")
        return """
            {"name":"\(name)","depends_on":[\(dependencies)],"source":{"connection":"shop","table":"\(source)"},\
            "destination":{"connection":"\(connection)","table":"\(table ?? name)"},"strategy":"timestamp",\
            "cursor":"updated_at","primary_key":["id"]}
            """
    }

    /// A step that runs statements in the warehouse.
    static func statements(_ name: String, _ sql: String, after: [String] = [], more: String = "") -> String {
        let dependencies = after.map { "\"\($0)\"" }.joined(separator: ",")
        return """
            {"name":"\(name)","kind":"sql","depends_on":[\(dependencies)],"destination":{"connection":"warehouse"},\
            \(more)"sql":\(JSONValue.string(sql).text())}
            """
    }

    // MARK: Runs

    /// Triggers a run and waits until it is accepted.
    func trigger(_ request: RunRequest) throws -> Run {
        let outcome = Signal<Result<TriggerOutcome, Failure>>()
        engine.trigger(request) { outcome.send($0) }
        switch try #require(outcome.wait()).get() {
        case .accepted(let run): return run
        case .replayed: throw Failure(.internalError, "an earlier answer was replayed")
        }
    }

    func trigger(_ pipeline: String) throws -> Run { try trigger(RunRequest(pipeline: pipeline)) }

    /// Waits until a run has finished.
    func finish(_ run: Run) throws -> Run {
        let signal = Signal<Result<Run, Failure>>()
        engine.whenFinished(run.id) { signal.send($0) }
        return try #require(signal.wait(), "\(run.id) did not finish").get()
    }

    /// Triggers a run and waits until it has finished.
    func run(_ pipeline: String) throws -> Run { try finish(try trigger(pipeline)) }

    func cancel(_ run: Run) throws -> Run {
        let signal = Signal<Result<Run, Failure>>()
        engine.cancel(run.id) { signal.send($0) }
        return try #require(signal.wait()).get()
    }

    /// The run as the control database has it.
    func stored(_ run: Run) throws -> Run {
        let id = run.id
        return try #require(try store.read { (session) throws(StoreError) in try session.run(id) })
    }

    /// Waits until a run is laid aside for its second attempt; answers it as the control database has it then.
    func laidAside(_ run: Run) throws -> Run {
        // The log tells of it once it is stored.
        _ = try #require(log.wait { $0.contains("run queued") && $0.contains(run.id) }, "\(run.id) was not laid aside")
        return try stored(run)
    }

    /// The kinds of the events of a run, in their order.
    func events(of run: Run) throws -> [String] {
        let id = run.id
        return try store.read { (session) throws(StoreError) in try session.events(run: id) }.map(\.kind)
    }
}

/// Starts something that tells its outcome later, and waits for that.
func wait<Value: Sendable>(
    _ start: (@escaping @Sendable (Result<Value, Failure>) -> Void) -> Void
) throws -> Value {
    let signal = Signal<Result<Value, Failure>>()
    start { signal.send($0) }
    return try #require(signal.wait()).get()
}

extension ReadSession {
    /// The events after one, oldest first.
    func events(after id: Int64 = 0, limit: Int = Limits.pageItems, run: String? = nil) throws(StoreError) -> [Event] {
        try events(EventFilter(work: run), after: id, limit: limit).events
    }
}
