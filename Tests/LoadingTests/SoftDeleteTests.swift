import Model
import Platform
import SQLite
import Testing

/// Rows that are marked instead of removed.
struct SoftDeleteTests {
    private func world(_ warehouse: String = "") throws -> World {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT);
            INSERT INTO orders VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')
            """, warehouse: warehouse)
        return world
    }

    private func step(_ world: World) -> LoadStep {
        world.step("orders", .snapshotDiff, cursor: nil).with { $0.softDelete = "deleted_at" }
    }

    @Test("PAINS 32: a row that is gone keeps its last values and is marked with the run's time, once")
    func marksWhatIsGone() throws {
        let world = try world()
        #expect(try world.load(step(world)).counts == RowCounts(read: 4, inserted: 4))
        try world.logChanges()
        try world.source.execute("DELETE FROM orders WHERE id = 2")
        #expect(try world.load(step(world)).counts == RowCounts(read: 3, unchanged: 3, deleted: 1))
        let marked: [[Value]] = [
            [1, "a", .null], [2, "b", "2024-06-01T12:00:00Z"], [3, "c", .null], [4, "d", .null],
        ]
        #expect(try world.inWarehouse("SELECT * FROM orders") == marked)
        world.clock.advance(by: .seconds(60))
        let again = try world.load(step(world))
        #expect(again.counts == RowCounts(read: 3, unchanged: 3))
        #expect(again.warnings == [])
        #expect(try world.inWarehouse("SELECT * FROM orders") == marked)
        #expect(try world.takeChanges() == ["u2"])
    }

    @Test("a row that returns loses its mark and counts as updated, changed or not")
    func returns() throws {
        let world = try world()
        try world.load(step(world))
        try world.source.execute("DELETE FROM orders WHERE id < 3")
        #expect(try world.load(step(world)).counts.deleted == 2)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a'), (2, 'new')")
        #expect(try world.load(step(world)).counts == RowCounts(read: 4, updated: 2, unchanged: 2))
        #expect(
            try world.inWarehouse("SELECT * FROM orders WHERE id < 3") == [[1, "a", .null], [2, "new", .null]])
        #expect(try world.load(step(world)).counts == RowCounts(read: 4, unchanged: 4))
    }

    @Test("PAINS 28: the shrink guard counts the rows that are not marked")
    func shrinkGuard() throws {
        let world = try world()
        try world.load(step(world))
        try world.source.execute("DELETE FROM orders WHERE id < 3")
        #expect(try world.load(step(world)).counts.deleted == 2)
        try world.source.execute("DELETE FROM orders WHERE id = 3")
        #expect(try world.load(step(world)).counts.deleted == 1, "one of the two that are there")
        try world.source.execute("DELETE FROM orders")
        #expect(try world.failure(step(world))?.code == .shrinkGuard)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders WHERE deleted_at IS NULL") == [[1]])
        #expect(try world.load(step(world), allowShrink: true).counts == RowCounts(deleted: 1))
        #expect(try world.load(step(world)).counts == RowCounts(), "an empty source removes nothing any more")
    }

    @Test(
        "the column is given to a destination that lacks it, also where no difference is allowed",
        arguments: SchemaPolicy.allCases)
    func columnIsAdded(policy: SchemaPolicy) throws {
        let world = try world(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT); INSERT INTO orders VALUES (9, 'x')")
        let step = step(world).with { $0.schemaPolicy = policy }
        let result = try world.load(step, allowShrink: true)
        #expect(result.counts == RowCounts(read: 4, inserted: 4, deleted: 1))
        #expect(result.warnings == [])
        #expect(
            try world.inWarehouse("SELECT item, deleted_at FROM orders WHERE id = 9") == [
                ["x", "2024-06-01T12:00:00Z"]
            ])
    }

    @Test("a column that the source has, or that is computed, is refused")
    func refusesItsColumn() throws {
        let world = try world()
        let taken = step(world).with { $0.softDelete = "Item" }
        #expect(try world.failure(taken)?.field == "soft_delete")
        let computed = try self.world(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, deleted_at TEXT AS (item))")
        #expect(try computed.failure(step(computed))?.field == "soft_delete")
    }

    @Test("a rebuild keeps the column, forgets the marked rows and says so")
    func fullRefresh() throws {
        let world = try world()
        try world.load(step(world))
        try world.source.execute("DELETE FROM orders WHERE id < 3")
        try world.load(step(world))
        try world.source.execute("DELETE FROM orders WHERE id = 3")
        let rebuilt = try world.load(step(world), fullRefresh: true)
        #expect(rebuilt.codes == ["soft_deletes_dropped"])
        #expect(rebuilt.counts == RowCounts(read: 1, inserted: 1, deleted: 4))
        #expect(try world.inWarehouse("SELECT * FROM orders") == [[4, "d", .null]])
    }
}
