internal import Model

/// `strandline pause`.
struct PauseCommand: Command {
    static let form = CommandForm(
        name: "pause", summary: "Pause the schedule of a pipeline.",
        details: """
            Runs that are queued or in hand go on, and so do backfills; runs can still be triggered.
            """,
        operands: [Operand(name: "PIPELINE")], options: ServerClient.options)

    private let pipeline: String
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        pipeline = arguments.operand(0) ?? ""
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let answer = try client.send("POST", "/v1/pipelines/\(ServerClient.encoded(pipeline))/pause").json
        terminal.line(
            isJSON ? answer.text(pretty: true) : "\(pipeline) is paused; `strandline resume \(pipeline)` lets it go on")
        return .success
    }
}

/// `strandline resume`.
struct ResumeCommand: Command {
    static let form = CommandForm(
        name: "resume", summary: "Resume the schedule of a pipeline, and say what runs for the ticks it has missed.",
        operands: [Operand(name: "PIPELINE")],
        options: [
            .value(
                "on-resume", "POLICY", "For missed ticks: coalesce starts one run for all of them, skip none.",
                usual: "coalesce")
        ] + ServerClient.options)

    private let pipeline: String
    private let policy: String
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        pipeline = arguments.operand(0) ?? ""
        policy = arguments.word("on-resume", of: ["coalesce", "skip"], usual: "coalesce", &problems)
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let answer = try client.send(
            "POST", "/v1/pipelines/\(ServerClient.encoded(pipeline))/resume",
            body: .object(["on_resume": .string(policy)])
        ).json
        guard !isJSON else {
            terminal.line(answer.text(pretty: true))
            return .success
        }
        let missed = answer["resumed_ticks"]?.integer ?? 0
        let ticks = "\(missed) missed tick\(missed == 1 ? "" : "s")"
        let now =
            missed == 0
            ? "no tick was missed"
            : answer["starts_now"] == .bool(true) ? "one run starts now for \(ticks)" : "nothing runs for \(ticks)"
        let next = answer["next_ticks"]?.array?.first?["local"]?.string
        terminal.line("\(pipeline) goes on: \(now)\(next.map { "; the next tick is at \($0)" } ?? "")")
        return .success
    }
}
