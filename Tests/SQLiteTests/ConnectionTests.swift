import Testing

@testable import SQLite

struct ConnectionTests {
    @Test func keepsWhatWasWritten() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a, b)")
        #expect(try database.run("INSERT INTO t VALUES (?, ?), (3, 4)", [1, "two"]) == 2)
        let rows = try database.rows("SELECT a, b FROM t ORDER BY a")
        #expect(rows.map(\.values) == [[1, "two"], [3, 4]])
        #expect(rows[0].names == ["a", "b"])
        #expect(try rows[0].int("a") == 1)
        #expect(try rows[0].text("b") == "two")
        #expect(try rows[1].real("b") == 4)
        #expect(database.totalChanges == 2)
        #expect(database.lastInsertedRow == 2)
    }

    @Test func aRowRefusesAnotherType() throws {
        let workspace = try Workspace()
        let row = try #require(
            try workspace.database().first(
                "SELECT NULL AS n, 'a' AS t, 1 AS i, 1.5 AS r, x'00' AS b, CAST(x'ff' AS TEXT) AS broken"))
        #expect(try row.optionalInt("n") == nil)
        #expect(try row.optionalText("n") == nil)
        #expect(try row.bool("i"))
        #expect(try row.blob("b") == [0])
        for attempt in [{ try row.int("t") }, { try row.int("n") }, { try row.int("r") }] as [() throws -> Int64] {
            #expect(throws: SQLiteError.self) { try attempt() }
        }
        #expect(throws: SQLiteError.self) { try row.text("b") }
        #expect(throws: SQLiteError.self) { try row.text("broken") }
        #expect(throws: SQLiteError.self) { try row.real("t") }
        #expect(throws: SQLiteError.self) { try row.blob("t") }
    }

    @Test func countsOnlyTheRowsOfTheStatement() throws {
        let workspace = try Workspace()
        let database = try workspace.database(
            "a.db",
            """
            CREATE TABLE t (a INTEGER PRIMARY KEY); CREATE TABLE log (a);
            CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a), (new.a); END;
            """)
        #expect(try database.run("INSERT INTO t VALUES (1), (2), (3)") == 3)
        #expect(try database.run("CREATE TABLE u AS SELECT * FROM t") == 0)
        #expect(try database.run("SELECT * FROM t") == 0)
        #expect(try database.run("UPDATE t SET a = a WHERE a > 1") == 2)
        #expect(try database.run("DELETE FROM t WHERE a > 10") == 0)
        #expect(try database.run("DELETE FROM t") == 3)
    }

    @Test func runsExactlyOneStatement() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a); -- and a comment\n ;; ")
        for sql in ["", "  -- nothing\n", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE t", "SELECT 1; nonsense"] {
            #expect(throws: SQLiteError.self, "\(sql)") { try database.rows(sql) }
            #expect(throws: SQLiteError.self, "\(sql)") { try database.isReadOnly(sql) }
            #expect(throws: SQLiteError.self, "\(sql)") { try database.resultColumns(of: sql) }
        }
        #expect(try database.rows("SELECT 1; -- comment\n ;").count == 1)
        #expect(try database.isReadOnly("SELECT * FROM t"))
        #expect(try !database.isReadOnly("DELETE FROM t"))
        #expect(throws: SQLiteError.self) { try database.execute("SELECT 1\0; DROP TABLE t") }
        #expect(throws: SQLiteError.self) { try database.rows("SELECT 1\0") }
    }

    @Test func wantsAllParameters() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        for parameters in [[], [1], [1, 2, 3]] as [[Value]] {
            #expect(throws: SQLiteError.self) { try database.rows("SELECT ?, ?", parameters) }
        }
        #expect(throws: SQLiteError.self) { try database.execute("SELECT 1; SELECT ?") }
        #expect(throws: SQLiteError.self) { try database.execute("SELECT 1; SELECT ?", [1]) }
    }

    @Test func forgetsBoundValuesAfterAnError() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a UNIQUE)")
        let sql = "INSERT INTO t VALUES (?)"
        _ = try database.run(sql, [1])
        let error = #expect(throws: SQLiteError.self) {
            try database.run(sql, ["secret"]); try database.run(sql, [1])
        }
        #expect(error?.isUnique == true)
        #expect(error?.isConstraint == true)
        #expect(error?.description.contains("secret") == false)
        #expect(try database.run(sql, [2]) == 1)
    }

    @Test func stopsEarlyAndRunsInsideItself() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)")
        let sql = "SELECT a FROM t ORDER BY a"
        var seen: [Value] = []
        try database.forEach(sql) { outer throws(SQLiteError) in
            try database.forEach(sql) { inner throws(SQLiteError) in
                seen.append(inner[0])
                return inner[0] != 2
            }
            return outer[0] != 2
        }
        #expect(seen == [1, 2, 1, 2])
        try database.execute("DROP TABLE t")
    }

    @Test func seesASchemaChangeInACachedStatement() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        #expect(try database.rows("SELECT * FROM t")[0].names == ["a"])
        try database.execute("ALTER TABLE t ADD COLUMN b DEFAULT 2")
        let row = try #require(try database.first("SELECT * FROM t"))
        #expect(row.names == ["a", "b"])
        #expect(row["b"] == 2)
    }

    @Test func describesAResultWithoutRunningIt() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a VARCHAR(10), b)")
        let columns = try database.resultColumns(of: "SELECT a AS x, b, a || b FROM t")
        #expect(columns.map(\.name) == ["x", "b", "a || b"])
        #expect(columns.map(\.declaredType) == ["VARCHAR(10)", nil, nil])
        #expect(columns.map(\.table) == ["t", "t", nil])
        #expect(columns[0].column == "a")
        #expect(columns[0].database == "main")
    }

    @Test func refusesUseAfterClose() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        let handle = database.interruptHandle
        database.close()
        database.close()
        handle.interrupt()
        let error = #expect(throws: SQLiteError.self) { try database.rows("SELECT 1") }
        #expect(error?.message == "the connection is closed")
        #expect(!database.inTransaction)
        #expect(throws: SQLiteError.self) { try database.begin() }
        try database.rollback()
    }

    @Test func isHardened() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a)")
        #expect(throws: SQLiteError.self) { try database.rows(#"SELECT "no such column" FROM t"#) }
        #expect(throws: SQLiteError.self) { try database.rows("SELECT load_extension('x')") }
        try database.execute("PRAGMA writable_schema = ON")
        #expect(throws: SQLiteError.self) { try database.execute("UPDATE sqlite_schema SET sql = 'x'") }
        #expect(try database.first("PRAGMA trusted_schema")?[0] == 0)
        #expect(try database.first("PRAGMA cell_size_check")?[0] == 1)
        #expect(try database.first("PRAGMA mmap_size")?.values ?? [0] == [0])
        let error = #expect(throws: SQLiteError.self) { try database.rows("SELECT zeroblob(100000000)") }
        #expect(error?.message == "string or blob too big")
        #expect(throws: SQLiteError.self) {
            try database.rows("SELECT " + String(repeating: " ", count: 1 << 20) + "1")
        }
    }

    @Test func quotesAnyNameButOneWithNUL() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        for name in ["a", "a b", "a\"b", "\"", "select", "a;drop table x;--", "ü", "a'b", "[x]", "", "e\u{301}"] {
            let quoted = try #require(QuotedIdentifier(name))
            if name.isEmpty { continue }
            try database.execute("CREATE TABLE \(quoted.sql) (\(quoted.sql))")
            #expect(try database.rows("SELECT \(quoted.sql) FROM \(quoted.sql)").isEmpty)
            #expect(try database.first("SELECT 1 FROM sqlite_schema WHERE name = ?", [.text(name)]) != nil)
        }
        #expect(QuotedIdentifier("a\"b")?.sql == "\"a\"\"b\"")
        #expect(QuotedIdentifier("a\0b") == nil)
    }

    @Test func aCacheDropsTheLeastRecentlyUsed() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        for round in 0..<3 {
            for index in 0..<200 {
                #expect(try database.first("SELECT \(index), \(round)")?[0] == .integer(Int64(index)))
            }
        }
        #expect(database.cache.count == 64)
        _ = try database.first("SELECT 'kept'")
        for index in 0..<63 {
            _ = try database.first("SELECT \(index)")
            _ = try database.first("SELECT 'kept'")
        }
        #expect(database.cache.take("SELECT 'kept'") != nil)
        #expect(database.cache.take("SELECT 199, 2") == nil)
    }
}
