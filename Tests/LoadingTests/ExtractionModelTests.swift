import Loading
import Model
import Platform
import SQLite
import Testing

/// Partitions that are read ahead at one moment and written at another, in any order, while both sides change and others
/// commit, also in the midst of reading and writing; against a model that knows which state of the source each commit must
/// have seen.
struct ExtractionModelTests {
    @Test(
        "PAINS 39, guarantee 4: rows read ahead are never written over what a commit has read later",
        arguments: Array(UInt64(1)...40))
    func neverGoesBack(seed: UInt64) throws {
        let story = try ExtractionStory(seed)
        do {
            try story.play()
        } catch let error as ExtractionStory.Mismatch {
            Issue.record("seed \(seed): \(error.description)\n\(story.log.joined(separator: "\n"))")
        } catch let error as Failure {
            Issue.record("seed \(seed): \(error)\n\(story.log.joined(separator: "\n"))")
        }
    }
}

/// One thread plays all of it; what happens in the midst of a load does so where the load looks at the clock.
private final class ExtractionStory: @unchecked Sendable {
    struct Mismatch: Error {
        let description: String
    }

    /// A row: a, b, at, v, ver.
    private typealias Row = [Value]

    /// A state of the source.
    private struct SourceState {
        /// How often it had changed.
        var number = 0
        var rows: [Row] = []
    }

    /// A partition that was read ahead.
    private struct Ahead {
        let request: PartitionRequest
        let rows: ExtractedPartition
        let state: SourceState
    }

    /// What is being done.
    private struct InHand {
        enum Kind {
            case nothing, reading, writing
        }

        var kind = Kind.nothing
        /// The state of the source that it sees, by what is known so far.
        var seen = SourceState()
        /// Whether it holds the destination's write lock.
        var hasBegun = false
        /// Raised in the midst of writing, if at all.
        var stop: StopToken?
    }

    private var random: Seeded
    private let world: World
    private let other: Connection
    private let step: LoadStep
    private let scheme = PartitionScheme(column: "at", interval: .day)
    private let ranges: [PartitionRange]
    private var loader: Loader
    private(set) var log: [String] = []

    /// Whether the last partition was written as it had been read ahead.
    private var usedLast = false

    private var version = 0
    private var source = SourceState()
    /// The state that the last commit to the table has seen.
    private var lastSeen = 0
    private var backfill = ""
    private var attempt = 0
    private var waiting: [Int] = []
    private var ahead: [Int: Ahead] = [:]
    private var inHand = InHand()
    /// Whether something happens in the midst of something else.
    private var isNested = false
    /// Whether the source has a write-ahead log, so that it can be changed while it is read.
    private let hasLog: Bool

    init(_ seed: UInt64) throws {
        var random = Seeded(seed)
        let index = Bool.random(using: &random) ? "CREATE INDEX t_at ON t (at);" : ""
        let noRowid = Bool.random(using: &random) ? " WITHOUT ROWID" : ""
        let columns = "a TEXT, b INTEGER, at TEXT, v, ver INTEGER, PRIMARY KEY (a, b)"
        world = try World(
            "CREATE TABLE t (\(columns)); \(index)", warehouse: "CREATE TABLE t (\(columns))\(noRowid); \(index)")
        hasLog = Bool.random(using: &random)
        if !hasLog { try world.source.execute("PRAGMA journal_mode = DELETE") }
        let live: Strategy = Bool.random(using: &random) ? .sequence : .snapshotDiff
        step = world.step(
            "t", query: "SELECT * FROM t", live, cursor: live == .sequence ? "ver" : nil, key: ["a", "b"]
        ).with {
            $0.maxShrink = 1
            $0.onGap = .ignore
        }
        let plan = try BackfillPlan(scheme)
        ranges = try plan.partitions(
            of: try plan.range(
                try plan.bound("2024-03-01", field: "start"), try plan.bound("2024-03-05", field: "end")), limit: 10)
        other = try Connection(path: world.path("warehouse.db"), access: .readWrite, busyTime: .zero)
        loader = world.loader()
        self.random = random
        loader = newLoader()
    }

    deinit { other.close() }

    private func newLoader() -> Loader {
        Loader(clock: WatchedClock(world.clock, uptime: { [unowned self] in look() }))
    }

    // MARK: The play

    func play() throws {
        for _ in 0..<15 { try changeSource() }
        try liveLoad()
        for _ in 0..<3 {
            backfill = world.nextRun()
            waiting = ranges.indices.shuffled(using: &random)
            while !waiting.isEmpty || !ahead.isEmpty { try somethingHappens() }
        }
        // With nothing in between the range is the source's.
        backfill = world.nextRun()
        waiting = Array(ranges.indices)
        isNested = true
        while let number = waiting.last { try extract(number) }
        for number in ranges.indices.shuffled(using: &random) {
            try write(number)
            try check(usedLast, "\(number) was read again though nothing happened")
        }
        let whole = PartitionRange(start: ranges[0].start, end: ranges[ranges.count - 1].end)
        let there = try destinationRows().filter { isInside($0, whole) }
        try check(sorted(there) == sorted(source.rows.filter { isInside($0, whole) }), "the range is not the source's")
    }

    private func somethingHappens() throws {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<5: try changeSource()
        case 5..<7: try liveLoad()
        case 7..<12: if let number = waiting.randomElement(using: &random) { try extract(number) }
        case 12..<17: if let number = ahead.keys.sorted().randomElement(using: &random) { try write(number) }
        case 17: if let number = waiting.randomElement(using: &random) { try write(number) }
        case 18: giveBack()
        default: crash()
        }
    }

    /// One that was read ahead is thrown away, as by a pause.
    private func giveBack() {
        guard let number = ahead.keys.sorted().randomElement(using: &random) else { return }
        ahead.removeValue(forKey: number)?.rows.close()
        waiting.append(number)
        log.append("give \(number) back")
    }

    /// The process is gone, and with it all that was read ahead.
    private func crash() {
        for number in ahead.keys.sorted() {
            ahead.removeValue(forKey: number)?.rows.close()
            waiting.append(number)
        }
        loader.closePartitions(of: backfill)
        loader = newLoader()
        log.append("crash")
    }

    // MARK: In the midst

    /// The work in hand looks at the clock.
    private func look() {
        switch inHand.kind {
        case .nothing: return
        // The last look comes when all is read, in the state that it was read in.
        case .reading: inHand.seen = source
        case .writing:
            guard !inHand.hasBegun else { break }
            inHand.hasBegun = isLocked()
            inHand.seen = source
        }
        guard !isNested, Int.random(in: 0..<3, using: &random) == 0 else { return }
        // Once it has committed it is not cut short any more.
        if inHand.hasBegun, let stop = inHand.stop, isLocked() { return stop.stop(.cancelled) }
        let outer = inHand
        inHand = InHand()
        isNested = true
        defer { (inHand, isNested) = (outer, false) }
        log.append("in the midst of it:")
        do {
            try outer.kind == .reading ? besideReading() : besideWriting(outer.hasBegun)
        } catch {
            Issue.record("in the midst: \(error)\n\(log.joined(separator: "\n"))")
        }
    }

    private func besideReading() throws {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: try liveLoad()
        case 1: if let number = ahead.keys.sorted().randomElement(using: &random) { try write(number) }
        default: if hasLog { try changeSource() }
        }
    }

    /// What writes waits for the file; what only reads ahead goes on.
    private func besideWriting(_ hasBegun: Bool) throws {
        if Bool.random(using: &random), let number = waiting.randomElement(using: &random) {
            try extract(number)
        } else if hasLog || !hasBegun {
            try changeSource()
        }
    }

    private func isLocked() -> Bool {
        do {
            try other.execute("BEGIN IMMEDIATE")
            try other.execute("ROLLBACK")
            return false
        } catch {
            return true
        }
    }

    // MARK: Both sides

    private func changeSource() throws {
        version += 1
        let key: [Value] = [
            .text(["a", "A"].randomElement(using: &random) ?? "a"), Value(Int.random(in: 0..<8, using: &random)),
        ]
        try world.source.execute("BEGIN IMMEDIATE")
        try world.source.execute("DELETE FROM t WHERE a = ? AND b = ?", key)
        if Int.random(in: 0..<4, using: &random) > 0 {
            let day = Int.random(in: 1...6, using: &random)
            let place: Value = Int.random(in: 0..<12, using: &random) == 0 ? .null : .text(Text("2024-03-0\(day)"))
            try world.source.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", key + [place, "x", Value(version)])
        }
        try world.source.execute("COMMIT")
        let rows = try world.inSource("SELECT a, b, at, v, ver FROM t")
        if sorted(rows) != sorted(source.rows) { source = SourceState(number: source.number + 1, rows: rows) }
        log.append("source \(source.number): \(key)")
    }

    private func destinationRows() throws -> [Row] { try world.inWarehouse("SELECT a, b, at, v, ver FROM t") }

    // MARK: Loads

    private func liveLoad() throws {
        let request = try world.request(step, allowShrink: true)
        let before = try destinationRows()
        let state = try writing { _ = try loader.load(request, stop: $0) }
        log.append("load\(state == nil ? " cut short" : " of state \(state?.number ?? 0)")")
        guard let state else { return try check(sorted(try destinationRows()) == sorted(before), "a cut load wrote") }
        try commit(state, "load", before)
    }

    private func request(_ number: Int) throws -> PartitionRequest {
        attempt += 1
        return PartitionRequest(
            load: try world.request(step, run: backfill, attempt: attempt, allowShrink: true), number: number + 1,
            scheme: scheme, range: ranges[number])
    }

    private func extract(_ number: Int) throws {
        waiting.removeAll { $0 == number }
        let request = try request(number)
        let outer = inHand
        inHand = InHand(kind: .reading)
        defer { inHand = outer }
        guard let rows = try loader.extractPartition(request, stop: StopToken()) else {
            throw Mismatch(description: "nothing was read of \(number)")
        }
        log.append("read \(number) of state \(inHand.seen.number)")
        ahead[number] = Ahead(request: request, rows: rows, state: inHand.seen)
    }

    private func write(_ number: Int) throws {
        let extracted = ahead.removeValue(forKey: number)
        waiting.removeAll { $0 == number }
        let request = try extracted?.request ?? self.request(number)
        let before = try destinationRows()
        let state = try writing { _ = try loader.loadPartition(request, extracted?.rows, stop: $0) }
        let after = try destinationRows()
        guard let state else {
            log.append("write \(number), cut short")
            waiting.append(number)
            return try check(sorted(after) == sorted(before), "a partition that was cut short wrote")
        }
        let isUsed = extracted?.rows.isUsed == true
        let read = isUsed ? extracted?.state ?? state : state
        log.append("write \(number) of state \(read.number)\(isUsed ? ", read ahead" : "")")
        let rows = reloaded(before, ranges[number], from: read.rows)
        try check(sorted(after) == sorted(rows), "\(number): \(sorted(after))\nnot \(sorted(rows))")
        try commit(read, "partition \(number)", before)
        usedLast = isUsed
    }

    /// Does something that commits; answers the state of the source when it took the lock, nil where it was cut short.
    private func writing(_ work: (StopToken) throws -> Void) throws -> SourceState? {
        let token = StopToken()
        let outer = inHand
        inHand = InHand(kind: .writing)
        if Int.random(in: 0..<6, using: &random) == 0 { inHand.stop = token }
        defer { inHand = outer }
        do {
            try work(token)
        } catch let failure as Failure where failure.code == .cancelled {
            return nil
        }
        return inHand.seen
    }

    private func commit(_ state: SourceState, _ words: String, _ before: [Row]) throws {
        try check(state.number >= lastSeen, "\(words) of state \(state.number) after one of \(lastSeen)")
        lastSeen = state.number
        let after = Dictionary(uniqueKeysWithValues: try destinationRows().map { (Array($0.prefix(2)), $0) })
        for row in before {
            guard let now = after[Array(row.prefix(2))] else { continue }
            try check(now[4].integer ?? 0 >= row[4].integer ?? 0, "\(words): \(now) is older than \(row)")
        }
    }

    // MARK: The model

    /// What a partition leaves that reads `source`.
    private func reloaded(_ before: [Row], _ range: PartitionRange, from source: [Row]) -> [Row] {
        func key(_ row: Row) -> [Value] { Array(row.prefix(2)) }
        let there = Dictionary(uniqueKeysWithValues: source.map { (key($0), $0) })
        var rows = Dictionary(uniqueKeysWithValues: before.map { (key($0), $0) })
        for row in before where isInside(row, range) { rows[key(row)] = there[key(row)] }
        for row in source where isInside(row, range) { rows[key(row)] = row }
        return Array(rows.values)
    }

    private func isInside(_ row: Row, _ range: PartitionRange) -> Bool {
        guard case .text(let text) = row[2], let time = Timestamp(rfc3339: (text.string ?? "") + "T00:00:00Z"),
            case .time(let start) = range.start.place, case .time(let end) = range.end.place
        else { return false }
        return start <= time && time < end
    }

    private func sorted(_ rows: [Row]) -> [String] { rows.map { "\($0)" }.sorted() }

    private func check(_ holds: Bool, _ words: @autoclosure () -> String) throws {
        guard holds else { throw Mismatch(description: words()) }
    }
}
