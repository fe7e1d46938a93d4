import Documents
import Foundation
import HTTPClient
import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import API
@testable import Engine
@testable import HTTPServer

/// A whole server over a fresh directory: a shop, a warehouse, a control database, an engine and the interface; asked in
/// process, or over the network once `listen` was called.
final class World: Sendable {
    let directory: String
    let clock: ManualClock
    let store: ControlStore
    let engine: LoadEngine
    let api: API
    let lines = Monitor([String]())
    private let listener = Monitor<Listener?>(nil)

    static let start = Timestamp(rfc3339: "2024-04-01T00:00:00Z") ?? Timestamp(microseconds: 0)

    /// Makes a world whose shop has the orders 1 to `orders`, an hour apart from 2024-01-01 on.
    init(
        orders: Int = 10, workers: Int = 2, queuedJobs: Int = 1_000, environment: [String: String] = [:],
        isStarted: Bool = true, rowsPerCommit: Int = Limits.rowsPerCommit,
        loader: ((any Clock) -> any StepLoading)? = nil
    ) throws {
        directory = NSTemporaryDirectory() + "strandline-api-" + UUID().uuidString
        for folder in ["data", "public", "public/assets"] {
            try FileManager.default.createDirectory(
                atPath: directory + "/" + folder, withIntermediateDirectories: true)
        }
        clock = ManualClock(World.start)
        let log = Log(level: .info, clock: clock) { [lines] line in lines.update { $0.append(line) } }
        store = try ControlStore.open(directory: directory + "/state", clock: clock, log: log)
        engine = LoadEngine(
            store: store, loader: loader?(clock) ?? Loader(clock: clock, rowsPerCommit: rowsPerCommit),
            catalog: Catalog(
                roots: try DataRoots([directory + "/data"], stateDirectory: directory + "/state"),
                environment: environment),
            configuration: EngineConfiguration(workers: workers, queuedJobs: queuedJobs), clock: clock, log: log,
            identifiers: IdentifierMaker(clock: clock))
        api = API(
            engine: engine, store: store, configuration: APIConfiguration(publicFolder: directory + "/public"),
            log: log,
            clock: clock)
        try database("shop.db") { shop in
            try shop.execute(
                """
                PRAGMA journal_mode = WAL;
                CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL, updated_at TEXT);
                CREATE VIEW large_orders AS SELECT * FROM orders WHERE total > 100;
                """)
        }
        try order(1...max(1, orders))
        if isStarted { try engine.start() }
    }

    deinit {
        listener.update { listener in
            listener?.stop(within: .seconds(5))
            listener = nil
        }
        engine.stop(within: .seconds(5))
        api.stop()
        store.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// A log that nobody reads.
    var silentLog: Log { Log { _ in } }

    // MARK: Data

    @discardableResult
    func database<Value>(_ name: String, _ body: (Connection) throws -> Value) throws -> Value {
        let connection = try Connection(path: directory + "/data/" + name, access: .create)
        defer { connection.close() }
        return try body(connection)
    }

    /// Adds orders to the shop, an hour apart.
    func order(_ ids: ClosedRange<Int>) throws {
        let first = Timestamp(rfc3339: "2024-01-01T00:00:00Z") ?? World.start
        try database("shop.db") { shop in
            try shop.execute("BEGIN IMMEDIATE")
            for id in ids {
                try shop.execute(
                    "INSERT INTO orders VALUES (?, ?, ?)",
                    [Value(id), .real(Double(id)), .text(first.adding(.seconds(3_600 * id)).rfc3339)])
            }
            try shop.execute("COMMIT")
        }
    }

    /// Writes a file of the page.
    func page(_ name: String, _ text: String) throws {
        try text.write(toFile: directory + "/public/" + name, atomically: true, encoding: .utf8)
    }

    // MARK: Documents

    static let ordersPipeline = """
        name: orders
        steps:
          - name: orders
            source: { connection: shop, table: orders }
            destination: { connection: warehouse, table: orders }
            strategy: timestamp
            cursor: updated_at
            primary_key: [id]
        """

    /// Puts the two connections and the pipeline `orders`.
    func putOrders(adding text: String = "") throws {
        for name in ["shop", "warehouse"] {
            #expect(ask(.put, "/v1/connections/\(name)", body: "{type: sqlite, path: \(name).db}").status == 201)
        }
        #expect(ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline + "\n" + text).status == 201)
    }

    // MARK: Asking

    /// Asks in process and waits for the answer; nobody sweeps, so a deadline's answer never comes.
    func ask(_ method: HTTPServer.Method, _ target: String, _ headers: Headers = [:], body: String = "") -> Reading {
        let request: Request
        do throws(HTTPError) {
            request = try Request(method, target, headers: headers, body: Array(body.utf8), id: "r-1")
        } catch {
            let head = RequestHead(method: method.rawValue, target: target, headers: headers, id: "r-1")
            return Reading(ProblemPages().response(for: error, to: head))
        }
        switch api.router.reply(to: request) {
        case .now(let response): return Reading(response)
        case .stream(let answer): return Reading(answer.head)
        case .later(let work):
            let room = WaitingRoom(clock: SystemClock(), limit: .seconds(60), alarm: Alarm())
            let isResumed = Monitor(false)
            let suspension = Suspension(
                number: room.enter() ?? 0, room: room,
                refusal: { ProblemPages().response(for: $0, to: request.head) },
                resume: { isResumed.update { $0 = true } })
            room.sit(suspension)
            work(Responder(suspension))
            _ = isResumed.wait(upTo: .seconds(30)) { $0 ? true : nil }
            return Reading(suspension.take() ?? .text("no answer came", status: 599))
        }
    }

    /// Starts a listener on a free port, once, and answers a client of it.
    func listen() throws -> HTTPClient {
        let port = try listener.update { listener -> Int in
            if let listener { return listener.port }
            var configuration = ServerConfiguration()
            configuration.port = 0
            configuration.sweepInterval = .milliseconds(10)
            let made = try Listener(
                configuration, router: api.router, log: Log { _ in }, clock: SystemClock())
            try made.start()
            listener = made
            return made.port
        }
        return HTTPClient(server: "http://127.0.0.1:\(port)")
    }

    /// Waits until a run has ended and reads it.
    func finished(_ run: String) -> JSONValue {
        let end = Monitor(false)
        engine.whenFinished(run) { _ in end.update { $0 = true } }
        #expect(end.wait(upTo: .seconds(30)) { $0 ? true : nil } == true)
        return ask(.get, "/v1/runs/\(run)").json
    }

    /// Triggers a run of `orders` and waits for its end.
    @discardableResult
    func load(_ body: String = "") -> JSONValue {
        let answer = ask(.post, "/v1/pipelines/orders/runs", body: body)
        #expect(answer.status == 202)
        return finished(answer.json["id"]?.string ?? "")
    }
}

/// An answer as a test looks at it.
struct Reading {
    let status: Int
    let headers: [(name: String, value: String)]
    let text: String

    init(_ response: Response) {
        status = response.status
        headers = response.headers
        text = String(decoding: response.body, as: UTF8.self)
    }

    init(_ answer: HTTPAnswer) {
        status = answer.status
        headers = answer.headers
        text = answer.text
    }

    /// The body as JSON; null when it is none.
    var json: JSONValue { (try? JSONValue(parsing: text.utf8)) ?? .null }
    /// The problem's code.
    var code: String? { json["code"]?.string }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

extension JSONValue {
    /// The keys of an object in their order.
    var keys: [String] {
        if case .object(let members) = self { members.map(\.key) } else { [] }
    }

    subscript(index: Int) -> JSONValue? {
        guard let items = array, items.indices.contains(index) else { return nil }
        return items[index]
    }
}
