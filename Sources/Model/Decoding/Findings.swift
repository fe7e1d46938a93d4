/// What decoding one document has found so far; used by one decoding on one thread.
final class Findings {
    /// What is wrong.
    private(set) var failures: [Failure] = []
    /// What is allowed but probably not meant.
    private(set) var warnings: [LoadWarning] = []
    private var misspelt: Set<String> = []

    /// Notes something wrong.
    func fail(
        _ code: Failure.Code, _ message: String, hint: String = "", field: String, mark: Mark
    ) {
        failures.append(Failure(code, message, hint: hint, field: field.isEmpty ? nil : field, mark: mark))
    }

    /// Notes that the key of a path stands misspelt in the text, so that it is not told as missing too.
    func noteMisspelt(_ path: String) { misspelt.insert(path) }

    /// Whether the key of a path stands misspelt in the text.
    func isMisspelt(_ path: String) -> Bool { misspelt.contains(path) }

    /// Notes something that a person should know.
    func warn(_ code: String, _ message: String) {
        warnings.append(LoadWarning(code: code, message: message))
    }

    /// Takes over what another decoding of the same text has found.
    func take(_ other: Findings) {
        failures += other.failures
        warnings += other.warnings
    }

    /// Throws all failures in the order of the text; returns when there are none.
    func check() throws(DocumentFailures) {
        guard !failures.isEmpty else { return }
        let ordered = failures.enumerated().sorted { left, right in
            let (a, b) = (left.element.mark, right.element.mark)
            return (a?.line ?? 0, a?.column ?? 0, left.offset) < (b?.line ?? 0, b?.column ?? 0, right.offset)
        }
        throw DocumentFailures(ordered.map(\.element))
    }
}
