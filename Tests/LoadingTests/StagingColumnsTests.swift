import Loading
import Model
import Platform
import SQLite
import Testing

/// Columns that come, or go, between the first staged partition and publishing.
struct StagingColumnsTests {
    private static let rows = """
        INSERT INTO orders (id, item, updated_at) VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01'),
            (3, 'c', '2024-03-02');
        """

    private static let step = LoadStep(
        name: "orders", source: .init(connection: "shop", relation: .table("orders")),
        destination: .init(connection: "warehouse", table: "orders"), strategy: .timestamp,
        cursor: Cursor(column: "updated_at"), primaryKey: ["id"]
    ).with { $0.undo = .usual }

    // PAINS 44: what a partition did not stage it does not publish.
    @Test(
        "PAINS 44: a column that came between two stagings keeps the table's values in the rows staged before",
        arguments: ["NOT NULL DEFAULT 7", "DEFAULT (3 + 4)", "DEFAULT seven", "DEFAULT -7.5", ""])
    func keepsValuesOfLateColumns(usual: String) throws {
        let world = try World(
            Tables.orders + StagingColumnsTests.rows,
            warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT, price \(usual));"
                + "CREATE TABLE usual (id INTEGER PRIMARY KEY, price \(usual)); INSERT INTO usual (id) VALUES (1);"
                + StagingColumnsTests.rows)
        try world.warehouse.execute(
            "UPDATE orders SET price = 100 + id, item = '?'; DELETE FROM orders WHERE id = 2;")
        let before = try world.picture("orders")
        let backfill = world.nextRun()
        try world.stage(StagingColumnsTests.step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute("ALTER TABLE orders ADD COLUMN price; UPDATE orders SET price = id * 1.5")
        try world.stage(StagingColumnsTests.step, "2024-03-02", "2024-03-03", backfill: backfill, number: 2)
        let done = try world.publish(backfill, StagingColumnsTests.step)
        #expect(done.rows == RowCounts(read: 3, inserted: 1, updated: 2))
        // Row 1 keeps its own, row 2 is new and gets the default, row 3 was staged with the column.
        let found = try world.inWarehouse(
            "SELECT id, item, price FROM orders ORDER BY id")
        let usual = try world.inWarehouse("SELECT price FROM usual")[0][0]
        #expect(found == [[1, "a", 101], [2, "b", usual], [3, "c", 4.5]])
        try world.rollback(backfill, StagingColumnsTests.step)
        #expect(try world.picture("orders") == before)
    }

    @Test("a partition that is staged again has the columns that came since")
    func takesLateColumnsWithARetry() throws {
        let world = try World(
            Tables.orders + StagingColumnsTests.rows,
            warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT, price);"
                + StagingColumnsTests.rows + "UPDATE orders SET price = 100 + id;")
        let backfill = world.nextRun()
        try world.stage(StagingColumnsTests.step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute(
            "ALTER TABLE orders ADD COLUMN price; UPDATE orders SET price = id * 1.5;"
                + "UPDATE orders SET updated_at = '2024-03-02' WHERE id = 1")
        // Row 1 lies in the second partition now.
        try world.stage(StagingColumnsTests.step, "2024-03-02", "2024-03-03", backfill: backfill, number: 2)
        try world.publish(backfill, StagingColumnsTests.step)
        #expect(try world.inWarehouse("SELECT price FROM orders ORDER BY id") == [[1.5], [102], [4.5]])
    }

    // PAINS 44
    @Test("a column that the step leaves out by now is not published", arguments: [true, false])
    func leavesOutExcludedColumns(byInclude: Bool) throws {
        let table = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, card TEXT, updated_at TEXT);"
        let world = try World(
            table + "INSERT INTO orders VALUES (1, 'a', '4000', '2024-03-01'), (2, 'b', '4001', '2024-03-01');",
            warehouse: table + "INSERT INTO orders VALUES (1, '?', 'kept', '2024-03-01');")
        let backfill = world.nextRun()
        try world.stage(StagingColumnsTests.step, "2024-03-01", "2024-03-02", backfill: backfill)
        let narrowed = StagingColumnsTests.step.with {
            $0.columns =
                byInclude
                ? ColumnSelection(include: ["id", "ITEM", "updated_at"]) : ColumnSelection(exclude: ["Card"])
        }
        let done = try world.publish(backfill, narrowed)
        #expect(done.rows == RowCounts(read: 2, inserted: 1, updated: 1))
        #expect(done.warnings.map(\.code) == ["columns_excluded"])
        #expect(done.warnings.first?.message.contains("card") == true)
        #expect(
            try world.inWarehouse("SELECT id, item, card FROM orders ORDER BY id")
                == [[1, "a", "kept"], [2, "b", .null]])
    }

    @Test("a column that came while staging and is left out by now is not added either")
    func addsNoExcludedColumn() throws {
        let world = try World(
            Tables.orders + StagingColumnsTests.rows, warehouse: Tables.orders + StagingColumnsTests.rows)
        let backfill = world.nextRun()
        try world.stage(StagingColumnsTests.step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute("ALTER TABLE orders ADD COLUMN card TEXT; UPDATE orders SET card = '4000'")
        try world.stage(StagingColumnsTests.step, "2024-03-02", "2024-03-03", backfill: backfill, number: 2)
        let narrowed = StagingColumnsTests.step.with { $0.columns = ColumnSelection(exclude: ["card"]) }
        try world.publish(backfill, narrowed)
        #expect(try world.inWarehouse("SELECT name FROM pragma_table_info('orders')").count == 3)
        let key = StagingColumnsTests.step.with { $0.columns = ColumnSelection(exclude: ["id"]) }
        let other = world.nextRun()
        try world.stage(narrowed, "2024-03-01", "2024-03-02", backfill: other)
        let refused = #expect(throws: Failure.self) { try world.publish(other, key) }
        #expect(refused?.code == .schemaChanged)
    }
}
