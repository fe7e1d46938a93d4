import Loading
import Model
import Platform
import SQLite
import Testing

/// One partition of a backfill: what becomes of the rows of its range, and of nothing else.
struct PartitionTests {
    private static let rows = """
        INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01T23:59:59.9Z'),
            (3, 'c', '2024-03-02'), (4, 'd', '2024-03-03'), (5, 'e', NULL), (6, 'f', 'soon');
        """

    private func world(_ table: String = Tables.orders) throws -> World {
        try World(table + PartitionTests.rows, warehouse: table + PartitionTests.rows)
    }

    @Test("the range is as the source has it, and all else is untouched", arguments: Tables.both)
    func reloadsTheRange(table: String) throws {
        let world = try world(table)
        try world.warehouse.execute(
            "UPDATE orders SET item = '?'; DELETE FROM orders WHERE id = 2; "
                + "INSERT INTO orders VALUES (9, 'gone', '2024-03-01 12:00')")
        try world.logChanges()
        let result = try world.partition(world.step(), "2024-03-01", "2024-03-02", allowShrink: true)
        #expect(result.rows == RowCounts(read: 2, inserted: 1, updated: 1, deleted: 1))
        #expect(try world.takeChanges().sorted() == ["d9", "i2", "u1"])
        let again = try world.partition(world.step(), "2024-03-01", "2024-03-02")
        #expect(again.rows == RowCounts(read: 2, unchanged: 2))
        #expect(try world.takeChanges() == [])
    }

    @Test("a row that moved into the range is updated, one that moved out of it too")
    func followsMovedRows() throws {
        let world = try world()
        try world.source.execute(
            "UPDATE orders SET updated_at = '2024-03-01' WHERE id = 4; UPDATE orders SET updated_at = NULL WHERE id = 1; "
                + "UPDATE orders SET updated_at = '2024-05-05' WHERE id = 2")
        let result = try world.partition(world.step(), "2024-03-01", "2024-03-02")
        #expect(result.rows == RowCounts(read: 3, updated: 3))
        #expect(try world.isEqual())
    }

    @Test("a committed partition is not repeated, and its record is found")
    func isNotRepeated() throws {
        let world = try world()
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        let backfill = world.nextRun()
        let first = try world.partition(world.step(), "2024-03-01", "2024-03-02", backfill: backfill)
        #expect(first.rows.updated == 2)
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        #expect(try world.partition(world.step(), "2024-03-01", "2024-03-02", backfill: backfill, attempt: 2) == first)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders WHERE item = '?'") == [[.integer(6)]])
        let loader = world.loader()
        let file = try world.file("warehouse.db")
        #expect(
            try loader.committedPartition(backfill: backfill, number: 1, step: "orders", destination: file) == first)
        #expect(
            try loader.committedPartition(backfill: backfill, number: 2, step: "orders", destination: file) == nil)
    }
}

extension World {
    /// Reloads a partition as a new backfill's, or as the given one's.
    @discardableResult
    func partition(
        _ step: LoadStep, _ start: String, _ end: String, backfill: String? = nil, number: Int = 1, attempt: Int = 1,
        column: String = "updated_at", format: CursorFormat? = nil, allowShrink: Bool = false
    ) throws -> PartitionResult {
        let scheme = PartitionScheme(column: column, format: format, interval: .day)
        let plan = try BackfillPlan(scheme)
        let range = try plan.range(
            plan.bound(.string(start), field: "start"), plan.bound(.string(end), field: "end"))
        return try loader().loadPartition(
            PartitionRequest(
                load: try request(step, run: backfill, attempt: attempt, allowShrink: allowShrink), number: number,
                scheme: scheme, range: range), stop: StopToken())
    }
}
