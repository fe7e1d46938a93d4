import Loading
import Model
import SQLite
import Testing

/// A source's columns may have the names that loads use in their own SQL.
struct ColumnNameTests {
    private static let names = [
        "strandline_rank", "strandline_rank_2", "STRANDLINE_NTH", "strandline_nth", "strandline_place",
        "strandline_old", "strandline_first", "strandline_kept", "strandline_delta", "strandline_probe",
        "strandline_order", "first", "days", "s", "d", "excluded", "value", "rowid", "_strandline_delta",
    ]

    @Test("of rows that share a key the newest is loaded, whatever the other column is called", arguments: names)
    func newestOfAKey(name: String) throws {
        for mode in [WriteMode.upsert, .deleteInsert] {
            let world = try World("CREATE TABLE orders (\"\(name)\" INT, id INT, u INT)")
            try world.source.execute("INSERT INTO orders VALUES (9, 1, 6), (9, 2, 7), (9, 2, 8)")
            let step = world.step("orders", .sequence, cursor: "u", mode: mode)
            let first = try world.load(step)
            #expect(first.counts == RowCounts(read: 2, inserted: 2))
            #expect(first.codes == ["duplicate_keys"])
            #expect(try world.inWarehouse("SELECT id, u FROM orders ORDER BY id") == [[1, 6], [2, 8]])
            #expect(try world.load(step, fullRefresh: true).counts.inserted == 2)
        }
    }

    @Test("a row without a key is appended once, whatever its columns are called", arguments: names)
    func appendedOnce(name: String) throws {
        let world = try World("CREATE TABLE orders (\"\(name)\" INT, v TEXT, u INT)")
        try world.source.execute("INSERT INTO orders VALUES (9, 'x', 6), (9, 'y', 7)")
        let step = world.step("orders", .sequence, cursor: "u", key: [], mode: .append)
        #expect(try world.load(step).counts.inserted == 2)
        for _ in 0..<2 { #expect(try world.load(step).counts == RowCounts(read: 1, unchanged: 1)) }
    }

    @Test("a text that is no time is found below the window, whatever the other column is called", arguments: names)
    func straysAreFound(name: String) throws {
        let world = try World(
            "CREATE TABLE days (id INTEGER PRIMARY KEY, \"\(name)\", updated_at TEXT); CREATE INDEX i ON days (updated_at)"
        )
        try world.source.execute("INSERT INTO days VALUES (1, '9', '2024-05-01'), (2, '9', '2024-05-02')")
        let step = world.step("days", to: "orders")
        try world.load(step)
        try world.source.execute("INSERT INTO days VALUES (3, '9', '2024-05-01x'), (4, '9', '2024-04-nothing')")
        #expect(try world.failure(step)?.code == .cursorUnparsable)
    }
}
