import Loading
import Model
import Platform
import SQLite
import Testing

/// What an audit finds, in every kind of step.
struct AuditTests {
    static let day = Duration.seconds(86_400)

    /// Orders of three days, loaded; `mode` and `key` as a test needs.
    private func loaded(
        _ mode: WriteMode = .upsert, key: [String] = ["id"], lookback: Reach = .none, more: String = ""
    ) throws -> (World, LoadStep) {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, total REAL, updated_at TEXT);
            INSERT INTO orders VALUES (1, 'a', 1.5, '2024-05-01T10:00:00Z'), (2, 'b', 2.5, '2024-05-01T11:00:00Z'),
                (3, 'c', 3.5, '2024-05-02T10:00:00Z'), (4, 'd', 4.5, '2024-05-02T11:00:00Z'),
                (5, 'e', 5.5, '2024-05-03T10:00:00Z'), (6, 'f', 6.5, '2024-05-03T11:00:00Z');
            """ + more)
        let step = world.step(key: key, mode: mode).with { $0.lookback = lookback }
        try world.load(step)
        return (world, step)
    }

    private func drift(_ result: AuditResult) -> [Int] {
        [result.total.drift.missing, result.total.drift.extra, result.total.drift.different]
    }

    private func kinds(_ result: AuditResult) -> [String] {
        result.samples.map { "\($0.kind.rawValue) \($0.key["id"]?.text() ?? "")" }.sorted()
    }

    @Test(arguments: WriteMode.allCases)
    func twoSidesThatAgreeAreVerifiedUpToTheWatermark(_ mode: WriteMode) throws {
        let (world, step) = try loaded(mode)
        let result = try world.audit(step)
        #expect(drift(result) == [0, 0, 0])
        #expect(result.verifiedThrough == .text("2024-05-03T11:00:00Z"))
        #expect(result.watermark == .text("2024-05-03T11:00:00Z"))
        #expect(result.total.sourceRows == 6 && result.total.destinationRows == 6)
        #expect(result.total.sums == [.init(column: "total", source: 24, destination: 24)])
        #expect(result.partitions.isEmpty && result.samples.isEmpty && result.healed == nil)
    }

    /// PAINS 3: what the cursor cannot see is found without a full refresh, named, mended, and then gone.
    @Test(arguments: [WriteMode.upsert, .deleteInsert])
    func driftBelowTheWatermarkIsFoundAndMended(_ mode: WriteMode) throws {
        let (world, step) = try loaded(mode)
        try world.source.execute(
            """
            UPDATE orders SET total = 99 WHERE id = 2;
            DELETE FROM orders WHERE id = 3;
            INSERT INTO orders VALUES (7, 'late', 7.5, '2024-05-02T09:00:00Z');
            """)
        #expect(try world.load(step).counts.updated == 0, "the cursor saw it")
        let found = try world.audit(step)
        #expect(drift(found) == [1, 1, 1])
        #expect(kinds(found) == ["different 2", "extra 3", "missing 7"])
        #expect(found.samples.first { $0.kind == .different }?.columns == ["total"])
        #expect(found.partitions.map(\.start) == [.text("2024-05-01"), .text("2024-05-02")])
        #expect(found.partitions.map(\.sourceRows) == [2, 2] && found.partitions.map(\.destinationRows) == [2, 2])
        #expect(found.partitions[0].sums == [.init(column: "total", source: 100.5, destination: 4)])
        #expect(found.verifiedThrough == nil)
        #expect(found.warnings.map(\.code) == ["deletes_not_followed"])

        let before = try world.watermark()
        let healed = try world.audit(step, AuditOptions(heal: true))
        #expect(healed.healed == .init(missing: 1, different: 1))
        #expect(drift(healed) == [0, 1, 0])
        #expect(healed.verifiedThrough == .text("2024-05-02"), "an extra row is left on the second day")
        let whole = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(whole.healed == .init(extra: 1))
        #expect(whole.verifiedThrough == .text("2024-05-03T11:00:00Z"))
        #expect(try world.isEqual())
        #expect(try world.watermark() == before, "the watermark was touched")
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        let records = try world.inWarehouse(
            "SELECT rows_inserted, rows_updated, rows_deleted FROM _strandline_loads WHERE load_window LIKE 'audit%' "
                + "ORDER BY run")
        #expect(records == [[1, 1, 0], [0, 0, 1]])
    }

    @Test func verifiedThroughEndsBelowTheFirstPartThatDiffers() throws {
        let (world, step) = try loaded()
        try world.warehouse.execute("UPDATE orders SET item = NULL WHERE id = 6")
        #expect(try world.audit(step).verifiedThrough == .text("2024-05-03"))
        #expect(try world.audit(step, AuditOptions(interval: .hour)).verifiedThrough == .text("2024-05-03T11:00:00Z"))
        #expect(try world.audit(step, AuditOptions(interval: .month)).verifiedThrough == nil)
    }

    @Test func whatTheNextRunLoadsIsNoDrift() throws {
        let (world, step) = try loaded()
        try world.source.execute(
            """
            UPDATE orders SET total = 0, updated_at = '2024-05-04T00:00:00Z' WHERE id = 2;
            INSERT INTO orders VALUES (8, 'new', 1, '2024-05-05T00:00:00Z'), (9, 'far', 1, '2099-01-01T00:00:00Z');
            """)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.load(step)
        // The row of 2099 is loaded, but the watermark stays below it.
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[8]])
        #expect(drift(try world.audit(step)) == [0, 0, 0])
    }

    @Test("a loaded row whose cursor no run reads any more is compared", arguments: ["NULL", "'soon'", "'2020-01-01'"])
    func aLoadedRowThatNoRunReadsIsDrift(cursor: String) throws {
        let (world, step) = try loaded()
        let bounded = step.with {
            $0.cursor = Cursor(
                column: "updated_at", onMissing: .exclude, onUnparsable: .exclude, initial: .text("2024-01-01"))
        }
        try world.source.execute("UPDATE orders SET total = 100, updated_at = \(cursor) WHERE id = 2")
        let found = try world.audit(bounded)
        #expect(drift(found) == [0, 0, 1] && kinds(found) == ["different 2"])
        _ = try world.audit(bounded, AuditOptions(heal: true))
        #expect(try world.isEqual())
    }

    @Test func aRewoundWatermarkMakesNoDrift() throws {
        let (world, step) = try loaded()
        _ = try world.loader().setWatermark(
            try world.request(step), to: .text("2024-05-02T10:00:00Z"), reason: "again")
        try world.source.execute("UPDATE orders SET total = 0 WHERE id = 6")
        let result = try world.audit(step)
        #expect(drift(result) == [0, 0, 0] && result.total.sourceRows == 3)
    }

    @Test func rowsThatAreNeverLoadedAreNotMissed() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);
            INSERT INTO orders VALUES (1, 'old', '2020-01-01'), (2, 'none', NULL), (3, 'odd', 'soon'),
                (4, 'in', '2024-05-01');
            """)
        let step = world.step().with {
            $0.cursor = Cursor(
                column: "updated_at", onMissing: .exclude, onUnparsable: .exclude, initial: .text("2024-01-01"))
        }
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        // Rows that every run loads are compared.
        let all = step.with { $0.cursor?.onMissing = .include }
        try world.load(all)
        #expect(drift(try world.audit(all)) == [0, 0, 0])
        try world.source.execute("UPDATE orders SET item = 'other' WHERE id = 2")
        let found = try world.audit(all)
        #expect(drift(found) == [0, 0, 1] && found.partitions.map(\.start) == [nil])
    }

    @Test func valuesAreComparedToTheByteAndTheClassOfTheDestinationsColumns() throws {
        let world = try World(
            "CREATE TABLE orders (id TEXT PRIMARY KEY, a, b TEXT, updated_at TEXT);"
                + "INSERT INTO orders VALUES ('10', 1, 'x', '2024-05-01'), ('9', 1.5, 'y', '2024-05-01'), "
                + "('é', x'00', 'z ', '2024-05-01');",
            warehouse: "CREATE TABLE orders (id PRIMARY KEY, a, b TEXT COLLATE NOCASE, updated_at TEXT);")
        let step = world.step()
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.warehouse.execute(
            "UPDATE orders SET a = 1.0 WHERE id = '10'; UPDATE orders SET b = 'Y' WHERE id = '9'")
        #expect(drift(try world.audit(step)) == [0, 0, 2])

        // Other types convert what they store, and with it its order.
        let other = try World(
            "CREATE TABLE orders (id TEXT PRIMARY KEY, a TEXT, updated_at TEXT);"
                + "INSERT INTO orders VALUES ('10', '1', '2024-05-01'), ('9', '01', '2024-05-01');",
            warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, a INTEGER, updated_at TEXT);")
        let converted = other.step()
        try other.load(converted)
        #expect(drift(try other.audit(converted)) == [0, 0, 0])
        try other.source.execute("UPDATE orders SET a = '2' WHERE id = '9'")
        let healed = try other.audit(converted, AuditOptions(heal: true))
        #expect(healed.healed == .init(different: 1))
        #expect(try other.inWarehouse("SELECT a, typeof(a) FROM orders WHERE id = 9") == [[2, "integer"]])
    }

    @Test func appendedVersionsAreKeptAndComparedOneByOne() throws {
        let (world, step) = try loaded(.append)
        try world.source.execute("UPDATE orders SET item = 'b2', updated_at = '2024-05-04' WHERE id = 2")
        try world.load(step)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[7]])
        #expect(drift(try world.audit(step)) == [0, 0, 0], "an older version of a row is no extra row")
        try world.source.execute("DELETE FROM orders WHERE id = 2; UPDATE orders SET item = 'c2' WHERE id = 3")
        #expect(drift(try world.audit(step)) == [0, 2, 1])
    }

    @Test func rowsWithoutAKeyAreCountedOneByOne() throws {
        let world = try World(
            "CREATE TABLE orders (item TEXT, n, updated_at TEXT);"
                + "INSERT INTO orders VALUES ('a', 1, '2024-05-01'), ('a', 1, '2024-05-01'), ('a', 1.0, '2024-05-01'), "
                + "(NULL, NULL, '2024-05-02'), (NULL, NULL, '2024-05-02');")
        for step in [
            world.step(key: [], mode: .append),
            world.step(to: "copy", .fullRefresh, cursor: nil, key: []).with { $0.name = "copy" },
        ] {
            try world.load(step)
            #expect(drift(try world.audit(step)) == [0, 0, 0])
            let table = step.destination.table
            try world.warehouse.execute(
                "DELETE FROM \(table) WHERE rowid IN (1, 4); INSERT INTO \(table) VALUES ('b', 2, '2024-05-01')")
            let found = try world.audit(step)
            #expect(drift(found) == [2, 1, 0])
            let healed = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
            #expect(healed.healed == .init(missing: 2, extra: 1))
            #expect(drift(try world.audit(step)) == [0, 0, 0])
        }
    }

    @Test func ofRowsThatShareAKeyTheNewestCounts() throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT);"
                + "INSERT INTO orders VALUES (1, 'old', '2024-05-01'), (1, 'new', '2024-05-02'), (2, 'x', '2024-05-03');"
        )
        let step = world.step()
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.source.execute("INSERT INTO orders VALUES (1, 'newer', '2024-05-04')")
        #expect(drift(try world.audit(step)) == [0, 0, 0], "the next run loads it")
        try world.source.execute(
            "DELETE FROM orders WHERE item = 'newer'; UPDATE orders SET item = 'newest' WHERE item = 'new'")
        let found = try world.audit(step)
        #expect(drift(found) == [0, 0, 1] && kinds(found) == ["different 1"])
    }

    @Test func numbersArePartitionedByCount() throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, at INTEGER);"
                + "INSERT INTO orders WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000) "
                + "SELECT n, 'x', 1714521600 + n * 3600 FROM c;")
        let sequence = world.step("orders", .sequence, cursor: "id")
        try world.load(sequence)
        try world.warehouse.execute("UPDATE orders SET item = 'y' WHERE id = 4321")
        #expect(try world.audit(sequence).partitions.map(\.start) == [.integer(4_320)])
        let wide = try world.audit(sequence, AuditOptions(interval: .count(1_000)))
        #expect(wide.partitions.map(\.start) == [.integer(4_000)] && wide.partitions[0].sourceRows == 1_000)
        #expect(wide.verifiedThrough == .integer(4_000))
        #expect(try world.auditFailure(sequence, AuditOptions(interval: .day))?.field == "interval")

        let times = world.step(to: "copy", cursor: "at").with {
            $0.cursor?.format = .unixSeconds
            $0.name = "copy"
        }
        try world.load(times)
        try world.warehouse.execute("UPDATE copy SET item = 'y' WHERE id IN (1, 100)")
        let daily = try world.audit(times)
        #expect(daily.partitions.map(\.start) == [.integer(1_714_521_600), .integer(1_714_867_200)])
        #expect(try world.auditFailure(times, AuditOptions(interval: .count(5)))?.field == "interval")
    }

    @Test func aQueryAndARebuiltTableAreComparedWhole() throws {
        let (world, _) = try loaded()
        let step = world.step(
            to: "totals", query: "SELECT id, total * 2 AS twice FROM orders WHERE total > 2", .fullRefresh, cursor: nil
        ).with { $0.name = "totals" }
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.source.execute("UPDATE orders SET total = 1 WHERE id = 3; UPDATE orders SET total = 8 WHERE id = 4")
        let found = try world.audit(step)
        #expect(drift(found) == [0, 1, 1])
        #expect(found.verifiedThrough == nil && found.watermark == nil && found.warnings.isEmpty)
    }

    @Test func aRowThatIsMarkedAsGoneIsNoExtraRow() throws {
        let (world, _) = try loaded()
        let step = world.step(to: "copy", .snapshotDiff, cursor: nil, key: []).with {
            $0.name = "copy"
            $0.softDelete = "gone_at"
        }
        try world.load(step)
        try world.source.execute("DELETE FROM orders WHERE id = 1")
        #expect(drift(try world.audit(step)) == [0, 1, 0])
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        // The key is the one that the source declares; a mark on a row that is there is wrong.
        try world.warehouse.execute("UPDATE copy SET gone_at = 'x' WHERE id = 2")
        try world.source.execute("DELETE FROM orders WHERE id = 3")
        let found = try world.audit(step)
        #expect(drift(found) == [0, 1, 1] && kinds(found) == ["different 2", "extra 3"])
        let healed = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(healed.healed == .init(extra: 1, different: 1))
        #expect(
            try world.inWarehouse("SELECT id FROM copy WHERE gone_at IS NOT NULL ORDER BY id") == [[1], [3]],
            "an extra row is marked, as a load would")
        #expect(drift(try world.audit(step)) == [0, 0, 0])
    }

    @Test func whatWasMendedSinceKeepsARunFromBeingRolledBack() throws {
        let (world, plain) = try loaded()
        let step = plain.with { $0.undo = UndoPolicy(keep: Self.day, maxRows: 100) }
        try world.source.execute("UPDATE orders SET total = 0, updated_at = '2024-05-04' WHERE id = 2")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.source.execute("UPDATE orders SET total = 1 WHERE id = 2; DELETE FROM orders WHERE id = 3")
        let before = try world.inWarehouse("SELECT * FROM orders ORDER BY id")
        let audit = world.nextRun()
        let healed = try world.audit(step, AuditOptions(heal: true, deleteExtra: true), run: audit)
        #expect(healed.healed == .init(extra: 1, different: 1))
        #expect {
            try world.rollback(run, step)
        } throws: { error in
            (error as? Failure)?.message.contains(audit) == true
        }
        _ = try world.rollback(audit, step)
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == before)
        _ = try world.rollback(run, step)
    }

    @Test func aDestinationWithoutRowNumbersIsMendedByKey() throws {
        let world = try World(
            "CREATE TABLE orders (a TEXT, b INTEGER, item TEXT, updated_at TEXT, PRIMARY KEY (a, b));"
                + "INSERT INTO orders VALUES ('x', 1, 'p', '2024-05-01'), ('x', 2, 'q', '2024-05-01'), "
                + "('y', 1, 'r', '2024-05-01');",
            warehouse: "CREATE TABLE orders (a TEXT, b INTEGER, item TEXT, updated_at TEXT, PRIMARY KEY (a, b)) "
                + "WITHOUT ROWID;")
        let step = world.step(key: ["a", "b"])
        try world.load(step)
        try world.warehouse.execute(
            "UPDATE orders SET item = 'z' WHERE b = 2; DELETE FROM orders WHERE a = 'y'; "
                + "INSERT INTO orders VALUES ('y', 7, 'extra', '2024-05-01')")
        let healed = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(healed.healed == .init(missing: 1, extra: 1, different: 1))
        #expect(try world.isEqual(by: "a, b"))
    }

    @Test func mendingNeverDeletesMoreThanTheStepAllows() throws {
        let (world, step) = try loaded()
        try world.source.execute("DELETE FROM orders WHERE id < 5; UPDATE orders SET total = 0 WHERE id = 5")
        let all = AuditOptions(heal: true, deleteExtra: true)
        #expect(try world.auditFailure(step, all)?.code == .shrinkGuard)
        #expect(
            try world.inWarehouse("SELECT count(*), min(total) FROM orders") == [[6, 1.5]], "something was changed")
        var allowed = all
        allowed.allowShrink = true
        #expect(try world.audit(step, allowed).healed == .init(extra: 4, different: 1))
        #expect(try world.isEqual())
    }

    @Test func aRepairThatIsRecordedIsNotRepeated() throws {
        let (world, step) = try loaded()
        try world.warehouse.execute("DELETE FROM orders WHERE id = 1")
        let options = AuditOptions(heal: true)
        #expect(try world.audit(step, options, run: "audit-1").healed == .init(missing: 1))
        try world.warehouse.execute("DELETE FROM orders WHERE id = 2")
        // As after a crash between the commit and its mirror: the counts are those of the record.
        let again = try world.audit(step, options, run: "audit-1")
        #expect(again.healed == .init(missing: 1))
        #expect(drift(again) == [1, 0, 0])
    }

    @Test func nothingLoadedIsNothingToCompare() throws {
        let world = try World(Tables.orders)
        #expect(try world.auditFailure(world.step())?.code == .destinationMissing)
        try world.warehouse.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT)")
        let result = try world.audit(world.step())
        #expect(result.warnings.map(\.code) == ["watermark_missing"] && result.verifiedThrough == nil)
    }

    @Test func aComparisonWritesNothingAndHoldsNoLoadUp() throws {
        let (world, step) = try loaded()
        let before = try world.inWarehouse("SELECT * FROM _strandline_loads")
        // Another writer has the lock all the while.
        try world.warehouse.execute("BEGIN IMMEDIATE")
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.warehouse.execute("ROLLBACK")
        #expect(try world.inWarehouse("SELECT * FROM _strandline_loads") == before)
    }

    @Test func besideWritersAndLoadsItSeesOneMoment() throws {
        let world = try World(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item INTEGER, n INTEGER);"
                + "CREATE UNIQUE INDEX orders_by_n ON orders (n);"
                + "INSERT INTO orders WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000) "
                + "SELECT i, i, i FROM c;")
        let step = world.step("orders", .sequence, cursor: "n")
        try world.load(step)
        let (loader, request, path) = (Loader(clock: world.clock), try world.request(step), world.path("source.db"))
        let isDone = Monitor(false)
        let lanes = [Lane(name: "writer", capacity: 1), Lane(name: "loads", capacity: 1)]
        _ = lanes[0].submit { _ in
            guard let source = try? Connection(path: path, access: .readWrite) else { return }
            try? source.execute("PRAGMA synchronous = OFF")
            var n = 20_000
            while !isDone.read({ $0 }) {
                n += 1
                try? source.execute(
                    "INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", [Value(n % 20_000), Value(n), Value(n)])
            }
            source.close()
        }
        let loads = Monitor(0)
        _ = lanes[1].submit { _ in
            defer { isDone.update { $0 = true } }
            for run in 1...100 {
                var next = request
                next.run = "load-\(1_000 + run)"
                if (try? loader.load(next, stop: StopToken())) != nil { loads.update { $0 += 1 } }
            }
        }
        while !isDone.read({ $0 }) {
            let result = try loader.audit(request, AuditOptions(), stop: StopToken())
            #expect(drift(result) == [0, 0, 0], "\(result.samples)")
        }
        for lane in lanes { lane.stop() }
        #expect(loads.read { $0 } == 100)
        try world.load(step)
        #expect(try world.isEqual())
    }
}

extension World {
    func audit(_ step: LoadStep, _ options: AuditOptions = AuditOptions(), run: String? = nil) throws -> AuditResult {
        try loader().audit(try request(step, run: run), options, stop: StopToken())
    }

    /// The failure of an audit that must fail; nil when it did not.
    func auditFailure(_ step: LoadStep, _ options: AuditOptions = AuditOptions()) throws -> Failure? {
        let request = try request(step)
        do throws(Failure) {
            _ = try loader().audit(request, options, stop: StopToken())
            return nil
        } catch {
            return error
        }
    }
}
