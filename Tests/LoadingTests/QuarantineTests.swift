import Loading
import Model
import Platform
import SQLite
import Testing

/// Rows that fail a check and are set aside: kept once, byte for byte, until a later version is loaded.
struct QuarantineTests {
    private let table = """
        CREATE TABLE orders (id INTEGER, email TEXT, total REAL, updated_at TEXT);
        CREATE INDEX orders_by_updated_at ON orders (updated_at);
        INSERT INTO orders VALUES (1, 'a@x', 10, '2024-05-01T00:00:00Z'), (2, NULL, 20, '2024-05-02T00:00:00Z'),
            (3, 'c@x', -30, '2024-05-03T00:00:00Z');
        """
    private let filled = Check(name: "filled", rule: .notNull(["email"]), onFail: .quarantine)
    private let positive = Check(
        name: "positive", rule: .range(column: "total", min: .integer(0), max: nil), onFail: .quarantine)

    private func waiting(_ world: World) throws -> [String] {
        try world.inWarehouse(
            "SELECT ifnull(row_key, '-') || ' ' || check_name || ' ' || copies FROM _strandline_quarantine "
                + "WHERE resolved_at IS NULL ORDER BY row_key, id"
        ).compactMap { $0[0].string }
    }

    private func ids(_ world: World) throws -> [Int64] {
        try world.inWarehouse("SELECT id FROM orders ORDER BY id").compactMap { $0[0].integer }
    }

    @Test(arguments: [WriteMode.upsert, .deleteInsert, .append])
    func setsRowsAsideAndLoadsTheOthers(mode: WriteMode) throws {
        let world = try World(table)
        let step = world.step(mode: mode).with {
            $0.checks = [filled, positive]
            $0.lookback = .time(.seconds(86_400 * 30))
        }
        let result = try world.load(step)
        #expect(result.counts == RowCounts(read: 3, inserted: 1, quarantined: 2))
        #expect(try ids(world) == [1])
        #expect(try waiting(world) == ["[2] filled 1", "[3] positive 1"])
        #expect(result.codes == ["rows_quarantined"])
        #expect(result.checks.map(\.count) == [1, 1])
        #expect(result.checks[0].samples == [.object(["id": 2])])
        // The watermark moves past what is kept.
        #expect(try world.watermark()?.value == .text("2024-05-03T00:00:00Z"))
        #expect(try world.inWarehouse("SELECT rows_quarantined FROM _strandline_loads") == [[2]])
        // A lookback meets them again and keeps them once.
        let again = try world.load(step)
        #expect(again.counts == RowCounts(read: 3, unchanged: 1, quarantined: 2))
        #expect(try waiting(world) == ["[2] filled 1", "[3] positive 1"])
        // A later version that is sound is loaded, and resolves what waited.
        try world.source.execute("UPDATE orders SET email = 'b@x', updated_at = '2024-05-09T00:00:00Z' WHERE id = 2")
        #expect(try world.load(step).counts.inserted == 1)
        #expect(try ids(world) == [1, 2])
        #expect(try waiting(world) == ["[3] positive 1"])
        #expect(
            try world.inWarehouse(
                "SELECT resolution, resolved_run FROM _strandline_quarantine WHERE resolved_at IS NOT NULL")
                == [["loaded", "run-000003"]])
        // One that fails once more waits once more.
        try world.source.execute("UPDATE orders SET email = NULL, updated_at = '2024-05-10T00:00:00Z' WHERE id = 2")
        try world.load(step)
        #expect(try waiting(world).count == 2)
    }

    @Test func valuesAreKeptToTheByte() throws {
        let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT, body, total, updated_at TEXT)")
        try world.source.execute(
            """
            INSERT INTO orders VALUES (9007199254740993, NULL, x'00ff', 0.1, '2024-05-01'),
                (2, NULL, CAST(x'c328' AS TEXT), 1e300, '2024-05-02')
            """)
        try world.load(world.step().with { $0.checks = [filled] })
        #expect(
            try world.inWarehouse("SELECT row_values FROM _strandline_quarantine ORDER BY id") == [
                [
                    #"{"id":2,"email":null,"body":{"text_hex":"c328"},"total":1e+300,"updated_at":"2024-05-02"}"#
                ],
                [
                    #"{"id":9007199254740993,"email":null,"body":{"blob_hex":"00ff"},"total":0.1,"updated_at":"2024-05-01"}"#
                ],
            ])
    }

    @Test func rowsWithoutAKeyAreCountedEachOne() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER, email TEXT, updated_at TEXT);
            INSERT INTO orders VALUES (1, NULL, '2024-05-01'), (1, NULL, '2024-05-01'), (2, 'b', '2024-05-01');
            """)
        let step = world.step(key: [], mode: .append).with { $0.checks = [filled] }
        for run in 1...2 {
            let counts = try world.load(step).counts
            #expect(
                counts == RowCounts(read: 3, inserted: run == 1 ? 1 : 0, unchanged: run == 1 ? 0 : 1, quarantined: 2))
            #expect(try waiting(world) == ["- filled 2"])
        }
    }

    @Test("rows that share a key and differ are each kept", arguments: [false, true])
    func versions(isRebuild: Bool) throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER, email TEXT, total REAL, updated_at TEXT);
            INSERT INTO orders VALUES (1, NULL, 1, '2024-05-01'), (1, NULL, 2, '2024-05-01'), (1, NULL, 3, '2024-05-02'),
                (1, NULL, 3, '2024-05-02'), (2, 'b', 4, '2024-05-03');
            """)
        let step = world.step(mode: .append).with { $0.checks = [filled] }
        for _ in 1...2 {
            try world.load(step, fullRefresh: isRebuild)
            #expect(
                try world.inWarehouse(
                    "SELECT row_values ->> 'total', copies FROM _strandline_quarantine ORDER BY 1") == [
                        [1.0, 1], [2.0, 1], [3.0, 2],
                    ])
            guard !isRebuild else { continue }
            _ = try world.loader().setWatermark(
                try world.request(step), to: .text("2024-01-01"), reason: "to read all of them again")
        }
    }

    @Test func aKeyThatNamesTwoRowsOfARebuildLosesNeither() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER, email TEXT);
            INSERT INTO orders VALUES (1, NULL), (2, 'b'), (1, '');
            """)
        let some = Check(name: "some", rule: .range(column: "email", min: .text("a"), max: nil), onFail: .quarantine)
        let step = world.step("orders", .fullRefresh, cursor: nil).with { $0.checks = [filled, some] }
        #expect(try world.load(step).counts.quarantined == 2)
        #expect(try waiting(world) == ["[1] filled 1", "[1] some 1"])
    }

    @Test("rows without a value in their key are set aside like others", arguments: [false, true])
    func nullKeys(isRebuild: Bool) throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER, email TEXT, updated_at TEXT);
            INSERT INTO orders VALUES (NULL, 'a', '2024-05-01'), (NULL, 'b', '2024-05-02'), (3, 'c', '2024-05-03');
            """)
        let keyed = Check(name: "keyed", rule: .notNull(["id"]), onFail: .quarantine)
        let step = world.step().with { $0.checks = [keyed] }
        #expect(try world.failure(world.step())?.code == .nullKey)
        let result = try world.load(step, fullRefresh: isRebuild)
        #expect(result.counts == RowCounts(read: 3, inserted: 1, quarantined: 2))
        #expect(result.codes == ["rows_quarantined"])
        #expect(try waiting(world) == ["- keyed 1", "- keyed 1"])
    }

    @Test func rowsThatClashAreAllSetAside() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT, updated_at TEXT);
            INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-01');
            """)
        let unique = Check(name: "unique", rule: .unique(["email"]), onFail: .quarantine)
        let step = world.step().with { $0.checks = [unique] }
        #expect(try world.load(step).counts.quarantined == 0)
        try world.source.execute(
            """
            UPDATE orders SET email = 'z', updated_at = '2024-05-02' WHERE id = 2;
            INSERT INTO orders VALUES (3, 'a', '2024-05-02'), (4, 'b', '2024-05-02'), (5, 'x', '2024-05-02'),
                (6, 'x', '2024-05-02');
            """)
        let result = try world.load(step)
        // Row 2 left its value to row 4; row 1 had that of row 3 before.
        #expect(try waiting(world) == ["[3] unique 1", "[5] unique 1", "[6] unique 1"])
        #expect(result.counts == RowCounts(read: 6, inserted: 1, updated: 1, unchanged: 1, quarantined: 3))
        #expect(try ids(world) == [1, 2, 4])
        // Setting row 2 aside leaves its old value, which clashes with that of a row that was to take it over.
        try world.source.execute(
            """
            UPDATE orders SET email = 'a', updated_at = '2024-05-03' WHERE id = 2;
            UPDATE orders SET email = 'z', updated_at = '2024-05-03' WHERE id = 4;
            """)
        #expect(try world.failure(step)?.code == .checkFailed)
        #expect(try world.inWarehouse("SELECT email FROM orders WHERE id = 2") == [["z"]])
    }

    @Test func aRebuildResolvesWhatIsGone() throws {
        let world = try World(table)
        let step = world.step("orders", .fullRefresh, cursor: nil).with {
            $0.checks = [filled, positive]
            $0.maxShrink = 1
        }
        #expect(try world.load(step).counts == RowCounts(read: 3, inserted: 1, quarantined: 2))
        try world.source.execute("DELETE FROM orders WHERE id = 2; UPDATE orders SET total = 1 WHERE id = 3")
        #expect(try world.load(step).counts == RowCounts(read: 2, inserted: 2, deleted: 1))
        #expect(
            try world.inWarehouse("SELECT row_key, resolution FROM _strandline_quarantine ORDER BY row_key")
                == [["[2]", "gone"], ["[3]", "loaded"]])
    }

    @Test func whatARunResolvedWaitsAgainWhenItIsRolledBack() throws {
        let world = try World(table)
        let step = world.step().with {
            $0.checks = [filled, positive]
            $0.undo = UndoPolicy(keep: .seconds(86_400), maxRows: 1_000)
        }
        try world.load(step)
        try world.source.execute("UPDATE orders SET email = 'b@x', updated_at = '2024-05-09T00:00:00Z' WHERE id = 2")
        let run = world.nextRun()
        try world.load(step, run: run)
        #expect(try waiting(world) == ["[3] positive 1"])
        #expect(try world.rollback(run, step).first?.rowsRemoved == 1)
        #expect(try waiting(world) == ["[2] filled 1", "[3] positive 1"])
        #expect(try ids(world) == [1])
        try world.load(step)
        #expect(try waiting(world) == ["[3] positive 1"])
        #expect(try ids(world) == [1, 2])
    }

    @Test func moreThanIsKeptFailsTheRun() throws {
        let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT, updated_at TEXT)")
        try world.source.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Limits.quarantinedRows + 1))
            INSERT INTO orders SELECT i, NULL, '2024-05-01' FROM n
            """)
        let step = world.step().with { $0.checks = [filled] }
        #expect(try world.failure(step)?.code == .quarantineFull)
        #expect(try world.inWarehouse("SELECT count(*) FROM sqlite_schema") == [[0]])
        try world.source.execute("DELETE FROM orders WHERE id = 1")
        #expect(try world.load(step).counts.quarantined == Limits.quarantinedRows)
        // Those of an earlier run count, too.
        try world.source.execute("INSERT INTO orders VALUES (1, NULL, '2024-05-02')")
        #expect(try world.failure(step)?.code == .quarantineFull)
        #expect(try world.watermark()?.value == .text("2024-05-01"))
    }

    @Test func aFailedCheckSetsNothingAside() throws {
        let world = try World(table)
        let strict = Check(name: "strict", rule: .range(column: "total", min: .integer(0), max: nil))
        let step = world.step().with { $0.checks = [strict, filled] }
        #expect(try world.failure(step)?.code == .checkFailed)
        #expect(try world.inWarehouse("SELECT name FROM sqlite_schema") == [])
        // What was set aside is not seen by the other checks.
        try world.source.execute("UPDATE orders SET total = -1 WHERE id = 2; UPDATE orders SET total = 1 WHERE id = 3")
        #expect(try world.load(step).counts == RowCounts(read: 3, inserted: 2, quarantined: 1))
    }

    @Test func aCutLoadSetsAsideInEveryCommit() throws {
        let world = try World(Tables.orders)
        try world.source.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
            INSERT INTO orders SELECT i, nullif('x' || (i % 10), 'x0'), strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i, 'unixepoch')
            FROM n
            """)
        let step = world.step().with {
            $0.checks = [Check(name: "c", rule: .notNull(["item"]), onFail: .quarantine)]
        }
        let result = try world.load(step, rowsPerCommit: 6)
        #expect(result.commits == 5)
        #expect(result.counts == RowCounts(read: 30, inserted: 27, quarantined: 3))
        #expect(result.checks.map(\.count) == [3])
        #expect(try waiting(world).count == 3)
    }
}
