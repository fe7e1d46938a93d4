import Model
import Platform
import Store
import Testing

@testable import Engine

/// Audits as jobs: beside loads, one at a time, durable.
struct AuditTests {
    private func loaded(workers: Int = 1) throws -> World {
        let world = try World(workers: workers)
        try world.order(1...5)
        try world.pipeline("orders")
        try world.engine.start()
        #expect(try world.run("orders").state == .success)
        return world
    }

    @Test func runsBesideALoadThatTakesTheOnlyWorker() throws {
        let world = try loaded()
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        let audit = try world.finish(try world.audit())
        #expect(audit.state == .success && audit.result?.total.drift.isEmpty == true)
        #expect(audit.result?.total.sourceRows == 5)
        gate.open()
        #expect(try world.finish(run).state == .success)
        world.end()
    }

    @Test func mendingWaitsForTheLoadThatWritesTheFile() throws {
        let world = try loaded()
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        let run = try world.trigger("orders")
        _ = begun.wait()
        let audit = try world.audit(AuditOptions(heal: true))
        // A comparison that comes later overtakes it.
        #expect(try world.finish(try world.audit()).state == .success)
        #expect(try world.stored(audit).state == .queued)
        gate.open()
        #expect(try world.finish(audit).state == .success)
        #expect(try world.finish(run).state == .success)
        world.end()
    }

    @Test func aStepWithChecksIsNotHealedPastThem() throws {
        let world = try World()
        try world.order(1...5)
        let checks = "\"checks\":[{\"type\":\"not_null\",\"columns\":[\"id\"]}],\"name\""
        try world.pipeline("orders", steps: ["{" + checks + World.step("orders").dropFirst("{\"name\"".count)])
        try world.engine.start()
        #expect(try world.run("orders").state == .success)
        let failure = #expect(throws: Failure.self) { try world.audit(AuditOptions(heal: true)) }
        #expect(failure?.code == .unsupported && failure?.field == "heal")
        #expect(try world.finish(try world.audit()).state == .success)
        world.end()
    }

    @Test func oneIsInHandAtATimeAndAWaitingOneIsCancelledAtOnce() throws {
        let world = try loaded()
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforeAudit { _ in
            begun.open()
            _ = gate.wait()
        }
        let first = try world.audit()
        _ = begun.wait()
        let second = try world.audit()
        #expect(try world.stored(second).state == .queued)
        #expect(try world.cancel(second).state == .cancelled)
        #expect(try world.finish(second).error?.code == .cancelled)
        gate.open()
        #expect(try world.finish(first).state == .success)
        #expect(throws: Failure.self) { try world.cancel(first) }
        #expect(
            try world.auditEvents() == [
                "audit_queued", "audit_started", "audit_queued", "audit_finished", "audit_finished",
            ])
        world.end()
    }

    @Test func oneInHandIsCancelled() throws {
        let world = try loaded()
        let begun = Signal<Bool>()
        world.loader.beforeAudit { moment throws(Failure) in
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let audit = try world.audit()
        _ = begun.wait()
        _ = try world.cancel(audit)
        #expect(try world.finish(audit).state == .cancelled)
        world.end()
    }

    @Test func aCrashOrAStopBeginsItAgainAtTheNextStart() throws {
        let world = try loaded()
        let begun = Signal<Bool>()
        world.loader.beforeAudit { moment throws(Failure) in
            begun.open()
            try moment.stop.throwWhenRaised()
        }
        let audit = try world.audit()
        _ = begun.wait()
        let crashed = try world.afterCrash()
        #expect(try crashed.stored(audit).state == .running)
        try crashed.engine.start()
        #expect(try crashed.finish(audit).state == .success)
        crashed.end()

        _ = world.engine.stop(within: .zero)
        #expect(try world.stored(audit).state == .queued)
        world.store.close()
        let next = try world.afterCrash()
        try next.engine.start()
        #expect(try next.finish(audit).state == .success)
        #expect(
            try next.auditEvents() == [
                "audit_queued", "audit_started", "audit_released", "audit_started", "audit_finished",
            ])
        next.end()
    }

    @Test func aStepThatIsGoneFailsWithTheReason() throws {
        let world = try loaded()
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforeAudit { _ in
            begun.open()
            _ = gate.wait()
        }
        let first = try world.audit()
        _ = begun.wait()
        let second = try world.audit()
        try world.pipeline("orders", steps: [World.step("others")])
        gate.open()
        #expect(try world.finish(first).state == .success)
        #expect(try world.finish(second).error?.code == .unknownStep)
        world.end()
    }

    @Test func aPipelineOfSeveralStepsNeedsTheStepsName() throws {
        let world = try World()
        try world.pipeline("orders", steps: [World.step("a"), World.step("b")])
        #expect {
            try world.audit()
        } throws: { error in
            (error as? Failure)?.field == "step"
        }
        #expect(try world.audit(step: "b").step == "b")
        world.end()
    }
}

extension World {
    /// Starts an audit of the pipeline `orders` and waits until it is accepted.
    @discardableResult
    func audit(_ options: AuditOptions = AuditOptions(), step: String? = nil) throws -> Audit {
        let outcome = Signal<Result<Audit, Failure>>()
        engine.startAudit(AuditRequest(pipeline: "orders", step: step, options: options)) { outcome.send($0) }
        return try #require(outcome.wait()).get()
    }

    /// Waits until an audit has finished.
    func finish(_ audit: Audit) throws -> Audit {
        let signal = Signal<Result<Audit, Failure>>()
        engine.whenAudited(audit.id) { signal.send($0) }
        return try #require(signal.wait(), "\(audit.id) did not finish").get()
    }

    @discardableResult
    func cancel(_ audit: Audit) throws -> Audit {
        let signal = Signal<Result<Audit, Failure>>()
        engine.cancelAudit(audit.id) { signal.send($0) }
        return try #require(signal.wait()).get()
    }

    /// The audit as the control database has it.
    func stored(_ audit: Audit) throws -> Audit {
        let id = audit.id
        return try #require(try store.read { (session) throws(StoreError) in try session.audit(id) })
    }

    /// How far the step is known to be verified.
    func verification() throws -> Verification? {
        try store.read { (session) throws(StoreError) in try session.verification("orders", "orders") }
    }

    /// The kinds of the events of audits, in their order.
    func auditEvents() throws -> [String] {
        try store.read { (session) throws(StoreError) in try session.events() }.map(\.kind)
            .filter { $0.hasPrefix("audit") }
    }
}
