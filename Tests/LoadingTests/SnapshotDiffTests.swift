import Loading
import Model
import Platform
import SQLite
import Testing

/// A load that compares all rows of the source with the destination.
struct SnapshotDiffTests {
    private static let items = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, price REAL);"

    private func step(_ world: World, query: String? = nil, key: [String] = ["id"]) -> LoadStep {
        world.step(query: query, .snapshotDiff, cursor: nil, key: key)
    }

    @Test("inserts, updates and deletes are found without a cursor, counted apart, and nothing else is written")
    func followsEveryChange() throws {
        let world = try World(SnapshotDiffTests.items)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', NULL), (4, 'd', 4)")
        let first = try world.load(step(world))
        #expect(first.counts == RowCounts(read: 4, inserted: 4))
        #expect(first.window == "all rows")
        #expect(first.watermarkAfter == nil)
        try world.logChanges()
        try world.source.execute(
            """
            UPDATE orders SET item = 'B' WHERE id = 2; UPDATE orders SET price = 0.5 WHERE id = 3;
            DELETE FROM orders WHERE id = 1; INSERT INTO orders VALUES (9, 'i', 9)
            """)
        let second = try world.load(step(world))
        #expect(second.counts == RowCounts(read: 4, inserted: 1, updated: 2, unchanged: 1, deleted: 1))
        #expect(try world.takeChanges().sorted() == ["d1", "i9", "u2", "u3"])
        #expect(try world.isEqual())
        #expect(try world.load(step(world)).counts == RowCounts(read: 4, unchanged: 4))
        #expect(try world.takeChanges() == [])
        #expect(try world.watermark() == nil)
    }

    @Test("values that compare as equal but are other bytes or another class are changes")
    func comparesByByteAndClass() throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, any, words TEXT COLLATE NOCASE, n NUMERIC)")
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 1, 'a', 1), (2, '1', 'b ', NULL), (3, NULL, '', 3), (4, x'', 'd', 4)")
        try world.load(step(world))
        for change in [
            "any = 1.0 WHERE id = 1", "any = 1 WHERE id = 2", "any = '' WHERE id = 3", "any = NULL WHERE id = 4",
            "words = 'A' WHERE id = 1", "words = 'b' WHERE id = 2", "words = NULL WHERE id = 3", "n = 0 WHERE id = 2",
        ] {
            try world.source.execute("UPDATE orders SET \(change)")
            #expect(try world.load(step(world)).counts == RowCounts(read: 4, updated: 1, unchanged: 3), "\(change)")
            #expect(try world.isEqual())
        }
    }

    @Test(
        "composite keys, with an index on both sides, on one, or on none",
        arguments: ["", ", PRIMARY KEY (shop, id)"], ["", ", PRIMARY KEY (shop, id)", ", UNIQUE (id, shop)"])
    func needsNoIndex(source: String, destination: String) throws {
        let world = try World(
            "CREATE TABLE orders (shop TEXT, id INTEGER, item\(source))",
            warehouse: "CREATE TABLE orders (shop TEXT, id INTEGER, item\(destination))")
        try world.source.execute("INSERT INTO orders VALUES ('a', 1, 'x'), ('A', 1, 'y'), ('a', 2, 'z'), ('b', 2, 'w')")
        let step = step(world, key: ["shop", "id"])
        #expect(try world.load(step).counts == RowCounts(read: 4, inserted: 4))
        try world.source.execute(
            """
            UPDATE orders SET item = 'Y' WHERE shop = 'A'; DELETE FROM orders WHERE shop = 'b';
            INSERT INTO orders VALUES ('c', 2, 'v')
            """)
        #expect(
            try world.load(step).counts == RowCounts(read: 4, inserted: 1, updated: 1, unchanged: 2, deleted: 1))
        #expect(try world.isEqual(by: "shop, id"))
    }

    @Test("each side is looked up by an index on the key, or by one that SQLite makes for the run, never row by row")
    func neverScansForEachRow() throws {
        for source in ["", "PRIMARY KEY"] {
            for destination in ["", "PRIMARY KEY"] {
                let world = try World("CREATE TABLE orders (id TEXT \(source), item)")
                try world.source.execute("INSERT INTO orders VALUES ('a', 1), ('b', 2)")
                try world.warehouse.execute(
                    "CREATE TABLE orders (id TEXT \(destination), item); INSERT INTO orders VALUES ('c', 3)")
                let statements = try world.plan(step(world)).statements
                try world.warehouse.execute("ATTACH '\(world.path("source.db"))' AS source")
                var details: [String] = []
                for statement in statements {
                    if statement.hasPrefix("CREATE") {
                        try world.warehouse.execute(statement)
                    } else {
                        details += try world.inWarehouse("EXPLAIN QUERY PLAN " + statement)
                            .compactMap { $0[3].string }
                    }
                }
                #expect(details.filter { $0.hasPrefix("SEARCH") }.count >= 2, "\(details)")
                // One scan for each statement; a second one would be run for each row of the first.
                let scans = details.filter { $0.hasPrefix("SCAN") }.count
                #expect(scans == statements.count { !$0.hasPrefix("CREATE") }, "\(details)")
            }
        }
    }

    @Test("a query with computed columns, run once, is compared by what would be stored")
    func computedColumns() throws {
        let world = try World(
            SnapshotDiffTests.items,
            warehouse: "CREATE TABLE totals (id TEXT PRIMARY KEY, total INTEGER, big REAL, own TEXT DEFAULT 'kept')")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
        let step = world.step(
            to: "totals",
            query:
                "SELECT id, CAST(price * 2 AS TEXT) AS total, 9007199254740993 + id * 2 AS big FROM orders",
            .snapshotDiff,
            cursor: nil)
        #expect(try world.load(step).counts == RowCounts(read: 3, inserted: 3))
        #expect(try world.load(step).counts == RowCounts(read: 3, unchanged: 3))
        try world.warehouse.execute("UPDATE totals SET own = 'mine'")
        try world.source.execute("UPDATE orders SET price = 7 WHERE id = 2; DELETE FROM orders WHERE id = 3")
        #expect(try world.load(step).counts == RowCounts(read: 2, updated: 1, unchanged: 1, deleted: 1))
        #expect(
            try world.inWarehouse("SELECT id, total, own FROM totals ORDER BY id")
                == [["1", 2, "mine"], ["2", 14, "mine"]])
    }

    @Test("a destination declared otherwise is compared after its own conversion, so a run settles")
    func otherTypes() throws {
        let world = try World(
            "CREATE TABLE orders (id TEXT PRIMARY KEY, a INTEGER, b TEXT, c, d NUMERIC)",
            warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, c REAL, d TEXT)")
        try world.source.execute(
            "INSERT INTO orders VALUES ('1', 7, '08', '1e3', 1.50), ('02', NULL, 'x', 9007199254740993, 2)")
        #expect(try world.load(step(world)).counts == RowCounts(read: 2, inserted: 2))
        #expect(try world.load(step(world)).counts == RowCounts(read: 2, unchanged: 2))
        // 07 is no text that storing 7 would give.
        try world.warehouse.execute("UPDATE orders SET a = '07' WHERE id = 1")
        #expect(try world.load(step(world)).counts == RowCounts(read: 2, updated: 1, unchanged: 1))
        #expect(try world.inWarehouse("SELECT a FROM orders WHERE id = 1") == [["7"]])
        try world.source.execute("UPDATE orders SET id = '2' WHERE id = '02'")
        #expect(try world.load(step(world)).counts == RowCounts(read: 2, unchanged: 2))
    }

    @Test("columns that only the destination has keep their values; new ones are added and filled")
    func columnsOfTheDestination() throws {
        let world = try World(
            SnapshotDiffTests.items,
            warehouse: "CREATE TABLE orders (note TEXT, price REAL, item TEXT, id INTEGER PRIMARY KEY)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")
        try world.load(step(world))
        try world.warehouse.execute("UPDATE orders SET note = 'mine'")
        try world.source.execute("UPDATE orders SET price = 3 WHERE id = 1; ALTER TABLE orders ADD COLUMN size TEXT")
        try world.source.execute("UPDATE orders SET size = 'XL' WHERE id = 2")
        let result = try world.load(step(world))
        #expect(result.counts == RowCounts(read: 2, updated: 2))
        #expect(result.codes == ["columns_added", "columns_missing"])
        #expect(
            try world.inWarehouse("SELECT id, note, price, size FROM orders ORDER BY id")
                == [[1, "mine", 3.0, .null], [2, "mine", 2.0, "XL"]])
    }

    @Test("the key that the source's table declares serves where the step names none")
    func declaredKey() throws {
        let world = try World(
            "CREATE TABLE orders (shop TEXT, id INTEGER, item TEXT, PRIMARY KEY (shop, id)) WITHOUT ROWID")
        try world.source.execute("INSERT INTO orders VALUES ('a', 1, 'x'), ('b', 1, 'y')")
        let keyless = step(world, key: [])
        try world.load(keyless)
        try world.source.execute("UPDATE orders SET item = 'z' WHERE shop = 'b'")
        #expect(try world.load(keyless).counts == RowCounts(read: 2, updated: 1, unchanged: 1))
        let other = try World("CREATE TABLE orders (id, item)")
        #expect(try other.failure(step(other, key: []))?.code == .missingKey)
    }

    @Test("rows of one key that differ are refused, equal ones are loaded once and told of")
    func duplicateKeys() throws {
        let world = try World("CREATE TABLE orders (id TEXT, item)")
        try world.source.execute("INSERT INTO orders VALUES ('a', 1), ('b', 2), ('a', 1), ('a', 1)")
        for _ in 0..<2 {
            let result = try world.load(step(world))
            #expect(result.codes == ["duplicate_keys"])
            #expect(result.counts.read == 2)
        }
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == [["a", 1], ["b", 2]])
        #expect(try world.failure(step(world).with { $0.onDuplicateKey = .fail })?.code == .duplicateKey)
        try world.source.execute("INSERT INTO orders VALUES ('b', 2.0)")
        let failure = try world.failure(step(world))
        #expect(failure?.code == .duplicateKey)
        #expect(failure?.message.contains("id = b") == true, "\(failure?.message ?? "")")
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[2]])
    }

    @Test("a key that the destination holds twice is refused and named")
    func doubledDestination() throws {
        let world = try World(
            SnapshotDiffTests.items,
            warehouse:
                "CREATE TABLE orders (id INTEGER, item TEXT, price REAL); INSERT INTO orders (id) VALUES (1), (2), (2)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")
        let failure = try world.failure(step(world))
        #expect(failure?.code == .duplicateKey)
        #expect(failure?.message.contains("id = 2") == true)
    }

    @Test(
        "rows without a key are refused, at the first load and later",
        arguments: ["TEXT PRIMARY KEY", "INTEGER", "TEXT"])
    func nullKeys(type: String) throws {
        let world = try World("CREATE TABLE orders (id \(type), item TEXT)")
        try world.source.execute("INSERT INTO orders VALUES (NULL, 'a'), (2, 'b')")
        #expect(try world.failure(step(world))?.code == .nullKey)
        #expect(try world.inWarehouse("SELECT count(*) FROM sqlite_schema") == [[0]])
        try world.source.execute("DELETE FROM orders WHERE id IS NULL")
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (NULL, 'c')")
        #expect(try world.failure(step(world))?.code == .nullKey)
        #expect(try world.inWarehouse("SELECT * FROM orders").count == 1)
    }

    @Test("PAINS 27, 28, 31: an empty or much smaller source removes nothing")
    func shrinkGuard() throws {
        for query in [nil, "SELECT * FROM orders"] {
            let world = try World(SnapshotDiffTests.items)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4)")
            try world.load(step(world, query: query))
            try world.source.execute("DELETE FROM orders WHERE id > 1; UPDATE orders SET item = 'new'")
            #expect(try world.failure(step(world, query: query))?.code == .shrinkGuard)
            #expect(try world.inWarehouse("SELECT item FROM orders") == [["a"], ["b"], ["c"], ["d"]])
            let lax = step(world, query: query).with { $0.maxShrink = 1 }
            #expect(try world.load(lax).counts == RowCounts(read: 1, updated: 1, deleted: 3))
            try world.source.execute("DELETE FROM orders")
            #expect(try world.failure(lax)?.code == .shrinkGuard)
            #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[1]])
            #expect(try world.load(lax, allowShrink: true).counts == RowCounts(deleted: 1))
            #expect(try world.load(lax).counts == RowCounts())
        }
    }

    @Test("PAINS 29, 30: rows that a trigger of the destination drops or adds stop the run, which changes nothing")
    func countsAreVerified() throws {
        for trigger in [
            "BEFORE INSERT ON orders WHEN new.id = 9 BEGIN SELECT RAISE(IGNORE); END",
            "BEFORE UPDATE ON orders WHEN new.id = 2 BEGIN SELECT RAISE(IGNORE); END",
            "BEFORE DELETE ON orders WHEN old.id = 1 BEGIN SELECT RAISE(IGNORE); END",
            "AFTER INSERT ON orders BEGIN DELETE FROM orders WHERE id = 3; END",
            "AFTER UPDATE ON orders BEGIN INSERT INTO orders VALUES (77, 'x', 7); END",
        ] {
            let world = try World(SnapshotDiffTests.items)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
            try world.load(step(world))
            let before = try world.inWarehouse("SELECT * FROM orders")
            try world.warehouse.execute("CREATE TRIGGER meddles \(trigger)")
            try world.source.execute(
                "DELETE FROM orders WHERE id = 1; UPDATE orders SET item = 'x' WHERE id = 2; INSERT INTO orders VALUES (9, 'i', 9)"
            )
            #expect(try world.failure(step(world))?.code == .verificationFailed, "\(trigger)")
            #expect(try world.inWarehouse("SELECT * FROM orders") == before)
        }
    }

    @Test("values that a trigger of the destination rewrites are told of, since they never settle")
    func rewrittenValues() throws {
        let world = try World(SnapshotDiffTests.items)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2), (3, 'C', 3)")
        try world.load(step(world))
        try world.warehouse.execute(
            """
            CREATE TRIGGER shouts AFTER UPDATE OF price ON orders WHEN new.item <> upper(new.item)
            BEGIN UPDATE orders SET item = upper(new.item) WHERE id = new.id; END
            """)
        try world.source.execute("UPDATE orders SET price = 7")
        let result = try world.load(step(world))
        #expect(result.counts == RowCounts(read: 3, updated: 3))
        #expect(result.codes == ["values_rewritten"])
        #expect(result.warnings.first?.message.hasPrefix("2 rows hold") == true)
        #expect(try world.load(step(world)).counts == RowCounts(read: 3, updated: 2, unchanged: 1))
    }

    @Test("values of unique columns that move from a removed row to a new one do not clash")
    func uniqueColumns() throws {
        let world = try World(
            SnapshotDiffTests.items,
            warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT UNIQUE ON CONFLICT REPLACE, price REAL)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
        try world.load(step(world))
        try world.source.execute("DELETE FROM orders WHERE id = 1; INSERT INTO orders VALUES (7, 'a', 1)")
        #expect(try world.load(step(world)).counts == RowCounts(read: 3, inserted: 1, unchanged: 2, deleted: 1))
        try world.source.execute("INSERT INTO orders VALUES (8, 'b', 1)")
        #expect(try world.failure(step(world))?.code == .duplicateKey)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[3]])
    }

    @Test("source and destination in one file")
    func oneFile() throws {
        let world = try World(SnapshotDiffTests.items + "INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")
        let step = world.step("orders", to: "copies", .snapshotDiff, cursor: nil)
        for _ in 0..<2 {
            let request = try world.request(step, to: "source.db")
            _ = try world.loader().load(request, stop: StopToken())
        }
        try world.source.execute("DELETE FROM orders WHERE id = 1; UPDATE orders SET item = 'x'")
        let result = try world.loader().load(try world.request(step, to: "source.db"), stop: StopToken()).result
        #expect(result.counts == RowCounts(read: 1, updated: 1, deleted: 1))
        #expect(try world.inSource("SELECT item FROM copies") == [["x"]])
    }
}
