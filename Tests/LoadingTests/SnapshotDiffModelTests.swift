import Model
import SQLite
import Testing

/// Random tables, declared and indexed in random ways on both sides, against what a copy made afresh would hold.
struct SnapshotDiffModelTests {
    @Test("whatever both sides hold, a run leaves what a fresh copy would store", arguments: Array(UInt64(1)...48))
    func endsAsAFreshCopy(seed: UInt64) throws {
        var tables = try RandomTables(seed)
        for round in 0..<6 {
            try tables.changeSource()
            if round > 0 { try tables.changeDestination() }
            do {
                try tables.load()
            } catch {
                Issue.record("seed \(seed), round \(round), \(tables.name): \(error)")
                return
            }
        }
    }
}

private struct RandomTables {
    private struct Mismatch: Error, CustomStringConvertible {
        let description: String
    }

    /// A row by its columns a, b and the rest; `own` and `gone` are the destination's alone.
    private typealias Rows = [[Value]: [Value]]

    private var random: Seeded
    private let world: World
    private let step: LoadStep
    private let marks: Bool
    let name: String

    private static let types = ["", "INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "VARCHAR(9)", "TEXT COLLATE NOCASE"]

    init(_ seed: UInt64) throws {
        var random = Seeded(seed)
        func pick(_ words: [String]) -> String { words.randomElement(using: &random) ?? "" }
        let isAlike = Bool.random(using: &random)
        let columns = ["p", "q", "r"].map { column in
            let type = pick(RandomTables.types)
            return (column + " " + type, column + " " + (isAlike ? type : pick(RandomTables.types)))
        }
        let keys = (pick(["INTEGER", "TEXT", ""]), isAlike ? nil : pick(["INTEGER", "TEXT", ""]))
        let source =
            (["a TEXT", "b \(keys.0)"] + columns.map(\.0)).joined(separator: ", ")
            + pick(["", ", PRIMARY KEY (a, b)", ", UNIQUE (b, a)"])
        let destination =
            (columns.map(\.1).shuffled(using: &random) + ["own DEFAULT 'own'", "a TEXT", "b \(keys.1 ?? keys.0)"])
            .joined(separator: ", ") + pick(["", ", PRIMARY KEY (a, b)", ", UNIQUE (b, a)"])
        let isQuery = Int.random(in: 0..<4, using: &random) == 0
        marks = Bool.random(using: &random)
        let marks = marks
        self.random = random
        world = try World(
            "CREATE TABLE t (\(source))",
            warehouse: "CREATE TABLE t (\(destination))")
        try world.warehouse.execute("CREATE TABLE fresh (\(destination))")
        step = world.step(
            "t", query: isQuery ? "SELECT a, b, p, q, r FROM t" : nil, .snapshotDiff, cursor: nil, key: ["a", "b"]
        ).with {
            $0.maxShrink = 1
            $0.softDelete = marks ? "gone" : nil
        }
        name = "(\(source)) to (\(destination)) query \(isQuery) marks \(marks)"
    }

    // MARK: Changes

    mutating func changeSource() throws {
        try world.source.execute(
            "INSERT INTO t (a, b) SELECT 'stays', 0 WHERE NOT EXISTS (SELECT 1 FROM t WHERE a = 'stays')")
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let key = [Value.text(["a", "A", "a ", "é"].randomElement(using: &random) ?? ""), number(below: 8)]
            try world.source.execute("DELETE FROM t WHERE a = ? COLLATE BINARY AND b = ?", key)
            if Int.random(in: 0..<3, using: &random) == 0 { continue }
            try world.source.execute(
                "INSERT INTO t (a, b, p, q, r) VALUES (?, ?, ?, ?, ?)", key + [payload(), payload(), payload()])
        }
    }

    /// Someone else writes the destination: what they did to loaded columns does not last.
    mutating func changeDestination() throws {
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            let number = number(below: 8)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try world.warehouse.execute("DELETE FROM t WHERE b = ?", [number])
            case 1: try world.warehouse.execute("UPDATE t SET q = ? WHERE b = ?", [payload(), number])
            case 2: try world.warehouse.execute("UPDATE t SET own = ? WHERE b = ?", [payload(), number])
            default:
                try world.warehouse.execute(
                    "INSERT OR IGNORE INTO t (a, b) SELECT 'theirs', ?1 WHERE NOT EXISTS "
                        + "(SELECT 1 FROM t WHERE a = 'theirs' AND b = ?1)", [number])
            }
        }
    }

    private mutating func number(below limit: Int) -> Value { Value(Int.random(in: 0..<limit, using: &random)) }

    private mutating func payload() -> Value {
        [
            .null, 1, 1.0, "1", "01", "1e2", 100, "a", "A", "a ", "a\0b", .blob([]), .blob([49]), .integer(.max),
            .real(9.3e18), .integer(9_007_199_254_740_993), "9007199254740993", 0.1, "", " 7",
        ].randomElement(using: &random) ?? .null
    }

    // MARK: Loads

    mutating func load() throws {
        let expected = try afresh()
        let before = try rows("t", of: "a, b, p, q, r")
        let own = try rows("t", of: "a, b, own")
        let marked = try marks ? Set(world.inWarehouse(there(false)).map { $0 }) : []
        var counts = RowCounts(read: expected.count)
        for (key, row) in expected {
            if let old = before[key] {
                if old == row, !marked.contains(key) { counts.unchanged += 1 } else { counts.updated += 1 }
            } else {
                counts.inserted += 1
            }
        }
        let gone = before.keys.filter { expected[$0] == nil && !marked.contains($0) }
        counts.deleted = gone.count
        let result = try world.load(step)
        try check(result.counts == counts, "\(result.counts), not \(counts)")
        let after = try rows("t", of: "a, b, p, q, r")
        let kept = marks ? before.filter { expected[$0.key] == nil } : [:]
        try check(after == expected.merging(kept) { left, _ in left }, "\(after) not \(expected) and \(kept)")
        if marks {
            let there = try Set(world.inWarehouse(there(true)).map { $0 })
            try check(there == Set(expected.keys), "not marked: \(there)")
        }
        for (key, row) in try rows("t", of: "a, b, own") where own[key] != nil {
            try check(row == own[key], "the destination's own column of \(key): \(row)")
        }
        let again = try world.load(step).counts
        try check(again == RowCounts(read: expected.count, unchanged: expected.count), "again \(again)")
    }

    private func there(_ isThere: Bool) -> String {
        // Before the first load the column is not there yet.
        let hasColumn = (try? world.inWarehouse("SELECT 1 FROM pragma_table_info('t') WHERE name = 'gone'"))?.count == 1
        return "SELECT a, b FROM t WHERE " + (hasColumn ? "gone IS \(isThere ? "" : "NOT ")NULL" : isThere ? "1" : "0")
    }

    /// What the source's rows are once they are stored in a table declared as the destination is.
    private func afresh() throws -> Rows {
        try world.warehouse.execute("DELETE FROM fresh")
        for row in try world.inSource("SELECT a, b, p, q, r FROM t") {
            try world.warehouse.execute("INSERT INTO fresh (a, b, p, q, r) VALUES (?, ?, ?, ?, ?)", row)
        }
        return try rows("fresh", of: "a, b, p, q, r")
    }

    private func rows(_ table: String, of columns: String) throws -> Rows {
        var rows: Rows = [:]
        for row in try world.inWarehouse("SELECT \(columns) FROM \(table)") {
            rows[Array(row.prefix(2))] = Array(row.dropFirst(2))
        }
        return rows
    }

    private func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Mismatch(description: what()) }
    }
}
