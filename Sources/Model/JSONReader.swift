public import Platform

/// Reads JSON text (RFC 8259) into a tree whose nodes know their line and column.
///
/// Strict: no comments, no trailing commas, no duplicate keys, no lone surrogates. Integers are exact to 64 bits and
/// never rounded; a number that fits neither 64 bits nor a finite double is refused. May be used on any thread.
public struct JSONReader {
    private let bytes: [UInt8]
    private let nodeLimit: Int
    private var at = 0
    private var nodes = 0
    private var depth = 0
    // The mark of the last place asked for; places are asked for in rising order, so each byte is counted once.
    private var markedAt = 0
    private var line = 1
    private var column = 1

    private init(_ bytes: [UInt8], nodeLimit: Int) {
        self.bytes = bytes
        self.nodeLimit = nodeLimit
    }

    /// Reads one JSON text of at most `nodes` nodes; throws `malformed_document` with the mark of the fault.
    public static func read(_ bytes: [UInt8], nodes: Int = Limits.documentNodes) throws(Failure) -> DocumentNode {
        var reader = JSONReader(bytes, nodeLimit: nodes)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.at = 3 }
        reader.skipSpace()
        let node = try reader.value()
        reader.skipSpace()
        guard reader.at == bytes.count else { throw reader.failure("the text goes on after the end of the JSON value") }
        return node
    }

    private mutating func value() throws(Failure) -> DocumentNode {
        let mark = mark()
        nodes += 1
        guard nodes <= nodeLimit else { throw failure("the document has more than \(nodeLimit) values") }
        guard let byte = peek else { throw failure("the JSON text ends where a value is expected") }
        switch byte {
        case UInt8(ascii: "{"): return DocumentNode(.mapping(try members()), at: mark)
        case UInt8(ascii: "["): return DocumentNode(.sequence(try items()), at: mark)
        case UInt8(ascii: "\""): return DocumentNode(.scalar(.string(try string())), at: mark)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return DocumentNode(.scalar(try number()), at: mark)
        default:
            for (word, value) in [("true", JSONValue.bool(true)), ("false", .bool(false)), ("null", .null)]
            where bytes[at...].starts(with: word.utf8) {
                at += word.utf8.count
                return DocumentNode(.scalar(value), at: mark)
            }
            throw failure("a JSON value is expected here", hint: "Put text in double quotes.")
        }
    }

    private mutating func enter() throws(Failure) {
        depth += 1
        guard depth <= Limits.documentDepth else {
            throw failure("the document is nested more than \(Limits.documentDepth) levels deep")
        }
        at += 1
        skipSpace()
    }

    private mutating func members() throws(Failure) -> [(key: String, keyMark: Mark, value: DocumentNode)] {
        var members: [(key: String, keyMark: Mark, value: DocumentNode)] = []
        var seen: [String: Mark] = [:]
        try enter()
        defer { depth -= 1 }
        if take("}") { return members }
        while true {
            let keyMark = mark()
            guard peek == UInt8(ascii: "\"") else { throw failure("a key in double quotes is expected here") }
            let key = try string()
            if let first = seen.updateValue(keyMark, forKey: key) {
                throw .duplicateKey(key, at: keyMark, first: first)
            }
            skipSpace()
            guard take(":") else { throw failure("a colon is expected after the key `\(key)`") }
            skipSpace()
            members.append((key, keyMark, try value()))
            skipSpace()
            if take("}") { return members }
            guard take(",") else { throw failure("a comma or a closing brace is expected here") }
            skipSpace()
        }
    }

    private mutating func items() throws(Failure) -> [DocumentNode] {
        var items: [DocumentNode] = []
        try enter()
        defer { depth -= 1 }
        if take("]") { return items }
        while true {
            items.append(try value())
            skipSpace()
            if take("]") { return items }
            guard take(",") else { throw failure("a comma or a closing bracket is expected here") }
            skipSpace()
        }
    }

    private mutating func string() throws(Failure) -> String {
        at += 1
        var text: [UInt8] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw failure("the text before this place is not valid UTF-8", hint: "Save the document as UTF-8.")
                }
                at += 1
                return result
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20:
                throw failure("a control character stands inside a text", hint: "Write it as an escape such as \\n.")
            default:
                text.append(byte)
                at += 1
            }
        }
        throw failure("a text is not closed with a double quote")
    }

    private mutating func escape() throws(Failure) -> [UInt8] {
        guard at + 1 < bytes.count else { throw failure("the JSON text ends inside an escape") }
        let letter = bytes[at + 1]
        let simple: [UInt8: UInt8] = [
            UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 8,
            UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
        ]
        if let byte = simple[letter] {
            at += 2
            return [byte]
        }
        guard letter == UInt8(ascii: "u"), let unit = hexUnit(at: at) else {
            throw failure("this escape does not exist in JSON", hint: "A backslash itself is written \\\\.")
        }
        if let scalar = Unicode.Scalar(unit) {
            at += 6
            return Array(String(Character(scalar)).utf8)
        }
        // What is no scalar by itself is a surrogate: a high one and a low one make a character together.
        guard unit < 0xDC00, let low = hexUnit(at: at + 6), (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + UInt32(low) - 0xDC00)
        else { throw failure("this escape is half of a surrogate pair") }
        at += 12
        return Array(String(Character(scalar)).utf8)
    }

    private func hexUnit(at start: Int) -> UInt16? {
        guard start + 6 <= bytes.count, bytes[start] == UInt8(ascii: "\\"), bytes[start + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt16 = 0
        for byte in bytes[start + 2..<start + 6] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = at
        _ = take("-")
        let whole = digits()
        let leadingZero = whole > 1 && bytes[at - whole] == UInt8(ascii: "0")
        var isInteger = true
        var complete = whole > 0 && !leadingZero
        if complete, take(".") {
            isInteger = false
            complete = digits() > 0
        }
        if complete, take("e") || take("E") {
            isInteger = false
            if !take("+") { _ = take("-") }
            complete = digits() > 0
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        guard complete else { throw failure("`\(text)` is no JSON number") }
        if isInteger, let value = Int64(text) { return .integer(value) }
        if !isInteger, let value = Double(text), value.isFinite { return .number(value) }
        throw failure(
            "the number \(text) does not fit in 64 bits", hint: "Put it in double quotes to keep it as a text.")
    }

    private mutating func digits() -> Int {
        let start = at
        while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { at += 1 }
        return at - start
    }

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    private mutating func mark() -> Mark {
        while markedAt < at {
            if bytes[markedAt] == 0x0A {
                line += 1
                column = 1
            } else if bytes[markedAt] & 0xC0 != 0x80 {
                column += 1
            }
            markedAt += 1
        }
        return Mark(line: line, column: column)
    }

    private mutating func failure(_ message: String, hint: String = "") -> Failure {
        Failure(.malformedDocument, message, hint: hint, mark: mark())
    }
}

extension Failure {
    /// Two keys of one mapping are the same.
    public static func duplicateKey(_ key: String, at mark: Mark, first: Mark) -> Failure {
        Failure(
            .malformedDocument, "the key `\(key)` stands here again; it first stands at \(first.text)",
            hint: "Keep one of the two.", mark: mark)
    }
}

extension Mark {
    /// The place in words, as `line 3, column 7`.
    public var text: String { "line \(line), column \(column)" }
}

extension JSONValue {
    /// Reads JSON text of at most `nodes` values; throws `malformed_document` with line and column.
    public init(parsing text: some Sequence<UInt8>, nodes: Int = Limits.documentNodes) throws(Failure) {
        self = try JSONReader.read(Array(text), nodes: nodes).json
    }
}
