import Platform
import SQLite
import Testing

struct InterruptTests {
    /// Tells the test that a statement is running.
    private final class Announce: ScalarFunctionBody {
        let monitor: Monitor<Bool>
        init(_ monitor: Monitor<Bool>) { self.monitor = monitor }
        func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
            monitor.update { $0 = true }
            context.result(1 as Int64)
        }
    }

    private static let endless = """
        WITH RECURSIVE n(i) AS (SELECT announce() UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n
        """

    private func announced(_ database: Connection, then act: @escaping @Sendable () -> Void) throws {
        let monitor = Monitor(false)
        try database.createFunction(
            ScalarFunction(name: "announce", arguments: 0, isDeterministic: false, body: Announce(monitor)))
        Thread.start(name: "interrupter") {
            _ = monitor.wait { $0 ? true : nil }
            act()
        }
    }

    @Test func stopsARunningStatementFromAnotherThread() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        let handle = database.interruptHandle
        try announced(database) { handle.interrupt() }
        let error = #expect(throws: SQLiteError.self) { try database.rows(InterruptTests.endless) }
        #expect(error?.isInterrupted == true)
        #expect(error?.isTransient == false)
        #expect(try database.first("SELECT 1")?[0] == 1)
    }

    /// The moment for it lies inside one call of SQLite, so only the shape of the error is held here; the engine's stress
    /// test meets it now and then.
    @Test func anInterruptToldAsAPlainErrorIsStillAnInterrupt() {
        #expect(SQLiteError(code: 1, operation: "SELECT", message: "interrupted").isInterrupted)
        #expect(SQLiteError(code: 9, operation: "SELECT", message: "interrupted").isInterrupted)
        #expect(!SQLiteError(code: 1, operation: "SELECT", message: "no such table: interrupted").isInterrupted)
    }

    @Test func aStoppedTokenEndsTheWorkButNotTheRollback() throws {
        let workspace = try Workspace()
        let token = StopToken()
        let setUp = try workspace.database("a.db", "CREATE TABLE t (a); INSERT INTO t VALUES (0)")
        let database = try Connection(path: workspace.path("a.db"), access: .readWrite, stop: token)
        try announced(database) { token.stop(.cancelled) }
        let error = #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in
                try database.execute("INSERT INTO t VALUES (1)")
                _ = try database.rows(InterruptTests.endless)
            }
        }
        #expect(error?.isInterrupted == true)
        #expect(!database.inTransaction)
        #expect(throws: SQLiteError.self) { try database.execute("INSERT INTO t VALUES (2)") }
        #expect(try setUp.rows("SELECT a FROM t").map { $0[0] } == [0])
    }

    @Test func aWriteThatIsInterruptedIsRolledBackInsideRunningStatements() throws {
        let workspace = try Workspace()
        let token = StopToken()
        _ = try workspace.database("a.db", "CREATE TABLE t (a); INSERT INTO t VALUES (0), (1)")
        let database = try Connection(path: workspace.path("a.db"), access: .readWrite, stop: token)
        try announced(database) { token.stop(.timedOut) }
        try database.begin()
        try database.execute("INSERT INTO t VALUES (2)")
        #expect(throws: SQLiteError.self) {
            try database.forEach("SELECT * FROM t") { _ throws(SQLiteError) in
                do throws(SQLiteError) {
                    try database.execute("INSERT INTO t " + InterruptTests.endless)
                } catch {
                    try database.rollback()
                    throw error
                }
                return true
            }
        }
        #expect(!database.inTransaction)
        database.close()
        let after = try Connection(path: workspace.path("a.db"), access: .readOnly)
        #expect(try after.rows("SELECT a FROM t").map { $0[0] } == [0, 1])
    }

    /// SQLite keeps an interrupt until no statement runs, and the outer one still does.
    @Test func aRollbackIsLetThroughInsideRunningStatements() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a); INSERT INTO t VALUES (0), (1)")
        let handle = database.interruptHandle
        try announced(database) { handle.interrupt() }
        try database.begin()
        try database.execute("INSERT INTO t VALUES (2)")
        #expect(throws: SQLiteError.self) {
            try database.forEach("SELECT * FROM t") { _ throws(SQLiteError) in
                do throws(SQLiteError) {
                    _ = try database.rows(InterruptTests.endless)
                } catch {
                    #expect(database.inTransaction)
                    try database.rollback()
                    #expect(!database.inTransaction)
                    throw error
                }
                return true
            }
        }
        #expect(try database.rows("SELECT a FROM t").map { $0[0] } == [0, 1])
    }

    @Test func aTokenStoppedBeforeRefusesTheOpening() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "CREATE TABLE t (a)")
        let token = StopToken()
        token.stop(.shutdown)
        let error = #expect(throws: SQLiteError.self) {
            try Connection(path: workspace.path("a.db"), access: .readOnly, stop: token)
        }
        #expect(error?.isInterrupted == true)
    }

    @Test func aTokenEndsTheWaitForALock() throws {
        let workspace = try Workspace()
        let holder = try workspace.database("a.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        try holder.begin(.immediate)
        let token = StopToken()
        let database = try Connection(
            path: workspace.path("a.db"), access: .readWrite, busyTime: .seconds(300), stop: token)
        let monitor = Monitor(false)
        Thread.start(name: "interrupter") {
            _ = monitor.wait { $0 ? true : nil }
            token.stop(.cancelled)
        }
        monitor.update { $0 = true }
        let error = #expect(throws: SQLiteError.self) { try database.begin(.immediate) }
        #expect(error?.isInterrupted == true)
    }

    @Test func aDeadlineStopsAnEndlessView() throws {
        let workspace = try Workspace()
        let database = try workspace.database(
            "a.db", "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
        let error = #expect(throws: SQLiteError.self) {
            try database.withDeadline(after: .milliseconds(20)) { () throws(SQLiteError) in
                try database.first("SELECT count(*) FROM v")
            }
        }
        #expect(error?.isInterrupted == true)
        #expect(error?.message == "it ran longer than it may")
        #expect(try database.first("SELECT i FROM v")?[0] == 1)
    }

    @Test func closingWhileOthersInterruptIsSafe() throws {
        let workspace = try Workspace()
        for _ in 0..<50 {
            let database = try workspace.database()
            let handle = database.interruptHandle
            let monitor = Monitor(0)
            for _ in 0..<2 {
                Thread.start(name: "interrupter") {
                    for _ in 0..<200 { handle.interrupt() }
                    monitor.update { $0 += 1 }
                }
            }
            database.close()
            _ = monitor.wait { $0 == 2 ? true : nil }
        }
    }

    @Test func aTokenLetsGoOfAClosedConnection() throws {
        let workspace = try Workspace()
        let token = StopToken()
        weak var handle: InterruptHandle?
        do {
            let database = try Connection(path: workspace.path("a.db"), access: .create, stop: token)
            handle = database.interruptHandle
            #expect(handle != nil)
        }
        #expect(handle == nil)
        token.stop(.cancelled)
    }
}
