import Foundation
import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// Random histories of live runs, backfills and what people do to them, changes of the source, and stops.
struct BackfillStressTests {
    // PAINS 33, 35, 39 and 40, in orders that nobody thought of.
    @Test(arguments: 1...8) func everythingComesToItsEndAndNothingIsLoadedTwice(_ seed: UInt64) throws {
        var random = Seeded(seed)
        // Every other history reads its partitions ahead.
        var world = try seed % 2 == 0 ? World.queried(days: 1...9) : World.march(days: 1...9)
        var known: [Backfill] = []
        for step in 0..<40 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1: try change(world, step, using: &random)
            case 2, 3: _ = try world.trigger("orders")
            case 4...6:
                if let backfill = try? world.backfill(request(world, using: &random)) { known.append(backfill) }
            case 7: act(world, known.randomElement(using: &random), LoadEngine.pauseBackfill)
            case 8: act(world, known.randomElement(using: &random), LoadEngine.resumeBackfill)
            case 9: act(world, known.randomElement(using: &random), LoadEngine.cancelBackfill)
            default: world = try next(world)
            }
        }
        for backfill in known {
            act(world, backfill, LoadEngine.resumeBackfill)
            let ended = try world.finish(backfill)
            #expect(ended.partitions.failed == 0 && ended.error?.code ?? .cancelled == .cancelled, "seed \(seed)")
            // What the control database says is what the destination has recorded, once for each partition.
            let recorded = try recorded(world, backfill)
            #expect(recorded.count == ended.partitions.success && recorded.rows == ended.rows.read, "seed \(seed)")
        }
        #expect(try world.run("orders").state == .success)
        var all = world.request(1...9)
        all.options.reprocess = .completed
        all.options.allowShrink = true
        #expect(try world.finish(try world.backfill(all)).partitions.success == 9)
        let shop = try world.database("shop.db") { try $0.rows("SELECT * FROM orders ORDER BY id").map(\.values) }
        #expect(try world.totals() == shop, "seed \(seed)")
        #expect(world.loader.clashes.isEmpty, "seed \(seed)")
        world.end()
    }

    /// Changes, removes or adds an order, with or without a sign that a cursor could see.
    private func change(_ world: World, _ step: Int, using random: inout Seeded) throws {
        let day = Int.random(in: 1...9, using: &random)
        let time = World.day(day) + "T12:00:00Z"
        try world.database("shop.db") { shop in
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try shop.execute("UPDATE orders SET total = ? WHERE id = ?", [Value(step), Value(day * 10)])
            case 1:
                try shop.execute("UPDATE orders SET updated_at = ? WHERE id = ?", [.text(time), Value(day * 10 + 1)])
            case 2: try shop.execute("INSERT INTO orders VALUES (?, 1, ?)", [Value(1_000 + step), .text(time)])
            default: try shop.execute("DELETE FROM orders WHERE id >= 1000 AND id % 3 = 0")
            }
        }
    }

    private func request(_ world: World, using random: inout Seeded) -> BackfillRequest {
        let first = Int.random(in: 1...9, using: &random)
        var request = world.request(first...Int.random(in: first...9, using: &random))
        request.options.reprocess = Reprocess.allCases.randomElement(using: &random) ?? .none
        request.options.order = Bool.random(using: &random) ? .ascending : .descending
        request.options.parallelism = Int.random(in: 1...3, using: &random)
        request.options.allowShrink = true
        return request
    }

    private typealias Verb = (LoadEngine) -> (String, @escaping @Sendable (Result<Backfill, Failure>) -> Void) -> Void

    /// Does something to a backfill; that its state does not allow it is no matter.
    private func act(_ world: World, _ backfill: Backfill?, _ verb: Verb) {
        guard let backfill else { return }
        _ = try? wait { verb(world.engine)(backfill.id, $0) }
    }

    /// The world after a stop that waits for nothing.
    private func next(_ world: World) throws -> World {
        world.end(within: .zero)
        let next = try world.afterCrash()
        try next.engine.start()
        return next
    }

    private func recorded(_ world: World, _ backfill: Backfill) throws -> (count: Int, rows: Int) {
        try world.database("warehouse.db") { db in
            let sql = "SELECT count(*) AS n, total(rows_read) AS rows FROM _strandline_partitions WHERE backfill = ?"
            let row = try db.first(sql, [.text(backfill.id)])
            return (Int(try row?.int("n") ?? 0), Int(try row?.real("rows") ?? 0))
        }
    }
}
