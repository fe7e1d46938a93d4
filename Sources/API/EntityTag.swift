internal import Platform

/// The strong entity tag of a resource: its version, and a check sum of what else the answer shows.
///
/// `"7"` is the tag of a resource that is nothing but its version 7. Where an answer also shows what changes by itself,
/// such as a pipeline's last run, its tag is `"7-…"`; a precondition looks at the version alone, so that a run that ends
/// does not refuse an edit.
struct EntityTag: Sendable, Equatable {
    /// The tag with its quotes.
    let text: String

    /// The tag of a version.
    init(version: Int) {
        text = "\"\(version)\""
    }

    /// The tag of a version shown together with `content`.
    init(version: Int, content: String) {
        text = "\"\(version)-\(CheckSum(content.utf8).text)\""
    }

    /// The tag of a file.
    init(file: String) {
        text = "\"\(file)\""
    }

    /// Whether `If-None-Match` has the tag, so that the client holds what would be answered (RFC 9110, 13.1.2).
    func isHeld(_ fields: [String]) -> Bool {
        EntityTag.list(fields).contains { $0 == "*" || EntityTag.withoutWeakness($0) == text }
    }

    /// The tags of header fields, each with its quotes; `*` stands for itself.
    static func list(_ fields: [String]) -> [String] {
        var tags: [String] = []
        for field in fields {
            var tag = ""
            var isQuoted = false
            for character in field {
                if character == "\"" { isQuoted.toggle() }
                if character == ",", !isQuoted {
                    tags.append(tag)
                    tag = ""
                } else if isQuoted || (character != " " && character != "\t") {
                    tag.append(character)
                }
            }
            tags.append(tag)
        }
        return tags.filter { !$0.isEmpty }
    }

    /// The version that a strong tag was made of; nil for a weak or a foreign one.
    static func version(_ tag: String) -> Int? {
        guard tag.count > 2, tag.hasPrefix("\""), tag.hasSuffix("\"") else { return nil }
        return Int(tag.dropFirst().dropLast().prefix { $0 != "-" })
    }

    private static func withoutWeakness(_ tag: String) -> String {
        tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : tag
    }
}
