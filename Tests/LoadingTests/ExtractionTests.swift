import Loading
import Model
import Platform
import SQLite
import Synchronization
import Testing

/// A partition's rows that are read before the destination's write lock is held: when they are written, and when not.
struct ExtractionTests {
    private static let rows = """
        INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01T23:59:59.9Z'),
            (3, 'c', '2024-03-02'), (4, 'd', '2024-03-03');
        """

    private func world(_ table: String = Tables.orders) throws -> (World, Loader) {
        let world = try World(table + ExtractionTests.rows, warehouse: table + ExtractionTests.rows)
        return (world, world.loader())
    }

    private func step(_ world: World) -> LoadStep { world.step(query: "SELECT * FROM orders") }

    private func first(_ world: World, _ step: LoadStep? = nil) throws -> PartitionRequest {
        try world.partitionRequest(step ?? self.step(world), "2024-03-01", "2024-03-02")
    }

    private func extract(_ loader: Loader, _ request: PartitionRequest) throws -> ExtractedPartition {
        try #require(try loader.extractPartition(request, stop: StopToken()))
    }

    private func items(_ world: World) throws -> [String] {
        try world.inWarehouse("SELECT id || item FROM orders ORDER BY id").compactMap { $0[0].string }
    }

    @Test("what was read ahead is written as it would be in its turn", arguments: Tables.both)
    func writesTheSame(table: String) throws {
        var results: [PartitionResult] = []
        for isAhead in [false, true] {
            let (world, loader) = try world(table)
            try world.source.execute("UPDATE orders SET updated_at = '2024-03-09' WHERE id = 2")
            try world.warehouse.execute(
                "UPDATE orders SET item = '?'; DELETE FROM orders WHERE id = 1; "
                    + "INSERT INTO orders VALUES (9, 'gone', '2024-03-01 12:00')")
            try world.logChanges()
            var request = try first(world)
            request.load.allowShrink = true
            let extracted = isAhead ? try extract(loader, request) : nil
            results.append(try loader.loadPartition(request, extracted, stop: StopToken()))
            #expect(extracted?.isUsed != false)
            #expect(try world.takeChanges().sorted() == ["d9", "i1", "u2"])
            let manifest = try #require(try world.manifest(of: request))
            #expect(manifest.contains("_strandline_query") && manifest.contains("\"stage\""))
        }
        #expect(results[0] == results[1])
        #expect(results[0].rows == RowCounts(read: 2, inserted: 1, updated: 1, deleted: 1))
    }

    @Test("rows that no commit has overtaken are written as they were when they were read")
    func writesAnOlderStateThatIsNewEnough() throws {
        let (world, loader) = try world()
        _ = try loader.load(try world.request(step(world)), stop: StopToken())
        try world.source.execute("UPDATE orders SET item = 'read' WHERE id = 1")
        let request = try first(world)
        let extracted = try extract(loader, request)
        try world.source.execute("UPDATE orders SET item = 'later' WHERE id = 1")
        #expect(try loader.loadPartition(request, extracted, stop: StopToken()).rows.updated == 1)
        #expect(extracted.isUsed)
        #expect(try items(world).first == "1read")
    }

    /// What commits to the table between reading and writing.
    enum Between: CaseIterable {
        case run, partition, extracted, staged, refresh, repair
    }

    // Guarantee 4.
    @Test("rows older than what a commit to the table has read are read again", arguments: Between.allCases)
    func neverWritesAnOlderState(between: Between) throws {
        let (world, loader) = try world()
        let step = step(world)
        _ = try loader.load(try world.request(step), stop: StopToken())
        let request = try first(world)
        let extracted = try extract(loader, request)
        try world.source.execute("UPDATE orders SET item = 'new', updated_at = '2024-03-01' WHERE id IN (1, 4)")
        let other = try world.partitionRequest(step, "2024-03-03", "2024-03-04")
        switch between {
        case .run: _ = try loader.load(try world.request(step), stop: StopToken())
        case .refresh: _ = try loader.load(try world.request(step, fullRefresh: true), stop: StopToken())
        case .partition: _ = try loader.loadPartition(other, stop: StopToken())
        case .extracted:
            let later = try extract(loader, other)
            #expect(try loader.loadPartition(other, later, stop: StopToken()).rows.updated == 1)
            #expect(later.isUsed)
        case .staged:
            var staged = other
            staged.isStaged = true
            _ = try loader.loadPartition(staged, stop: StopToken())
        case .repair:
            var options = AuditOptions()
            options.heal = true
            _ = try loader.audit(try world.request(step), options, stop: StopToken())
        }
        let result = try loader.loadPartition(request, extracted, stop: StopToken())
        #expect(!extracted.isUsed)
        #expect(result.rows.read == 3)
        #expect(try items(world) == ["1new", "2b", "3c", "4new"])
    }

    @Test("a commit to the table does not matter where the source is as it was, nor one to another table")
    func writesWhereTheSourceIsUnchanged() throws {
        let (world, loader) = try world()
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        let step = step(world)
        let request = try first(world)
        let extracted = try extract(loader, request)
        _ = try loader.loadPartition(
            try world.partitionRequest(step, "2024-03-03", "2024-03-04"), stop: StopToken())
        #expect(try loader.loadPartition(request, extracted, stop: StopToken()).rows.updated == 2)
        #expect(extracted.isUsed)
        let again = try first(world)
        let second = try extract(loader, again)
        try world.source.execute("UPDATE orders SET item = 'later' WHERE id = 1")
        let others = world.step(to: "others")
        _ = try loader.load(try world.request(others), stop: StopToken())
        _ = try loader.loadPartition(again, second, stop: StopToken())
        #expect(second.isUsed)
        #expect(try items(world) == ["1a", "2b", "3?", "4d"])
    }

    @Test("a key that came into the range since is looked for elsewhere in the source")
    func looksForKeysThatCameSince() throws {
        let (world, loader) = try world()
        let request = try first(world)
        let extracted = try extract(loader, request)
        try world.warehouse.execute("UPDATE orders SET updated_at = '2024-03-01' WHERE id = 4")
        let result = try loader.loadPartition(request, extracted, stop: StopToken())
        #expect(!extracted.isUsed)
        #expect(result.rows == RowCounts(read: 3, updated: 1, unchanged: 2))
        #expect(try world.isEqual())
    }

    @Test(
        "rows that were read for other columns are read again",
        arguments: [
            "ALTER TABLE orders ADD COLUMN own", "CREATE UNIQUE INDEX once ON orders (item)",
            "ALTER TABLE orders RENAME COLUMN item TO thing",
        ])
    func readsAgainForAnotherTable(sql: String) throws {
        let (world, loader) = try world()
        try world.warehouse.execute("UPDATE orders SET item = id")
        let request = try first(world)
        let extracted = try extract(loader, request)
        try world.warehouse.execute(sql)
        _ = try loader.loadPartition(request, extracted, stop: StopToken())
        #expect(!extracted.isUsed)
        #expect(try world.inWarehouse("SELECT item FROM orders WHERE id < 3") == [["a"], ["b"]])
    }

    @Test("staged rows are compared with the state of the source that they were read in")
    func reconcilesWithWhatWasRead() throws {
        let (world, loader) = try world()
        var request = try first(world)
        request.isStaged = true
        let extracted = try extract(loader, request)
        try world.source.execute("DELETE FROM orders WHERE id = 1; UPDATE orders SET item = 'later' WHERE id = 2")
        let result = try loader.loadPartition(request, extracted, stop: StopToken())
        #expect(extracted.isUsed)
        #expect(result.reconciliation?.isReconciled == true && result.reconciliation?.sourceRows == 2)
        // A later partition knows the columns and the keys of what is staged.
        try world.source.execute("UPDATE orders SET updated_at = '2024-03-05' WHERE id = 2")
        var next = try world.partitionRequest(step(world), "2024-03-02", "2024-03-03", number: 2)
        next.load.run = request.load.run
        next.isStaged = true
        let later = try extract(loader, next)
        #expect(try loader.loadPartition(next, later, stop: StopToken()).reconciliation?.isReconciled == true)
        #expect(later.isUsed)
        let published = try world.publish(request.load.run, step(world), allowShrink: true)
        #expect(published.rows == RowCounts(read: 3, unchanged: 3))
    }

    @Test("reading holds no lock on the destination, however it keeps its journal", arguments: ["DELETE", "WAL"])
    func leavesTheDestinationAlone(journal: String) throws {
        let (world, _) = try world()
        try world.warehouse.execute("PRAGMA journal_mode = \(journal)")
        let path = world.path("warehouse.db")
        let answers = Mutex<[String]>([])
        // The last look at the clock comes when all is read, before that ends.
        let clock = WatchedClock(
            world.clock,
            uptime: {
                let answer = Result {
                    let writer = try Connection(path: path, access: .readWrite, busyTime: .zero)
                    defer { writer.close() }
                    try writer.execute("UPDATE orders SET item = item || '!' WHERE id = 3")
                    return try writer.rows("PRAGMA wal_checkpoint(TRUNCATE)").map { "\($0.values)" }.joined()
                }
                answers.withLock { $0.append("\(answer)") }
            })
        let extracted = try extract(Loader(clock: clock), try first(world))
        let seen = answers.withLock { $0 }
        #expect(
            seen.count > 2 && seen.allSatisfy { $0 == seen[0] && $0.contains("[SQLite.Value.integer(0)") }, "\(seen)")
        extracted.close()
    }

    @Test("what is laid aside goes with it, and nothing of it is in the destination")
    func leavesNothing() throws {
        let (world, loader) = try world()
        let before = try world.picture()
        let request = try first(world)
        let extracted = try extract(loader, request)
        extracted.close()
        let stop = StopToken()
        stop.stop(.cancelled)
        let failure = #expect(throws: Failure.self) { try loader.extractPartition(request, stop: stop) }
        #expect(failure?.code == .cancelled)
        #expect(try world.picture() == before)
        // One that was closed is loaded like any other.
        #expect(
            try loader.loadPartition(request, extracted, stop: StopToken()).rows == RowCounts(read: 2, unchanged: 2))
        #expect(!extracted.isUsed)
    }

    @Test("nothing is read ahead where that would gain nothing, or would not be sound")
    func readsNothingAhead() throws {
        let (world, loader) = try world()
        let stop = StopToken()
        #expect(try loader.extractPartition(try first(world, world.step()), stop: stop) == nil, "a table")
        var shared = try first(world)
        shared.load.destination = shared.load.source
        #expect(try loader.extractPartition(shared, stop: stop) == nil, "one file")
        let done = try first(world)
        _ = try loader.loadPartition(done, stop: stop)
        #expect(try loader.extractPartition(done, stop: stop) == nil, "committed")
        try world.source.execute("ALTER TABLE orders ADD COLUMN more")
        #expect(try loader.extractPartition(try first(world), stop: stop) == nil, "a column is to be added")
    }
}

extension World {
    /// A request for one partition, as a new backfill's.
    func partitionRequest(
        _ step: LoadStep, _ start: String, _ end: String, number: Int = 1
    ) throws -> PartitionRequest {
        let scheme = PartitionScheme(column: "updated_at", interval: .day)
        let plan = try BackfillPlan(scheme)
        let range = try plan.range(
            plan.bound(.string(start), field: "start"), plan.bound(.string(end), field: "end"))
        return PartitionRequest(load: try request(step), number: number, scheme: scheme, range: range)
    }

    /// What a partition's record says of the statements and phases of its commit.
    fileprivate func manifest(of request: PartitionRequest) throws -> String? {
        try inWarehouse("SELECT manifest FROM _strandline_partitions WHERE backfill = '\(request.load.run)'").first?[0]
            .string
    }
}
