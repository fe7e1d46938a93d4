internal import Platform

/// Metrics as Prometheus reads them: its text format, version 0.0.4.
struct MetricsText {
    /// A value with its labels.
    typealias Sample = (labels: [(name: String, value: String)], value: String)

    /// What the answer says it is.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What was written so far.
    private(set) var text = ""

    /// Writes a metric that goes up and down; nothing where it has no samples.
    mutating func gauge(_ name: String, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) gauge\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.name)=\"\(MetricsText.escaped($0.value))\"" }
            text += name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}") + " \(sample.value)\n"
        }
    }

    /// An instant in seconds since 1970, exactly.
    static func seconds(_ time: Timestamp) -> String {
        let (quotient, rest) = time.microseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
        let sign = time.microseconds < 0 ? "-" : ""
        guard rest != 0 else { return sign + String(quotient) }
        let digits = String(rest)
        return sign + String(quotient) + "." + String(repeating: "0", count: 6 - digits.utf8.count) + digits
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
