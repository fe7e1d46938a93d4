internal import CYAML
internal import Model

/// What libyaml finds in a text, one after the other.
enum YAMLEvent {
    case documentStart
    case documentEnd
    case streamStart
    case streamEnd
    case alias(String)
    case scalar(YAMLScalar, anchor: String?)
    case sequenceStart(anchor: String?, tag: String?)
    case sequenceEnd
    case mappingStart(anchor: String?, tag: String?)
    case mappingEnd
}

/// A scalar as it is written, before its type is known.
struct YAMLScalar {
    /// The text without quotes and with its escapes resolved.
    let text: String
    /// The explicit tag; nil when there is none.
    let tag: String?
    /// Whether it stands without quotes and is no block text.
    let isPlain: Bool
}

/// The stream of libyaml's events over one text; with `YAMLLibrary` the only place that calls libyaml.
///
/// Not Sendable: used by one reading on one thread.
final class YAMLEvents {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>

    /// Makes the stream over a copy of `bytes`, which are UTF-8.
    init(_ bytes: [UInt8]) throws(Failure) {
        parser = .allocate(capacity: 1)
        input = .allocate(capacity: max(1, bytes.count))
        _ = input.initialize(from: bytes)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            input.deallocate()
            throw Failure(.internalError, "there is no memory to read the document")
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// The next event and where it starts; throws `malformed_document` where the text is no YAML.
    func next() throws(Failure) -> (event: YAMLEvent, mark: Mark) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxFailure() }
        defer { yaml_event_delete(&event) }
        return (YAMLEvents.event(event), Mark(event.start_mark))
    }

    private static func event(_ event: yaml_event_t) -> YAMLEvent {
        switch event.type {
        case YAML_STREAM_START_EVENT: .streamStart
        case YAML_DOCUMENT_START_EVENT: .documentStart
        case YAML_DOCUMENT_END_EVENT: .documentEnd
        case YAML_ALIAS_EVENT: .alias(text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT: .scalar(scalar(event), anchor: text(event.data.scalar.anchor))
        case YAML_SEQUENCE_START_EVENT:
            .sequenceStart(anchor: text(event.data.sequence_start.anchor), tag: text(event.data.sequence_start.tag))
        case YAML_SEQUENCE_END_EVENT: .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            .mappingStart(anchor: text(event.data.mapping_start.anchor), tag: text(event.data.mapping_start.tag))
        case YAML_MAPPING_END_EVENT: .mappingEnd
        default: .streamEnd
        }
    }

    private static func scalar(_ event: yaml_event_t) -> YAMLScalar {
        let scalar = event.data.scalar
        let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        return YAMLScalar(
            text: String(decoding: bytes, as: UTF8.self), tag: text(scalar.tag),
            isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(decodingCString: $0, as: UTF8.self) }
    }

    private func syntaxFailure() -> Failure {
        let state = parser.pointee
        if state.error == YAML_MEMORY_ERROR {
            return Failure(.internalError, "there is no memory to read the document")
        }
        let problem = state.problem.map { String(cString: $0) } ?? "unknown fault"
        if state.error == YAML_READER_ERROR {
            // The bytes are checked to be UTF-8 before, so what is left is characters that YAML does not allow.
            let mark = Mark(offset: Int(state.problem_offset), in: input)
            return Failure(
                .malformedDocument, "the document holds a control character, which YAML does not allow",
                hint: "Remove it, or write it as an escape such as \"\\x1b\" in double quotes.", mark: mark)
        }
        let mark = Mark(state.problem_mark)
        let opened = state.context == nil ? nil : Mark(state.context_mark)
        return YAMLSyntax.failure(problem, at: mark, opened: opened, next: character(at: state.problem_mark))
    }

    /// The character at a mark of libyaml's, whose index counts characters.
    private func character(at mark: yaml_mark_t) -> Unicode.Scalar? {
        var left = Int(mark.index)
        for scalar in String(decoding: input, as: UTF8.self).unicodeScalars {
            if left == 0 { return scalar }
            left -= 1
        }
        return nil
    }
}

extension Mark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    /// The mark of a byte of a text; of the last byte when it is past the end.
    init(offset: Int, in bytes: some Collection<UInt8>) {
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        self.init(line: line, column: column)
    }
}
