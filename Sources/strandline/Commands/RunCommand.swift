internal import Model
internal import Platform

/// `strandline run`.
struct RunCommand: Command {
    static let form = CommandForm(
        name: "run", summary: "Trigger a pipeline, and wait for its end if asked.",
        details: """
            With --wait the exit code is 0 when the run succeeded and 1 when it did not. A server that breaks off
            is asked again for a while; however often it was asked, one run is started.
            """,
        operands: [Operand(name: "PIPELINE")],
        options: [
            .flag("wait", "Wait until the run has ended."),
            .flag("full-refresh", "Rebuild the destination tables from the whole source."),
            .flag("allow-shrink", "Let this run remove more rows than max_shrink allows."),
            .flag("allow-stale-upstream", "Start though upstream data is older than max_upstream_age."),
            .value("step", "STEP", "Run only this step.", isRepeatable: true),
            .value("from", "STEP", "Run this step and all that depend on it."),
            .value("priority", "PRIORITY", "high, normal or low; as the pipeline says unless given."),
        ] + ServerClient.options)

    private let pipeline: String
    private let waits: Bool
    private let isJSON: Bool
    private let body: JSONValue
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        pipeline = arguments.operand(0) ?? ""
        waits = arguments.flag("wait")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
        let priority = arguments.text("priority")
        if let priority, RunPriority(rawValue: priority) == nil {
            problems.append("--priority must be high, normal or low, not \(priority)")
        }
        body = .object([
            "steps": .array(arguments.texts("step").map(JSONValue.string)),
            "full_refresh": .bool(arguments.flag("full-refresh")),
            "allow_shrink": .bool(arguments.flag("allow-shrink")), "from": JSONValue(arguments.text("from")),
            "allow_stale_upstream": .bool(arguments.flag("allow-stale-upstream")), "priority": JSONValue(priority),
        ])
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        var run = try client.start(
            "/v1/pipelines/\(ServerClient.encoded(pipeline))/runs", body: body,
            headers: [("Strandline-Trigger", "cli")],
            terminal)
        guard waits else {
            let id = run["id"]?.string ?? ""
            terminal.line(
                isJSON ? run.text(pretty: true) : "run \(id) \(run["state"]?.string ?? ""); see: strandline runs \(id)")
            return .success
        }
        run = try RunWatch(client: client, terminal: terminal, showsProgress: !isJSON).end(of: run)
        terminal.line(isJSON ? run.text(pretty: true) : RunText.whole(run))
        return run["state"]?.string == RunState.success.rawValue ? .success : .failure
    }
}
