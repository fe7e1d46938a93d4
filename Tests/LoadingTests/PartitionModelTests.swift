import Loading
import Model
import Platform
import SQLite
import Testing

/// Random rows, changes on both sides and live loads between the partitions of a backfill, against a model in plain
/// Swift that says of every row what it must be.
struct PartitionModelTests {
    @Test(
        "PAINS 39: whatever both sides hold, partitions leave the source's rows of their ranges",
        arguments: Array(UInt64(1)...40))
    func endsAsTheSource(seed: UInt64) throws {
        var story = try PartitionStory(seed)
        do {
            try story.play()
        } catch let error as PartitionStory.Mismatch {
            Issue.record("seed \(seed), \(story.name): \(error.description)")
        } catch let error as Failure {
            Issue.record("seed \(seed), \(story.name): \(error)")
        }
    }
}

private struct PartitionStory {
    struct Mismatch: Error {
        let description: String
    }

    /// How the rows of the source are told apart.
    private enum Kind: CaseIterable {
        /// A table with a composite primary key.
        case table
        /// A query over one, of which no key is known.
        case query
        /// Several versions of a row, the newest of which counts.
        case versions
        /// Rows that no key names, several of which may be equal.
        case bag
    }

    /// How the column is written that rows are sliced by.
    private enum Order: CaseIterable {
        case texts, unixSeconds, numbers
    }

    private var random: Seeded
    private let world: World
    private let kind: Kind
    private let order: Order
    private let marks: Bool
    private let step: LoadStep
    private let scheme: PartitionScheme
    private let ranges: [PartitionRange]
    /// Loads every partition, so that they follow each other on one connection; nil where each opens the files anew.
    private let loader: Loader?
    private var version = 0
    let name: String

    private static let start: Int64 = 1_711_670_400  // 2024-03-29T00:00:00Z
    private static let columns = "a, b, at, v, ver"

    init(_ seed: UInt64) throws {
        var random = Seeded(seed)
        kind = Kind.allCases.randomElement(using: &random) ?? .table
        order = Order.allCases.randomElement(using: &random) ?? .texts
        marks = kind != .bag && Bool.random(using: &random)
        let type = order == .texts ? "TEXT" : ["INTEGER", "NUMERIC", ""].randomElement(using: &random) ?? ""
        let columns = "a TEXT, b INTEGER, at \(type), v, ver INTEGER"
        let index = Bool.random(using: &random) ? "CREATE INDEX t_at ON t (at)" : ""
        let isUnique = kind == .table || kind == .query
        let isKeyed = kind != .bag
        let noRowid = isKeyed && Bool.random(using: &random) ? " WITHOUT ROWID" : ""
        world = try World(
            "CREATE TABLE t (\(columns)\(isUnique ? ", PRIMARY KEY (a, b)" : "")); \(index)",
            warehouse: "CREATE TABLE t (\(columns), gone TEXT, own DEFAULT 'own'"
                + "\(isKeyed ? ", PRIMARY KEY (a, b)" : ""))\(noRowid); \(index)")
        let (marks, kind) = (marks, kind)
        step = world.step(
            "t", query: kind == .query ? "SELECT * FROM t" : nil, .sequence, cursor: "ver",
            key: isKeyed ? ["a", "b"] : [],
            mode: isKeyed ? .upsert : .append
        ).with {
            $0.maxShrink = 1
            $0.softDelete = marks ? "gone" : nil
            $0.undo = UndoPolicy(keep: .seconds(86_400), maxRows: 10_000)
        }
        let start = PartitionStory.start
        switch order {
        case .texts, .unixSeconds:
            scheme = PartitionScheme(
                column: "at", format: order == .texts ? nil : .unixSeconds, interval: .day, timezone: "Europe/Berlin")
            let plan = try BackfillPlan(scheme)
            // The clocks change on the third of these days.
            ranges = try plan.partitions(
                of: try plan.range(
                    try plan.bound("2024-03-29", field: "start"), try plan.bound("2024-04-02", field: "end")), limit: 10
            )
        case .numbers:
            scheme = PartitionScheme(column: "at", interval: .count(86_400))
            let plan = try BackfillPlan(scheme)
            ranges = try plan.partitions(
                of: try plan.range(
                    try plan.bound(.integer(start), field: "start"),
                    try plan.bound(.integer(start + 4 * 86_400), field: "end")), limit: 10)
        }
        loader = Bool.random(using: &random) ? world.loader() : nil
        self.random = random
        name = "\(kind) \(order) marks \(marks) at \(type) \(index) \(noRowid) \(loader == nil ? "" : "one connection")"
    }

    // MARK: The play

    mutating func play() throws {
        for _ in 0..<30 { try changeSource() }
        // Somebody's rows that no watermark tells of would be taken for a lost one.
        try world.load(step)
        for round in 0..<3 {
            for _ in 0..<Int.random(in: 0...8, using: &random) { try changeSource() }
            for _ in 0..<Int.random(in: 0...8, using: &random) { try changeDestination() }
            let isQuiet = round == 2
            let before = try world.picture("t")
            let backfill = world.nextRun()
            for (place, number) in ranges.indices.shuffled(using: &random).enumerated() {
                if !isQuiet, Int.random(in: 0..<3, using: &random) == 0 { try changeSource() }
                if !isQuiet, Int.random(in: 0..<3, using: &random) == 0 { try world.load(step) }
                if !isQuiet, Int.random(in: 0..<3, using: &random) == 0 { try changeSchemas() }
                try reload(ranges[number], number: number + 1, backfill, attempt: place + 1)
            }
            guard isQuiet else { continue }
            try checkRange()
            let after = try world.picture("t")
            let done = try world.rollback(backfill, step)
            try check(try world.picture("t") == before, "rolled back: \(done)")
            try check(try world.rollback(backfill, step).isEmpty, "rolled back twice")
            // What was put back can be reloaded by another backfill.
            let again = world.nextRun()
            for number in ranges.indices { try reload(ranges[number], number: number + 1, again, attempt: 1) }
            if kind != .bag, !marks { try check(try world.picture("t") == after, "reloaded") }
        }
    }

    private mutating func changeSource() throws {
        version += 1
        let key: [Value] = [
            .text(["a", "A", "b"].randomElement(using: &random) ?? "a"), Value(Int.random(in: 0..<9, using: &random)),
        ]
        if kind != .versions || Int.random(in: 0..<3, using: &random) == 0 {
            let one = kind == .bag ? "rowid IN (SELECT rowid FROM t WHERE a = ? AND b = ? LIMIT 1)" : "a = ? AND b = ?"
            try world.source.execute("DELETE FROM t WHERE \(one)", key)
        }
        if Int.random(in: 0..<4, using: &random) == 0 { return }
        let place = place()
        for _ in 0..<(kind == .bag ? Int.random(in: 1...2, using: &random) : 1) {
            let v: [Value] = kind == .bag ? ["x", 1, 1.0, .null] : ["x", "y", 1, .null, .blob([1])]
            try world.source.execute(
                "INSERT INTO t (a, b, at, v, ver) VALUES (?, ?, ?, ?, ?)",
                key + [place, v.randomElement(using: &random) ?? .null, kind == .bag ? 1 : Value(version)])
        }
    }

    /// Columns without values come, and indexes come and go.
    private mutating func changeSchemas() throws {
        version += 1
        switch Int.random(in: 0..<5, using: &random) {
        case 0: try world.source.execute("ALTER TABLE t ADD COLUMN more\(version)")
        case 1: try world.warehouse.execute("ALTER TABLE t ADD COLUMN mine\(version) DEFAULT 1")
        case 2: try world.source.execute("CREATE INDEX i\(version) ON t (b, at)")
        case 3: try world.warehouse.execute("CREATE INDEX i\(version) ON t (at, v)")
        default:
            try world.source.execute("DROP INDEX IF EXISTS t_at")
            try world.warehouse.execute("DROP INDEX IF EXISTS t_at")
        }
    }

    /// Someone else writes the destination.
    private mutating func changeDestination() throws {
        let b = Value(Int.random(in: 0..<9, using: &random))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: try world.warehouse.execute("DELETE FROM t WHERE b = ?", [b])
        case 3:
            // Equal as numbers, and not the same.
            try world.warehouse.execute("UPDATE t SET v = CAST(v AS REAL) WHERE typeof(v) = 'integer' AND b = ?", [b])
        case 1: try world.warehouse.execute("UPDATE t SET v = 'theirs' WHERE b = ?", [b])
        case 2: try world.warehouse.execute("UPDATE t SET at = ? WHERE b = ?", [place(), b])
        default:
            try world.warehouse.execute(
                "INSERT OR IGNORE INTO t (a, b, at, v, ver) VALUES ('theirs', ?, ?, 1, 1)", [b, place()])
        }
    }

    /// A value of the column that rows are sliced by, now and then one without a place; boundaries come often.
    private mutating func place() -> Value {
        if Int.random(in: 0..<10, using: &random) == 0 {
            return [.null, "soon", "", .blob([50]), "2024-13-01"].randomElement(using: &random) ?? .null
        }
        // Midnight in Berlin, in UTC, and everything between, from a day before to a day behind.
        let day = Int64.random(in: -1...4, using: &random) * 86_400
        let any = Int64.random(in: 0..<86_400, using: &random)
        let rests: [Int64] = [0, 79_200, 82_800, 86_399, any]
        let rest = rests.randomElement(using: &random) ?? 0
        let seconds = PartitionStory.start + day + rest
        guard order == .texts else {
            return Bool.random(using: &random) ? .integer(seconds) : .real(Double(seconds) + 0.5)
        }
        let offsets: [Int64] = [0, 120, -690, 840, 1_439]
        let offset = offsets.randomElement(using: &random) ?? 0
        let local = Timestamp(microseconds: (seconds + offset * 60) * 1_000_000).rfc3339.dropLast()
        guard offset != 0 else {
            return .text([String(local), local + "Z", local + ".5Z"].randomElement(using: &random) ?? "")
        }
        let (hours, minutes) = (abs(offset) / 60, abs(offset) % 60)
        return .text(
            "\(local)\(offset < 0 ? "-" : "+")\(hours < 10 ? "0" : "")\(hours):\(minutes < 10 ? "0" : "")\(minutes)")
    }

    // MARK: The model

    /// A row: the columns of both sides, then the destination's own.
    private typealias Row = [Value]

    private func key(_ row: Row) -> [Value] { Array(row.prefix(2)) }

    private func isInside(_ row: Row, _ range: PartitionRange) -> Bool {
        func holds(_ place: Double) -> Bool {
            switch (range.start.place, range.end.place) {
            case (.time(let start), .time(let end)):
                Double(start.microseconds) <= place * 1e6 && place * 1e6 < Double(end.microseconds)
            case (.number(let start), .number(let end)): Double(start) <= place && place < Double(end)
            default: false
            }
        }
        switch row[2] {
        case .integer(let number): return order != .texts && holds(Double(number))
        case .real(let number): return order != .texts && holds(number)
        case .text(let text):
            guard order == .texts, let instant = Instant(iso8601: text.string ?? "") else { return false }
            return holds(Double(instant.seconds) + Double(instant.attoseconds) / 1e18)
        default: return false
        }
    }

    /// The source's rows, of each key the newest.
    private func sourceRows() throws -> [Row] {
        let rows = try world.inSource("SELECT \(PartitionStory.columns) FROM t ORDER BY ver")
        guard kind != .bag else { return rows }
        return Array(Dictionary(rows.map { (key($0), $0) }, uniquingKeysWith: { _, newer in newer }).values)
    }

    private func destinationRows() throws -> [Row] {
        try world.inWarehouse("SELECT \(PartitionStory.columns), gone IS NOT NULL, own FROM t")
    }

    private mutating func reload(_ range: PartitionRange, number: Int, _ backfill: String, attempt: Int) throws {
        let source = try sourceRows()
        let before = try destinationRows()
        let mark = try world.watermark()
        let loads = try world.inWarehouse("SELECT * FROM _strandline_loads")
        let request = PartitionRequest(
            load: try world.request(step, run: backfill, attempt: attempt, allowShrink: true), number: number,
            scheme: scheme, range: range)
        let result = try (loader ?? world.loader()).loadPartition(request, stop: StopToken())
        let (rows, counts) = kind == .bag ? bag(source, before, range) : keyed(source, before, range)
        try check(result.rows == counts, "\(range.text): \(result.rows), not \(counts)")
        let after = try destinationRows()
        try check(sorted(after) == sorted(rows), "\(range.text): \(sorted(after))\nnot \(sorted(rows))")
        try check(try world.watermark() == mark, "the watermark moved")
        try check(try world.inWarehouse("SELECT * FROM _strandline_loads") == loads, "the records of loads changed")
        // The same partition again does nothing, though the rows may have changed meanwhile.
        let again = try (loader ?? world.loader()).loadPartition(request, stop: StopToken())
        try check(again == result, "repeated")
    }

    private func keyed(_ source: [Row], _ before: [Row], _ range: PartitionRange) -> ([Row], RowCounts) {
        let there = Dictionary(uniqueKeysWithValues: source.map { (key($0), $0) })
        var rows = Dictionary(uniqueKeysWithValues: before.map { (key($0), $0) })
        var counts = RowCounts()
        for row in before where row[5] == 0 && isInside(row, range) && there[key(row)] == nil {
            counts.deleted += 1
            rows[key(row)] = marks ? Array(row.prefix(5)) + [1, row[6]] : nil
        }
        for row in source {
            let old = rows[key(row)]
            let movedOut = old.map { $0[5] == 0 && isInside($0, range) } ?? false
            guard isInside(row, range) || movedOut else { continue }
            counts.read += 1
            if let old {
                if old[5] == 0, Array(old.prefix(5)) == row { counts.unchanged += 1 } else { counts.updated += 1 }
            } else {
                counts.inserted += 1
            }
            rows[key(row)] = row + [0, old?[6] ?? "own"]
        }
        return (Array(rows.values), counts)
    }

    private func bag(_ source: [Row], _ before: [Row], _ range: PartitionRange) -> ([Row], RowCounts) {
        var rows = before
        var counts = RowCounts()
        var unmatched = before.filter { isInside($0, range) }
        for row in source where isInside(row, range) {
            counts.read += 1
            if let place = unmatched.firstIndex(where: { Array($0.prefix(5)) == row }) {
                unmatched.remove(at: place)
                counts.unchanged += 1
            } else {
                rows.append(row + [0, "own"])
                counts.inserted += 1
            }
        }
        for row in unmatched {
            counts.deleted += 1
            if let place = rows.firstIndex(of: row) { rows.remove(at: place) }
        }
        return (rows, counts)
    }

    /// After all partitions the destination's rows of the whole range are the source's, and no key is there twice.
    private func checkRange() throws {
        let whole = PartitionRange(start: ranges[0].start, end: ranges[ranges.count - 1].end)
        let source = try sourceRows().filter { isInside($0, whole) }
        let there = try destinationRows().filter { $0[5] == 0 && isInside($0, whole) }
        try check(sorted(there.map { Array($0.prefix(5)) }) == sorted(source), "the range is not the source's")
    }

    private func sorted(_ rows: [Row]) -> [String] { rows.map { "\($0)" }.sorted() }

    private func check(_ holds: Bool, _ words: @autoclosure () -> String) throws {
        guard holds else { throw Mismatch(description: words()) }
    }
}
