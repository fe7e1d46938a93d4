public import Model

/// Writes documents as YAML, the way people write them: blocks, with short lists and mappings on one line.
public enum DocumentWriter {
    /// The document as a text that reads back as the same value.
    public static func text(_ document: JSONValue) -> String {
        var lines: [String] = []
        write(document, prefix: "", indent: 0, to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    private static let width = 100

    private static func write(_ value: JSONValue, prefix: String, indent: Int, to lines: inout [String]) {
        let space = String(repeating: " ", count: indent)
        switch value {
        case .object(let members) where !members.isEmpty:
            var start = prefix
            for member in members {
                let key = scalar(.string(member.key)) + ":"
                if let short = short(member.value), indent + key.count + short.count < width {
                    lines.append("\(start.isEmpty ? space : start)\(key) \(short)")
                } else {
                    lines.append("\(start.isEmpty ? space : start)\(key)")
                    write(member.value, prefix: "", indent: indent + 2, to: &lines)
                }
                start = ""
            }
        case .array(let items) where !items.isEmpty && prefix.isEmpty:
            for item in items { write(item, prefix: space + "- ", indent: indent + 2, to: &lines) }
        default: lines.append((prefix.isEmpty ? space : prefix) + flow(value))
        }
    }

    /// The value on one line, where it is a scalar or holds nothing but scalars; nil elsewhere.
    private static func short(_ value: JSONValue) -> String? {
        switch value {
        case .array(let items) where !items.allSatisfy(isScalar): nil
        case .object(let members) where !members.allSatisfy({ isScalar($0.value) }): nil
        default: flow(value)
        }
    }

    private static func isScalar(_ value: JSONValue) -> Bool {
        switch value {
        case .array, .object: false
        default: true
        }
    }

    private static func flow(_ value: JSONValue) -> String {
        switch value {
        case .array(let items): "[" + items.map(flow).joined(separator: ", ") + "]"
        case .object(let members) where members.isEmpty: "{}"
        case .object(let members):
            "{ " + members.map { scalar(.string($0.key)) + ": " + flow($0.value) }.joined(separator: ", ") + " }"
        default: scalar(value)
        }
    }

    /// A text that nothing could take for something else stands as it is; any other as JSON, which YAML reads too.
    private static func scalar(_ value: JSONValue) -> String {
        guard case .string(let text) = value, isPlain(text) else { return value.text() }
        return text
    }

    /// Words that some reader of YAML takes for a truth value, a number or nothing.
    private static let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"]

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "_") else { return false }
        return !words.contains(text.lowercased())
            && text.utf8.allSatisfy { byte in
                isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || [45, 46, 95].contains(byte)
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
