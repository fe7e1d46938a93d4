import Model
import Platform
import SQLite
import Testing

@testable import Store

struct AuditQueriesTests {
    private func audit(_ world: World, _ options: AuditOptions = AuditOptions()) throws -> Audit {
        world.clock.advance(by: .milliseconds(1))
        let audit = Audit(
            id: world.identifiers.next(), pipeline: "orders", step: "a", options: options, createdAt: world.clock.now())
        try world.store.write { transaction throws(StoreError) in try transaction.insertAudit(audit) }
        return audit
    }

    static let result = AuditResult(
        watermark: .text("2024-05-01"), verifiedThrough: .integer(7),
        total: .init(
            start: nil, sourceRows: 3, destinationRows: 4, drift: .init(missing: 1, extra: 2, different: 3),
            sums: [.init(column: "total", source: 1.5, destination: 2)]),
        partitions: [.init(start: .blob([0, 255]), sourceRows: 1, drift: .init(missing: 1)), .init(start: nil)],
        samples: [.init(kind: .different, key: .object(["id": 7]), columns: ["total"])], healed: .init(extra: 1),
        warnings: [LoadWarning(code: "deletes_not_followed", message: "1 extra row")])

    @Test func givesBackWhatWasStored() throws {
        let world = try World()
        try world.pipeline("orders")
        let options = AuditOptions(interval: .count(100), heal: true, deleteExtra: true, allowShrink: true)
        var audit = try audit(world, options)
        try world.change { transaction throws(StoreError) in
            #expect(try transaction.audit(audit.id) == audit)
            audit = try transaction.changeAudit(audit.id, to: .running)
            #expect(audit.startedAt == world.clock.now())
            audit = try transaction.changeAudit(audit.id, to: .success, result: Self.result)
            #expect(audit.result == Self.result && audit.finishedAt == world.clock.now())
            #expect(try transaction.audit(audit.id) == audit)
        }
        let other = try self.audit(world, AuditOptions(interval: .week))
        try world.store.read { session throws(StoreError) in
            #expect(try session.audits().items == [other, audit])
            #expect(try session.audits(pipeline: "others").items.isEmpty)
            #expect(try session.audits(Page(limit: 1, cursor: other.id)).items == [audit])
            #expect(try session.activeAudits() == [other])
        }
    }

    private func compared(_ world: World, _ count: Int) throws -> Audit {
        var options = AuditOptions()
        options.kind = .compare
        let audit = try audit(world, options)
        var result = Self.result
        result.refresh = AuditResult.Refresh(pending: 1, excluded: 2, kept: count)
        result.differences = (1...count).map { number in
            AuditDifference(
                number: number, kind: .different, key: .object(["id": .integer(Int64(number))]),
                columns: .object(["total": .object(["source": 1.5, "destination": .null])]))
        }
        return try world.change { transaction throws(StoreError) in
            try transaction.changeAudit(audit.id, to: .running)
            return try transaction.changeAudit(audit.id, to: .success, result: result)
        }
    }

    @Test func givesBackTheDifferencesOfAComparisonPageByPage() throws {
        let world = try World()
        try world.pipeline("orders")
        let audit = try compared(world, 3)
        #expect(audit.result?.differences == [] && audit.result?.refresh == .init(pending: 1, excluded: 2, kept: 3))
        try world.store.read { session throws(StoreError) in
            #expect(try session.audit(audit.id) == audit)
            let first = try session.differences(audit.id, Page(limit: 2))
            #expect(first.items.map(\.number) == [1, 2] && first.nextCursor == "2")
            #expect(first.items[1].key.text() == #"{"id":2}"#)
            #expect(first.items[0].columns.text() == #"{"total":{"source":1.5,"destination":null}}"#)
            let rest = try session.differences(audit.id, Page(limit: 2, cursor: first.nextCursor))
            #expect(rest.items.map(\.number) == [3] && rest.nextCursor == nil)
            #expect(try session.differences("nothing").items.isEmpty)
        }
    }

    @Test func keepsTheDifferencesOfTheLastComparisonsOnly() throws {
        let world = try World()
        try world.pipeline("orders")
        let audits = try (0...Limits.comparisonsWithDifferences).map { _ in try compared(world, 2) }
        try world.store.read { session throws(StoreError) in
            let kept = try audits.map { audit throws(StoreError) in try session.differences(audit.id).items.count }
            #expect(kept == [0] + [Int](repeating: 2, count: Limits.comparisonsWithDifferences))
            #expect(try session.audit(audits[0].id)?.result?.refresh?.kept == 2)
        }
    }

    @Test(arguments: AuditState.allCases)
    func changesOnlyAsTheTransitionTableAllows(_ next: AuditState) throws {
        let world = try World()
        try world.pipeline("orders")
        let paths: [[AuditState]] = [[], [.running], [.running, .success], [.failed], [.cancelled]]
        for path in paths {
            let audit = try audit(world)
            try world.change { transaction throws(StoreError) in
                for state in path { try transaction.changeAudit(audit.id, to: state, result: Self.result) }
                let state = path.last ?? .queued
                let isChanged = (try? transaction.changeAudit(audit.id, to: next, result: Self.result)) != nil
                #expect(isChanged == state.mayBecome(next), "\(state) -> \(next)")
            }
        }
    }

    @Test func aVerificationEndsWhenAPersonMovesTheWatermarkOrItGoes() throws {
        let world = try World()
        func watermark(_ run: String?, _ version: Int) -> Watermark {
            Watermark(
                pipeline: "p", step: "s", cursor: "c", value: .integer(Int64(version)), updatedAt: world.clock.now(),
                run: run, version: version)
        }
        let verification = Verification(through: .integer(5), at: world.clock.now(), audit: "a")
        try world.change { transaction throws(StoreError) in
            try transaction.mirrorWatermark(watermark("r", 1))
            try transaction.verify("p", "s", verification)
            try transaction.mirrorWatermark(watermark("r", 2))
            #expect(try transaction.verification("p", "s") == verification)
            try transaction.mirrorWatermark(watermark(nil, 3))
            #expect(try transaction.verification("p", "s") == nil)
            try transaction.verify("p", "s", verification)
            try transaction.removeWatermark("p", "s", reason: nil)
            #expect(try transaction.verification("p", "s") == nil)
        }
    }

    @Test func anAuditOfAPipelineThatIsNotThereIsRefused() throws {
        let world = try World()
        #expect(throws: StoreError.self) { _ = try audit(world) }
    }
}
