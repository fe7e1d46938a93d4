/// A file of the repository, as the rules of the house see it.
struct HouseFile: Sendable {
    /// Its path from the top of the repository, such as `Sources/Model/Run.swift`.
    let path: String
    /// Its text; empty when it is no UTF-8.
    let text: String

    /// Its lines, the first has number 1.
    var lines: [(number: Int, text: Substring)] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { ($0.offset + 1, $0.element) }
    }

    /// Its lines with comments and the insides of string literals blanked, so that only code is judged.
    var code: [(number: Int, text: String)] {
        var scan = CodeScan()
        return lines.map { ($0.number, scan.code(of: $0.text)) }
    }

    /// The target it belongs to: `Model` for `Sources/Model/Run.swift`; nil outside Sources.
    var target: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    /// Whether it is Swift source of the product.
    var isSource: Bool { path.hasPrefix("Sources/") && path.hasSuffix(".swift") }
}

/// Something in the repository that a rule of the house forbids.
struct Violation: Equatable, CustomStringConvertible {
    let path: String
    var line: Int?
    let sentence: String

    var description: String { path + (line.map { ":\($0)" } ?? "") + ": " + sentence }
}
