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

    @Test func putsBackWhatAnAuditMended() throws {
        let world = try World()
        try world.order(1...5)
        try world.pipeline("orders")
        try world.engine.start()
        let run = try world.run("orders")
        try world.database("warehouse.db") { try $0.execute("DELETE FROM orders WHERE id = 2") }
        let compared = try world.finish(try world.audit())
        let audit = try world.finish(try world.audit(AuditOptions(heal: true)))
        #expect(audit.result?.healed == .init(missing: 1))
        #expect(try world.rows() == 5 && world.verification() != nil)

        // The run before it is refused, and names it.
        let refused = #expect(throws: Failure.self) {
            try wait { world.engine.rollback(run.id, isTrial: false, completion: $0) }
        }
        #expect(refused?.code == .conflict && refused?.message.contains("audit \(audit.id)") == true)
        let trial = try wait { world.engine.rollbackAudit(audit.id, isTrial: true, completion: $0) }
        #expect(trial.steps.first?.rowsRemoved == 1 && trial.audit.rolledBackAt == nil)
        #expect(try world.rows() == 5 && world.verification() != nil)

        let mark = try world.store.read { (session) throws(StoreError) in try session.watermark("orders", "orders") }
        let done = try wait { world.engine.rollbackAudit(audit.id, isTrial: false, completion: $0) }
        #expect(done.steps == trial.steps && done.audit.rolledBackAt != nil)
        #expect(try world.stored(audit).rolledBackAt == done.audit.rolledBackAt)
        // What the audit had verified holds no more; the watermark does.
        #expect(try world.rows() == 4 && world.verification() == nil)
        #expect(
            try world.store.read { (session) throws(StoreError) in try session.watermark("orders", "orders") } == mark)
        // Again it finds nothing left, and tells of nothing.
        #expect(try wait { world.engine.rollbackAudit(audit.id, isTrial: false, completion: $0) }.steps.isEmpty)
        #expect(try world.auditEvents().filter { $0 == "audit_rolled_back" }.count == 1)

        for (id, code) in [(compared.id, Failure.Code.conflict), ("nothing", .notFound)] {
            let failure = #expect(throws: Failure.self) {
                try wait { world.engine.rollbackAudit(id, isTrial: false, completion: $0) }
            }
            #expect(failure?.code == code)
        }
        world.end()
    }

    @Test func anAuditThatIsNotDoneIsNotRolledBack() throws {
        let world = try World()
        try world.order(1...5)
        try world.pipeline("orders")
        try world.engine.start()
        _ = try world.run("orders")
        let begun = Signal<Bool>()
        world.loader.beforeAudit { moment throws(Failure) in
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let audit = try world.audit(AuditOptions(heal: true))
        _ = begun.wait()
        let failure = #expect(throws: Failure.self) {
            try wait { world.engine.rollbackAudit(audit.id, isTrial: false, completion: $0) }
        }
        #expect(failure?.code == .conflict)
        _ = try world.cancel(audit)
        let ended = try world.finish(audit)
        #expect(ended.state == .cancelled)
        // It wrote nothing, so there is nothing to put back.
        let done = try wait { world.engine.rollbackAudit(audit.id, isTrial: false, completion: $0) }
        #expect(done.steps.isEmpty && done.audit.rolledBackAt == nil)
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
