import SQLite
import Testing

struct AttachTests {
    @Test func aReadOnlyAttachmentLeavesItsWritersFree() throws {
        let workspace = try Workspace()
        let source = try workspace.database("source.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        try source.execute("INSERT INTO t VALUES (1)")
        let target = try workspace.database("target.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        try target.attach(path: workspace.path("source.db"), as: "source", access: .readOnly)
        try target.begin(.immediate)
        try source.execute("INSERT INTO t VALUES (2)")
        // The snapshot is that of the BEGIN, which reads what it may not write.
        #expect(try target.run("INSERT INTO main.t SELECT a FROM source.t") == 1)
        #expect(throws: SQLiteError.self) { try target.execute("INSERT INTO source.t VALUES (3)") }
        try target.commit()
        #expect(try target.rows("SELECT a FROM source.t").count == 2)
    }

    @Test func outsideWALModeTheWritersWaitForTheTransaction() throws {
        let workspace = try Workspace()
        _ = try workspace.database("source.db", "CREATE TABLE t (a)")
        let source = try Connection(path: workspace.path("source.db"), access: .readWrite, busyTime: .zero)
        let target = try workspace.database("target.db")
        try target.attach(path: workspace.path("source.db"), as: "source", access: .readOnly)
        try target.begin(.immediate)
        #expect(throws: SQLiteError.self) { try source.execute("INSERT INTO t VALUES (1)") }
        try target.commit()
        try source.execute("INSERT INTO t VALUES (1)")
    }

    @Test func aWritableAttachmentIsLocked() throws {
        let workspace = try Workspace()
        _ = try workspace.database("source.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        let source = try Connection(path: workspace.path("source.db"), access: .readWrite, busyTime: .zero)
        let target = try workspace.database("target.db")
        try target.attach(path: workspace.path("source.db"), as: "source", access: .readWrite)
        try target.begin(.immediate)
        #expect(throws: SQLiteError.self) { try source.execute("INSERT INTO t VALUES (1)") }
        try target.rollback()
        try source.execute("INSERT INTO t VALUES (1)")
    }

    @Test func theNextAttachmentOfANameIsTheOneRead() throws {
        let workspace = try Workspace()
        for name in ["a", "b"] {
            _ = try workspace.database(name, "CREATE TABLE t (n); INSERT INTO t VALUES ('\(name)')")
        }
        let database = try workspace.database("main.db")
        for name in ["a", "b", "a", "b"] {
            try database.attach(path: workspace.path(name), as: "s \"x\"", access: .readOnly)
            #expect(try database.first(#"SELECT n FROM "s ""x""".t"#)?[0] == .text(name))
            try database.detach("s \"x\"")
        }
        #expect(throws: SQLiteError.self) { try database.detach("s") }
        #expect(throws: SQLiteError.self) {
            try database.attach(path: workspace.path("a"), as: "a\0", access: .readOnly)
        }
    }

    @Test func anExclusiveLockIsBusyNotBroken() throws {
        let workspace = try Workspace()
        let source = try workspace.database("source.db", "CREATE TABLE t (a)")
        try source.execute("BEGIN EXCLUSIVE")
        let target = try Connection(path: workspace.path("target.db"), access: .create, busyTime: .milliseconds(10))
        let error = #expect(throws: SQLiteError.self) {
            try target.attach(path: workspace.path("source.db"), as: "source", access: .readOnly)
        }
        #expect(error?.isBusy == true)
        try source.rollback()
        try target.attach(path: workspace.path("source.db"), as: "source", access: .readOnly)
    }

    @Test func attachesAreBounded() throws {
        let workspace = try Workspace()
        let database = try workspace.database("main.db")
        for index in 0..<4 {
            try database.attach(path: workspace.path("\(index)"), as: "s\(index)", access: .create)
        }
        #expect(throws: SQLiteError.self) {
            try database.attach(path: workspace.path("4"), as: "s4", access: .create)
        }
    }
}
