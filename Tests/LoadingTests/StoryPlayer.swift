import Loading
import Model
import Platform
import SQLite

/// Plays a story with real files and holds every run against the model.
final class StoryPlayer {
    /// Where a story went another way than the model says.
    struct Deviation: Error, CustomStringConvertible {
        let place: Int
        let what: String
        var description: String { "move \(place): \(what)" }
    }

    private let world: World
    private let step: LoadStep
    private let plot: Story.Plot
    private var model: StoryModel
    private var place = 0

    private init(_ plot: Story.Plot) throws {
        self.plot = plot
        model = StoryModel(plot)
        world = try World("CREATE TABLE t (\(plot.table); \(plot.index)")
        let followsCursor = plot.strategy == .timestamp || plot.strategy == .sequence
        step = world.step(
            "t", query: plot.isQuery ? "SELECT a, b, p, c FROM t WHERE b >= 0" : nil, plot.strategy,
            cursor: followsCursor ? "c" : nil, key: ["a", "b"], mode: plot.mode
        ).with {
            $0.onGap = .ignore
            $0.maxShrink = plot.maxShrink
            $0.undo = .usual
            if plot.lookback > 0 {
                $0.lookback =
                    plot.strategy == .sequence ? .count(Int64(plot.lookback)) : .time(.seconds(plot.lookback))
            }
            if plot.detectsDeletes { $0.detectDeletes = .keys }
            if plot.marksDeletes { $0.softDelete = "gone" }
        }
    }

    /// Plays a story; answers where it went wrong, nil when it did not.
    static func play(_ story: Story) -> Deviation? {
        var at = 0
        do {
            let player = try StoryPlayer(story.plot)
            for (place, move) in story.moves.enumerated() {
                at = place
                player.place = place
                try player.play(move)
            }
            return nil
        } catch let deviation as Deviation {
            return deviation
        } catch {
            return Deviation(place: at, what: "\(error)")
        }
    }

    /// The shortest story that still goes wrong which is found by leaving moves out: halves first, then ever less.
    static func shrunk(_ story: Story) -> Story {
        var story = story
        var size = max(1, story.moves.count / 2)
        var left = 400
        while size > 0, left > 0 {
            var start = 0
            var isShorter = false
            while start < story.moves.count, left > 0 {
                var shorter = story
                shorter.moves.removeSubrange(start..<min(start + size, story.moves.count))
                left -= 1
                if play(shorter) != nil {
                    story = shorter
                    isShorter = true
                } else {
                    start += size
                }
            }
            if !isShorter || size > story.moves.count { size /= 2 }
        }
        return story
    }

    // MARK: Moves

    private func play(_ move: Story.Move) throws {
        switch move {
        case .put(let key, let place, let payload):
            try change(key, StoryModel.Row(key: key, place: place, payload: payload))
        case .touch(let key, let payload):
            guard var row = model.source[key] else { return }
            row.payload = payload
            try change(key, row)
        case .delete(let key): try change(key, nil)
        case .clear: for key in model.source.keys.sorted() { try change(key, nil) }
        case .run(let rows, let fullRefresh, let allowShrink):
            try run(rows, fullRefresh && plot.strategy != .cdc, allowShrink)
        case .crash(let rows, let commits, let retries): try crash(rows, commits, retries)
        case .rewind(let distance):
            guard let place = model.rewind(by: distance) else { return }
            let value = cursor(place)
            _ = try world.loader().setWatermark(
                try world.request(step), to: value.integer.map { .integer($0) } ?? .text(value.string ?? ""),
                reason: "a rewind")
        case .forget:
            guard plot.mode != .append, model.watermark != nil else { return }
            model.forget()
            _ = try world.loader().removeWatermark(
                pipeline: "orders", step: "orders", destination: try world.file("warehouse.db"))
        case .rollback:
            guard let run = model.rollback() else { return }
            try check(try world.rollback(run, step).count == 1, "the rollback of \(run) did nothing")
            try compare()
        }
    }

    /// Changes a row of the source, or with nil removes it; in a log of changes, tells of it.
    private func change(_ key: Int, _ row: StoryModel.Row?) throws {
        let isThere = model.source[key] != nil
        guard isThere || row != nil else { return }
        model.source[key] = row
        model.changes += 1
        let values = [
            text(key), Value(key), row.map { value($0.payload) } ?? .null, row.map { cursor($0.place) } ?? .null,
        ]
        if plot.strategy == .cdc {
            let operation = row == nil ? "DELETE" : isThere ? "UPDATE" : "INSERT"
            _ = try world.source.run(
                "INSERT INTO t (operation, a, b, p, c) VALUES (?, ?, ?, ?, ?)", [.text(operation)] + values)
            return
        }
        _ = try world.source.run("DELETE FROM t WHERE b = ?", [Value(key)])
        if row != nil { _ = try world.source.run("INSERT INTO t (a, b, p, c) VALUES (?, ?, ?, ?)", values) }
    }

    private func run(_ rows: Int, _ fullRefresh: Bool, _ allowShrink: Bool) throws {
        let id = world.nextRun()
        let expected = model.run(id, fullRefresh: fullRefresh, allowShrink: allowShrink)
        do {
            let result = try world.load(
                step, run: id, fullRefresh: fullRefresh, allowShrink: allowShrink, rowsPerCommit: rows)
            guard let expected else { throw deviation("the run should have been refused: \(result.counts)") }
            try check(
                model.agrees(result.counts, with: expected, isCut: result.commits > 1),
                "\(result.counts), not \(expected)")
        } catch let failure as Failure where failure.code == .shrinkGuard {
            try check(expected == nil, failure.message)
        }
        try compare()
    }

    private func crash(_ rows: Int, _ commits: Int, _ retries: Bool) throws {
        let id = world.nextRun()
        let token = StopToken()
        world.stopAfterCommits = (commits, token)
        defer { world.stopAfterCommits = nil }
        do {
            let result = try world.load(step, run: id, allowShrink: true, rowsPerCommit: rows, stop: token)
            let expected = model.run(id, fullRefresh: false, allowShrink: true) ?? RowCounts()
            try check(
                model.agrees(result.counts, with: expected, isCut: result.commits > 1),
                "\(result.counts), not \(expected)")
        } catch let failure as Failure where failure.code == .cancelled {
            let held = try watermark()
            let rows = try loaded()
            let hasCommitted =
                try !world.inWarehouse(
                    "SELECT 1 FROM sqlite_schema WHERE name = '_strandline_loads'"
                ).isEmpty && !world.inWarehouse("SELECT 1 FROM _strandline_loads WHERE run = '\(id)'").isEmpty
            if hasCommitted {
                if let fault = model.stop(id, left: rows, at: held) { throw deviation(fault) }
            }
            world.stopAfterCommits = nil
            if retries {
                _ = try world.load(step, run: id, attempt: 2, allowShrink: true, rowsPerCommit: 1_000)
                _ = model.run(id, fullRefresh: false, allowShrink: true)
            }
        }
        try compare()
    }

    // MARK: Looking

    private func compare() throws {
        let found = try loaded()
        model.meet(found)
        let expected = sorted(model.destination)
        try check(found == expected, "the destination holds \(found), not \(expected)")
        let held = try watermark()
        try check(held == model.watermark, "the watermark is \(held ?? -1), not \(model.watermark ?? -1)")
    }

    private func loaded() throws -> [StoryModel.Row] {
        guard try !world.inWarehouse("SELECT 1 FROM sqlite_schema WHERE name = 't'").isEmpty else { return [] }
        let mark = plot.marksDeletes ? "gone IS NOT NULL" : "0"
        return sorted(
            try world.inWarehouse("SELECT b, c, p, a, \(mark) FROM t").map { row in
                let key = Int(row[0].integer ?? -1)
                try check(row[3] == text(key), "the text of key \(key) is \(row[3])")
                let payload = (0..<8).first { value($0) == row[2] } ?? -1
                return StoryModel.Row(
                    key: key, place: try number(CursorValue(row[1])) ?? -1, payload: payload, isMarked: row[4] == 1)
            })
    }

    private func watermark() throws -> Int? {
        try number(try world.watermark()?.value)
    }

    private func sorted(_ rows: [StoryModel.Row]) -> [StoryModel.Row] {
        rows.sorted { ($0.key, $0.place) < ($1.key, $1.place) }
    }

    private func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw deviation(what()) }
    }

    private func deviation(_ what: String) -> Deviation { Deviation(place: place, what: what) }

    // MARK: Values

    private func text(_ key: Int) -> Value { .text(["", "a\0b", "ä", "'; DROP"][key % 4]) }

    /// Equal as numbers, or nearly, some of them; told apart by their class.
    private func value(_ payload: Int) -> Value {
        [.null, 1, 1.0, "1", "a\0b", .blob([0, 255]), .integer(.max), ""][payload]
    }

    private func cursor(_ place: Int) -> Value {
        guard plot.strategy == .timestamp else { return Value(place) }
        return .text(World.start.adding(.seconds(place - 100_000)).rfc3339)
    }

    private func number(_ value: CursorValue?) throws -> Int? {
        switch value {
        case nil: return nil
        case .integer(let number): return Int(number)
        case .text(let bytes):
            guard let time = Timestamp(rfc3339: String(decoding: bytes, as: UTF8.self)) else { return -1 }
            return Int(time.since(World.start).components.seconds) + 100_000
        default: throw deviation("a cursor of \(value.map { "\($0)" } ?? "")")
        }
    }
}
