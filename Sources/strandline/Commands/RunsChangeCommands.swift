internal import Model

/// What the commands that cancel and retry a run have in common.
private struct RunChange {
    let run: String
    private let waits: Bool
    private let isJSON: Bool
    private let client: ServerClient

    static func form(_ verb: String, _ summary: String, _ details: String) -> CommandForm {
        CommandForm(
            name: "runs " + verb, summary: summary, details: details, operands: [Operand(name: "RUN")],
            options: [.flag("wait", "Wait until it has ended.")] + ServerClient.options)
    }

    init(_ arguments: Arguments, _ problems: inout [String]) {
        run = arguments.operand(0) ?? ""
        waits = arguments.flag("wait")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    /// Asks for it, and waits for the end of the run that comes of it if asked; answers its state.
    func perform(_ verb: String, _ terminal: Terminal) throws(CommandError) -> RunState? {
        var answer = try client.start(
            "/v1/runs/\(ServerClient.encoded(run))/\(verb)", body: .object([]), terminal)
        if waits {
            answer = try RunWatch(client: client, terminal: terminal, showsProgress: !isJSON).end(of: answer)
        }
        let state = answer["state"]?.string ?? ""
        let told =
            waits || state == RunState.cancelled.rawValue
            ? RunText.whole(answer)
            : Terminal.safe(
                "run \(answer["id"]?.string ?? "") \(verb == "cancel" ? "is told to end" : state); see: strandline runs "
                    + (answer["id"]?.string ?? ""))
        terminal.line(isJSON ? answer.text(pretty: true) : told)
        return waits ? RunState(rawValue: state) : nil
    }
}

/// `strandline runs cancel`.
struct RunsCancelCommand: Command {
    static let form = RunChange.form(
        "cancel", "End a run that is queued or in hand.",
        "What it has committed stays, and its next run goes on from there. With --wait the exit code is 1 where it came to another end first."
    )
    private let change: RunChange

    init(_ arguments: Arguments, problems: inout [String]) { change = RunChange(arguments, &problems) }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let state = try change.perform("cancel", terminal)
        return state == nil || state == .cancelled ? .success : .failure
    }
}

/// `strandline runs retry`.
struct RunsRetryCommand: Command {
    static let form = RunChange.form(
        "retry", "Run again those steps of a failed or cancelled run that did not succeed.",
        "They run as a run of their own. With --wait the exit code is 0 when that succeeded and 1 when it did not.")
    private let change: RunChange

    init(_ arguments: Arguments, problems: inout [String]) { change = RunChange(arguments, &problems) }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let state = try change.perform("retry", terminal)
        return state == nil || state == .success ? .success : .failure
    }
}
