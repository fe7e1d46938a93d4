import Loading
import Model
import Platform
import SQLite
import Testing

/// The ledger says the same after the partitions that nobody needs any more were folded as before.
struct LedgerModelTests {
    private static let width: Int64 = 10

    @Test("folded partitions leave every interval, gap and overlap as it was", arguments: 1...24 as ClosedRange<UInt64>)
    func staysTheSame(seed: UInt64) throws {
        var random = Seeded(seed)
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY); CREATE TABLE other (id INTEGER PRIMARY KEY)")
        let step = world.step("orders", .sequence, cursor: "id").with {
            $0.undo = Bool.random(using: &random) ? UndoPolicy(keep: .seconds(60), maxRows: 4) : nil
        }
        let other = world.step("other", .sequence, cursor: "id").with { $0.name = "other" }
        func ledger() throws -> Ledger {
            try world.loader().ledger(
                pipeline: "orders", step: step, destination: try world.file("warehouse.db"), stop: StopToken())
        }
        var highest: Int64 = 0
        var backfills = 0
        for _ in 0..<12 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                highest += Int64.random(in: 1...40, using: &random)
                try world.source.execute("INSERT INTO orders VALUES (\(highest))")
                try world.load(step)
            case 2 where highest > 0:
                highest += 20
                _ = try world.loader().setWatermark(
                    try world.request(step), to: .integer(highest), reason: "passed over")
            case _ where highest > 0:
                try backfill(world, step, &random)
                backfills += 1
            default: break
            }
        }
        let before = try ledger()
        world.clock.advance(by: .seconds(8 * 86_400))
        // What is past its time goes with the next commit, of whatever table.
        try world.load(other)
        #expect(try ledger() == before, "seed \(seed)")
        // Of each backfill the last partition stays.
        let left = try world.inWarehouse("SELECT count(*), count(DISTINCT backfill) FROM _strandline_partitions")
        #expect(left == [[.integer(Int64(backfills)), .integer(Int64(backfills))]], "seed \(seed)")
    }

    /// Loads some partitions of a stretch, in some order, a few of them never.
    private func backfill(_ world: World, _ step: LoadStep, _ random: inout Seeded) throws {
        let (id, width) = (world.nextRun(), LedgerModelTests.width)
        let first = Int64.random(in: 0..<20, using: &random) * width
        var numbers = Array(1...Int64.random(in: 1...9, using: &random))
        switch Int.random(in: 0..<3, using: &random) {
        case 0: numbers.reverse()
        case 1: numbers.shuffle(using: &random)
        default: break
        }
        if numbers.count > 3, Bool.random(using: &random) { numbers.removeLast(2) }
        let scheme = PartitionScheme(column: "id", interval: .count(width))
        let plan = try BackfillPlan(scheme)
        for number in numbers {
            let start = first + (number - 1) * width
            let range = try plan.range(
                plan.bound(.integer(start), field: "start"), plan.bound(.integer(start + width), field: "end"))
            _ = try world.loader().loadPartition(
                PartitionRequest(
                    load: try world.request(step, run: id), number: Int(number), scheme: scheme, range: range),
                stop: StopToken())
            world.clock.advance(by: .seconds(1))
        }
    }

    @Test("a backfill that goes on after its partitions were folded counts on, and repeats none")
    func goesOn() throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (11), (21), (31); "
                + "CREATE TABLE other (id INTEGER PRIMARY KEY)")
        let step = world.step("orders", .sequence, cursor: "id").with { $0.undo = .usual }
        let other = world.step("other", .sequence, cursor: "id").with { $0.name = "other" }
        try world.load(step)
        let id = world.nextRun()
        let scheme = PartitionScheme(column: "id", interval: .count(10))
        func load(_ number: Int64) throws {
            let plan = try BackfillPlan(scheme)
            let range = try plan.range(
                plan.bound(.integer(number * 10), field: "start"), plan.bound(.integer(number * 10 + 10), field: "end"))
            _ = try world.loader().loadPartition(
                PartitionRequest(
                    load: try world.request(step, run: id), number: Int(number) + 1, scheme: scheme, range: range),
                stop: StopToken())
        }
        for number: Int64 in [0, 1] { try load(number) }
        world.clock.advance(by: .seconds(8 * 86_400))
        try world.load(other)
        #expect(try world.inWarehouse("SELECT number FROM _strandline_partitions") == [[2]])
        for number: Int64 in [2, 3] { try load(number) }
        #expect(
            try world.inWarehouse("SELECT number, commit_order FROM _strandline_partitions ORDER BY 1")
                == [[2, 2], [3, 3], [4, 4]])
        let ledger = try world.loader().ledger(
            pipeline: "orders", step: step, destination: try world.file("warehouse.db"), stop: StopToken())
        #expect(ledger.intervals.last?.loads == 4 && ledger.intervals.last?.end == .number(40))
        // Its first partitions cannot be put back any more, so nothing of it can.
        #expect(try world.rollbackFailure(id, step)?.code == .undoMissing)
        #expect(try world.rollbackFailure(id, step)?.message.contains("backfill \(id)") == true)
    }
}
