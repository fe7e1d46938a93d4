internal import Platform

/// Which schedules have something to decide, and when, as a plain value: no thread, no clock, no effect.
struct SchedulerState: Sendable {
    private struct Entry: Sendable {
        let at: Timestamp
        let pipeline: String

        func precedes(_ other: Entry) -> Bool { at != other.at ? at < other.at : pipeline < other.pipeline }
    }

    /// When each pipeline has something to decide.
    private var wakes: [String: Timestamp] = [:]
    /// A heap, the earliest first. An entry that `wakes` knows no more is passed over.
    private var heap: [Entry] = []
    /// The latest that the clock has shown.
    private var shown: Timestamp?

    /// Makes the state of a scheduler without schedules.
    init() {}

    /// How many pipelines have something to decide some day.
    var count: Int { wakes.count }

    /// The earliest time at which there is something to decide; nil when there is none.
    mutating func next() -> Timestamp? {
        dropForgotten()
        return heap.first?.at
    }

    /// Notes when a pipeline has something to decide; nil forgets it.
    mutating func set(_ pipeline: String, _ at: Timestamp?) {
        wakes[pipeline] = at
        guard let at else { return }
        push(Entry(at: at, pipeline: pipeline))
        // Each change leaves an entry behind: no more of them than there are pipelines.
        if heap.count > 2 * wakes.count + 16 { rebuild() }
    }

    /// Notes when all pipelines have something to decide, and forgets the others.
    mutating func replace(_ wakes: [String: Timestamp]) {
        self.wakes = wakes
        rebuild()
    }

    /// Takes out the pipelines that have something to decide by `now`, the one that waits longest first.
    mutating func takeDue(at now: Timestamp) -> [String] {
        var due: [String] = []
        while let at = next(), at <= now, let first = pop() {
            wakes[first.pipeline] = nil
            due.append(first.pipeline)
        }
        return due
    }

    /// Notes what the clock shows; true when it was set back since the last time.
    mutating func noteSetBack(_ now: Timestamp) -> Bool {
        defer { shown = now }
        guard let shown else { return false }
        return shown.since(now) > Limits.clockSlack
    }

    private mutating func dropForgotten() {
        while let first = heap.first, wakes[first.pipeline] != first.at { _ = pop() }
    }

    private mutating func rebuild() {
        heap = wakes.map { Entry(at: $0.value, pipeline: $0.key) }.sorted { $0.precedes($1) }
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() -> Entry? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].precedes(heap[least])
            {
                least = child
            }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
