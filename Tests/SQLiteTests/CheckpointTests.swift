import Foundation
import SQLite
import Testing

struct CheckpointTests {
    private func logBytes(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int ?? -1
    }

    @Test func truncateEmptiesTheLog() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        try database.execute("INSERT INTO t VALUES (randomblob(100000))")
        #expect(try logBytes(workspace.path("a.db")) > 100_000)
        #expect(try database.checkpoint(.truncate).wasBlocked == false)
        #expect(try logBytes(workspace.path("a.db")) == 0)
    }

    @Test func aReaderBlocksIt() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
        let writer = try Connection(path: workspace.path("a.db"), access: .readWrite, busyTime: .milliseconds(5))
        let reader = try Connection(path: workspace.path("a.db"), access: .readOnly)
        try reader.begin(.deferred)
        _ = try reader.rows("SELECT * FROM t")
        try writer.execute("INSERT INTO t VALUES (randomblob(100000))")
        let passive = try writer.checkpoint(.passive)
        #expect(passive.wasBlocked)
        #expect((passive.copiedPages ?? 0) < (passive.logPages ?? 0))
        #expect(try writer.checkpoint(.truncate).wasBlocked)
        try reader.rollback()
        #expect(try writer.checkpoint(.truncate).wasBlocked == false)
    }

    @Test func saysWhenThereIsNoLog() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE TABLE t (a)")
        let checkpoint = try database.checkpoint(.passive)
        #expect(checkpoint.logPages == nil)
        #expect(!checkpoint.wasBlocked)
        #expect(throws: SQLiteError.self) { try database.checkpoint(.passive, of: "nowhere") }
    }
}
