import Model
import Platform
import SQLite
import Testing

/// The look for keys that are gone from the source, after a load by a cursor.
struct DetectDeletesTests {
    private static let modes: [WriteMode] = [.upsert, .deleteInsert]

    private func step(
        _ world: World, _ mode: WriteMode = .upsert, query: String? = nil, soft: String? = nil
    ) -> LoadStep {
        world.step(query: query, mode: mode).with {
            $0.detectDeletes = .keys
            $0.softDelete = soft
        }
    }

    private func world(_ tables: String = Tables.orders) throws -> World {
        let world = try World(tables)
        try world.source.execute(
            """
            INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02'), (3, 'c', '2024-05-03'),
                (4, 'd', '2024-05-04')
            """)
        return world
    }

    @Test("PAINS 32: rows whose key is gone are removed, whatever their cursor was", arguments: modes, [true, false])
    func removesWhatIsGone(mode: WriteMode, isTable: Bool) throws {
        let world = try world()
        let step = step(world, mode, query: isTable ? nil : "SELECT * FROM orders")
        #expect(try world.load(step).counts == RowCounts(read: 4, inserted: 4))
        try world.source.execute(
            "DELETE FROM orders WHERE id IN (1); UPDATE orders SET item = 'B', updated_at = '2024-05-05' WHERE id = 2")
        let result = try world.load(step)
        #expect(result.counts.deleted == 1)
        #expect(result.counts.updated == 1)
        #expect(result.watermarkAfter == .text("2024-05-05"))
        #expect(try world.isEqual())
        try world.source.execute("DELETE FROM orders WHERE id = 3")
        #expect(try world.load(step).counts == RowCounts(read: 1, unchanged: 1, deleted: 1), "nothing new was there")
        #expect(try world.isEqual())
    }

    @Test("rows that the step passes over stay: their key is in the source")
    func keepsWhatIsPassedOver() throws {
        let world = try world()
        let all = step(world).with { $0.detectDeletes = nil }
        try world.load(all)
        try world.source.execute("UPDATE orders SET updated_at = NULL WHERE id = 4; DELETE FROM orders WHERE id = 3")
        let narrow = step(world).with {
            $0.cursor?.onMissing = .exclude
            $0.cursor?.initial = .text("2024-05-02")
        }
        #expect(try world.load(narrow).counts.deleted == 1)
        #expect(try world.inWarehouse("SELECT id FROM orders ORDER BY id") == [[1], [2], [4]])
    }

    @Test("rows that another step has loaded are not taken for deleted", arguments: [true, false])
    func leavesTheRowsOfOthers(sweeps: Bool) throws {
        let world = try World(Tables.orders)
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-01'), (3, 'c', '2024-05-01'); "
                + "CREATE TABLE others AS SELECT id + 10 AS id, item, updated_at FROM orders")
        try world.load(world.step("others", to: "orders").with { $0.name = "others" })
        let own =
            sweeps
            ? world.step().with { $0.detectDeletes = .keys } : world.step("orders", .snapshotDiff, cursor: nil)
        let failure = try world.failure(own)
        #expect(failure?.code == .shrinkGuard)
        #expect(failure?.message.contains("orders/others") == true)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[3]])
        // Taken over by a person's word; from then on the table is this step's.
        try world.load(own, allowShrink: true)
        #expect(try world.isEqual())
        try world.source.execute("DELETE FROM orders WHERE id = 1")
        #expect(try world.load(own).counts.deleted == 1)
    }

    @Test("PAINS 27, 28: an empty or much smaller source removes nothing, not even with rows to load")
    func shrinkGuard() throws {
        let world = try world()
        try world.load(step(world))
        try world.source.execute(
            "DELETE FROM orders WHERE id < 4; UPDATE orders SET item = 'new', updated_at = '2024-05-30'")
        #expect(try world.failure(step(world))?.code == .shrinkGuard)
        #expect(try world.inWarehouse("SELECT item FROM orders ORDER BY id") == [["a"], ["b"], ["c"], ["d"]])
        #expect(try world.watermark()?.value == .text("2024-05-04"))
        #expect(try world.load(step(world), allowShrink: true).counts == RowCounts(read: 1, updated: 1, deleted: 3))
        try world.source.execute("DELETE FROM orders")
        let lax = step(world).with { $0.maxShrink = 1 }
        #expect(try world.failure(lax)?.code == .shrinkGuard)
        #expect(try world.load(lax, allowShrink: true).counts == RowCounts(deleted: 1))
    }

    @Test("rows that are gone are marked with soft_delete; those that return lose the mark", arguments: modes)
    func softDelete(mode: WriteMode) throws {
        let world = try world()
        let step = step(world, mode, soft: "deleted_at")
        try world.load(step)
        try world.source.execute("DELETE FROM orders WHERE id IN (1, 4)")
        #expect(try world.load(step).counts == RowCounts(deleted: 2))
        let marked = "SELECT id, item FROM orders WHERE deleted_at = '2024-06-01T12:00:00Z' ORDER BY id"
        #expect(try world.inWarehouse(marked) == [[1, "a"], [4, "d"]])
        #expect(try world.load(step).counts == RowCounts())
        // One returns as it was and within the window, one below it, where only its key is seen.
        try world.source.execute("INSERT INTO orders VALUES (1, 'x', '2024-05-01'), (4, 'd', '2024-05-04')")
        let result = try world.load(step)
        #expect(result.counts == RowCounts(read: 2, updated: 2))
        #expect(result.codes == ["rows_returned"])
        #expect(
            try world.inWarehouse("SELECT id, item FROM orders WHERE deleted_at IS NULL ORDER BY id")
                == [[1, "a"], [2, "b"], [3, "c"], [4, "d"]])
        #expect(try world.load(step).counts == RowCounts(read: 1, unchanged: 1))
    }

    @Test("a load in several commits looks once, in its last")
    func cutLoad() throws {
        let world = try world()
        try world.warehouse.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT); INSERT INTO orders VALUES (9, 'x', NULL)"
        )
        let token = StopToken()
        world.stopAfterCommits = (1, token)
        _ = try? world.load(step(world), run: "run", rowsPerCommit: 1, stop: token)
        #expect(try world.inWarehouse("SELECT id FROM orders ORDER BY id") == [[1], [9]])
        world.stopAfterCommits = nil
        let result = try world.load(step(world), run: "run", attempt: 2, rowsPerCommit: 1)
        #expect(result.counts.inserted == 4)
        #expect(result.counts.deleted == 1)
        #expect(result.commits == 4)
        #expect(try world.isEqual())
    }

    @Test(
        "a plan and a manifest show the sweep that is run, with the keys that are laid aside to be kept",
        arguments: [
            UndoPolicy?.none, .usual,
        ])
    func showsWhatIsRun(undo: UndoPolicy?) throws {
        let world = try world()
        let step = step(world).with { $0.undo = undo }
        try world.load(step)
        try world.source.execute("DELETE FROM orders WHERE id = 1")
        let plan = try world.plan(step).statements
        let result = try world.load(step)
        #expect(result.counts.deleted == 1)
        #expect(result.manifest?.commits.first?.statements.map(\.sql) == plan)
        let aside = plan.filter { $0.hasPrefix("INSERT INTO temp._strandline_touched") }
        #expect(aside.count == (undo == nil ? 0 : 1))
        #expect(plan.last?.contains("_strandline_touched") == (undo != nil))
        #expect((aside.first ?? plan.last)?.contains("NOT EXISTS") == true)
    }

    @Test("the source's keys are found by its index; without one they are sorted once")
    func usesAnIndex() throws {
        for table in ["id INTEGER PRIMARY KEY", "id TEXT PRIMARY KEY COLLATE NOCASE", "id TEXT"] {
            let world = try World("CREATE TABLE orders (\(table), item TEXT, updated_at TEXT)")
            try world.source.execute("INSERT INTO orders VALUES ('7', 'a', '2024-05-01')")
            try world.load(step(world))
            let sweep = try #require(try world.plan(step(world)).statements.last)
            try world.warehouse.execute(
                """
                ATTACH '\(world.path("source.db"))' AS source; CREATE TEMP TABLE _strandline_source (id);
                CREATE INDEX temp.by_key ON _strandline_source (id)
                """)
            let details = try world.inWarehouse("EXPLAIN QUERY PLAN " + sweep).compactMap { $0[3].string }
            #expect(details.contains { $0.hasPrefix("SEARCH s") }, "\(details)")
            #expect(!details.contains { $0.hasPrefix("SCAN s") }, "\(details)")
        }
    }

    @Test("keys that the source takes for equal are equal; others are told apart to the byte")
    func collations() throws {
        let world = try World("CREATE TABLE orders (id TEXT PRIMARY KEY COLLATE NOCASE, item TEXT, updated_at TEXT)")
        try world.source.execute("INSERT INTO orders VALUES ('a', 'x', '2024-05-01'), ('b', 'x', '2024-05-02')")
        try world.load(step(world))
        try world.source.execute("UPDATE orders SET id = 'A' WHERE id = 'a'")
        #expect(try world.load(step(world)).counts.deleted == 0, "the cursor did not tell of it")
        let binary = try World("CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT, updated_at TEXT)")
        try binary.source.execute("INSERT INTO orders VALUES ('a', 'x', '2024-05-01'), ('b', 'x', '2024-05-02')")
        try binary.load(step(binary))
        try binary.source.execute("UPDATE orders SET id = 'B', updated_at = '2024-05-03' WHERE id = 'b'")
        #expect(try binary.load(step(binary)).counts == RowCounts(read: 1, inserted: 1, deleted: 1))
        #expect(try binary.isEqual())
    }
}
