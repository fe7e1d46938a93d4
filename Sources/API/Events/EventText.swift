internal import Model
internal import Platform
internal import Store

/// Events as a stream of server-sent events writes them (HTML Living Standard, section 9.2).
enum EventText {
    /// How a stream begins: when to come back after it broke, and from where.
    static func opening(at position: Int64) -> [UInt8] {
        Array("retry: 1000\nid: \(position)\n\n".utf8)
    }

    /// A sign of life; `position` is told where it has moved on over events that a filter kept back, so that nobody who
    /// comes back searches them again. A block without data is no event.
    static func heartbeat(at position: Int64?) -> [UInt8] {
        Array((position.map { "id: \($0)\n: ok\n\n" } ?? ": ok\n\n").utf8)
    }

    /// One event.
    static func block(_ event: Event) -> [UInt8] {
        // The payload was written as JSON on one line when it was stored.
        let data =
            #"{"id":\#(event.id),"at":"\#(event.at.rfc3339)","kind":"\#(event.kind)","pipeline":\#(json(event.pipeline))"#
            + #","run":\#(json(event.run)),"step":\#(json(event.step)),"payload":\#(event.payload)}"#
        return Array("id: \(event.id)\nevent: \(event.kind)\ndata: \(data)\n\n".utf8)
    }

    /// How far a run has come, which no log keeps: it has no number.
    static func progress(_ progress: JSONValue) -> [UInt8] {
        Array("event: progress\ndata: \(progress.text())\n\n".utf8)
    }

    private static func json(_ text: String?) -> String { JSONValue(text).text() }
}
