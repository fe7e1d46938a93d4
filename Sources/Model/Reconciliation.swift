/// How the rows that were staged for a partition compare with the source's, which were read a second time for it.
public struct Reconciliation: Sendable, Equatable {
    /// The figures of one column on both sides.
    public struct Figures: Sendable, Equatable {
        /// The column, as the destination calls it.
        public var column: String
        /// The source's figure: a number, or a text where it is beyond one.
        public var source: JSONValue
        /// The figure of what was staged.
        public var shadow: JSONValue

        /// Makes figures.
        public init(column: String, source: JSONValue, shadow: JSONValue) {
            self.column = column
            self.source = source
            self.shadow = shadow
        }
    }

    /// A key that only one side has.
    public struct Sample: Sendable, Equatable {
        /// Which side lacks it.
        public enum Kind: String, Sendable, CaseIterable {
            /// The source has it, and it was not staged.
            case missing
            /// It was staged, and the source does not have it.
            case extra
        }

        /// Which side lacks it.
        public var kind: Kind
        /// The key by column.
        public var key: JSONValue

        /// Makes a sample.
        public init(kind: Kind, key: JSONValue) {
            self.kind = kind
            self.key = key
        }
    }

    /// Rows of the source in the range.
    public var sourceRows = 0
    /// Rows that were staged for the range.
    public var shadowRows = 0
    /// Keys of the source that were not staged.
    public var missing = 0
    /// Keys that were staged and that the source does not have.
    public var extra = 0
    /// The sums of the columns of numbers, rounded as the step says.
    public var sums: [Figures] = []
    /// The columns of which one side has more NULLs than the other, with their numbers.
    public var nulls: [Figures] = []
    /// Some of the keys that only one side has.
    public var samples: [Sample] = []

    /// Makes a comparison of nothing with nothing.
    public init() {}

    /// Whether both sides come to the same.
    public var isReconciled: Bool {
        sourceRows == shadowRows && missing == 0 && extra == 0 && nulls.isEmpty
            && sums.allSatisfy { $0.source == $0.shadow }
    }

    /// What differs, in a sentence; nil where nothing does.
    public var difference: String? {
        var parts: [String] = []
        if sourceRows != shadowRows { parts.append("\(sourceRows) rows in the source, \(shadowRows) staged") }
        if missing > 0 { parts.append("\(missing) keys missing") }
        if extra > 0 { parts.append("\(extra) keys too many") }
        for sum in sums where sum.source != sum.shadow {
            parts.append("\(sum.column) sums up to \(sum.source.text()) in the source, \(sum.shadow.text()) staged")
        }
        for count in nulls {
            parts.append(
                "\(count.column) is NULL \(count.source.text()) times in the source, \(count.shadow.text()) staged")
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}

// MARK: As JSON

extension Reconciliation {
    /// The comparison as it is stored and shown.
    public var json: JSONValue {
        .object([
            "reconciled": .bool(isReconciled), "source_rows": .integer(Int64(sourceRows)),
            "shadow_rows": .integer(Int64(shadowRows)), "missing": .integer(Int64(missing)),
            "extra": .integer(Int64(extra)), "sums": .array(sums.map(\.json)), "nulls": .array(nulls.map(\.json)),
            "samples": .array(samples.map { .object(["kind": .string($0.kind.rawValue), "key": $0.key]) }),
        ])
    }

    /// Takes back what `json` gave; nil for anything else.
    public init?(json: JSONValue) {
        guard let source = json["source_rows"]?.integer, let shadow = json["shadow_rows"]?.integer,
            let missing = json["missing"]?.integer, let extra = json["extra"]?.integer,
            let sums = json["sums"]?.array, let nulls = json["nulls"]?.array, let samples = json["samples"]?.array
        else { return nil }
        sourceRows = Int(source)
        shadowRows = Int(shadow)
        self.missing = Int(missing)
        self.extra = Int(extra)
        self.sums = sums.compactMap { Figures(json: $0) }
        self.nulls = nulls.compactMap { Figures(json: $0) }
        self.samples = samples.compactMap { sample in
            guard let kind = sample["kind"]?.string.flatMap({ Sample.Kind(rawValue: $0) }) else { return nil }
            return Sample(kind: kind, key: sample["key"] ?? .null)
        }
    }
}

extension Reconciliation.Figures {
    fileprivate var json: JSONValue {
        .object(["column": .string(column), "source": source, "shadow": shadow])
    }

    fileprivate init?(json: JSONValue) {
        guard let column = json["column"]?.string, let source = json["source"], let shadow = json["shadow"] else {
            return nil
        }
        self.init(column: column, source: source, shadow: shadow)
    }
}
