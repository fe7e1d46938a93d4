import Model
import SQLite
import Testing

/// Rows whose cursor is NULL, no time, or of another kind than the rest.
struct CursorPolicyTests {
    private func world(_ table: String) throws -> World {
        let world = try World(table)
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', NULL), (3, 'c', '2024-05-03'), (4, 'd', NULL)")
        return world
    }

    @Test("PAINS 9: NULL cursors stop the run by default and are counted", arguments: Tables.both)
    func nullCursorsRaise(table: String) throws {
        let world = try world(table)
        let failure = try world.failure(world.step())
        #expect(failure?.code == .cursorMissing)
        #expect(failure?.message.hasPrefix("2 rows") == true)
        #expect(failure?.field == "cursor.on_missing")
        #expect(try world.watermark() == nil)
        // Also later, when an index would hide them.
        try world.source.execute("DELETE FROM orders WHERE updated_at IS NULL")
        try world.load(world.step())
        try world.source.execute("INSERT INTO orders VALUES (5, 'e', NULL)")
        #expect(try world.failure(world.step())?.code == .cursorMissing)
    }

    @Test("PAINS 9: NULL cursors are loaded by every run when included", arguments: Tables.both)
    func nullCursorsIncluded(table: String) throws {
        for mode in WriteMode.allCases {
            let world = try world(table)
            let step = world.step(mode: mode).with { $0.cursor?.onMissing = .include }
            let first = try world.load(step)
            #expect(first.counts == RowCounts(read: 4, inserted: 4))
            #expect(first.codes == ["cursor_missing"])
            let second = try world.load(step)
            #expect(second.counts == RowCounts(read: 3, unchanged: 3))
            try world.source.execute(
                "INSERT INTO orders VALUES (5, 'e', NULL), (6, 'f', '2024-05-04')")
            let third = try world.load(step)
            #expect(third.counts == RowCounts(read: 5, inserted: 2, unchanged: 3))
            #expect(third.warnings.first?.message.hasPrefix("3 rows") == true)
            #expect(try world.isEqual())
        }
    }

    @Test("PAINS 9: rows whose cursors are all NULL are not appended again")
    func onlyNullCursors() throws {
        let world = try World(Tables.orders)
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', NULL)")
        let step = world.step(mode: .append).with { $0.cursor?.onMissing = .include }
        #expect(try world.load(step).counts.inserted == 1)
        #expect(try world.load(step).counts == RowCounts(read: 1, unchanged: 1))
    }

    @Test("PAINS 9: NULL cursors are passed over and counted when excluded", arguments: Tables.both)
    func nullCursorsExcluded(table: String) throws {
        for rows in [1, 500_000] {
            let world = try world(table)
            let step = world.step().with { $0.cursor?.onMissing = .exclude }
            let first = try world.load(step, rowsPerCommit: rows)
            #expect(first.counts == RowCounts(read: 2, inserted: 2))
            #expect(first.codes == ["cursor_missing"], "\(rows) rows a commit")
            #expect(first.warnings.first?.message.hasPrefix("2 rows") == true)
            #expect(try world.load(step, rowsPerCommit: rows).codes == ["cursor_missing"])
        }
    }

    @Test(arguments: Tables.both)
    func unparsableCursorsRaise(table: String) throws {
        for bad in [
            "'yesterday'", "'2024-02-30'", "''", "x'00'", "17", "1.5", "'2024-05-01T10:00'||char(0)", "'2024-05-01 '",
        ] {
            let world = try World(table)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', \(bad))")
            let step = world.step()
            #expect(try world.failure(step)?.code == .cursorUnparsable, "\(bad)")
            #expect(try world.watermark() == nil)
            let lenient = step.with { $0.cursor?.onUnparsable = .exclude }
            let result = try world.load(lenient)
            #expect(result.counts == RowCounts(read: 1, inserted: 1), "\(bad)")
            #expect(result.codes == ["cursor_unparsable"])
        }
    }

    @Test("an unparsable cursor below the watermark is seen", arguments: Tables.both)
    func unparsableBelowTheWatermark(table: String) throws {
        for bad in ["'1st of May'", "''", "5", "'2024-4-1'", "'00 bad'"] {
            let world = try World(table)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-04-01'), (2, 'b', '2024-05-01')")
            try world.load(world.step())
            try world.source.execute("INSERT INTO orders VALUES (3, 'c', \(bad))")
            #expect(try world.failure(world.step())?.code == .cursorUnparsable, "\(bad)")
            let lenient = world.step().with { $0.cursor?.onUnparsable = .exclude }
            #expect(try world.load(lenient).codes == ["cursor_unparsable"], "\(bad)")
            #expect(try world.load(lenient, rowsPerCommit: 1).codes == ["cursor_unparsable"], "\(bad)")
        }
    }

    @Test func numbersWithoutAFormatAreExplained() throws {
        let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at INTEGER)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1700000000)")
        let failure = try world.failure(world.step())
        #expect(failure?.code == .cursorFormat)
        #expect(failure?.hint.contains("unix_seconds") == true)
    }

    @Test func textInAUnixCursorRaises() throws {
        for index in ["", "CREATE INDEX i ON orders (updated_at)"] {
            let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at);" + index)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', 1700000000), (2, 'b', '1700000001')")
            let step = world.step().with { $0.cursor?.format = .unixSeconds }
            #expect(try world.failure(step)?.code == .cursorUnparsable)
            #expect(try world.failure(step, rowsPerCommit: 1)?.code == .cursorUnparsable)
            #expect(try world.watermark() == nil)
        }
    }

    @Test func aSequenceOfMixedTypesRaises() throws {
        for index in ["", "CREATE INDEX i ON log (v)"] {
            for second in ["'x'", "x'01'", "3"] {
                let world = try World("CREATE TABLE log (id INTEGER PRIMARY KEY, v);" + index)
                try world.source.execute("INSERT INTO log VALUES (1, \(second == "3" ? "'a'" : "1"))")
                let step = world.step("log", .sequence, cursor: "v")
                try world.load(step)
                try world.source.execute("INSERT INTO log VALUES (2, \(second))")
                #expect(try world.failure(step)?.code == .mixedCursorTypes, "\(second) \(index)")
            }
        }
    }

    @Test("gaps of a sequence are ignored, told or refused", arguments: GapPolicy.allCases)
    func gaps(policy: GapPolicy) throws {
        let world = try World("CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT)")
        try world.source.execute("INSERT INTO log VALUES (1, 'a'), (2, 'b')")
        let step = world.step("log", .sequence, cursor: "id", mode: .append).with { $0.onGap = policy }
        #expect(try world.load(step).warnings.isEmpty)
        try world.source.execute("INSERT INTO log VALUES (4, 'd'), (5, 'e'), (6, 'f')")
        if policy == .fail {
            let failure = try world.failure(step)
            #expect(failure?.code == .sequenceGap)
            #expect(failure?.isTransient == true)
            #expect(try world.inWarehouse("SELECT count(*) FROM log") == [[2]])
        } else {
            let result = try world.load(step, rowsPerCommit: 1)
            #expect(result.codes == (policy == .warn ? ["sequence_gap"] : []))
            #expect(result.watermarkAfter == .integer(6))
        }
    }

    @Test func integersBeyondDoublesKeepTheirOrder() throws {
        let world = try World("CREATE TABLE log (id INTEGER PRIMARY KEY, v INTEGER); CREATE INDEX i ON log (v)")
        try world.source.execute("INSERT INTO log VALUES (1, 9223372036854775806)")
        let step = world.step("log", .sequence, cursor: "v").with { $0.onGap = .ignore }
        #expect(try world.load(step).watermarkAfter == .integer(9_223_372_036_854_775_806))
        try world.source.execute("INSERT INTO log VALUES (2, 9223372036854775807), (3, 9223372036854775805)")
        #expect(try world.load(step).watermarkAfter == .integer(.max))
        #expect(try world.inWarehouse("SELECT id FROM log ORDER BY id") == [[1], [2]])
    }
}
