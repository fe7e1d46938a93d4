public import Model
internal import Platform

/// Reads a YAML 1.2 or JSON document into a tree whose nodes know their line and column.
///
/// May be used on any thread; what it costs is bounded by `Limits.documentNodes` and `Limits.documentDepth`.
public enum DocumentReader {
    /// Reads one document; an empty one is null. Throws `malformed_document` with the mark of the fault.
    public static func read(_ bytes: [UInt8]) throws(Failure) -> DocumentNode {
        try checkEncoding(bytes)
        guard looksLikeJSON(bytes) else { return try readYAML(bytes) }
        // JSON has escapes and white space that libyaml does not take, YAML's flow style has more than JSON. When
        // neither reader takes the text, the one that got further knows more of what was meant.
        let jsonFailure: Failure
        do throws(Failure) {
            return try JSONReader.read(bytes)
        } catch {
            jsonFailure = error
        }
        do throws(Failure) {
            return try readYAML(bytes)
        } catch {
            guard let json = jsonFailure.mark, let yaml = error.mark else { throw error }
            throw (yaml.line, yaml.column) > (json.line, json.column) ? error : jsonFailure
        }
    }

    private static func readYAML(_ bytes: [UInt8]) throws(Failure) -> DocumentNode {
        var tree = TreeBuilder(try YAMLEvents(bytes))
        return try tree.document()
    }

    private static func looksLikeJSON(_ bytes: [UInt8]) -> Bool {
        let first = bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[") || first == UInt8(ascii: "\"")
    }

    private static func checkEncoding(_ bytes: [UInt8]) throws(Failure) {
        guard String(validating: bytes, as: UTF8.self) == nil else { return }
        let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
        throw Failure(
            .malformedDocument, isUTF16 ? "the document is UTF-16" : "the document is not valid UTF-8",
            hint: "Save it as UTF-8.", mark: Mark(offset: firstInvalid(bytes), in: bytes))
    }

    /// The offset of the first byte that is no part of valid UTF-8.
    private static func firstInvalid(_ bytes: [UInt8]) -> Int {
        var decoder = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var valid = 0
        while case .valid(let encoded) = decoder.parseScalar(from: &iterator) { valid += encoded.count }
        return valid
    }
}
