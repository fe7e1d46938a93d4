import Model
import SQLite
import Testing

/// Keys and the comparison of rows, for the write modes that replace.
struct ReplacingWriteTests {
    private static let modes = [WriteMode.upsert, .deleteInsert]

    @Test("an unchanged row is not rewritten", arguments: modes)
    func unchangedRowsAreLeftAlone(mode: WriteMode) throws {
        let world = try World(Tables.orders)
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-01'), (3, NULL, '2024-05-01')")
        let step = world.step(mode: mode)
        try world.load(step)
        try world.logChanges()
        try world.source.execute(
            "UPDATE orders SET item = 'B' WHERE id = 2; INSERT INTO orders VALUES (4, 'd', '2024-05-02')")
        let result = try world.load(step)
        #expect(result.counts == RowCounts(read: 4, inserted: 1, updated: 1, unchanged: 2))
        #expect(try world.takeChanges() == (mode == .upsert ? ["u2", "i4"] : ["d2", "i2", "i4"]))
        #expect(try world.isEqual())
    }

    @Test("values keep their bytes and their class, and stay unchanged", arguments: modes)
    func valuesKeepTheirBytes(mode: WriteMode) throws {
        for (columns, suffix) in [
            ("id INTEGER PRIMARY KEY, at TEXT, i INTEGER, r REAL, n NUMERIC, t TEXT, b BLOB, u, a ANY", ""),
            ("id INTEGER PRIMARY KEY, at TEXT, i INTEGER, r REAL, n ANY, t TEXT, b BLOB, u ANY, a ANY", " STRICT"),
            (
                "id TEXT PRIMARY KEY, at TEXT, i INT, r DOUBLE PRECISION, n DECIMAL(10, 2), t VARCHAR(20), b, u BLOB, a",
                " WITHOUT ROWID"
            ),
        ] {
            let world = try World("CREATE TABLE orders (\(columns))\(suffix)")
            try world.source.execute(
                """
                INSERT INTO orders VALUES (1, '2024-05-01', 9223372036854775807, 1.0, '007', 'a' || char(0) || 'b', x'00ff',
                    '007', '007'), (2, '2024-05-01', -9223372036854775808, 1e308, 2.5, '', x'', 1.0, 1),
                    (3, '2024-05-01', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
                    (4, '2024-05-01', 9007199254740993, 0.1, 9007199254740993, CAST(x'ff00' AS TEXT), x'07', 1, 1.0)
                """)
            let step = world.step(cursor: "at", mode: mode)
            #expect(try world.load(step).counts.inserted == 4)
            #expect(try world.isEqual(), "\(suffix)")
            #expect(try world.load(step).counts == RowCounts(read: 4, unchanged: 4), "\(suffix)")
            // Equal in value, not in class or bytes.
            try world.source.execute("UPDATE orders SET u = 1 WHERE id = 2; UPDATE orders SET t = 'a' WHERE id = 1")
            #expect(try world.load(step).counts.updated == 2, "\(suffix)")
            #expect(try world.isEqual(), "\(suffix)")
        }
    }

    @Test("values that the destination's types convert are unchanged on the next run", arguments: modes)
    func convertedValuesAreUnchanged(mode: WriteMode) throws {
        for type in ["TEXT", "INTEGER", "REAL", "NUMERIC", "ANY", "", "BLOB", "VARCHAR(3) COLLATE NOCASE"] {
            for key in ["INTEGER PRIMARY KEY", "TEXT PRIMARY KEY", "INT PRIMARY KEY"] {
                let world = try World(
                    "CREATE TABLE orders (id INTEGER PRIMARY KEY, at TEXT, v)",
                    warehouse: "CREATE TABLE orders (id \(key), at TEXT, v \(type))")
                try world.source.execute(
                    "INSERT INTO orders VALUES (1, '2024-05-01', 7), (2, '2024-05-01', '007'), (3, '2024-05-01', 7.5), (4, '2024-05-01', x'37')"
                )
                let step = world.step(cursor: "at", mode: mode)
                #expect(try world.load(step).counts.inserted == 4)
                #expect(try world.load(step).counts == RowCounts(read: 4, unchanged: 4), "\(type) \(key)")
            }
        }
    }

    @Test("a text key over a source's numbers is replaced, not doubled", arguments: modes)
    func keysOfAnotherType(mode: WriteMode) throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, at TEXT, v)",
            warehouse: "CREATE TABLE orders (id TEXT, at TEXT, v)"
                + (mode == .upsert ? "; CREATE UNIQUE INDEX i ON orders (id)" : ""))
        try world.source.execute("INSERT INTO orders VALUES (1, '2024-05-01', 'a')")
        let step = world.step(cursor: "at", mode: mode)
        try world.load(step)
        try world.source.execute("UPDATE orders SET v = 'b'")
        #expect(try world.load(step).counts == RowCounts(read: 1, updated: 1))
        #expect(try world.inWarehouse("SELECT * FROM orders") == [["1", "2024-05-01", "b"]])
    }

    @Test func composedKeys() throws {
        for mode in ReplacingWriteTests.modes {
            let world = try World(
                "CREATE TABLE orders (shop TEXT, no INTEGER, at TEXT, v, PRIMARY KEY (shop, no)) WITHOUT ROWID")
            try world.source.execute(
                "INSERT INTO orders VALUES ('a', 1, '2024-05-01', 1), ('a', 2, '2024-05-01', 1), ('b', 1, '2024-05-01', 1)"
            )
            let step = world.step(cursor: "at", key: ["shop", "no"], mode: mode)
            try world.load(step)
            #expect(try world.watermark()?.key == [.text("b"), .integer(1)])
            try world.source.execute("UPDATE orders SET v = 2 WHERE shop = 'a' AND no = 2")
            #expect(try world.load(step).counts == RowCounts(read: 3, updated: 1, unchanged: 2))
            #expect(try world.isEqual(by: "shop, no"))
        }
    }

    @Test func keysThatIgnoreCase() throws {
        let table = "CREATE TABLE orders (id TEXT COLLATE NOCASE PRIMARY KEY, at TEXT)"
        for mode in ReplacingWriteTests.modes {
            let world = try World(table, warehouse: table)
            try world.source.execute("INSERT INTO orders VALUES ('abc', '2024-05-01')")
            let step = world.step(cursor: "at", mode: mode)
            try world.load(step)
            try world.source.execute("UPDATE orders SET id = 'ABC'")
            #expect(try world.load(step).counts == RowCounts(read: 1, updated: 1), "\(mode)")
            #expect(try world.isEqual(), "\(mode)")
        }
        // A destination that ignores case over a source that does not would merge rows.
        let world = try World("CREATE TABLE orders (id TEXT PRIMARY KEY, at TEXT)", warehouse: table)
        try world.source.execute("INSERT INTO orders VALUES ('abc', '2024-05-01'), ('ABC', '2024-05-01')")
        #expect(try world.failure(world.step(cursor: "at"))?.code == .missingKeyConstraint)
    }

    @Test func deleteInsertTellsKeysApartByteByByte() throws {
        for key in [["id"], ["id", "no"]] {
            let world = try World(
                "CREATE TABLE orders (id TEXT, no INTEGER, at TEXT, v, PRIMARY KEY (id, no))",
                warehouse: "CREATE TABLE orders (id TEXT COLLATE NOCASE, no INTEGER, at TEXT, v)")
            try world.source.execute(
                "INSERT INTO orders VALUES ('abc', 1, '2024-05-01', 1), ('ABC', 1, '2024-05-02', 1)")
            let step = world.step(cursor: "at", key: key, mode: .deleteInsert)
            try world.load(step)
            try world.source.execute("UPDATE orders SET v = 2 WHERE id = 'ABC'")
            #expect(try world.load(step).counts == RowCounts(read: 1, updated: 1))
            #expect(try world.isEqual(by: "id COLLATE BINARY"))
        }
    }

    @Test func upsertNeedsAUniqueKey() throws {
        let world = try World(
            Tables.orders, warehouse: "CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        let failure = try world.failure(world.step())
        #expect(failure?.code == .missingKeyConstraint)
        #expect(failure?.hint.contains("delete_insert") == true)
        #expect(try world.load(world.step(mode: .deleteInsert)).counts.inserted == 1)
    }

    @Test("a key of a query source that comes twice", arguments: modes)
    func duplicateKeys(mode: WriteMode) throws {
        let world = try World("CREATE TABLE versions (id INTEGER, v TEXT, at TEXT)")
        try world.source.execute(
            """
            INSERT INTO versions VALUES (1, 'old', '2024-05-01T12:00:00+02:00'), (1, 'new', '2024-05-01T11:00:00Z'),
                (2, 'only', '2024-05-02'), (1, 'older', '2024-04-01')
            """)
        let step = world.step(to: "orders", query: "SELECT id, v, at FROM versions", cursor: "at", mode: mode)
        let refused = step.with { $0.onDuplicateKey = .fail }
        #expect(try world.failure(refused)?.code == .duplicateKey)
        let plan = try world.plan(step)
        let result = try world.load(step)
        #expect(result.counts == RowCounts(read: 2, inserted: 2))
        #expect(plan.rows == 2)
        #expect(result.codes == ["duplicate_keys", "mixed_offsets"])
        #expect(try world.inWarehouse("SELECT id, v FROM orders ORDER BY id") == [[1, "new"], [2, "only"]])
        #expect(try world.load(step, fullRefresh: true).counts.inserted == 2)
        #expect(try world.inWarehouse("SELECT id, v FROM orders ORDER BY id") == [[1, "new"], [2, "only"]])
    }

    @Test("duplicate keys across commits end with the newest", arguments: modes)
    func duplicateKeysAcrossCommits(mode: WriteMode) throws {
        let world = try World("CREATE TABLE versions (id INTEGER, v INTEGER, at TEXT)")
        for number in 0..<20 {
            _ = try world.source.run(
                "INSERT INTO versions VALUES (?, ?, ?)",
                [Value(number % 3), Value(number), .text("2024-05-\(number < 9 ? "0" : "")\(number + 1)")])
        }
        let step = world.step("versions", to: "orders", cursor: "at", mode: mode)
        let result = try world.load(step, rowsPerCommit: 4)
        #expect(result.commits == 5)
        #expect(result.counts.inserted == 3)
        #expect(result.counts.read == result.counts.inserted + result.counts.updated + result.counts.unchanged)
        #expect(try world.inWarehouse("SELECT id, v FROM orders ORDER BY id") == [[0, 18], [1, 19], [2, 17]])
    }

    @Test(arguments: WriteMode.allCases)
    func nullKeysAreRefused(mode: WriteMode) throws {
        let world = try World("CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (NULL, 'b', '2024-05-01')")
        #expect(try world.failure(world.step(mode: mode))?.code == .nullKey)
        #expect(try world.watermark() == nil)
    }

    @Test("PAINS 29: delete_insert removes the old rows of a key and counts them exactly")
    func deleteInsertCounts() throws {
        let world = try World(
            Tables.orders, warehouse: "CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT)")
        try world.warehouse.execute(
            "INSERT INTO orders VALUES (1, 'x', 'old'), (1, 'y', 'old'), (2, 'b', '2024-05-01'), (9, 'z', 'kept'), (8, 'z', 'kept')"
        )
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-01'), (3, 'c', '2024-05-01')")
        let result = try world.load(world.step(mode: .deleteInsert))
        #expect(result.counts == RowCounts(read: 3, inserted: 1, updated: 1, unchanged: 1, deleted: 1))
        #expect(result.codes == ["watermark_missing"])
        #expect(try world.inWarehouse("SELECT id FROM orders ORDER BY id") == [[1], [2], [3], [8], [9]])
    }

    @Test("PAINS 28: delete_insert that would shrink the table too far is refused")
    func deleteInsertShrinkGuard() throws {
        let world = try World(
            Tables.orders, warehouse: "CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT)")
        try world.warehouse.execute("INSERT INTO orders VALUES (1, 'x', 'o'), (1, 'y', 'o'), (1, 'z', 'o')")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        let step = world.step(mode: .deleteInsert)
        #expect(try world.failure(step)?.code == .shrinkGuard)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[3]])
        #expect(try world.load(step, allowShrink: true).counts == RowCounts(read: 1, updated: 1, deleted: 2))
    }

    @Test("a trigger that swallows rows is noticed", arguments: WriteMode.allCases)
    func swallowedRowsAreNoticed(mode: WriteMode) throws {
        let world = try World(
            Tables.orders,
            warehouse: """
                CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);
                CREATE TRIGGER swallow BEFORE INSERT ON orders WHEN new.id = 2 BEGIN SELECT RAISE(IGNORE); END;
                """)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')")
        #expect(try world.failure(world.step(mode: mode))?.code == .verificationFailed)
        #expect(try world.watermark() == nil)
    }
}
