import Loading
import Model
import Platform
import SQLite
import Testing

/// What a look at a table finds, and that the document made of it loads the table.
struct SurveyTests {
    /// A table that nobody has told anything about, the strategy that fits it, and a change that the document follows.
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let sql: String
        let strategy: Strategy
        var cursor: JSONValue?
        var key: [String] = []
        var change = ""
        var testDescription: String { name }
    }

    /// A million to one rows by a recursive count; `n` is the number.
    private static func fill(_ table: String, _ rows: Int, _ values: String) -> String {
        "INSERT INTO \(table) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < \(rows)) "
            + "SELECT \(values) FROM c;"
    }

    private static let time = "strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + n * 7, 'unixepoch')"
    private static let large = Limits.refreshedRows + 5_000

    static let cases = [
        Case(
            name: "small",
            sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, v, updated_at);" + fill("t", 50, "n, n, \(time)"),
            strategy: .fullRefresh, key: ["id"], change: "DELETE FROM t WHERE id = 7; UPDATE t SET v = 'x' WHERE id = 9"
        ),
        Case(name: "empty", sql: "CREATE TABLE t (a, b);", strategy: .fullRefresh),
        Case(
            name: "no key and doubled rows", sql: "CREATE TABLE t (a TEXT, b REAL);" + fill("t", 20, "'x', n % 3"),
            strategy: .fullRefresh),
        Case(
            name: "odd names",
            sql: "CREATE TABLE \"t\" (\"the id\" TEXT PRIMARY KEY NOT NULL, \"sélect \"\" x\" TEXT, \"a: b\");"
                + fill("t", 9, "'k' || n, 'v', x'00ff'"), strategy: .fullRefresh, key: ["the id"]),
        Case(
            name: "a primary key that holds NULL",
            sql: "CREATE TABLE t (code TEXT PRIMARY KEY, v); INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('a', 3);",
            strategy: .fullRefresh),
        Case(
            name: "updated_at as text",
            sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, v, updated_at TEXT);"
                + fill("t", large, "n, n % 10, \(time)"),
            strategy: .timestamp, cursor: "updated_at", key: ["id"],
            change: "UPDATE t SET v = 'x', updated_at = '2024-05-30T00:00:00Z' WHERE id % 1000 = 3; "
                + "DELETE FROM t WHERE id % 1000 = 4"),
        Case(
            name: "lastModified in milliseconds without values in some rows",
            sql: "CREATE TABLE t (a INTEGER, b INTEGER, lastModified INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;"
                + fill("t", large, "n / 10, n % 10, CASE WHEN n % 5000 = 0 THEN NULL ELSE 1700000000000 + n END"),
            strategy: .timestamp,
            cursor: .object(["column": "lastModified", "format": "unix_millis", "on_missing": "include"]),
            key: ["a", "b"], change: "UPDATE t SET lastModified = 1710000000000 WHERE a = 77"),
        Case(
            name: "a log with a number",
            sql: "CREATE TABLE t_log (seq INTEGER PRIMARY KEY, message TEXT);"
                + fill("t_log", large, "n, 'm' || n"),
            strategy: .sequence, cursor: "seq", key: ["seq"], change: "INSERT INTO t_log (message) VALUES ('new')"),
        Case(
            name: "changes refused by a trigger",
            sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
                + fill("t", large, "n, n")
                + "CREATE TRIGGER frozen BEFORE UPDATE ON t BEGIN SELECT RAISE(ABORT, 'no changes'); END;",
            strategy: .sequence, cursor: "id", key: ["id"], change: "INSERT INTO t (v) VALUES ('new')"),
        Case(
            name: "a trigger that keeps the time",
            sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, v, ts INTEGER);"
                + fill("t", large, "n, n, 1700000000 + n")
                + "CREATE TRIGGER touch AFTER UPDATE OF v ON t BEGIN "
                + "UPDATE t SET ts = 1710000000 WHERE id = new.id; END;",
            strategy: .timestamp, cursor: .object(["column": "ts", "format": "unix_seconds"]), key: ["id"],
            change: "UPDATE t SET v = 'x' WHERE id = 5"),
        Case(
            name: "a time that some rows write otherwise",
            sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, v, updated_at TEXT);"
                + fill("t", large, "n, n, CASE WHEN n % 1000 = 0 THEN 'yesterday' ELSE \(time) END"),
            strategy: .snapshotDiff, key: ["id"], change: "UPDATE t SET v = 'x' WHERE id = 5"),
        Case(
            name: "only a time of birth",
            sql: "CREATE TABLE t (id INTEGER PRIMARY KEY, v, created_at TEXT);"
                + fill("t", large, "n, n, \(time)"),
            strategy: .snapshotDiff, key: ["id"],
            change: "UPDATE t SET v = 'x' WHERE id = 5; DELETE FROM t WHERE id = 6"
        ),
        Case(
            name: "large without a key", sql: "CREATE TABLE t (a, b);" + fill("t", large, "n % 7, n % 5"),
            strategy: .fullRefresh, change: "UPDATE t SET a = 'x' WHERE rowid = 5"),
        Case(
            name: "a view",
            sql: "CREATE TABLE base (id INTEGER PRIMARY KEY, v); INSERT INTO base VALUES (1, 2), (3, 4);"
                + "CREATE VIEW t AS SELECT id, v * 2 AS w FROM base;",
            strategy: .fullRefresh, key: ["id"], change: "UPDATE base SET v = 9"),
    ]

    @Test("the advised document loads the table, and follows a change", arguments: cases)
    func advisedDocumentWorks(_ item: Case) throws {
        let table = item.sql.contains("t_log") ? "t_log" : "t"
        let world = try World(item.sql)
        let facts = try world.loader().survey(table, in: try world.file("source.db"), stop: StopToken())
        let advice = AdviceRules(
            facts, to: AdvicePlace(pipeline: "orders", source: "shop", destination: "warehouse", table: table)
        ).advice()
        #expect(advice.strategy == item.strategy)
        #expect(advice.document["steps"]?.array?.first?["cursor"] == item.cursor)
        #expect(facts.key == item.key)
        let node = try JSONReader.read(Array(advice.document.text().utf8))
        let step = try #require(try DocumentDecoder.pipeline(node, name: nil).pipeline.loads.first)
        try world.load(step)
        try expectEqual(world, table)
        try world.source.execute(item.change)
        try world.load(step)
        try expectEqual(world, table)
    }

    private func expectEqual(_ world: World, _ table: String) throws {
        let columns = try world.source.rows("SELECT name FROM pragma_table_info(?)", [.text(table)]).compactMap {
            $0[0].string
        }
        let order = columns.indices.map { "\($0 + 1), typeof(\"\(columns[$0].replacing("\"", with: "\"\""))\")" }
        let sql = "SELECT * FROM \(table) ORDER BY \(order.joined(separator: ", "))"
        #expect(try world.inSource(sql) == world.inWarehouse(sql))
    }

    @Test func aTableThatRecordsItsChangesIsFollowedByThem() throws {
        let world = try World("CREATE TABLE t (id INTEGER PRIMARY KEY, v);" + Self.fill("t", 10, "n, 'v' || n"))
        let file = try world.file("source.db")
        _ = try world.loader().installCapture(file, table: "t")
        let facts = try world.loader().survey("t", in: file, stop: StopToken())
        let place = AdvicePlace(pipeline: "orders", source: "shop", destination: "warehouse", table: "t")
        let advice = AdviceRules(facts, to: place).advice()
        #expect(advice.strategy == .cdc && facts.changeLog == "_strandline_changes_t")
        let node = try JSONReader.read(Array(advice.document.text().utf8))
        let step = try #require(try DocumentDecoder.pipeline(node, name: nil).pipeline.loads.first)
        try world.load(step)
        try expectEqual(world, "t")
        try world.source.execute(
            "DELETE FROM t WHERE id = 1; UPDATE t SET id = 50 WHERE id = 2; INSERT INTO t VALUES (60, 'c'), (70, 'd')")
        try world.load(step)
        try expectEqual(world, "t")
    }

    /// A table of change events.
    struct Log {
        let sql: String
        let rows: String
        let more: String
        let then: String
    }

    /// Tables of change events, what they come to, and more events with what all come to then.
    static let logs: [Log] = [
        Log(
            sql: """
                CREATE TABLE t (sequence INTEGER PRIMARY KEY, operation TEXT, order_id INTEGER, customer_id INTEGER, total);
                INSERT INTO t VALUES (1, 'INSERT', 7, 1, 10), (2, 'INSERT', 8, 1, 20), (3, 'UPDATE', 7, 1, 11),
                    (4, 'DELETE', 8, NULL, NULL), (5, 'INSERT', 9, 1, 5)
                """, rows: "7|1|11,9|1|5",
            more: "INSERT INTO t VALUES (6, 'DELETE', 9, NULL, NULL), (7, 'INSERT', 10, 2, 1)", then: "7|1|11,10|2|1"),
        Log(
            sql: """
                CREATE TABLE t (event_id INTEGER PRIMARY KEY, op TEXT, id TEXT, data TEXT);
                INSERT INTO t VALUES (1, 'i', 'a', '{"v":1}'), (2, 'u', 'a', '{"v":2}'), (3, 'i', 'b', '{"v":3}'),
                    (4, 'd', 'b', NULL)
                """, rows: "a|2", more: "INSERT INTO t VALUES (5, 'u', 'a', '{\"v\":9}')", then: "a|9"),
        Log(
            sql: """
                CREATE TABLE t (n INTEGER PRIMARY KEY, value TEXT);
                INSERT INTO t (value) VALUES ('{"op":"c","after":{"id":1,"v":1},"source":{"lsn":1}}'), (NULL),
                    ('{"op":"u","before":{"id":1},"after":{"id":1,"v":2},"source":{"lsn":2}}')
                """, rows: "1|2",
            more: """
                INSERT INTO t (value) VALUES ('{"op":"d","before":{"id":1},"after":null,"source":{"lsn":3}}'),
                    ('{"op":"c","after":{"id":4,"v":4},"source":{"lsn":4}}')
                """, then: "4|4"),
        Log(
            sql: """
                CREATE TABLE t (n INTEGER PRIMARY KEY, key TEXT, message TEXT);
                INSERT INTO t (key, message) VALUES ('{"payload":{"a":1,"b":2}}',
                    '{"payload":{"op":"c","before":null,"after":{"a":1,"b":2,"v":1}}}')
                """, rows: "1|2|1",
            more: """
                INSERT INTO t (key, message) VALUES ('{"payload":{"a":1,"b":2}}',
                    '{"payload":{"op":"u","before":null,"after":{"a":1,"b":2,"v":5}}}')
                """, then: "1|2|5"),
        Log(
            sql: """
                CREATE TABLE t (op TEXT, before TEXT, after TEXT, source TEXT, ts_ms INTEGER);
                INSERT INTO t VALUES ('c', NULL, '{"id":1,"n":1}', '{"lsn":3}', 1)
                """, rows: "1|1", more: "INSERT INTO t VALUES ('c', NULL, '{\"id\":2,\"n\":1}', '{\"lsn\":4}', 1)",
            then: "1|1,2|1"),
    ]

    @Test(arguments: logs.indices)
    func aTableOfChangeEventsIsApplied(_ place: Int) throws {
        let log = Self.logs[place]
        let world = try World(log.sql)
        let facts = try world.loader().survey("t", in: try world.file("source.db"), stop: StopToken())
        let to = AdvicePlace(pipeline: "orders", source: "shop", destination: "warehouse", table: "t")
        let advice = AdviceRules(facts, to: to).advice()
        #expect(advice.strategy == .cdc && facts.events?.key.isEmpty == false, "\(facts.events as Any)")
        let node = try JSONReader.read(Array(advice.document.text().utf8))
        let step = try #require(try DocumentDecoder.pipeline(node, name: nil).pipeline.loads.first)
        func text() throws -> String {
            let found = try world.inWarehouse("SELECT * FROM t ORDER BY 1")
            let lines = found.map { row in row.map { CursorValue($0)?.display ?? "NULL" }.joined(separator: "|") }
            return lines.joined(separator: ",")
        }
        try world.load(step)
        #expect(try text() == log.rows)
        try world.source.execute(log.more)
        _ = try world.load(step, allowShrink: true)
        #expect(try text() == log.then)
    }

    @Test(arguments: [
        // Credit and debit, other words, several tables, no order, an ordinary document, nothing inserted at all.
        "CREATE TABLE t (seq INTEGER PRIMARY KEY, op TEXT, account_id, amount); INSERT INTO t VALUES (1, 'c', 1, 2), (2, 'd', 1, 3)",
        "CREATE TABLE t (sequence INTEGER PRIMARY KEY, operation TEXT, id); INSERT INTO t VALUES (1, 'insert', 1), (2, 'drill', 1)",
        "CREATE TABLE t (seq INTEGER PRIMARY KEY, operation TEXT, table_name, row_id); INSERT INTO t VALUES (1, 'INSERT', 'a', 1)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, operation TEXT, patient_id); INSERT INTO t VALUES (1, 'insert', 1)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, value TEXT); INSERT INTO t VALUES (1, '{\"op\":\"eq\",\"after\":3}')",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, value TEXT); INSERT INTO t VALUES (1, '{\"op\":\"c\",\"after\":{\"id\":1}}'), (2, 'x')",
        "CREATE TABLE t (sequence INTEGER PRIMARY KEY, operation TEXT, id)",
    ])
    func anOrdinaryTableIsTakenForNoEvents(_ sql: String) throws {
        let world = try World(sql)
        let facts = try world.loader().survey("t", in: try world.file("source.db"), stop: StopToken())
        #expect(facts.events == nil)
        let place = AdvicePlace(pipeline: "orders", source: "shop", destination: "warehouse", table: "t")
        #expect(AdviceRules(facts, to: place).advice().strategy == .fullRefresh)
    }

    @Test func seesWhatMakesACursorDoubtful() throws {
        let world = try World(
            """
            CREATE TABLE t (id INTEGER PRIMARY KEY, updated_at TEXT, changed_at, is_deleted INTEGER, other_id INTEGER);
            CREATE INDEX by_change ON t (changed_at);
            INSERT INTO t VALUES (1, '2024-01-01T00:00:00Z', 1700000000, 0, 1), (2, NULL, 'soon', 0, 1),
                (3, '2024-01-01T00:00:00+02:00', 1700000001, 1, 1), (4, '2099-01-01', 1700000002, 0, 1);
            """)
        let facts = try world.loader().survey("T", in: try world.file("source.db"), stop: StopToken())
        #expect(facts.table == "t")
        #expect(facts.rows == 4 && !facts.isEstimate)
        #expect(facts.softDelete == "is_deleted")
        #expect(facts.indexes == [.init(name: "by_change", columns: ["changed_at"], isUnique: false)])
        let updated = try #require(facts.cursors.first { $0.column == "updated_at" })
        #expect(updated.role == .updated && updated.content == .time(.iso8601))
        #expect(updated.nulls == 1 && updated.future == 1 && updated.hasMixedOffsets && updated.rises == false)
        #expect(updated.highest == .text("2099-01-01"))
        #expect(updated.missingIndex == "CREATE INDEX \"t_by_updated_at\" ON \"t\" (\"updated_at\")")
        let changed = try #require(facts.cursors.first { $0.column == "changed_at" })
        #expect(changed.content == .mixed && changed.unreadable == 1 && changed.sample == .text("soon"))
        #expect(changed.missingIndex == nil)
        #expect(!facts.cursors.contains { $0.column == "other_id" })
    }

    @Test func picksRowsOutOfALargeTableAndSaysSo() throws {
        let rows = Limits.surveyedRows + 50_000
        let world = try World(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL);"
                + Self.fill("t", rows, "n * 3, \(Self.time)"))
        let facts = try world.loader().survey("t", in: try world.file("source.db"), stop: StopToken())
        #expect(facts.rows == rows)
        #expect(facts.rowsExamined < rows && facts.rowsExamined > rows / 2)
        let cursor = try #require(facts.cursors.first { $0.column == "updated_at" })
        #expect(cursor.nulls == 0 && cursor.nullsAreExact && cursor.rises == true)
        let highest = try world.inSource("SELECT max(updated_at) FROM t")
        #expect(cursor.highest == highest[0][0].string.map { .text($0) })
    }

    @Test func refusesATableThatIsNotThere() throws {
        let world = try World(Tables.orders)
        let file = try world.file("source.db")
        #expect {
            _ = try world.loader().survey("nothing", in: file, stop: StopToken())
        } throws: { error in
            guard let failure = error as? Failure else { return false }
            return failure.code == .unknownTable && failure.field == "table" && failure.hint.contains("orders")
        }
    }
}
