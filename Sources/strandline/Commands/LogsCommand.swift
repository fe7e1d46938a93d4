internal import HTTPClient
internal import Model
internal import Platform

/// `strandline logs`.
struct LogsCommand: Command {
    static let form = CommandForm(
        name: "logs", summary: "Show what has happened, and follow what happens.",
        details: """
            Of a RUN, all of its events; else the newest of all pipelines, or of one. With -f what happens is shown as it
            happens, until the run ends or Ctrl-C; a server that starts anew is waited for, and no event is left out or
            shown twice.
            """,
        operands: [Operand(name: "RUN", isOptional: true)],
        options: [
            .flag("follow", "Go on with what happens.", letter: "f"),
            .value("pipeline", "PIPELINE", "Only events of this pipeline."),
            .value("kind", "KIND", "Only events of this kind, such as run_finished.", isRepeatable: true),
            .value("limit", "N", "At most so many of the past, where no RUN is named.", usual: "20"),
        ] + ServerClient.options)

    private let run: String?
    private let follows: Bool
    private let query: String
    private let limit: Int
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        run = arguments.operand(0)
        follows = arguments.flag("follow")
        isJSON = arguments.flag("json")
        limit = arguments.whole("limit", in: 1...100_000, usual: 20, &problems)
        client = ServerClient(arguments, problems: &problems)
        for option in ["pipeline", "kind", "limit"] where run != nil && arguments.value(option) != nil {
            problems.append("--\(option) has no meaning with a RUN, all of whose events are shown; leave one out")
        }
        let kinds = arguments.texts("kind").map { ("kind", $0) }
        query = ((arguments.text("pipeline").map { [("pipeline", $0)] } ?? []) + kinds)
            .map { "&\($0.0)=\(ServerClient.encoded($0.1))" }.joined()
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        if let run {
            try show(run, terminal)
        } else {
            try showAll(terminal)
        }
        return .success
    }

    /// The events of a run; its stream tells them all, and ends with it.
    private func show(_ run: String, _ terminal: Terminal) throws(CommandError) {
        let path = "/v1/runs/\(ServerClient.encoded(run))/events"
        guard follows else {
            for event in try client.list(path + "?after=0", "events", limit: .max) { write(event, terminal) }
            return
        }
        try follow(path, after: nil, terminal)
    }

    private func showAll(_ terminal: Terminal) throws(CommandError) {
        let path = "/v1/events?" + query.dropFirst()
        // Where the log ends before it is read, so that nothing is left out between the past and what follows.
        let end = follows ? try client.get("/v1/events?limit=1")["last_event_id"]?.integer ?? 0 : 0
        let past = try client.list(path, "events", limit: limit)
        for event in past.reversed() { write(event, terminal) }
        guard follows else { return }
        try follow(path, after: max(end, past.first?["id"]?.integer ?? 0), terminal)
    }

    private func follow(_ path: String, after: Int64?, _ terminal: Terminal) throws(CommandError) {
        let follow = EventFollow(client: client, terminal: terminal, interruption: Interruption.take())
        let last = run == nil ? nil : "run_finished"
        try follow.listen(path, after: after, until: last, knowsServer: run == nil) { event in
            if event.kind != "progress" {
                if isJSON {
                    terminal.line(event.data)
                } else if let json = try? JSONValue(parsing: event.data.utf8) {
                    write(json, terminal)
                }
            }
            return true
        }
        if follow.interruption.reason != nil { terminal.error("stopped; what happens goes on") }
    }

    private func write(_ event: JSONValue, _ terminal: Terminal) {
        terminal.line(isJSON ? event.text() : EventLine.text(event, showsRun: run == nil))
    }
}
