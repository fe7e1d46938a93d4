import Loading
import Model
import Platform
import SQLite
import Testing

/// What is kept for a rollback: in one pass where the staged rows say it all, from the table itself where they do not.
struct RollbackKeepingTests {
    private static let policy = UndoPolicy(keep: .seconds(86_400), maxRows: 1_000)

    /// A destination made beforehand, and whether what a load stages says all that it will hold.
    struct Destination: Sendable, CustomTestStringConvertible {
        let sql: String
        let isForeseen: Bool
        var testDescription: String { sql }
    }

    private static let columns = "id INTEGER PRIMARY KEY, item, updated_at TEXT"
    private static let destinations = [
        Destination(sql: "CREATE TABLE orders (\(columns))", isForeseen: true),
        Destination(sql: "CREATE TABLE orders (id PRIMARY KEY, item REAL, updated_at TEXT)", isForeseen: true),
        Destination(
            sql: "CREATE TABLE orders (id ANY PRIMARY KEY, item ANY, updated_at TEXT) STRICT", isForeseen: true),
        Destination(
            sql: "CREATE TABLE orders (id TEXT PRIMARY KEY NOT NULL, item, updated_at TEXT, own) WITHOUT ROWID",
            isForeseen: true),
        Destination(
            sql: "CREATE TABLE orders (\(columns), twice AS (item || item), double AS (id * 2) STORED)",
            isForeseen: true),
        // What the staged rows do not tell: defaults, numbers that the table gives, what triggers write.
        Destination(sql: "CREATE TABLE orders (\(columns), own DEFAULT 'mine')", isForeseen: false),
        Destination(sql: "CREATE TABLE orders (\(columns), own DEFAULT (random()))", isForeseen: false),
        Destination(
            sql: "CREATE TABLE orders (number INTEGER PRIMARY KEY, id INTEGER UNIQUE, item, updated_at TEXT)",
            isForeseen: false),
        Destination(
            sql: """
                CREATE TABLE orders (\(columns), seen);
                CREATE TRIGGER added AFTER INSERT ON orders BEGIN UPDATE orders SET seen = 'new' WHERE id = new.id; END;
                CREATE TRIGGER changed AFTER UPDATE OF item ON orders
                BEGIN UPDATE orders SET seen = old.item WHERE id = new.id; END
                """, isForeseen: false),
    ]

    @Test("what a run changes is kept byte by byte, whatever the table makes of it", arguments: destinations)
    func keepsWhatTheTableHolds(destination: Destination) throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item, updated_at TEXT)", warehouse: destination.sql)
        let step = world.step(key: ["id"], mode: .upsert).with { $0.undo = RollbackKeepingTests.policy }
        try world.source.execute("INSERT INTO orders VALUES (1, 1, '2024-05-01'), (2, 2.5, '2024-05-02')")
        try world.load(step)
        let before = try world.picture()
        try world.source.execute(
            """
            UPDATE orders SET item = 1.0, updated_at = '2024-05-03' WHERE id = 1;
            UPDATE orders SET item = NULL, updated_at = '2024-05-03' WHERE id = 2;
            INSERT INTO orders VALUES (3, 7, '2024-05-04'), (4, 0.1, '2024-05-05')
            """)
        let run = world.nextRun()
        let counts = try world.load(step, run: run).counts
        #expect(counts.inserted == 2 && counts.updated == 2)
        let sides = try world.inWarehouse("SELECT DISTINCT side FROM _strandline_undo_orders ORDER BY 1")
        #expect(sides == (destination.isForeseen ? [[2], [3]] : [[0], [1]]))
        let done = try world.rollback(run, step)
        #expect(done.first?.rowsReverted == 2 && done.first?.rowsRemoved == 2)
        #expect(try world.picture() == before)
    }

    @Test("a key that ignores case is put back in its old letters")
    func restoresTheLettersOfAKey() throws {
        let world = try World(
            "CREATE TABLE orders (id TEXT COLLATE NOCASE PRIMARY KEY, item, updated_at TEXT)",
            warehouse: "CREATE TABLE orders (id TEXT COLLATE NOCASE PRIMARY KEY, item, updated_at TEXT)")
        let step = world.step(key: ["id"], mode: .upsert).with { $0.undo = RollbackKeepingTests.policy }
        try world.source.execute("INSERT INTO orders VALUES ('a', 1, '2024-05-01'), ('b', 1, '2024-05-01')")
        try world.load(step)
        let before = try world.picture()
        try world.source.execute("UPDATE orders SET id = upper(id), updated_at = '2024-05-02'")
        let run = world.nextRun()
        #expect(try world.load(step, run: run).counts.updated == 2)
        _ = try world.rollback(run, step)
        #expect(try world.picture() == before)
    }

    @Test("rows that a trigger changes as they are put back stop the rollback, which changes nothing")
    func refusesRowsThatATriggerChanges() throws {
        let world = try World(Tables.orders)
        let step = world.step(key: ["id"], mode: .upsert).with { $0.undo = RollbackKeepingTests.policy }
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(step)
        try world.source.execute("UPDATE orders SET item = 'A', updated_at = '2024-05-03'")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.warehouse.execute(
            "CREATE TRIGGER stamp AFTER INSERT ON orders BEGIN UPDATE orders SET item = 'stamped' WHERE id = new.id; END"
        )
        let before = try world.picture()
        let failure = #expect(throws: Failure.self) { try world.rollback(run, step) }
        #expect(failure?.code == .verificationFailed && failure?.message.contains("trigger") == true)
        #expect(try world.picture() == before)
        try world.warehouse.execute("DROP TRIGGER stamp")
        #expect(try world.rollback(run, step).first?.rowsReverted == 1)
        #expect(try world.inWarehouse("SELECT item FROM orders") == [["a"]])
    }

    @Test("what was reached before a run is known again after its rollback")
    func restoresWhatWasReached() throws {
        let world = try World(Tables.orders)
        let step = world.step(key: ["id"], mode: .upsert).with { $0.undo = RollbackKeepingTests.policy }
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(step)
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', '2024-05-03')")
        let run = world.nextRun()
        try world.load(step, run: run)
        let reached = "SELECT reached FROM _strandline_watermarks"
        #expect(try world.inWarehouse(reached) == [["2024-05-03"]])
        _ = try world.rollback(run, step)
        #expect(try world.inWarehouse(reached) == [["2024-05-01"]])
    }

    @Test("what a program of before has kept is put back")
    func readsTheOlderShape() throws {
        let world = try World(Tables.orders)
        let step = world.step(key: ["id"], mode: .upsert).with { $0.undo = RollbackKeepingTests.policy }
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try world.load(step)
        let before = try world.picture()
        try world.source.execute(
            "UPDATE orders SET item = 'A', updated_at = '2024-05-03'; INSERT INTO orders VALUES (2, 'b', '2024-05-03')")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.warehouse.execute(
            """
            DROP TABLE _strandline_undo_orders;
            CREATE TABLE _strandline_undo_orders
                (entry INTEGER PRIMARY KEY, side INTEGER NOT NULL, row, c_id, c_item, c_updated_at);
            INSERT INTO _strandline_undo_orders VALUES (1, 0, 1, 1, 'a', '2024-05-01'), (2, 1, 1, 1, 'A', '2024-05-03'),
                (3, 1, 2, 2, 'b', '2024-05-03');
            UPDATE _strandline_undo SET last_entry = 3 WHERE run = '\(run)'
            """)
        let done = try world.rollback(run, step)
        #expect(done.first?.rowsReverted == 1 && done.first?.rowsRemoved == 1)
        #expect(try world.picture() == before)
        try world.load(step)
        #expect(try world.isEqual())
    }

    @Test("a row that a later run has touched is refused also where it holds the same values again")
    func refusesValuesThatCameBack() throws {
        let world = try World(Tables.orders)
        let step = world.step(key: ["id"], mode: .upsert).with {
            $0.undo = RollbackKeepingTests.policy
            $0.lookback = .none
        }
        var runs: [String] = []
        for (day, item) in ["a", "b", "a", "b"].enumerated() {
            // The update time is not loaded, so that nothing but the item tells the runs apart.
            try world.source.execute("INSERT OR REPLACE INTO orders VALUES (1, '\(item)', '2024-05-0\(day + 1)')")
            runs.append(world.nextRun())
            try world.load(step, run: runs[day])
            try world.warehouse.execute("UPDATE orders SET updated_at = 'same'")
        }
        try world.warehouse.execute(
            "UPDATE _strandline_undo_orders SET a_updated_at = 'same', c_updated_at = 'same' WHERE side = 2")
        // The rows are what the second run left, by way of two later runs.
        let picture = try world.picture()
        let failure = try world.rollbackFailure(runs[1], step)
        #expect(failure?.code == .conflict)
        #expect(failure?.message.contains("run \(runs[3])") == true)
        #expect(try world.picture() == picture)
        for run in runs.reversed().dropLast() { #expect(try world.rollback(run, step).count == 1) }
        #expect(try world.inWarehouse("SELECT item FROM orders") == [["a"]])
    }

    @Test("what an audit has mended is put back like a run's rows, and named by earlier runs")
    func undoesAnAudit() throws {
        let world = try World(Tables.orders)
        let step = world.step(key: ["id"], mode: .upsert).with { $0.undo = RollbackKeepingTests.policy }
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-01')")
        try world.load(step)
        try world.source.execute("UPDATE orders SET item = 'A', updated_at = '2024-05-02' WHERE id = 1")
        let run = world.nextRun()
        try world.load(step, run: run)
        // Changes that the cursor does not see.
        try world.source.execute(
            "UPDATE orders SET item = 'AA' WHERE id = 1; UPDATE orders SET item = 'BB' WHERE id = 2")
        let before = try world.picture()
        let audit = world.nextRun()
        #expect(try world.audit(step, AuditOptions(heal: true), run: audit).healed == .init(different: 2))
        let mark = try world.watermark()
        let failure = try world.rollbackFailure(run, step)
        #expect(failure?.code == .conflict)
        #expect(failure?.message.contains("by audit \(audit)") == true)
        #expect(failure?.hint.contains("roll audit \(audit) back") == true)
        #expect(try world.rollback(audit, step).first?.rowsReverted == 2)
        #expect(try world.picture() == before)
        #expect(try world.watermark() == mark)
        #expect(try world.rollback(audit, step).isEmpty)
        #expect(try world.rollback(run, step).count == 1)
    }

    @Test("an audit's rollback leaves the watermark where a later run has moved it")
    func undoingAnAuditLeavesALaterWatermark() throws {
        let world = try World(Tables.orders)
        let step = world.step(key: ["id"], mode: .upsert).with {
            $0.undo = RollbackKeepingTests.policy
            $0.lookback = .none
        }
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')")
        try world.load(step)
        try world.source.execute("UPDATE orders SET item = 'A' WHERE id = 1")
        let audit = world.nextRun()
        #expect(try world.audit(step, AuditOptions(heal: true), run: audit).healed == .init(different: 1))
        try world.source.execute("INSERT INTO orders VALUES (3, 'c', '2024-05-03')")
        try world.load(step)
        let mark = try world.watermark()
        #expect(mark?.value == .text("2024-05-03"))
        #expect(try world.rollback(audit, step).first?.rowsReverted == 1)
        #expect(try world.watermark() == mark)
        #expect(try world.inWarehouse("SELECT item FROM orders ORDER BY id") == [["a"], ["b"], ["c"]])
        // The next run goes on where the watermark stands.
        try world.source.execute("INSERT INTO orders VALUES (4, 'd', '2024-05-04')")
        #expect(try world.load(step).counts == RowCounts(read: 2, inserted: 1, unchanged: 1))
    }
}
