internal import Platform

/// A partition of an earlier backfill, as far as a later one must know it.
public struct TriedPartition: Sendable, Equatable {
    /// Its backfill's identifier.
    public var backfill: String
    /// What it covers, as `PartitionBound.Place.ordinal` gives it.
    public var places: Range<Int64>
    /// How its last try ended.
    public var state: PartitionState

    /// Makes a partition.
    public init(backfill: String, places: Range<Int64>, state: PartitionState) {
        self.backfill = backfill
        self.places = places
        self.state = state
    }
}

/// Which partitions of a new backfill are left to load, given what earlier ones of the same step have tried.
public struct Reprocessing: Sendable {
    /// The partitions that are to be loaded, in the order they were given.
    public private(set) var left: [PartitionRange] = []
    /// How many are left out.
    public private(set) var skipped = 0
    /// How many of those hold a part whose last try failed or was cancelled.
    public private(set) var unsuccessful = 0
    /// The backfill that tried the first one that is left out; nil when none is.
    public private(set) var backfill: String?

    /// Chooses among partitions, which lie one after the other. `tried` are those of earlier backfills, the one that
    /// ended last first; a partition is left out only when they cover all of it.
    public init(_ partitions: [PartitionRange], _ reprocess: Reprocess, tried: [TriedPartition]) {
        guard reprocess != .completed, !tried.isEmpty, let first = partitions.first, let last = partitions.last,
            first.start.place.ordinal < last.end.place.ordinal
        else {
            left = partitions
            return
        }
        let cover = Cover(tried, within: first.start.place.ordinal..<last.end.place.ordinal)
        for partition in partitions {
            let found = cover.look(partition.start.place.ordinal..<partition.end.place.ordinal)
            guard found.isWhole, reprocess == .none || found.isSuccess else {
                left.append(partition)
                continue
            }
            skipped += 1
            if !found.isSuccess { unsuccessful += 1 }
            if backfill == nil { backfill = tried[found.first].backfill }
        }
    }
}

/// Which partition was the last to try each part of a range.
private struct Cover {
    /// Where the parts begin, and where the last one ends.
    private let bounds: [Int64]
    /// For each part the place of its partition among those tried; nil where there is none.
    private let owners: [Int?]
    /// How many of the parts before one nobody tried, and how many were tried in vain.
    private let bare: [Int]
    private let vain: [Int]

    /// Lays out partitions, the last one to try first.
    init(_ tried: [TriedPartition], within range: Range<Int64>) {
        let clipped = tried.map { $0.places.clamped(to: range) }
        var places: Set<Int64> = [range.lowerBound, range.upperBound]
        for each in clipped where !each.isEmpty {
            places.insert(each.lowerBound)
            places.insert(each.upperBound)
        }
        let bounds = places.sorted()
        var owners = [Int?](repeating: nil, count: bounds.count - 1)
        // The next part from each one on that has no owner yet; the last entry stands behind all parts.
        var next = Array(0..<bounds.count)
        func free(_ part: Int) -> Int {
            var root = part
            while next[root] != root { root = next[root] }
            var step = part
            while next[step] != root { (next[step], step) = (root, next[step]) }
            return root
        }
        for (place, each) in clipped.enumerated() where !each.isEmpty {
            let end = Cover.place(of: each.upperBound, in: bounds)
            var part = free(Cover.place(of: each.lowerBound, in: bounds))
            while part < end {
                owners[part] = place
                next[part] = part + 1
                part = free(part + 1)
            }
        }
        func sums(_ counts: (Int?) -> Bool) -> [Int] {
            owners.reduce(into: [0]) { sums, owner in sums.append((sums.last ?? 0) + (counts(owner) ? 1 : 0)) }
        }
        self.bounds = bounds
        self.owners = owners
        bare = sums { $0 == nil }
        vain = sums { $0.map { tried[$0].state != .success } ?? false }
    }

    /// What is known of places: whether all of them were tried, whether all last tries succeeded, and which partition
    /// tried the first of them.
    func look(_ places: Range<Int64>) -> (isWhole: Bool, isSuccess: Bool, first: Int) {
        // A bound of the new partition that is none of the old ones lies inside a part.
        let first = Cover.part(holding: places.lowerBound, in: bounds)
        let last = Cover.part(holding: places.upperBound - 1, in: bounds)
        guard bare[last + 1] == bare[first], let owner = owners[first] else { return (false, false, 0) }
        return (true, vain[last + 1] == vain[first], owner)
    }

    private static func place(of bound: Int64, in bounds: [Int64]) -> Int {
        var (low, high) = (0, bounds.count)
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func part(holding place: Int64, in bounds: [Int64]) -> Int {
        let found = self.place(of: place, in: bounds)
        return found < bounds.count && bounds[found] == place ? found : found - 1
    }
}

extension PartitionBound.Place {
    /// The place as a number that orders as the place does among those of its kind.
    public var ordinal: Int64 {
        switch self {
        case .time(let instant): instant.microseconds
        case .number(let number): number
        }
    }
}
