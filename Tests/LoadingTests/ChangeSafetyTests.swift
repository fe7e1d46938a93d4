import Loading
import Model
import Platform
import SQLite
import Testing

/// What must not happen in silence when logs are emptied, restarted, mended, or read in many commits.
@Suite struct ChangeSafetyTests {
    private func world(_ events: String = "") throws -> World { try World(ChangeEventTests.log + events) }

    private func step(_ world: World, _ change: (inout LoadStep) -> Void = { _ in }) -> LoadStep {
        world.step("changes", to: "orders", .cdc, cursor: nil).with(change)
    }

    private func tenRows(_ step: LoadStep, _ world: World) throws {
        try world.source.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
            INSERT INTO changes SELECT i, 'I', i, 'item ' || i, i FROM n
            """)
        try world.load(step)
    }

    // MARK: The guard

    @Test(arguments: [nil, "deleted_at"])
    func loadOfManyCommitsIsHeldToTheShrinkGuardAsAWhole(_ softDelete: String?) throws {
        let world = try world()
        let step = step(world) { $0.softDelete = softDelete }
        try tenRows(step, world)
        try world.source.execute(
            "INSERT INTO changes SELECT sequence + 10, 'D', id, NULL, NULL FROM changes WHERE id <= 8")
        let before = try world.inWarehouse("SELECT * FROM orders ORDER BY id")
        let failure = try world.failure(step, rowsPerCommit: 1)
        #expect(failure?.code == .shrinkGuard)
        #expect(failure?.message.contains("8 of the 10 rows") ?? false)
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == before)
        #expect(try world.watermark()?.value == .integer(10))
        let allowed = try world.load(step, allowShrink: true, rowsPerCommit: 1)
        #expect(allowed.counts.deleted == 8)
        #expect(allowed.commits > 1)
    }

    @Test(arguments: ["'D', id", "'t', NULL"])
    func rowsThatALaterCommitBringsBackAreNotLost(_ removal: String) throws {
        let world = try world()
        let step = step(world)
        try tenRows(step, world)
        try world.source.execute(
            """
            INSERT INTO changes SELECT sequence + 10, \(removal), NULL, NULL FROM changes WHERE id <= 8;
            INSERT INTO changes SELECT id + 20, 'I', id, 'again', 0 FROM changes WHERE sequence <= 10
            """)
        #expect(try world.load(step, rowsPerCommit: 1).commits > 1)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders WHERE item = 'again'") == [[10]])
    }

    @Test func truncationIsSeenBeforeTheFirstOfManyCommits() throws {
        let world = try world()
        let step = step(world)
        try tenRows(step, world)
        try world.source.execute(
            "INSERT INTO changes VALUES (11, 'U', 1, 'new', 1), (12, 't', NULL, NULL, NULL), (13, 'I', 3, 'x', 1)")
        let failure = try world.failure(step, rowsPerCommit: 1)
        #expect(failure?.message.contains("9 of the 10 rows") ?? false)
        #expect(try world.watermark()?.value == .integer(10))
    }

    // MARK: Order

    @Test(arguments: [Strategy.sequence, .cdc], [false, true])
    func numbersThatAreTextsOfDifferentLengthsAreRefused(_ strategy: Strategy, _ isIndexed: Bool) throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence TEXT\(isIndexed ? " PRIMARY KEY" : ""), operation TEXT, id INTEGER, item TEXT);
            INSERT INTO changes VALUES ('8', 'I', 1, 'a'), ('9', 'I', 2, 'b')
            """)
        let step = world.step("changes", to: "orders", strategy, cursor: "sequence")
        try world.load(step)
        try world.source.execute("INSERT INTO changes VALUES ('10', 'I', 3, 'c')")
        let failure = try world.failure(step)
        #expect(failure?.code == .cursorFormat)
        #expect(failure?.message.contains("'9' and '10'") ?? false)
        #expect(
            failure?.hint.contains(strategy == .cdc ? "CAST(sequence AS INTEGER)" : "cast: { sequence: integer }")
                ?? false)
        #expect(throws: Failure.self) { try world.plan(step) }
        #expect(try world.watermark()?.value == .text(Array("9".utf8)))
    }

    @Test(arguments: [Strategy.sequence, .cdc])
    func textsOfOneLengthAndTextsThatAreNoNumbersAreRead(_ strategy: Strategy) throws {
        for values in [["08", "09", "10"], ["a", "ab", "b"]] {
            let world = try World(
                "CREATE TABLE changes (sequence TEXT, operation TEXT, id INTEGER); INSERT INTO changes VALUES "
                    + values.enumerated().map { "('\($1)', 'I', \($0))" }.joined(separator: ", "))
            let step = world.step("changes", to: "orders", strategy, cursor: "sequence")
            try world.load(step)
            #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[3]])
            #expect(try world.load(step).codes == [])
        }
    }

    // MARK: Logs that go back

    @Test(arguments: [Strategy.sequence, .cdc])
    func numbersThatRestartAreTold(_ strategy: Strategy) throws {
        let world = try world(
            "INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, 'I', 2, 'b', 1), (3, 'I', 3, 'c', 1)")
        let step = world.step(
            "changes", to: "orders", strategy, cursor: "sequence", key: [strategy == .cdc ? "id" : "sequence"])
        try world.load(step)
        #expect(try world.load(step).codes == [])
        try world.source.execute("DELETE FROM changes; INSERT INTO changes VALUES (1, 'I', 4, 'd', 1)")
        let failure = try world.failure(step.with { $0.onGap = .fail })
        #expect(failure?.code == .sequenceGap)
        #expect(failure?.message.contains("1, below the watermark 3") ?? false)
        #expect(try world.load(step.with { $0.onGap = .ignore }).codes == [])
        #expect(try world.load(step).codes == ["sequence_went_back"])
        #expect(try world.plan(step).warnings.map(\.code) == ["sequence_went_back"])
        try world.source.execute("DELETE FROM changes")
        #expect(!(try world.load(step).codes.contains("sequence_went_back")))
    }

    @Test(arguments: [false, true])
    func mendedEventsAreAppliedAfterTheWatermarkWasSetBack(_ isRollback: Bool) throws {
        let world = try world("INSERT INTO changes VALUES (1, 'I', 1, 'a', 1), (2, 'I', 2, 'b', 1)")
        let step = step(world) {
            $0.lookback = .count(10)
            $0.undo = UndoPolicy(keep: .seconds(86_400), maxRows: 1_000)
        }
        try world.load(step)
        try world.source.execute("INSERT INTO changes VALUES (5, 'U', 1, 'good', 1), (6, 'U', 1, 'BAD', 1)")
        let run = world.nextRun()
        try world.load(step, run: run)
        try world.source.execute("DELETE FROM changes WHERE sequence = 6")
        if isRollback {
            _ = try world.rollback(run, step)
        } else {
            _ = try world.loader().setWatermark(try world.request(step), to: .integer(2), reason: "mended")
        }
        try world.load(step)
        #expect(try world.inWarehouse("SELECT id, item FROM orders ORDER BY id") == [[1, "good"], [2, "b"]])
    }
}
