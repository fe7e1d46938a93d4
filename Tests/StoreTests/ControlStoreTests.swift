import Foundation
import Model
import Platform
import SQLite
import Testing

@testable import Store

struct ControlStoreTests {
    @Test func keepsEverythingOverARestart() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        try world.reopen()
        try world.store.read { session throws(StoreError) in
            #expect(try session.run(run.id) == run)
            #expect(try session.pipeline("orders")?.version == 1)
        }
    }

    /// What a `kill -9` leaves is the files as they are while the store is open.
    @Test func aCommittedChangeSurvivesAKill() throws {
        let world = try World()
        try world.pipeline("orders")
        let copy = try World()
        for round in 0..<20 {
            let run = try world.run()
            copy.store.close()
            for name in ["control.db", "control.db-wal", "control.db-shm"] {
                try? FileManager.default.removeItem(atPath: copy.directory + "/" + name)
            }
            for name in ["control.db", "control.db-wal"] {
                try FileManager.default.copyItem(
                    atPath: world.directory + "/" + name, toPath: copy.directory + "/" + name)
            }
            try copy.reopen()
            let runs = try copy.store.read { session throws(StoreError) in try session.activeRuns() }
            #expect(runs.count == round + 1)
            #expect(runs.last == run)
        }
    }

    @Test func isDurableAndChecksForeignKeys() throws {
        let world = try World()
        let settings = try world.store.write { transaction throws(StoreError) in
            try ["journal_mode", "synchronous", "foreign_keys"].map { name throws(StoreError) in
                try transaction.first("look", "PRAGMA \(name)") { row throws(SQLiteError) in row[0] }
            }
        }
        #expect(settings == ["wal", 2, 1])
    }

    @Test func aReadSeesOneState() throws {
        let world = try World()
        try world.pipeline("orders")
        let store = world.store
        try store.read { session throws(StoreError) in
            #expect(try session.pipelines().items.count == 1)
            try store.write { transaction throws(StoreError) in
                _ = try transaction.putPipeline("second", document: "{}", connections: [])
            }
            #expect(try session.pipelines().items.count == 1)
        }
        #expect(try store.read { session throws(StoreError) in try session.pipelines().items.count } == 2)
    }

    @Test func aReadCannotWrite() throws {
        let world = try World()
        #expect(throws: StoreError.self) {
            try world.store.read { session throws(StoreError) in
                try Transaction(session.connection, now: world.clock.now()).appendEvent("x")
            }
        }
    }

    @Test func refusesANewerDatabase() throws {
        let world = try World()
        try world.pipeline("orders")
        world.store.close()
        try world.connection().execute("PRAGMA user_version = 99")
        let error = #expect(throws: StoreError.self) { try world.reopen() }
        #expect(error?.code == .newerDatabase)
        #expect(error?.cause.contains("99") == true)
        #expect(error?.cause.contains("up to \(Migration.all.count)") == true)
        #expect(try world.connection().first("SELECT count(*) FROM pipelines")?[0] == 1)
    }

    @Test func leavesAnotherProgramsDatabaseAlone() throws {
        let world = try World()
        world.store.close()
        for sql in ["CREATE TABLE theirs (a)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"] {
            for name in ["control.db", "control.db-wal", "control.db-shm"] {
                try? FileManager.default.removeItem(atPath: world.directory + "/" + name)
            }
            let other = try SQLite.Connection(path: world.directory + "/control.db", access: .create)
            try other.execute(sql)
            other.close()
            let before = try Data(contentsOf: URL(filePath: world.directory + "/control.db"))
            let error = #expect(throws: StoreError.self) { try world.reopen() }
            #expect(error?.code == .notAControlDatabase)
            #expect(try Data(contentsOf: URL(filePath: world.directory + "/control.db")) == before)
        }
    }

    @Test func reportsADamagedFile() throws {
        let world = try World()
        try world.pipeline("orders")
        world.store.close()
        let url = URL(filePath: world.directory + "/control.db")
        let bytes = try Data(contentsOf: url)
        try Data(
            "no database at all, though it is long enough to be one; this goes on for a hundred bytes and more".utf8
        )
        .write(to: url)
        let foreign = #expect(throws: StoreError.self) { try world.reopen() }
        #expect(foreign?.code == .notAControlDatabase)
        try bytes.prefix(bytes.count / 2).write(to: url)
        let error = #expect(throws: StoreError.self) {
            try world.reopen()
            _ = try world.store.read { session throws(StoreError) in try session.runs() }
            try world.pipeline("second")
        }
        #expect(error?.code == .corrupt)
        #expect(error?.hint.contains("backup") == true)
    }

    @Test func aValueOfAnotherProgramIsReportedNotTrusted() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        try world.connection().execute("UPDATE step_runs SET strategy = 'tea_leaves'")
        let error = #expect(throws: StoreError.self) {
            try world.store.read { session throws(StoreError) in try session.run(run.id) }
        }
        #expect(error?.code == .corrupt)
        #expect(error?.cause.contains("tea_leaves") == true)
    }

    @Test func everyErrorHasAFailure() {
        for code in StoreError.Code.allCases {
            let error = StoreError(code, "do it", "it is so", hint: "mend it")
            #expect(error.failure.message == "it is so")
            #expect(error.failure.hint == "mend it")
            #expect(error.failure.isTransient == error.isTransient)
        }
        #expect(StoreError(.invalidCursor, "list", "no").failure.field == "cursor")
    }
}
