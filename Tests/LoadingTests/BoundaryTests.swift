import Model
import Platform
import SQLite
import Testing

/// What happens at the watermark: ties, re-runs, late rows, settled time.
struct BoundaryTests {
    @Test("PAINS 5, 8: a second run reads the boundary only and changes nothing", arguments: WriteMode.allCases)
    func secondRunChangesNothing(mode: WriteMode) throws {
        for table in Tables.both {
            let world = try World(table)
            try world.source.execute(
                """
                INSERT INTO orders VALUES (1, 'a', '2024-05-01T10:00:00Z'), (2, 'b', '2024-05-02T10:00:00Z'),
                    (3, 'c', '2024-05-02T10:00:00Z')
                """)
            let step = world.step(mode: mode)
            let first = try world.load(step)
            #expect(first.counts == RowCounts(read: 3, inserted: 3))
            try world.logChanges()
            let second = try world.load(step)
            #expect(second.counts == RowCounts(read: 2, unchanged: 2))
            #expect(second.watermarkBefore == first.watermarkAfter)
            #expect(second.watermarkAfter == first.watermarkAfter)
            #expect(try world.takeChanges() == [])
            #expect(try world.isEqual())
        }
    }

    @Test("PAINS 3, 4: a row that joins a tie at the boundary is loaded", arguments: WriteMode.allCases)
    func tieAtTheBoundaryIsRead(mode: WriteMode) throws {
        for table in Tables.both {
            let world = try World(table)
            try world.source.execute("INSERT INTO orders VALUES (5, 'a', '2024-05-02T10:00:00Z')")
            let step = world.step(mode: mode)
            try world.load(step)
            // Its key is below the one that was seen: neither value nor key alone would find it.
            try world.source.execute("INSERT INTO orders VALUES (2, 'late', '2024-05-02T10:00:00Z')")
            let second = try world.load(step)
            #expect(second.counts == RowCounts(read: 2, inserted: 1, unchanged: 1))
            #expect(try world.isEqual())
        }
    }

    @Test("PAINS 3: a tie of another spelling of the instant is loaded though the cursor column is unique")
    func uniqueTextsMayBeOneInstant() throws {
        let world = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT UNIQUE)")
        try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-02T10:00:00Z')")
        let step = world.step()
        try world.load(step)
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', '2024-05-02 12:00:00.000+02:00')")
        #expect(try world.load(step).counts.inserted == 1)
        #expect(try world.isEqual())
    }

    @Test("PAINS 1, 13: a late row inside the lookback is loaded, one below it is not")
    func lookbackReadsLateRows() throws {
        for table in Tables.both {
            let world = try World(table)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-02T10:00:00Z')")
            let step = world.step().with { $0.lookback = .time(.seconds(3_600)) }
            try world.load(step)
            try world.source.execute(
                """
                INSERT INTO orders VALUES (2, 'at its edge', '2024-05-02T09:00:00Z'),
                    (3, 'in another zone', '2024-05-02T13:30:00+04:00'), (4, 'below', '2024-05-02T08:59:59.999Z')
                """)
            let second = try world.load(step)
            #expect(second.counts == RowCounts(read: 3, inserted: 2, unchanged: 1))
            #expect(try world.inWarehouse("SELECT id FROM orders ORDER BY id") == [[1], [2], [3]])
            #expect(second.watermarkAfter == .text("2024-05-02T10:00:00Z"))
        }
    }

    @Test("PAINS 1, 2: rows younger than settle wait for the next run")
    func settleLeavesTheNewest() throws {
        for table in Tables.both {
            let world = try World(table)
            try world.source.execute(
                "INSERT INTO orders VALUES (1, 'a', '2024-06-01T11:58:00Z'), (2, 'b', '2024-06-01T11:59:30Z')")
            let step = world.step().with { $0.settle = .time(.seconds(60)) }
            let first = try world.load(step)
            #expect(first.counts.inserted == 1)
            #expect(first.watermarkAfter == .text("2024-06-01T11:58:00Z"))
            // The late commit that the watermark must not have passed.
            try world.source.execute("INSERT INTO orders VALUES (3, 'late', '2024-06-01T11:59:00Z')")
            world.clock.advance(by: .seconds(60))
            #expect(try world.load(step).counts.inserted == 2)
            #expect(try world.isEqual())
        }
    }

    @Test("PAINS 11: a settle by count leaves the last numbers of a sequence, which commit out of order")
    func settleByCount() throws {
        let world = try World("CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT)")
        try world.source.execute("INSERT INTO log VALUES (1, 'a'), (2, 'b'), (5, 'e')")
        let step = world.step("log", .sequence, cursor: "id", mode: .append).with {
            $0.settle = .count(3)
            $0.onGap = .ignore
        }
        #expect(try world.load(step).watermarkAfter == .integer(2))
        try world.source.execute("INSERT INTO log VALUES (3, 'c'), (4, 'd'), (8, 'h')")
        #expect(try world.load(step).counts.inserted == 3)
        #expect(try world.inWarehouse("SELECT id FROM log ORDER BY id") == [[1], [2], [3], [4], [5]])
    }

    @Test(
        "PAINS 6, 7: the watermark keeps every digit",
        arguments: [
            "2024-05-02T10:00:00.123456789Z", "2024-05-02 10:00:00.1", "2024-05-02T12:00:00.999999+02:00", "2024-05-02",
        ])
    func watermarkIsByteExact(text: String) throws {
        let world = try World(Tables.orders)
        _ = try world.source.run("INSERT INTO orders VALUES (1, 'a', ?)", [.text(text)])
        let step = world.step()
        #expect(try world.load(step).watermarkAfter == .text(text))
        #expect(try world.watermark()?.value == .text(text))
        #expect(try world.load(step).counts == RowCounts(read: 1, unchanged: 1))
    }

    @Test("PAINS 12: rows of 1970-01-01 and of zero are rows like others")
    func epochIsNoSentinel() throws {
        let world = try World(Tables.orders)
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 'a', '1970-01-01T00:00:00Z'), (2, 'b', '0000-01-01'), (3, 'c', '1969-12-31')"
        )
        #expect(try world.load(world.step()).counts.inserted == 3)
        #expect(try world.watermark()?.value == .text("1970-01-01T00:00:00Z"))

        let numbers = try World("CREATE TABLE orders (id INTEGER PRIMARY KEY, item, updated_at INTEGER)")
        try numbers.source.execute("INSERT INTO orders VALUES (1, 'a', 0), (2, 'b', -5)")
        let step = numbers.step().with { $0.cursor?.format = .unixSeconds }
        #expect(try numbers.load(step).counts.inserted == 2)
        // PAINS 10: a watermark of zero with a lookback does not walk backwards.
        #expect(try numbers.load(step.with { $0.lookback = .time(.seconds(3)) }).watermarkAfter == .integer(0))
        #expect(try numbers.load(step.with { $0.lookback = .time(.seconds(3)) }).watermarkAfter == .integer(0))
    }

    @Test func aFutureRowIsLoadedButCannotDragTheWatermark() throws {
        for table in Tables.both {
            for mode in WriteMode.allCases {
                let world = try World(table)
                try world.source.execute(
                    """
                    INSERT INTO orders VALUES (1, 'a', '2024-06-01T11:00:00Z'), (2, 'far', '2099-01-01T00:00:00Z'),
                        (3, 'near', '2024-06-01T12:05:00Z')
                    """)
                let step = world.step(mode: mode)
                let first = try world.load(step)
                #expect(first.counts.inserted == 3)
                #expect(first.codes == ["future_cursor"])
                #expect(first.watermarkAfter == .text("2024-06-01T12:05:00Z"))
                world.clock.advance(by: .seconds(600))
                try world.source.execute("INSERT INTO orders VALUES (4, 'next', '2024-06-01T12:10:00Z')")
                let second = try world.load(step)
                #expect(second.counts == RowCounts(read: 3, inserted: 1, unchanged: 2))
                #expect(try world.isEqual())
            }
        }
    }

    @Test func onlyFutureRowsCanBeAppendedTwice() throws {
        let world = try World(Tables.orders)
        try world.source.execute("INSERT INTO orders VALUES (2, 'far', '2099-01-01T00:00:00Z')")
        let step = world.step(mode: .append)
        #expect(try world.load(step).counts.inserted == 1)
        #expect(try world.load(step).counts == RowCounts(read: 1, unchanged: 1))
        try world.source.execute("INSERT INTO orders VALUES (1, 'now', '2024-06-01T12:00:00Z')")
        #expect(try world.load(step).counts == RowCounts(read: 2, inserted: 1, unchanged: 1))
        #expect(try world.isEqual())
    }

    @Test func theWatermarkNeverMovesBackWhenTheSourceDoes() throws {
        for mode in WriteMode.allCases {
            let world = try World(Tables.orders)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-09')")
            let step = world.step(mode: mode).with { $0.lookback = .time(.seconds(864_000)) }
            try world.load(step)
            try world.source.execute("DELETE FROM orders WHERE id = 2")
            let second = try world.load(step)
            #expect(second.watermarkAfter == .text("2024-05-09"))
            #expect(try world.watermark()?.value == .text("2024-05-09"))
        }
    }

    @Test func initialIsIncludedAndBoundsTheFirstLoadOnly() throws {
        for table in Tables.both {
            let world = try World(table)
            try world.source.execute(
                "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02'), (3, 'c', '2024-05-03')")
            let step = world.step().with { $0.cursor?.initial = .text("2024-05-02T00:00:00Z") }
            #expect(try world.load(step).counts.inserted == 2)
            // PAINS 23: moving it back once there is a watermark reads nothing more; the watermark wins.
            let moved = step.with { $0.cursor?.initial = .text("2024-01-01") }
            #expect(try world.load(moved).counts == RowCounts(read: 1, unchanged: 1))
        }
    }

    @Test func zonesAreOrderedAsInstants() throws {
        for table in Tables.both {
            let world = try World(table)
            // As texts 1 is the greatest; as instants 2 is.
            try world.source.execute(
                """
                INSERT INTO orders VALUES (1, 'a', '2024-05-02T01:00:00+14:00'), (2, 'b', '2024-05-01T20:00:00-10:00'),
                    (3, 'c', '2024-05-01T11:00:00Z')
                """)
            let step = world.step()
            let first = try world.load(step)
            #expect(first.watermarkAfter == .text("2024-05-01T20:00:00-10:00"))
            #expect(first.codes == ["mixed_offsets"])
            try world.source.execute("INSERT INTO orders VALUES (4, 'd', '2024-05-01 18:00:00-12:00')")
            let second = try world.load(step)
            #expect(second.counts == RowCounts(read: 2, inserted: 1, unchanged: 1))
            #expect(second.watermarkAfter == .text("2024-05-01T20:00:00-10:00"))
        }
    }

    @Test(
        "the lookback of numbers is counted in their unit",
        arguments: [
            (CursorFormat.unixSeconds, Int64(1)), (.unixMillis, 1_000), (.unixMicros, 1_000_000),
        ])
    func unixLookback(format: CursorFormat, unit: Int64) throws {
        for index in ["", "CREATE INDEX i ON orders (updated_at)"] {
            let world = try World(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at INTEGER);" + index)
            let insert = "INSERT INTO orders VALUES (?, 'x', ?)"
            _ = try world.source.run(insert, [1, .integer(1_700_000_000 * unit)])
            let step = world.step().with {
                $0.cursor?.format = format
                $0.lookback = .time(.seconds(60))
            }
            #expect(try world.load(step).watermarkAfter == .integer(1_700_000_000 * unit))
            _ = try world.source.run(insert, [2, .integer((1_700_000_000 - 60) * unit)])
            _ = try world.source.run(insert, [3, .integer((1_700_000_000 - 60) * unit - 1)])
            _ = try world.source.run(insert, [4, .integer(4_000_000_000 * unit)])
            let second = try world.load(step)
            #expect(second.counts == RowCounts(read: 3, inserted: 2, unchanged: 1))
            #expect(second.codes == ["future_cursor"])
            #expect(second.watermarkAfter == .integer(1_700_000_000 * unit))
        }
    }

    @Test func sequencesOfTextAndBlobsAreOrderedByteByByte() throws {
        for type in ["TEXT", "TEXT COLLATE NOCASE", "BLOB"] {
            for index in ["", "CREATE INDEX i ON log (v COLLATE BINARY)"] {
                let world = try World("CREATE TABLE log (id INTEGER PRIMARY KEY, v \(type));" + index)
                let insert = "INSERT INTO log VALUES (?, \(type == "BLOB" ? "CAST(? AS BLOB)" : "?"))"
                _ = try world.source.run(insert, [1, "B"])
                let step = world.step("log", .sequence, cursor: "v")
                #expect(try world.load(step).counts.inserted == 1)
                // Above B byte by byte, below it for NOCASE.
                _ = try world.source.run(insert, [2, "a"])
                #expect(try world.load(step).counts.inserted == 1, "\(type) \(index)")
                #expect(try world.isEqual("log"))
            }
        }
    }
}
