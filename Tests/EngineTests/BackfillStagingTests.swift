import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// Backfills that stage their rows: from the first partition to the publishing, which is their end.
struct BackfillStagingTests {
    // PAINS 44: nothing of the range is cleared or filled before all of it is published.
    @Test func stagesReconcilesAndIsPublishedWhenAsked() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let before = try world.totals()
        let waiting = try world.finish(try world.staged(3...5))
        #expect(waiting.state == .awaitingPublish && waiting.finishedAt == nil && waiting.error == nil)
        #expect(waiting.rows == RowCounts(read: 6))
        #expect(waiting.reconciliation?.isReconciled == true && waiting.reconciliation?.sourceRows == 6)
        #expect(try world.totals() == before)
        let trial = try wait { world.engine.publishBackfill(waiting.id, isTrial: true, completion: $0) }
        #expect(trial.result.rows == RowCounts(read: 6, updated: 6) && trial.backfill == waiting)
        #expect(try world.totals() == before)
        // A live run in between is the newer one.
        try world.database("shop.db") {
            try $0.execute("UPDATE orders SET total = 7, updated_at = '2024-03-10T00:00:00Z' WHERE id = 30")
        }
        #expect(try world.run("orders").state == .success)
        let done = try wait { world.engine.publishBackfill(waiting.id, isTrial: false, completion: $0) }
        #expect(done.result.rows == RowCounts(read: 5, updated: 5))
        #expect(done.backfill.state == .success && done.backfill.publishedAt != nil)
        #expect(done.backfill.rows == RowCounts(read: 6, updated: 5))
        #expect(done.backfill.warnings.map(\.code) == ["rows_newer"])
        // The run has read the last day again, as its lookback says.
        #expect(try world.mended() == [4, 5, 9])
        #expect(
            try world.backfillEvents().suffix(2) == ["backfill_awaiting_publish", "backfill_finished"])
        let again = try wait { world.engine.publishBackfill(waiting.id, isTrial: false, completion: $0) }
        #expect(again.result == done.result && again.backfill == done.backfill)
        let undone = try wait { world.engine.rollbackBackfill(waiting.id, isTrial: false, completion: $0) }
        #expect(undone.backfill.state == .rolledBack && undone.steps.first?.rowsReverted == 5)
        #expect(try world.mended() == [9])
        world.end()
    }

    @Test func publishesItselfWhenAllOfItReconciles() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let done = try world.finish(try world.staged(3...5, publishes: true))
        #expect(done.state == .success && done.rows == RowCounts(read: 6, updated: 6))
        #expect(try world.mended() == [3, 4, 5])
        world.end()
    }

    // PAINS 45: the publishing is the last step, and decides how the backfill ends.
    @Test func waitsForAPersonWhereItCannotPublishItself() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        world.loader.aroundPublish(before: { _ throws(Failure) in throw Failure(.constraint, "no") })
        let waiting = try world.finish(try world.staged(3...5, publishes: true))
        #expect(waiting.state == .awaitingPublish && waiting.error?.code == .constraint)
        #expect(try world.mended() == [])
        world.loader.aroundPublish()
        let done = try wait { world.engine.publishBackfill(waiting.id, isTrial: false, completion: $0) }
        #expect(done.backfill.state == .success && done.backfill.error == nil)
        #expect(try world.mended() == [3, 4, 5])
        world.end()
    }

    // PAINS 45: a crash after the commit of the publishing leaves a success, one before it a backfill that publishes.
    @Test(arguments: [false, true])
    func aCrashPublishesOnce(_ hadCommitted: Bool) throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let begun = Signal<Bool>()
        let hold: ScriptedLoader.PublishScript = { stop throws(Failure) in
            begun.open()
            try stop.throwWhenRaised()
        }
        if hadCommitted {
            world.loader.aroundPublish(after: hold)
        } else {
            world.loader.aroundPublish(before: hold)
        }
        let backfill = try world.staged(3...5, publishes: true)
        _ = begun.wait()
        let next = try world.afterCrash()
        #expect(try next.stored(backfill).state == .awaitingPublish)
        let published = Signal<Bool>()
        next.loader.aroundPublish(before: { _ in published.open() })
        try next.engine.start()
        let ended = try next.finish(backfill)
        #expect(ended.state == .success && ended.rows == RowCounts(read: 6, updated: 6))
        #expect(published.values.isEmpty == hadCommitted)
        #expect(try next.mended() == [3, 4, 5])
        next.end()
        _ = world.engine.stop(within: .zero)
        world.store.close()
    }

    @Test func cancellingOrRollingBackThrowsAwayWhatWasStaged() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let before = try world.totals()
        let first = try world.finish(try world.staged(3...5))
        // Only one may stage for a table.
        #expect(throws: Failure.self) { try world.staged(6...7) }
        #expect(try wait { world.engine.cancelBackfill(first.id, completion: $0) }.state == .cancelled)
        let refused = #expect(throws: Failure.self) {
            try wait { world.engine.publishBackfill(first.id, isTrial: false, completion: $0) }
        }
        #expect(refused?.code == .conflict)
        // An edit of the same file waits for the one that throws it away.
        let second = try world.finish(try world.staged(6...7, after: first))
        let undone = try wait { world.engine.rollbackBackfill(second.id, isTrial: false, completion: $0) }
        #expect(undone.backfill.state == .rolledBack)
        #expect(try world.totals() == before)
        #expect(try world.shadows() == 0)
        world.end()
    }

    @Test func whatWasStagedAndNeverPublishedHasLoadedNothing() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let waiting = try world.finish(try world.staged(3...5))
        #expect(waiting.state == .awaitingPublish)
        _ = try wait { world.engine.cancelBackfill(waiting.id, completion: $0) } as Backfill
        let direct = try world.finish(try world.backfill(3...5))
        #expect(direct.state == .success && direct.skipped == 0 && direct.rows.updated == 6)
        #expect(try world.mended() == [3, 4, 5])
        world.end()
    }

    @Test func nothingEndsABackfillThatIsBeingPublished() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let waiting = try world.finish(try world.staged(3...5))
        world.engine.publishing.set(waiting.id, isInHand: true)
        let refusal = #expect(throws: Failure.self) {
            try wait { world.engine.cancelBackfill(waiting.id, completion: $0) } as Backfill
        }
        #expect(refusal?.code == .conflict && refusal?.message.contains("published") == true)
        world.engine.publishing.set(waiting.id, isInHand: false)
        let done = try wait { world.engine.publishBackfill(waiting.id, isTrial: false, completion: $0) }
        #expect(done.backfill.state == .success)
        world.end()
    }

    // PAINS 45: what is being published by itself is not cancelled under its commit.
    @Test func nothingEndsABackfillThatPublishesItself() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let committed = Signal<Bool>()
        let goOn = Signal<Bool>()
        world.loader.aroundPublish(after: { _ in
            committed.open()
            _ = goOn.wait()
        })
        let backfill = try world.staged(3...5, publishes: true)
        #expect(committed.wait() == true)
        let refusal = #expect(throws: Failure.self) {
            try wait { world.engine.cancelBackfill(backfill.id, completion: $0) } as Backfill
        }
        #expect(refusal?.code == .conflict && refusal?.message.contains("published") == true)
        goOn.open()
        let done = try world.finish(backfill)
        #expect(done.state == .success && done.publishedAt != nil)
        #expect(try world.mended() == [3, 4, 5])
        world.end()
    }

    @Test func whatIsCancelledBeforeItPublishesItselfIsNotPublished() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let before = try world.totals()
        // It cannot be published at first, and waits a while.
        let tried = Signal<Bool>()
        world.loader.aroundPublish(before: { _ throws(Failure) in
            tried.open()
            throw Failure(.locked, "locked", isTransient: true)
        })
        let backfill = try world.staged(3...5, publishes: true)
        #expect(tried.wait() == true)
        #expect(try world.cancelAtLast(backfill).state == .cancelled)
        world.loader.aroundPublish()
        world.advance(by: .seconds(60))
        #expect(try world.finish(backfill).state == .cancelled)
        #expect(try world.totals() == before)
        world.end()
    }

    // PAINS 33
    @Test func aCrashAfterACancelLeavesNothingStaged() throws {
        let world = try World.march(days: 1...9)
        try world.spoil()
        let waiting = try world.finish(try world.staged(3...5))
        let begun = Signal<Bool>()
        let goOn = Signal<Bool>()
        world.loader.beforeDiscard {
            begun.open()
            _ = goOn.wait()
        }
        #expect(try wait { world.engine.cancelBackfill(waiting.id, completion: $0) }.state == .cancelled)
        #expect(begun.wait() == true)
        let next = try world.afterCrash()
        #expect(try next.shadows() == 1)
        // Not before the file is free, and the start does not wait for that.
        let again = Signal<Bool>()
        next.loader.beforeDiscard { again.open() }
        try next.engine.start()
        #expect(again.wait() == true)
        let other = try next.finish(try next.staged(4...6, after: waiting))
        #expect(other.state == .awaitingPublish)
        next.end()
        // It is looked for once.
        let last = try next.afterCrash()
        let third = Signal<Bool>()
        last.loader.beforeDiscard { third.open() }
        try last.engine.start()
        _ = try last.finish(try last.backfill(1...1))
        #expect(third.values.isEmpty)
        last.end()
        goOn.open()
        world.end()
    }

    @Test func refusesWhatMeansNothing() throws {
        let world = try World.march(days: 1...3)
        var request = world.request(1...2)
        request.options.autoPublish = true
        #expect(#expect(throws: Failure.self) { try world.backfill(request) }?.field == "auto_publish")
        let direct = try world.finish(try world.backfill(1...2))
        let refused = #expect(throws: Failure.self) {
            try wait { world.engine.publishBackfill(direct.id, isTrial: false, completion: $0) }
        }
        #expect(refused?.code == .conflict)
        world.end()
    }
}

extension World {
    /// Starts a backfill that stages its rows, once nothing of `other` is left.
    func staged(_ days: ClosedRange<Int>, publishes: Bool = false, after other: Backfill? = nil) throws -> Backfill {
        // What throws it away is an edit; this one comes behind it.
        if let other { _ = try? wait { engine.rollbackBackfill(other.id, isTrial: true, completion: $0) } }
        var request = request(days)
        request.options.mode = .staged
        request.options.autoPublish = publishes
        return try backfill(request)
    }

    /// Cancels a backfill, once it is not being published any more.
    func cancelAtLast(_ backfill: Backfill) throws -> Backfill {
        while true {
            do {
                return try wait { engine.cancelBackfill(backfill.id, completion: $0) }
            } catch let error as Failure where error.message.contains("is being published") {
                continue
            }
        }
    }

    /// How many tables of staged rows the warehouse has.
    func shadows() throws -> Int {
        try database("warehouse.db") { db in
            try db.rows(
                "SELECT name FROM sqlite_schema WHERE name LIKE '!_strandline!_shadow%' ESCAPE '!' AND type = 'table'"
            ).count
        }
    }
}
