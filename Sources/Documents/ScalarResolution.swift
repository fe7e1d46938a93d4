internal import Model

/// The types of plain scalars by YAML 1.2's core schema.
enum ScalarResolution {
    private static let corePrefix = "tag:yaml.org,2002:"

    /// The value of a scalar: quoted and block texts are strings, plain ones what they look like, an explicit core
    /// tag decides; throws `malformed_document` for other tags and for numbers that a document cannot hold exactly.
    static func value(of scalar: YAMLScalar, at mark: Mark) throws(Failure) -> JSONValue {
        guard let tag = scalar.tag, tag != "!" || scalar.isPlain else {
            return scalar.isPlain ? try plain(scalar.text, at: mark) : .string(scalar.text)
        }
        let value = tag == "!" || tag == corePrefix + "str" ? .string(scalar.text) : try plain(scalar.text, at: mark)
        switch (tag, value) {
        case ("!", _), (corePrefix + "str", _), (corePrefix + "null", .null), (corePrefix + "bool", .bool),
            (corePrefix + "int", .integer), (corePrefix + "float", .number):
            return value
        case (corePrefix + "float", .integer(let whole)):
            return .number(Double(whole))
        case (corePrefix + "null", _), (corePrefix + "bool", _), (corePrefix + "int", _), (corePrefix + "float", _):
            let kind = tag.dropFirst(corePrefix.count)
            throw Failure(
                .malformedDocument, "`\(scalar.text)` is no \(kind) as its tag `!!\(kind)` says",
                hint: "Remove the tag.", mark: mark)
        default:
            throw unknownTag(tag, at: mark)
        }
    }

    /// Checks the tag of a list or mapping: none, or the core one called `kind`.
    static func check(_ tag: String?, is kind: String, at mark: Mark) throws(Failure) {
        guard let tag, tag != "!", tag != corePrefix + kind else { return }
        throw unknownTag(tag, at: mark)
    }

    private static func unknownTag(_ tag: String, at mark: Mark) -> Failure {
        Failure(
            .malformedDocument, "the tag `\(tag)` is not known here",
            hint: "Remove it; documents hold only texts, numbers, true, false, null, lists and mappings.", mark: mark)
    }

    private static func plain(_ text: String, at mark: Mark) throws(Failure) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        let bytes = Array(text.utf8)
        switch shape(of: bytes) {
        case .text: return .string(text)
        case .integer(let digits, let radix):
            guard let value = Int64(digits, radix: radix) else {
                throw unholdable("the number \(text) does not fit in 64 bits", at: mark)
            }
            return .integer(value)
        case .decimal:
            guard let value = Double(text), value.isFinite else {
                throw unholdable("the number \(text) does not fit in 64 bits", at: mark)
            }
            return .number(value)
        case .noNumber: throw unholdable("\(text) is no number that a document can hold", at: mark)
        }
    }

    private static func unholdable(_ message: String, at mark: Mark) -> Failure {
        Failure(.malformedDocument, message, hint: "Put it in quotes to keep it as a text.", mark: mark)
    }

    private enum Shape {
        case text, decimal, noNumber
        case integer(String, radix: Int)
    }

    /// The core schema's patterns: `[-+]?[0-9]+`, `0o[0-7]+`, `0x[0-9a-fA-F]+`,
    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, `[-+]?\.inf` and `.nan`.
    private static func shape(of bytes: [UInt8]) -> Shape {
        var rest = bytes[...]
        func digits() -> Int {
            let count = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }.count
            rest = rest.dropFirst(count)
            return count
        }
        func take(_ set: String) -> Bool {
            guard let first = rest.first, set.utf8.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        let text = String(decoding: bytes, as: UTF8.self)
        for (prefix, radix) in [("0o", 8), ("0x", 16)] where text.hasPrefix(prefix) {
            let digits = text.dropFirst(2)
            let valid = !digits.isEmpty && digits.allSatisfy { $0.isASCII && ($0.hexDigitValue ?? 99) < radix }
            return valid ? .integer(String(digits), radix: radix) : .text
        }
        _ = take("-+")
        let word = String(decoding: rest, as: UTF8.self)
        if [".inf", ".Inf", ".INF"].contains(word) || [".nan", ".NaN", ".NAN"].contains(text) { return .noNumber }
        let whole = digits()
        if whole > 0, rest.isEmpty { return .integer(text, radix: 10) }
        if take(".") {
            guard digits() + whole > 0 else { return .text }
        } else if whole == 0 {
            return .text
        }
        if take("eE") {
            _ = take("-+")
            guard digits() > 0 else { return .text }
        }
        return rest.isEmpty ? .decimal : .text
    }
}
