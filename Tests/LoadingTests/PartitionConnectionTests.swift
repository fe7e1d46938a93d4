import Loading
import Model
import Platform
import SQLite
import Testing

/// What partitions of a backfill know from the ones before them on the same connection.
struct PartitionConnectionTests {
    private static let rows = """
        INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01'), (3, 'c', '2024-03-02'),
            (4, 'd', '2024-03-03');
        """

    private static func world() throws -> World {
        try World(Tables.orders + rows, warehouse: Tables.orders + rows)
    }

    /// The partitions of one backfill, each a day.
    private struct Backfill {
        let world: World
        let loader: Loader
        let run: String
        let step: LoadStep

        init(_ world: World) {
            self.world = world
            loader = world.loader()
            run = world.nextRun()
            step = world.step()
        }

        @discardableResult
        func load(_ number: Int, _ day: String, _ next: String) throws -> PartitionResult {
            let scheme = PartitionScheme(column: "updated_at", interval: .day)
            let plan = try BackfillPlan(scheme)
            let range = try plan.range(
                plan.bound(.string(day), field: "start"), plan.bound(.string(next), field: "end"))
            return try loader.loadPartition(
                PartitionRequest(load: try world.request(step, run: run), number: number, scheme: scheme, range: range),
                stop: StopToken())
        }
    }

    @Test("tables that have changed between two partitions are looked at again")
    func seesChangedTables() throws {
        let world = try PartitionConnectionTests.world()
        let backfill = Backfill(world)
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        #expect(try backfill.load(1, "2024-03-01", "2024-03-02").rows.updated == 2)
        try world.warehouse.execute(
            "ALTER TABLE orders RENAME TO old; "
                + "CREATE TABLE orders (id INTEGER PRIMARY KEY, item INTEGER, updated_at TEXT); "
                + "INSERT INTO orders SELECT * FROM old")
        try world.source.execute(
            "ALTER TABLE orders ADD COLUMN more; UPDATE orders SET item = '007', more = 'x' WHERE id = 3")
        #expect(try backfill.load(2, "2024-03-02", "2024-03-03").rows == RowCounts(read: 1, updated: 1))
        #expect(try world.inWarehouse("SELECT item, more FROM orders WHERE id = 3") == [[7, "x"]])
        #expect(try backfill.load(3, "2024-03-02", "2024-03-03").rows == RowCounts(read: 1, unchanged: 1))
        backfill.loader.closePartitions(of: backfill.run)
    }

    @Test("rows of a step that wrote between two partitions are not taken for deleted")
    func seesLaterWriters() throws {
        let world = try PartitionConnectionTests.world()
        let backfill = Backfill(world)
        try world.warehouse.execute("INSERT INTO orders VALUES (8, 'gone', '2024-03-01')")
        #expect(try backfill.load(1, "2024-03-01", "2024-03-02").rows.deleted == 1)
        try world.source.execute("INSERT INTO orders VALUES (7, 'g', '2024-03-02')")
        try world.load(world.step().with { $0.name = "other" })
        try world.source.execute("DELETE FROM orders WHERE id = 7")
        let failure = #expect(throws: Failure.self) { try backfill.load(2, "2024-03-02", "2024-03-03") }
        #expect(failure?.code == .shrinkGuard)
        #expect(failure?.message.contains("orders/other") == true)
    }

    @Test("a value that would lie in no partition is refused, also when it came after the first one")
    func seesHiddenValues() throws {
        let world = try World(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (1, 5), (2, 15)",
            warehouse: "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        let (loader, run) = (world.loader(), world.nextRun())
        let scheme = PartitionScheme(column: "n", interval: .count(10))
        let plan = try BackfillPlan(scheme)
        func load(_ number: Int, _ start: Int64) throws -> PartitionResult {
            let range = try plan.range(
                plan.bound(.integer(start), field: "start"), plan.bound(.integer(start + 10), field: "end"))
            let step = world.step("t", .sequence, cursor: "id")
            return try loader.loadPartition(
                PartitionRequest(load: try world.request(step, run: run), number: number, scheme: scheme, range: range),
                stop: StopToken())
        }
        #expect(try load(1, 0).rows.inserted == 1)
        try world.source.execute("INSERT INTO t VALUES (3, '16')")
        let failure = #expect(throws: Failure.self) { try load(2, 10) }
        #expect(failure?.code == .cursorFormat)
    }
}
