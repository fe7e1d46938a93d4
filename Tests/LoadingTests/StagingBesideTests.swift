import Loading
import Model
import Platform
import SQLite
import Testing

/// What loads of every kind do to a table while a backfill has rows staged for it, and what is published then.
struct StagingBesideTests {
    private static let rows = """
        INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01'), (3, 'c', '2024-03-02');
        """

    private func items(_ world: World) throws -> [String?] {
        try world.inWarehouse("SELECT id || ifnull(item, '-') FROM orders ORDER BY id").map { $0[0].string }
    }

    // PAINS 44
    @Test("a row of which a run has only set a newer version aside is published", arguments: [false, true])
    func publishesWhatWasOnlySetAside(direct: Bool) throws {
        let world = try World(Tables.orders + StagingBesideTests.rows)
        let step = world.step().with {
            $0.checks = [Check(name: "filled", rule: .notNull(["item"]), onFail: .quarantine)]
            $0.undo = .usual
        }
        try world.load(step)
        try world.warehouse.execute("UPDATE orders SET item = 'old'")
        let backfill = world.nextRun()
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        // A newer version of row 1 fails the check; of row 2 it passes.
        try world.source.execute(
            """
            UPDATE orders SET item = NULL, updated_at = '2024-03-05' WHERE id = 1;
            UPDATE orders SET item = 'new', updated_at = '2024-03-05' WHERE id = 2;
            """)
        if direct {
            try world.reload(step, "2024-03-05", "2024-03-06")
        } else {
            #expect(try world.load(step).counts == RowCounts(read: 3, updated: 2, quarantined: 1))
        }
        let done = try world.publish(backfill, step)
        #expect(done.rows == RowCounts(read: 1, updated: 1))
        #expect(try items(world).prefix(2) == ["1a", "2new"])
        // The newer version waits on.
        #expect(
            try world.inWarehouse("SELECT row_key FROM _strandline_quarantine WHERE resolved_at IS NULL") == [["[1]"]])
    }

    @Test("a row that the statements of a step have written stays as they left it")
    func leavesWhatStatementsWrote() throws {
        let world = try World(Tables.orders + StagingBesideTests.rows)
        let step = world.step().with { $0.undo = .usual }
        try world.load(step)
        try world.warehouse.execute("UPDATE orders SET item = 'old'")
        let backfill = world.nextRun()
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try run("UPDATE orders SET item = 'by hand' WHERE id = 1; DELETE FROM orders WHERE id = 3", world)
        let done = try world.publish(backfill, step)
        #expect(done.rows == RowCounts(read: 1, updated: 1) && done.warnings.map(\.code) == ["rows_newer"])
        #expect(try items(world) == ["1by hand", "2b"])
    }

    @Test(
        "a table that the statements of a step have made anew is newer than all that was staged for it",
        arguments: [
            "DROP TABLE orders; CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT); "
                + "INSERT INTO orders VALUES (1, 'new', '2024-03-01')",
            "CREATE TABLE made (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT); "
                + "INSERT INTO made VALUES (1, 'new', '2024-03-01'); ALTER TABLE orders RENAME TO before; "
                + "ALTER TABLE made RENAME TO orders",
            // Not to be noted is no way to be overwritten.
            "DROP TRIGGER _strandline_touch_1_update; UPDATE orders SET item = 'new' WHERE id = 1; "
                + "DELETE FROM orders WHERE id > 1",
        ])
    func leavesTablesThatStatementsMade(sql: String) throws {
        let world = try World(Tables.orders + StagingBesideTests.rows)
        let step = world.step().with { $0.undo = .usual }
        try world.load(step)
        let backfill = world.nextRun()
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try run(sql, world)
        let done = try world.publish(backfill, step)
        #expect(done.rows.updated + done.rows.inserted + done.rows.deleted == 0)
        #expect(try items(world) == ["1new"])
    }

    @Test("what notes the rows that statements write lets them write nothing of Strandline's")
    func keepsStatementsOutOfItsTables() throws {
        let world = try World(Tables.orders + StagingBesideTests.rows)
        let step = world.step().with { $0.undo = .usual }
        try world.load(step)
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: world.nextRun())
        for sql in [
            "DELETE FROM _strandline_noted", "DROP TABLE _strandline_noted",
            "DROP TRIGGER _strandline_touch_1_insert; CREATE TEMP TRIGGER _strandline_touch_1_insert AFTER INSERT ON main.orders "
                + "BEGIN DELETE FROM _strandline_watermarks; END",
        ] {
            let failure = #expect(throws: Failure.self, "\(sql)") { try run(sql, world) }
            #expect(failure?.message.contains("Strandline keeps") == true, "\(sql): \(failure?.message ?? "")")
        }
    }

    @Test("an audit that heals leaves what it has not looked at to be published", arguments: [false, true])
    func publishesWhatAHealLeft(deletesExtra: Bool) throws {
        let world = try World(Tables.orders + StagingBesideTests.rows)
        let step = world.step().with {
            $0.undo = .usual
            $0.maxShrink = 1
        }
        try world.load(step)
        // No run sees the delete; row 2 comes back, and row 1 changes, after they were staged.
        try world.source.execute("DELETE FROM orders WHERE id IN (2, 3); UPDATE orders SET item = 'early' WHERE id = 1")
        try world.source.execute("INSERT INTO orders VALUES (4, 'other', '2024-03-02')")
        let backfill = world.nextRun()
        try world.stage(step, "2024-03-01", "2024-03-03", backfill: backfill)
        try world.source.execute(
            """
            INSERT INTO orders VALUES (2, 'back', '2024-03-01'); UPDATE orders SET item = 'late' WHERE id = 1;
            INSERT INTO orders VALUES (9, 'ahead', '2024-03-09');
            """)
        let healed = try world.audit(
            step, AuditOptions(heal: true, deleteExtra: deletesExtra), run: world.nextRun())
        #expect(healed.healed == .init(missing: 1, extra: deletesExtra ? 1 : 0, different: 2))
        let done = try world.publish(backfill, step)
        #expect(done.rows.deleted == (deletesExtra ? 0 : 1))
        #expect(!done.warnings.map(\.code).contains("superseded"))
        #expect(try items(world) == ["1late", "2back", "4other"])
    }

    @Test("no backfill is rolled back under what another one has staged")
    func refusesToRollBackUnderneath() throws {
        let world = try World(Tables.orders + StagingBesideTests.rows)
        let step = world.step().with { $0.undo = .usual }
        try world.load(step)
        try world.warehouse.execute(
            "UPDATE orders SET item = 'old'; INSERT INTO orders VALUES (7, 'extra', '2024-03-01')")
        let (direct, staged) = (world.nextRun(), world.nextRun())
        try world.partition(step, "2024-03-01", "2024-03-02", backfill: direct, allowShrink: true)
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: staged)
        let before = try world.picture()
        let failure = try world.rollbackFailure(direct, step)
        #expect(failure?.code == .conflict && failure?.hint.contains("cancel backfill \(staged)") == true)
        #expect(try world.picture() == before)
        _ = try world.rollback(staged, step)
        _ = try world.rollback(direct, step)
        #expect(try items(world) == ["1old", "2old", "3old", "7extra"])
    }

    private func run(_ sql: String, _ world: World) throws {
        let request = SQLRequest(
            run: world.nextRun(), pipeline: "p",
            step: SQLStep(name: "s", connection: "warehouse", script: SQLScript(sql)),
            attempt: 1, destination: try world.request(world.step()).destination,
            nominal: Timestamp(microseconds: 1_000_000_000_000), watermark: nil, isWhole: false)
        _ = try world.loader().run(request, stop: StopToken())
    }

    // MARK: Keys whose case does not count

    @Test("a key that comes in another case is one row", arguments: [false, true])
    func takesKeysForEqualAsTheTableDoes(unchanged: Bool) throws {
        let table = "CREATE TABLE orders (code TEXT COLLATE NOCASE PRIMARY KEY, item TEXT, updated_at TEXT);"
        let world = try World(
            table + "INSERT INTO orders VALUES ('A', 'a', '2024-03-01'), ('b', 'b', '2024-03-01')", warehouse: table)
        let step = world.step(key: ["code"]).with {
            $0.lookback = .time(.seconds(400 * 86_400))
            $0.undo = .usual
        }
        try world.load(step)
        let backfill = world.nextRun()
        try world.source.execute("UPDATE orders SET code = 'a', item = 'staged' WHERE code = 'A'")
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute(
            unchanged
                ? "UPDATE orders SET code = 'A', item = 'a' WHERE code = 'a'"
                : "UPDATE orders SET code = 'A', item = 'newer' WHERE code = 'a'")
        try world.load(step)
        let done = try world.publish(backfill, step)
        #expect(done.warnings.map(\.code) == ["rows_newer"])
        #expect(try world.isEqual(by: "code"))
    }

    @Test("a key whose case changed in the source is published in that case", arguments: ["", " WITHOUT ROWID"])
    func publishesAnotherCase(kind: String) throws {
        let table = "CREATE TABLE orders (code TEXT COLLATE NOCASE PRIMARY KEY, item TEXT, updated_at TEXT)\(kind);"
        let world = try World(
            table + "INSERT INTO orders VALUES ('A', 'a', '2024-03-01'), ('b', 'b', '2024-03-01')", warehouse: table)
        let step = world.step(key: ["code"]).with { $0.undo = .usual }
        try world.load(step)
        let before = try world.picture("orders")
        let backfill = world.nextRun()
        try world.source.execute("UPDATE orders SET code = 'a', item = 'staged' WHERE code = 'A'")
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.publish(backfill, step, allowShrink: true)
        #expect(try world.isEqual(by: "code"))
        try world.rollback(backfill, step)
        #expect(try world.picture("orders") == before)
    }

    // MARK: Triggers

    @Test("what a trigger of the table writes beside a run's rows counts as written by the run")
    func notesWhatTriggersWrite() throws {
        let world = try World(
            Tables.orders + StagingBesideTests.rows + "INSERT INTO orders VALUES (9, 'z', '2024-03-04')")
        let step = world.step().with {
            $0.lookback = .none
            $0.undo = .usual
        }
        try world.load(step)
        let backfill = world.nextRun()
        try world.warehouse.execute("UPDATE orders SET item = 'old'")
        try world.stage(step, "2024-03-01", "2024-03-03", backfill: backfill)
        try world.warehouse.execute(
            """
            CREATE TRIGGER neighbour AFTER UPDATE ON orders WHEN new.id = 1 BEGIN
                UPDATE orders SET item = 'with 1' WHERE id = 2;
            END;
            """)
        try world.source.execute("UPDATE orders SET item = 'new', updated_at = '2024-03-05' WHERE id = 1")
        try world.load(step)
        #expect(try items(world) == ["1new", "2with 1", "3old", "9z"])
        let done = try world.publish(backfill, step)
        #expect(done.rows == RowCounts(read: 1, updated: 1))
        #expect(try items(world) == ["1new", "2with 1", "3c", "9z"])
    }

    @Test("what a trigger of another table writes counts, too")
    func notesWhatOtherTablesTriggersWrite() throws {
        let world = try World(
            Tables.orders + StagingBesideTests.rows
                + "CREATE TABLE notes (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);"
                + "INSERT INTO notes VALUES (1, 'noted', '2024-03-05')",
            warehouse: Tables.orders + StagingBesideTests.rows
                + "CREATE TABLE notes (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);")
        try world.warehouse.execute(
            """
            UPDATE orders SET item = 'old';
            CREATE TRIGGER carry AFTER INSERT ON notes BEGIN UPDATE orders SET item = new.item WHERE id = new.id; END;
            """)
        let backfill = world.nextRun()
        let step = world.step().with { $0.undo = .usual }
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.load(world.step("notes").with { $0.name = "notes" })
        let done = try world.publish(backfill, step)
        #expect(done.rows == RowCounts(read: 1, updated: 1))
        #expect(try items(world) == ["1noted", "2b", "3old"])
    }

    @Test("publishing into a table with triggers fires them once for each row that changes")
    func firesTriggersOnce() throws {
        let world = try World(
            Tables.orders + StagingBesideTests.rows, warehouse: Tables.orders + StagingBesideTests.rows)
        try world.warehouse.execute(
            "UPDATE orders SET item = '?' WHERE id = 1; DELETE FROM orders WHERE id = 2;"
                + "INSERT INTO orders VALUES (9, 'gone', '2024-03-01')")
        let backfill = world.nextRun()
        try world.stage(world.step(), "2024-03-01", "2024-03-02", backfill: backfill)
        try world.logChanges()
        try world.publish(backfill, world.step(), allowShrink: true)
        #expect(try world.takeChanges().sorted() == ["d9", "i2", "u1"])
        #expect(try world.isEqual())
    }

    // MARK: Change events

    private static let log = """
        CREATE TABLE changes (seq INTEGER PRIMARY KEY, operation TEXT, id INTEGER, item TEXT, updated_at TEXT);
        """

    /// A step that applies change events to the table that the backfill stages for.
    private func events(_ world: World) -> LoadStep {
        world.step("changes", to: "orders", .cdc, cursor: "seq").with {
            $0.name = "events"
            $0.undo = .usual
        }
    }

    @Test("events that change nothing in the table are newer than what was staged before them")
    func notesEvents() throws {
        let world = try World(
            Tables.orders + StagingBesideTests.rows + StagingBesideTests.log,
            warehouse: Tables.orders + "INSERT INTO orders VALUES (1, 'right', '2024-03-01'), (3, 'c', '2024-03-02')")
        let backfill = world.nextRun()
        let step = world.step().with { $0.undo = .usual }
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        // The table has row 1 as its event says, and no row 2, which its event deletes.
        try world.source.execute(
            "INSERT INTO changes VALUES (1, 'U', 1, 'right', '2024-03-01'), (2, 'D', 2, NULL, NULL)")
        let applied = try world.load(events(world))
        #expect(applied.counts.updated + applied.counts.inserted + applied.counts.deleted == 0)
        let done = try world.publish(backfill, step)
        #expect(done.rows == RowCounts())
        #expect(try items(world) == ["1right", "3c"])
    }

    @Test("what was staged before the table was truncated is not published")
    func notesTruncations() throws {
        let world = try World(
            Tables.orders + StagingBesideTests.rows + StagingBesideTests.log,
            warehouse: Tables.orders + StagingBesideTests.rows + "DELETE FROM orders WHERE id = 2")
        let backfill = world.nextRun()
        let step = world.step().with { $0.undo = .usual }
        try world.stage(step, "2024-03-01", "2024-03-02", backfill: backfill)
        try world.source.execute(
            "INSERT INTO changes VALUES (1, 'T', NULL, NULL, NULL), (2, 'I', 1, 'again', '2024-03-06')")
        _ = try world.load(events(world), allowShrink: true)
        let done = try world.publish(backfill, step)
        #expect(done.rows == RowCounts())
        #expect(done.warnings.map(\.code).contains("superseded"))
        #expect(try items(world) == ["1again"])
    }
}

extension World {
    /// Reloads a partition straight into the destination, as a backfill of its own.
    @discardableResult
    func reload(_ step: LoadStep, _ start: String, _ end: String, allowShrink: Bool = false) throws -> PartitionResult {
        let scheme = PartitionScheme(column: "updated_at", interval: .day)
        let plan = try BackfillPlan(scheme)
        let range = try plan.range(
            plan.bound(.string(start), field: "start"), plan.bound(.string(end), field: "end"))
        return try loader().loadPartition(
            PartitionRequest(
                load: try request(step, allowShrink: allowShrink), number: 1, scheme: scheme, range: range),
            stop: StopToken())
    }
}
