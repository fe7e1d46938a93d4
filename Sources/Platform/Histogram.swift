/// How many of many durations were within each of some bounds, and their sum.
public struct Histogram: Sendable {
    /// The bounds in seconds, rising, each with how many durations were at most that long and longer than the bound before.
    public private(set) var buckets: [(seconds: Double, count: Int)]
    /// How many were longer than every bound.
    public private(set) var beyond = 0
    /// All of them together.
    public private(set) var sum: Duration = .zero

    /// Makes an empty histogram of rising bounds in seconds.
    public init(bounds: [Double]) {
        buckets = bounds.map { ($0, 0) }
    }

    /// Counts a duration.
    public mutating func add(_ duration: Duration) {
        let duration = max(.zero, duration)
        sum += duration
        let seconds = duration.seconds
        for place in buckets.indices where seconds <= buckets[place].seconds {
            buckets[place].count += 1
            return
        }
        beyond += 1
    }

    /// How many were counted.
    public var count: Int { buckets.reduce(beyond) { $0 + $1.count } }
}
