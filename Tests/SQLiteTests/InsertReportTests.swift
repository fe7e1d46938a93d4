import SQLite
import Testing

struct InsertReportTests {
    @Test func reportsWhileAStatementRuns() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        try database.execute(
            """
            CREATE TABLE old (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TEMP TABLE other (id);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
            INSERT INTO old SELECT i, 'name' FROM n;
            """)
        var reports: [Int] = []
        let written = try database.reportingInserts(every: 100, { reports.append($0) }) { () throws(SQLiteError) in
            // As whole records, and row by row.
            let copied = try database.run("INSERT INTO new SELECT * FROM old")
            try database.execute("INSERT INTO temp.other SELECT id FROM old; UPDATE new SET name = 'other'")
            return copied + (try database.run("INSERT INTO new SELECT id + 1000, upper(name) FROM old LIMIT 100"))
        }
        #expect(written == 350)
        #expect(reports == [100, 200, 300])
        try database.execute("DELETE FROM new; INSERT INTO new SELECT * FROM old")
        #expect(reports == [100, 200, 300])
    }
}
