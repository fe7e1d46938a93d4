import Loading
import Model
import Platform
import SQLite
import Testing

/// Random orders of staging, live loads of every kind, audits, rollbacks, direct partitions, publishing and crashes,
/// against a model that keeps of every key when a commit, or a staged partition, last looked at it in the source.
struct StagingModelTests {
    @Test(
        "PAINS 44: publishing never returns older rows than any commit before it",
        arguments: Array(UInt64(1)...80))
    func neverReturnsOlderRows(seed: UInt64) throws {
        var story = try StagingStory(seed)
        do {
            try story.play()
        } catch let error as StagingStory.Mismatch {
            Issue.record("seed \(seed), \(story.name): \(error.description)\n\(story.log.joined(separator: "\n"))")
        } catch let error as Failure {
            Issue.record("seed \(seed), \(story.name): \(error)\n\(story.log.joined(separator: "\n"))")
        }
    }
}

private struct StagingStory {
    struct Mismatch: Error {
        let description: String
    }

    /// A row: id, at, v, ver.
    private typealias Row = [Value]
    /// What the table is to hold of a key, and whether it is marked as gone.
    private struct Held: Equatable {
        var row: Row
        var isMarked = false
    }
    /// What a partition has staged of a key, and when; nil for one that is gone.
    private struct Staged {
        var row: Row?
        var time: Int
    }

    /// A partition that was read before its turn, with the rows of the source then.
    private struct Ahead {
        var request: PartitionRequest
        var rows: ExtractedPartition
        var source: [Int64: Row]
        /// How many commits had been made.
        var commits: Int
    }

    private enum Live: CaseIterable {
        case incremental, sweep, snapshot, events
    }

    private var random: Seeded
    private let world: World
    private let live: Live
    private let marks: Bool
    private let step: LoadStep
    /// The step that loads beside the backfill's: itself, or one that applies events to the same table.
    private let liveStep: LoadStep
    private let scheme: PartitionScheme
    private let ranges: [PartitionRange]
    let name: String
    private(set) var log: [String] = []

    // The model.
    private var time = 0
    private var version = 0
    private var held: [Int64: Held] = [:]
    /// When a commit last looked at a key in the source.
    private var seen: [Int64: Int] = [:]
    /// When one last looked at all of them.
    private var seenAll = 0
    private var staged: [Int64: Staged] = [:]
    private var ahead: [Int: Ahead] = [:]
    /// Commits that have read the source.
    private var commits = 0
    /// The keys that change events were written for since a load applied them.
    private var pending: Set<Int64> = []
    /// The last live load.
    private var last: String?

    init(_ seed: UInt64) throws {
        var random = Seeded(seed)
        live = Live.allCases.randomElement(using: &random) ?? .incremental
        marks = live != .incremental && Bool.random(using: &random)
        let usesQuery = Bool.random(using: &random)
        let index = Bool.random(using: &random) ? "CREATE INDEX t_at ON t (at);" : ""
        let isPlain = Bool.random(using: &random)
        let columns = isPlain ? "id INTEGER PRIMARY KEY, at TEXT, v, ver INTEGER" : "id, at TEXT, v, ver INTEGER"
        let own = (marks ? ", gone TEXT" : "") + (isPlain ? "" : ", PRIMARY KEY (id)")
        let noRowid = isPlain || Bool.random(using: &random) ? "" : " WITHOUT ROWID"
        let triggers = Bool.random(using: &random)
        world = try World(
            "CREATE TABLE t (\(columns)\(isPlain ? "" : ", PRIMARY KEY (id)")); \(index)"
                + "CREATE TABLE log (seq INTEGER PRIMARY KEY, operation TEXT, id, at, v, ver);",
            warehouse: "CREATE TABLE t (\(columns)\(own))\(noRowid); \(index)")
        if triggers {
            try world.warehouse.execute(
                """
                CREATE TABLE side (id);
                CREATE TRIGGER side_i AFTER INSERT ON t BEGIN INSERT INTO side VALUES (new.id); END;
                CREATE TRIGGER side_u AFTER UPDATE ON t BEGIN INSERT INTO side VALUES (new.id); END;
                CREATE TRIGGER side_d AFTER DELETE ON t BEGIN DELETE FROM side WHERE id = old.id; END;
                """)
        }
        let (live, marks) = (live, marks)
        step = world.step(
            "t", query: usesQuery ? "SELECT * FROM t" : nil, live == .snapshot ? .snapshotDiff : .sequence,
            cursor: live == .snapshot ? nil : "ver", key: ["id"]
        ).with {
            $0.maxShrink = 1
            $0.lookback = live == .snapshot ? .none : .count(6)
            $0.detectDeletes = live == .sweep ? .keys : nil
            $0.softDelete = marks ? "gone" : nil
            $0.onGap = .ignore
            $0.undo = UndoPolicy(keep: .seconds(86_400), maxRows: 10_000)
        }
        liveStep =
            live != .events
            ? step
            : world.step("log", to: "t", .cdc, cursor: "seq").with {
                $0.name = "events"
                $0.maxShrink = 1
                $0.softDelete = marks ? "gone" : nil
                $0.undo = UndoPolicy(keep: .seconds(86_400), maxRows: 10_000)
            }
        scheme = PartitionScheme(column: "at", interval: .day)
        let plan = try BackfillPlan(scheme)
        ranges = try plan.partitions(
            of: try plan.range(
                try plan.bound("2024-03-01", field: "start"), try plan.bound("2024-03-05", field: "end")),
            limit: 10)
        world.keeper = Bool.random(using: &random) ? world.loader() : nil
        self.random = random
        name =
            "\(world.keeper == nil ? "" : "one connection ")\(live) marks \(marks) query \(usesQuery) \(columns) \(noRowid) "
            + "\(index) triggers \(triggers)"
    }

    // MARK: The play

    mutating func play() throws {
        for _ in 0..<20 { try changeSource() }
        try liveLoad()
        for _ in 0..<3 {
            for _ in 0..<Int.random(in: 0...6, using: &random) { try changeSource() }
            for _ in 0..<Int.random(in: 0...4, using: &random) { try changeDestination() }
            try backfill()
        }
    }

    private mutating func backfill() throws {
        let id = world.nextRun()
        staged = [:]
        for number in ranges.indices.shuffled(using: &random) {
            for later in ranges.indices where Int.random(in: 0..<4, using: &random) == 0 {
                try readAhead(ranges[later], number: later + 1, id)
            }
            for _ in 0..<Int.random(in: 0...3, using: &random) { try somethingElse() }
            try stage(ranges[number], number: number + 1, id)
        }
        for _ in 0..<Int.random(in: 0...5, using: &random) { try somethingElse() }
        if Int.random(in: 0..<6, using: &random) == 0 {
            log.append("discard")
            try world.loader().discardStaged(
                backfill: id, step: "orders", destination: try world.file("warehouse.db"))
            return try compare("discarded")
        }
        try publish(id)
        if Int.random(in: 0..<3, using: &random) == 0 {
            log.append("roll the backfill back")
            let published = held
            held = before
            _ = try world.rollback(id, step)
            try compare("rolled back")
            for key in Set(published.keys).union(held.keys) where published[key] != held[key] { seen[key] = time }
        }
    }

    private var before: [Int64: Held] = [:]

    private mutating func somethingElse() throws {
        time += 1
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5: try changeSource()
        case 5..<8: try liveLoad()
        case 8: try Bool.random(using: &random) ? rebuildOrHeal() : rollBackLast()
        default: try directPartition()
        }
    }

    // MARK: Both sides

    private mutating func changeSource() throws {
        version += 1
        let key = Value(Int.random(in: 0..<14, using: &random))
        let wasThere = try world.source.first("SELECT 1 FROM t WHERE id = ?", [key]) != nil
        try world.source.execute("DELETE FROM t WHERE id = ?", [key])
        if Int.random(in: 0..<4, using: &random) == 0 {
            if wasThere { try tell("D", [key, .null, .null, .null]) }
            return log.append("source: \(key) gone")
        }
        // Now and then a row returns as it was.
        let ver = Int.random(in: 0..<4, using: &random) == 0 ? max(0, version - 4) : version
        let values = [key, place(), ["x", 1, .null].randomElement(using: &random) ?? .null, Value(ver)]
        try world.source.execute("INSERT INTO t VALUES (?, ?, ?, ?)", values)
        try tell(wasThere ? "U" : "I", values)
        log.append("source: \(values)")
    }

    /// Writes a change event.
    private mutating func tell(_ operation: Value, _ values: [Value]) throws {
        try world.source.execute(
            "INSERT INTO log (operation, id, at, v, ver) VALUES (?, ?, ?, ?, ?)", [operation] + values)
        if let key = values[0].integer { pending.insert(key) }
    }

    private mutating func place() -> Value {
        if Int.random(in: 0..<12, using: &random) == 0 { return .null }
        return .text(Text("2024-03-0\(Int.random(in: 1...6, using: &random))"))
    }

    /// Another program writes the destination, before anything is staged.
    private mutating func changeDestination() throws {
        let key = Value(Int.random(in: 0..<14, using: &random))
        switch Int.random(in: 0..<3, using: &random) {
        case 0: try world.warehouse.execute("DELETE FROM t WHERE id = ?", [key])
        case 1: try world.warehouse.execute("UPDATE t SET v = 'theirs' WHERE id = ?", [key])
        default: try world.warehouse.execute("UPDATE t SET at = ? WHERE id = ?", [place(), key])
        }
        log.append("destination: \(key)")
        held = try destinationRows()
    }

    private func sourceRows() throws -> [Int64: Row] {
        Dictionary(
            uniqueKeysWithValues: try world.inSource("SELECT id, at, v, ver FROM t").map { ($0[0].integer ?? 0, $0) })
    }

    private func destinationRows() throws -> [Int64: Held] {
        Dictionary(
            uniqueKeysWithValues: try world.inWarehouse("SELECT id, at, v, ver, \(marks ? "gone" : "NULL") FROM t").map
            {
                ($0[0].integer ?? 0, Held(row: Array($0.prefix(4)), isMarked: !$0[4].isNull))
            })
    }

    private func isInside(_ row: Row, _ range: PartitionRange) -> Bool {
        guard case .text(let text) = row[1],
            let instant = Timestamp(rfc3339: text.string.map { $0 + "T00:00:00Z" } ?? ""),
            case .time(let start) = range.start.place, case .time(let end) = range.end.place
        else { return false }
        return start <= instant && instant < end
    }

    // MARK: Live work

    private mutating func liveLoad() throws {
        let source = try sourceRows()
        let mark = try world.watermark()?.value
        let run = world.nextRun()
        commits += 1
        try world.load(liveStep, run: run)
        log.append("load")
        // Events that are applied again after a rollback are another story.
        last = live == .events ? nil : run
        var low = Int64.min
        if case .integer(let value)? = mark { low = value - 6 }
        switch live {
        case .incremental, .sweep:
            for (key, row) in source where (row[3].integer ?? 0) >= low || mark == nil {
                held[key] = Held(row: row)
                seen[key] = time
            }
            if live == .sweep {
                for key in Set(held.keys).union(staged.keys) {
                    if source[key] == nil {
                        remove(key)
                        seen[key] = time
                    } else if let found = held[key], found.isMarked {
                        held[key]?.isMarked = false
                        seen[key] = time
                    } else if let found = staged[key], found.row == nil {
                        seen[key] = time
                    }
                }
            }
        case .snapshot: takeAll(source)
        case .events:
            for key in pending {
                if let row = source[key] { held[key] = Held(row: row) } else { remove(key) }
                seen[key] = time
            }
            pending = []
        }
        try compare("loaded")
        guard live != .events, Int.random(in: 0..<6, using: &random) == 0 else { return }
        // Rolled back: the rows of before are there again, and count as newer than what was staged before.
        let after = held
        guard try !world.rollback(run, step).isEmpty else { return }
        held = try destinationRows()
        log.append("roll back")
        for key in Set(after.keys).union(held.keys) where after[key] != held[key] { seen[key] = time }
    }

    /// Rolls the last live load back, unless something has touched its rows since.
    private mutating func rollBackLast() throws {
        guard let run = last else { return }
        last = nil
        guard (try? world.rollback(run, step))?.isEmpty == false else { return }
        log.append("roll \(run) back")
        let found = try destinationRows()
        for key in Set(held.keys).union(found.keys) where held[key] != found[key] { seen[key] = time }
        held = found
    }

    private mutating func takeAll(_ source: [Int64: Row]) {
        for key in held.keys where source[key] == nil { remove(key) }
        for (key, row) in source { held[key] = Held(row: row) }
        seenAll = time
    }

    private mutating func remove(_ key: Int64) {
        if marks { held[key]?.isMarked = true } else { held[key] = nil }
    }

    private mutating func rebuildOrHeal() throws {
        let source = try sourceRows()
        commits += 1
        if live == .events || Bool.random(using: &random) {
            try world.load(step, fullRefresh: true, allowShrink: true)
            log.append("rebuild")
            held = source.mapValues { Held(row: $0) }
        } else {
            var options = AuditOptions()
            options.heal = true
            options.deleteExtra = Bool.random(using: &random)
            options.allowShrink = true
            _ = try world.loader().audit(try world.request(step), options, stop: StopToken())
            log.append("heal")
            // Without a watermark there is nothing below it.
            guard try live == .snapshot || world.watermark() != nil else { return }
            held = try destinationRows()
            // It says nothing of what it leaves there though the source lacks it.
            for (key, found) in staged where found.row != nil || (source[key] != nil && held[key] != nil) {
                seen[key] = time
            }
            return try compare("healed")
        }
        seenAll = time
        try compare("whole")
    }

    /// Another backfill reloads what lies outside the range.
    private mutating func directPartition() throws {
        let plan = try BackfillPlan(scheme)
        let range = try plan.range(plan.bound("2024-03-05", field: "start"), plan.bound("2024-03-08", field: "end"))
        let source = try sourceRows()
        let request = PartitionRequest(
            load: try world.request(step, allowShrink: true), number: 1, scheme: scheme, range: range)
        _ = try world.loader().loadPartition(request, stop: StopToken())
        log.append("direct partition")
        commits += 1
        for (key, found) in held where !found.isMarked && isInside(found.row, range) {
            seen[key] = time
            if let row = source[key] { held[key] = Held(row: row) } else { remove(key) }
        }
        for (key, row) in source where isInside(row, range) {
            seen[key] = time
            held[key] = Held(row: row)
        }
        for (key, found) in staged where source[key] == nil {
            if let row = found.row, isInside(row, range) { seen[key] = time }
        }
        try compare("direct")
    }

    // MARK: Staged work

    private func request(_ range: PartitionRange, number: Int, _ id: String) throws -> PartitionRequest {
        var request = PartitionRequest(
            load: try world.request(step, run: id), number: number, scheme: scheme, range: range)
        request.isStaged = true
        return request
    }

    /// Reads a partition ahead, if that can be done and it is not staged yet.
    private mutating func readAhead(_ range: PartitionRange, number: Int, _ id: String) throws {
        let request = try request(range, number: number, id)
        // What one loader has read no other writes.
        guard world.keeper != nil, ahead[number] == nil,
            let rows = try world.loader().extractPartition(request, stop: StopToken())
        else {
            return
        }
        ahead[number] = Ahead(request: request, rows: rows, source: try sourceRows(), commits: commits)
        log.append("read \(range.text) ahead")
    }

    private mutating func stage(_ range: PartitionRange, number: Int, _ id: String) throws {
        time += 1
        var source = try sourceRows()
        let ahead = ahead.removeValue(forKey: number)
        let request = try ahead?.request ?? request(range, number: number, id)
        if Int.random(in: 0..<4, using: &random) == 0 {
            try interrupted { stop in _ = try world.loader().loadPartition(request, stop: stop) }
        }
        let result = try world.loader().loadPartition(request, ahead?.rows, stop: StopToken())
        if let ahead, ahead.rows.isUsed {
            try check(
                ahead.source == source || ahead.commits == commits, "\(range.text) is older than a commit before it")
            source = ahead.source
        }
        commits += 1
        log.append("stage \(range.text)\(ahead?.rows.isUsed == true ? ", read ahead" : "")")
        try check(result.reconciliation?.isReconciled == true, "\(result)")
        try check(try world.loader().loadPartition(request, stop: StopToken()) == result, "repeated")
        for (key, row) in source where isInside(row, range) { staged[key] = Staged(row: row, time: time) }
        for key in Set(held.keys).union(staged.keys) where staged[key]?.time != time {
            let isThere = held[key].map { !$0.isMarked && isInside($0.row, range) } ?? false
            let isStaged = staged[key]?.row.map { isInside($0, range) } ?? false
            if isThere || isStaged { staged[key] = Staged(row: source[key], time: time) }
        }
        try compare("staged")
    }

    private mutating func publish(_ id: String) throws {
        time += 1
        before = held
        let request = PublishRequest(
            backfill: id, pipeline: "orders", step: step, destination: try world.file("warehouse.db"), allowShrink: true
        )
        if Int.random(in: 0..<3, using: &random) == 0 {
            try interrupted { stop in _ = try world.loader().publishBackfill(request, stop: stop) }
            try compare("interrupted")
        }
        var trial = request
        trial.isTrial = true
        let expected = try world.loader().publishBackfill(trial, stop: StopToken())
        try compare("tried")
        var counts = RowCounts()
        for (key, found) in staged where found.time > max(seen[key] ?? -1, seenAll) {
            if let row = found.row {
                counts.read += 1
                switch held[key] {
                case nil: counts.inserted += 1
                case Held(row: row)?: counts.unchanged += 1
                default: counts.updated += 1
                }
                held[key] = Held(row: row)
            } else if let there = held[key], !there.isMarked {
                counts.deleted += 1
                remove(key)
            }
        }
        let result = try world.loader().publishBackfill(request, stop: StopToken())
        log.append("publish")
        staged = [:]
        try compare("published")
        try check(result.rows == counts, "\(result.rows), not \(counts)")
        try check(expected == result, "tried \(expected), done \(result)")
        try check(try world.hiddenTables().isEmpty, "tables are left")
        try check(try world.loader().publishBackfill(request, stop: StopToken()) == result, "published twice")
    }

    /// Stops work in the middle of its transaction; it must fail.
    private func interrupted(_ work: (StopToken) throws -> Void) throws {
        let token = StopToken()
        world.stopAfterCommits = (0, token)
        defer { world.stopAfterCommits = nil }
        do {
            try work(token)
        } catch {
            return
        }
        throw Mismatch(description: "it was not stopped")
    }

    // MARK: Comparing

    private func compare(_ moment: String) throws {
        let found = try destinationRows()
        guard found != held else { return }
        let keys = Set(found.keys).union(held.keys).filter { found[$0] != held[$0] }.sorted()
        let words = keys.map {
            "\($0): \(found[$0].map { "\($0)" } ?? "none"), not \(held[$0].map { "\($0)" } ?? "none")"
        }
        throw Mismatch(description: "\(moment): \(words.joined(separator: "\n"))")
    }

    private func check(_ holds: Bool, _ words: @autoclosure () -> String) throws {
        guard holds else { throw Mismatch(description: words()) }
    }
}
