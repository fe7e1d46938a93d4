internal import Model

/// `strandline backfills`.
struct BackfillsCommand: Command {
    static let form = CommandForm(
        name: "backfills", summary: "List backfills, newest first, or show one with the partitions that failed.",
        operands: [Operand(name: "BACKFILL", isOptional: true)],
        options: [
            .value("pipeline", "PIPELINE", "Only backfills of this pipeline."),
            .value("state", "STATE", "Only backfills in this state: \(words)."),
            .value("limit", "N", "At most so many.", usual: "20"),
        ] + ServerClient.options)

    private static let words = BackfillState.allCases.map(\.rawValue).joined(separator: ", ")

    private let backfill: String?
    private let query: String
    private let limit: Int
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        backfill = arguments.operand(0)
        limit = arguments.whole("limit", in: 1...100_000, usual: 20, &problems)
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
        if arguments.value("state") != nil {
            _ = arguments.word("state", of: BackfillState.allCases.map(\.rawValue), usual: "", &problems)
        }
        query = ["pipeline", "state"].compactMap { key in
            arguments.text(key).map { "\(key)=\(ServerClient.encoded($0))" }
        }.joined(separator: "&")
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        if let backfill {
            let path = "/v1/backfills/" + ServerClient.encoded(backfill)
            let json = try client.get(path)
            guard !isJSON else {
                terminal.line(json.text(pretty: true))
                return .success
            }
            let failed = try client.list(path + "/partitions?state=failed", "partitions", limit: limit)
            terminal.line(BackfillText.whole(json, failed: failed))
            return .success
        }
        let backfills = try client.list("/v1/backfills" + (query.isEmpty ? "" : "?" + query), "backfills", limit: limit)
        if isJSON {
            terminal.line(JSONValue.object(["backfills": .array(backfills)]).text(pretty: true))
        } else {
            terminal.line(backfills.isEmpty ? "no backfills" : BackfillText.table(backfills))
        }
        return .success
    }
}

/// What the commands that change a backfill's state have in common.
private struct BackfillChange {
    private let verb: String
    private let backfill: String
    private let waits: Bool
    private let isJSON: Bool
    private let client: ServerClient

    static func form(_ verb: String, _ summary: String, mayWait: Bool = false) -> CommandForm {
        CommandForm(
            name: "backfills " + verb, summary: summary, operands: [Operand(name: "BACKFILL")],
            options: (mayWait ? [.flag("wait", "Wait until it has ended.")] : []) + ServerClient.options)
    }

    init(_ verb: String, _ arguments: Arguments, _ problems: inout [String]) {
        self.verb = verb
        backfill = arguments.operand(0) ?? ""
        waits = arguments.flag("wait")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        var answer = try client.send("POST", "/v1/backfills/\(ServerClient.encoded(backfill))/\(verb)").json
        if waits {
            answer = try BackfillWatch(client: client, terminal: terminal, showsProgress: !isJSON).end(of: answer)
        }
        let line = "backfill \(answer["id"]?.string ?? "") \(answer["state"]?.string ?? "")"
        terminal.line(isJSON ? answer.text(pretty: true) : waits ? BackfillText.whole(answer) : Terminal.safe(line))
        return !waits || BackfillText.isDone(answer) ? .success : .failure
    }
}

/// `strandline backfills pause`.
struct BackfillsPauseCommand: Command {
    static let form = BackfillChange.form("pause", "Let no further partition of a backfill start.")
    private let change: BackfillChange

    init(_ arguments: Arguments, problems: inout [String]) { change = BackfillChange("pause", arguments, &problems) }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode { try change.run(terminal) }
}

/// `strandline backfills resume`.
struct BackfillsResumeCommand: Command {
    static let form = BackfillChange.form("resume", "Let a paused backfill go on.", mayWait: true)
    private let change: BackfillChange

    init(_ arguments: Arguments, problems: inout [String]) { change = BackfillChange("resume", arguments, &problems) }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode { try change.run(terminal) }
}

/// `strandline backfills cancel`.
struct BackfillsCancelCommand: Command {
    static let form = BackfillChange.form("cancel", "End a backfill at once; what it has loaded stays.")
    private let change: BackfillChange

    init(_ arguments: Arguments, problems: inout [String]) { change = BackfillChange("cancel", arguments, &problems) }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode { try change.run(terminal) }
}

/// `strandline backfills retry`.
struct BackfillsRetryCommand: Command {
    static let form = BackfillChange.form("retry", "Load the failed partitions of a backfill again.", mayWait: true)
    private let change: BackfillChange

    init(_ arguments: Arguments, problems: inout [String]) { change = BackfillChange("retry", arguments, &problems) }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode { try change.run(terminal) }
}

/// `strandline backfills publish`.
struct BackfillsPublishCommand: Command {
    static let form = CommandForm(
        name: "backfills publish", summary: "Bring what a backfill has staged into its table, in one transaction.",
        details: """
            Rows that runs have loaded since they were staged stay as they are, being newer. `strandline backfills
            BACKFILL` shows how what was staged compares with the source, and `strandline rollback` puts the old rows
            back, or throws away what is not published.
            """,
        operands: [Operand(name: "BACKFILL")],
        options: [.flag("dry-run", "Show what it would do, and change nothing.")] + ServerClient.options)

    private let backfill: String
    private let isTrial: Bool
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        backfill = arguments.operand(0) ?? ""
        isTrial = arguments.flag("dry-run")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let path = "/v1/backfills/\(ServerClient.encoded(backfill))/publish\(isTrial ? "?dry_run=true" : "")"
        let answer = try client.send("POST", path).json
        terminal.line(isJSON ? answer.text(pretty: true) : BackfillText.published(answer))
        return .success
    }
}
