/// Blanks comments and string literals, line after line of one Swift file.
///
/// It knows line comments, block comments, plain and raw strings and multi-line strings; what a string interpolates
/// is blanked with it.
struct CodeScan {
    private enum Place {
        case code, blockComment, longString
    }

    private var place = Place.code

    /// The code of the next line.
    mutating func code(of line: Substring) -> String {
        var kept = ""
        var rest = line
        while !rest.isEmpty {
            switch place {
            case .blockComment:
                guard let end = rest.firstRange(of: "*/") else { return kept }
                rest = rest[end.upperBound...]
                place = .code
            case .longString:
                guard let end = rest.firstRange(of: "\"\"\"") else { return kept }
                rest = rest[end.upperBound...]
                place = .code
                kept += "\"\""
            case .code:
                if rest.hasPrefix("//") { return kept }
                if rest.hasPrefix("/*") {
                    place = .blockComment
                    rest = rest.dropFirst(2)
                } else if rest.hasPrefix("\"\"\"") {
                    place = .longString
                    rest = rest.dropFirst(3)
                } else if rest.first == "\"" {
                    rest = afterString(rest.dropFirst())
                    kept += "\"\""
                } else {
                    kept.append(rest.removeFirst())
                }
            }
        }
        return kept
    }

    /// What follows the closing quote of a string of one line.
    private func afterString(_ inside: Substring) -> Substring {
        var rest = inside
        var depth = 0
        while let next = rest.popFirst() {
            if next == "\\" {
                if rest.first == "(" { depth += 1 }
                rest = rest.dropFirst()
            } else if depth > 0 {
                // Quotes within an interpolation open and close strings of their own.
                if next == "(" { depth += 1 }
                if next == ")" { depth -= 1 }
                if next == "\"" { rest = afterString(rest) }
            } else if next == "\"" {
                return rest
            }
        }
        return rest
    }
}
