import Loading
import Model
import Platform
import SQLite
import Testing

/// One partition of a backfill: what becomes of the rows of its range, and of nothing else.
struct PartitionTests {
    private static let rows = """
        INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, 'b', '2024-03-01T23:59:59.9Z'),
            (3, 'c', '2024-03-02'), (4, 'd', '2024-03-03'), (5, 'e', NULL), (6, 'f', 'soon');
        """

    private func world(_ table: String = Tables.orders) throws -> World {
        try World(table + PartitionTests.rows, warehouse: table + PartitionTests.rows)
    }

    @Test("the range is as the source has it, and all else is untouched", arguments: Tables.both)
    func reloadsTheRange(table: String) throws {
        let world = try world(table)
        try world.warehouse.execute(
            "UPDATE orders SET item = '?'; DELETE FROM orders WHERE id = 2; "
                + "INSERT INTO orders VALUES (9, 'gone', '2024-03-01 12:00')")
        try world.logChanges()
        let result = try world.partition(world.step(), "2024-03-01", "2024-03-02", allowShrink: true)
        #expect(result.rows == RowCounts(read: 2, inserted: 1, updated: 1, deleted: 1))
        #expect(try world.takeChanges().sorted() == ["d9", "i2", "u1"])
        let again = try world.partition(world.step(), "2024-03-01", "2024-03-02")
        #expect(again.rows == RowCounts(read: 2, unchanged: 2))
        #expect(try world.takeChanges() == [])
    }

    @Test("a row that moved into the range is updated, one that moved out of it too")
    func followsMovedRows() throws {
        let world = try world()
        try world.source.execute(
            "UPDATE orders SET updated_at = '2024-03-01' WHERE id = 4; UPDATE orders SET updated_at = NULL WHERE id = 1; "
                + "UPDATE orders SET updated_at = '2024-05-05' WHERE id = 2")
        let result = try world.partition(world.step(), "2024-03-01", "2024-03-02")
        #expect(result.rows == RowCounts(read: 3, updated: 3))
        #expect(try world.isEqual())
    }

    @Test("a committed partition is not repeated, and its record is found")
    func isNotRepeated() throws {
        let world = try world()
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        let backfill = world.nextRun()
        let first = try world.partition(world.step(), "2024-03-01", "2024-03-02", backfill: backfill)
        #expect(first.rows.updated == 2)
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        #expect(try world.partition(world.step(), "2024-03-01", "2024-03-02", backfill: backfill, attempt: 2) == first)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders WHERE item = '?'") == [[.integer(6)]])
        let loader = world.loader()
        let file = try world.file("warehouse.db")
        #expect(
            try loader.committedPartition(backfill: backfill, number: 1, step: "orders", destination: file) == first)
        #expect(
            try loader.committedPartition(backfill: backfill, number: 2, step: "orders", destination: file) == nil)
    }

    // MARK: Refusals

    @Test("a range that the source has no rows of, or too few, is not emptied")
    func refusesToShrink() throws {
        let world = try World(
            Tables.orders, warehouse: Tables.orders + PartitionTests.rows)
        let before = try world.picture()
        let empty = try world.partitionFailure(world.step(), "2024-03-01", "2024-03-02")
        #expect(empty?.code == .shrinkGuard)
        #expect(empty?.message.contains("no rows there") == true)
        #expect(empty?.message.contains("orders in [2024-03-01, 2024-03-02)") == true)
        try world.source.execute("INSERT INTO orders VALUES (3, 'c', '2024-03-02')")
        // Two of three rows of the range would go, though there are six in the table.
        let most = try world.partitionFailure(world.step(), "2024-03-01", "2024-03-03")
        #expect(most?.code == .shrinkGuard)
        #expect(most?.message.contains("2 of the 3 rows") == true)
        #expect(try world.picture() == before)
        let result = try world.partition(world.step(), "2024-03-01", "2024-03-03", allowShrink: true)
        #expect(result.rows == RowCounts(read: 1, unchanged: 1, deleted: 2))
    }

    @Test("rows of another step's are not taken for deleted")
    func refusesAnotherStepsRows() throws {
        let world = try world()
        let other = world.step().with { $0.name = "other" }
        try world.source.execute("DELETE FROM orders WHERE id > 4")
        try world.source.execute("INSERT INTO orders VALUES (7, 'g', '2024-03-01')")
        try world.load(other)
        try world.source.execute("DELETE FROM orders WHERE id = 7")
        let failure = try world.partitionFailure(world.step(), "2024-03-01", "2024-03-02")
        #expect(failure?.code == .shrinkGuard)
        #expect(failure?.message.contains("orders/other") == true)
    }

    @Test("what cannot be reloaded by range is refused before anything is made")
    func refusesWhatCannotBeReloaded() throws {
        let world = try World(Tables.orders + PartitionTests.rows)
        let missing = try world.partitionFailure(world.step(), "2024-03-01", "2024-03-02")
        #expect(missing?.code == .destinationMissing)
        #expect(try !world.file("warehouse.db").exists)
        try world.warehouse.execute("CREATE TABLE other (x)")
        #expect(try world.partitionFailure(world.step(), "2024-03-01", "2024-03-02")?.code == .destinationMissing)
        let events = world.step().with { $0.strategy = .cdc }
        #expect(try world.partitionFailure(events, "2024-03-01", "2024-03-02")?.code == .unsupported)
        try world.warehouse.execute(Tables.orders)
        let unknown = try world.partitionFailure(world.step(), "2024-03-01", "2024-03-02", column: "nothing")
        #expect(unknown?.code == .unknownColumn && unknown?.hint.contains("updated_at") == true)
        let texts = try world.partitionFailure(
            world.step(), "2024-03-01", "2024-03-02", column: "item", format: .unixSeconds)
        #expect(texts?.code == .cursorFormat)
    }

    @Test(
        "numbers that are texts in the source and numbers in the destination are not passed over",
        arguments: [
            ("TEXT", "INTEGER", "'15'"), ("", "INTEGER", "'15'"), ("", "REAL", "' 15.5 '"),
            ("BLOB", "NUMERIC", "'1e1'"),
            ("INTEGER", "REAL", "9007199254740993"),
        ], [["id"], []])
    func refusesNumbersThatAreTexts(types: (String, String, String), key: [String]) throws {
        let (here, there, value) = types
        let identifier = key.isEmpty ? "id INTEGER" : "id INTEGER PRIMARY KEY"
        let world = try World(
            "CREATE TABLE orders (\(identifier), n \(here)); INSERT INTO orders VALUES (1, 11), (2, \(value))",
            warehouse:
                "CREATE TABLE orders (\(identifier), n \(there)); INSERT INTO orders VALUES (1, 11), (2, \(value))")
        let step = world.step("orders", .fullRefresh, cursor: nil, key: key)
        let before = try world.picture()
        let end: Int64 = there == "REAL" && here == "INTEGER" ? .max : 20
        func reload() throws -> RowCounts {
            let plan = try BackfillPlan(PartitionScheme(column: "n", interval: .count(.max)))
            let range = try plan.range(
                plan.bound(.integer(10), field: "start"), plan.bound(.integer(end), field: "end"))
            return try world.loader().loadPartition(
                PartitionRequest(load: try world.request(step), number: 1, scheme: plan.scheme, range: range),
                stop: StopToken()
            ).rows
        }
        let failure = #expect(throws: Failure.self) { _ = try reload() }
        #expect(failure?.code == .cursorFormat && failure?.field == "partition_by.column")
        #expect(failure?.message.contains("column n holds") == true)
        #expect(try world.picture() == before)
        // What is no number on either side belongs to no partition, as ever.
        try world.source.execute("UPDATE orders SET n = 'soon' WHERE id = 2")
        try world.warehouse.execute("UPDATE orders SET n = 'soon' WHERE id = 2")
        if here != "TEXT" { #expect(try reload() == RowCounts(read: 1, unchanged: 1)) }
    }

    @Test("a file that does not hold what the backfill has loaded is not gone on with")
    func refusesAReplacedFile() throws {
        let world = try world()
        let id = world.nextRun()
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        let plan = try BackfillPlan(PartitionScheme(column: "updated_at", interval: .day))
        func reload(_ day: Int, committed: Int) throws {
            let range = try plan.range(
                plan.bound(.string("2024-03-0\(day)"), field: "start"),
                plan.bound(.string("2024-03-0\(day + 1)"), field: "end"))
            var request = PartitionRequest(
                load: try world.request(world.step(), run: id), number: day, scheme: plan.scheme, range: range)
            request.committed = committed
            _ = try world.loader().loadPartition(request, stop: StopToken())
        }
        try reload(1, committed: 0)
        let before = try world.picture()
        let failure = #expect(throws: Failure.self) { try reload(2, committed: 2) }
        #expect(failure?.code == .destinationChanged && failure?.message.contains("holds 1 of the 2") == true)
        #expect(try world.picture() == before)
        try reload(2, committed: 1)
    }

    @Test("a failed check takes the partition back, and rows that are set aside are not taken for gone")
    func makesChecks() throws {
        let world = try world()
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        try world.source.execute("UPDATE orders SET item = NULL WHERE id = 1")
        let before = try world.picture()
        let check = Check(name: "items", rule: .notNull(["item"]))
        let strict = world.step().with { $0.checks = [check] }
        #expect(try world.partitionFailure(strict, "2024-03-01", "2024-03-02")?.code == .checkFailed)
        #expect(try world.picture() == before)
        let lenient = world.step().with { step in
            step.checks = [check]
            step.checks[0].onFail = .quarantine
        }
        let result = try world.partition(lenient, "2024-03-01", "2024-03-02")
        #expect(result.rows == RowCounts(read: 2, updated: 1, quarantined: 1))
        #expect(result.warnings.map(\.code) == ["rows_quarantined"])
        #expect(try world.inWarehouse("SELECT item FROM orders WHERE id IN (1, 2) ORDER BY id") == [["?"], ["b"]])
    }

    // MARK: Boundaries

    @Test("a partition of a table that runs rebuild leaves what waits beyond its range waiting")
    func resolvesNothingBeyondItsRange() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);
            INSERT INTO orders VALUES (1, 'a', '2024-03-01'), (2, NULL, '2024-03-02'), (3, NULL, '2024-03-03');
            """)
        let step = world.step("orders", .fullRefresh, cursor: nil).with { step in
            step.checks = [Check(name: "items", rule: .notNull(["item"]), severity: .error, onFail: .quarantine)]
        }
        try world.load(step)
        let waiting = "SELECT row_key FROM _strandline_quarantine WHERE resolved_at IS NULL ORDER BY 1"
        #expect(try world.inWarehouse(waiting).count == 2)
        try world.source.execute("UPDATE orders SET item = 'b' WHERE id = 2")
        _ = try world.partition(step, "2024-03-02", "2024-03-03", column: "updated_at")
        #expect(try world.inWarehouse(waiting) == [["[3]"]])
    }

    @Test("a day of a time zone ends where its clocks say, whatever offsets the texts have")
    func endsWhereTheClocksSay() throws {
        // The day on which the clocks of Berlin go forward has 23 hours: from 23:00 UTC to 22:00 UTC.
        let values = [
            ("2024-03-30T22:59:59.999999Z", false), ("2024-03-30T23:00:00Z", true), ("2024-03-31T00:00:00+01:00", true),
            ("2024-03-31T23:59:59+02:00", true), ("2024-03-31T21:59:59.999Z", true), ("2024-03-31T22:00:00Z", false),
            ("2024-03-31", true), ("2024-04-01T11:59:00+14:00", true), ("2024-04-01T12:00:00+14:00", false),
            ("2024-03-30 11:00-12:00", true), ("2024-03-30T10:59:59-12:00", false),
        ]
        for table in Tables.both {
            let world = try World(table, warehouse: table)
            for (id, value) in values.enumerated() {
                try world.source.execute("INSERT INTO orders VALUES (?, 'x', ?)", [Value(id), .text(value.0)])
            }
            let result = try world.partition(
                world.step(), "2024-03-31", "2024-04-01", timezone: "Europe/Berlin")
            #expect(result.rows.inserted == 7)
            for (id, value) in values.enumerated() {
                let there = try world.inWarehouse("SELECT count(*) FROM orders WHERE id = \(id)")
                #expect(there == [[Value(value.1 ? 1 : 0)]], "\(value.0)")
            }
        }
    }

    @Test("texts of other offsets are found though they lie a day away from their instants")
    func findsFarOffsets() throws {
        let inside = [
            "2024-03-30T00:01:00-23:59", "2024-03-30 12:00-12:00", "2024-03-31", "2024-04-01T13:59:59+14:00",
            "2024-04-01T23:58:59+23:59",
        ]
        let outside = ["2024-03-30T00:00:59-23:59", "2024-04-01T14:00+14:00", "2024-04-01"]
        for table in Tables.both {
            let world = try World(table, warehouse: table)
            for (id, value) in (inside + outside).enumerated() {
                try world.source.execute("INSERT INTO orders VALUES (?, 'x', ?)", [Value(id), .text(value)])
            }
            try world.partition(world.step(), "2024-03-31", "2024-04-01")
            let found = try world.inWarehouse("SELECT id FROM orders ORDER BY id")
            #expect(found == inside.indices.map { [Value($0)] })
        }
    }

    @Test("an older version of a row does not replace a newer one that lies in another partition")
    func keepsTheNewestVersion() throws {
        let table = "CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT);"
        let world = try World(
            table
                + "INSERT INTO orders VALUES (1, 'old', '2024-03-01'), (1, 'new', '2024-03-05'), (2, 'b', '2024-03-01');",
            warehouse: Tables.orders + "INSERT INTO orders VALUES (1, 'new', '2024-03-05');")
        let result = try world.partition(world.step(), "2024-03-01", "2024-03-02")
        #expect(result.rows == RowCounts(read: 1, inserted: 1))
        #expect(try world.inWarehouse("SELECT item FROM orders ORDER BY id") == [["new"], ["b"]])
    }

    // MARK: Undoing

    @Test("a backfill whose rows a later run has touched is refused by its name, and later runs name the backfill")
    func namesWhoTouchedRowsSince() throws {
        let world = try world()
        let step = world.step().with { $0.undo = UndoPolicy(keep: .seconds(86_400), maxRows: 1_000) }
        try world.source.execute("DELETE FROM orders WHERE id > 4")
        try world.load(step)
        let mark = try world.watermark()
        try world.warehouse.execute("UPDATE orders SET item = '?'")
        let before = try world.picture()
        let backfill = world.nextRun()
        for (number, day) in ["2024-03-02", "2024-03-01"].enumerated() {
            let next = "2024-03-0\(3 - number)"
            try world.partition(step, day, next, backfill: backfill, number: 2 - number)
        }
        let run = world.nextRun()
        try world.source.execute("UPDATE orders SET item = 'live', updated_at = '2024-05-01' WHERE id = 1")
        try world.load(step, run: run)
        let failure = try world.rollbackFailure(backfill, step)
        #expect(failure?.code == .conflict && failure?.message.contains("run \(run)") == true)
        #expect(try !world.rollback(run, step).isEmpty)
        let done = try world.rollback(backfill, step)
        #expect(done.first?.rowsReverted == 3)
        #expect(done.first?.watermark == mark?.value)
        #expect(try world.picture() == before)
        let file = try world.file("warehouse.db")
        for number in 1...2 {
            let found = try world.loader().committedPartition(
                backfill: backfill, number: number, step: "orders", destination: file)
            #expect(found == nil)
        }
        #expect(
            try world.partitionFailure(step, "2024-03-01", "2024-03-02", backfill: backfill)?.code == .conflict)
    }

    // MARK: Estimates

    @Test(
        "an estimate counts both sides by partition, and what has no place, and changes nothing", arguments: Tables.both
    )
    func estimates(table: String) throws {
        let world = try world(table)
        try world.warehouse.execute("DELETE FROM orders WHERE id = 2")
        let before = try world.picture()
        let scheme = PartitionScheme(column: "updated_at", interval: .day)
        let plan = try BackfillPlan(scheme)
        let ranges = try plan.partitions(
            of: try plan.range(
                try plan.bound("2024-03-01", field: "start"), try plan.bound("2024-03-03", field: "end")), limit: 10)
        let estimates = try world.loader().estimatePartitions(
            try world.request(world.step()), scheme: scheme, ranges: ranges.reversed(), stop: StopToken())
        #expect(
            estimates.partitions == [
                PartitionEstimate(sourceRows: 1, destinationRows: 1),
                PartitionEstimate(sourceRows: 2, destinationRows: 1),
            ])
        #expect(estimates.unplaced.null == 1 && estimates.unplaced.unordered == 1)
        #expect(estimates.unplaced.sample == .text("soon"))
        #expect((estimates.bytesPerRow ?? 0) > 18)
        let isIndexed = table == Tables.orders
        #expect(estimates.fullScans == (isIndexed ? [] : ["orders"]))
        #expect(estimates.sourceIndexes.count == (isIndexed ? 0 : 1))
        #expect(estimates.destinationIndexes.count == (isIndexed ? 0 : 1))
        #expect(try world.picture() == before)
        #expect(try world.inWarehouse("SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_%' ESCAPE '\\'") == [[0]])
    }
}

extension World {
    /// The failure of a partition that must fail; nil when it did not.
    func partitionFailure(
        _ step: LoadStep, _ start: String, _ end: String, backfill: String? = nil, column: String = "updated_at",
        format: CursorFormat? = nil
    ) throws -> Failure? {
        do {
            try partition(step, start, end, backfill: backfill, column: column, format: format)
            return nil
        } catch let failure as Failure {
            return failure
        }
    }

    /// Reloads a partition as a new backfill's, or as the given one's.
    @discardableResult
    func partition(
        _ step: LoadStep, _ start: String, _ end: String, backfill: String? = nil, number: Int = 1, attempt: Int = 1,
        column: String = "updated_at", format: CursorFormat? = nil, timezone: String = "UTC", allowShrink: Bool = false
    ) throws -> PartitionResult {
        let scheme = PartitionScheme(column: column, format: format, interval: .day, timezone: timezone)
        let plan = try BackfillPlan(scheme)
        let range = try plan.range(
            plan.bound(.string(start), field: "start"), plan.bound(.string(end), field: "end"))
        return try loader().loadPartition(
            PartitionRequest(
                load: try request(step, run: backfill, attempt: attempt, allowShrink: allowShrink), number: number,
                scheme: scheme, range: range), stop: StopToken())
    }
}
