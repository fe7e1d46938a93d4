import HTTPServer
import Platform

/// The source of a streamed answer that says what a test tells it to.
final class ScriptedSource: StreamSource {
    private struct State {
        var bytes: [UInt8] = []
        var isEnding = false
        var ends = 0
        var reads = 0
    }

    private let state = Monitor(State())
    private let waker: StreamWaker
    private let repeats: [UInt8]
    private let sign: [UInt8]

    /// Makes a source that gives `repeats` without end, and `sign` where it is silent for too long.
    init(_ waker: StreamWaker, repeats: String = "", sign: String = "~") {
        self.waker = waker
        self.repeats = Array(repeats.utf8)
        self.sign = Array(sign.utf8)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, onBeat: Bool) -> StreamPart {
        state.update { state in
            state.reads += 1
            var from = state.bytes.isEmpty ? repeats : state.bytes
            if from.isEmpty, onBeat { from = sign }
            guard !from.isEmpty else { return state.isEnding ? .end : .nothing }
            let count = min(from.count, buffer.count)
            buffer.copyBytes(from: from[..<count])
            if !state.bytes.isEmpty { state.bytes.removeFirst(count) }
            return .bytes(count)
        }
    }

    func end() { state.update { $0.ends += 1 } }

    /// Says more; `ends` after it.
    func say(_ text: String, ends: Bool = false) {
        state.update { state in
            state.bytes += Array(text.utf8)
            state.isEnding = state.isEnding || ends
        }
        waker.wake()
    }

    /// Waits until it was told that its answer is over.
    var isOver: Bool { state.wait(upTo: .seconds(20)) { $0.ends == 1 ? true : nil } ?? false }

    /// Waits until it has been asked at least so often.
    func wasRead(_ times: Int) -> Bool { state.wait(upTo: .seconds(20)) { $0.reads >= times ? true : nil } ?? false }
}

/// A server with the stream `/stream`, and the sources of those that listen.
final class StreamServer: Sendable {
    let server: LiveServer
    private let opened: Monitor<[ScriptedSource]>

    init(
        repeats: String = "", beat: Duration = .seconds(15), clock: any Clock = SystemClock(),
        _ configure: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        let opened = Monitor([ScriptedSource]())
        self.opened = opened
        let route = Route(.get, "/stream", name: "stream") { _ in
            .stream(
                StreamedResponse(head: Response(status: 200, headers: [("Content-Type", "text/x")]), beat: beat) {
                    waker in
                    let source = ScriptedSource(waker, repeats: repeats)
                    opened.update { $0.append(source) }
                    return source
                })
        }
        server = try LiveServer(clock: clock, routes: [route], configure)
    }

    /// Waits for the next source.
    func source() -> ScriptedSource? {
        opened.wait(upTo: .seconds(20)) { $0.isEmpty ? nil : $0.removeFirst() }
    }

    /// A client that has the head of the stream, with the source that speaks to it.
    func listen(_ request: String = StreamServer.request) throws -> (
        wire: Wire, source: ScriptedSource, head: Wire.Answer
    ) {
        struct NoStream: Error {}
        let wire = Wire(port: server.port)
        wire.send(request)
        guard let source = source(), let head = wire.answer(toHead: true) else { throw NoStream() }
        return (wire, source, head)
    }

    static let request = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
}
