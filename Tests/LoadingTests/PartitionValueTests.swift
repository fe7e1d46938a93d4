import Loading
import Model
import Platform
import SQLite
import Testing

/// Partitions of values that are not what the backfill takes them for, and of keys that are not kept apart.
struct PartitionValueTests {
    private static let table = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at)"

    // MARK: Columns of which no value has a place

    @Test("a range is not taken for empty where no value of the column has a place", arguments: [false, true])
    func refusesUnplacedColumn(isQuery: Bool) throws {
        let world = try World(PartitionValueTests.table, warehouse: PartitionValueTests.table)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', NULL), (2, 'b', 1709251200), (3, 'c', 1709337600)")
        let step = world.step(query: isQuery ? "SELECT * FROM orders" : nil)
        let failure = try world.partitionFailure(step, "2024-03-01", "2024-03-02")
        #expect(failure?.code == .cursorFormat)
        #expect(failure?.message.contains("updated_at holds 1709251200") == true)
        #expect(failure?.hint.contains("unix_seconds") == true)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[0]])
        let request = try world.partitionRequest(step, "2024-03-01", "2024-03-02")
        // A query is not run for a first look.
        if !isQuery {
            #expect(throws: Failure.self) { try world.loader().checkPartition(request, stop: StopToken()) }
        }
        #expect(throws: Failure.self) {
            try world.loader().estimatePartitions(
                request.load, scheme: request.scheme, ranges: [request.range], stop: StopToken())
        }
        #expect(throws: Failure.self) { try world.stage(step, "2024-03-01", "2024-03-02", backfill: world.nextRun()) }
        let mended = try world.partition(step, "2024-03-01", "2024-03-02", format: .unixSeconds)
        #expect(mended.rows.inserted == 1)
    }

    @Test("one value with a place is enough, and a source without values is no mistake")
    func takesEmptyRanges() throws {
        let world = try World(PartitionValueTests.table, warehouse: PartitionValueTests.table)
        #expect(try world.partition(world.step(), "2024-03-01", "2024-03-02").rows == RowCounts())
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', NULL)")
        #expect(try world.partition(world.step(), "2024-03-01", "2024-03-02").rows == RowCounts())
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', 'soon'), (3, 'c', '2025-01-01')")
        #expect(try world.partition(world.step(), "2024-03-01", "2024-03-02").rows == RowCounts())
    }

    // MARK: Keys that the destination takes for one

    private func world() throws -> World {
        try World(
            "CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT, updated_at TEXT)",
            warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT)")
    }

    @Test("keys that the destination stores as one are doubled keys", arguments: ["2024-03-01T01:00", "2024-03-02"])
    func findsMergedKeys(other: String) throws {
        let world = try world()
        try world.source.execute("INSERT INTO orders VALUES ('1', 'a', '2024-03-01'), ('001', 'b', '\(other)')")
        let strict = world.step().with { $0.onDuplicateKey = .fail }
        let failure = try world.partitionFailure(strict, "2024-03-01", "2024-03-03")
        #expect(failure?.code == .duplicateKey)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[0]])
        let newest = world.step().with { $0.onDuplicateKey = .keepNewest }
        let result = try world.partition(newest, "2024-03-01", "2024-03-03")
        #expect(result.rows == RowCounts(read: 1, inserted: 1))
        #expect(result.warnings.contains { $0.code == "duplicate_keys" })
        #expect(try world.inWarehouse("SELECT item FROM orders") == [["b"]])
        #expect(throws: Failure.self) {
            try world.stage(strict, "2024-03-01", "2024-03-03", backfill: world.nextRun())
        }
    }
}
