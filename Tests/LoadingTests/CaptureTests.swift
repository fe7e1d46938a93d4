import Foundation
import Loading
import Model
import Platform
import SQLite
import Testing

/// Tables that record their own changes, and the loads that follow them.
@Suite struct CaptureTests {
    private let orders = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, price REAL);"

    private func step(_ world: World, key: [String] = ["id"]) -> LoadStep {
        world.step("orders", .cdc, cursor: nil, key: key).with { $0.maxShrink = 1 }
    }

    @discardableResult
    private func install(_ world: World, _ table: String = "orders") throws -> Capture {
        try world.loader().installCapture(try world.file("source.db"), table: table)
    }

    private func status(_ world: World) throws -> Capture? {
        try world.loader().captures(try world.file("source.db"), stop: StopToken()).first
    }

    private func log(_ world: World, _ columns: String) throws -> [[Value]] {
        try world.inSource("SELECT operation, \(columns) FROM _strandline_changes_orders ORDER BY sequence")
    }

    // MARK: Recording

    @Test func recordsEveryKindOfChange() throws {
        let world = try World(orders)
        try install(world)
        try world.source.execute(
            """
            INSERT INTO orders VALUES (1, 'cup', 1), (2, x'00ff', 2.5);
            UPDATE orders SET item = 'mug' WHERE id = 1;
            UPDATE orders SET id = 7 WHERE id = 1;
            DELETE FROM orders WHERE id = 2;
            REPLACE INTO orders VALUES (7, 'urn', 9);
            INSERT INTO orders VALUES (7, 'x', 1) ON CONFLICT (id) DO UPDATE SET price = 5;
            INSERT OR IGNORE INTO orders VALUES (7, 'ignored', 0);
            """)
        #expect(
            try log(world, "id, item, price") == [
                ["INSERT", 1, "cup", 1.0], ["INSERT", 2, .blob([0, 255]), 2.5], ["UPDATE", 1, "mug", 1.0],
                ["DELETE", 1, "mug", 1.0], ["INSERT", 7, "mug", 1.0], ["DELETE", 2, .blob([0, 255]), 2.5],
                ["INSERT", 7, "urn", 9.0], ["UPDATE", 7, "urn", 5.0],
            ])
    }

    @Test func replaceByAnotherUniqueKeyIsRecordedAsADelete() throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT UNIQUE COLLATE NOCASE, a, b, UNIQUE (a, b));")
        try install(world)
        try world.source.execute(
            """
            INSERT INTO orders VALUES (1, 'x', 1, 1), (2, 'y', 2, 2), (3, 'z', 3, 3);
            INSERT OR IGNORE INTO orders VALUES (4, 'X', 9, 9);
            REPLACE INTO orders VALUES (5, 'X', 2, 2);
            UPDATE OR REPLACE orders SET code = 'Z' WHERE id = 5;
            """)
        let deletes = try log(world, "id").filter { $0[0] == "DELETE" }.map { $0[1] }
        #expect(Set(deletes) == [1, 2, 3])
    }

    @Test func columnsMayBearTheLogsNames() throws {
        let world = try World(
            "CREATE TABLE orders (sequence INTEGER PRIMARY KEY, operation TEXT, \"odd \"\" name\" TEXT);")
        try install(world)
        try world.load(step(world, key: ["sequence"]))
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 'b'); UPDATE orders SET operation = 'c'")
        try world.load(step(world, key: ["sequence"]))
        #expect(try world.isEqual(by: "1"))
        #expect(try world.watermark()?.cursor == "sequence_2")
    }

    // MARK: Installing

    @Test func installIsDoneOnceAndRemovedWhole() throws {
        let world = try World(orders)
        let before = try world.inSource("SELECT * FROM sqlite_schema")
        let first = try install(world)
        #expect(first.fault == nil && first.events == 0 && first.consumers.isEmpty)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1)")
        #expect(try install(world).events == 1)
        #expect(try world.loader().removeCapture(try world.file("source.db"), table: "ORDERS"))
        #expect(try world.inSource("SELECT * FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'") == before)
        #expect(try !world.loader().removeCapture(try world.file("source.db"), table: "orders"))
        #expect(try status(world) == nil)
    }

    @Test(arguments: [
        ("CREATE VIEW orders AS SELECT 1 AS id", Failure.Code.notATable),
        ("CREATE TABLE orders (id INTEGER)", .missingKeyConstraint), ("CREATE TABLE other (id)", .unknownTable),
        ("CREATE TABLE orders (id INTEGER PRIMARY KEY, m); CREATE UNIQUE INDEX i ON orders (lower(m))", .unsupported),
    ])
    func whatCannotBeRecordedIsRefused(_ sql: String, _ code: Failure.Code) throws {
        let world = try World(sql)
        let before = try world.inSource("SELECT * FROM sqlite_schema")
        var failure: Failure?
        do { try install(world) } catch let error as Failure { failure = error }
        #expect(failure?.code == code)
        #expect(try world.inSource("SELECT * FROM sqlite_schema") == before)
    }

    @Test func rowWithoutAKeyIsRefusedByName() throws {
        let world = try World(
            "CREATE TABLE orders (id TEXT, code, v, PRIMARY KEY (id, code)); INSERT INTO orders VALUES ('a', 1, 1), ('b', NULL, 2)"
        )
        let before = try world.inSource("SELECT * FROM sqlite_schema")
        let failure = #expect(throws: Failure.self) { try install(world) }
        #expect(failure?.code == .nullKey)
        #expect(failure?.message.contains("id b, code NULL, rowid 2") == true, "\(failure?.message ?? "")")
        #expect(try world.inSource("SELECT * FROM sqlite_schema") == before)
        try world.source.execute("UPDATE orders SET code = 2 WHERE code IS NULL")
        #expect(try install(world).fault == nil)
    }

    @Test func lockedSourceIsSpokenOfAsThePersonsOwnWork() throws {
        let world = try World(orders)
        try world.source.execute("BEGIN IMMEDIATE")
        let failure = #expect(throws: Failure.self) { try install(world) }
        try world.source.execute("ROLLBACK")
        #expect(failure?.code == .locked)
        #expect(failure?.hint == "end the other program's transaction; then try again")
    }

    @Test func changedTableIsNoticedAndInstalledAnew() throws {
        let world = try World(orders + "INSERT INTO orders VALUES (1, 'a', 1);")
        try install(world)
        try world.load(step(world))
        try world.source.execute("ALTER TABLE orders ADD COLUMN note TEXT; UPDATE orders SET note = 'x'")
        #expect(try status(world)?.fault?.contains("have changed") ?? false)
        #expect(try world.failure(step(world))?.code == .schemaChanged)
        #expect(try install(world).fault == nil)
        // What happened before is not in the new log, so going on would lose it.
        #expect(try world.failure(step(world))?.code == .conflict)
        try world.load(step(world), fullRefresh: true)
        #expect(try world.isEqual())
    }

    @Test func missingTriggersAreNoticed() throws {
        let world = try World(orders)
        try install(world)
        try world.load(step(world))
        try world.source.execute("DROP TRIGGER _strandline_capture_orders_delete")
        #expect(try status(world)?.fault?.contains("triggers") ?? false)
        #expect(try world.failure(step(world))?.code == .schemaChanged)
    }

    // MARK: Loading

    @Test func firstLoadReadsTheTableAndLaterOnesItsChanges() throws {
        let world = try World(
            orders + "INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2);",
            warehouse:
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, price REAL); INSERT INTO orders VALUES (9, 'stale', 0)"
        )
        try install(world)
        try world.source.execute("INSERT INTO orders VALUES (3, 'c', 3); DELETE FROM orders WHERE id = 1")
        #expect(try world.plan(step(world)).rows == 2)
        try world.load(step(world))
        #expect(try world.isEqual())
        #expect(try status(world)?.events == 0)
        try world.source.execute("UPDATE orders SET item = 'x' WHERE id = 2; INSERT INTO orders VALUES (4, 'd', 4)")
        #expect(try world.plan(step(world)).rows == 2)
        let result = try world.load(step(world))
        #expect(result.counts == RowCounts(read: 2, inserted: 1, updated: 1))
        #expect(result.codes == [])
        #expect(try world.isEqual())
        #expect(try world.load(step(world)).counts == RowCounts())
    }

    @Test func logKeepsWhatSomeReaderHasNotApplied() throws {
        let world = try World(orders)
        try install(world)
        let one = step(world)
        let other = step(world).with { $0.name = "other" }.with { $0.destination.table = "copies" }
        try world.load(one)
        try world.load(other)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")
        try world.load(one)
        #expect(try status(world)?.events == 2)
        #expect(try status(world)?.consumers.count == 2)
        try world.load(other)
        #expect(try status(world)?.events == 0)
        #expect(try world.inWarehouse("SELECT count(*) FROM copies") == [[2]])
    }

    @Test func watermarkStaysWithinTheLog() throws {
        let world = try World(orders)
        try install(world)
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1)")
        try world.load(step(world))
        let request = try world.request(step(world))
        let last = try #require(try status(world)?.lastSequence)
        for value in [1, last - 1, last + 1] {
            let set = #expect(throws: Failure.self) {
                try world.loader().setWatermark(request, to: .integer(value), reason: "test")
            }
            let shown = #expect(throws: Failure.self) {
                try world.loader().previewWatermark(request, to: .integer(value), stop: StopToken())
            }
            #expect(set?.code == .conflict && shown?.code == .conflict)
        }
        _ = try world.loader().setWatermark(request, to: .integer(last), reason: "test")
        #expect(try world.load(step(world)).counts == RowCounts())
    }

    @Test func sourceThatWasPutBackIsNoticed() throws {
        let world = try World(orders)
        let path = world.path("source.db")
        try install(world)
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1)")
        try world.source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let backup = try Data(contentsOf: URL(fileURLWithPath: path))
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', 2), (3, 'c', 3)")
        try world.load(step(world))
        try world.source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try backup.write(to: URL(fileURLWithPath: path))
        #expect(try world.failure(step(world))?.code == .conflict)
        // It stays so when as many changes have been made as were lost.
        try world.source.execute("INSERT INTO orders VALUES (4, 'd', 4), (5, 'e', 5), (6, 'f', 6)")
        #expect(try status(world)?.fault?.contains("full_refresh") ?? false)
        #expect(try world.failure(step(world))?.code == .conflict)
        try world.load(step(world), fullRefresh: true)
        #expect(try status(world)?.fault == nil)
        try world.source.execute("DELETE FROM orders WHERE id = 5")
        try world.load(step(world))
        #expect(try world.isEqual())
    }

    /// A copy that has passed the numbers of before gives them to other changes.
    @Test(arguments: [false, true]) func sourceThatWasPutBackAndHasGoneOnIsNoticed(isRewound: Bool) throws {
        let world = try World(orders)
        let path = world.path("source.db")
        let other = step(world).with { $0.name = "other" }.with { $0.destination.table = "copies" }
        try install(world)
        try world.load(other)
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1)")
        try world.load(step(world))
        try world.source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let backup = try Data(contentsOf: URL(fileURLWithPath: path))
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', 2), (3, 'c', 3)")
        try world.load(step(world))
        if isRewound {
            let last = try #require(try status(world)?.lastSequence)
            _ = try world.loader().setWatermark(try world.request(step(world)), to: .integer(last - 2), reason: "test")
        }
        try world.source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try backup.write(to: URL(fileURLWithPath: path))
        try world.source.execute("INSERT INTO orders VALUES (4, 'd', 4), (5, 'e', 5), (6, 'f', 6)")
        let failure = try world.failure(step(world))
        #expect(failure?.code == .conflict && failure?.hint.contains("full_refresh") == true)
        #expect(throws: Failure.self) { try world.plan(step(world)) }
        try world.load(step(world), fullRefresh: true)
        #expect(try world.isEqual())
        // Who had applied nothing of what was lost goes on.
        try world.load(other)
        #expect(try world.inSource("SELECT * FROM orders") == world.inWarehouse("SELECT * FROM copies"))
    }

    @Test func copyThatLostNothingIsNotMistaken() throws {
        let world = try World(orders)
        let path = world.path("source.db")
        try install(world)
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1)")
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', 2)")
        try world.source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let backup = try Data(contentsOf: URL(fileURLWithPath: path))
        try world.source.execute("INSERT INTO orders VALUES (3, 'c', 3)")
        try world.source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try backup.write(to: URL(fileURLWithPath: path))
        try world.source.execute("INSERT INTO orders VALUES (4, 'd', 4), (5, 'e', 5)")
        try world.load(step(world))
        #expect(try world.isEqual())
    }

    // MARK: Readers that are gone

    @Test func readerThatIsGoneIsForgottenWithWhatWasKeptForIt() throws {
        let world = try World(orders)
        let file = try world.file("source.db")
        try install(world)
        let one = step(world)
        let gone = step(world).with { $0.name = "gone" }.with { $0.destination.table = "copies" }
        try world.load(one)
        try world.load(gone)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")
        try world.load(one)
        try world.source.execute("INSERT INTO orders VALUES (3, 'c', 3)")
        let capture = try #require(try status(world))
        #expect(capture.events == 3)
        #expect(capture.consumers.map { CaptureReader(name: $0.name)?.step } == ["gone", "orders"])
        #expect(capture.consumers.map(\.pending) == [3, 1] && capture.consumers.map(\.held) == [2, 0])
        let name = capture.consumers[0].name
        #expect(try !world.loader().forgetConsumer("nobody", of: "orders", in: file))
        #expect(try !world.loader().forgetConsumer(name, of: "others", in: file))
        #expect(try status(world) == capture)
        #expect(try world.loader().forgetConsumer(name, of: "orders", in: file))
        let left = try #require(try status(world))
        #expect(left.events == 1 && left.consumers.count == 1 && left.fault == nil)
        // What it missed is gone, so it must not go on as if nothing had happened.
        #expect(try world.failure(gone)?.code == .conflict)
        try world.load(one)
        #expect(try world.isEqual())
    }

    @Test func lastReaderLeavesAnEmptyLogFromWhichAnotherBegins() throws {
        let world = try World(orders)
        let file = try world.file("source.db")
        try install(world)
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1)")
        let reader = CaptureReader(name: try #require(try status(world)?.consumers.first?.name))
        #expect(try world.loader().forgetConsumer(try #require(reader).name, of: "orders", in: file))
        #expect(try status(world)?.events == 0)
        #expect(try world.failure(step(world))?.code == .conflict)
        try world.load(step(world), fullRefresh: true)
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', 2)")
        try world.load(step(world))
        #expect(try world.isEqual())
    }

    /// A step that was forgotten by mistake loses nothing where the log still holds its changes.
    @Test func forgottenReaderGoesOnWhereNothingIsLost() throws {
        let world = try World(orders)
        let file = try world.file("source.db")
        try install(world)
        let slow = step(world).with { $0.name = "slow" }.with { $0.destination.table = "copies" }
        try world.load(slow)
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1)")
        try world.load(step(world))
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', 2)")
        let name = try #require(try status(world)?.consumers.first { $0.name.contains("/orders ") }?.name)
        #expect(try world.loader().forgetConsumer(name, of: "orders", in: file))
        try world.load(step(world))
        #expect(try world.isEqual())
        #expect(try status(world)?.consumers.count == 2)
    }

    @Test(arguments: ["a/b", "a -> b", "/a -> b", "a/b c -> d", ""])
    func oddNamesOfReadersAreNone(_ name: String) {
        #expect(CaptureReader(name: name)?.name ?? name == name)
    }

    // MARK: Other triggers

    private static let busy = [
        "CREATE TRIGGER t AFTER UPDATE ON orders BEGIN UPDATE orders SET v = 'touched' WHERE id = new.id; END",
        "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM orders WHERE id = new.id; END",
        "CREATE TRIGGER t AFTER INSERT ON orders BEGIN UPDATE orders SET v = 'made' WHERE id = new.id; END",
        "CREATE TRIGGER t AFTER INSERT ON orders BEGIN UPDATE orders SET id = id || '0' WHERE id = new.id; END",
        "CREATE TRIGGER t AFTER DELETE ON orders BEGIN INSERT OR IGNORE INTO orders VALUES (old.id, NULL, 'back'); END",
        "CREATE TRIGGER t AFTER UPDATE OF id ON orders BEGIN INSERT OR IGNORE INTO orders VALUES (old.id, 9, 'kept'); END",
        "CREATE TRIGGER t BEFORE UPDATE ON orders BEGIN UPDATE orders SET v = 'before' WHERE id <> old.id; END",
    ]

    /// Triggers that change the table again, made before or after the capture's.
    @Test(arguments: busy, [false, true])
    func otherTriggersMayChangeTheTableToo(_ trigger: String, isLate: Bool) throws {
        for table in ["id INTEGER PRIMARY KEY", "id TEXT COLLATE NOCASE PRIMARY KEY"] {
            let world = try World(
                "CREATE TABLE orders (\(table), code UNIQUE, v); INSERT INTO orders VALUES (1, 1, 'a'), (2, 2, 'b')")
            if !isLate { try world.source.execute(trigger) }
            try install(world)
            try world.load(step(world))
            if isLate { try world.source.execute(trigger) }
            for sql in [
                "UPDATE orders SET v = 'x' WHERE id = 1", "INSERT INTO orders VALUES (3, 3, 'c')",
                "REPLACE INTO orders VALUES (4, 2, 'd')", "UPDATE OR REPLACE orders SET id = 5 WHERE id = 1",
                "INSERT INTO orders VALUES (6, 6, 'f') ON CONFLICT DO UPDATE SET v = 'g'",
                "DELETE FROM orders WHERE id IN (3, 4)",
            ] {
                try world.source.execute(sql)
                try world.load(step(world))
                #expect(try world.isEqual(by: "id, code, v"), "\(trigger): \(sql)")
            }
        }
    }

    private static let hiding = "BEGIN UPDATE orders SET code = 'x' WHERE id = 9; END"

    /// What cannot be recorded is told of, and found by an audit.
    @Test func triggerThatMayHideAReplacedRowIsTold() throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, code UNIQUE, v); INSERT INTO orders VALUES (9, 'y', 1);"
                + "CREATE TRIGGER hide BEFORE INSERT ON orders \(CaptureTests.hiding)")
        #expect(try install(world).fault?.contains("hide writes orders before") == true)
        try world.load(step(world))
        try world.source.execute("REPLACE INTO orders VALUES (5, 'x', 2)")
        try world.load(step(world))
        #expect(try world.inSource("SELECT id FROM orders") == [[5]])
        let found = try world.audit(step(world))
        #expect(found.total.drift == .init(extra: 1))
        _ = try world.audit(step(world), AuditOptions(heal: true, deleteExtra: true))
        #expect(try world.isEqual())
    }

    @Test(arguments: [
        ("t INSERT ON orders \(hiding)", true),
        ("\"after x\"\"\" /* AFTER */ UPDATE OF code ON orders \(hiding)", true),
        ("[after] -- AFTER\n before update on Orders \(hiding)", true),
        ("main.t BEFORE INSERT ON orders \(hiding)", true),
        ("main.before AFTER INSERT ON orders \(hiding)", false),
        ("'before' after/**/UPDATE ON orders \(hiding)", false),
        ("t BEFORE INSERT ON orders BEGIN SELECT count(*) FROM orders; END", false),
        ("t BEFORE DELETE ON orders \(hiding)", false),
        ("t BEFORE INSERT ON orders BEGIN INSERT INTO notes VALUES (new.id); END", false),
    ])
    func onlySuchTriggersAreToldOf(_ trigger: String, _ hides: Bool) throws {
        let world = try World(
            "CREATE TABLE notes (id); CREATE TABLE orders (id INTEGER PRIMARY KEY, code UNIQUE, v); "
                + "CREATE TRIGGER IF NOT EXISTS \(trigger)")
        #expect((try install(world).fault != nil) == hides)
        #expect((try status(world)?.fault != nil) == hides)
        // Without another unique key a REPLACE removes no row of another key.
        let plain = try World(
            "CREATE TABLE notes (id); CREATE TABLE orders (id INTEGER PRIMARY KEY, code, v); CREATE TRIGGER \(trigger)")
        #expect(try install(plain).fault == nil)
    }

    @Test(arguments: ["'x'", "x", "\"x\"", "('x')", "(lower('X'))"])
    func replaceThatTakesADefaultIsRecordedAsADelete(_ value: String) throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, e TEXT UNIQUE NOT NULL DEFAULT \(value), b UNIQUE NOT NULL DEFAULT true);"
        )
        try install(world)
        try world.source.execute(
            """
            INSERT INTO orders VALUES (1, 'x', 5), (2, 'y', 1), (3, 'z', 3);
            REPLACE INTO orders VALUES (4, NULL, NULL);
            UPDATE OR REPLACE orders SET e = NULL WHERE id = 3;
            """)
        #expect(try world.inSource("SELECT id FROM orders") == [[3]])
        let deletes = try log(world, "id").filter { $0[0] == "DELETE" }.map { $0[1] }
        #expect(Set(deletes) == [1, 2, 4])
    }

    @Test func reinstalledCaptureIsNeverTakenForTheOldOne() throws {
        let world = try World(orders)
        try install(world)
        try world.load(step(world))
        _ = try world.loader().removeCapture(try world.file("source.db"), table: "orders")
        try world.source.execute("INSERT INTO orders VALUES (1, 'unseen', 1)")
        world.clock.advance(by: .seconds(1))
        try install(world)
        #expect(try world.failure(step(world))?.code == .conflict)
        try world.load(step(world), fullRefresh: true)
        #expect(try world.isEqual())
    }

    @Test func keyOfTheStepMustBeTheTables() throws {
        let world = try World(orders)
        try install(world)
        try world.load(step(world))
        #expect(try world.failure(step(world, key: ["item"]))?.field == "primary_key")
    }

    // MARK: Anything at all

    private static let tables: [(sql: String, key: [String])] = [
        ("CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT UNIQUE, v)", ["id"]),
        ("CREATE TABLE orders (id TEXT COLLATE NOCASE PRIMARY KEY, code INT UNIQUE, v) WITHOUT ROWID", ["id"]),
        (
            "CREATE TABLE orders (id INT NOT NULL, code TEXT COLLATE NOCASE NOT NULL, v, PRIMARY KEY (id, code), UNIQUE (v))",
            ["id", "code"]
        ),
        ("CREATE TABLE orders (id INTEGER PRIMARY KEY, code REAL, v, g AS (code * 2) STORED)", ["id"]),
    ]

    /// Random writes of every kind; after each run the destination is the source.
    @Test(arguments: [UInt64](1...12))
    func destinationIsTheSourceWhateverHappens(_ seed: UInt64) throws {
        var random = Seeded(seed)
        let table = CaptureTests.tables[Int(seed) % CaptureTests.tables.count]
        let world = try World(table.sql + "; INSERT INTO orders (id, code, v) VALUES (1, 1, 1), (2, 2, 2)")
        if random.next() % 2 == 0 { try world.source.execute("PRAGMA recursive_triggers = ON") }
        try install(world)
        let step = step(world, key: table.key)
        for round in 0..<12 {
            for _ in 0..<Int(random.next() % 20) {
                let sql = CaptureTests.write(&random)
                // Constraints refuse some; those change nothing, and record nothing.
                try? world.source.execute(sql)
            }
            try world.load(step, rowsPerCommit: random.next() % 2 == 0 ? 3 : 500)
            #expect(try world.isEqual(by: "id, code, typeof(v), v"), "seed \(seed), round \(round)")
        }
    }

    private static func write(_ random: inout Seeded) -> String {
        func pick(_ values: [String]) -> String { values[Int(random.next() % UInt64(values.count))] }
        let ids = ["1", "2", "3", "4", "'a'", "'A'", "5", "'b'"]
        let codes = ["1", "2", "3", "'x'", "'X'", "NULL", "4.5"]
        let values = ["NULL", "1", "1.5", "'t'", "x'00'", "'T'", "7", "8", "9"]
        let row = "(\(pick(ids)), \(pick(codes)), \(pick(values)))"
        let other = "(\(pick(ids)), \(pick(codes)), \(pick(values)))"
        let conflict = pick(["", "OR REPLACE ", "OR IGNORE ", "OR REPLACE "])
        switch random.next() % 8 {
        case 0, 1, 2: return "INSERT \(conflict)INTO orders (id, code, v) VALUES \(row), \(other)"
        case 3: return "INSERT INTO orders (id, code, v) VALUES \(row) ON CONFLICT DO UPDATE SET v = excluded.v"
        case 4: return "UPDATE \(conflict)orders SET id = \(pick(ids)) WHERE id = \(pick(ids))"
        case 5: return "UPDATE \(conflict)orders SET code = \(pick(codes)), v = \(pick(values)) WHERE id = \(pick(ids))"
        case 6: return "DELETE FROM orders WHERE id = \(pick(ids))"
        default: return "UPDATE orders SET v = \(pick(values))"
        }
    }
}
