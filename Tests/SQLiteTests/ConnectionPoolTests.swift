import Platform
import SQLite
import Testing

struct ConnectionPoolTests {
    @Test func readsAndRefusesToWrite() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        let pool = ConnectionPool(path: workspace.path("a.db"), capacity: 2)
        defer { pool.close() }
        #expect(try pool.read { connection throws(SQLiteError) in try connection.first("SELECT a FROM t")?[0] } == 1)
        #expect(throws: SQLiteError.self) {
            try pool.read { connection throws(SQLiteError) in try connection.execute("DELETE FROM t") }
        }
    }

    @Test func servesManyThreadsWithFewConnections() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        let pool = ConnectionPool(path: workspace.path("a.db"), capacity: 3)
        let monitor = Monitor((inside: 0, most: 0, done: 0, failed: 0))
        for _ in 0..<12 {
            Thread.start(name: "reader") {
                for _ in 0..<50 {
                    do throws(SQLiteError) {
                        _ = try pool.read(within: .seconds(60)) { connection throws(SQLiteError) in
                            monitor.update {
                                $0.inside += 1
                                $0.most = max($0.most, $0.inside)
                            }
                            defer { monitor.update { $0.inside -= 1 } }
                            return try connection.rows("SELECT * FROM t")
                        }
                    } catch { monitor.update { $0.failed += 1 } }
                }
                monitor.update { $0.done += 1 }
            }
        }
        _ = monitor.wait { $0.done == 12 ? true : nil }
        #expect(monitor.read { $0.failed } == 0)
        #expect((1...3).contains(monitor.read { $0.most }))
        pool.close()
    }

    @Test func isBusyWhenNoneComesFree() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "CREATE TABLE t (a)")
        let pool = ConnectionPool(path: workspace.path("a.db"), capacity: 1)
        defer { pool.close() }
        try pool.read { _ throws(SQLiteError) in
            let error = #expect(throws: SQLiteError.self) {
                try pool.read(within: .milliseconds(10)) { _ throws(SQLiteError) in }
            }
            #expect(error?.isBusy == true)
        }
        try pool.read { _ throws(SQLiteError) in }
    }

    @Test func stopsAReadAtItsDeadline() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "CREATE TABLE t (a)")
        let pool = ConnectionPool(path: workspace.path("a.db"), capacity: 1)
        defer { pool.close() }
        let error = #expect(throws: SQLiteError.self) {
            try pool.read(within: .milliseconds(30)) { connection throws(SQLiteError) in
                try connection.rows(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n")
            }
        }
        #expect(error?.isInterrupted == true)
    }

    @Test func endsATransactionThatWasLeftOpen() throws {
        let workspace = try Workspace()
        let writer = try workspace.database("a.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        let pool = ConnectionPool(path: workspace.path("a.db"), capacity: 1)
        defer { pool.close() }
        try pool.read { connection throws(SQLiteError) in
            try connection.begin(.deferred)
            _ = try connection.rows("SELECT * FROM t")
        }
        try writer.execute("INSERT INTO t VALUES (1)")
        #expect(try writer.first("PRAGMA wal_checkpoint(TRUNCATE)")?["busy"] == 0)
        #expect(try pool.read { connection throws(SQLiteError) in try connection.rows("SELECT * FROM t").count } == 1)
    }

    @Test func closesWhileReadsRun() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "CREATE TABLE t (a)")
        let pool = ConnectionPool(path: workspace.path("a.db"), capacity: 2)
        let monitor = Monitor((inside: false, outcome: nil as Bool?))
        Thread.start(name: "reader") {
            var interrupted = false
            do throws(SQLiteError) {
                try pool.read(within: .seconds(300)) { connection throws(SQLiteError) in
                    monitor.update { $0.inside = true }
                    while true { _ = try connection.rows("SELECT * FROM t") }
                }
            } catch { interrupted = error.isInterrupted }
            monitor.update { [interrupted] in $0.outcome = interrupted }
        }
        _ = monitor.wait { $0.inside ? true : nil }
        pool.close()
        #expect(monitor.wait { $0.outcome } == true)
        let error = #expect(throws: SQLiteError.self) { try pool.read { _ throws(SQLiteError) in } }
        #expect(error?.message == "the pool is closed")
    }

    @Test func aMissingFileTakesNoPlace() throws {
        let workspace = try Workspace()
        let pool = ConnectionPool(path: workspace.path("a.db"), capacity: 1)
        defer { pool.close() }
        for _ in 0..<3 {
            let error = #expect(throws: SQLiteError.self) { try pool.read { _ throws(SQLiteError) in } }
            #expect(error?.cannotOpen == true)
        }
        _ = try workspace.database("a.db", "CREATE TABLE t (a)")
        try pool.read { _ throws(SQLiteError) in }
    }
}
