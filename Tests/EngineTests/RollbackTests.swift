import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

struct RollbackTests {
    @Test func putsBackWhatARunChangedAndMirrorsIt() throws {
        let world = try World()
        try world.order(1...10)
        try world.pipeline("orders")
        try world.engine.start()
        let first = try world.run("orders")
        try world.order(11...15)
        let run = try world.run("orders")
        #expect(try world.rows() == 15)
        let trial = try wait { world.engine.rollback(run.id, isTrial: true, completion: $0) }
        #expect(trial.steps.first?.rowsRemoved == 5)
        #expect(trial.run.rolledBackAt == nil)
        #expect(try world.rows() == 15)

        let done = try wait { world.engine.rollback(run.id, isTrial: false, completion: $0) }
        #expect(done.steps == trial.steps)
        #expect(done.run.rolledBackAt != nil)
        #expect(try world.rows() == 10)
        let mirrored = try world.store.read { (session) throws(StoreError) in
            try session.watermark("orders", "orders")
        }
        #expect(mirrored?.value == first.steps.first?.result?.watermarkAfter)
        #expect(mirrored?.reason == "run \(run.id) was rolled back")

        // Again it finds nothing left; and the next run loads the rows again.
        #expect(try wait { world.engine.rollback(run.id, isTrial: false, completion: $0) }.steps.isEmpty)
        _ = try world.run("orders")
        #expect(try world.rows() == 15)
        world.end()
    }

    @Test func refusesWhatHasNotEndedAndWhatIsUnknown() throws {
        let world = try World()
        try world.pipeline("orders")
        let waiting = try world.trigger("orders")
        for (id, code) in [(waiting.id, Failure.Code.conflict), ("nothing", .unknownRun)] {
            let failure = #expect(throws: Failure.self) {
                try wait { world.engine.rollback(id, isTrial: false, completion: $0) }
            }
            #expect(failure?.code == code)
        }
        world.end()
    }

    @Test func changesNoneOfSeveralFilesWhereOneIsRefused() throws {
        let world = try World()
        try world.order(1...3)
        try world.connection("other", "other.db")
        try world.pipeline(
            "orders",
            steps: [World.step("a"), World.step("b", to: "other")])
        try world.engine.start()
        _ = try world.run("orders")
        try world.order(4...6)
        let run = try world.run("orders")
        for (file, table, other) in [("other.db", "b", "a"), ("warehouse.db", "a", "b")] {
            let connection = try Connection(path: world.path(file), access: .readWrite)
            try connection.execute(
                "CREATE TABLE kept AS SELECT * FROM \(table) WHERE id = 5; DELETE FROM \(table) WHERE id = 5")
            let failure = #expect(throws: Failure.self) {
                try wait { world.engine.rollback(run.id, isTrial: false, completion: $0) }
            }
            #expect(failure?.code == .conflict)
            #expect(try world.rows(other, in: other == "b" ? "other.db" : "warehouse.db") == 6)
            try connection.execute("INSERT INTO \(table) SELECT * FROM kept; DROP TABLE kept")
            connection.close()
        }
        let done = try wait { world.engine.rollback(run.id, isTrial: false, completion: $0) }
        #expect(done.steps.map(\.step) == ["b", "a"])
        #expect(try world.rows("a") == 3)
        #expect(try world.rows("b", in: "other.db") == 3)
        world.end()
    }
}
