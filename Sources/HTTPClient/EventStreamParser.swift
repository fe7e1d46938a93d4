internal import Platform

/// One event of a stream of server-sent events.
public struct ServerSentEvent: Sendable, Equatable {
    /// Its kind; `message` where the stream does not say.
    public let kind: String
    /// Its data, lines joined by line ends.
    public let data: String
    /// The last identifier that the stream had told by then; nil when it had told none.
    public let lastID: String?
}

/// Reads a stream of server-sent events as its bytes come (HTML Living Standard, section 9.2.6).
public struct EventStreamParser: Sendable {
    /// The last identifier that was told, with an event or without one; nil for none.
    public private(set) var lastID: String?
    /// Whether an event is longer than a client holds.
    public private(set) var isTooLarge = false

    private var line: [UInt8] = []
    private var hasReturn = false
    private var isFirst = true
    private var kind = ""
    private var data: [String] = []
    private var size = 0

    /// Makes a parser at the beginning of a stream.
    public init() {}

    /// Takes the next bytes; answers the events that they end.
    public mutating func take(_ bytes: some Sequence<UInt8>) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            // A line ends at CR, LF or both.
            let isPair = hasReturn && byte == 0x0A
            hasReturn = byte == 0x0D
            if isPair { continue }
            guard byte == 0x0A || byte == 0x0D else {
                size += 1
                if size > Limits.clientAnswerBytes { isTooLarge = true } else { line.append(byte) }
                continue
            }
            if let event = endLine() { events.append(event) }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if isFirst, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        isFirst = false
        guard !line.isEmpty else { return endEvent() }
        let colon = line.firstIndex(of: 0x3A)
        let name = String(decoding: line[..<(colon ?? line.endIndex)], as: UTF8.self)
        var value = colon.map { line[($0 + 1)...] } ?? []
        if value.first == 0x20 { value.removeFirst() }
        let text = String(decoding: value, as: UTF8.self)
        switch name {
        case "event": kind = text
        case "data": data.append(text)
        case "id" where !value.contains(0): lastID = text.isEmpty ? nil : text
        default: break
        }
        return nil
    }

    private mutating func endEvent() -> ServerSentEvent? {
        defer { (kind, data, size) = ("", [], 0) }
        guard !data.isEmpty else { return nil }
        return ServerSentEvent(
            kind: kind.isEmpty ? "message" : kind, data: data.joined(separator: "\n"), lastID: lastID)
    }
}
