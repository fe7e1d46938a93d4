/// What became of a check in a load.
public struct CheckResult: Sendable, Equatable {
    /// The check's name.
    public var name: String
    /// Its kind.
    public var type: CheckType
    /// Its severity.
    public var severity: CheckSeverity
    /// Whether it passed.
    public var isPassed: Bool
    /// Rows that failed it; for a check that is not about rows 1 when it failed.
    public var count: Int
    /// Keys of rows that failed it, five at most, each an object of columns and values.
    public var samples: [JSONValue]
    /// What was found, with figures.
    public var message: String

    /// Makes a result of a check; it passed unless said.
    public init(_ check: Check, isPassed: Bool = true, count: Int = 0, samples: [JSONValue] = [], message: String) {
        name = check.name
        type = check.type
        severity = check.severity
        self.isPassed = isPassed
        self.count = count
        self.samples = samples
        self.message = message
    }

    /// Adds what became of the same check in a later part of the load.
    public mutating func merge(_ later: CheckResult) {
        if !later.isPassed || isPassed { message = later.message }
        isPassed = isPassed && later.isPassed
        count += later.count
        samples = Array((samples + later.samples).prefix(CheckResult.sampleCount))
    }

    /// The most samples of a result.
    public static let sampleCount = 5

    /// The result for answers and for storage.
    public var json: JSONValue {
        .object([
            "name": .string(name), "type": .string(type.rawValue), "severity": .string(severity.rawValue),
            "state": .string(isPassed ? "passed" : "failed"), "count": .integer(Int64(count)),
            "samples": .array(samples), "message": .string(message),
        ])
    }

    /// Takes back what `json` gave; nil for anything else.
    public init?(json: JSONValue) {
        guard let name = json["name"]?.string, let type = json["type"]?.string.flatMap({ CheckType(rawValue: $0) }),
            let severity = json["severity"]?.string.flatMap({ CheckSeverity(rawValue: $0) }),
            let state = json["state"]?.string, let count = json["count"]?.integer,
            let samples = json["samples"]?.array, let message = json["message"]?.string
        else { return nil }
        self.name = name
        self.type = type
        self.severity = severity
        isPassed = state == "passed"
        self.count = Int(count)
        self.samples = samples
        self.message = message
    }
}

extension [CheckResult] {
    /// Adds what became of the same checks in a later part of the load, each in the place of its first result.
    public mutating func merge(_ later: [CheckResult]) {
        for result in later {
            if let place = firstIndex(where: { $0.name == result.name }) {
                self[place].merge(result)
            } else {
                append(result)
            }
        }
    }
}
