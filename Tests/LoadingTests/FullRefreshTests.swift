import Model
import Platform
import SQLite
import Testing

/// A table that is built anew beside the old one and swapped in.
struct FullRefreshTests {
    private func step(_ world: World, query: String? = nil) -> LoadStep {
        world.step(query: query, .fullRefresh, cursor: nil)
    }

    @Test(
        "indexes, triggers, views and the table's own rules are kept",
        arguments: ["", " WITHOUT ROWID", " STRICT", "auto"])
    func everythingThatHangsOnItIsKept(suffix: String) throws {
        let key = suffix == "auto" ? "INTEGER PRIMARY KEY AUTOINCREMENT" : "INTEGER PRIMARY KEY"
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT)",
            warehouse: """
                CREATE TABLE orders (id \(key), item TEXT UNIQUE CHECK (item <> ''), updated_at TEXT DEFAULT 'x',
                    doubled INT GENERATED ALWAYS AS (id * 2) VIRTUAL)\(suffix == "auto" ? "" : suffix);
                CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id) ON DELETE CASCADE);
                INSERT INTO orders (id, item) VALUES (1, 'old'), (2, 'gone');
                INSERT INTO lines VALUES (1, 1), (2, 2);
                CREATE INDEX by_item ON orders (item, updated_at) WHERE id > 0;
                CREATE UNIQUE INDEX by_time ON orders (updated_at, id);
                CREATE VIEW items AS SELECT item FROM orders;
                CREATE TABLE log (id);
                CREATE TRIGGER logs AFTER INSERT ON orders BEGIN INSERT INTO log VALUES (new.id); END;
                CREATE TRIGGER other AFTER INSERT ON lines BEGIN UPDATE orders SET item = item WHERE id = new.order_id; END;
                """)
        let schema =
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '%strandline%' ORDER BY type, name"
        let before = try world.inWarehouse(schema)
        try world.source.execute("INSERT INTO orders VALUES (1, 'new', 'a'), (3, 'c', 'a'), (4, 'd', 'b')")
        let result = try world.load(step(world))
        #expect(result.counts == RowCounts(read: 3, inserted: 3, deleted: 2))
        #expect(try world.inWarehouse(schema) == before)
        #expect(try world.inWarehouse("SELECT item FROM items ORDER BY 1") == [["c"], ["d"], ["new"]])
        #expect(try world.inWarehouse("SELECT count(*) FROM lines") == [[2]])
        #expect(try world.inWarehouse("SELECT * FROM log") == [], "triggers do not see the rebuild")
        #expect(try world.inWarehouse("SELECT doubled FROM orders WHERE id = 4") == [[8]])
        try world.warehouse.execute("INSERT INTO orders (id, item) VALUES (9, 'i'); INSERT INTO lines VALUES (9, 9)")
        #expect(try world.inWarehouse("SELECT * FROM log") == [[9]])
        #expect(try world.inWarehouse("PRAGMA integrity_check") == [["ok"]])
    }

    /// A source's declared columns, rows of it, and how the table that is made from it ends.
    private static let keys: [(table: String, rows: String, made: String)] = [
        (
            "(id INTEGER PRIMARY KEY, item TEXT)", "(1, 'a'), (2, 'b')",
            "\"id\" INTEGER,\n    \"item\" TEXT,\n    PRIMARY KEY (\"id\")"
        ),
        (
            "(item TEXT, id INT, n INT, PRIMARY KEY (id, item)) WITHOUT ROWID", "('b', 1, 1), ('a', 2, 1)",
            "\"item\" TEXT NOT NULL,\n    \"id\" INT NOT NULL,\n    \"n\" INT,\n    PRIMARY KEY (\"id\", \"item\")"
        ),
        (
            "(id TEXT PRIMARY KEY, n INT)", "('a', 1), (NULL, 2), (NULL, 3)",
            "\"id\" TEXT,\n    \"n\" INT,\n    PRIMARY KEY (\"id\")"
        ),
        (
            "(id INTEGER PRIMARY KEY DESC, n INT)", "('x', 1), (NULL, 2), (NULL, 3), (7, 4)",
            "\"id\" INTEGER,\n    \"n\" INT,\n    UNIQUE (\"id\")"
        ),
        (
            "(id INTEGER PRIMARY KEY, n INT) WITHOUT ROWID", "('x', 1), (7, 4)",
            "\"id\" INTEGER NOT NULL,\n    \"n\" INT,\n    UNIQUE (\"id\")"
        ),
        ("(id INT, n INT)", "(1, 1), (1, 1)", "\"id\" INT,\n    \"n\" INT"),
    ]

    @Test("a step without a key makes the table with the key that the source declares", arguments: 0..<keys.count)
    func theDeclaredKeyIsKept(index: Int) throws {
        let (table, rows, made) = FullRefreshTests.keys[index]
        let world = try World("CREATE TABLE orders \(table); INSERT INTO orders VALUES \(rows)")
        let step = world.step("orders", .fullRefresh, cursor: nil, key: [])
        let definition = "CREATE TABLE main.\"orders\" (\n    \(made)\n)"
        #expect(try world.plan(step).statements.first == definition)
        for _ in 0..<2 {
            try world.load(step)
            #expect(
                try world.inWarehouse(
                    "SELECT replace(sql, 'TABLE ', 'TABLE main.') FROM sqlite_schema WHERE name = 'orders'")
                    == [[Value(definition)]])
            #expect(try world.isEqual(by: "id, 2"))
        }
    }

    @Test("a declared key of which a column is not loaded is no key, nor is one behind a query")
    func aKeyThatIsNotLoadedIsNone() throws {
        let world = try World(
            "CREATE TABLE orders (a INT, b INT, c INT, PRIMARY KEY (a, b)); INSERT INTO orders VALUES (1, 1, 1), (1, 2, 1)"
        )
        let keyless = world.step("orders", .fullRefresh, cursor: nil, key: [])
        try world.load(keyless.with { $0.columns.exclude = ["b"] })
        try world.load(
            world.step("orders", to: "queried", query: "SELECT a, b FROM orders", .fullRefresh, cursor: nil, key: []))
        #expect(
            try world.inWarehouse(
                "SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_auto%' AND tbl_name NOT LIKE '\\_%' ESCAPE '\\'"
            ) == [])
        #expect(try world.inWarehouse("SELECT * FROM orders") == [[1, 1], [1, 1]])
    }

    @Test("a reader during the load sees the old table until the commit")
    func readersSeeTheOldTable() throws {
        let world = try World(Tables.unindexed)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 'x'), (2, 'b', 'x')")
        try world.load(step(world))
        try world.source.execute("UPDATE orders SET item = 'new'")
        try world.warehouse.begin(.deferred)
        #expect(try world.inWarehouse("SELECT item FROM orders") == [["a"], ["b"]])
        try world.load(step(world))
        #expect(try world.inWarehouse("SELECT item FROM orders") == [["a"], ["b"]])
        try world.warehouse.rollback()
        #expect(try world.inWarehouse("SELECT item FROM orders") == [["new"], ["new"]])
    }

    @Test("PAINS 27, 28, 31: an empty or much smaller source replaces nothing")
    func shrinkGuard() throws {
        let world = try World(Tables.unindexed)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 'x'), (2, 'b', 'x'), (3, 'c', 'x'), (4, 'd', 'x')")
        try world.load(step(world))
        try world.source.execute("DELETE FROM orders WHERE id > 1")
        #expect(try world.failure(step(world))?.code == .shrinkGuard)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[4]])
        #expect(try world.load(step(world), allowShrink: true).counts == RowCounts(read: 1, inserted: 1, deleted: 4))
        try world.source.execute("DELETE FROM orders")
        let lax = step(world).with { $0.maxShrink = 1 }
        #expect(try world.failure(lax)?.code == .shrinkGuard)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[1]])
        #expect(try world.load(lax, allowShrink: true).counts == RowCounts(deleted: 1))
    }

    @Test("PAINS 27, 30: a failure leaves the old table")
    func failureLeavesTheOldTable() throws {
        let world = try World(
            Tables.unindexed,
            warehouse:
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, updated_at TEXT); INSERT INTO orders VALUES (9, 'old', 'x')"
        )
        let schema = try world.inWarehouse("SELECT name, sql FROM sqlite_schema")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 'x'), (2, NULL, 'x')")
        #expect(try world.failure(step(world))?.code == .constraint)
        #expect(try world.inWarehouse("SELECT * FROM orders") == [[9, "old", "x"]])
        #expect(try world.inWarehouse("SELECT name, sql FROM sqlite_schema") == schema)
        try world.source.execute("DROP TABLE orders")
        #expect(try world.failure(step(world))?.code == .unknownTable)
        #expect(try world.inWarehouse("SELECT * FROM orders") == [[9, "old", "x"]])
    }

    @Test("a query source whose table has the destination's name")
    func queryOverATableOfTheSameName() throws {
        for destination in [
            "",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT); CREATE INDEX i ON orders (item); INSERT INTO orders VALUES (7, 'old')",
        ] {
            let world = try World(Tables.unindexed, warehouse: destination)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', 'x'), (2, 'b', 'x')")
            let step = step(world, query: "SELECT id, upper(item) AS item FROM orders -- comment")
            for _ in 0..<2 {
                try world.load(step)
                #expect(try world.inWarehouse("SELECT id, item FROM orders ORDER BY id") == [[1, "A"], [2, "B"]])
            }
        }
    }

    @Test("a full refresh of a step with a cursor sets its watermark, from which the next run goes on")
    func setsTheWatermark() throws {
        for mode in WriteMode.allCases {
            let world = try World(Tables.orders)
            try world.source.execute(
                "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02'), (3, 'f', '2099-01-01'), (4, 'n', NULL)"
            )
            let step = world.step(mode: mode).with { $0.cursor?.onMissing = .include }
            let first = try world.load(step, fullRefresh: true)
            #expect(first.counts == RowCounts(read: 4, inserted: 4))
            #expect(first.watermarkAfter == .text("2024-05-02"))
            #expect(first.codes == ["cursor_missing", "future_cursor"])
            #expect(try world.load(step).counts == RowCounts(read: 3, unchanged: 3))
            try world.source.execute("INSERT INTO orders VALUES (5, 'e', '2024-05-03')")
            #expect(try world.load(step).counts == RowCounts(read: 4, inserted: 1, unchanged: 3))
            #expect(try world.isEqual())
        }
    }

    @Test("PAINS 1: a full refresh does not move the watermark past settle")
    func fullRefreshMindsSettle() throws {
        for mode in WriteMode.allCases {
            let world = try World(Tables.orders)
            try world.source.execute(
                "INSERT INTO orders VALUES (1, 'a', '2024-06-01T11:00:00Z'), (2, 'b', '2024-06-01T11:59:50Z')")
            let step = world.step(mode: mode).with { $0.settle = .time(.seconds(60)) }
            #expect(try world.load(step, fullRefresh: true).watermarkAfter == .text("2024-06-01T11:00:00Z"))
            try world.source.execute("INSERT INTO orders VALUES (3, 'late', '2024-06-01T11:59:40Z')")
            world.clock.advance(by: .seconds(60))
            #expect(try world.load(step).counts == RowCounts(read: 3, inserted: 1, unchanged: 2))
            #expect(try world.isEqual())
        }
    }

    @Test("PAINS 22: a full refresh of one step leaves the watermarks of others")
    func otherWatermarksStay() throws {
        let world = try World(Tables.orders + "CREATE TABLE log (id INTEGER PRIMARY KEY); INSERT INTO log VALUES (1)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(world.step())
        let other = world.step("log", .sequence, cursor: "id").with { $0.name = "log" }
        try world.load(other, fullRefresh: true)
        #expect(try world.watermark()?.value == .text("2024-05-01"))
        #expect(try world.watermark()?.version == 1)
    }
}
