import Foundation
import Loading
import Model
import Platform
import SQLite
import Synchronization

/// One test's source and destination: real files in a fresh directory, a clock that stands still, and short ways to
/// make steps and loads. Everything is removed when the test lets go of it.
final class World {
    let directory: String
    let clock = ManualClock(World.start)
    let source: Connection
    /// A second connection to the destination, which is made on first use.
    lazy var warehouse: Connection = World.open(path("warehouse.db"))
    /// Makes loads stop their token as soon as they have committed so many times; nil lets them go on.
    var stopAfterCommits: (commits: Int, token: StopToken)?
    /// The loader that does all work which is not stopped; nil makes another one each time.
    var keeper: Loader?
    private var runs = 0

    /// 2024-06-01T12:00:00Z, when every world begins.
    static let start = Timestamp(rfc3339: "2024-06-01T12:00:00Z") ?? Timestamp(microseconds: 0)

    init(_ sourceSQL: String = "", warehouse warehouseSQL: String = "") throws {
        directory = NSTemporaryDirectory() + "strandline-loading-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        source = try Connection(path: directory + "/source.db", access: .create)
        try source.execute("PRAGMA journal_mode = WAL")
        try source.execute(sourceSQL)
        if !warehouseSQL.isEmpty { try warehouse.execute(warehouseSQL) }
    }

    deinit {
        source.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    private static func open(_ path: String) -> Connection {
        do {
            let connection = try Connection(path: path, access: .create)
            try connection.execute("PRAGMA journal_mode = WAL")
            return connection
        } catch {
            preconditionFailure("\(error)")
        }
    }

    func path(_ name: String) -> String { directory + "/" + name }

    func file(_ name: String) throws -> DatabaseFile {
        try DataRoots([directory]).resolve(name)
    }

    // MARK: Steps and requests

    /// A `timestamp` step from `orders` to `orders`; change it as a test needs.
    func step(
        _ table: String = "orders", to destination: String? = nil, query: String? = nil,
        _ strategy: Strategy = .timestamp, cursor: String? = "updated_at", key: [String] = ["id"],
        mode: WriteMode = .upsert
    ) -> LoadStep {
        LoadStep(
            name: "orders",
            source: LoadStep.Source(
                connection: "shop", relation: query.map { .query($0) } ?? .table(table)),
            destination: LoadStep.Destination(connection: "warehouse", table: destination ?? table),
            strategy: strategy, cursor: cursor.map { Cursor(column: $0) }, primaryKey: key, writeMode: mode)
    }

    /// A run's identifier, later than the ones before it.
    func nextRun() -> String {
        runs += 1
        return "run-" + String(repeating: "0", count: 6 - String(runs).count) + String(runs)
    }

    func request(
        _ step: LoadStep, run: String? = nil, attempt: Int = 1, fullRefresh: Bool = false, allowShrink: Bool = false,
        from source: String = "source.db", to destination: String = "warehouse.db"
    ) throws -> LoadRequest {
        LoadRequest(
            run: run ?? nextRun(), pipeline: "orders", step: step, attempt: attempt, source: try file(source),
            destination: try file(destination), fullRefresh: fullRefresh, allowShrink: allowShrink)
    }

    func loader(_ rowsPerCommit: Int = 500_000) -> Loader {
        let stop = stopAfterCommits
        if stop == nil, let keeper { return keeper }
        return Loader(
            clock: WatchedClock(clock) { looks in
                if let stop, looks > stop.commits { stop.token.stop(.cancelled) }
            }, rowsPerCommit: rowsPerCommit)
    }

    /// Loads as a new run, or as the given one.
    @discardableResult
    func load(
        _ step: LoadStep, run: String? = nil, attempt: Int = 1, fullRefresh: Bool = false, allowShrink: Bool = false,
        rowsPerCommit: Int = 500_000, stop: StopToken = StopToken()
    ) throws -> LoadResult {
        try loader(rowsPerCommit).load(
            try request(step, run: run, attempt: attempt, fullRefresh: fullRefresh, allowShrink: allowShrink),
            stop: stop
        ).result
    }

    /// The failure of a load that must fail; nil when it did not.
    func failure(
        _ step: LoadStep, fullRefresh: Bool = false, allowShrink: Bool = false, rowsPerCommit: Int = 500_000
    ) throws -> Failure? {
        let request = try request(step, fullRefresh: fullRefresh, allowShrink: allowShrink)
        do throws(Failure) {
            _ = try loader(rowsPerCommit).load(request, stop: StopToken())
            return nil
        } catch {
            return error
        }
    }

    func plan(_ step: LoadStep, fullRefresh: Bool = false) throws -> LoadPlan {
        try loader().plan(try request(step, fullRefresh: fullRefresh), stop: StopToken())
    }

    func watermark() throws -> Watermark? {
        try loader().watermark(pipeline: "orders", step: "orders", destination: try file("warehouse.db"))
    }

    // MARK: Looking

    /// The rows of a query of the source.
    func inSource(_ sql: String) throws -> [[Value]] { try source.rows(sql).map(\.values) }

    /// The rows of a query of the destination.
    func inWarehouse(_ sql: String) throws -> [[Value]] { try warehouse.rows(sql).map(\.values) }

    /// Whether source and destination table hold the same rows, to the byte and the storage class.
    func isEqual(_ table: String = "orders", by order: String = "id") throws -> Bool {
        let sql = "SELECT * FROM \"\(table)\" ORDER BY \(order)"
        return try inSource(sql) == inWarehouse(sql)
    }

    /// Fills `log` in the destination with every row that a load inserts, updates or deletes.
    func logChanges(of table: String = "orders") throws {
        try warehouse.execute(
            """
            CREATE TABLE IF NOT EXISTS change_log (kind TEXT, id);
            CREATE TRIGGER log_insert AFTER INSERT ON "\(table)" BEGIN INSERT INTO change_log VALUES ('i', new.id); END;
            CREATE TRIGGER log_update AFTER UPDATE ON "\(table)" BEGIN INSERT INTO change_log VALUES ('u', new.id); END;
            CREATE TRIGGER log_delete AFTER DELETE ON "\(table)" BEGIN INSERT INTO change_log VALUES ('d', old.id); END;
            """)
    }

    /// Takes what `logChanges` has noted, as `u7` for an update of row 7.
    func takeChanges() throws -> [String] {
        let rows = try inWarehouse("SELECT kind || id FROM change_log ORDER BY rowid")
        try warehouse.execute("DELETE FROM change_log")
        return rows.compactMap { $0[0].string }
    }
}

/// A clock that tells how often it was looked at, which a load does once inside each of its transactions; and when it was
/// asked for the uptime, between the phases of a load.
final class WatchedClock: Clock {
    private let clock: ManualClock
    private let looks = Mutex(0)
    private let watch: @Sendable (Int) -> Void
    private let watchUptime: @Sendable () -> Void

    init(
        _ clock: ManualClock, _ watch: @escaping @Sendable (Int) -> Void = { _ in },
        uptime: @escaping @Sendable () -> Void = {}
    ) {
        self.clock = clock
        self.watch = watch
        watchUptime = uptime
    }

    func now() -> Timestamp {
        watch(
            looks.withLock {
                $0 += 1
                return $0
            })
        return clock.now()
    }

    func uptime() -> Duration {
        watchUptime()
        return clock.uptime()
    }
}

extension LoadStep {
    /// The same step with a change.
    func with(_ change: (inout LoadStep) -> Void) -> LoadStep {
        var step = self
        change(&step)
        return step
    }
}

extension LoadResult {
    /// The codes of the warnings, sorted.
    var codes: [String] { warnings.map(\.code).sorted() }

    /// The result as the destination's records give it: how long a commit took cannot be part of it.
    var recorded: LoadResult {
        var result = self
        for place in result.manifest?.commits.indices ?? 0..<0 {
            result.manifest?.commits[place].phases.removeAll { $0.name == .commit }
        }
        return result
    }
}

/// Tables that many tests begin with.
enum Tables {
    /// Orders with an indexed ISO 8601 cursor.
    static let orders = """
        CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);
        CREATE INDEX orders_by_updated_at ON orders (updated_at);
        """

    /// The same without an index on the cursor.
    static let unindexed = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);"

    /// The two, for tests whose result must not depend on the index.
    static let both = [orders, unindexed]
}

extension CursorValue {
    /// The cursor value of a stored value; nil for NULL.
    init?(_ value: Value) {
        switch value {
        case .null: return nil
        case .integer(let value): self = .integer(value)
        case .real(let value): self = .real(value)
        case .text(let text): self = .text(text.bytes)
        case .blob(let bytes): self = .blob(bytes)
        }
    }
}
