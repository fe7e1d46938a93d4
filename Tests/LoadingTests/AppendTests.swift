import Loading
import Model
import SQLite
import Testing

/// Append never doubles and never loses a row.
struct AppendTests {
    private static let log = "CREATE TABLE log (at TEXT, line TEXT)"

    @Test("PAINS 16: a lost watermark does not append everything again")
    func lostWatermarkIsRefused() throws {
        let world = try World(AppendTests.log)
        try world.source.execute("INSERT INTO log VALUES ('2024-05-01', 'a'), ('2024-05-02', 'b')")
        let step = world.step("log", cursor: "at", key: [], mode: .append)
        try world.load(step)
        try world.warehouse.execute("DELETE FROM _strandline_watermarks")
        let failure = try world.failure(step)
        #expect(failure?.code == .watermarkMissing)
        #expect(try world.inWarehouse("SELECT count(*) FROM log") == [[2]])
    }

    @Test(
        "PAINS 16: a watermark set by hand over a filled destination does not double the boundary", arguments: [1, 100])
    func watermarkSetByHand(rowsPerCommit: Int) throws {
        for key in [[], ["at", "line"]] {
            let world = try World(AppendTests.log)
            try world.source.execute(
                "INSERT INTO log VALUES ('2024-05-01', 'a'), ('2024-05-02', 'b'), ('2024-05-03', 'c'), ('2024-05-04', 'd')"
            )
            let step = world.step("log", cursor: "at", key: key, mode: .append)
            try world.load(step)
            try world.warehouse.execute("DELETE FROM _strandline_watermarks")
            try world.source.execute("INSERT INTO log VALUES ('2024-05-05', 'e')")
            // Lower than where the rows end: what lies between is there already.
            _ = try world.loader().setWatermark(
                try world.request(step), to: .text("2024-05-02"), reason: "restored from a copy")
            let result = try world.load(step, rowsPerCommit: rowsPerCommit)
            #expect(result.counts == RowCounts(read: 4, inserted: 1, unchanged: 3))
            #expect(try world.isEqual("log", by: "at"))
        }
    }

    @Test("PAINS 20: a rewind reads again and adds only what is missing")
    func rewind() throws {
        let world = try World(AppendTests.log)
        try world.source.execute(
            "INSERT INTO log VALUES ('2024-05-01', 'a'), ('2024-05-02', 'b'), ('2024-05-03', 'c')")
        let step = world.step("log", cursor: "at", key: [], mode: .append)
        try world.load(step)
        try world.source.execute("INSERT INTO log VALUES ('2024-05-01', 'late'), ('2024-05-01', 'a')")
        for rows in [1, 100] {
            _ = try world.loader().setWatermark(
                try world.request(step), to: .text("2024-05-01"), reason: "late rows")
            let result = try world.load(step, rowsPerCommit: rows)
            #expect(result.counts.inserted == (rows == 1 ? 2 : 0))
            #expect(result.watermarkAfter == .text("2024-05-03"))
            #expect(try world.isEqual("log", by: "at, line"))
        }
    }

    @Test func wholeRowsThatAreEqualAreCounted() throws {
        let world = try World("CREATE TABLE log (at TEXT, line)")
        try world.source.execute("INSERT INTO log VALUES ('2024-05-01', 1), ('2024-05-01', 1), ('2024-05-01', 1.0)")
        let step = world.step("log", cursor: "at", key: [], mode: .append)
        #expect(try world.load(step).counts.inserted == 3)
        #expect(try world.load(step).counts == RowCounts(read: 3, unchanged: 3))
        try world.source.execute("INSERT INTO log VALUES ('2024-05-01', 1.0), ('2024-05-01', '1')")
        #expect(try world.load(step).counts == RowCounts(read: 5, inserted: 2, unchanged: 3))
        let sql = "SELECT at, line FROM log ORDER BY typeof(line)"
        #expect(try world.inSource(sql) == world.inWarehouse(sql))
    }

    @Test(
        "what the destination's types convert is recognised",
        arguments: ["TEXT", "INTEGER", "REAL", "NUMERIC", "ANY", ""])
    func convertedRowsAreRecognised(type: String) throws {
        let world = try World(
            "CREATE TABLE log (at TEXT, v)", warehouse: "CREATE TABLE log (at TEXT, v \(type))")
        try world.source.execute(
            "INSERT INTO log VALUES ('2024-05-01', 7), ('2024-05-01', '007'), ('2024-05-01', 7.0), ('2024-05-01', NULL)"
        )
        let step = world.step("log", cursor: "at", key: [], mode: .append)
        #expect(try world.load(step).counts.inserted == 4)
        #expect(try world.load(step).counts == RowCounts(read: 4, unchanged: 4))
    }

    @Test("columns named like our own do not confuse the comparison")
    func namesOfOurOwn() throws {
        let world = try World(
            "CREATE TABLE log (at TEXT, rowid TEXT, nth INTEGER, place INTEGER, s INTEGER, d INTEGER, oid)")
        try world.source.execute(
            "INSERT INTO log VALUES ('2024-05-01', 'x', 9, 8, 7, 6, 5), ('2024-05-01', 'x', 8, 8, 7, 6, 5)")
        let step = world.step("log", cursor: "at", key: [], mode: .append)
        #expect(try world.load(step).counts.inserted == 2)
        try world.source.execute("INSERT INTO log VALUES ('2024-05-01', 'x', 7, 8, 7, 6, 5)")
        #expect(try world.load(step).counts == RowCounts(read: 3, inserted: 1, unchanged: 2))
    }

    @Test func aConflictClauseOfTheTableCannotDropRows() throws {
        for clause in ["IGNORE", "REPLACE"] {
            for mode in WriteMode.allCases {
                let world = try World(
                    "CREATE TABLE log (id INTEGER PRIMARY KEY, at TEXT, email TEXT)",
                    warehouse:
                        "CREATE TABLE log (id INTEGER PRIMARY KEY, at TEXT, email TEXT UNIQUE ON CONFLICT \(clause))")
                try world.source.execute("INSERT INTO log VALUES (1, '2024-05-01', 'a'), (2, '2024-05-02', 'a')")
                let failure = try world.failure(world.step("log", cursor: "at", mode: mode))
                #expect(failure?.code == .duplicateKey, "\(clause) \(mode)")
                #expect(try world.inWarehouse("SELECT count(*) FROM log") == [[0]])
                #expect(try world.failure(world.step("log", .fullRefresh, cursor: nil))?.code == .duplicateKey)
            }
        }
    }
}
