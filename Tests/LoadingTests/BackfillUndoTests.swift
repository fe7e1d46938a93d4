import Loading
import Model
import Platform
import SQLite
import Testing

/// A backfill can be undone whole until `undo.keep` has passed since its last commit, however much it changed and whatever
/// runs have kept meanwhile.
struct BackfillUndoTests {
    /// Ten rows of each of three days, with a step that keeps no more than four rows of a run for a minute.
    private func world() throws -> (World, LoadStep) {
        let world = try World(Tables.orders)
        let step = world.step().with {
            $0.undo = UndoPolicy(keep: .seconds(60), maxRows: 4)
            $0.lookback = .none
        }
        try world.source.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 29)
            INSERT INTO orders SELECT i, 'a' || i, '2024-03-0' || (i / 10 + 1) FROM n UNION ALL VALUES (99, 'a99', '2024-04-01')
            """)
        try world.load(step)
        try world.warehouse.execute(
            "UPDATE orders SET item = '?' || id WHERE id % 3 <> 0; DELETE FROM orders WHERE id % 5 = 0")
        return (world, step)
    }

    /// Reloads the three days as one backfill's partitions; after each of them `body` is called.
    private func reload(
        _ world: World, _ step: LoadStep, _ backfill: String, then body: (Int) throws -> Void = { _ in }
    ) throws {
        for day in 1...3 {
            try world.partition(step, "2024-03-0\(day)", "2024-03-0\(day + 1)", backfill: backfill, number: day)
            try body(day)
        }
    }

    @Test("rolls back more rows than runs may keep, also after runs have kept as many as they may")
    func isKeptWhole() throws {
        let (world, step) = try world()
        let before = try world.picture()
        let backfill = world.nextRun()
        var runs: [String] = []
        try reload(world, step, backfill) { day in
            for id in 1...3 {
                runs.append(world.nextRun())
                let row = 100 * day + id
                try world.source.execute("INSERT INTO orders VALUES (\(row), 'live', '2024-05-0\(day)T00:00:0\(id)Z')")
                #expect(try world.load(step, run: runs[runs.count - 1]).counts.inserted == 1)
            }
        }
        // Of the runs the newest four are kept, of the backfill every row.
        #expect(
            try world.inWarehouse("SELECT ifnull(kept_through, 0) <> 0, count(*) FROM _strandline_undo GROUP BY 1")
                == [[0, 4], [1, 4]])
        #expect(try world.rollbackFailure(runs[4], step)?.code == .undoMissing)
        let done = try world.rollback(backfill, step)
        #expect(done.first?.rowsReverted == 16 && done.first?.rowsRemoved == 6)
        #expect(try world.picture().filter { $0.count < 3 || $0[2] != "live" } == before)
        #expect(try world.rollback(runs[8], step).first?.rowsRemoved == 1)
    }

    @Test("what was staged is rolled back whole after it is published")
    func isKeptWholeWhenStaged() throws {
        let (world, step) = try world()
        let before = try world.picture()
        let backfill = world.nextRun()
        for day in 1...3 {
            try world.stage(step, "2024-03-0\(day)", "2024-03-0\(day + 1)", backfill: backfill, number: day)
        }
        let published = try world.publish(backfill, step)
        #expect(published.rows.updated == 16 && published.rows.inserted == 6)
        #expect(published.warnings.isEmpty)
        #expect(try world.isEqual())
        #expect(try world.rollback(backfill, step).first?.rowsReverted == 16)
        #expect(try world.picture() == before)
    }

    @Test("its time begins with its last commit")
    func isKeptFromItsEnd() throws {
        let (world, step) = try world()
        let before = try world.picture()
        let other = step.with {
            $0.name = "other"; $0.destination.table = "others"
        }
        let (early, late) = (world.nextRun(), world.nextRun())
        try reload(world, step, early) { _ in world.clock.advance(by: .seconds(50)) }
        // Its first partition is 150 seconds old.
        try world.load(other)
        #expect(try !world.rollback(early, step, isTrial: true).isEmpty)
        _ = try world.rollback(early, step)
        #expect(try world.picture() == before)
        try reload(world, step, late)
        world.clock.advance(by: .seconds(61))
        try world.load(other)
        #expect(try world.rollbackFailure(late, step)?.code == .undoMissing)
        #expect(try world.inWarehouse("SELECT count(*) FROM _strandline_undo_orders") == [[0]])
        #expect(try world.inWarehouse("SELECT count(*) FROM _strandline_undo WHERE run = '\(late)'") == [[0]])
    }

    @Test(
        "what was rolled back, or waits to be published, is not taken for loaded when the oldest backfills are folded",
        arguments: [false, true])
    func foldsNothingThatIsNotLoaded(isStaged: Bool) throws {
        let (world, step) = try world()
        let (undone, late) = (world.nextRun(), "run-600000")
        if isStaged {
            try world.stage(step, "2024-03-01", "2024-03-02", backfill: undone)
        } else {
            try reload(world, step, undone)
            _ = try world.rollback(undone, step)
        }
        // Its last partition stays, by which it would go on, until there are too many newer ones.
        let partitions = "SELECT count(*) FROM _strandline_partitions WHERE backfill = '\(undone)'"
        #expect(try world.inWarehouse(partitions) == [[1]])
        try world.warehouse.execute(
            """
            CREATE TEMP TABLE one AS SELECT * FROM _strandline_partitions;
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Limits.loadRecords + 1))
            INSERT INTO one SELECT \(try columns(world)) FROM one, n;
            DELETE FROM one WHERE backfill = '\(undone)';
            INSERT INTO _strandline_partitions SELECT * FROM one;
            """)
        try reload(world, step, late)
        world.clock.advance(by: .seconds(61))
        try world.load(
            step.with {
                $0.name = "other"; $0.destination.table = "others"
            })
        #expect(try world.inWarehouse(partitions) == [[isStaged ? 1 : 0]])
        let folded = "SELECT DISTINCT backfill FROM _strandline_backfill_intervals ORDER BY 1"
        #expect(try world.inWarehouse(folded).map { $0[0].string }.contains(late))
        #expect(try !world.inWarehouse(folded).map { $0[0].string }.contains(undone))
    }

    /// The columns of a partition's record, as those of another backfill which was not rolled back.
    private func columns(_ world: World) throws -> String {
        try world.inWarehouse("SELECT name FROM pragma_table_info('_strandline_partitions')").compactMap {
            $0[0].string
        }
        .map { name in
            let own = ["backfill": "'run-5' || printf('%05d', i)", "rolled_back_at": "NULL", "staged": "0"]
            return own[name] ?? "one." + name
        }
        .joined(separator: ", ")
    }

    // MARK: Triggers

    /// Counts the changes of all rows in one of them, which no backfill of these days reloads.
    private static let total = "UPDATE orders SET item = item || '+' WHERE id = 1000"

    private func triggered(_ event: String, key: [String]) throws -> (World, LoadStep) {
        let table = key.isEmpty ? "CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT);" : Tables.orders
        let world = try World(
            table
                + "INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01'), (1000, 'total', '2024-04-01')"
        )
        let step = world.step(key: key, mode: key.isEmpty ? .append : .upsert).with { $0.undo = .usual }
        try world.load(step)
        try world.warehouse.execute("UPDATE orders SET item = '?' WHERE id = 1")
        try world.warehouse.execute(
            "CREATE TRIGGER total AFTER \(event) ON orders WHEN \(event == "DELETE" ? "old" : "new").id < 1000 "
                + "BEGIN \(BackfillUndoTests.total); END")
        return (world, step)
    }

    @Test(
        "rows that a trigger changes beside the reloaded ones are not taken for untouched: the rollback is refused",
        arguments: [("UPDATE", ["id"]), ("INSERT", []), ("DELETE", [])])
    func tellsThatATriggerWritesOtherRows(event: String, key: [String]) throws {
        let (world, step) = try triggered(event, key: key)
        let backfill = world.nextRun()
        let result = try world.partition(step, "2024-03-01", "2024-03-02", backfill: backfill, allowShrink: true)
        #expect(try world.inWarehouse("SELECT item FROM orders WHERE id = 1000") == [["total+"]])
        #expect(result.warnings.map(\.code) == ["undo_lost"])
        let before = try world.picture()
        let failure = try world.rollbackFailure(backfill, step)
        #expect(failure?.code == .undoMissing && failure?.message.contains("trigger") == true)
        #expect(try world.picture() == before)
    }

    @Test("a run is held to the same")
    func tellsOfARun() throws {
        let (world, step) = try triggered("UPDATE", key: ["id"])
        try world.source.execute("UPDATE orders SET item = 'A', updated_at = '2024-05-02' WHERE id = 1")
        let run = world.nextRun()
        #expect(try world.load(step, run: run).codes == ["undo_lost"])
        #expect(try world.rollbackFailure(run, step)?.code == .undoMissing)
    }

    @Test("a trigger that would change other rows as rows are put back stops the rollback", arguments: [["id"], []])
    func refusesTriggersOfTheRollback(key: [String]) throws {
        let (world, step) = try triggered("INSERT", key: key)
        try world.warehouse.execute("DROP TRIGGER total")
        let old = try world.picture()
        let backfill = world.nextRun()
        try world.partition(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.warehouse.execute("CREATE TRIGGER total AFTER INSERT ON orders BEGIN \(BackfillUndoTests.total); END")
        let before = try world.picture()
        let failure = try world.rollbackFailure(backfill, step)
        #expect(failure?.code == .verificationFailed && failure?.message.contains("other rows") == true)
        #expect(try world.picture() == before)
        try world.warehouse.execute("DROP TRIGGER total")
        _ = try world.rollback(backfill, step)
        #expect(try world.picture() == old)
    }

    @Test("a trigger that writes only the loaded rows, or another table, stands in no way")
    func allowsOtherTriggers() throws {
        let (world, step) = try triggered("UPDATE", key: ["id"])
        try world.warehouse.execute("DROP TRIGGER total; ALTER TABLE orders ADD COLUMN seen")
        try world.logChanges()
        try world.warehouse.execute(
            "CREATE TRIGGER seen AFTER UPDATE OF item ON orders BEGIN UPDATE orders SET seen = old.item WHERE id = new.id; END"
        )
        let before = try world.picture()
        let backfill = world.nextRun()
        let result = try world.partition(step, "2024-03-01", "2024-03-02", backfill: backfill)
        #expect(result.rows.updated == 1 && !result.warnings.map(\.code).contains("undo_lost"))
        #expect(try world.inWarehouse("SELECT seen FROM orders WHERE id = 1") == [["?"]])
        #expect(try world.rollback(backfill, step).first?.rowsReverted == 1)
        #expect(try world.picture() == before)
        #expect(try world.warehouse.rows("SELECT 1 FROM sqlite_temp_schema").isEmpty)
    }
}
