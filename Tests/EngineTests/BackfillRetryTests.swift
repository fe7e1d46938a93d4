import Loading
import Model
import Platform
import SQLite
import Testing

@testable import Engine

/// What a backfill that failed goes on with, and in which file.
struct BackfillRetryTests {
    // PAINS 42: what was cancelled with the whole is not what failed.
    @Test func aRetryTakesNoPartitionThatWasCancelled() throws {
        let world = try World.march(days: 1...9)
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { request, _ throws(Failure) in
            if request.number == 1 { throw Failure(.castFailed, "`x` is no number") }
            begun.open()
            _ = gate.wait()
        }
        let backfill = try world.backfill(1...4)
        _ = begun.wait()
        try world.pipeline("orders", steps: [World.step("others")])
        gate.open()
        let failed = try world.finish(backfill)
        #expect(failed.state == .failed && failed.partitions.failed == 1 && failed.partitions.success == 1)
        #expect(failed.partitions.cancelled == 2)
        try world.pipeline("orders")
        world.loader.beforePartition { _, _ in }
        let first = world.loader.partitions.count
        _ = try wait { world.engine.retryBackfill(backfill.id, completion: $0) }
        let ended = try world.finish(backfill)
        #expect(world.loader.partitions.dropFirst(first).map(\.number) == [1])
        // The others were never loaded, so it is no success.
        #expect(ended.state == .failed && ended.partitions.success == 2 && ended.partitions.cancelled == 2)
        #expect(ended.error?.message == "2 of 4 partitions were cancelled before, and never loaded")
        // Another one takes them up.
        let next = try world.finish(try world.backfill(1...4))
        #expect(next.state == .success && next.partitions.total == 2 && next.skipped == 2)
        world.end()
    }

    @Test func aConnectionThatLeadsElsewhereMeanwhileFailsWhatIsLeftUntilItIsPutBack() throws {
        let world = try World.march(days: 1...9)
        try world.database("warehouse.db") { try $0.execute("VACUUM INTO '\(world.path("copy.db"))'") }
        try world.spoil()
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        world.loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        let backfill = try world.backfill(1...3)
        _ = begun.wait()
        try world.connection("warehouse", "copy.db")
        gate.open()
        let failed = try world.finish(backfill)
        #expect(failed.state == .failed && failed.partitions.success == 1 && failed.partitions.failed == 2)
        #expect(failed.error?.code == .destinationChanged)
        #expect(failed.error?.message.contains("connection warehouse leads to another file") == true)
        // Nothing of it is in the other file, and nothing of it is looked for there.
        #expect(try world.database("copy.db") { try $0.rows("SELECT 1 FROM orders WHERE total = -1").isEmpty })
        let refusal = #expect(throws: Failure.self) {
            try wait { world.engine.rollbackBackfill(backfill.id, isTrial: false, completion: $0) }
        }
        #expect(refusal?.code == .destinationChanged)
        try world.connection("warehouse", "warehouse.db")
        _ = try wait { world.engine.retryBackfill(backfill.id, completion: $0) }
        let ended = try world.finish(backfill)
        #expect(ended.state == .success && ended.partitions.success == 3)
        #expect(try world.mended() == [1, 2, 3])
        world.end()
    }
}
