public import Model

/// One partition of a backfill, as a worker is to load it.
public struct PartitionRequest: Sendable, Equatable {
    /// The step and its files; its run is the backfill's identifier, its attempt the partition's.
    public var load: LoadRequest
    /// The partition's place in its backfill, from 1.
    public var number: Int
    /// What the backfill slices rows by.
    public var scheme: PartitionScheme
    /// What the partition reloads.
    public var range: PartitionRange
    /// Stage the rows beside the destination's table, for `publishBackfill`, and leave the table as it is.
    public var isStaged = false
    /// How many partitions of the backfill are known to have committed: the destination must hold their records.
    public var committed = 0

    /// Makes a request.
    public init(load: LoadRequest, number: Int, scheme: PartitionScheme, range: PartitionRange) {
        self.load = load
        self.load.isPartition = true
        self.load.isBackfill = true
        self.number = number
        self.scheme = scheme
        self.range = range
    }
}

extension PartitionRequest {
    /// Whether it is worth reading partitions of a step before the destination's write lock is held, and possible: a query
    /// may take long, a table's rows are read as fast as they can be laid aside.
    public static func mayBeExtracted(
        _ step: LoadStep, from source: DatabaseFile, to destination: DatabaseFile
    ) -> Bool {
        guard case .query = step.source.relation else { return false }
        // In one file a commit changes the source itself.
        return source.identity != destination.identity
    }

    /// Whether it asks for the same as another one, however many partitions have committed between the two.
    func isSame(_ other: PartitionRequest) -> Bool {
        var other = other
        other.committed = committed
        return self == other
    }

    /// What a connection for it is open for.
    var use: PartitionConnections.Use {
        PartitionConnections.Use(
            backfill: load.run, step: load.step, scheme: scheme, source: load.source, destination: load.destination)
    }
}
