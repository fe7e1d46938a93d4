/// One SQLite value, held so that writing it back gives the same bytes and the same type.
///
/// SQLite stores a NaN as NULL, so a value that was read is never a NaN.
public enum Value: Sendable, Hashable {
    /// NULL.
    case null
    /// A 64-bit signed integer.
    case integer(Int64)
    /// A double-precision number; infinities are kept.
    case real(Double)
    /// Text, byte for byte.
    case text(Text)
    /// Bytes; an empty blob is not NULL.
    case blob([UInt8])

    /// The text of a string.
    public static func text(_ string: String) -> Value { .text(Text(string)) }

    /// Text, or NULL for nil.
    public init(_ string: String?) {
        self = string.map { .text(Text($0)) } ?? .null
    }

    /// An integer, or NULL for nil.
    public init(_ integer: Int?) {
        self = integer.map { .integer(Int64($0)) } ?? .null
    }

    /// An integer, or NULL for nil.
    public init(_ integer: Int64?) {
        self = integer.map { .integer($0) } ?? .null
    }

    /// A real number, or NULL for nil.
    public init(_ real: Double?) {
        self = real.map { .real($0) } ?? .null
    }

    /// 1 for true, 0 for false, as SQLite spells them.
    public init(_ flag: Bool) {
        self = .integer(flag ? 1 : 0)
    }

    /// The text as a string; nil for another type or for bytes that are not UTF-8.
    public var string: String? {
        if case .text(let text) = self { text.string } else { nil }
    }

    /// The integer; nil for another type.
    public var integer: Int64? {
        if case .integer(let integer) = self { integer } else { nil }
    }

    /// Whether this is NULL.
    public var isNull: Bool { self == .null }

    /// The name of the type, as SQLite's `typeof` gives it.
    public var typeName: String {
        switch self {
        case .null: "null"
        case .integer: "integer"
        case .real: "real"
        case .text: "text"
        case .blob: "blob"
        }
    }
}

extension Value: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral
{
    /// NULL.
    public init(nilLiteral: ()) {
        self = .null
    }

    /// An integer.
    public init(integerLiteral value: Int64) {
        self = .integer(value)
    }

    /// A real number.
    public init(floatLiteral value: Double) {
        self = .real(value)
    }

    /// Text.
    public init(stringLiteral value: String) {
        self = .text(Text(value))
    }
}
