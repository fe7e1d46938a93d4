import Loading
import Model
import SQLite
import Testing

/// Columns under other names and types, in every strategy.
struct SourceColumnsTests {
    private static let source = """
        CREATE TABLE t (no INTEGER PRIMARY KEY, cust TEXT, amount TEXT, changed TEXT);
        CREATE INDEX t_by_changed ON t (changed);
        INSERT INTO t VALUES (1, 'a', '12.5', '2024-05-01'), (2, 'b', '7', '2024-05-02'), (3, 'c', NULL, '2024-05-03');
        """

    private func step(_ world: World, _ strategy: Strategy, mode: WriteMode = .upsert, query: Bool = false) -> LoadStep
    {
        world.step(
            "t", query: query ? "SELECT * FROM t WHERE no > 0" : nil, strategy,
            cursor: strategy == .timestamp ? "changed_at" : nil, key: ["id"], mode: mode
        ).with {
            $0.columns.rename = [("no", "id"), ("CUST", "customer"), ("changed", "changed_at")]
            $0.columns.cast = [("amount", .real), ("id", .integer)]
            $0.undo = .usual
        }
    }

    @Test(
        "what is renamed and cast is loaded, followed and rolled back",
        arguments: [
            (Strategy.timestamp, WriteMode.upsert), (.timestamp, .deleteInsert), (.timestamp, .append),
            (.snapshotDiff, .upsert), (.fullRefresh, .upsert),
        ], [false, true])
    func everyWay(way: (strategy: Strategy, mode: WriteMode), query: Bool) throws {
        let world = try World(SourceColumnsTests.source)
        let step = step(world, way.strategy, mode: way.mode, query: query)
        try world.load(step)
        let rows = "SELECT id, customer, amount, changed_at FROM t ORDER BY changed_at"
        let first = try world.inWarehouse(rows)
        #expect(
            first == [
                [1, "a", .real(12.5), "2024-05-01"], [2, "b", .real(7), "2024-05-02"], [3, "c", .null, "2024-05-03"],
            ])
        if way.strategy == .timestamp { #expect(try world.watermark()?.cursor == "changed_at") }
        #expect(try !world.load(step).codes.contains("type_differs"))
        try world.source.execute("UPDATE t SET amount = '8', changed = '2024-05-09' WHERE no = 2")
        let run = world.nextRun()
        try world.load(step, run: run)
        #expect(try world.inWarehouse(rows).last == [2, "b", .real(8), "2024-05-09"])
        #expect(try world.rollback(run, step).count == 1)
        #expect(try world.inWarehouse(rows) == first)
    }

    @Test(
        "a value that cannot be cast stops the run and names its row", arguments: ["12,5", "", "0x10", "nan", "1e999"])
    func refusesWhatIsNoNumber(text: String) throws {
        for strategy in [Strategy.timestamp, .snapshotDiff, .fullRefresh] {
            let world = try World(SourceColumnsTests.source)
            let step = step(world, strategy)
            try world.load(step)
            let before = try world.picture("t")
            try world.source.execute("UPDATE t SET amount = '\(text)', changed = '2024-05-09' WHERE no = 2")
            let failure = try world.failure(step)
            #expect(failure?.code == .castFailed, "\(strategy)")
            #expect(failure?.message.contains("id 2") == true, "\(failure?.message ?? "")")
            #expect(try world.picture("t") == before)
        }
    }

    @Test func castsKeepEveryDigitOrFail() throws {
        let world = try World(
            """
            CREATE TABLE t (no INTEGER PRIMARY KEY, v, changed TEXT);
            INSERT INTO t VALUES (1, 9007199254740993, '2024-05-01');
            """)
        let step = { (type: CastType) in
            world.step("t", .timestamp, cursor: "changed", key: ["no"]).with { $0.columns.cast = [("v", type)] }
        }
        #expect(try world.failure(step(.real))?.code == .castFailed)
        try world.load(step(.text))
        #expect(try world.inWarehouse("SELECT v FROM t") == [["9007199254740993"]])
        try world.source.execute("UPDATE t SET v = 0.1, changed = '2024-05-02'")
        #expect(try world.failure(step(.integer))?.code == .castFailed)
    }

    @Test func anIndexServesARenamedColumnAndAPlanNamesTheSourcesOwn() throws {
        let world = try World(SourceColumnsTests.source)
        let step = step(world, .timestamp)
        try world.load(step)
        #expect(try world.plan(step).fullScans.isEmpty)
        try world.source.execute("DROP INDEX t_by_changed")
        #expect(try world.plan(step).suggestedIndexes.first?.contains("(\"changed\")") == true)
    }

    @Test func namesThatDoNotFitAreRefused() throws {
        let world = try World(SourceColumnsTests.source)
        let twice = world.step("t", .timestamp, cursor: "changed", key: ["no"]).with {
            $0.columns.rename = [("cust", "amount")]
        }
        #expect(try world.failure(twice)?.field == "columns.rename")
        let unknown = twice.with { $0.columns.rename = [("nothing", "something")] }
        #expect(try world.failure(unknown)?.code == .unknownColumn)
        let cast = twice.with {
            $0.columns.rename = []
            $0.columns.cast = [("nothing", .text)]
        }
        #expect(try world.failure(cast)?.field == "columns.cast")
    }

    @Test func aChangedKeyOfTheSourceIsTold() throws {
        let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, v TEXT, updated_at TEXT)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        let step = world.step()
        try world.load(step)
        try world.source.execute(
            """
            DROP TABLE orders;
            CREATE TABLE orders (id INTEGER, v TEXT, updated_at TEXT, PRIMARY KEY (id, v));
            INSERT INTO orders VALUES (1, 'b', '2024-05-02');
            """)
        #expect(try world.load(step).codes.contains("key_differs"))
        let frozen = step.with { $0.schemaPolicy = .freeze }
        #expect(try world.failure(frozen)?.code == .schemaChanged)
    }
}
