/// Everything that is wrong with one document.
public struct DocumentFailures: Error, Sendable, Equatable {
    /// The failures in the order of the text; never empty.
    public let failures: [Failure]

    /// Makes the error of `failures`, which is not empty.
    public init(_ failures: [Failure]) {
        self.failures = failures
    }

    /// All failures as one: the first one's code and place, and a message that tells the rest.
    public var summary: Failure {
        guard var first = failures.first else { return Failure(.malformedDocument, "the document is wrong") }
        if failures.count > 1 { first.message += " (and \(failures.count - 1) more faults)" }
        return first
    }
}
