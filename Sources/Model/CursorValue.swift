/// A value of a cursor or key column, byte for byte as the source gave it.
///
/// There is no case for "none": no value stands for it but nil.
public enum CursorValue: Sendable, Hashable {
    case integer(Int64)
    case real(Double)
    /// The bytes of a text; they need not be valid UTF-8.
    case text([UInt8])
    case blob([UInt8])

    /// A text from a string.
    public static func text(_ string: String) -> CursorValue { .text(Array(string.utf8)) }

    /// The value for answers and pages: numbers as numbers, text as a string when it is valid UTF-8.
    ///
    /// What JSON cannot hold becomes an object `{"text_hex": …}` or `{"blob_hex": …}`, so that nothing is lost;
    /// `init(json:)` takes every such value back.
    public var json: JSONValue {
        switch self {
        case .integer(let value): .integer(value)
        case .real(let value) where value.isFinite: .number(value)
        case .real(let value): .object(["real": .string("\(value)")])
        case .text(let bytes):
            if let text = String(validating: bytes, as: UTF8.self) {
                .string(text)
            } else {
                .object(["text_hex": .string(hex(bytes))])
            }
        case .blob(let bytes): .object(["blob_hex": .string(hex(bytes))])
        }
    }

    /// Takes back what `json` gave; nil for anything else.
    public init?(json: JSONValue) {
        switch json {
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .real(value)
        case .string(let text): self = .text(text)
        case .object(let members) where members.count == 1:
            guard let text = members[0].value.string else { return nil }
            switch members[0].key {
            case "text_hex":
                guard let bytes = CursorValue.bytes(hex: text) else { return nil }
                self = .text(bytes)
            case "blob_hex":
                guard let bytes = CursorValue.bytes(hex: text) else { return nil }
                self = .blob(bytes)
            case "real":
                guard let value = Double(text) else { return nil }
                self = .real(value)
            default: return nil
            }
        default: return nil
        }
    }

    /// The value for messages and tables: a text as it is, anything else as JSON.
    public var display: String {
        let json = json
        return json.string ?? json.text()
    }

    private func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func bytes(hex: String) -> [UInt8]? {
        let digits = Array(hex.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Character(UnicodeScalar(digits[index])).hexDigitValue,
                let low = Character(UnicodeScalar(digits[index + 1])).hexDigitValue
            else { return nil }
            bytes.append(UInt8(high * 16 + low))
        }
        return bytes
    }
}
