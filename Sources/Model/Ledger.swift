public import Platform

/// Which intervals of a step's cursor are loaded, by which runs and backfills, and which are not.
///
/// Fed with what was loaded in the order in which it was. Places are to the microsecond, or whole numbers.
public struct Ledger: Sendable, Equatable {
    /// What has loaded something.
    public enum Origin: String, Sendable {
        case run, backfill
    }

    /// An interval that one run, or several in a row, or a backfill has loaded.
    public struct Entry: Sendable, Equatable {
        /// Where it begins; nil for the beginning of all.
        public var start: PartitionBound.Place?
        /// Where it ends.
        public var end: PartitionBound.Place
        /// What has loaded it.
        public var origin: Origin
        /// The first and the last of those that have, by identifier.
        public var first: String, last: String
        /// How many loads it took; of an overlap, how many the interval took that it is a part of.
        public var loads: Int
        /// When the last of them was committed.
        public var loadedAt: Timestamp

        /// Makes an interval; one load's unless said.
        public init(
            start: PartitionBound.Place?, end: PartitionBound.Place, origin: Origin, first: String, last: String,
            loads: Int = 1, loadedAt: Timestamp
        ) {
            self.start = start
            self.end = end
            self.origin = origin
            self.first = first
            self.last = last
            self.loads = loads
            self.loadedAt = loadedAt
        }
    }

    /// A stretch between two places.
    public struct Stretch: Sendable, Equatable {
        /// Where it begins; nil for the beginning of all.
        public var start: PartitionBound.Place?
        /// Where it ends.
        public var end: PartitionBound.Place

        /// Makes a stretch.
        public init(start: PartitionBound.Place?, end: PartitionBound.Place) {
            self.start = start
            self.end = end
        }
    }

    /// What was loaded, in the order in which it was; neighbours of one kind are one.
    public private(set) var intervals: [Entry] = []
    /// How many of the oldest intervals are left out.
    public private(set) var intervalsOmitted = 0
    /// What was loaded more than once, in the order in which it was.
    public private(set) var overlaps: [Entry] = []
    /// How many of the oldest overlaps are left out.
    public private(set) var overlapsOmitted = 0
    /// What is loaded, in order; no two touch.
    private var covered: [Stretch] = []

    /// Makes the ledger of a step that has loaded nothing.
    public init() {}

    /// Where what is loaded ends; nil where nothing is.
    public var through: PartitionBound.Place? { covered.last?.end }

    /// What is missing between the first place that is loaded and the last.
    public var gaps: [Stretch] {
        zip(covered, covered.dropFirst()).compactMap { left, right in
            right.start.map { Stretch(start: left.end, end: $0) }
        }
    }

    /// What a backfill has to load to close the gaps. A run has read the value that its watermark holds, so a gap ends
    /// just behind the place from which the next run went on: nothing at its edge is left out.
    public var missing: [PartitionRange] {
        gaps.compactMap { gap in
            guard let start = gap.start, let end = gap.end.next else { return nil }
            return PartitionRange(start: PartitionBound(start), end: PartitionBound(end))
        }
    }

    /// Adds what was loaded; nothing where that is empty.
    public mutating func add(_ entry: Entry) {
        if let start = entry.start, start >= entry.end { return }
        for known in cover(Stretch(start: entry.start, end: entry.end)) {
            var overlap = entry
            overlap.start = known.start
            overlap.end = known.end
            Ledger.append(overlap, to: &overlaps, &overlapsOmitted)
        }
        Ledger.append(entry, to: &intervals, &intervalsOmitted)
    }

    /// Adds an interval to a list in which neighbours are one, and which does not grow without a bound.
    private static func append(_ entry: Entry, to list: inout [Entry], _ omitted: inout Int) {
        list.join(entry)
        // Cut by halves, so that each one costs little.
        if list.count >= Limits.ledgerIntervals * 2 {
            omitted += list.count - Limits.ledgerIntervals
            list.removeFirst(list.count - Limits.ledgerIntervals)
        }
    }

    /// Marks a stretch as loaded; answers the parts of it that were before.
    private mutating func cover(_ stretch: Stretch) -> [Stretch] {
        // Looked for from the end, where most of what comes belongs.
        let first = covered.lastIndex { !Ledger.reaches($0.end, stretch.start) }.map { $0 + 1 } ?? 0
        var next = first
        var whole = stretch
        var known: [Stretch] = []
        while next < covered.count, Ledger.reaches(stretch.end, covered[next].start) {
            let other = covered[next]
            let start = Ledger.later(other.start, stretch.start)
            let end = min(other.end, stretch.end)
            if start.map({ $0 < end }) ?? true { known.append(Stretch(start: start, end: end)) }
            whole.start = Ledger.earlier(other.start, whole.start)
            whole.end = max(other.end, whole.end)
            next += 1
        }
        covered.replaceSubrange(first..<next, with: [whole])
        return known
    }

    /// Whether a stretch that ends at `end` meets one that begins at `start`.
    private static func reaches(_ end: PartitionBound.Place, _ start: PartitionBound.Place?) -> Bool {
        start.map { end >= $0 } ?? true
    }

    private static func later(_ left: PartitionBound.Place?, _ right: PartitionBound.Place?) -> PartitionBound.Place? {
        guard let left, let right else { return left ?? right }
        return max(left, right)
    }

    private static func earlier(_ left: PartitionBound.Place?, _ right: PartitionBound.Place?) -> PartitionBound.Place?
    {
        guard let left, let right else { return nil }
        return min(left, right)
    }
}

extension Ledger.Entry {
    /// The interval and one that was loaded next, as one; nil where they do not touch, or are not of one kind.
    fileprivate func joined(with next: Self) -> Self? {
        guard origin == next.origin, origin == .run || last == next.last, end == next.start || next.end == start else {
            return nil
        }
        var whole = self
        if end == next.start { whole.end = next.end } else { whole.start = next.start }
        whole.last = next.last
        whole.loads += next.loads
        whole.loadedAt = next.loadedAt
        return whole
    }
}

extension [Ledger.Entry] {
    /// Adds what was loaded next to intervals of which no neighbours touch, so that none do afterwards.
    ///
    /// It does not matter whether the loads of a backfill, no two of which overlap, come one by one or joined before.
    public mutating func join(_ entry: Ledger.Entry) {
        append(entry)
        while count > 1, let whole = self[count - 2].joined(with: self[count - 1]) {
            removeLast()
            self[count - 1] = whole
        }
    }
}

extension PartitionBound {
    /// The bound at a place, its time written in UTC.
    public init(_ place: Place) {
        switch place {
        case .time(let time): self.init(place, text: time.rfc3339)
        case .number(let number): self.init(place, text: String(number))
        }
    }
}

extension PartitionBound.Place {
    /// The first place behind this one; nil at the end of all.
    fileprivate var next: Self? {
        switch self {
        case .time(let time): time.microseconds == .max ? nil : .time(Timestamp(microseconds: time.microseconds + 1))
        case .number(let number): number == .max ? nil : .number(number + 1)
        }
    }
}
