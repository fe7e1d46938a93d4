/// What may lie at the top of the repository.
enum TopLevel {
    /// The product, and what tools and newcomers need beside it.
    static let allowed: Set<String> = [
        "Package.swift", "Sources", "Tests", "public", "openapi.yaml", "Dockerfile", ".dockerignore",
        "README.md", "LICENSE", "Makefile", ".ci", ".swift-format", ".gitignore", "examples", "docs",
    ]

    /// The entries among `names` that have no place there; what `ignore` (a .gitignore) names is nobody's concern.
    static func violations(_ names: [String], ignore: String) -> [Violation] {
        let patterns = ignore.split(separator: "\n").map { $0.drop { $0 == "/" } }
            .map { $0.hasSuffix("/") ? $0.dropLast() : $0 }
        return names.filter { $0 != ".git" && !allowed.contains($0) }
            .filter { name in !patterns.contains { matches(name, $0) } }
            .sorted()
            .map { Violation(path: $0, sentence: "is no entry for the top of the repository") }
    }

    private static func matches(_ name: String, _ pattern: Substring) -> Bool {
        pattern.hasPrefix("*") ? name.hasSuffix(pattern.dropFirst()) : name == pattern
    }
}
