import Loading
import Model
import Platform
import SQLite
import Testing

/// A backfill of what runs append, over ranges that reach beyond where runs have been: the rows there are left to them.
struct AppendBackfillTests {
    /// How a step appends.
    enum Way: CaseIterable {
        case byTime, bySequence, keyed, unique
    }

    private static let log = "CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT)"

    /// Four rows on two days, all of them loaded, then two more of each of two days.
    private func world(_ way: Way) throws -> (World, LoadStep) {
        let world = try World(AppendBackfillTests.log)
        if way == .unique {
            try world.warehouse.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT)")
        }
        let step =
            way == .byTime
            ? world.step(key: [], mode: .append)
            : world.step("orders", .sequence, cursor: "id", key: way == .bySequence ? [] : ["id"], mode: .append)
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 'a', '2024-03-01T01:00'), (2, 'b', '2024-03-01T02:00'), (3, 'c', '2024-03-02T01:00'), "
                + "(4, 'd', '2024-03-02T02:00')")
        try world.load(step)
        try world.source.execute(
            "INSERT INTO orders VALUES (5, 'e', '2024-03-02T03:00'), (6, 'f', '2024-03-02T04:00'), (7, 'g', '2024-03-03T01:00')"
        )
        return (world, step)
    }

    private func items(_ world: World) throws -> String {
        try world.inWarehouse("SELECT item FROM orders ORDER BY item").compactMap { $0[0].string }.joined()
    }

    private func left(_ result: PartitionResult) -> String? {
        result.warnings.first { $0.code == "rows_above_watermark" }?.message
    }

    @Test(
        "PAINS 16: rows above the watermark are left to the next run, which appends them once", arguments: Way.allCases)
    func leavesWhatIsAhead(way: Way) throws {
        let (world, step) = try world(way)
        try world.warehouse.execute("DELETE FROM orders WHERE id = 3")
        let result = try world.partition(step, "2024-03-01", "2024-03-04")
        #expect(result.rows == RowCounts(read: 4, inserted: 1, unchanged: 3))
        #expect(
            left(result)
                == "3 rows of [2024-03-01, 2024-03-04) lie above the watermark; the next run appends them")
        #expect(try items(world) == "abcd")
        let run = try world.load(step)
        #expect(run.counts.inserted == 3)
        #expect(try world.isEqual())
        let after = try world.partition(step, "2024-03-01", "2024-03-04")
        #expect(after.rows == RowCounts(read: 7, unchanged: 7))
        #expect(left(after) == nil)
    }

    @Test("a dry run counts what partitions take, and says what they leave", arguments: Way.allCases)
    func estimates(way: Way) throws {
        let (world, step) = try world(way)
        let scheme = PartitionScheme(column: "updated_at", interval: .day)
        let plan = try BackfillPlan(scheme)
        let range = try plan.range(
            plan.bound("2024-03-01", field: "start"), plan.bound("2024-03-04", field: "end"))
        let estimates = try world.loader().estimatePartitions(
            try world.request(step), scheme: scheme, ranges: try plan.partitions(of: range, limit: 9), stop: StopToken()
        )
        #expect(estimates.partitions.map(\.sourceRows) == [2, 2, 0])
        #expect(estimates.warnings.first { $0.code == "rows_above_watermark" }?.message.hasPrefix("3 rows ") == true)
    }

    @Test("what is staged leaves them, too, and reconciles", arguments: [false, true])
    func stages(isPublishedFirst: Bool) throws {
        let (world, step) = try world(.unique)
        try world.warehouse.execute("DELETE FROM orders WHERE id = 3")
        let backfill = world.nextRun()
        let result = try world.stage(step, "2024-03-01", "2024-03-04", backfill: backfill)
        #expect(result.reconciliation?.isReconciled == true)
        #expect(result.reconciliation?.sourceRows == 4)
        #expect(left(result)?.hasPrefix("3 rows") == true)
        if !isPublishedFirst { try world.load(step) }
        try world.publish(backfill, step)
        if isPublishedFirst { try world.load(step) }
        #expect(try world.isEqual())
    }

    @Test("what was read ahead is read again once a run has moved the watermark")
    func readsAgainAfterARun() throws {
        let (world, table) = try world(.bySequence)
        let step = table.with { $0.source.relation = .query("SELECT * FROM orders") }
        let loader = world.loader()
        let request = try world.partitionRequest(step, "2024-03-02", "2024-03-03")
        let same = try #require(try loader.extractPartition(request, stop: StopToken()))
        let first = try loader.loadPartition(request, same, stop: StopToken())
        #expect(same.isUsed && left(first)?.hasPrefix("2 rows") == true)
        let again = try world.partitionRequest(step, "2024-03-02", "2024-03-03")
        let old = try #require(try loader.extractPartition(again, stop: StopToken()))
        _ = try loader.load(try world.request(step), stop: StopToken())
        let result = try loader.loadPartition(again, old, stop: StopToken())
        #expect(!old.isUsed)
        #expect(result.rows == RowCounts(read: 4, unchanged: 4))
        #expect(try world.isEqual())
    }

    @Test("rows that a partition has added are known to runs also after the watermark was set back")
    func isKnownAfterARewind() throws {
        let (world, step) = try world(.bySequence)
        // Passed over by a person's word; a backfill brings them after all.
        _ = try world.loader().setWatermark(try world.request(step), to: .integer(6), reason: "skip")
        #expect(try world.partition(step, "2024-03-01", "2024-03-04").rows.inserted == 2)
        #expect(try items(world) == "abcdef")
        _ = try world.loader().setWatermark(try world.request(step), to: .integer(4), reason: "not after all")
        try world.load(step)
        #expect(try world.isEqual())
    }

    @Test("without a watermark nothing tells what runs have passed, so the backfill is refused")
    func refusesWithoutWatermark() throws {
        let (world, step) = try world(.byTime)
        try world.warehouse.execute("DELETE FROM _strandline_watermarks")
        let failure = try world.partitionFailure(step, "2024-03-01", "2024-03-04")
        #expect(failure?.code == .watermarkMissing)
        #expect(failure?.hint.contains("run pipeline orders first") == true)
        let request = try world.partitionRequest(step, "2024-03-01", "2024-03-04")
        let checked = #expect(throws: Failure.self) { try world.loader().checkPartition(request, stop: StopToken()) }
        #expect(checked == failure)
        // An upsert finds its rows by their key.
        try world.warehouse.execute("DELETE FROM orders; CREATE UNIQUE INDEX key ON orders (id)")
        #expect(try world.partition(world.step(), "2024-03-01", "2024-03-04").rows.inserted == 7)
    }

    @Test("a watermark of another cursor is refused")
    func refusesAnotherCursor() throws {
        let (world, step) = try world(.byTime)
        let other = step.with {
            $0.strategy = .sequence
            $0.cursor = Cursor(column: "id")
        }
        #expect(try world.partitionFailure(other, "2024-03-01", "2024-03-04")?.code == .conflict)
    }
}

/// Random rows that come late, share a cursor or have none, runs, backfills, watermarks set by hand and rollbacks: no row
/// is ever there more often than in the source, and in the end all are.
struct AppendBackfillModelTests {
    @Test("PAINS 16: runs and backfills of what is appended neither double nor lose a row", arguments: UInt64(1)...60)
    func endsAsTheSource(seed: UInt64) throws {
        var story = try AppendBackfillStory(seed)
        do {
            try story.play()
        } catch let error as AppendBackfillStory.Mismatch {
            Issue.record("seed \(seed), \(story.name): \(error.description)\n\(story.log.joined(separator: "\n"))")
        } catch let error as Failure {
            Issue.record("seed \(seed), \(story.name): \(error)\n\(story.log.joined(separator: "\n"))")
        }
    }
}

private struct AppendBackfillStory {
    struct Mismatch: Error {
        let description: String
    }

    private var random: Seeded
    private let world: World
    private let step: LoadStep
    private let isTime: Bool
    private let isUnique: Bool
    private var rows = 0
    private var last: String?
    private(set) var log: [String] = []
    let name: String

    private static let days = ["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04", "2024-03-05"]

    init(_ seed: UInt64) throws {
        var random = Seeded(seed)
        isTime = Bool.random(using: &random)
        let isKeyed = Bool.random(using: &random)
        let isUnique = isKeyed && Bool.random(using: &random)
        self.isUnique = isUnique
        let lookback = Int.random(in: 0...2, using: &random)
        let isTime = isTime
        let columns = "id INTEGER, place \(isTime ? "TEXT" : "INTEGER"), updated_at TEXT, v"
        let sourceKey = isUnique && Bool.random(using: &random) ? ", PRIMARY KEY (id)" : ""
        let index = Bool.random(using: &random) ? "CREATE INDEX t_at ON orders (updated_at);" : ""
        let byPlace = Bool.random(using: &random) ? "CREATE INDEX t_place ON orders (place);" : ""
        world = try World(
            "CREATE TABLE orders (\(columns)\(sourceKey)); \(index) \(byPlace)",
            warehouse: "CREATE TABLE orders (\(columns)\(isUnique ? ", PRIMARY KEY (id)" : "")); \(index)")
        let isQuery = Bool.random(using: &random)
        step = world.step(
            "orders", query: isQuery ? "SELECT * FROM orders" : nil, isTime ? .timestamp : .sequence, cursor: "place",
            key: isKeyed ? ["id"] : [], mode: .append
        ).with {
            $0.cursor?.onMissing = .include
            $0.lookback = lookback == 0 ? .none : isTime ? .time(.seconds(Int64(lookback))) : .count(Int64(lookback))
            $0.undo = UndoPolicy(keep: .seconds(86_400), maxRows: 10_000)
        }
        self.random = random
        name =
            "time \(isTime) keyed \(isKeyed) unique \(isUnique) lookback \(lookback) query \(isQuery) \(index) \(byPlace)"
    }

    mutating func play() throws {
        for _ in 0..<5 { try add() }
        try run()
        for _ in 0..<25 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3: for _ in 0..<Int.random(in: 1...3, using: &random) { try add() }
            case 4, 5: try run()
            case 6, 7: try backfill(staged: isUnique && Bool.random(using: &random))
            case 8: try setWatermark()
            default: try rollBack()
            }
            try checkNothingDoubled()
        }
        // What lies below the watermark a backfill brings, what lies above it a run.
        try backfill(from: 0, to: 4, staged: false)
        try run()
        try check(try world.isEqual("orders", by: "id, place, v"), "the end differs: \(try there())")
    }

    /// A cursor: mostly a new one above the others, now and then a late one, one that others share, or none.
    private mutating func place() -> Value {
        if Int.random(in: 0..<12, using: &random) == 0 { return .null }
        let number = Int.random(in: 0..<3, using: &random) == 0 ? Int.random(in: 0...rows, using: &random) : rows
        return written(number)
    }

    private func written(_ number: Int) -> Value {
        guard isTime else { return Value(number) }
        return .text(Text(Timestamp(microseconds: (1_709_000_000 + Int64(number)) * 1_000_000).rfc3339))
    }

    private mutating func add() throws {
        rows += Int.random(in: 0...2, using: &random)
        let id = try world.inSource("SELECT count(*) FROM orders")[0][0].integer ?? 0
        let day = AppendBackfillStory.days[Int.random(in: 0..<4, using: &random)]
        let row: [Value] = [
            .integer(id), place(), .text(Text(day + "T0\(Int.random(in: 0...9, using: &random)):00")),
            Value(Int.random(in: 0...1, using: &random)),
        ]
        log.append("add \(row)")
        try world.source.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", row)
        guard !isUnique, step.primaryKey.isEmpty, Int.random(in: 0..<4, using: &random) == 0 else { return }
        try world.source.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", row)
    }

    private mutating func run() throws {
        let run = world.nextRun()
        log.append("run \(run)")
        do {
            let counts = try world.load(step, run: run).counts
            log.append("  \(counts)")
        } catch let failure as Failure where failure.code == .watermarkMissing {
            // A rollback has taken the watermark away: its owner says where the rows end.
            _ = try world.loader().setWatermark(try world.request(step), to: value(0), reason: "from the start")
            try world.load(step, run: run)
        }
        last = run
    }

    private func value(_ number: Int) -> CursorValue {
        switch written(number) {
        case .integer(let number): .integer(number)
        case .text(let text): .text(text.bytes)
        default: .integer(0)
        }
    }

    private mutating func setWatermark() throws {
        let number = Int.random(in: 0...rows, using: &random)
        log.append("watermark \(number)")
        _ = try world.loader().setWatermark(try world.request(step), to: value(number), reason: "by hand")
    }

    private mutating func rollBack() throws {
        guard let run = last else { return }
        last = nil
        do {
            log.append("roll back \(run): \(try world.rollback(run, step))")
        } catch let failure as Failure where failure.code == .conflict {
            log.append("roll back \(run): \(failure.message)")
        }
    }

    private mutating func backfill(staged: Bool) throws {
        let from = Int.random(in: 0..<4, using: &random)
        try backfill(from: from, to: Int.random(in: from + 1...4, using: &random), staged: staged)
    }

    private mutating func backfill(from: Int, to: Int, staged: Bool) throws {
        let (start, end) = (AppendBackfillStory.days[from], AppendBackfillStory.days[to])
        log.append("backfill \(start) \(end)\(staged ? " staged" : "")")
        do {
            guard staged else {
                let loader = world.loader()
                var request = try world.partitionRequest(step, start, end)
                request.load.allowShrink = true
                let ahead = Bool.random(using: &random) ? try loader.extractPartition(request, stop: StopToken()) : nil
                if ahead != nil, Bool.random(using: &random) { try run() }
                let result = try loader.loadPartition(request, ahead, stop: StopToken())
                return log.append("  \(result.rows) \(result.warnings.map(\.message))")
            }
            let backfill = world.nextRun()
            let result = try world.stage(step, start, end, backfill: backfill)
            try check(result.reconciliation?.isReconciled == true, "does not reconcile")
            if Bool.random(using: &random) { try run() }
            try world.publish(backfill, step, allowShrink: true)
        } catch let failure as Failure where failure.code == .watermarkMissing {
            log.append("  \(failure.message)")
        }
    }

    private func there() throws -> [[Value]] {
        try world.inWarehouse("SELECT *, count(*) FROM orders GROUP BY id, place, updated_at, v")
    }

    private func checkNothingDoubled() throws {
        let source = Set(
            try world.inSource("SELECT *, count(*) FROM orders GROUP BY id, place, updated_at, v").map { "\($0)" })
        for row in try there() {
            guard case .integer(let count)? = row.last else { continue }
            let most = (count...9).contains { source.contains("\(row.dropLast() + [.integer($0)])") }
            try check(most, "\(row) is more than the source has")
        }
    }

    private func check(_ holds: Bool, _ words: @autoclosure () throws -> String) throws {
        if !holds { throw Mismatch(description: try words()) }
    }
}
