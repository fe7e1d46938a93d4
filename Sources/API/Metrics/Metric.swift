/// A metric: its name, and what it tells.
struct Metric: Sendable {
    /// What its values may do.
    enum Kind: String, Sendable {
        case counter, gauge, histogram
        /// A gauge that is always 1, and tells by its labels.
        case info

        /// The kind in the older format, which has no `info`.
        var plain: Kind { self == .info ? .gauge : self }
        /// What it adds to the name of a metric's samples.
        var suffix: String? {
            switch self {
            case .counter: "_total"
            case .info: "_info"
            case .gauge, .histogram: nil
            }
        }
    }

    /// The name of its samples; of a histogram what their names begin with.
    let name: String
    /// What its values may do.
    let kind: Kind
    /// Its unit, where the name ends in one.
    let unit: String?
    /// The names of its labels.
    let labels: [String]
    /// What it tells, in a sentence.
    let help: String

    /// Makes a metric; its unit is read from its name.
    init(_ name: String, _ kind: Kind, labels: [String] = [], _ help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
        let family = kind.suffix.map { name.hasSuffix($0) ? String(name.dropLast($0.utf8.count)) : name } ?? name
        unit = ["seconds", "bytes"].first { family.hasSuffix("_" + $0) }
    }
}

/// Writes the samples of a metric that `Source` tells of.
struct MetricWriter<Source>: Sendable {
    /// The metric.
    let metric: Metric
    /// Writes the samples; none where there is nothing to tell.
    let write: @Sendable (Source, inout MetricSamples) -> Void

    /// Makes a writer.
    init(_ metric: Metric, _ write: @escaping @Sendable (Source, inout MetricSamples) -> Void) {
        self.metric = metric
        self.write = write
    }
}
