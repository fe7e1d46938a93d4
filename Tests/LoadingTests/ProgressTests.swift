import Loading
import Model
import Platform
import SQLite
import Testing

/// How far a load says it has come while it copies. Each of these stops at a row of its own, which holds it there.
struct ProgressTests {
    /// 5,000 orders; the 3,000th has no key and is called `odd`.
    private func world(_ destination: String = "") throws -> World {
        let world = try World(
            "CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT, updated_at TEXT)", warehouse: destination)
        try world.source.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            INSERT INTO orders SELECT iif(i = 3000, NULL, 'k' || i), iif(i = 3000, 'odd', 'item'), '2024-05-01' FROM n
            """)
        return world
    }

    private func progress(_ world: World, _ step: LoadStep) throws -> LoadProgress {
        let progress = LoadProgress()
        _ = try? world.loader().load(try world.request(step), stop: StopToken(), progress: progress)
        return progress
    }

    @Test func aFullRefreshShowsTheRowsItHasCopied() throws {
        let world = try world("CREATE TABLE orders (id TEXT, item TEXT CHECK (item <> 'odd'), updated_at TEXT)")
        let step = world.step("orders", .fullRefresh, cursor: nil, key: [])
        let held = try progress(world, step)
        #expect(held.rowsRead == 2_048)
        #expect(held.rowsExpected == 5_000)
        #expect(held.commits == 0)
        try world.source.execute("UPDATE orders SET item = 'even'")
        let ended = try progress(world, step)
        #expect(ended.rowsRead == 5_000)
        #expect(ended.commits == 1)
    }

    @Test func theFirstComparisonShowsTheRowsItHasCopied() throws {
        let world = try world(
            "CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT CHECK (item <> 'odd'), updated_at TEXT)")
        try world.source.execute("UPDATE orders SET id = 'k3000' WHERE id IS NULL")
        let step = world.step("orders", .snapshotDiff, cursor: nil)
        let held = try progress(world, step)
        #expect(held.rowsRead == 2_048)
        #expect(held.rowsExpected == 5_000)
        try world.source.execute("UPDATE orders SET item = 'even'")
        #expect(try progress(world, step).rowsRead == 5_000)
    }

    @Test func theCopyOfAWholeTableShowsTheRowsItHasCopied() throws {
        let world = try world()
        let held = try progress(world, world.step())
        #expect(held.rowsRead == 2_048)
        #expect(held.rowsExpected == 5_000)
        try world.source.execute("UPDATE orders SET id = 'k3000' WHERE id IS NULL")
        #expect(try progress(world, world.step()).rowsRead == 5_000)
    }

    @Test func aCopyThatCannotTellExpectsNothing() throws {
        let world = try world(
            """
            CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT CHECK (item <> 'odd'), updated_at TEXT) WITHOUT ROWID
            """)
        let step = world.step("orders", .fullRefresh, cursor: nil, key: [])
        let held = try progress(world, step)
        #expect(held.rowsRead == 0)
        #expect(held.rowsExpected == nil)
        try world.source.execute("DELETE FROM orders WHERE id IS NULL")
        #expect(try progress(world, step).rowsRead == 4_999)
    }
}
