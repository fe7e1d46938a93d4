import Foundation
import Model
import SQLite
import Testing

@testable import Store

struct MigratorTests {
    private func database(_ world: World) throws -> SQLite.Connection {
        try SQLite.Connection(path: world.directory + "/migrated.db", access: .create)
    }

    @Test func versionsCountUpFromOne() {
        #expect(Migration.all.map(\.version) == Array(1...Migration.all.count))
    }

    @Test func runsEachMigrationOnce() throws {
        let first = Migration(version: 1, sql: "CREATE TABLE a (n); INSERT INTO a VALUES (1)")
        let second = Migration(version: 2, sql: "INSERT INTO a VALUES (2); CREATE TABLE b (n)")
        let world = try World()
        let connection = try database(world)
        try Migrator([first]).migrate(connection)
        try Migrator([first, second]).migrate(connection)
        try Migrator([first, second]).migrate(connection)
        #expect(try connection.rows("SELECT n FROM a").map { $0[0] } == [1, 2])
        #expect(try connection.first("PRAGMA user_version")?[0] == 2)
        #expect(throws: StoreError.self) { try Migrator([first]).migrate(connection) }
    }

    @Test func aFailedMigrationChangesNothing() throws {
        let first = Migration(version: 1, sql: "CREATE TABLE a (n)")
        let broken = Migration(version: 2, sql: "CREATE TABLE b (n); INSERT INTO nowhere VALUES (1)")
        let world = try World()
        let connection = try database(world)
        #expect(throws: StoreError.self) { try Migrator([first, broken]).migrate(connection) }
        #expect(try connection.first("PRAGMA user_version")?[0] == .integer(1))
        #expect(try connection.first("SELECT group_concat(name) FROM sqlite_schema")?[0] == "a")
        #expect(!connection.inTransaction)
    }

    @Test func eventsOfBeforeAreFoundByTheWorkTheyAreAbout() throws {
        let world = try World()
        let connection = try database(world)
        try Migrator(Array(Migration.all.prefix(19))).migrate(connection)
        try connection.execute(
            """
            INSERT INTO events (at, kind, run, payload) VALUES (1, 'run_queued', 'r', '{}');
            INSERT INTO events (at, kind, payload) VALUES (1, 'backfill_queued', '{"backfill":"b"}'),
                (1, 'audit_queued', '{"audit":"a"}'), (1, 'schedule_paused', '{}');
            """)
        try Migrator().migrate(connection)
        #expect(try connection.rows("SELECT work FROM events ORDER BY id").map { $0[0] } == ["r", "b", "a", .null])
        #expect(throws: SQLiteError.self) { try connection.execute("UPDATE events SET work = 'x'") }
    }

    @Test func everyTableIsStrict() throws {
        let world = try World()
        let loose = try world.connection().rows(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'"
        )
        #expect(loose.map { $0[0] } == [])
    }

    @Test func theSchemaRestatesTheStates() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        let connection = try world.connection()
        func takes(_ sql: String, _ value: String) -> Bool {
            (try? connection.run(sql, [.text(value), .text(run.id)])) == 1
        }
        let finished =
            "UPDATE runs SET state = ?1, started_at = 1, finished_at = iif(?1 IN ('queued', 'running'), NULL, 1) WHERE id = ?2"
        for state in RunState.allCases { #expect(takes(finished, state.rawValue), "\(state)") }
        for trigger in Trigger.allCases {
            #expect(takes("UPDATE runs SET \"trigger\" = ? WHERE id = ?", trigger.rawValue))
        }
        for state in StepRunState.allCases {
            #expect(takes("UPDATE step_runs SET state = ? WHERE run = ? AND position = 0", state.rawValue))
        }
        #expect(!takes(finished, "done"))
        #expect(!takes("UPDATE runs SET \"trigger\" = ? WHERE id = ?", "magic"))
        #expect(!takes("UPDATE step_runs SET state = ? WHERE run = ? AND position = 0", "done"))
        #expect(!takes("UPDATE runs SET state = ?, finished_at = NULL WHERE id = ?", "success"))
    }
}
