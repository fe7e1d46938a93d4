internal import Model

/// What only so many jobs may use at once.
enum SlotPool: Hashable, Sendable {
    /// A pool that documents name.
    case named(String)
    /// The loads that read from a connection.
    case connection(String)

    /// Those of which a job that loads `steps` takes a place.
    static func needed(by steps: [LoadStep], of pipeline: Pipeline?) -> Set<SlotPool> {
        var pools = Set(steps.map { SlotPool.connection($0.source.connection) })
        if let pool = pipeline?.pool { pools.insert(.named(pool)) }
        return pools
    }

    /// How messages speak of it.
    var text: String {
        switch self {
        case .named(let name): "pool \(name)"
        case .connection(let name): "connection \(name)"
        }
    }
}

/// How many places of each pool are taken, as a plain value.
struct SlotCounts: Sendable {
    private var limits: [SlotPool: Int] = [:]
    private var taken: [SlotPool: Int] = [:]

    /// Sets how many may use a pool at once; nil means as many as there are. Those in hand beyond it go on.
    mutating func limit(_ pool: SlotPool, to places: Int?) {
        limits[pool] = places
    }

    /// Takes a place of each pool.
    mutating func take(_ pools: Set<SlotPool>) {
        for pool in pools { taken[pool, default: 0] += 1 }
    }

    /// Gives a place of each pool back.
    mutating func giveBack(_ pools: Set<SlotPool>) {
        for pool in pools {
            let left = taken[pool, default: 0] - 1
            taken[pool] = left > 0 ? left : nil
        }
    }

    /// A pool that has no place left; nil when each has one.
    func full(_ pools: Set<SlotPool>) -> SlotPool? {
        pools.first { pool in limits[pool].map { taken[pool, default: 0] >= $0 } ?? false }
    }
}
