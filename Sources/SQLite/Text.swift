/// The bytes of a TEXT value exactly as SQLite holds them, NUL bytes and invalid UTF-8 included.
public struct Text: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The bytes, UTF-8 where their writer kept to the rules.
    public let bytes: [UInt8]

    /// Makes the text of these bytes, valid UTF-8 or not.
    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Makes the text of a string's UTF-8 bytes.
    public init(_ string: String) {
        bytes = Array(string.utf8)
    }

    /// Makes the text of a literal.
    public init(stringLiteral value: String) {
        self.init(value)
    }

    /// The same text as a string; nil where the bytes are not valid UTF-8.
    public var string: String? { String(validating: bytes, as: UTF8.self) }

    /// For people to read: invalid bytes become U+FFFD.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
