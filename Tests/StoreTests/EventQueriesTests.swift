import Platform
import SQLite
import Testing

@testable import Store

struct EventQueriesTests {
    @Test func readsOnAfterTheLastOne() throws {
        let world = try World()
        let ids = try world.change { transaction throws(StoreError) in
            [
                try transaction.appendEvent("run.queued", pipeline: "p", run: "r1", payload: #"{"a":1}"#),
                try transaction.appendEvent("run.queued", pipeline: "p", run: "r2"),
                try transaction.appendEvent("step.started", pipeline: "p", run: "r1", step: "s"),
            ]
        }
        #expect(ids == [1, 2, 3])
        try world.store.read { session throws(StoreError) in
            let all = try session.events()
            #expect(all.map(\.id) == [1, 2, 3])
            #expect(all[0].payload == #"{"a":1}"#)
            #expect(all[0].at == world.clock.now())
            #expect(all[2].step == "s")
            #expect(try session.events(after: 1, limit: 1).map(\.id) == [2])
            #expect(try session.events(run: "r1").map(\.id) == [1, 3])
            #expect(try session.events(after: 1, run: "r1").map(\.id) == [3])
            #expect(try session.events(after: 3).isEmpty)
            #expect(try session.lastEvent() == 3)
        }
    }

    @Test func anEventIsNeverChanged() throws {
        let world = try World()
        #expect(try world.store.read { session throws(StoreError) in try session.lastEvent() } == 0)
        try world.change { transaction throws(StoreError) in try transaction.appendEvent("x") }
        #expect(throws: SQLiteError.self) { try world.connection().execute("UPDATE events SET kind = 'y'") }
    }

    @Test func keepsTheNewestAndNeverReusesANumber() throws {
        let world = try World()
        try world.connection().execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Limits.events + 99))
            INSERT INTO events (id, at, kind, payload) SELECT i, 0, 'x', '{}' FROM n
            """)
        let id = try world.change { transaction throws(StoreError) in try transaction.appendEvent("y") }
        #expect(id == Int64(Limits.events + 100))
        #expect(
            try world.connection().first("SELECT count(*), min(id) FROM events")?.values == [Value(Limits.events), 101])
        try world.connection().execute("DELETE FROM events")
        #expect(try world.change { transaction throws(StoreError) in try transaction.appendEvent("z") } == id + 1)
    }
}
