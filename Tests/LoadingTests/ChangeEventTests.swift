import Loading
import Model
import Platform
import SQLite
import Testing

/// Flat change events: `operation`, `sequence` and the row's columns.
@Suite struct ChangeEventTests {
    static let log = """
        CREATE TABLE changes (sequence INTEGER PRIMARY KEY, operation TEXT, id INTEGER, item TEXT, price REAL);
        """

    private func world(_ events: String = "") throws -> World { try World(ChangeEventTests.log + events) }

    private func step(_ world: World, _ change: (inout LoadStep) -> Void = { _ in }) -> LoadStep {
        world.step("changes", to: "orders", .cdc, cursor: nil).with {
            $0.maxShrink = 1
            change(&$0)
        }
    }

    private func orders(_ world: World) throws -> [[Value]] {
        try world.inWarehouse("SELECT id, item, price FROM orders ORDER BY id")
    }

    @Test func newestEventOfEachKeyWins() throws {
        let world = try world(
            """
            INSERT INTO changes VALUES (1, 'INSERT', 1, 'cup', 2.5), (2, 'insert', 2, 'pot', 9), (3, 'U', 1, 'mug', 3),
                (4, 'i', 3, 'jar', 1), (5, 'DELETE', 2, NULL, NULL), (6, 'd', 9, NULL, NULL), (7, 'c', 4, 'lid', 4),
                (8, 'r', 5, 'pan', 5), (9, 'u', 5, 'wok', 6);
            """)
        let result = try world.load(step(world))
        #expect(try orders(world) == [[1, "mug", 3.0], [3, "jar", 1.0], [4, "lid", 4.0], [5, "wok", 6.0]])
        #expect(result.counts == RowCounts(read: 6, inserted: 4, updated: 0, unchanged: 2, deleted: 0))
        #expect(result.watermarkAfter == .integer(9))
        #expect(result.window == "sequence <= 9 (9 events)")
        #expect(try world.watermark()?.cursor == "sequence")
    }

    @Test func eachRunAppliesOnlyWhatIsNewAndCountsExactly() throws {
        let world = try world(
            "INSERT INTO changes VALUES (1, 'I', 1, 'cup', 1), (2, 'I', 2, 'pot', 2), (3, 'I', 3, 'jar', 3);")
        try world.load(step(world))
        try world.logChanges()
        try world.source.execute(
            """
            INSERT INTO changes VALUES (4, 'U', 1, 'cup', 1), (5, 'U', 2, 'urn', 2), (6, 'D', 3, NULL, NULL),
                (7, 'I', 4, 'lid', 4), (8, 'U', 5, 'new', 5)
            """)
        let result = try world.load(step(world))
        #expect(result.counts == RowCounts(read: 5, inserted: 2, updated: 1, unchanged: 1, deleted: 1))
        #expect(try world.takeChanges().sorted() == ["d3", "i4", "i5", "u2"])
        let again = try world.load(step(world))
        #expect(again.counts == RowCounts())
        #expect(try world.takeChanges().isEmpty)
    }

    @Test func tableIsMadeOfTheRowsColumnsAlone() throws {
        let world = try World(
            """
            CREATE TABLE changes (entry INTEGER PRIMARY KEY, seq INT, op TEXT, id INTEGER, "odd ""name" VARCHAR(20), raw);
            INSERT INTO changes VALUES (1, 5, 'I', 1, 'x', x'00ff'), (2, 6, 'I', 2, 'y', 1.0)
            """)
        try world.load(step(world))
        #expect(
            try world.inWarehouse("SELECT name, type, pk FROM pragma_table_info('orders')") == [
                ["id", "INTEGER", 1], ["odd \"name", "VARCHAR(20)", 0], ["raw", "", 0],
            ])
        #expect(try world.inWarehouse("SELECT raw FROM orders ORDER BY id") == [[.blob([0, 255])], [1.0]])
    }

    @Test func columnsCanBeNamed() throws {
        let world = try World(
            """
            CREATE TABLE changes (moment INTEGER, place INTEGER, what TEXT, id INTEGER, item TEXT);
            INSERT INTO changes VALUES (1, 2, 'D', 1, NULL), (1, 1, 'I', 1, 'cup'), (1, 3, 'I', 2, 'pot')
            """)
        let named = step(world) {
            $0.cursor = Cursor(column: "moment")
            $0.changeLog.operation = "what"
            $0.changeLog.index = "place"
        }
        try world.load(named)
        #expect(try world.inWarehouse("SELECT * FROM orders") == [[2, "pot"]])
    }

    @Test(arguments: ["upsrt", "", "MERGE"])
    func unknownOperationIsNamedWithItsSequence(_ word: String) throws {
        let world = try world("INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, '\(word)', 2, 'b', 1)")
        let failure = try world.failure(step(world))
        #expect(failure?.code == .invalidValue)
        #expect(failure?.message.contains("sequence 2") ?? false)
        #expect(failure?.message.contains("`\(word)`") ?? false)
        #expect(try world.watermark() == nil)
    }

    @Test func nullInTheKeyIsNamedWithItsSequence() throws {
        let world = try world("INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (7, 'U', NULL, 'b', 1)")
        let failure = try world.failure(step(world))
        #expect(failure?.code == .nullKey)
        #expect(failure?.message.contains("sequence 7") ?? false)
    }

    @Test func missingSequenceIsRefused() throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER, operation TEXT, id INTEGER);
            INSERT INTO changes VALUES (1, 'I', 1), (NULL, 'I', 2)
            """)
        #expect(try world.failure(step(world))?.code == .cursorMissing)
    }

    @Test func rowMayBeJSON() throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER PRIMARY KEY, operation TEXT, id INTEGER, data TEXT);
            INSERT INTO changes VALUES (1, 'INSERT', 1, '{"id":1,"item":"cup","tags":["a"],"ok":true}'),
                (2, 'INSERT', 2, '{"id":2,"item":"pot","tags":null,"ok":false}'), (3, 'DELETE', 1, NULL)
            """)
        let result = try world.load(step(world))
        #expect(try world.inWarehouse("SELECT id, item, tags, ok FROM orders") == [[2, "pot", .null, 0]])
        #expect(result.counts.read == 2)
        try world.source.execute(
            "INSERT INTO changes VALUES (4, 'UPDATE', 2, '{\"item\":\"urn\"}'), (5, 'D', 3, NULL)")
        #expect(try world.load(step(world)).counts.updated == 1)
        #expect(try world.inWarehouse("SELECT id, item, tags, ok FROM orders") == [[2, "urn", .null, 0]])
    }

    // MARK: Order

    /// PAINS 15
    @Test func eventsThatShareASequenceAreNeitherSkippedNorMixedUp() throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER, operation TEXT, id INTEGER, item TEXT);
            INSERT INTO changes VALUES (10, 'I', 1, 'a'), (10, 'D', 1, NULL), (10, 'I', 1, 'b'), (10, 'I', 2, 'x')
            """)
        try world.load(step(world))
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == [[1, "b"], [2, "x"]])
        // The rest of the tie arrives after the run that read its beginning.
        try world.source.execute("INSERT INTO changes VALUES (10, 'U', 1, 'c'), (10, 'D', 2, NULL), (10, 'I', 3, 'z')")
        try world.load(step(world))
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == [[1, "c"], [3, "z"]])
        #expect(try world.watermark()?.key == [.integer(7)])
    }

    @Test func tieThatNothingOrdersIsRefused() throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER, operation TEXT, id INTEGER, item TEXT, part INTEGER);
            INSERT INTO changes VALUES (3, 'I', 1, 'a', 1), (3, 'U', 1, 'b', 2)
            """)
        let query = world.step(
            to: "orders", query: "SELECT * FROM changes", .cdc, cursor: nil)
        let failure = try world.failure(query)
        #expect(failure?.field == "change_log.index")
        #expect(failure?.message.contains("sequence 3") ?? false)
        try world.load(query.with { $0.changeLog.index = "part" })
        #expect(try world.inWarehouse("SELECT id, item FROM orders") == [[1, "b"]])
    }

    @Test(arguments: [0, 100])
    func olderEventIsIgnoredAcrossRunsAndAfterADelete(_ lookback: Int64) throws {
        let world = try world("INSERT INTO changes VALUES (10, 'I', 1, 'new', 1), (11, 'D', 2, NULL, NULL)")
        let late = step(world) { $0.lookback = lookback == 0 ? .none : .count(lookback) }
        try world.load(late)
        // Late events, older than what was applied; the newer ones are gone from the log by now.
        try world.source.execute(
            "DELETE FROM changes; INSERT INTO changes VALUES (4, 'U', 1, 'old', 0), (5, 'I', 2, 'back', 0)")
        let result = try world.load(late)
        #expect(result.counts.read == 0)
        #expect(try orders(world) == [[1, "new", 1.0]])
        // A late event of a key that nothing was applied to is no older one.
        try world.source.execute("INSERT INTO changes VALUES (6, 'I', 3, 'late', 0)")
        try world.load(late)
        #expect(try orders(world).count == (lookback == 0 ? 1 : 2))
    }

    @Test func appliedSequencesAreKeptForTheLookbackAlone() throws {
        let world = try world("INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, 'I', 2, 'b', 1)")
        let late = step(world) { $0.lookback = .count(5) }
        try world.load(late)
        let entries = "SELECT * FROM \"_strandline_applied/orders/orders\" ORDER BY 1"
        #expect(try world.inWarehouse(entries) == [[1, 1], [2, 2]])
        try world.source.execute("INSERT INTO changes VALUES (7, 'U', 2, 'c', 1), (8, 'I', 3, 'c', 1)")
        try world.load(late)
        #expect(try world.inWarehouse(entries) == [[2, 7], [3, 8]])
        try world.load(step(world))
        #expect(try world.inWarehouse("SELECT name FROM sqlite_schema WHERE name GLOB '_strandline_applied*'").isEmpty)
    }

    @Test func rewindAppliesTheLogAgainAndEndsTheSame() throws {
        let world = try world(
            "INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, 'U', 1, 'b', 1), (3, 'I', 2, 'x', 1), (4, 'D', 2, 0, 0)"
        )
        let request = try world.request(step(world))
        try world.load(step(world))
        _ = try world.loader().setWatermark(request, to: .integer(1), reason: "again")
        // Cut into commits of one event, rows would go back in time between them.
        try world.logChanges()
        let result = try world.load(step(world), rowsPerCommit: 1)
        #expect(result.counts == RowCounts(read: 2, inserted: 0, updated: 0, unchanged: 2, deleted: 0))
        #expect(try world.takeChanges().isEmpty)
        #expect(try world.watermark()?.value == .integer(4))
    }

    /// PAINS 25
    @Test func loadThatWasCutShortGoesOnWhereItsLastCommitEnded() throws {
        let world = try world()
        try world.source.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
            INSERT INTO changes SELECT i, CASE i % 5 WHEN 0 THEN 'D' ELSE 'U' END, i % 7, 'item ' || i, i FROM n
            """)
        let token = StopToken()
        world.stopAfterCommits = (3, token)
        #expect(throws: Failure.self) { try world.load(step(world), rowsPerCommit: 10, stop: token) }
        #expect(try world.watermark()?.value == .integer(30))
        world.stopAfterCommits = nil
        let rest = try world.load(step(world), rowsPerCommit: 10)
        #expect(rest.watermarkBefore == .integer(30))
        #expect(rest.commits > 1)
        let whole = try World(ChangeEventTests.log)
        try whole.source.execute("ATTACH '\(world.path("source.db"))' AS other")
        try whole.source.execute("INSERT INTO changes SELECT * FROM other.changes")
        try whole.load(step(whole))
        #expect(try orders(world) == orders(whole))
    }

    // MARK: Gaps

    @Test func gapsAreToldByPolicy() throws {
        let world = try world("INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (4, 'I', 2, 'b', 1)")
        let failure = try world.failure(step(world) { $0.onGap = .fail })
        #expect(failure?.code == .sequenceGap)
        #expect(failure?.message.contains("2 numbers of sequence are missing between 1 and 4") ?? false)
        #expect(try world.load(step(world)).codes == ["sequence_gap"])
        try world.source.execute("INSERT INTO changes VALUES (6, 'I', 3, 'c', 1)")
        #expect(try world.load(step(world) { $0.onGap = .ignore }).codes == [])
        try world.source.execute("INSERT INTO changes VALUES (8, 'I', 4, 'c', 1), (9, 'I', 5, 'c', 1)")
        #expect(try world.load(step(world)).warnings.first?.message.hasPrefix("1 numbers") ?? false)
    }

    @Test func gapsCountNumbersWhereEventsShareThem() throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER, operation TEXT, id INTEGER);
            INSERT INTO changes VALUES (1, 'I', 1), (1, 'I', 2), (1, 'I', 3), (3, 'I', 4)
            """)
        #expect(try world.load(step(world)).codes == ["sequence_gap"])
        try world.source.execute("INSERT INTO changes VALUES (4, 'I', 5)")
        #expect(try world.load(step(world)).codes == [])
        // The last event that was read is trimmed, and one number after it was never there.
        try world.source.execute("DELETE FROM changes; INSERT INTO changes VALUES (6, 'I', 6)")
        #expect(try world.load(step(world)).codes == ["sequence_gap"])
    }

    // MARK: Deletes

    @Test func deletesStandUnderTheShrinkGuard() throws {
        let world = try world(
            "INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, 'I', 2, 'b', 1), (3, 'I', 3, 'c', 1)")
        let guarded = step(world) { $0.maxShrink = 0.5 }
        try world.load(guarded)
        try world.source.execute("INSERT INTO changes VALUES (4, 'D', 1, 0, 0), (5, 'D', 2, 0, 0)")
        let failure = try world.failure(guarded)
        #expect(failure?.code == .shrinkGuard)
        #expect(failure?.message.contains("2 of the 3 rows") ?? false)
        #expect(try world.watermark()?.value == .integer(3))
        #expect(try world.load(guarded, allowShrink: true).counts.deleted == 2)
    }

    @Test func softDeleteKeepsTheLastValues() throws {
        let world = try world("INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, 'I', 2, 'b', 1)")
        let soft = step(world) { $0.softDelete = "deleted_at" }
        try world.load(soft)
        try world.source.execute("INSERT INTO changes VALUES (3, 'D', 1, NULL, NULL), (4, 'D', 7, NULL, NULL)")
        let result = try world.load(soft)
        #expect(result.counts == RowCounts(read: 2, inserted: 0, updated: 0, unchanged: 1, deleted: 1))
        let all = "SELECT id, item, deleted_at FROM orders ORDER BY id"
        let time = Value(World.start.rfc3339)
        #expect(try world.inWarehouse(all) == [[1, "a", time], [2, "b", .null]])
        try world.source.execute("INSERT INTO changes VALUES (5, 'D', 1, NULL, NULL)")
        #expect(try world.load(soft).counts.unchanged == 1)
        try world.source.execute("INSERT INTO changes VALUES (6, 'I', 1, 'a', 1)")
        #expect(try world.load(soft).counts.updated == 1)
        #expect(try world.inWarehouse(all) == [[1, "a", .null], [2, "b", .null]])
    }

    @Test func truncationRemovesAllThatWasThereBefore() throws {
        let world = try world(
            "INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, 'I', 2, 'b', 1), (3, 'I', 3, 'c', 1)")
        try world.load(step(world))
        try world.source.execute(
            """
            INSERT INTO changes VALUES (4, 'U', 1, 'gone', 1), (5, 't', NULL, NULL, NULL), (6, 'I', 2, 'b', 1),
                (7, 'I', 4, 'd', 1)
            """)
        let result = try world.load(step(world))
        #expect(try orders(world) == [[2, "b", 1.0], [4, "d", 1.0]])
        #expect(result.counts == RowCounts(read: 2, inserted: 1, updated: 0, unchanged: 1, deleted: 2))
        try world.source.execute("INSERT INTO changes VALUES (8, 'truncate', NULL, NULL, NULL)")
        #expect(try world.failure(step(world) { $0.maxShrink = 0.5 })?.code == .shrinkGuard)
    }

    @Test func keysThatTheDestinationTakesForOneAreOne() throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER PRIMARY KEY, operation TEXT, id TEXT, item TEXT);
            INSERT INTO changes VALUES (1, 'I', '01', 'a'), (2, 'U', '1', 'b')
            """, warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)")
        try world.load(step(world))
        #expect(try world.inWarehouse("SELECT * FROM orders") == [[1, "b"]])
    }

    @Test func eventsCannotRebuildATable() throws {
        let world = try world("INSERT INTO changes VALUES (1, 'I', 1, 'a', 1)")
        #expect(try world.failure(step(world), fullRefresh: true)?.code == .conflict)
    }

    @Test func planSaysWhatTheRunWillRead() throws {
        let world = try world("INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, 'U', 1, 'b', 1)")
        let plan = try world.plan(step(world))
        #expect(plan.rows == 2)
        #expect(plan.to == .integer(2))
        #expect(plan.columns == ["id", "item", "price"])
        #expect(plan.createsDestination)
        #expect(plan.statements.contains { $0.contains("ON CONFLICT") })
        try world.load(step(world))
        #expect(try world.plan(step(world)).rows == 0)
        #expect(try world.plan(step(world)).fullScans == [])
        let request = try world.request(step(world))
        let preview = try world.loader().previewWatermark(request, to: .integer(0), stop: StopToken())
        #expect(preview.rowsToRead == 2)
    }
}
