import Foundation
import Model
import Platform
import SQLite
import Testing

@testable import Loading

/// What the statements of a step do in their destination, and what they cannot do.
struct SQLStepTests {
    private let world: SQLWorld

    init() throws {
        world = try SQLWorld()
        try world.execute(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, day TEXT, total REAL);
            INSERT INTO orders VALUES (1, 'mon', 10), (2, 'mon', 5), (3, 'tue', 7);
            CREATE TABLE daily (day TEXT PRIMARY KEY, total REAL);
            INSERT INTO daily VALUES ('sun', 1), ('mon', 3);
            """)
    }

    @Test func runsInOneTransactionAndCountsWhatChanged() throws {
        let load = try world.run(
            """
            DELETE FROM daily WHERE day = 'sun';
            INSERT INTO daily SELECT day, sum(total) FROM orders WHERE true GROUP BY day
                ON CONFLICT (day) DO UPDATE SET total = excluded.total;
            SELECT * FROM daily;
            """)
        #expect(load.result.counts == RowCounts(inserted: 1, updated: 1, deleted: 1))
        #expect(load.result.commits == 1 && load.watermark == nil)
        #expect(try world.rows("SELECT day || ' ' || total FROM daily ORDER BY 1") == ["mon 15.0", "tue 7.0"])
        let commit = try #require(load.result.manifest?.commits.first)
        #expect(commit.statements.count == 3 && commit.counts == load.result.counts)
        // Whole tables are counted too, and what triggers do is not.
        try world.execute("CREATE TRIGGER t AFTER DELETE ON daily BEGIN DELETE FROM orders; END")
        #expect(try world.run("DELETE FROM daily", run: "r2").result.counts == RowCounts(deleted: 2))
    }

    @Test func aFailureTakesAllOfItBack() throws {
        for (sql, code, words) in [
            ("DELETE FROM daily; INSERT INTO daily VALUES ('a', 1), ('a', 2)", Failure.Code.constraint, "statement 2"),
            ("DELETE FROM daily; DELETE FROM dayly", .invalidQuery, "no such table: dayly"),
            ("DELETE FROM daily;\nINSERT OR ROLLBACK INTO orders VALUES (1, 1, 1)", .constraint, "line 2"),
            ("DELETE FROM daily; SELEC 1", .invalidQuery, "syntax error"),
        ] {
            let failure = world.failure(sql)
            #expect(failure?.code == code, "\(sql): \(String(describing: failure))")
            #expect(failure?.message.contains(words) == true, "\(sql): \(String(describing: failure))")
            #expect(failure?.isTransient == false)
            #expect(try world.rows("SELECT day FROM daily ORDER BY 1") == ["mon", "sun"])
        }
        #expect(try world.committed() == nil)
    }

    // PAINS 61
    @Test func bindsTheWindowOfTheRunAndNeverTheClocks() throws {
        let sql = "INSERT INTO seen SELECT :window_start, :window_end, :watermark, :run"
        try world.execute("CREATE TABLE seen (a, b, c, d)")
        let first = try world.run(sql, run: "r1", at: 1_000_000_700_000)
        try world.run(sql, run: "r2", at: 1_000_060_000_000, watermark: .integer(7))
        // A clock that was set back makes an empty window, and no second one of the same time.
        try world.run(sql, run: "r3", at: 1_000_030_000_000)
        try world.run(sql, run: "r4", at: 1_000_090_000_000, isWhole: true)
        #expect(
            try world.rows(
                "SELECT concat FROM (SELECT ifnull(a, '-') || ' ' || b || ' ' || ifnull(c, '-') || d AS concat FROM seen)"
            ) == [
                "- 1970-01-12T13:46:40Z -r1", "1970-01-12T13:46:40Z 1970-01-12T13:47:40Z 7r2",
                "1970-01-12T13:47:40Z 1970-01-12T13:47:40Z -r3", "- 1970-01-12T13:48:10Z -r4",
            ])
        #expect(first.result.window == "t <= 1970-01-12T13:46:40Z")
        // A run that failed leaves the window where it was.
        #expect(world.failure("INSERT INTO seen VALUES (:window_start, 2, 3)", run: "r5", at: 2_000_000_000_000) != nil)
        let plan = try world.plan(sql, at: 1_000_120_000_000)
        #expect(plan.from == .text(Array("1970-01-12T13:48:10Z".utf8)))
        #expect(plan.to == .text(Array("1970-01-12T13:48:40Z".utf8)))
    }

    @Test func whatHasCommittedIsNotRepeated() throws {
        let sql = "INSERT INTO daily VALUES (:run, 1)"
        let first = try world.run(sql)
        let again = try world.run(sql, attempt: 2)
        #expect(again.result.counts == first.result.counts)
        #expect(try world.rows("SELECT count(*) FROM daily WHERE day = 'r1'") == ["1"])
        #expect(try world.committed()?.result.counts == RowCounts(inserted: 1))
    }

    /// No statement leaves its database, its transaction or what is its own.
    @Test(arguments: [
        "ATTACH 'other.db' AS other", "DETACH main", "PRAGMA journal_mode = DELETE", "PRAGMA user_version = 3",
        "VACUUM", "VACUUM INTO 'copy.db'", "COMMIT", "BEGIN", "ROLLBACK", "SAVEPOINT a", "RELEASE a",
        "SELECT load_extension('x')", "DELETE FROM _strandline_loads", "DROP TABLE _STRANDLINE_watermarks",
        "UPDATE _strandline_meta SET value = 1", "CREATE TABLE _strandline_mine (a)",
        "CREATE TRIGGER t AFTER INSERT ON _strandline_loads BEGIN SELECT 1; END",
        "CREATE TRIGGER t AFTER DELETE ON orders BEGIN DELETE FROM _strandline_loads; END; DELETE FROM orders",
        "ALTER TABLE _strandline_loads ADD COLUMN a", "CREATE INDEX i ON _strandline_loads (run)",
        "INSERT INTO sqlite_schema VALUES ('table', 'a', 'a', 0, '')", "CREATE VIRTUAL TABLE v USING dbstat",
        "SELECT * FROM sqlite_dbpage", "EXPLAIN ATTACH 'x' AS y", "SELECT * FROM pragma_user_version",
        "WITH x AS (SELECT 1) INSERT INTO _strandline_meta SELECT 'a', 1 FROM x",
        "ALTER TABLE orders RENAME TO _strandline_orders", "ALTER TABLE orders RENAME TO [_STRANDLINE_x]",
        "CREATE TEMP TABLE t (a); ALTER TABLE t RENAME TO _strandline_loads",
        "CREATE VIRTUAL TABLE _strandline_words USING fts5 (body)",
    ])
    func noStatementLeavesItsPlace(sql: String) throws {
        try world.run("SELECT 1", run: "r0")
        let before = try world.rows("SELECT sql FROM sqlite_schema ORDER BY 1")
        let failure = world.failure("DELETE FROM daily; " + sql)
        #expect([.invalidQuery].contains(failure?.code), "\(String(describing: failure))")
        #expect(failure?.message.contains("statement ") == true)
        #expect(try world.rows("SELECT sql FROM sqlite_schema ORDER BY 1") == before)
        #expect(try world.rows("SELECT count(*) FROM daily") == ["2"])
        #expect(try world.rows("SELECT count(*) FROM _strandline_loads") == ["1"])
        #expect(
            !FileManager.default.fileExists(atPath: "other.db") && !FileManager.default.fileExists(atPath: "copy.db"))
    }

    @Test func mayDefineTablesOfItsOwnAndReadStrandlines() throws {
        let load = try world.run(
            """
            CREATE TABLE IF NOT EXISTS totals AS SELECT day, total FROM orders;
            CREATE INDEX totals_by_day ON totals (day);
            CREATE TEMP TABLE scratch (a);
            INSERT INTO scratch SELECT total FROM totals;
            UPDATE totals SET total = (SELECT count(*) FROM scratch);
            DELETE FROM totals WHERE (SELECT count(*) FROM _strandline_loads WHERE run = :run) > 0;
            ALTER TABLE totals ADD COLUMN note;
            SELECT name FROM pragma_table_info('totals');
            """)
        #expect(load.result.counts.updated == 3 && load.result.counts.deleted == 0)
        #expect(try world.rows("SELECT total FROM totals") == ["3.0", "3.0", "3.0"])
        try world.run(
            "CREATE VIRTUAL TABLE words USING fts5 (body); INSERT INTO words SELECT day FROM orders", run: "r2")
        #expect(try world.rows("SELECT count(*) FROM words WHERE words MATCH 'mon'") == ["2"])
    }

    @Test func checksLookAtTheTablesAsTheStatementsLeaveThem() throws {
        func check(_ rule: Check.Rule, _ table: String? = "daily", _ severity: CheckSeverity = .error) -> Check {
            var check = Check(name: "c", rule: rule, severity: severity)
            check.table = table
            return check
        }
        let sql = "INSERT INTO daily VALUES (NULL, -1), ('wed', NULL)"
        for (rule, message) in [
            (Check.Rule.notNull(["total"]), "1 row has a NULL in total"),
            (.range(column: "total", min: .integer(0), max: nil), "1 row has a total that lies below 0"),
            (
                .acceptedValues(column: "day", values: ["sun", "mon"].map { .text(Array($0.utf8)) }),
                "1 row has a value of day"
            ),
            (.rowCount(min: 1, max: 3), "the table holds 4 rows, not at least 1 and at most 3"),
            (.sql(query: "SELECT count(*) FROM {destination} JOIN orders", expect: .integer(1)), "the query gave 12"),
        ] as [(Check.Rule, String)] {
            let failure = world.failure(sql, checks: [check(rule)])
            #expect(
                failure?.code == .checkFailed && failure?.message.contains(message) == true,
                "\(String(describing: failure))")
            #expect(try world.rows("SELECT count(*) FROM daily") == ["2"])
        }
        #expect(world.failure(sql, checks: [check(.notNull(["totl"]))])?.code == .unknownColumn)
        #expect(world.failure(sql, checks: [check(.rowCount(min: 1, max: nil), "dayly")])?.code == .unknownTable)
        let load = try world.run(sql, checks: [check(.notNull(["total"]), "daily", .warn)])
        #expect(load.result.checks.map(\.isPassed) == [false] && load.result.warnings.map(\.code) == ["check_failed"])
        #expect(load.result.checks.first?.samples.first?["day"] == "wed")
        #expect(try world.committed()?.result.checks.count == 1)
        try world.execute("CREATE TABLE twice (a); INSERT INTO twice VALUES (1), (1), (2), (NULL), (NULL)")
        let twins = world.failure("SELECT 1", run: "r2", checks: [check(.unique(["a"]), "twice")])
        #expect(twins?.message.contains("2 rows have the same a as another row") == true)
    }

    @Test func aPlanPreparesAndRunsNothing() throws {
        let plan = try world.plan("DELETE FROM daily; INSERT INTO daily VALUES (:run, 1)")
        #expect(plan.statements == ["DELETE FROM daily", "INSERT INTO daily VALUES (:run, 1)"])
        #expect(plan.strategy == nil && plan.warnings.isEmpty && !plan.createsDestination)
        #expect(try world.rows("SELECT count(*) FROM daily") == ["2"])
        #expect(try world.rows("SELECT count(*) FROM sqlite_schema WHERE name GLOB '_strandline*'") == ["0"])
        for sql in ["DELETE FROM dayly", "SELEC 1", "DELETE FROM daily; ATTACH 'x' AS x", "SELECT 1; COMMIT"] {
            #expect(throws: Failure.self) { try world.plan(sql) }
        }
        let later = try world.plan("CREATE TABLE new (a); INSERT INTO new VALUES (1)")
        #expect(later.warnings.map(\.code) == ["statement_unchecked"])
    }

    @Test func aRaisedTokenEndsAStatement() throws {
        let stop = StopToken()
        stop.stop(.cancelled)
        #expect(world.failure("DELETE FROM daily", stop: stop)?.code == .cancelled)
        let running = StopToken()
        let thread = Thread { running.stop(.timedOut) }
        thread.start()
        let endless =
            "INSERT INTO daily WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT NULL, i FROM n"
        #expect(world.failure(endless, stop: running)?.code == .timedOut)
        #expect(try world.rows("SELECT count(*) FROM daily") == ["2"])
    }
}

/// A destination in a fresh directory, with a loader.
final class SQLWorld {
    let directory: String
    let loader = Loader(clock: ManualClock(Timestamp(microseconds: 1_000_000_000_000)))
    let file: DatabaseFile

    init() throws {
        directory = NSTemporaryDirectory() + "strandline-sql-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        file = try DataRoots([directory]).resolve("warehouse.db")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    func execute(_ sql: String) throws {
        let connection = try Connection(path: file.path, access: .create)
        defer { connection.close() }
        try connection.execute(sql)
    }

    /// The first value of each row, as text.
    func rows(_ sql: String) throws -> [String] {
        let connection = try Connection(path: file.path, access: .readOnly)
        defer { connection.close() }
        return try connection.rows(sql).map { CursorValue($0[0])?.display ?? "-" }
    }

    private func request(
        _ sql: String, _ run: String, _ attempt: Int, _ nominal: Int64, _ watermark: CursorValue?, _ isWhole: Bool,
        _ checks: [Check]
    ) -> SQLRequest {
        var step = SQLStep(name: "daily", connection: "warehouse", script: SQLScript(sql))
        step.checks = checks
        return SQLRequest(
            run: run, pipeline: "p", step: step, attempt: attempt, destination: file,
            nominal: Timestamp(microseconds: nominal), watermark: watermark, isWhole: isWhole)
    }

    @discardableResult
    func run(
        _ sql: String, run: String = "r1", attempt: Int = 1, at nominal: Int64 = 1_000_000_000_000,
        watermark: CursorValue? = nil, isWhole: Bool = false, checks: [Check] = [], stop: StopToken = StopToken()
    ) throws -> FinishedLoad {
        try loader.run(request(sql, run, attempt, nominal, watermark, isWhole, checks), stop: stop)
    }

    func failure(
        _ sql: String, run: String = "r1", at nominal: Int64 = 1_000_000_000_000, checks: [Check] = [],
        stop: StopToken = StopToken()
    ) -> Failure? {
        do {
            _ = try loader.run(request(sql, run, 1, nominal, nil, false, checks), stop: stop)
            return nil
        } catch {
            return error
        }
    }

    @discardableResult
    func plan(_ sql: String, at nominal: Int64 = 1_000_000_000_000) throws -> LoadPlan {
        try loader.plan(request(sql, "plan", 1, nominal, nil, false, []), stop: StopToken())
    }

    func committed() throws -> FinishedLoad? {
        try loader.committed(run: "r1", step: "daily", destination: file)
    }
}
