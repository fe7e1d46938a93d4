import Foundation
import Loading
import Model
import Platform
import SQLite
import Testing

/// Sources that are not as they should be, user queries, and names that look like SQL.
struct SourceTests {
    @Test(
        "a query that does more than read the source is refused",
        arguments: [
            "SELECT id, item, updated_at FROM orders; DROP TABLE orders", "DELETE FROM orders",
            "DELETE FROM orders RETURNING *",
            "INSERT INTO orders SELECT 9, 'x', 'y' RETURNING *", "ATTACH 'x.db' AS x", "PRAGMA table_info(orders)",
            "PRAGMA writable_schema = 1", "SELECT * FROM pragma_table_info('orders')", "SELECT * FROM main.secrets",
            "SELECT * FROM secrets", "SELECT ? AS id, item, updated_at FROM orders",
            "SELECT :id AS id, item, updated_at FROM orders", "SELECT id, item, updated_at FROM nothing", "", ";",
            "-- only",
            "SELECT id, item, item, updated_at FROM orders", "SELECT * FROM temp.sqlite_schema", "VACUUM",
            "WITH x AS (SELECT 1) INSERT INTO orders SELECT 9, 'x', 'y'", "CREATE TABLE x (id)", "BEGIN", "COMMIT",
            "EXPLAIN SELECT * FROM orders", "SELECT id, item, updated_at FROM orders WHERE load_extension('x')",
            "SELECT id, item, updated_at FROM orders WHERE strandline_delta(id)",
            "SELECT id FROM main._strandline_loads",
            "SELECT 1) AS x; DROP TABLE orders; --", "SELECT id, item, updated_at FROM sqlite_dbpage",
            "SELECT name AS id, sql AS item, type AS updated_at FROM main.sqlite_schema",
            "SELECT count(*) AS id, 'a' AS item, '2024-05-01' AS updated_at FROM secrets",
            "SELECT count(*) AS id, 'a' AS item, '2024-05-01' AS updated_at FROM main.secrets",
            "SELECT count(*) AS id, 'a' AS item, '2024-05-01' AS updated_at FROM main.orders",
            "SELECT o.* FROM orders o, secrets", "SELECT * FROM orders WHERE EXISTS (SELECT 1 FROM secrets)",
            "SELECT * FROM orders WHERE EXISTS (SELECT 1 FROM main.secrets)",
            "SELECT count(*) AS id, 'a' AS item, '2024-05-01' AS updated_at FROM _strandline_loads",
            "SELECT count(*) AS id, 'a' AS item, '2024-05-01' AS updated_at FROM sqlite_schema",
            "SELECT count(*) AS id, 'a' AS item, '2024-05-01' AS updated_at FROM pragma_database_list",
        ])
    func refusedQueries(query: String) throws {
        let world = try World(
            Tables.orders, warehouse: "CREATE TABLE secrets (id INTEGER, item TEXT, updated_at TEXT)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.warehouse.execute("INSERT INTO secrets VALUES (1, 'secret', '2024-05-01')")
        let failure = try world.failure(world.step(to: "copy", query: query))
        #expect(failure?.code == .invalidQuery || failure?.code == .unknownColumn, "\(String(describing: failure))")
        #expect(try world.inSource("SELECT count(*) FROM orders") == [[1]])
        #expect(try world.inWarehouse("SELECT name FROM sqlite_schema WHERE name = 'copy'") == [])
        #expect(throws: Failure.self) { try world.plan(world.step(to: "copy", query: query)) }
    }

    @Test(
        "a query reads the source, whatever the destination calls its tables",
        arguments: [
            "SELECT id, item, updated_at FROM orders", "SELECT * FROM orders -- a comment",
            "SELECT * FROM orders /* open",
            "WITH o AS (SELECT * FROM orders) SELECT * FROM o;", "SELECT * FROM view_of_orders",
            "SELECT DISTINCT id, item, updated_at FROM orders UNION SELECT * FROM view_of_orders",
            "SELECT id, max(item) AS item, updated_at FROM orders GROUP BY id",
            "SELECT * FROM Orders ORDER BY id LIMIT 5",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2) SELECT o.* FROM n JOIN orders o ON o.id = i",
            "VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')",
            "SELECT value AS id, char(96 + value) AS item, '2024-05-0' || value AS updated_at FROM json_each('[1,2]')",
        ])
    func goodQueries(query: String) throws {
        let world = try World(
            Tables.orders + "CREATE VIEW view_of_orders AS SELECT * FROM orders;",
            warehouse:
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, item, updated_at); INSERT INTO orders VALUES (9, 'theirs', 'x'); CREATE TABLE view_of_orders (id)"
        )
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')")
        var step = world.step(to: "copy", query: query)
        if query.hasPrefix("VALUES") {
            step.cursor = Cursor(column: "column3")
            step.primaryKey = ["column1"]
        }
        #expect(try world.plan(step).rows == 2)
        #expect(try world.load(step).counts == RowCounts(read: 2, inserted: 2))
        #expect(try world.load(step).counts == RowCounts(read: 1, unchanged: 1))
        #expect(
            try world.inWarehouse("SELECT * FROM copy ORDER BY 1") == [
                [1, "a", "2024-05-01"], [2, "b", "2024-05-02"],
            ])
        #expect(try world.inWarehouse("SELECT item FROM orders") == [["theirs"]])
    }

    @Test(
        "a query that reads no column of a table but its row number reads the source's table",
        arguments: [
            "SELECT count(*) AS n FROM orders", "SELECT id AS n FROM orders WHERE id = 2",
            "SELECT id + 1 AS n FROM orders LIMIT 1",
            "SELECT b.id AS n FROM orders a JOIN sh b ON b.id = a.id WHERE b.id = 2",
            "SELECT 2 AS n WHERE EXISTS (SELECT 1 FROM sh)", "SELECT 2 AS n FROM orders LIMIT 1",
            "WITH n AS (SELECT 1) SELECT 2 AS n FROM orders, n LIMIT 1",
            "WITH theirs AS (SELECT 1 UNION SELECT 2) SELECT count(*) AS n FROM theirs",
            "SELECT o.id AS n FROM orders o, json_each('[1]') WHERE o.id = 2",
            "SELECT count(*) AS n FROM view_of_orders", "SELECT count(*) AS n FROM Orders",
        ])
    func queriesWithoutColumns(query: String) throws {
        let world = try World(
            Tables.orders
                + "CREATE TABLE sh (id INTEGER PRIMARY KEY); CREATE VIEW view_of_orders AS SELECT * FROM orders;",
            warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY); CREATE TABLE sh (id INTEGER PRIMARY KEY); "
                + "CREATE TABLE theirs (id INTEGER PRIMARY KEY)")
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02'); INSERT INTO sh VALUES (1), (2)")
        let step = world.step("orders", to: "copy", query: query, .fullRefresh, cursor: nil, key: [])
        #expect(try world.plan(step).rows == 1)
        try world.load(step)
        #expect(try world.inWarehouse("SELECT n FROM copy") == [[2]])
    }

    @Test func anEndlessQueryIsStopped() throws {
        let world = try World(Tables.orders)
        let step = world.step(
            query:
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 'x' AS item, '2024-05-01' AS updated_at FROM n"
        )
        let stop = StopToken()
        let request = try world.request(step)
        let loader = Loader(clock: WatchedClock(world.clock) { _ in Thread { stop.stop(.timedOut) }.start() })
        let failure = #expect(throws: Failure.self) { try loader.load(request, stop: stop) }
        #expect(failure?.code == .timedOut)
        #expect(try world.inWarehouse("SELECT name FROM sqlite_schema") == [])
    }

    @Test(
        "names that look like SQL, or like nothing",
        arguments: [
            "order", "select", "a b", "a;b", "a\"b", "\"", "a'b", "[x]", "`x`", "ünïcode 表", "a--b", "/*", "%", ".",
            "a.b", "excluded",
            "strandline_old", "rowid", "s", "d", "source", "main", "a\nb", "e\u{301}\"\u{301}",
            String(repeating: "x", count: 1_000),
        ])
    func hostileNames(name: String) throws {
        for mode in WriteMode.allCases {
            let world = try World()
            let quoted = try #require(QuotedIdentifier(name)?.sql)
            let key = try #require(QuotedIdentifier(name + " key")?.sql)
            let cursor = try #require(QuotedIdentifier(name + " cursor")?.sql)
            try world.source.execute(
                "CREATE TABLE \(quoted) (\(key) INTEGER PRIMARY KEY, \(quoted) TEXT, \(cursor) TEXT); CREATE INDEX i ON \(quoted) (\(cursor)); INSERT INTO \(quoted) VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')"
            )
            let step = world.step(name, cursor: name + " cursor", key: [name + " key"], mode: mode)
            #expect(try world.load(step).counts.inserted == 2)
            try world.source.execute("INSERT INTO \(quoted) VALUES (3, 'c', '2024-05-02')")
            #expect(try world.load(step, rowsPerCommit: 1).counts == RowCounts(read: 2, inserted: 1, unchanged: 1))
            try world.source.execute(
                "ALTER TABLE \(quoted) ADD COLUMN \(try #require(QuotedIdentifier(name + " new")?.sql)) TEXT")
            try world.load(step)
            try world.load(step, fullRefresh: true)
            let sql = "SELECT * FROM \(quoted) ORDER BY 1"
            #expect(try world.inSource(sql) == world.inWarehouse(sql))
            _ = try world.plan(step)
            _ = try world.load(step.with { $0.source.relation = .query("SELECT * FROM \(quoted)") })
        }
    }

    @Test("a source file that cannot be read is named, and nothing is made")
    func badSourceFiles() throws {
        let world = try World(Tables.orders)
        try Data("no database at all, but long enough to be looked at as one".utf8).write(
            to: URL(fileURLWithPath: world.path("text.db")))
        for (name, code) in [("missing.db", Failure.Code.missingFile), ("text.db", .notADatabase)] {
            let request = try world.request(world.step(), from: name)
            let failure = #expect(throws: Failure.self) { try world.loader().load(request, stop: StopToken()) }
            #expect(failure?.code == code)
            #expect(failure?.message.contains(name) == true)
            #expect(failure?.field == (code == .missingFile ? "source.connection" : nil))
            let planned = #expect(throws: Failure.self) { try world.loader().plan(request, stop: StopToken()) }
            #expect(planned == failure)
        }
        #expect(!FileManager.default.fileExists(atPath: world.path("warehouse.db")))
        let failure = try world.failure(world.step("nothing"))
        #expect(failure?.code == .unknownTable)
        #expect(failure?.hint.contains("orders") == true)
    }

    @Test("a locked source is a transient failure that names the source")
    func aLockedSource() throws {
        let world = try World(Tables.orders + "INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.source.execute("PRAGMA journal_mode = DELETE")
        try world.load(world.step())
        try world.source.execute("BEGIN EXCLUSIVE")
        let failure = try world.failure(world.step())
        try world.source.rollback()
        #expect(failure?.code == .locked)
        #expect(failure?.isTransient == true)
        #expect(failure?.message.contains("source.db") == true, "\(failure?.message ?? "")")
    }

    @Test func aViewOverAMissingTable() throws {
        let world = try World(
            "CREATE TABLE t (id, updated_at); CREATE VIEW orders AS SELECT * FROM t; DROP TABLE t; CREATE TABLE other (id)"
        )
        let failure = try world.failure(world.step())
        #expect(failure != nil)
        #expect(failure?.isTransient == false)
        let tables = try world.loader().inspect(try world.file("source.db"), stop: StopToken())
        #expect(tables.map(\.name) == ["orders", "other"])
    }

    @Test("a query over a table of the destination's name does not keep its table from being given a column")
    func newColumnOfAQuery() throws {
        let world = try World(
            Tables.orders, warehouse: Tables.orders + "CREATE VIEW v AS SELECT item FROM orders;")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        let step = world.step(query: "SELECT *, length(item) AS size FROM orders")
        #expect(try world.load(step).codes == ["columns_added"])
        #expect(try world.inWarehouse("SELECT size FROM orders") == [[1]])
    }

    @Test("source and destination in one file")
    func oneFile() throws {
        let world = try World(Tables.orders + "INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        for step in [
            world.step("orders", to: "copy"),
            world.step(to: "copy2", query: "SELECT * FROM orders").with { $0.name = "other" },
        ] {
            for _ in 0..<2 {
                let request = try world.request(step, from: "source.db", to: "source.db")
                _ = try world.loader().load(request, stop: StopToken())
                #expect(try world.inSource("SELECT * FROM \(step.destination.table)") == [[1, "a", "2024-05-01"]])
            }
        }
        let same = try world.request(world.step(to: "ORDERS"), from: "source.db", to: "source.db")
        let failure = #expect(throws: Failure.self) { try world.loader().load(same, stop: StopToken()) }
        #expect(failure?.code == .sameTable)
    }

    @Test func filesOfDifferentEncodingsAreRefusedByName() throws {
        let world = try World(Tables.orders)
        let wide = try Connection(path: world.path("wide.db"), access: .create)
        try wide.execute(
            "PRAGMA encoding = 'UTF-16le'; CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);"
                + "INSERT INTO orders VALUES (1, 'é☃', '2024-01-01')")
        wide.close()
        func refused(_ from: String, _ to: String, _ words: [String]) throws {
            let request = try world.request(world.step(), from: from, to: to)
            for work in [
                { _ = try world.loader().load(request, stop: StopToken()) },
                { _ = try world.loader().plan(request, stop: StopToken()) },
            ] {
                #expect {
                    try work()
                } throws: { error in
                    guard let failure = error as? Failure else { return false }
                    return failure.code == .unsupported && words.allSatisfy { failure.message.contains($0) }
                }
            }
        }
        try refused("wide.db", "new.db", ["wide.db are UTF-16le", "new.db UTF-8"])
        #expect(throws: (any Error).self) { try Connection(path: world.path("new.db"), access: .readOnly) }
        try refused("source.db", "wide.db", ["source.db are UTF-8", "wide.db UTF-16le"])
        let made = try Connection(path: world.path("made.db"), access: .create)
        try made.execute("PRAGMA encoding = 'UTF-16le'; CREATE TABLE other (id)")
        let request = try world.request(world.step(), from: "wide.db", to: "made.db")
        _ = try world.loader().load(request, stop: StopToken())
        #expect(try made.rows("SELECT item FROM orders").map(\.values) == [["é☃"]])
        made.close()
    }
}
