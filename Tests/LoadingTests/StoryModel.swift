import Model
import SQLite

/// What the destination of a story must hold, and what each run must count, worked out in plain Swift.
struct StoryModel {
    struct Row: Equatable {
        var key: Int
        var place: Int
        var payload: Int
        /// Whether the destination's row is marked as deleted.
        var isMarked = false
    }

    let plot: Story.Plot
    var source: [Int: Row] = [:]
    /// How many changes the source has seen; where it is a log of them, the number of the newest.
    var changes = 0
    private(set) var destination: [Row] = []
    private(set) var watermark: Int?
    /// The states before the runs that can be rolled back, the last run last.
    private(set) var past: [(run: String, destination: [Row], watermark: Int?)] = []

    init(_ plot: Story.Plot) {
        self.plot = plot
    }

    /// What a run comes to: its counts, or nil where it is refused and changes nothing.
    typealias Outcome = RowCounts?

    private var followsCursor: Bool { plot.strategy == .timestamp || plot.strategy == .sequence }
    private var rowsThere: Int { destination.count { !$0.isMarked } }

    // MARK: Runs

    /// Runs to the end.
    mutating func run(_ id: String, fullRefresh: Bool, allowShrink: Bool) -> Outcome {
        var next = self
        next.remember(id)
        let counts: RowCounts
        var removed: Int
        let there = rowsThere
        if fullRefresh || plot.strategy == .fullRefresh {
            removed = max(0, there - source.count)
            counts = next.rebuild()
            if source.isEmpty, there > 0, !allowShrink { return nil }
            if !allowShrink, Double(removed) > Double(there) * plot.maxShrink { return nil }
            self = next
            return counts
        }
        if plot.strategy == .snapshotDiff || plot.strategy == .cdc {
            counts = next.diff()
            if plot.strategy == .cdc, changes > 0 { next.watermark = changes }
        } else {
            counts = next.read(upTo: .max)
            removed = counts.deleted
            if plot.detectsDeletes { return sweep(next, counts, allowShrink, there) { self = $0 } }
        }
        removed = counts.deleted
        if plot.strategy == .snapshotDiff, !allowShrink {
            if source.isEmpty, there > 0 { return nil }
            if Double(removed) > Double(there) * plot.maxShrink { return nil }
        }
        self = next
        return counts
    }

    /// A run was stopped: takes what it left, when that can be explained; says what cannot.
    mutating func stop(_ id: String, left rows: [Row], at place: Int?) -> String? {
        guard place ?? .min >= watermark ?? .min else { return "the watermark went back to \(place ?? -1)" }
        remember(id)
        defer {
            destination = rows
            watermark = place
        }
        // A part of a log of changes leaves rows as they were in between.
        guard plot.strategy != .cdc else { return nil }
        let lower = watermark.map { $0 - plot.lookback } ?? .min
        for row in rows where !destination.contains(row) {
            guard let origin = source[row.key], origin == row, row.place >= lower else { return "\(row) from nowhere" }
            guard row.place <= place ?? .min else { return "\(row) is above the watermark" }
        }
        for row in destination where !rows.contains(row) {
            guard plot.mode != .append, rows.contains(where: { $0.key == row.key }) else { return "\(row) is lost" }
        }
        for row in source.values where row.place > watermark ?? .min && row.place <= place ?? .min {
            let isThere = rows.contains {
                $0.key == row.key && (plot.mode == .append ? $0.place == row.place : $0 == row)
            }
            guard isThere else { return "\(row) is below the watermark but was not loaded" }
        }
        return nil
    }

    private mutating func remember(_ id: String) {
        if past.last?.run != id { past.append((id, destination, watermark)) }
    }

    private mutating func read(upTo upper: Int) -> RowCounts {
        var counts = RowCounts()
        let lower = watermark.map { $0 - plot.lookback } ?? .min
        for row in source.values.sorted(by: { $0.key < $1.key }) where row.place >= lower && row.place <= upper {
            counts.read += 1
            put(row, &counts)
            watermark = max(watermark ?? .min, row.place)
        }
        return counts
    }

    private mutating func put(_ row: Row, _ counts: inout RowCounts) {
        let found = destination.firstIndex { $0.key == row.key && (plot.mode != .append || $0.place == row.place) }
        guard let found else {
            destination.append(row)
            counts.inserted += 1
            return
        }
        if plot.mode == .append || destination[found] == row {
            counts.unchanged += 1
        } else {
            destination[found] = row
            counts.updated += 1
        }
    }

    /// Takes away what is gone from the source, after the delta.
    private func sweep(
        _ next: StoryModel, _ read: RowCounts, _ allowShrink: Bool, _ before: Int, _ accept: (StoryModel) -> Void
    ) -> Outcome {
        var next = next
        var counts = read
        let there = next.rowsThere
        if next.source.isEmpty, there > 0, !allowShrink { return nil }
        var returned = 0
        for index in next.destination.indices
        where next.destination[index].isMarked && next.source[next.destination[index].key] != nil {
            next.destination[index].isMarked = false
            returned += 1
        }
        let gone = next.removeGone()
        if !allowShrink, Double(gone) > Double(there + returned) * plot.maxShrink { return nil }
        counts = counts + RowCounts(read: returned, updated: returned, deleted: gone)
        accept(next)
        return counts
    }

    private mutating func removeGone() -> Int {
        let gone = destination.filter { !$0.isMarked && source[$0.key] == nil }.count
        if plot.marksDeletes {
            for index in destination.indices where source[destination[index].key] == nil {
                destination[index].isMarked = true
            }
        } else {
            destination.removeAll { source[$0.key] == nil }
        }
        return gone
    }

    private mutating func diff() -> RowCounts {
        var counts = RowCounts(deleted: removeGone())
        for row in source.values {
            counts.read += 1
            put(row, &counts)
        }
        return counts
    }

    private mutating func rebuild() -> RowCounts {
        let counts = RowCounts(read: source.count, inserted: source.count, deleted: destination.count)
        destination = Array(source.values)
        if followsCursor { watermark = source.values.map(\.place).max() }
        return counts
    }

    // MARK: People

    mutating func rewind(by distance: Int) -> Int? {
        guard let held = watermark else { return nil }
        watermark = held - distance
        return watermark
    }

    /// Whether a run counted what the model says; how many events of a log come to nothing, and what they did between
    /// the commits of a run that was cut, is not said here.
    func agrees(_ counts: RowCounts, with expected: RowCounts, isCut: Bool) -> Bool {
        guard plot.strategy == .cdc else { return counts == expected }
        if isCut { return true }
        return (counts.inserted, counts.updated, counts.deleted)
            == (expected.inserted, expected.updated, expected.deleted)
    }

    /// Takes in what a log of changes told of marked rows and the source never showed: versions that came and went
    /// between two runs, which a run of several commits meets on its way.
    mutating func meet(_ rows: [Row]) {
        guard plot.strategy == .cdc, plot.marksDeletes else { return }
        for row in rows where row.isMarked {
            guard let known = destination.firstIndex(where: { $0.key == row.key }) else {
                destination.append(row)
                continue
            }
            if destination[known].isMarked { destination[known] = row }
        }
    }

    mutating func forget() { watermark = nil }

    /// Rolls back the last run that can be; answers it.
    mutating func rollback() -> String? {
        guard let last = past.popLast() else { return nil }
        destination = last.destination
        // A watermark that a person has set lower stays there.
        if let held = watermark { watermark = last.watermark.map { min($0, held) } }
        return last.run
    }
}
