/// What a backfill would read and rewrite, partition by partition; finding it out changes nothing.
public struct PartitionEstimates: Sendable, Equatable {
    /// The rows of each partition, in the order in which the partitions were given.
    public var partitions: [PartitionEstimate]
    /// Rows of the source that no partition can hold, since their place in the column's order is not known.
    public var unplaced: UnplacedRows
    /// Bytes of a row's values, as far as a sample tells; nil where the source has no rows in the range.
    public var bytesPerRow: Double?
    /// The statements of the first partition, in their order; the others' differ in their values alone.
    public var statements: [String]
    /// Tables that every partition would read in full, as the engine's own plan says.
    public var fullScans: [String]
    /// Indexes that would save that, as statements for the source.
    public var sourceIndexes: [String]
    /// Indexes that would save that, as statements for the destination.
    public var destinationIndexes: [String]
    /// What a person should know.
    public var warnings: [LoadWarning]

    /// Makes estimates of nothing.
    public init(
        partitions: [PartitionEstimate] = [], unplaced: UnplacedRows = UnplacedRows(), bytesPerRow: Double? = nil,
        statements: [String] = [], fullScans: [String] = [], sourceIndexes: [String] = [],
        destinationIndexes: [String] = [], warnings: [LoadWarning] = []
    ) {
        self.partitions = partitions
        self.unplaced = unplaced
        self.bytesPerRow = bytesPerRow
        self.statements = statements
        self.fullScans = fullScans
        self.sourceIndexes = sourceIndexes
        self.destinationIndexes = destinationIndexes
        self.warnings = warnings
    }

    /// The rows of all partitions.
    public var total: PartitionEstimate {
        partitions.reduce(into: PartitionEstimate()) { sum, partition in
            sum.sourceRows += partition.sourceRows
            sum.destinationRows += partition.destinationRows
        }
    }

    /// The bytes of the source's rows in all partitions; nil where that is not known.
    public var bytes: Double? { bytesPerRow.map { $0 * Double(total.sourceRows) } }

    /// The estimates for answers, but for the partitions, which may be many.
    public var json: JSONValue {
        let total = total
        return .object([
            "source_rows": .integer(Int64(total.sourceRows)),
            "destination_rows": .integer(Int64(total.destinationRows)),
            "bytes": bytes.map { .integer(Int64($0)) } ?? .null,
            "bytes_per_row": bytesPerRow.map { .number($0) } ?? .null, "unplaced": unplaced.json,
            "statements": .array(statements.map(JSONValue.string)),
            "full_scans": .array(fullScans.map(JSONValue.string)),
            "source_indexes": .array(sourceIndexes.map(JSONValue.string)),
            "destination_indexes": .array(destinationIndexes.map(JSONValue.string)),
            "warnings": .array(warnings.map { .object(["code": .string($0.code), "message": .string($0.message)]) }),
        ])
    }
}

/// The rows of one partition as they are now.
public struct PartitionEstimate: Sendable, Equatable {
    /// Rows of the source.
    public var sourceRows: Int
    /// Rows of the destination, without those that are marked as deleted.
    public var destinationRows: Int

    /// Makes an estimate.
    public init(sourceRows: Int = 0, destinationRows: Int = 0) {
        self.sourceRows = sourceRows
        self.destinationRows = destinationRows
    }
}

/// Rows whose place in a column's order is not known, so that no partition holds them and no backfill reloads them.
public struct UnplacedRows: Sendable, Equatable {
    /// Rows whose value is NULL.
    public var null = 0
    /// Rows whose value is not what the order is made of: a text that is no time, a text among numbers.
    public var unordered = 0
    /// One of those values.
    public var sample: CursorValue?

    /// Makes no rows.
    public init() {}

    /// The rows for answers.
    public var json: JSONValue {
        .object([
            "null": .integer(Int64(null)), "unordered": .integer(Int64(unordered)), "sample": sample?.json ?? .null,
        ])
    }
}
