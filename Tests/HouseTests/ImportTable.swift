/// Which module may import which: the arrows run strictly downward.
enum ImportTable {
    /// For each target, what it may import of the package.
    static let allowed: [String: Set<String>] = [
        // Wiring and commands; SQLite only makes the demo's source.
        "strandline": [
            "API", "CDemo", "Engine", "Store", "Loading", "HTTPServer", "HTTPClient", "Documents", "Model", "Platform",
            "SQLite", "Signing",
        ],
        "API": ["COpenAPI", "Engine", "Store", "HTTPServer", "Documents", "Model", "Platform"],
        "Engine": ["Store", "Loading", "Model", "Platform"],
        "Store": ["SQLite", "Model", "Platform"],
        "Loading": ["SQLite", "Model", "Platform"],
        "Documents": ["CYAML", "Model", "Platform"],
        "SQLite": ["CSQLite", "Platform"],
        "HTTPServer": ["CMicroHTTP", "Platform"],
        "HTTPClient": ["CCurl", "Platform"],
        "Signing": ["CGnuTLS", "Platform"],
        "Model": ["Platform"],
        "Platform": ["CGLib"],
        // The text of openapi.yaml.
        "COpenAPI": [],
        // The documents of examples/demo.
        "CDemo": [],
    ]

    /// The targets of a package manifest and what they depend on; tests and system libraries are left out.
    static func dependencies(inManifest text: String) -> [String: Set<String>] {
        var found: [String: Set<String>] = [:]
        for opening in [".target(", ".executableTarget("] {
            for range in text.ranges(of: opening) {
                // The declaration ends where its parentheses close.
                var depth = 1
                let body = text[range.upperBound...].prefix { character in
                    if character == "(" { depth += 1 }
                    if character == ")" { depth -= 1 }
                    return depth > 0
                }
                guard let name = firstString(in: body, after: "name:") else { continue }
                found[name] = strings(inListAfter: "dependencies:", in: body)
            }
        }
        return found
    }

    /// What the manifest lets a target import though the table does not, and the targets that the table lacks.
    static func violations(ofManifest text: String, table: [String: Set<String>]) -> [Violation] {
        dependencies(inManifest: text).sorted { $0.key < $1.key }.flatMap { target, below -> [Violation] in
            guard let allowed = table[target] else {
                return [Violation(path: "Package.swift", sentence: "the target \(target) is not in the import table")]
            }
            return below.subtracting(allowed).sorted().map {
                Violation(path: "Package.swift", sentence: "\(target) may not depend on \($0)")
            }
        }
    }

    /// The targets on a way of arrows that leads back to where it began; empty when the arrows run strictly downward.
    static func cycle(in table: [String: Set<String>]) -> [String] {
        var left = table
        while let leaf = left.first(where: { $0.value.isDisjoint(with: left.keys) }) {
            left[leaf.key] = nil
        }
        return left.keys.sorted()
    }

    private static func firstString(in text: Substring, after word: String) -> String? {
        guard let place = text.firstRange(of: word) else { return nil }
        let parts = text[place.upperBound...].split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count > 1 ? String(parts[1]) : nil
    }

    private static func strings(inListAfter word: String, in text: Substring) -> Set<String> {
        guard let place = text.firstRange(of: word) else { return [] }
        let list = text[place.upperBound...].prefix { $0 != "]" }
        let parts = list.split(separator: "\"", omittingEmptySubsequences: false)
        return Set(parts.indices.filter { $0 % 2 == 1 }.map { String(parts[$0]) })
    }
}
