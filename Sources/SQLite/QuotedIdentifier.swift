/// A table, column or database name in the one spelling that SQL always takes as a name.
public struct QuotedIdentifier: Sendable, Hashable {
    /// The name between double quotes, with each double quote inside doubled.
    public let sql: String

    /// Quotes a name; nil for one that holds a NUL, which no SQL text can.
    public init?(_ name: String) {
        guard !name.utf8.contains(0) else { return nil }
        var quoted = "\""
        for character in name.unicodeScalars {
            if character == "\"" { quoted.unicodeScalars.append("\"") }
            quoted.unicodeScalars.append(character)
        }
        sql = quoted + "\""
    }
}
