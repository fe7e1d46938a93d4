/// The form of the names of connections, pipelines and steps: `[a-z0-9][a-z0-9_-]{0,62}`.
public enum ResourceName {
    /// Whether a text has the form.
    public static func isValid(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 63, isAlphanumeric(first) else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
    }

    /// The sentence that refuses a text without the form.
    static func refusal(of text: String) -> String {
        "`\(text.count > 80 ? text.prefix(77) + "..." : text)` is no valid name"
    }

    /// What to do about a text without the form, with a valid name near to it where one can be made.
    static func hint(for text: String) -> String {
        let rule = "Names are 1 to 63 of a-z, 0-9, _ and -, and begin with a letter or digit."
        let folded = text.lowercased().prefix(63).map { character in
            character.utf8.count == 1 && (isAlphanumeric(character.utf8.first ?? 0) || character == "-")
                ? character : "_"
        }
        let candidate = String(folded.drop { $0 == "_" || $0 == "-" })
        return isValid(candidate) ? "\(rule) `\(candidate)` would do." : rule
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
