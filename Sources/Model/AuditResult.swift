/// What an audit found.
public struct AuditResult: Sendable, Equatable {
    /// Counts of rows that are not as they should be.
    public struct Drift: Sendable, Equatable {
        /// Rows of the source that the destination lacks.
        public var missing = 0
        /// Rows of the destination that the source lacks.
        public var extra = 0
        /// Rows that hold other values.
        public var different = 0

        /// Makes counts; all are zero unless said.
        public init(missing: Int = 0, extra: Int = 0, different: Int = 0) {
            self.missing = missing
            self.extra = extra
            self.different = different
        }

        /// Whether all is as it should be.
        public var isEmpty: Bool { missing == 0 && extra == 0 && different == 0 }
    }

    /// A part of the cursor's range.
    public struct Partition: Sendable, Equatable {
        /// The first cursor value of the part; nil for rows that have no place in the order.
        public var start: CursorValue?
        /// Rows of the source.
        public var sourceRows: Int
        /// Rows of the destination.
        public var destinationRows: Int
        /// What differs.
        public var drift: Drift
        /// The sums of the columns of numbers on both sides.
        public var sums: [Sums]

        /// Makes a part.
        public init(
            start: CursorValue?, sourceRows: Int = 0, destinationRows: Int = 0, drift: Drift = Drift(),
            sums: [Sums] = []
        ) {
            self.start = start
            self.sourceRows = sourceRows
            self.destinationRows = destinationRows
            self.drift = drift
            self.sums = sums
        }
    }

    /// The sums of a column, rounded to six digits after the point.
    public struct Sums: Sendable, Equatable {
        /// The column, as the destination calls it.
        public var column: String
        /// The sum in the source.
        public var source: Double
        /// The sum in the destination.
        public var destination: Double

        /// Makes sums.
        public init(column: String, source: Double, destination: Double) {
            self.column = column
            self.source = source
            self.destination = destination
        }
    }

    /// A row that is not as it should be.
    public struct Sample: Sendable, Equatable {
        /// What is the matter with a row.
        public enum Kind: String, Sendable, CaseIterable {
            case missing, extra, different
        }

        /// What is the matter with it.
        public var kind: Kind
        /// Its key by column, or all of its columns where the step has no key.
        public var key: JSONValue
        /// The columns that differ, as the destination calls them.
        public var columns: [String]

        /// Makes a sample.
        public init(kind: Kind, key: JSONValue, columns: [String] = []) {
            self.kind = kind
            self.key = key
            self.columns = columns
        }
    }

    /// What of a comparison with a full refresh is explained, and how much of the rest is kept.
    public struct Refresh: Sendable, Equatable {
        /// Rows that the next run loads.
        public var pending = 0
        /// Rows that the destination lacks because the document passes over them.
        public var excluded = 0
        /// How many of the other differences are kept with the audit.
        public var kept = 0

        /// Makes counts; all are zero unless said.
        public init(pending: Int = 0, excluded: Int = 0, kept: Int = 0) {
            self.pending = pending
            self.excluded = excluded
            self.kept = kept
        }
    }

    /// The watermark up to which both sides were compared; nil where the whole tables were.
    public var watermark: CursorValue?
    /// Everything below this cursor value is the same, and at it when it is the watermark; nil when nothing is.
    public var verifiedThrough: CursorValue?
    /// The rows that were compared, and what differs among them; after healing, what still does.
    public var total: Partition
    /// The parts that differ, in their order; after healing, those that did.
    public var partitions: [Partition]
    /// Some of the rows that differ.
    public var samples: [Sample]
    /// What was mended; nil when nothing was asked to be.
    public var healed: Drift?
    /// What a person should know.
    public var warnings: [LoadWarning]
    /// What is explained of a comparison with a full refresh; nil for any other.
    public var refresh: Refresh?
    /// The differences that are kept of such a comparison. They are stored and shown apart, so no part of `json`.
    public var differences: [AuditDifference] = []

    /// Makes a result.
    public init(
        watermark: CursorValue? = nil, verifiedThrough: CursorValue? = nil, total: Partition = Partition(start: nil),
        partitions: [Partition] = [], samples: [Sample] = [], healed: Drift? = nil, warnings: [LoadWarning] = []
    ) {
        self.watermark = watermark
        self.verifiedThrough = verifiedThrough
        self.total = total
        self.partitions = partitions
        self.samples = samples
        self.healed = healed
        self.warnings = warnings
    }
}

// MARK: As JSON

extension AuditResult {
    /// The result as it is stored and shown.
    public var json: JSONValue { .object(members) }

    /// The members of `json`, for an answer that has others beside them.
    public var members: [JSONValue.Member] {
        [
            .init("watermark", watermark?.json ?? .null), .init("verified_through", verifiedThrough?.json ?? .null),
        ] + total.counts + comparison + [
            .init("sums", total.sums.json), .init("partitions", .array(partitions.map(\.json))),
            .init(
                "samples",
                .array(
                    samples.map { sample in
                        .object([
                            "kind": .string(sample.kind.rawValue), "key": sample.key,
                            "columns": .array(sample.columns.map(JSONValue.string)),
                        ])
                    })), .init("healed", healed.map { .object($0.members) } ?? .null),
            .init(
                "warnings",
                .array(warnings.map { .object(["code": .string($0.code), "message": .string($0.message)]) })),
        ]
    }

    private var comparison: [JSONValue.Member] {
        [
            .init("identical", refresh == nil ? .null : .bool(total.drift.isEmpty)),
            .init("pending", JSONValue(refresh?.pending)),
            .init("excluded", JSONValue(refresh?.excluded)),
            .init("differences_kept", JSONValue(refresh?.kept)),
        ]
    }

    /// Takes back what `json` gave; nil for anything else.
    public init?(json: JSONValue) {
        guard let total = Partition(json: json), let partitions = json["partitions"]?.array,
            let samples = json["samples"]?.array, let warnings = json["warnings"]?.array
        else { return nil }
        self.init(
            watermark: json["watermark"].flatMap { CursorValue(json: $0) },
            verifiedThrough: json["verified_through"].flatMap { CursorValue(json: $0) }, total: total,
            partitions: partitions.compactMap { Partition(json: $0) },
            samples: samples.compactMap { sample in
                guard let kind = sample["kind"]?.string.flatMap({ Sample.Kind(rawValue: $0) }) else { return nil }
                return Sample(
                    kind: kind, key: sample["key"] ?? .null,
                    columns: (sample["columns"]?.array ?? []).compactMap(\.string))
            }, healed: json["healed"].flatMap { Drift(json: $0) },
            warnings: warnings.compactMap { warning in
                guard let code = warning["code"]?.string, let message = warning["message"]?.string else { return nil }
                return LoadWarning(code: code, message: message)
            })
        refresh = Refresh(json: json)
    }
}

extension AuditResult.Refresh {
    /// An audit of another kind has none, nor has one of a time before there were comparisons.
    fileprivate init?(json: JSONValue) {
        guard let pending = json["pending"]?.integer, let excluded = json["excluded"]?.integer,
            let kept = json["differences_kept"]?.integer
        else { return nil }
        self.init(pending: Int(pending), excluded: Int(excluded), kept: Int(kept))
    }
}

extension AuditResult.Drift {
    fileprivate var members: [JSONValue.Member] {
        [
            .init("missing", .integer(Int64(missing))), .init("extra", .integer(Int64(extra))),
            .init("different", .integer(Int64(different))),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let missing = json["missing"]?.integer, let extra = json["extra"]?.integer,
            let different = json["different"]?.integer
        else { return nil }
        self.init(missing: Int(missing), extra: Int(extra), different: Int(different))
    }
}

extension AuditResult.Partition {
    fileprivate var counts: [JSONValue.Member] {
        [
            .init("source_rows", .integer(Int64(sourceRows))),
            .init("destination_rows", .integer(Int64(destinationRows))),
        ] + drift.members
    }

    fileprivate var json: JSONValue {
        .object([.init("start", start?.json ?? .null)] + counts + [.init("sums", sums.json)])
    }

    fileprivate init?(json: JSONValue) {
        guard let drift = AuditResult.Drift(json: json), let source = json["source_rows"]?.integer,
            let destination = json["destination_rows"]?.integer, let sums = json["sums"]?.array
        else { return nil }
        self.init(
            start: json["start"].flatMap { CursorValue(json: $0) }, sourceRows: Int(source),
            destinationRows: Int(destination), drift: drift,
            sums: sums.compactMap { item in
                guard let column = item["column"]?.string else { return nil }
                return AuditResult.Sums(
                    column: column, source: item["source"]?.real ?? 0, destination: item["destination"]?.real ?? 0)
            })
    }
}

extension [AuditResult.Sums] {
    fileprivate var json: JSONValue {
        .array(
            map {
                .object([
                    "column": .string($0.column), "source": .number($0.source), "destination": .number($0.destination),
                ])
            })
    }
}

extension JSONValue {
    fileprivate var real: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}
