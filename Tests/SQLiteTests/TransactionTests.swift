import Platform
import SQLite
import Testing

struct TransactionTests {
    private enum Refusal: Error, Equatable {
        case own
        case sqlite(Int32)
    }

    @Test func commitsWhenItReturns() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a)")
        let result = try database.transaction { () throws(SQLiteError) -> Int in
            #expect(database.inTransaction)
            return try database.run("INSERT INTO t VALUES (1)")
        }
        #expect(result == 1)
        #expect(!database.inTransaction)
        #expect(try database.rows("SELECT * FROM t").count == 1)
    }

    @Test func rollsBackWhenItThrows() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a UNIQUE)")
        #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in
                try database.execute("INSERT INTO t VALUES (1)")
                try database.execute("INSERT INTO t VALUES (1)")
            }
        }
        #expect(throws: Refusal.own) {
            try database.transaction(wrapping: { Refusal.sqlite($0.code) }) { () throws(Refusal) in
                do throws(SQLiteError) { try database.execute("INSERT INTO t VALUES (2)") } catch { return }
                throw Refusal.own
            }
        }
        #expect(!database.inTransaction)
        #expect(try database.rows("SELECT * FROM t").isEmpty)
        #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in try database.begin() }
        }
        #expect(!database.inTransaction)
    }

    @Test func rollsBackWhenTheCommitFails() throws {
        let workspace = try Workspace()
        let database = try workspace.database(
            "a.db",
            """
            PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);
            CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED);
            """)
        let error = #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in try database.execute("INSERT INTO c VALUES (1)") }
        }
        #expect(error?.isConstraint == true)
        #expect(!database.inTransaction)
        #expect(try database.rows("SELECT * FROM c").isEmpty)
    }

    @Test func nothingRunsByItselfAfterSQLiteHasRolledBack() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a UNIQUE)")
        let error = #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in
                try database.execute("INSERT INTO t VALUES (1)")
                // ON CONFLICT ROLLBACK ends the transaction as a full disk does.
                do throws(SQLiteError) { try database.execute("INSERT OR ROLLBACK INTO t VALUES (1)") } catch {}
                #expect(!database.inTransaction)
                try database.execute("INSERT INTO t VALUES (2)")
            }
        }
        #expect(error?.isRolledBack == true)
        #expect(try database.rows("SELECT * FROM t").isEmpty)
        try database.execute("INSERT INTO t VALUES (3)")
    }

    @Test func immediateMakesOtherWritersWait() throws {
        let workspace = try Workspace()
        let first = try workspace.database("a.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        let second = try Connection(
            path: workspace.path("a.db"), access: .readWrite, busyTime: .milliseconds(60))
        try first.begin(.immediate)
        let clock = SystemClock()
        let start = clock.uptime()
        let error = #expect(throws: SQLiteError.self) { try second.begin(.immediate) }
        #expect(error?.isBusy == true)
        #expect(error?.isTransient == true)
        #expect(clock.uptime() - start >= .milliseconds(60))
        #expect(!second.inTransaction)
        try first.rollback()
        try second.transaction { () throws(SQLiteError) in try second.execute("INSERT INTO t VALUES (1)") }
    }

    @Test func waitsUntilTheLockIsGivenBack() throws {
        let workspace = try Workspace()
        let first = try workspace.database("a.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        let monitor = Monitor(0)
        let path = workspace.path("a.db")
        try first.begin(.immediate)
        Thread.start(name: "second") {
            var landed = 2
            do throws(SQLiteError) {
                let second = try Connection(path: path, access: .readWrite, busyTime: .seconds(60))
                monitor.update { $0 = 1 }
                try second.transaction { () throws(SQLiteError) in try second.execute("INSERT INTO t VALUES (2)") }
            } catch { landed = -1 }
            monitor.update { [landed] in $0 = landed }
        }
        _ = monitor.wait { $0 != 0 ? true : nil }
        try first.execute("INSERT INTO t VALUES (1)")
        try first.commit()
        #expect(monitor.wait { abs($0) == 2 || $0 < 0 ? $0 : nil } == 2)
        #expect(try first.rows("SELECT a FROM t").map { $0[0] } == [1, 2])
    }

    @Test func rollbackEndsRunningStatements() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
        try database.begin()
        #expect(throws: SQLiteError.self) {
            try database.forEach("SELECT * FROM t") { _ throws(SQLiteError) in
                try database.execute("INSERT INTO t VALUES (3)")
                try database.rollback()
                throw SQLiteError(code: 1, operation: "test", message: "leave")
            }
        }
        #expect(!database.inTransaction)
        #expect(try database.rows("SELECT * FROM t").count == 2)
    }
}
