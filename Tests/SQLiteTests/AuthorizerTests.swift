import SQLite
import Testing

struct AuthorizerTests {
    private func world(_ workspace: Workspace) throws -> Connection {
        _ = try workspace.database(
            "source.db", "CREATE TABLE t (a, j); INSERT INTO t VALUES (1, '[5,6]'); CREATE VIEW v AS SELECT a FROM t")
        let database = try workspace.database("main.db", "CREATE TABLE secret (a); CREATE INDEX i ON secret (a)")
        try database.attach(path: workspace.path("source.db"), as: "source", access: .readOnly)
        return database
    }

    @Test(arguments: [
        "SELECT a FROM source.t", "SELECT count(*) FROM source.t", "SELECT max(a), upper('x') FROM t",
        "SELECT a FROM v", "SELECT x.a FROM (SELECT a FROM t) AS x", "SELECT value FROM t, json_each(t.j)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
        "VALUES (1), (2)", "SELECT name FROM source.sqlite_schema", "SELECT a, row_number() OVER (ORDER BY a) FROM t",
    ])
    func letsReadingThrough(sql: String) throws {
        let workspace = try Workspace()
        let database = try world(workspace)
        let rows = try database.withAuthorizer(.reading(["source"])) { () throws(SQLiteError) in try database.rows(sql)
        }
        #expect(!rows.isEmpty)
    }

    @Test(arguments: [
        "SELECT a FROM main.secret", "SELECT count(*) FROM secret", "DELETE FROM main.secret", "DROP TABLE main.secret",
        "INSERT INTO main.secret SELECT a FROM t", "CREATE TEMP TABLE x AS SELECT 1", "PRAGMA query_only",
        "SELECT * FROM pragma_database_list", "ATTACH '/tmp/x.db' AS x", "DETACH source", "BEGIN", "VACUUM",
        "SELECT * FROM sqlite_stmt", "SELECT load_extension('x')", "SELECT a FROM t WHERE a IN (SELECT a FROM secret)",
        "WITH x AS (SELECT a FROM secret) SELECT * FROM x", "ANALYZE", "REINDEX", "EXPLAIN SELECT 1; SELECT 1",
    ])
    func refusesAnythingElse(sql: String) throws {
        let workspace = try Workspace()
        let database = try world(workspace)
        #expect(throws: SQLiteError.self) {
            try database.withAuthorizer(.reading(["source"])) { () throws(SQLiteError) in try database.rows(sql) }
        }
        #expect(try database.rows("SELECT * FROM main.secret").isEmpty)
    }

    @Test("a table of which no column is read, and whose database is not written, is let through by its name alone")
    func bareNames() throws {
        let workspace = try Workspace()
        let database = try world(workspace)
        let readable = Authorizer.reading(["source"]) { $0 == "t" }
        _ = try database.withAuthorizer(readable) { () throws(SQLiteError) in
            try database.rows("SELECT count(*) FROM t")
        }
        for sql in [
            "SELECT count(*) FROM secret", "SELECT 1 WHERE EXISTS (SELECT 1 FROM secret)",
            "SELECT t.a FROM t, secret", "SELECT count(*) FROM sqlite_schema",
            "SELECT count(*) FROM pragma_table_list", "SELECT count(*) FROM sqlite_stmt",
        ] {
            for bare in [{ $0 == "t" }, { $0 != "secret" }] as [(String) -> Bool] {
                #expect(throws: SQLiteError.self, "\(sql)") {
                    try database.withAuthorizer(.reading(["source"], bare: bare)) { () throws(SQLiteError) in
                        try database.rows(sql)
                    }
                }
            }
        }
    }

    @Test func isNotPassedByByTheCache() throws {
        let workspace = try Workspace()
        let database = try world(workspace)
        let sql = "SELECT count(*) FROM main.secret"
        _ = try database.rows(sql)
        let error = #expect(throws: SQLiteError.self) {
            try database.withAuthorizer(.reading(["source"])) { () throws(SQLiteError) in try database.rows(sql) }
        }
        #expect(error?.isUnauthorized == true)
        #expect(try database.rows(sql).count == 1)
    }

    @Test func nestsAndEnds() throws {
        let workspace = try Workspace()
        let database = try world(workspace)
        try database.withAuthorizer(.reading(["source"])) { () throws(SQLiteError) in
            _ = try database.withAuthorizer(.reading(["main"])) { () throws(SQLiteError) in
                try database.rows("SELECT * FROM main.secret")
            }
            #expect(throws: SQLiteError.self) { try database.rows("SELECT * FROM main.secret") }
        }
        _ = try database.rows("SELECT * FROM main.secret")
    }

    @Test func boundsWhatAUserWrote() throws {
        let workspace = try Workspace()
        let database = try world(workspace)
        let deep = "SELECT " + Array(repeating: "1", count: 500).joined(separator: "+")
        let wide = Array(repeating: "SELECT 1", count: 200).joined(separator: " UNION ALL ")
        for sql in [deep, wide] {
            #expect(throws: SQLiteError.self) {
                try database.withAuthorizer(.reading(["source"])) { () throws(SQLiteError) in try database.rows(sql) }
            }
            #expect(try !database.rows(sql).isEmpty)
        }
    }

    @Test func seesWhatAStatementDoes() throws {
        let workspace = try Workspace()
        let database = try world(workspace)
        var actions: Set<Authorizer.Action> = []
        _ = try database.withAuthorizer(
            Authorizer {
                actions.insert($0); return true
            }
        ) { () throws(SQLiteError) in
            try database.resultColumns(of: "SELECT abs(a) FROM source.t")
        }
        #expect(actions == [.select, .read(database: "source", table: "t", column: "a"), .function("abs")])
    }
}
