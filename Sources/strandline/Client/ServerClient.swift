internal import HTTPClient
internal import Model
internal import Platform

/// Speaks to a running server for the commands that are its clients.
struct ServerClient {
    /// What the server answered, when it did not refuse.
    struct Answer {
        /// The status, 200 to 299.
        let status: Int
        /// The body; null when there was none.
        let json: JSONValue
    }

    /// The options of every client command.
    static let options: [Option] = [
        .value(
            "server", "URL", "The server to speak to.", usual: "http://127.0.0.1:8080", variable: "STRANDLINE_SERVER"),
        .flag("json", "Write JSON."),
    ]

    /// The URL of the server.
    var address: String { server }

    private let server: String
    private let client: HTTPClient

    /// Takes the server's address from the arguments.
    init(_ arguments: Arguments, problems: inout [String]) {
        server = arguments.text("server") ?? "http://127.0.0.1:8080"
        client = HTTPClient(server: server)
    }

    /// Gets a resource.
    func get(_ path: String) throws(CommandError) -> JSONValue { try send("GET", path).json }

    /// Sends a request with a JSON body; throws what the server refused it with.
    func send(
        _ method: String, _ path: String, body: JSONValue? = nil, headers: [(name: String, value: String)] = []
    ) throws(CommandError) -> Answer {
        let response: HTTPAnswer
        do throws(HTTPClientError) {
            response = try client.send(
                method, path, headers: headers + [("Accept", "application/json")],
                body: body.map { Array($0.text().utf8) }, timeout: Limits.clientTimeout)
        } catch {
            throw ServerClient.failure(error)
        }
        return try answer(response)
    }

    /// Listens to a stream of events until it ends, `take` answers false or `isStopped` does true; throws what the server
    /// refused it with. Answers the status.
    func listen(
        _ path: String, after last: String?, isStopped: @escaping () -> Bool, take: @escaping (ServerSentEvent) -> Bool
    ) throws(CommandError) -> Int {
        var parser = EventStreamParser()
        let fields = [("Accept", "text/event-stream")] + (last.map { [("Last-Event-ID", $0)] } ?? [])
        let response: HTTPAnswer
        do throws(HTTPClientError) {
            response = try client.stream(
                path, headers: fields.map { (name: $0.0, value: $0.1) }, silence: Limits.clientSilence,
                isStopped: isStopped
            ) { bytes in
                parser.take(bytes).allSatisfy(take) && !parser.isTooLarge
            }
        } catch {
            throw ServerClient.failure(error)
        }
        guard !parser.isTooLarge else {
            throw CommandError(message: "\(server) sent an event longer than \(Limits.clientAnswerBytes) bytes")
        }
        guard response.status != 200 else { return 200 }
        return try answer(response).status
    }

    private static func failure(_ error: HTTPClientError) -> CommandError {
        CommandError(
            message: error.description, hint: error.code == .unreachable ? "`strandline serve` starts one." : "",
            code: error.code == .badAddress ? .usage : .failure, outlook: ServerClient.outlook(error))
    }

    /// What a server answered; throws what it refused with.
    private func answer(_ response: HTTPAnswer) throws(CommandError) -> Answer {
        guard
            let json = response.body.isEmpty ? .null : try? JSONValue(parsing: response.body, nodes: Limits.answerNodes)
        else {
            throw CommandError(
                message: "\(server) answered \(response.status) without JSON", hint: "Is it a Strandline server?",
                outlook: ServerClient.outlook(status: response.status))
        }
        guard (200...299).contains(response.status) else {
            var refusal = CommandError(problem: json, status: response.status)
            refusal.status = response.status
            refusal.outlook = ServerClient.outlook(status: response.status)
            throw refusal
        }
        return Answer(status: response.status, json: json)
    }

    /// Starts something on the server; answers it. A server that breaks off is asked again for a while, with one key for
    /// all requests, so that nothing is started twice.
    func start(
        _ path: String, body: JSONValue, headers: [(name: String, value: String)] = [], _ terminal: Terminal
    ) throws(CommandError) -> JSONValue {
        let key = IdentifierMaker(clock: SystemClock()).next()
        return try Patience(terminal: terminal).ask(knowsServer: false) { () throws(CommandError) in
            try send("POST", path, body: body, headers: headers + [("Idempotency-Key", "\"\(key)\"")])
        }.json
    }

    private static func outlook(_ error: HTTPClientError) -> CommandError.Outlook {
        switch error.code {
        case .unreachable: .unreachable
        case .broken, .timedOut: .interrupted
        case .badAddress, .badRequest, .answerTooLarge, .notTrusted: .lasting
        }
    }

    /// A server that stops answers 503, and a gateway before one that is gone 502, 503 or 504.
    private static func outlook(status: Int) -> CommandError.Outlook {
        (502...504).contains(status) ? .interrupted : .lasting
    }

    /// The items of a list, page by page, up to `limit`.
    func list(_ path: String, _ key: String, limit: Int) throws(CommandError) -> [JSONValue] {
        var items: [JSONValue] = []
        var cursor: String?
        repeat {
            let page = min(limit - items.count, Limits.maximumPageItems)
            let separator = path.contains("?") ? "&" : "?"
            let next = cursor.map { "&cursor=" + ServerClient.encoded($0) } ?? ""
            let answer = try get(path + separator + "limit=\(page)" + next)
            items += answer[key]?.array ?? []
            cursor = answer["next_cursor"]?.string
        } while cursor != nil && items.count < limit
        return items
    }

    /// A text as a part of a path or query.
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                result.append(byte)
            default: result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension CommandError {
    /// What a problem document (RFC 9457) says; several faults of a document stand on a line each.
    init(problem: JSONValue, status: Int) {
        let errors = problem["errors"]?.array ?? []
        let hint = Terminal.safe(problem["hint"]?.string ?? "")
        guard errors.count > 1 else {
            let detail = problem["detail"]?.string ?? problem["title"]?.string ?? "the server answered \(status)"
            let field = problem["field"]?.string.map { " [\($0)]" } ?? ""
            self.init(message: Terminal.safe(detail + field), hint: hint)
            return
        }
        let lines = errors.map { error in
            let field = error["field"]?.string.map { " [\($0)]" } ?? ""
            let hint = error["hint"]?.string.map { ". \($0)" } ?? ""
            return "\n  " + Terminal.safe((error["detail"]?.string ?? "") + field + hint)
        }
        self.init(message: "the server refused it:" + lines.joined())
    }
}
