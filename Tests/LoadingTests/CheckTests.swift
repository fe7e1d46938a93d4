import Foundation
import Loading
import Model
import Platform
import SQLite
import Testing

/// What checks find in a delta, and what a failed one leaves unchanged.
struct CheckTests {
    /// How a step may load; each stages its rows in its own way.
    enum Way: CaseIterable, Sendable {
        case upsert, deleteInsert, append, appendWithoutKey, rebuild, diff, query
    }

    private static let table = """
        CREATE TABLE orders (id INTEGER, email TEXT, total REAL, state TEXT, updated_at TEXT);
        CREATE INDEX orders_by_updated_at ON orders (updated_at);
        INSERT INTO orders VALUES (1, 'a@x', 10, 'new', '2024-05-01T00:00:00Z'),
            (2, 'b@x', 20, 'paid', '2024-05-02T00:00:00Z'), (3, 'c@x', 30, 'paid', '2024-05-03T00:00:00Z');
        """
    private static let bad = """
        INSERT INTO orders VALUES (4, NULL, 40, 'paid', '2024-05-04T00:00:00Z'),
            (5, 'b@x', -5, 'lost', '2024-05-05T00:00:00Z'), (6, 'e@x', 'much', NULL, '2024-05-06T00:00:00Z'),
            (7, 'f@x', NULL, 'new', '2024-05-07T00:00:00Z');
        """

    private func step(_ way: Way, _ world: World, _ checks: [Check]) -> LoadStep {
        let step =
            switch way {
            case .upsert: world.step()
            case .deleteInsert: world.step(mode: .deleteInsert)
            case .append: world.step(mode: .append)
            case .appendWithoutKey: world.step(key: [], mode: .append)
            case .rebuild: world.step("orders", .fullRefresh, cursor: nil)
            case .diff: world.step("orders", .snapshotDiff, cursor: nil)
            case .query: world.step("orders", query: "SELECT * FROM orders")
            }
        return step.with { $0.checks = checks }
    }

    /// The failure of a load with what became of the checks.
    private func failed(_ step: LoadStep, _ world: World) throws -> (failure: Failure?, checks: [CheckResult]) {
        let progress = LoadProgress()
        let request = try world.request(step)
        do throws(Failure) {
            _ = try world.loader().load(request, stop: StopToken(), progress: progress)
            return (nil, [])
        } catch {
            return (error, progress.failed?.result.checks ?? [])
        }
    }

    private func contents(_ world: World) throws -> Data {
        try world.warehouse.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return try Data(contentsOf: URL(fileURLWithPath: world.path("warehouse.db")))
    }

    private static let violated: [(Check, count: Int, ids: [Int64])] = [
        (Check(name: "a", rule: .notNull(["email", "total"])), 2, [4, 7]),
        (Check(name: "a", rule: .acceptedValues(column: "state", values: [.text("new"), .text("paid")])), 1, [5]),
        (Check(name: "a", rule: .range(column: "total", min: .integer(0), max: .real(39.5))), 3, [4, 5, 6]),
        (Check(name: "a", rule: .range(column: "email", min: .text("a"), max: nil)), 0, []),
    ]

    @Test(arguments: Way.allCases)
    func findsRowsAndChangesNothing(way: Way) throws {
        let world = try World(CheckTests.table)
        try world.load(step(way, world, []))
        try world.source.execute(CheckTests.bad)
        let before = try contents(world)
        let mark = try world.watermark()
        for (check, count, ids) in CheckTests.violated where count > 0 {
            let (failure, checks) = try failed(step(way, world, [check]), world)
            #expect(failure?.code == .checkFailed, "\(way) \(check)")
            #expect(failure?.isTransient == false)
            #expect(failure?.message.contains("check a failed: \(count) ") == true, "\(failure?.message ?? "")")
            #expect(checks.map(\.count) == [count], "\(way) \(check)")
            #expect(checks.map(\.isPassed) == [false])
            if way != .appendWithoutKey {
                #expect(checks[0].samples == ids.map { .object(["id": .integer($0)]) }, "\(way) \(check)")
                #expect(failure?.message.contains("{\"id\":\(ids[0])}") == true)
            }
        }
        #expect(try contents(world) == before)
        #expect(try world.watermark() == mark)
        // The rows themselves are sound but for the checks.
        let passed = try world.load(step(way, world, [CheckTests.violated[3].0]))
        #expect(passed.checks.map(\.isPassed) == [true])
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[7]])
    }

    @Test(arguments: Way.allCases)
    func aFirstLoadIsCheckedToo(way: Way) throws {
        let world = try World(CheckTests.table + CheckTests.bad)
        let check = Check(name: "a", rule: .notNull(["email"]))
        let (failure, checks) = try failed(step(way, world, [check]), world)
        #expect(failure?.code == .checkFailed)
        #expect(checks.first?.count == 1)
        #expect(try world.inWarehouse("SELECT name FROM sqlite_schema") == [])
        var lenient = check
        lenient.severity = .warn
        let result = try world.load(step(way, world, [lenient]))
        #expect(result.counts.inserted == 7)
        #expect(result.codes.contains("check_failed"))
        #expect(result.checks.first?.isPassed == false)
        #expect(result.checks.first?.severity == .warn)
        #expect(result.manifest?.commits[0].phases.map(\.name).contains(.check) == true)
    }

    @Test(arguments: Way.allCases)
    func uniqueLooksAtTheDestinationAsItWillBe(way: Way) throws {
        let world = try World(CheckTests.table)
        let unique = Check(name: "u", rule: .unique(["email"]))
        #expect(try world.load(step(way, world, [unique])).checks.map(\.isPassed) == [true])
        // Rows that come again are not doubled by themselves, and a value that moves on is free.
        try world.source.execute(
            """
            UPDATE orders SET email = 'z@x', updated_at = '2024-05-10T00:00:00Z' WHERE id = 3;
            INSERT INTO orders VALUES (9, 'c@x', 1, 'new', '2024-05-10T00:00:00Z'), (10, NULL, 1, 'new', '2024-05-10T00:00:00Z'),
                (11, NULL, 1, 'new', '2024-05-10T00:00:00Z');
            """)
        let appends = way == .append || way == .appendWithoutKey
        let second = try failed(step(way, world, [unique]), world)
        // Appending keeps the old version of row 3.
        #expect((second.failure?.code == .checkFailed) == appends, "\(way) \(second)")
        guard !appends else { return }
        // One within the delta, one against a row that the delta does not have.
        try world.source.execute(
            """
            INSERT INTO orders VALUES (20, 'y@x', 1, 'new', '2024-05-20T00:00:00Z'),
                (21, 'y@x', 1, 'new', '2024-05-20T00:00:00Z'), (22, 'a@x', 1, 'new', '2024-05-20T00:00:00Z');
            """)
        let (failure, checks) = try failed(step(way, world, [unique]), world)
        #expect(failure?.code == .checkFailed)
        // A load of all rows has both of the rows called a@x in hand.
        #expect(checks.first?.count == (way == .rebuild || way == .diff ? 4 : 3))
    }

    @Test func numbersAndTextsAreToldApartByTheirClass() throws {
        let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, code, updated_at TEXT)")
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 5, '2024-05-01'), (2, '5', '2024-05-01'), (3, x'35', '2024-05-01'), (4, NULL, '2024-05-01')"
        )
        let range = Check(name: "r", rule: .range(column: "code", min: .integer(1), max: .integer(9)), severity: .warn)
        let texts = Check(name: "t", rule: .range(column: "code", min: .text("1"), max: .text("9")), severity: .warn)
        let values = Check(name: "v", rule: .acceptedValues(column: "code", values: [.text("5")]), severity: .warn)
        let found = try world.load(world.step().with { $0.checks = [range, texts, values] }).checks
        // NULL fails none of them.
        #expect(found.map(\.count) == [2, 2, 2])
        #expect(found.map { $0.samples.compactMap { $0["id"]?.integer } } == [[2, 3], [1, 3], [1, 3]])
    }

    @Test("PAINS 31: no rows where some were expected is no success")
    func countsRows() throws {
        let world = try World(CheckTests.table)
        let step = world.step().with {
            $0.checks = [Check(name: "n", rule: .rowCount(min: 2, max: 3))]
            $0.lookback = .none
        }
        #expect(try world.load(step).checks.map(\.message) == ["3 rows were read"])
        let before = try contents(world)
        let (failure, checks) = try failed(step, world)
        #expect(failure?.message.contains("1 rows were read, not at least 2 and at most 3") == true)
        #expect(checks.map(\.count) == [1])
        #expect(try contents(world) == before)
    }

    @Test func comparesRowsWithTheMeanOfTheLastLoads() throws {
        let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT)")
        let check = Check(name: "d", rule: .rowCountDelta(minRatio: 0.5, maxRatio: 2, overLast: 3))
        let step = world.step("orders", .sequence, cursor: "id", mode: .append).with { $0.checks = [check] }
        var id = 0
        func add(_ count: Int) throws {
            for _ in 0..<count {
                id += 1
                try world.source.execute("INSERT INTO orders VALUES (\(id), 'x', '')")
            }
        }
        for (rows, message) in [(4, "0 of 3"), (4, "1 of 3"), (4, "2 of 3")] {
            try add(rows)
            let result = try world.load(step)
            #expect(result.checks[0].isPassed)
            #expect(result.checks[0].message.contains("not enough history: \(message)"), "\(result.checks)")
        }
        try add(8)
        #expect(try world.load(step).checks[0].message.hasPrefix("8 rows were read, 2.0 times the mean"))
        // The mean of 4, 4 and 8 is 5⅓.
        try add(11)
        let before = try contents(world)
        let (failure, checks) = try failed(step, world)
        #expect(failure?.code == .checkFailed)
        #expect(checks[0].message.contains("2.06 times"), "\(checks)")
        #expect(try contents(world) == before)
        // A load that failed is no history, and neither are too few rows.
        try world.source.execute("DELETE FROM orders WHERE id > \(id - 9)")
        #expect(try failed(step, world).failure?.message.contains("0.38 times") == true)
    }

    @Test func looksHowOldTheNewestIs() throws {
        let world = try World(CheckTests.table)
        // The world's clock stands at 2024-06-01T12:00:00Z.
        func check(_ column: String?, _ age: Int64, _ format: CursorFormat? = nil) -> LoadStep {
            world.step().with {
                $0.checks = [
                    Check(name: "f", rule: .freshness(column: column, format: format, maxAge: .seconds(age * 86_400)))
                ]
            }
        }
        #expect(try world.load(check(nil, 30)).checks[0].isPassed)
        #expect(try failed(check(nil, 29), world).failure?.message.contains("older than ") == true)
        // A row that is ahead of the clock makes nothing fresh.
        try world.source.execute("INSERT INTO orders VALUES (8, 'h', 1, 'new', '2099-01-01T00:00:00Z')")
        #expect(try failed(check(nil, 29), world).failure?.code == .checkFailed)
        #expect(try failed(check("updated_at", 29), world).failure?.code == .checkFailed)
        #expect(try failed(check("nowhere", 29), world).failure?.code == .unknownColumn)
        #expect(try world.load(check("updated_at", 30)).checks[0].isPassed)
        let unknown = try world.load(check("email", 1)).checks[0]
        #expect(unknown.isPassed)
        #expect(unknown.message.hasPrefix("unknown"))
        #expect(try failed(check("id", 1, .unixSeconds), world).failure?.message.contains("the newest id is 8") == true)
    }

    @Test func anEmptyTableIsOfUnknownAge() throws {
        let world = try World(Tables.orders)
        let check = Check(name: "f", rule: .freshness(column: nil, format: nil, maxAge: .seconds(1)))
        let result = try world.load(world.step().with { $0.checks = [check] })
        #expect(result.checks.map(\.message) == ["unknown: orders holds no time in updated_at"])
    }

    /// A load that is cut is asked about as a whole: half of it, or half of its delta, would say something else.
    @Test(arguments: [false, true])
    func asksAQueryOnceOfALoadOfManyCommits(_ isLog: Bool) throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, total, updated_at TEXT);
            INSERT INTO orders WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20)
                SELECT n, n, printf('2024-05-%02dT00:00:00Z', n) FROM c;
            CREATE TABLE log (sequence INTEGER PRIMARY KEY, operation TEXT, id, total);
            INSERT INTO log SELECT id, 'I', id, total FROM orders;
            INSERT INTO log VALUES (21, 'I', 90, 1), (22, 'U', 20, 20), (23, 'D', 90, NULL)
            """)
        let counts = "SELECT (SELECT count(*) FROM {delta}) || ' ' || (SELECT sum(total) FROM {destination})"
        let check = Check(name: "q", rule: .sql(query: counts, expect: .text("20 210")), severity: .warn)
        let base = isLog ? world.step("log", to: "orders", .cdc, cursor: nil) : world.step()
        let wrong = base.with {
            $0.checks = [Check(name: "q", rule: .sql(query: counts, expect: .text("1 1")))]
            $0.maxShrink = 1
        }
        let failure = try world.failure(wrong, rowsPerCommit: 4)
        #expect(failure?.code == .checkFailed && failure?.message.contains("20 210") == true, "\(failure as Any)")
        // Nothing stays that a second attempt would not ask about again.
        #expect(try world.inWarehouse("SELECT count(*) FROM sqlite_schema") == [[0]])
        #expect(try world.failure(wrong, rowsPerCommit: 4)?.code == .checkFailed)
        let result = try world.load(wrong.with { $0.checks = [check] }, rowsPerCommit: 4)
        #expect(result.commits > 2)
        #expect(result.checks.map(\.isPassed) == [true])
    }

    @Test("PAINS 29: what was staged must be there afterwards", arguments: Way.allCases)
    func asksAQueryOverDeltaAndDestination(way: Way) throws {
        let world = try World(CheckTests.table)
        func sql(_ query: String, _ expect: CursorValue?) -> LoadStep {
            step(way, world, [Check(name: "q", rule: .sql(query: query, expect: expect))])
        }
        let present = """
            SELECT (SELECT count(*) FROM {delta}) - (SELECT count(*) FROM {delta} AS s WHERE EXISTS (
                SELECT 1 FROM {destination} AS d WHERE d.id = s.id))
            """
        #expect(try world.load(sql(present, .integer(0))).checks.map(\.message) == ["the query gave 0"])
        try world.source.execute("INSERT INTO orders VALUES (4, 'd@x', 40, 'paid', '2024-05-04T00:00:00Z')")
        let before = try contents(world)
        let wrong = try failed(sql("SELECT max(total) FROM {destination}", .integer(41)), world)
        #expect(wrong.failure?.message.contains("the query gave 40.0, not 41") == true, "\(wrong)")
        #expect(wrong.checks.map(\.count) == [1])
        #expect(try failed(sql("SELECT total FROM {destination}", .integer(4)), world).failure?.code == .checkFailed)
        #expect(try failed(sql("SELECT 1 WHERE false", nil), world).failure?.code == .checkFailed)
        for query in [
            "DELETE FROM {destination}", "SELECT 1, 2", "SELECT 1; SELECT 2", "SELECT nothing FROM {delta}",
            "SELECT 1 FROM",
            "PRAGMA journal_mode = DELETE", "ATTACH 'x.db' AS x",
        ] {
            #expect(try failed(sql(query, .integer(1)), world).failure?.code == .invalidQuery, "\(query)")
        }
        #expect(try contents(world) == before)
        #expect(try world.load(sql("SELECT sum(total) FROM {destination}", .real(100))).checks[0].isPassed)
        #expect(try world.load(sql("SELECT NULL", nil)).checks[0].isPassed)
        let long = try failed(sql("SELECT printf('%.*c', 9000, 'x')", .text("x")), world)
        let blob = try failed(sql("SELECT zeroblob(9000)", .text("x")), world)
        #expect(blob.checks.first.map { $0.message.utf8.count < 300 } == true)
        #expect(long.checks.first.map { $0.message.utf8.count < 300 } == true)
    }

    @Test func rowsOfChangeEventsAreCheckedAsTheyWouldBeWritten() throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER PRIMARY KEY, operation TEXT, id INTEGER, email TEXT);
            INSERT INTO changes VALUES (1, 'I', 1, NULL), (2, 'U', 1, 'a@x'), (3, 'I', 2, 'b@x'), (4, 'D', 3, NULL);
            """)
        let filled = Check(name: "filled", rule: .notNull(["email"]))
        let unique = Check(name: "unique", rule: .unique(["email"]))
        let step = world.step("changes", to: "orders", .cdc, cursor: nil).with { $0.checks = [filled, unique] }
        #expect(try world.load(step).checks.map(\.isPassed) == [true, true])
        try world.source.execute("INSERT INTO changes VALUES (5, 'I', 4, 'd@x'), (6, 'I', 5, 'a@x')")
        let before = try contents(world)
        #expect(try failed(step, world).checks.map(\.count) == [0, 1])
        #expect(try contents(world) == before)
        try world.source.execute("INSERT INTO changes VALUES (7, 'U', 5, NULL)")
        #expect(try failed(step, world).checks.first?.samples == [.object(["id": 5])])
        try world.source.execute(
            "INSERT INTO changes VALUES (8, 'D', 5, NULL), (9, 'U', 2, 'a@x'), (10, 'U', 1, 'b@x')")
        #expect(try world.load(step).checks.map(\.isPassed) == [true, true])
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[3]])
    }

    @Test func everyFailedCheckIsTold() throws {
        let world = try World(CheckTests.table + CheckTests.bad)
        let checks = [
            Check(name: "one", rule: .notNull(["email"])), Check(name: "two", rule: .notNull(["state"])),
            Check(name: "three", rule: .notNull(["id"])), Check(name: "four", rule: .rowCount(min: 100, max: nil)),
        ]
        let (failure, found) = try failed(world.step().with { $0.checks = checks }, world)
        #expect(failure?.message.hasPrefix("check one failed: ") == true)
        #expect(failure?.message.contains("and 1 more checks failed") == true)
        // What asks for all of the load is not asked when rows failed.
        #expect(found.map(\.name) == ["one", "two", "three"])
        #expect(found.map(\.isPassed) == [false, false, true])
        #expect(
            try failed(world.step().with { $0.checks = [Check(name: "c", rule: .notNull(["nix"]))] }, world).failure?
                .code
                == .unknownColumn)
    }

    @Test func aCutLoadChecksEachCommitAndCountsBeforeTheFirst() throws {
        let world = try World(Tables.orders)
        try world.source.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
            INSERT INTO orders SELECT i, nullif('x' || (i % 10), 'x0'), strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i, 'unixepoch')
            FROM n
            """)
        let count = Check(name: "n", rule: .rowCount(min: nil, max: 29))
        let step = world.step().with { $0.checks = [count] }
        #expect(try world.failure(step, rowsPerCommit: 6)?.code == .checkFailed)
        #expect(try world.inWarehouse("SELECT count(*) FROM sqlite_schema") == [[0]])
        let filled = Check(name: "filled", rule: .notNull(["item"]), severity: .warn)
        let more = Check(name: "n", rule: .rowCount(min: 30, max: 30))
        let result = try world.load(world.step().with { $0.checks = [filled, more] }, rowsPerCommit: 6)
        #expect(result.commits == 5)
        let one = try #require(result.checks.first { $0.name == "filled" })
        #expect(one.count == 3)
        #expect(one.samples.compactMap { $0["id"]?.integer } == [10, 20, 30])
        #expect(result.checks.first { $0.name == "n" }?.message == "30 rows were read")
    }

    @Test(arguments: Way.allCases)
    func aPlanShowsTheStatementsOfACheckedLoad(way: Way) throws {
        let world = try World(CheckTests.table)
        let step = step(
            way, world,
            [
                Check(name: "filled", rule: .notNull(["id"]), onFail: .quarantine),
                Check(name: "known", rule: .acceptedValues(column: "id", values: [.integer(1)]), severity: .warn),
                Check(name: "low", rule: .range(column: "id", min: nil, max: .integer(0)), severity: .warn),
                Check(name: "one", rule: .unique(["id"])),
                Check(
                    name: "alone", rule: .unique(["id", "updated_at"]),
                    onFail: way == .appendWithoutKey ? .fail : .quarantine),
                Check(
                    name: "asked",
                    rule: .sql(query: "SELECT count(*) >= 0 FROM {delta}, {destination}", expect: .integer(1))),
                Check(
                    name: "new", rule: .freshness(column: "updated_at", format: nil, maxAge: .seconds(1)),
                    severity: .warn),
            ])
        for round in 1...2 {
            let plan = try world.plan(step).statements
            let commit = try #require(try world.load(step).manifest?.commits.first)
            // A row is deleted only where one is to go.
            let ran = commit.statements.filter { !$0.sql.hasPrefix("CREATE TEMP VIEW") }.map(\.sql)
            if way == .diff {
                #expect(ran.filter { !plan.contains($0) } == [], "\(round)")
                #expect(plan.filter { $0.hasPrefix("SELECT") } == ran.filter { $0.hasPrefix("SELECT") }, "\(round)")
            } else if way == .append || way == .appendWithoutKey {
                // What was read before and what is new is staged, and checked, one after the other.
                #expect(Set(plan) == Set(ran), "\(round)")
            } else {
                #expect(plan == ran, "\(round)")
            }
            for statement in commit.statements {
                #expect(statement.parameters.count == statement.sql.count { $0 == "?" })
                #expect(statement.parameters.allSatisfy { !$0.meaning.isEmpty })
            }
        }
    }
}
