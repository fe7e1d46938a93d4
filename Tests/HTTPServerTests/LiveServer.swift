import HTTPServer
import Platform

/// A server on a free port of this machine with a few routes, its log kept in memory.
final class LiveServer: Sendable {
    let listener: Listener
    let held = Held()
    let meter = RequestMeter()
    private let lines: Monitor<[String]>

    var port: Int { listener.port }

    init(
        clock: any Clock = SystemClock(), routes: [Route] = [],
        _ configure: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.sweepInterval = .milliseconds(10)
        configure(&configuration)
        let lines = Monitor([String]())
        self.lines = lines
        listener = try Listener(
            configuration, router: Router(routes: LiveServer.routes(held) + routes, meter: meter),
            log: Log { line in lines.update { $0.append(line) } }, clock: clock)
        try listener.start()
    }

    deinit { listener.stop(within: .seconds(5)) }

    /// Waits for a line of the log that holds all of `texts`.
    func logged(_ texts: String...) -> String? {
        lines.wait(upTo: .seconds(20)) { lines in
            lines.first { line in texts.allSatisfy { line.contains($0) } }
        }
    }

    /// All lines of the log that hold `text`.
    func lines(with text: String) -> [String] { lines.read { $0.filter { $0.contains(text) } } }

    /// Waits until `count` lines of the log hold `text`.
    func waitForLines(_ count: Int, with text: String) -> Bool {
        lines.wait(upTo: .seconds(60)) { $0.count { $0.contains(text) } >= count ? true : nil } ?? false
    }

    private static func routes(_ held: Held) -> [Route] {
        let show: Route.Handler = { .now(.text($0.path)) }
        return [
            Route(.get, "/", name: "root", handler: show),
            Route(.get, "/hello", name: "hello") { _ in .now(.text("hello")) },
            Route(.get, "/healthz", name: "health", answersUnderLoad: true) { _ in .now(.text("ok")) },
            Route(.post, "/echo", name: "echo", bodyLimit: 1_000) { request in
                .now(Response(status: 200, headers: [("Content-Type", "text/plain")], body: request.body))
            },
            Route(.post, "/large", name: "large") { .now(.text("\($0.body.count)")) },
            Route(.get, "/items/{item}", name: "item") { .now(.text($0.parameters["item"] ?? "none")) },
            Route(.put, "/items/{item}", name: "put item") { _ in .now(.empty(204)) },
            Route(.get, "/files/{path...}", name: "file") { .now(.text($0.parameters["path"] ?? "none")) },
            Route(.get, "/query", name: "query") { request in
                .now(.text(request.query.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: "|")))
            },
            Route(.post, "/wait", name: "wait") { request in
                .later { held.add($0, request.query["name"] ?? "") }
            },
            Route(.get, "/deadline", name: "deadline") { request in
                .later { responder in
                    responder.onDeadline(.milliseconds(Int(request.query["ms"] ?? "0") ?? 0)) { .text("not yet") }
                    held.add(responder, "deadline")
                }
            },
            Route(.get, "/forget", name: "forget") { _ in .later { _ in } },
            Route(.get, "/at-once", name: "at once") { _ in .later { $0.respond(.text("at once")) } },
            Route(.get, "/bad-header", name: "bad header") { _ in
                .now(Response(status: 200, headers: [("X-A", "a\r\nX-B: b"), ("X-C", "c")]))
            },
            Route(.get, "/bad-status", name: "bad status") { _ in .now(.empty(99)) },
        ]
    }
}

/// The responders of requests that wait, for a test to answer.
final class Held: Sendable {
    private let responders = Monitor([(name: String, responder: Responder)]())

    func add(_ responder: Responder, _ name: String) {
        responders.update { $0.append((name, responder)) }
    }

    /// Waits for the next one and takes it out.
    func next() -> Responder? {
        responders.wait(upTo: .seconds(20)) { $0.isEmpty ? nil : $0.removeFirst().responder }
    }

    /// Waits until `count` are there and takes them out.
    func take(_ count: Int) -> [Responder]? {
        responders.wait(upTo: .seconds(20)) { responders in
            guard responders.count >= count else { return nil }
            defer { responders.removeFirst(count) }
            return responders.prefix(count).map(\.responder)
        }
    }

    /// Waits until `count` are there and leaves them.
    func waits(for count: Int) -> Bool {
        responders.wait(upTo: .seconds(20)) { $0.count >= count ? true : nil } ?? false
    }

    /// Waits for the next one; nil when `goesOn` is no longer true.
    func nextUntil(_ goesOn: Monitor<Bool>) -> Responder? {
        while goesOn.read({ $0 }) {
            let found = responders.wait(upTo: .milliseconds(20)) { $0.isEmpty ? nil : $0.removeFirst().responder }
            if let found { return found }
        }
        return nil
    }

    func removeAll() { responders.update { $0 = [] } }
}
