import Loading
import Model
import Platform
import SQLite
import Testing

/// Rolling a run back: rows, schema and watermark as they were, or a refusal that names who changed them since.
struct RollbackTests {
    private static let policy = UndoPolicy(keep: .seconds(86_400), maxRows: 1_000)
    private static let modes = [WriteMode.upsert, .deleteInsert, .append]

    private func step(_ world: World, _ mode: WriteMode = .upsert) -> LoadStep {
        world.step(key: mode == .append ? [] : ["id"], mode: mode).with { $0.undo = RollbackTests.policy }
    }

    @Test("a run is undone: what it inserted, updated and deleted, and its watermark", arguments: modes)
    func undoesARun(mode: WriteMode) throws {
        let world = try World(Tables.orders)
        let step = step(world, mode)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')")
        try world.load(step)
        let before = try world.picture()
        let mark = try world.watermark()
        try world.source.execute(
            "UPDATE orders SET item = 'B', updated_at = '2024-05-03' WHERE id = 2; "
                + "INSERT INTO orders VALUES (3, 'c', '2024-05-04')")
        let run = world.nextRun()
        try world.load(step, run: run)
        let changed = try world.picture()
        #expect(changed != before)

        // A trial says the same and changes nothing.
        let trial = try world.rollback(run, step, isTrial: true)
        #expect(try world.picture() == changed)
        let done = try world.rollback(run, step)
        #expect(done == trial)
        #expect(done.first?.rowsRemoved == (mode == .append ? 2 : 1))
        #expect(done.first?.rowsReverted == (mode == .append ? 0 : 1))
        #expect(try world.picture() == before)
        #expect(try world.watermark()?.value == mark?.value)
        #expect(try world.watermark()?.version == 3)

        // Again there is nothing left; and the next run loads the rows again.
        #expect(try world.rollback(run, step).isEmpty)
        try world.load(step)
        #expect(try world.picture() == changed)
    }

    @Test("a run that made the table takes it away again, and its watermark")
    func undoesAFirstLoad() throws {
        for rowsPerCommit in [500_000, 2] {
            let world = try World(Tables.orders)
            try world.source.execute(
                "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02'), (3, 'c', '2024-05-03'), "
                    + "(4, 'd', '2024-05-04'), (5, 'e', '2024-05-05'), (6, 'f', '2024-05-06')")
            let run = world.nextRun()
            let result = try world.load(step(world), run: run, rowsPerCommit: rowsPerCommit)
            #expect((result.commits > 1) == (rowsPerCommit == 2))
            let done = try world.rollback(run, step(world))
            #expect(done.first?.tableDropped == true)
            #expect(done.first?.rowsRemoved == 6)
            #expect(try world.inWarehouse("SELECT 1 FROM sqlite_schema WHERE name = 'orders'").isEmpty)
            #expect(try world.watermark() == nil)
            try world.load(step(world))
            #expect(try world.isEqual())
        }
    }

    @Test("a column that a run added goes with it, unless later values stand in it")
    func undoesAColumn() throws {
        let world = try World(Tables.orders)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        let step = step(world)
        try world.load(step)
        let before = try world.picture()
        try world.source.execute(
            "ALTER TABLE orders ADD COLUMN colour TEXT; INSERT INTO orders VALUES (2, 'b', '2024-05-02', 'red')")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.source.execute("INSERT INTO orders VALUES (3, 'c', '2024-05-03', 'blue')")
        let later = world.nextRun()
        try world.load(step, run: later)
        let failure = try world.rollbackFailure(run, step)
        #expect(failure?.code == .conflict)
        #expect(failure?.message.contains("run \(later)") == true)
        #expect(try world.rollback(later, step).count == 1)
        #expect(try world.rollback(run, step).first?.columnsDropped == ["colour"])
        #expect(try world.picture() == before)
    }

    @Test("a rebuilt table comes back with its rows, indexes and triggers", arguments: [true, false])
    func undoesAFullRefresh(asStrategy: Bool) throws {
        let world = try World(Tables.orders)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')")
        let step =
            asStrategy
            ? world.step("orders", .fullRefresh, cursor: nil).with { $0.undo = RollbackTests.policy } : step(world)
        try world.load(step)
        try world.warehouse.execute(
            "CREATE INDEX by_item ON orders (item); CREATE TABLE seen (id); "
                + "CREATE TRIGGER seeing AFTER UPDATE ON orders BEGIN INSERT INTO seen VALUES (new.id); END")
        let before = try world.picture()
        try world.source.execute(
            "DELETE FROM orders WHERE id = 1; ALTER TABLE orders ADD COLUMN colour; "
                + "INSERT INTO orders VALUES (3, 'c', '2024-05-09', 'red')")
        let run = world.nextRun()
        try world.load(step, run: run, fullRefresh: !asStrategy)
        #expect(try world.isEqual())
        let done = try world.rollback(run, step)
        #expect(done.first?.tableSwapped == true)
        #expect(done.first?.rowsRestored == 2)
        #expect(done.first?.columnsDropped == ["colour"])
        #expect(try world.picture() == before)
        try world.warehouse.execute("UPDATE orders SET item = 'x' WHERE id = 1")
        #expect(try world.inWarehouse("SELECT * FROM seen") == [[.integer(1)]])
        try world.load(step, fullRefresh: !asStrategy)
        #expect(try world.isEqual())
    }

    @Test("rows that a later run has touched are refused, naming it; others do not matter")
    func refusesWhatALaterRunTouched() throws {
        let world = try World(Tables.orders)
        let step = step(world).with { $0.lookback = .none }
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')")
        try world.load(step)
        try world.source.execute("UPDATE orders SET item = 'A', updated_at = '2024-05-03' WHERE id = 1")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.source.execute("UPDATE orders SET item = 'B', updated_at = '2024-05-04' WHERE id = 2")
        let other = world.nextRun()
        try world.load(step, run: other)
        try world.source.execute("UPDATE orders SET item = 'AA', updated_at = '2024-05-05' WHERE id = 1")
        let later = world.nextRun()
        try world.load(step, run: later)
        let picture = try world.picture()
        let failure = try world.rollbackFailure(run, step)
        #expect(failure?.code == .conflict)
        #expect(failure?.message.contains("run \(later)") == true)
        #expect(try world.picture() == picture)
        // The later one first, then this one: the run between them touched another row, and stays.
        #expect(try world.rollback(later, step).count == 1)
        #expect(try world.rollback(run, step).count == 1)
        #expect(try world.inWarehouse("SELECT item FROM orders ORDER BY id") == [[.text("a")], [.text("B")]])
        // Nothing is lost: the next run reads from the earlier watermark.
        try world.load(step)
        #expect(try world.isEqual())
    }

    @Test("rows that another program has changed are not overwritten")
    func refusesWhatAnotherProgramTouched() throws {
        let world = try World(Tables.orders)
        let step = step(world)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(step)
        try world.source.execute(
            "UPDATE orders SET item = 'A', updated_at = '2024-05-03'; INSERT INTO orders VALUES (2, 'b', '2024-05-03')")
        let run = world.nextRun()
        try world.load(step, run: run)
        for sql in ["UPDATE orders SET item = 'mine' WHERE id = 1", "DELETE FROM orders WHERE id = 2"] {
            try world.warehouse.execute("SAVEPOINT hand; \(sql); RELEASE hand")
            let picture = try world.picture()
            let failure = try world.rollbackFailure(run, step)
            #expect(failure?.code == .conflict, "\(sql)")
            #expect(failure?.message.contains("another program") == true, "\(sql)")
            #expect(try world.picture() == picture, "\(sql)")
        }
    }

    @Test("what is kept is bounded by time and by rows")
    func isBounded() throws {
        let world = try World(Tables.orders)
        let step = step(world).with { $0.undo = UndoPolicy(keep: .seconds(60), maxRows: 4) }
        try world.source.execute("INSERT INTO orders VALUES (0, 'a', '2024-05-01')")
        try world.load(step)
        var runs: [String] = []
        for id in 1...8 {
            try world.source.execute("INSERT INTO orders VALUES (\(id), 'a', '2024-05-0\(id + 1)')")
            runs.append(world.nextRun())
            try world.load(step, run: runs[id - 1])
        }
        #expect(try world.inWarehouse("SELECT count(*) FROM _strandline_undo_orders") == [[.integer(4)]])
        #expect(try world.rollbackFailure(runs[3], step)?.code == .undoMissing)
        // More rows than are kept: the run goes on, and says that it cannot be undone.
        try world.source.execute("UPDATE orders SET item = 'z', updated_at = '2024-05-20'")
        let large = world.nextRun()
        #expect(try world.load(step, run: large).counts.updated == 9)
        let failure = try world.rollbackFailure(large, step)
        #expect(failure?.code == .undoMissing)
        #expect(failure?.message.contains("max_rows") == true)
        // After their time all are forgotten.
        world.clock.advance(by: .seconds(120))
        try world.load(step)
        #expect(try world.inWarehouse("SELECT count(*) FROM _strandline_undo_orders") == [[.integer(0)]])
        #expect(try world.rollbackFailure(runs[7], step)?.code == .undoMissing)
    }

    @Test("rebuilt tables are kept within the bound of rows")
    func boundsRebuiltTables() throws {
        let world = try World(Tables.orders)
        let step = world.step("orders", .fullRefresh, cursor: nil).with {
            $0.undo = UndoPolicy(keep: .seconds(60), maxRows: 4)
        }
        for id in 1...6 {
            try world.source.execute("INSERT INTO orders VALUES (\(id), 'a', '2024-05-01')")
            try world.load(step)
            let rows = try world.inWarehouse("SELECT ifnull(sum(old_rows), 0) FROM _strandline_undo")
            #expect((rows[0][0].integer ?? 99) <= 4)
            let tables = try world.inWarehouse(
                "SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_strandline\\_old%' ESCAPE '\\'")
            #expect((tables[0][0].integer ?? 99) <= 2)
        }
    }

    @Test("nothing is kept where undo is off")
    func keepsNothingWhereOff() throws {
        let world = try World(Tables.orders)
        let step = world.step()
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(step)
        try world.source.execute("INSERT INTO orders VALUES (2, 'a', '2024-05-02')")
        let run = world.nextRun()
        try world.load(step, run: run)
        let isKept = "SELECT 1 FROM sqlite_schema WHERE name = '_strandline_undo_orders'"
        #expect(try world.inWarehouse(isKept).isEmpty)
        #expect(try world.rollbackFailure(run, step)?.code == .undoMissing)
    }

    @Test("rolling back runs out of order leaves no row behind the watermark")
    func neverMovesTheWatermarkForward() throws {
        for strategy in [Strategy.timestamp, .sequence] {
            let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at)")
            let step = world.step("orders", strategy, cursor: strategy == .sequence ? "id" : "updated_at").with {
                $0.undo = RollbackTests.policy
            }
            var runs: [String] = []
            for id in 1...3 {
                try world.source.execute("INSERT INTO orders VALUES (\(id), 'a', '2024-0\(id)-01')")
                runs.append(world.nextRun())
                try world.load(step, run: runs[id - 1])
            }
            #expect(try world.rollback(runs[1], step).count == 1)
            #expect(try world.rollback(runs[2], step).count == 1)
            try world.load(step)
            #expect(try world.isEqual(), "\(strategy)")
        }
    }

    @Test func aWatermarkThatAPersonSetLowerStays() throws {
        let world = try World(Tables.orders)
        let step = step(world).with { $0.lookback = .none }
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-03-01')")
        try world.load(step)
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', '2024-04-01')")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.source.execute("UPDATE orders SET item = 'silent' WHERE id = 1")
        _ = try world.loader().setWatermark(try world.request(step), to: .text("2024-01-01"), reason: "again")
        try world.rollback(run, step)
        #expect(try world.watermark()?.value == .text("2024-01-01"))
        try world.load(step)
        #expect(try world.isEqual())
    }

    @Test("a table with a key of its own that the source lacks can be appended to, and rolled back")
    func appendsBesideAKeyOfTheTable() throws {
        for key in ["rid INTEGER PRIMARY KEY", "rid TEXT PRIMARY KEY DEFAULT (hex(randomblob(8)))"] {
            let world = try World(
                Tables.orders, warehouse: "CREATE TABLE orders (\(key), id INTEGER, item TEXT, updated_at TEXT)")
            let step = step(world, .append)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
            try world.load(step)
            let before = try world.picture()
            try world.source.execute("INSERT INTO orders VALUES (2, 'b', '2024-05-02')")
            let run = world.nextRun()
            #expect(try world.load(step, run: run).counts.inserted == 1)
            try world.rollback(run, step)
            #expect(try world.picture() == before)
        }
    }

    @Test("a table that the run had made is put aside with what others wrote into it, and goes after its time")
    func putsTheRunsTableAside() throws {
        let world = try World(Tables.orders)
        let step = step(world)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.warehouse.execute("UPDATE orders SET item = 'mine'; CREATE INDEX by_item ON orders (item)")
        let name = try #require(try world.rollback(run, step).first?.keptAs)
        #expect(try world.inWarehouse("SELECT item FROM \"\(name)\"") == [["mine"]])
        try world.load(step)
        #expect(try world.isEqual())
        world.clock.advance(by: .seconds(2 * 86_400))
        try world.load(step)
        #expect(try world.inWarehouse("SELECT 1 FROM sqlite_schema WHERE name = '\(name)'").isEmpty)
    }

    @Test func aTableThatAnotherStepHasWrittenSinceIsNotDropped() throws {
        let world = try World(Tables.orders)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        let run = world.nextRun()
        try world.load(step(world), run: run)
        try world.source.execute("UPDATE orders SET item = 'b'")
        let other = step(world).with {
            $0.name = "other"
            $0.undo = nil
        }
        let later = world.nextRun()
        try world.load(other, run: later)
        let failure = try world.rollbackFailure(run, step(world))
        #expect(failure?.code == .conflict)
        #expect(failure?.message.contains(later) == true)
    }

    @Test func aRebuildSinceIsNamed() throws {
        let world = try World(Tables.orders)
        let step = step(world)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(step)
        try world.source.execute("UPDATE orders SET item = 'b', updated_at = '2024-05-02'")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.source.execute("UPDATE orders SET item = 'c'")
        let rebuild = world.nextRun()
        try world.load(step, run: rebuild, fullRefresh: true)
        #expect(try world.rollbackFailure(run, step)?.message.contains("run \(rebuild)") == true)
        #expect(try world.rollback(rebuild, step).count == 1)
        #expect(try world.rollback(run, step).count == 1)
        #expect(try world.inWarehouse("SELECT item FROM orders") == [["a"]])
    }

    @Test func valuesOfColumnsThatCameLaterAreNotWiped() throws {
        let world = try World(Tables.orders)
        let step = step(world)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(step)
        try world.source.execute("UPDATE orders SET item = 'b', updated_at = '2024-05-02'")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.warehouse.execute(
            "ALTER TABLE orders ADD COLUMN later TEXT DEFAULT 'L'; UPDATE orders SET later = 'X' WHERE id = 1")
        #expect(try world.rollbackFailure(run, step)?.message.contains("later") == true)
        try world.warehouse.execute("UPDATE orders SET later = 'L'")
        #expect(try world.rollback(run, step).count == 1)
        #expect(try world.inWarehouse("SELECT item, later FROM orders") == [["a", "L"]])
    }

    @Test func whatNothingIsKnownOfIsNoSuccess() throws {
        let world = try World(Tables.orders)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(step(world))
        #expect(try world.rollbackFailure("run-of-another-file", step(world))?.code == .undoMissing)
    }

    @Test("rolling back the last runs one by one leads back through every state", arguments: 1...24)
    func leadsBack(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        let way = seed % 6
        let mode = way < 3 ? RollbackTests.modes[way] : .upsert
        // Ways that follow deletes, by removing rows or by marking them.
        let followsDeletes = way > 2
        let isNumbered = Bool.random(using: &random)
        let world = try World(
            """
            CREATE TABLE orders (\(isNumbered ? "id INTEGER PRIMARY KEY" : "id TEXT PRIMARY KEY NOT NULL"), \
            item, updated_at TEXT)\(Bool.random(using: &random) && !isNumbered ? " WITHOUT ROWID" : "")
            """)
        let step = step(world, mode).with {
            if way == 3 || way == 4 {
                $0.strategy = .snapshotDiff
                $0.cursor = nil
            }
            if way == 5 { $0.detectDeletes = .keys }
            if way > 3 { $0.softDelete = "deleted_at" }
            $0.maxShrink = 1
        }
        var states: [(run: String, before: [[Value]], value: CursorValue?)] = []
        var tick = 0
        for round in 0..<14 {
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                tick += 1
                if followsDeletes, Bool.random(using: &random), round > 0 {
                    try world.source.execute(
                        "DELETE FROM orders WHERE id = \(Int.random(in: 1...12, using: &random)) "
                            + "AND (SELECT count(*) FROM orders) > 1")
                    continue
                }
                let id = Int.random(in: 1...12, using: &random)
                let item = ["NULL", "'x\(tick)'", "\(tick)", "\(tick).0", "x'0\(tick % 10)'"].randomElement(
                    using: &random)
                try world.source.execute(
                    "INSERT OR REPLACE INTO orders (id, item, updated_at) VALUES (\(id), \(item ?? "NULL"), "
                        + "'2024-05-01T00:\(tick / 60 < 10 ? "0" : "")\(tick / 60):\(tick % 60 < 10 ? "0" : "")\(tick % 60)Z')"
                )
            }
            if round % 5 == 4 { try world.source.execute("ALTER TABLE orders ADD COLUMN extra\(round) DEFAULT 'd'") }
            let run = world.nextRun()
            let before = round == 0 ? [] : try world.picture()
            let value = try world.watermark()?.value
            try world.load(step, run: run)
            states.append((run, before, value))
            // Now and then a run is undone right away, and loaded again by the next.
            if round > 0, Int.random(in: 0..<4, using: &random) == 0, let last = states.popLast() {
                #expect(try world.rollback(last.run, step).count == 1, "seed \(seed)")
                #expect(try world.picture() == last.before, "seed \(seed) round \(round)")
            }
        }
        for state in states.reversed() where !state.before.isEmpty {
            _ = try world.rollback(state.run, step)
            #expect(try world.picture() == state.before, "seed \(seed) run \(state.run)")
            #expect(try world.watermark()?.value == state.value, "seed \(seed) run \(state.run)")
        }
        try world.load(step)
        // Columns that came later hold NULL in rows that were not read again.
        let rows = "SELECT id, item, updated_at FROM orders ORDER BY id"
        if mode != .append, way < 4 { #expect(try world.inSource(rows) == world.inWarehouse(rows), "seed \(seed)") }
    }
}

extension World {
    /// Rolls a run of a step back, or tries it.
    @discardableResult
    func rollback(_ run: String, _ step: LoadStep, isTrial: Bool = false) throws -> [StepRollback] {
        try loader().rollback(
            run: run, steps: [step], destination: try file("warehouse.db"), isTrial: isTrial)
    }

    /// The failure of a rollback that must fail; nil when it did not.
    func rollbackFailure(_ run: String, _ step: LoadStep) throws -> Failure? {
        let file = try file("warehouse.db")
        do throws(Failure) {
            _ = try loader().rollback(
                run: run, steps: [step], destination: file, isTrial: false)
            return nil
        } catch {
            return error
        }
    }

    /// Every row of the table with the storage classes of its values, and its schema with what hangs on it.
    func picture(_ table: String = "orders") throws -> [[Value]] {
        let columns = try inWarehouse("SELECT name FROM pragma_table_xinfo('\(table)')").compactMap { $0[0].string }
        let all = columns.map { "\"\($0)\", typeof(\"\($0)\")" }.joined(separator: ", ")
        return try inWarehouse(
            "SELECT \(all) FROM \"\(table)\" ORDER BY \(columns.map { "\"\($0)\"" }.joined(separator: ", "))")
            + inWarehouse(
                "SELECT type, name, tbl_name FROM sqlite_schema WHERE tbl_name = '\(table)' ORDER BY type, name")
            + inWarehouse("SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo('\(table)')")
    }
}
