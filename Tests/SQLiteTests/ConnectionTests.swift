import SQLite
import Testing

struct ConnectionTests {
    @Test func keepsWhatWasWritten() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a, b)")
        #expect(try database.run("INSERT INTO t VALUES (?, ?), (3, 4)", [1, "two"]) == 2)
        let rows = try database.rows("SELECT a, b FROM t ORDER BY a")
        #expect(rows.map(\.values) == [[1, "two"], [3, 4]])
        #expect(try rows[0].int("a") == 1)
        #expect(try rows[0].text("b") == "two")
        #expect(throws: SQLiteError.self) { try rows[0].int("b") }
    }
}
