import Loading
import Model
import Platform
import SQLite
import Testing

/// The ledger of a step tells what its runs and backfills have loaded, from the destination's own records.
struct LedgerTests {
    private func ledger(_ world: World, _ step: LoadStep) throws -> Ledger {
        try world.loader().ledger(
            pipeline: "orders", step: step, destination: try world.file("warehouse.db"), stop: StopToken())
    }

    private func text(_ text: String) -> CursorValue { .text(Array(text.utf8)) }

    private func place(_ text: String) throws -> PartitionBound.Place {
        .time(try #require(Timestamp(rfc3339: text)))
    }

    private func world() throws -> (World, LoadStep) {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, updated_at TEXT);
            INSERT INTO orders VALUES (1, '2024-01-01'), (2, '2024-01-02T06:00:00+06:00');
            """)
        return (world, world.step())
    }

    @Test func nothingIsLoadedBeforeTheFirstRun() throws {
        let (world, step) = try world()
        #expect(try ledger(world, step) == Ledger())
        #expect(try ledger(world, world.step("orders", .fullRefresh, cursor: nil)) == Ledger())
    }

    @Test func runsInARowLeaveNoGap() throws {
        let (world, step) = try world()
        try world.load(step.with { $0.lookback = .time(.seconds(86_400)) })
        try world.source.execute("INSERT INTO orders VALUES (3, '2024-01-05')")
        try world.load(step)
        try world.load(step)
        let found = try ledger(world, step)
        #expect(found.intervals.count == 1 && found.intervals[0].loads == 2)
        #expect(found.intervals[0].start == nil)
        #expect(try found.through == place("2024-01-05T00:00:00Z"))
        #expect(found.gaps.isEmpty && found.overlaps.isEmpty)
    }

    @Test func aFirstLoadBeginsWhereItsDocumentSays() throws {
        let (world, step) = try world()
        let late = step.with { $0.cursor?.initial = text("2024-01-01T12:00:00") }
        try world.load(late)
        #expect(try ledger(world, late).intervals.map(\.start) == [try place("2024-01-01T12:00:00Z")])
    }

    // PAINS 46: what was passed over when a person moved the watermark on is a gap, whatever runs come after.
    @Test func aWatermarkThatWasMovedOnLeavesAGap() throws {
        let (world, step) = try world()
        try world.load(step)
        let from = try #require(try world.watermark()?.value)
        _ = try world.loader().setWatermark(try world.request(step), to: text("2024-02-01"), reason: "outage")
        try world.source.execute("INSERT INTO orders VALUES (3, '2024-01-15'), (4, '2024-02-03')")
        try world.load(step)
        let found = try ledger(world, step)
        #expect(from == text("2024-01-02T06:00:00+06:00"))
        #expect(
            try found.gaps == [Ledger.Stretch(start: place("2024-01-02T00:00:00Z"), end: place("2024-02-01T00:00:00Z"))]
        )
        #expect(found.missing.map(\.text) == ["[2024-01-02T00:00:00Z, 2024-02-01T00:00:00.000001Z)"])
    }

    @Test func aRewindIsAnOverlapAndAFullRefreshClosesEveryGap() throws {
        let (world, step) = try world()
        try world.load(step)
        _ = try world.loader().setWatermark(try world.request(step), to: text("2024-01-01"), reason: "again")
        try world.load(step)
        let again = try ledger(world, step)
        #expect(try again.overlaps.map(\.start) == [place("2024-01-01T00:00:00Z")])
        #expect(again.gaps.isEmpty)
        _ = try world.loader().setWatermark(try world.request(step), to: text("2024-03-01"), reason: "skip")
        try world.source.execute("INSERT INTO orders VALUES (3, '2024-03-02')")
        try world.load(step)
        #expect(try ledger(world, step).gaps.count == 1)
        try world.load(step, fullRefresh: true)
        #expect(try ledger(world, step).gaps.isEmpty)
    }

    @Test func aRunThatWasRolledBackHasLoadedNothing() throws {
        let (world, step) = try world()
        let kept = step.with { $0.undo = .usual }
        try world.load(kept)
        try world.source.execute("INSERT INTO orders VALUES (3, '2024-01-15')")
        let run = world.nextRun()
        try world.load(kept, run: run)
        #expect(try ledger(world, kept).through == place("2024-01-15T00:00:00Z"))
        _ = try world.loader().rollback(
            run: run, steps: [kept], destination: try world.file("warehouse.db"), isTrial: false)
        #expect(try ledger(world, kept).through == place("2024-01-02T00:00:00Z"))
    }

    @Test func aSequenceHasALedgerOfNumbersAndTextsHaveNone() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, code TEXT);
            INSERT INTO orders VALUES (1, 'a'), (7, 'b');
            """)
        let numbers = world.step("orders", .sequence, cursor: "id")
        try world.load(numbers)
        #expect(try ledger(world, numbers).through == .number(7))
        let texts = world.step("orders", to: "codes", .sequence, cursor: "code").with { $0.name = "codes" }
        try world.load(texts)
        #expect(try ledger(world, texts) == Ledger())
    }

    /// Of a step only the newest records are kept; what they had told stays.
    @Test func recordsThatAreTrimmedLeaveTheirIntervals() throws {
        let (world, step) = try world()
        try world.load(step)
        _ = try world.loader().setWatermark(try world.request(step), to: text("2024-02-01"), reason: "outage")
        try world.source.execute("INSERT INTO orders VALUES (3, '2024-02-03')")
        try world.load(step)
        let before = try ledger(world, step)
        // As many records of other runs as are kept, so that the next load trims all of these.
        try world.warehouse.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Limits.loadRecords + 1))
            INSERT INTO _strandline_loads (run, step, commit_number, pipeline, attempt, final, rows_read, rows_inserted,
                rows_updated, rows_unchanged, rows_deleted, watermark_before, watermark_after, position_key, load_window,
                warnings, committed_at)
            SELECT 'run-5' || printf('%05d', i), 'orders', 1, 'orders', 1, 1, 0, 0, 0, 0, 0, '2024-02-03', '2024-02-03',
                '[]', '', '[]', '2024-06-01T12:00:00Z' FROM n
            """)
        try world.load(step, run: "run-600000")
        #expect(try world.inWarehouse("SELECT count(*) FROM _strandline_loads WHERE run < 'run-5'") == [[0]])
        let after = try ledger(world, step)
        #expect(after.gaps == before.gaps && after.through == before.through)
        #expect(after.intervals.map(\.start) == before.intervals.map(\.start))
        #expect(after.intervals.map(\.first) == before.intervals.map(\.first))
        try world.load(step, run: "run-600001", fullRefresh: true)
        #expect(try ledger(world, step).gaps.isEmpty)
    }
}
