import Loading
import Model
import Platform
import SQLite
import Testing

/// Backfills that stage their rows: what readers see, what is published, what is left alone, and what is compared.
struct StagingTests {
    private static let rows = """
        INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01T23:59:59.9Z'),
            (3, 'c', '2024-03-02'), (4, 'd', '2024-03-03'), (5, 'e', NULL), (6, 'f', 'soon');
        """

    private func world(_ table: String = Tables.orders) throws -> World {
        try World(table + StagingTests.rows, warehouse: table + StagingTests.rows)
    }

    /// A world whose destination an incremental run has filled.
    private func loaded(_ step: LoadStep) throws -> World {
        let world = try World(
            Tables.orders + "INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01T23:59:59.9Z'), "
                + "(3, 'c', '2024-03-02'), (4, 'd', '2024-03-03')")
        try world.load(step)
        return world
    }

    private static let step = LoadStep(
        name: "orders", source: .init(connection: "shop", relation: .table("orders")),
        destination: .init(connection: "warehouse", table: "orders"), strategy: .timestamp,
        cursor: Cursor(column: "updated_at"), primaryKey: ["id"]
    ).with { $0.undo = .usual }

    private func scrambled(_ world: World) throws {
        try world.warehouse.execute(
            "UPDATE orders SET item = '?'; DELETE FROM orders WHERE id = 2; "
                + "INSERT INTO orders VALUES (9, 'gone', '2024-03-01 12:00')")
    }

    // PAINS 44: rows are staged beside the table and published in one transaction.
    @Test("PAINS 44: a reader sees the old range until publishing, and the new one after it", arguments: Tables.both)
    func publishesAtOnce(table: String) throws {
        let world = try world(table)
        try scrambled(world)
        let before = try world.inWarehouse("SELECT * FROM orders ORDER BY id")
        let backfill = world.nextRun()
        let first = try world.stage(world.step(), "2024-03-01", "2024-03-02", backfill: backfill)
        #expect(first.rows == RowCounts(read: 2))
        #expect(first.reconciliation?.isReconciled == true)
        #expect(first.reconciliation?.sourceRows == 2)
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == before)
        try world.stage(world.step(), "2024-03-02", "2024-03-03", backfill: backfill, number: 2)
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == before)
        try world.logChanges()
        let trial = try world.publish(backfill, world.step(), isTrial: true, allowShrink: true)
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == before)
        let done = try world.publish(backfill, world.step(), allowShrink: true)
        #expect(done == trial)
        #expect(done.rows == RowCounts(read: 3, inserted: 1, updated: 2, deleted: 1))
        #expect(try world.takeChanges().sorted() == ["d9", "i2", "u1", "u3"])
        #expect(
            try world.inWarehouse("SELECT id || item FROM orders ORDER BY id").map { $0[0] }
                == ["1a", "2b", "3c", "4?", "5?", "6?"])
        #expect(try world.hiddenTables() == [])
        #expect(try world.publish(backfill, world.step()) == done)
        #expect(try world.takeChanges() == [])
        let file = try world.file("warehouse.db")
        #expect(try world.loader().committedPublish(backfill: backfill, step: "orders", destination: file) == done)
    }

    @Test("what was published is put back exactly, and what was not is thrown away")
    func isRolledBack() throws {
        let world = try world()
        try scrambled(world)
        let before = try world.picture("orders")
        let backfill = world.nextRun()
        try world.stage(StagingTests.step, "2024-03-01", "2024-03-03", backfill: backfill)
        try world.publish(backfill, StagingTests.step, allowShrink: true)
        #expect(try world.picture("orders") != before)
        let done = try world.rollback(backfill, StagingTests.step)
        #expect(done.first?.rowsRestored == 1)
        #expect(try world.picture("orders") == before)
        let other = world.nextRun()
        try world.stage(StagingTests.step, "2024-03-01", "2024-03-03", backfill: other)
        #expect(try world.rollback(other, StagingTests.step).count == 1)
        #expect(try world.rollback(other, StagingTests.step).isEmpty)
        #expect(try world.picture("orders") == before)
        #expect(try world.hiddenTables() == [])
        let refused = #expect(throws: Failure.self) { try world.publish(other, StagingTests.step) }
        #expect(refused?.code == .conflict)
        let late = #expect(throws: Failure.self) {
            try world.stage(StagingTests.step, "2024-03-03", "2024-03-04", backfill: other, number: 2)
        }
        #expect(late?.code == .conflict)
    }

    @Test("rows that a run has loaded since they were staged stay as the run left them")
    func keepsNewerRows() throws {
        let step = StagingTests.step
        let world = try loaded(step)
        let backfill = world.nextRun()
        try world.warehouse.execute("UPDATE orders SET item = '?' WHERE id < 3")
        try world.source.execute("DELETE FROM orders WHERE id = 2")
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        // Row 1 moves on, row 2 returns as it was, row 7 comes into the range.
        try world.source.execute(
            """
            UPDATE orders SET item = 'new', updated_at = '2024-05-01' WHERE id = 1;
            INSERT INTO orders VALUES (2, '?', '2024-05-02'), (7, 'g', '2024-05-03');
            """)
        try world.load(step)
        let published = try world.publish(backfill, step)
        #expect(published.rows.inserted + published.rows.updated + published.rows.deleted == 0)
        #expect(published.warnings.map(\.code) == ["rows_newer"])
        #expect(
            try world.inWarehouse("SELECT id || item FROM orders WHERE id IN (1, 2, 7) ORDER BY id").map { $0[0] }
                == ["1new", "2?", "7g"])
    }

    @Test("a run that found a row right without writing it counts, too")
    func keepsRowsThatWereSeen() throws {
        let step = StagingTests.step.with { $0.lookback = .time(.seconds(400 * 86_400)) }
        let world = try loaded(step)
        let backfill = world.nextRun()
        try world.source.execute("UPDATE orders SET item = 'wrong' WHERE id = 4")
        try world.stage(step, "2024-03-03", "2024-03-04", backfill: backfill)
        try world.source.execute("UPDATE orders SET item = 'd' WHERE id = 4")
        #expect(try world.load(step).counts.updated == 0)
        try world.publish(backfill, step)
        #expect(try world.inWarehouse("SELECT item FROM orders WHERE id = 4") == [["d"]])
    }

    @Test("rows that a rollback has put back since they were staged stay as they are")
    func keepsRowsThatWerePutBack() throws {
        let world = try loaded(StagingTests.step)
        try world.source.execute("UPDATE orders SET item = 'new', updated_at = '2024-03-03T05:00:00Z' WHERE id = 4")
        let run = world.nextRun()
        try world.load(StagingTests.step, run: run)
        let backfill = world.nextRun()
        try world.stage(StagingTests.step, "2024-03-03", "2024-03-04", backfill: backfill)
        try world.rollback(run, StagingTests.step)
        #expect(try world.publish(backfill, StagingTests.step).warnings.map(\.code) == ["rows_newer"])
        #expect(try world.inWarehouse("SELECT item FROM orders WHERE id = 4") == [["d"]])
    }

    @Test("what was staged before the whole table was rebuilt or compared is not published", arguments: [true, false])
    func keepsTheWholeTable(rebuilds: Bool) throws {
        let world = try world()
        let step = world.step("orders", .snapshotDiff, cursor: nil)
        let backfill = world.nextRun()
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute("UPDATE orders SET item = 'newer' WHERE id = 1; DELETE FROM orders WHERE id = 2")
        try world.load(step, fullRefresh: rebuilds)
        let published = try world.publish(backfill, step)
        #expect(published.rows == RowCounts())
        #expect(published.warnings.map(\.code).contains("superseded"))
        #expect(try world.isEqual())
    }

    @Test("a sweep that missed a staged key in the source keeps it out")
    func keepsDeletedKeysOut() throws {
        let step = StagingTests.step.with { $0.detectDeletes = .keys }
        let world = try loaded(step)
        try world.warehouse.execute("DELETE FROM orders WHERE id = 1")
        let backfill = world.nextRun()
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute("DELETE FROM orders WHERE id = 1")
        try world.load(step)
        try world.publish(backfill, step)
        #expect(try world.inWarehouse("SELECT id FROM orders WHERE id = 1") == [])
    }

    @Test("what a partition found gone on its way to another is taken back by that one")
    func followsRowsBetweenPartitions() throws {
        let world = try world()
        let backfill = world.nextRun()
        try world.source.execute("UPDATE orders SET updated_at = '2024-03-02' WHERE id = 1")
        try world.stage(world.step(), "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute("DELETE FROM orders WHERE id = 1")
        try world.stage(world.step(), "2024-03-02", "2024-03-03", backfill: backfill, number: 2)
        try world.publish(backfill, world.step(), allowShrink: true)
        #expect(try world.isEqual())
    }

    @Test("publishing removes no more of the range than max_shrink, unless it is allowed")
    func refusesToShrink() throws {
        let world = try world()
        try world.source.execute("DELETE FROM orders WHERE id = 1")
        let backfill = world.nextRun()
        let step = world.step().with { $0.maxShrink = 0.2 }
        try world.stage(step, "2024-03-01", "2024-03-04", backfill: backfill)
        let refused = #expect(throws: Failure.self) { try world.publish(backfill, step) }
        #expect(refused?.code == .shrinkGuard)
        #expect(refused?.message.contains("2024-03-01") == true)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[6]])
        #expect(try world.publish(backfill, step, allowShrink: true).rows.deleted == 1)
    }

    @Test("columns that the source was given come with publishing, and go with its rollback")
    func addsColumns() throws {
        let world = try world()
        let before = try world.picture("orders")
        let backfill = world.nextRun()
        try world.stage(StagingTests.step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute("ALTER TABLE orders ADD COLUMN price REAL; UPDATE orders SET price = id * 1.5")
        try world.stage(StagingTests.step, "2024-03-02", "2024-03-04", backfill: backfill, number: 2)
        #expect(try world.picture("orders") == before)
        #expect(try world.publish(backfill, StagingTests.step).warnings.map(\.code) == ["columns_added"])
        #expect(
            try world.inWarehouse("SELECT price FROM orders WHERE id < 5 ORDER BY id")
                == [[.null], [.null], [4.5], [6.0]])
        try world.rollback(backfill, StagingTests.step)
        #expect(try world.picture("orders") == before)
    }

    @Test("a destination that cannot be told apart by a key, or that another backfill has staged for, is refused")
    func refuses() throws {
        let world = try world()
        let backfill = world.nextRun()
        try world.stage(world.step(), "2024-03-01", "2024-03-02", backfill: backfill)
        let second = #expect(throws: Failure.self) { try world.stage(world.step(), "2024-03-02", "2024-03-03") }
        #expect(second?.code == .conflict)
        #expect(second?.message.contains(backfill) == true)
        let bag = try World(
            "CREATE TABLE orders (item, updated_at)", warehouse: "CREATE TABLE orders (item, updated_at)")
        let append = bag.step(key: [], mode: .append)
        try bag.source.execute("INSERT INTO orders VALUES ('a', '2024-03-01')")
        try bag.load(append)
        let keyless = #expect(throws: Failure.self) { try bag.stage(append, "2024-03-02", "2024-03-03") }
        #expect(keyless?.code == .unsupported)
    }

    @Test("staged partitions count as loaded once they are published")
    func ledgerCountsPublished() throws {
        let world = try loaded(StagingTests.step)
        let backfill = world.nextRun()
        func backfilled() throws -> Bool {
            let ledger = try world.loader().ledger(
                pipeline: "orders", step: StagingTests.step, destination: try world.file("warehouse.db"),
                stop: StopToken())
            return ledger.overlaps.contains { $0.first == backfill }
        }
        try world.stage(StagingTests.step, "2024-03-01", "2024-03-02", backfill: backfill)
        #expect(try !backfilled())
        try world.publish(backfill, StagingTests.step)
        #expect(try backfilled())
        try world.rollback(backfill, StagingTests.step)
        #expect(try !backfilled())
    }

    @Test("a connection that partitions leave open goes on when what it noted for is published")
    func leavesNoTriggers() throws {
        let world = try world()
        let loader = world.loader()
        let (staged, direct) = (world.nextRun(), world.nextRun())
        try world.stage(world.step(), "2024-03-01", "2024-03-02", backfill: staged)
        func reload(_ number: Int) throws -> PartitionResult {
            let scheme = PartitionScheme(column: "updated_at", interval: .day)
            let plan = try BackfillPlan(scheme)
            let range = try plan.range(plan.bound("2024-03-03", field: "start"), plan.bound("2024-03-04", field: "end"))
            try world.source.execute("UPDATE orders SET item = 'd\(number)' WHERE id = 4")
            return try loader.loadPartition(
                PartitionRequest(
                    load: try world.request(world.step(), run: direct), number: number, scheme: scheme, range: range),
                stop: StopToken())
        }
        #expect(try reload(1).rows.updated == 1)
        try world.publish(staged, world.step())
        #expect(try reload(2).rows.updated == 1)
        loader.closePartitions(of: direct)
    }

    @Test("a worker that was given up between partitions finds the staged ones staged")
    func isNotRepeated() throws {
        let world = try world()
        let backfill = world.nextRun()
        let first = try world.stage(world.step(), "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute("DELETE FROM orders")
        #expect(try world.stage(world.step(), "2024-03-01", "2024-03-02", backfill: backfill, attempt: 2) == first)
        let file = try world.file("warehouse.db")
        let found = try world.loader().committedPartition(
            backfill: backfill, number: 1, step: "orders", destination: file)
        #expect(found == first)
        try world.loader().discardStaged(backfill: backfill, step: "orders", destination: file)
        try world.loader().discardStaged(backfill: backfill, step: "orders", destination: file)
        #expect(
            try world.loader().committedPartition(backfill: backfill, number: 1, step: "orders", destination: file)
                == nil)
        #expect(try world.hiddenTables() == [])
    }
}

extension World {
    /// Stages a partition as a new backfill's, or as the given one's.
    @discardableResult
    func stage(
        _ step: LoadStep, _ start: String, _ end: String, backfill: String? = nil, number: Int = 1, attempt: Int = 1
    ) throws -> PartitionResult {
        let scheme = PartitionScheme(column: "updated_at", interval: .day)
        let plan = try BackfillPlan(scheme)
        let range = try plan.range(
            plan.bound(.string(start), field: "start"), plan.bound(.string(end), field: "end"))
        var request = PartitionRequest(
            load: try request(step, run: backfill, attempt: attempt), number: number, scheme: scheme, range: range)
        request.isStaged = true
        return try loader().loadPartition(request, stop: StopToken())
    }

    @discardableResult
    func publish(
        _ backfill: String, _ step: LoadStep, isTrial: Bool = false, allowShrink: Bool = false
    ) throws -> PartitionResult {
        try loader().publishBackfill(
            PublishRequest(
                backfill: backfill, pipeline: "orders", step: step, destination: try file("warehouse.db"),
                allowShrink: allowShrink, isTrial: isTrial), stop: StopToken())
    }

    /// What is left of staged rows in the destination.
    func hiddenTables() throws -> [[Value]] {
        try inWarehouse(
            "SELECT name FROM sqlite_schema WHERE name LIKE '\\_strandline\\_shadow%' ESCAPE '\\' "
                + "OR name LIKE '\\_strandline\\_noted%' ESCAPE '\\'")
    }
}
