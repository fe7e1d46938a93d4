import Loading
import Model
import Platform
import SQLite
import Synchronization
import Testing

/// What a load says that it did. PAINS 13 and 14: the rows that the cursor filtered, and what a batch consisted of.
struct ManifestTests {
    private static let rows = """
        INSERT INTO orders VALUES (1, 'a', '2024-05-01T00:00:00Z'), (2, 'b', '2024-05-02T00:00:00Z'),
            (3, 'c', '2024-05-02T02:00:00+02:00'), (4, 'd', '2024-05-03T00:00:00Z');
        """

    @Test(arguments: Tables.both)
    func tellsTheBoundsAndTheBatch(table: String) throws {
        let world = try World(table + ManifestTests.rows)
        let step = world.step()
        let first = try #require(try world.load(step).manifest?.commits.first)
        #expect(first.bounds?.lower == nil)
        #expect(first.bounds?.cursor == "updated_at")
        // Five minutes ahead of the world's clock.
        #expect(first.bounds?.upper == .text("2024-06-01T12:05:00Z"))
        #expect(first.cursorRows?.inside == 4)
        #expect(first.cursorRows?.lowest == .text("2024-05-01T00:00:00Z"))
        #expect(first.cursorRows?.highest == .text("2024-05-03T00:00:00Z"))
        #expect(first.at == World.start)

        try world.source.execute(
            """
            INSERT INTO orders VALUES (5, 'e', '2024-05-04T00:00:00Z'), (6, 'late', '2024-04-01T00:00:00Z'),
                (7, 'ahead', '2099-01-01T00:00:00Z');
            """)
        let second = try #require(try world.load(step).manifest?.commits.first)
        #expect(second.bounds?.lower == .text("2024-05-03T00:00:00Z"))
        #expect(second.bounds?.includesLower == true)
        #expect(second.cursorRows?.inside == 3)
        #expect(second.cursorRows?.future == 1)
        let isIndexed = table == Tables.orders
        #expect(second.cursorRows?.byIndex == isIndexed)
        // Rows 1, 2, 3 and the late one; an index does not even look at them.
        if !isIndexed { #expect(second.cursorRows?.below == 4) }
        #expect(second.counts == RowCounts(read: 3, inserted: 2, unchanged: 1))
    }

    @Test(arguments: Tables.both)
    func tellsTheStatementsThatAPlanShows(table: String) throws {
        let world = try World(table + ManifestTests.rows)
        for mode in [WriteMode.upsert, .deleteInsert, .append] {
            let step = world.step(to: "orders_" + mode.rawValue, mode: mode).with { $0.name = mode.rawValue }
            for _ in 1...2 {
                let plan = try world.plan(step)
                let commit = try #require(try world.load(step).manifest?.commits.first)
                // A new table filled by a plain copy is judged by a statement of its own.
                let ran = commit.statements.map(\.sql).filter { !$0.hasPrefix("SELECT count(*)") }
                #expect(ran == plan.statements.filter { !$0.hasPrefix("SELECT count(*)") }, "\(mode)")
                for statement in commit.statements {
                    #expect(statement.parameters.count == statement.sql.count { $0 == "?" })
                    #expect(statement.parameters.allSatisfy { !$0.meaning.isEmpty && $0.value != nil })
                }
            }
        }
    }

    @Test func tellsOfARebuildAndOfAQuery() throws {
        let world = try World(Tables.orders + ManifestTests.rows)
        let step = world.step(to: "copy", query: "SELECT * FROM orders WHERE id < 4")
        let first = try #require(try world.load(step).manifest?.commits.first)
        #expect(first.statements.first?.sql.hasSuffix("AS SELECT * FROM orders WHERE id < 4") == true)
        let plan = try world.plan(step, fullRefresh: true)
        let rebuilt = try #require(try world.load(step, fullRefresh: true).manifest?.commits.first)
        #expect(rebuilt.bounds == nil)
        #expect(rebuilt.cursorRows?.inside == 3)
        #expect(Array(rebuilt.statements.dropFirst().map(\.sql)) == plan.statements)
    }

    @Test func aCutLoadTellsOfEachCommitInShort() throws {
        let world = try World(Tables.orders)
        try world.source.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
            INSERT INTO orders SELECT i, 'x', strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i, 'unixepoch') FROM n
            """)
        let manifest = try #require(try world.load(world.step(), rowsPerCommit: 6).manifest)
        let commits = manifest.commits
        #expect(commits.count == 100)
        #expect(manifest.commitsOmitted == 150 - 100)
        #expect(commits.map(\.number) == Array(1...50) + Array(101...150))
        #expect(commits[0].statements.count == 2)
        #expect(commits[1].statements.count == 1)
        #expect(commits[2..<99].allSatisfy { $0.statements.isEmpty })
        // The last reads on to what is ahead of the clock.
        #expect(commits[99].statements.count == 1)
        for (before, after) in zip(commits, commits.dropFirst()) where after.number == before.number + 1 {
            #expect(after.bounds?.lower == before.bounds?.upper)
            #expect(after.bounds?.includesLower == false)
        }
        #expect(manifest.json.text().utf8.count < 200_000)
    }

    @Test func thePhasesAddUpToTheWholeTime() throws {
        let world = try World(Tables.orders + ManifestTests.rows)
        try world.load(world.step())
        let clock = TickingClock()
        let began = clock.uptime()
        let result = try Loader(clock: clock).load(try world.request(world.step()), stop: StopToken())
        let phases = try #require(result.result.manifest?.commits.first?.phases)
        #expect(phases.map(\.name) == [.open, .lock, .look, .write, .stage, .commit])
        let ticks = phases.reduce(0) { $0 + $1.seconds }
        // Every look at the clock takes a second, and no phase is counted twice or left out.
        #expect(ticks == Double((clock.uptime() - began).components.seconds - 2))
    }

    @Test func aLoadThatFailedTellsOfTheCommitThatWasTakenBack() throws {
        let world = try World(Tables.orders + ManifestTests.rows)
        try world.warehouse.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT CHECK (item <> 'd'), updated_at TEXT)")
        let progress = LoadProgress()
        let request = try world.request(world.step())
        _ = #expect(throws: Failure.self) {
            try world.loader().load(request, stop: StopToken(), progress: progress)
        }
        let manifest = try #require(progress.failed?.result.manifest)
        #expect(manifest.commits.isEmpty)
        #expect(manifest.failed?.number == 1)
        #expect(manifest.failed?.bounds?.cursor == "updated_at")
        #expect(manifest.failed?.statements.last?.sql.hasPrefix("INSERT") == true)
        #expect(manifest.failed?.phases.last?.name == .write)
    }

    @Test func isReadBackFromTheDestination() throws {
        let world = try World(Tables.orders + ManifestTests.rows)
        let run = world.nextRun()
        let manifest = try #require(try world.load(world.step(), run: run).recorded.manifest)
        let file = try world.file("warehouse.db")
        let found = try world.loader().committed(run: run, step: "orders", destination: file)
        #expect(found?.result.manifest == manifest)
        #expect(LoadManifest(json: manifest.json) == manifest)
    }

    @Test func aRecordOfAnOlderProgramHasNone() throws {
        let world = try World(Tables.orders + ManifestTests.rows)
        let run = world.nextRun()
        try world.load(world.step(), run: run)
        let file = try world.file("warehouse.db")
        try world.warehouse.execute("UPDATE _strandline_loads SET manifest = NULL")
        #expect(try world.loader().committed(run: run, step: "orders", destination: file)?.result.manifest == nil)
        // The tables as their first version made them.
        let younger = try world.inWarehouse(
            """
            SELECT 'ALTER TABLE _strandline_loads DROP COLUMN ' || name FROM pragma_table_info('_strandline_loads')
                WHERE cid > 16
            UNION ALL SELECT 'DROP TABLE ' || name FROM sqlite_schema WHERE type = 'table' AND name GLOB '_strandline_*'
                AND name NOT IN ('_strandline_meta', '_strandline_watermarks', '_strandline_loads')
            """)
        for statement in younger { try world.warehouse.execute(statement[0].string ?? "") }
        try world.warehouse.execute("UPDATE _strandline_meta SET value = 1 WHERE key = 'version'")
        #expect(try world.loader().committed(run: run, step: "orders", destination: file)?.result.counts.read == 4)
        // The next load brings the tables up to date.
        #expect(try world.load(world.step()).manifest?.commits.count == 1)
    }
}

/// A clock of which every look takes a second.
private final class TickingClock: Clock {
    private let looks = Mutex(Int64(0))

    func now() -> Timestamp { World.start }

    func uptime() -> Duration {
        looks.withLock { looks in
            looks += 1
            return .seconds(looks)
        }
    }
}
