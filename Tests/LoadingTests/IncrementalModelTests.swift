import Model
import Platform
import SQLite
import Testing

/// Random histories of a source, loaded in random ways with random stops, against an oracle.
struct IncrementalModelTests {
    @Test("any history, loaded in any way, ends as the oracle says", arguments: Array(UInt64(1)...54))
    func endsAsTheOracleSays(seed: UInt64) throws {
        var history = try History(seed)
        for round in 0..<6 {
            try history.change()
            do {
                try history.load()
            } catch {
                Issue.record("seed \(seed), round \(round), \(history.name): \(error)")
                return
            }
        }
    }
}

private struct History {
    private enum Order: CaseIterable { case iso, unix, sequence }

    private struct Mismatch: Error, CustomStringConvertible {
        let description: String
    }

    private var random: Seeded
    private let order: Order
    private let world: World
    private let step: LoadStep
    private var oracle: Oracle
    private var clock = 17_000_000_000
    let name: String

    init(_ seed: UInt64) throws {
        var random = Seeded(seed)
        order = Order.allCases[Int(seed) % 3]
        let mode = WriteMode.allCases[Int(seed / 3) % 3]
        let hasLookback = Bool.random(using: &random)
        let table =
            [
                "a TEXT, b INTEGER, p, c, PRIMARY KEY (a, b)) WITHOUT ROWID",
                "a TEXT, b INTEGER, p, c, PRIMARY KEY (a, b))",
                "a TEXT, b INTEGER PRIMARY KEY, p, c)", "a TEXT, b INTEGER, p, c)",
                "c, p ANY, b INTEGER, a TEXT NOT NULL, PRIMARY KEY (b, a)) STRICT".replacingType("c,", "c ANY,"),
            ].randomElement(using: &random) ?? ""
        let index =
            ["", "CREATE INDEX i ON t (c)", "CREATE INDEX i ON t (c DESC, b)"].randomElement(using: &random) ?? ""
        let isQuery = Int.random(in: 0..<4, using: &random) == 0
        self.random = random
        let order = order
        world = try World("CREATE TABLE t (\(table); \(index)")
        step = world.step(
            "t", query: isQuery ? "SELECT a, b, p, c FROM t WHERE b IS NOT NULL -- all" : nil,
            order == .sequence ? .sequence : .timestamp, cursor: "c",
            key: table.contains("b INTEGER PRIMARY") ? ["b"] : ["a", "b"], mode: mode
        ).with {
            $0.cursor?.format = order == .unix ? .unixSeconds : nil
            $0.onGap = .ignore
            if seed % 2 == 0 { $0.undo = .usual }
            if hasLookback { $0.lookback = order == .sequence ? .count(300) : .time(.seconds(30)) }
        }
        oracle = Oracle(mode: mode, lookback: hasLookback ? 300 : 0)
        name = "\(order) \(mode) lookback \(hasLookback) \(table) \(index) query \(isQuery)"
    }

    // MARK: Changes

    /// Inserts, updates and deletes some rows of the source.
    mutating func change() throws {
        clock += Int.random(in: 0...400, using: &random)
        try world.source.begin()
        for _ in 0..<Int.random(in: 0...14, using: &random) {
            let key = Int.random(in: 0..<60, using: &random)
            if Int.random(in: 0..<8, using: &random) == 0 {
                oracle.source[key] = nil
                _ = try world.source.run("DELETE FROM t WHERE b = ?", [Value(key)])
                continue
            }
            // Ties with the newest rows are frequent, late rows too, some of them below every lookback.
            let place = clock - 5 * [0, 0, 0, 1, 2, 10, 50, 60, 61, 500].randomElement(using: &random)!
            var row = Oracle.Row(key: key, place: place, cursor: cursor(place), payload: payload())
            if let old = oracle.source[key], Int.random(in: 0..<4, using: &random) == 0 {
                (row.place, row.cursor) = (old.place, old.cursor)
            }
            oracle.source[key] = row
            _ = try world.source.run("DELETE FROM t WHERE b = ?", [Value(key)])
            _ = try world.source.run(
                "INSERT INTO t (a, b, p, c) VALUES (?, ?, ?, ?)", [shop(key), Value(key), row.payload, row.cursor])
        }
        try world.source.commit()
    }

    private func shop(_ key: Int) -> Value { .text(["", "a\0b", "ä", "'; DROP"][key % 4]) }

    private mutating func cursor(_ place: Int) -> Value {
        switch order {
        case .sequence: return Value(place)
        case .unix: return place % 10 == 0 ? Value(place / 10) : .real(Double(place) / 10)
        case .iso:
            let minutes = [0, 0, 0, 120, -570, 840, -720].randomElement(using: &random)!
            let local = Instant(
                seconds: Int64(place / 10 + minutes * 60), attoseconds: Int64(place % 10) * 100_000_000_000_000_000)
            var text = local.sortableText
            if place % 10 != 0 { text += ["", "0", "00000", "000000000"].randomElement(using: &random)! }
            if Bool.random(using: &random) { text = text.split(separator: "T").joined(separator: " ") }
            guard minutes != 0 else { return .text(text + (Bool.random(using: &random) ? "Z" : "")) }
            let size = abs(minutes)
            let two = { (number: Int) in (number < 10 ? "0" : "") + String(number) }
            return .text(text + (minutes < 0 ? "-" : "+") + two(size / 60) + ":" + two(size % 60))
        }
    }

    private mutating func payload() -> Value {
        [
            .null, 1, 1.0, "1", "007", "a\0b", .integer(.max), .integer(.min), .blob([]), .blob([0, 255]),
            .real(.infinity),
            .text(Text(bytes: [0xFF, 0x00])), 0.1, "",
        ].randomElement(using: &random)!
    }

    // MARK: Loads

    /// Loads, in one attempt or several, then holds everything against the oracle.
    mutating func load() throws {
        let run = world.nextRun()
        let rows = [1, 2, 3, 5, 8, 1_000].randomElement(using: &random)!
        let before = oracle.watermark
        let old = oracle.destination
        let expected = oracle.run()
        var attempt = 1
        while attempt < 4, Bool.random(using: &random) {
            let stops = Int.random(in: 0..<3, using: &random)
            let token = StopToken()
            world.stopAfterCommits = (stops, token)
            let victim = Int.random(in: 0..<60, using: &random)
            if stops == 2, try !world.inWarehouse("SELECT 1 FROM sqlite_schema WHERE name = 't'").isEmpty {
                try world.warehouse.execute(
                    "CREATE TRIGGER victim BEFORE INSERT ON t WHEN new.b = \(victim) BEGIN SELECT RAISE(ABORT, 'x'); END"
                )
            }
            _ = try? world.load(step, run: run, attempt: attempt, rowsPerCommit: rows, stop: token)
            try world.warehouse.execute("DROP TRIGGER IF EXISTS victim")
            try checkInvariants(before, old)
            attempt += 1
        }
        world.stopAfterCommits = nil
        let result = try world.load(step, run: run, attempt: attempt, rowsPerCommit: rows)
        try check(result.counts.inserted == expected.inserted, "inserted \(result.counts), not \(expected)")
        try check(result.counts.updated == expected.updated, "updated \(result.counts), not \(expected)")
        try check(
            result.counts.read == expected.read && result.counts.unchanged == expected.unchanged || attempt > 1,
            "read \(result.counts), not \(expected)")
        try check(
            result.counts.read == result.counts.inserted + result.counts.updated + result.counts.unchanged, "sum")
        try check(try place(world.watermark()?.value) == oracle.watermark, "watermark")
        try check(try place(result.watermarkBefore) == before, "watermark before")
        try check(try loaded() == sorted(oracle.destination), "destination")
        // Once more: the boundary and the lookback are read, nothing changes.
        let again = oracle.run()
        let second = try world.load(step, rowsPerCommit: rows).counts
        try check(second == again, "again \(second), not \(again)")
        try check(again.inserted == 0 && again.updated == 0, "the oracle")
        try check(try loaded() == sorted(oracle.destination), "destination again")
    }

    /// What must hold after every attempt, whatever stopped it.
    private func checkInvariants(_ before: Int?, _ old: [Oracle.Row]) throws {
        let held = try place(world.watermark()?.value)
        try check((held ?? .min) >= (before ?? .min), "watermark went back")
        guard try !world.inWarehouse("SELECT 1 FROM sqlite_schema WHERE name = 't'").isEmpty else { return }
        let rows = try loaded()
        for row in oracle.source.values where row.place > before ?? .min && row.place <= held ?? .min {
            let isThere = rows.contains { $0.key == row.key && $0.cursor == row.cursor }
            try check(isThere, "row \(row) is below the watermark but was not loaded")
        }
        let known = Set(old.map(\.cursor))
        for row in rows where !known.contains(row.cursor) {
            try check(try place(CursorValue(row.cursor)) ?? .min <= held ?? .min, "row \(row) above the watermark")
        }
    }

    private func loaded() throws -> [Oracle.Row] {
        try sorted(
            world.inWarehouse("SELECT b, c, p, a FROM t").map { row in
                let key = Int(row[0].integer ?? -1)
                try check(row[3] == shop(key), "the key's text")
                return Oracle.Row(key: key, place: 0, cursor: row[1], payload: row[2])
            })
    }

    private func sorted(_ rows: [Oracle.Row]) -> [Oracle.Row] {
        rows.map { Oracle.Row(key: $0.key, place: 0, cursor: $0.cursor, payload: $0.payload) }
            .sorted { $0.key != $1.key ? $0.key < $1.key : "\($0.cursor)" < "\($1.cursor)" }
    }

    private func place(_ value: CursorValue?) throws -> Int? {
        switch value {
        case nil: return nil
        case .integer(let number): return order == .sequence ? Int(number) : Int(number) * 10
        case .real(let number): return Int(number * 10)
        case .text(let bytes):
            guard let instant = Instant(iso8601: String(decoding: bytes, as: UTF8.self)) else {
                throw Mismatch(description: "watermark \(bytes)")
            }
            return Int(instant.seconds * 10 + instant.attoseconds / 100_000_000_000_000_000)
        case .blob: throw Mismatch(description: "a blob")
        }
    }

    private func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Mismatch(description: what()) }
    }
}

extension String {
    fileprivate func replacingType(_ old: String, _ new: String) -> String {
        hasPrefix(old) ? new + dropFirst(old.count) : self
    }
}
