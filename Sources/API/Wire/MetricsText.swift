internal import Platform

/// Metrics as they are scraped, in one of two formats that differ in their first and last lines only.
struct MetricsText {
    /// How metrics are written.
    enum Format: Sendable {
        /// Prometheus' text format, version 0.0.4.
        case prometheus
        /// OpenMetrics, version 1.0.0.
        case openMetrics

        /// What the answer says it is.
        var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// The format.
    let format: Format
    /// What was written so far.
    private(set) var bytes: [UInt8] = []

    /// Begins a text of about `capacity` bytes.
    init(_ format: Format, capacity: Int = 0) {
        self.format = format
        bytes.reserveCapacity(capacity)
    }

    /// Writes samples of a metric, one line each; nothing where there are none.
    mutating func add(_ metric: Metric, _ samples: MetricSamples) {
        guard !samples.bytes.isEmpty else { return }
        begin(metric)
        bytes += samples.bytes
    }

    /// Writes the lines that stand before the samples of a metric.
    mutating func begin(_ metric: Metric) {
        var name = metric.name
        // There the name of a metric is without what its kind adds to those of its samples.
        if format == .openMetrics, let suffix = metric.kind.suffix { name.removeLast(suffix.utf8.count) }
        bytes += Array("# HELP \(name) \(metric.help)\n".utf8)
        let kind = format == .openMetrics ? metric.kind.rawValue : metric.kind.plain.rawValue
        bytes += Array("# TYPE \(name) \(kind)\n".utf8)
        if format == .openMetrics, let unit = metric.unit { bytes += Array("# UNIT \(name) \(unit)\n".utf8) }
    }

    /// Writes samples that `begin` has announced.
    mutating func append(_ samples: [UInt8]) {
        bytes += samples
    }

    /// Ends the text.
    mutating func end() {
        if format == .openMetrics { bytes += Array("# EOF\n".utf8) }
    }
}

/// The lines of a metric's samples, which are the same in each format.
struct MetricSamples {
    /// What was written so far.
    private(set) var bytes: [UInt8] = []

    /// Adds a sample of the name, with labels and a value.
    mutating func add(_ name: String, _ labels: [(name: String, value: String)], _ value: String) {
        bytes += Array(name.utf8)
        for (place, label) in labels.enumerated() {
            bytes.append(place == 0 ? UInt8(ascii: "{") : UInt8(ascii: ","))
            bytes += Array(label.name.utf8)
            bytes += [UInt8(ascii: "="), UInt8(ascii: "\"")]
            MetricSamples.escape(label.value, into: &bytes)
            bytes.append(UInt8(ascii: "\""))
        }
        if !labels.isEmpty { bytes.append(UInt8(ascii: "}")) }
        bytes.append(UInt8(ascii: " "))
        bytes += Array(value.utf8)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Adds the samples of a histogram.
    mutating func add(_ name: String, _ labels: [(name: String, value: String)], _ histogram: Histogram) {
        var count = 0
        for bucket in histogram.buckets {
            count += bucket.count
            add(name + "_bucket", labels + [("le", String(bucket.seconds))], String(count))
        }
        add(name + "_bucket", labels + [("le", "+Inf")], String(histogram.count))
        add(name + "_sum", labels, MetricSamples.seconds(histogram.sum))
        add(name + "_count", labels, String(histogram.count))
    }

    /// An instant in seconds since 1970, exactly.
    static func seconds(_ time: Timestamp) -> String { seconds(microseconds: time.microseconds) }

    /// A duration in seconds, to the microsecond.
    static func seconds(_ time: Duration) -> String { seconds(microseconds: time.microseconds) }

    private static func seconds(microseconds: Int64) -> String {
        let (quotient, rest) = microseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
        let sign = microseconds < 0 ? "-" : ""
        guard rest != 0 else { return sign + String(quotient) }
        let digits = String(rest)
        return sign + String(quotient) + "." + String(repeating: "0", count: 6 - digits.utf8.count) + digits
    }

    private static func escape(_ value: String, into bytes: inout [UInt8]) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            default: bytes.append(byte)
            }
        }
    }
}
