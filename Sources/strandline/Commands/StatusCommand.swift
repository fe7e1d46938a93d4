internal import Model
internal import Platform

/// `strandline status`.
struct StatusCommand: Command {
    static let form = CommandForm(
        name: "status",
        summary: "Show how fresh each pipeline is, with its last run, its next tick and its watermarks.",
        details: """
            The bar is the age against the limits: full at the last one, | where the warning begins. With --watch it is shown
            anew as things happen, until Ctrl-C. The exit code is 1 when the last run of a pipeline failed.
            """,
        operands: [Operand(name: "PIPELINE", isOptional: true)],
        options: [.flag("watch", "Show it anew as things happen.", letter: "w")] + ServerClient.options)

    // More than a person reads at once.
    private static let mostPipelines = 1_000

    private let pipeline: String?
    private let isJSON: Bool
    private let watches: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        pipeline = arguments.operand(0)
        isJSON = arguments.flag("json")
        watches = arguments.flag("watch")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        // A server that was never there is no server that starts anew.
        var pipelines = try self.pipelines()
        guard watches else {
            show(pipelines, terminal)
            let failed = pipelines.contains { $0["last_run"]?["state"]?.string == RunState.failed.rawValue }
            return failed ? .failure : .success
        }
        let last = Shown()
        // Ages grow on a screen; a file gets only what is new.
        let beat: Duration = terminal.isInteractive && !isJSON ? .seconds(1) : .seconds(5)
        try StatusWatch(client: client, terminal: terminal).follow(beat: beat) { () throws(CommandError) in
            pipelines = try self.pipelines()
            guard terminal.isInteractive, !isJSON else {
                let content = pipelines.map { StatusCommand.timeless($0).text() }
                guard content != last.content else { return }
                last.content = content
                return show(pipelines, terminal)
            }
            terminal.page(StatusText(pipelines: pipelines, isColoured: terminal.hasColours).text)
        }
        return .success
    }

    /// What was shown last, but for what passes with time alone.
    private final class Shown {
        var content: [String]?
    }

    private static func timeless(_ pipeline: JSONValue) -> JSONValue {
        guard case .object(let members) = pipeline["freshness_status"] else { return json(pipeline) }
        let kept = members.filter { !$0.key.hasSuffix("lag_seconds") }
        return json(pipeline, freshness: .object(kept))
    }

    private func show(_ pipelines: [JSONValue], _ terminal: Terminal) {
        guard isJSON else {
            return terminal.line(StatusText(pipelines: pipelines, isColoured: terminal.hasColours).text)
        }
        let all = JSONValue.object(["pipelines": .array(pipelines.map { StatusCommand.json($0) })])
        // One line each where there is more to come.
        terminal.line(all.text(pretty: !watches))
    }

    private func pipelines() throws(CommandError) -> [JSONValue] {
        if let pipeline { return [try client.get("/v1/pipelines/" + ServerClient.encoded(pipeline))] }
        return try client.list("/v1/pipelines", "pipelines", limit: StatusCommand.mostPipelines)
    }

    private static func json(_ pipeline: JSONValue, freshness: JSONValue? = nil) -> JSONValue {
        .object([
            "name": pipeline["name"] ?? .null, "freshness": freshness ?? pipeline["freshness_status"] ?? .null,
            "last_run": pipeline["last_run"] ?? .null, "schedule_status": pipeline["schedule_status"] ?? .null,
            "watermarks": pipeline["watermarks"] ?? .array([]),
        ])
    }
}
