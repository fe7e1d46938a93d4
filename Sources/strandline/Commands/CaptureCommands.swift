internal import Model

/// `strandline capture install`.
struct CaptureInstallCommand: Command {
    static let form = CommandForm(
        name: "capture install", summary: "Make tables record their own changes, for the strategy cdc.",
        details: """
            Triggers write each change into a table beside the captured one. A capture that works is left as it is; after
            a change of the table's columns it begins anew, and loads say that they must read the table again.
            """,
        operands: CaptureText.operands, options: ServerClient.options)

    private let captures: CaptureText

    init(_ arguments: Arguments, problems: inout [String]) {
        captures = CaptureText(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        var installed: [JSONValue] = []
        for table in captures.tables { installed.append(try captures.client.send("PUT", captures.path(table)).json) }
        captures.show(installed, terminal)
        return .success
    }
}

/// `strandline capture remove`.
struct CaptureRemoveCommand: Command {
    static let form = CommandForm(
        name: "capture remove", summary: "Let tables no longer record their changes, and drop what they recorded.",
        operands: CaptureText.operands, options: ServerClient.options)

    private let captures: CaptureText

    init(_ arguments: Arguments, problems: inout [String]) {
        captures = CaptureText(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        for table in captures.tables {
            _ = try captures.client.send("DELETE", captures.path(table))
            if !captures.isJSON { terminal.line(Terminal.safe("\(table) records its changes no longer")) }
        }
        return .success
    }
}

/// `strandline capture forget`.
struct CaptureForgetCommand: Command {
    static let form = CommandForm(
        name: "capture forget", summary: "Forget a consumer that reads a table's changes no longer.",
        details: """
            What the log held for it alone is trimmed. Name the consumer as `capture status` does. A step that still reads
            the changes becomes a consumer again at its next run, or must then run once with full_refresh.
            """,
        operands: [Operand(name: "CONNECTION"), Operand(name: "TABLE"), Operand(name: "CONSUMER")],
        options: ServerClient.options)

    private let connection: String
    private let table: String
    private let consumer: String
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        connection = arguments.operand(0) ?? ""
        table = arguments.operand(1) ?? ""
        consumer = arguments.operand(2) ?? ""
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let path = "/v1/connections/\(ServerClient.encoded(connection))/captures/\(ServerClient.encoded(table))"
        _ = try client.send("DELETE", path + "/consumers/\(ServerClient.encoded(consumer))")
        if !isJSON { terminal.line(Terminal.safe("\(consumer) is forgotten")) }
        return .success
    }
}

/// `strandline capture status`.
struct CaptureStatusCommand: Command {
    static let form = CommandForm(
        name: "capture status", summary: "Show which tables record their changes, and who has applied them.",
        details: """
            PENDING counts the changes that a consumer has not applied, HELD those of them that all others have, so that the
            log keeps them for it alone. A consumer that is `gone` is no step of this server any more: forget it.
            """,
        operands: [Operand(name: "CONNECTION"), Operand(name: "TABLE", isOptional: true, isRepeatable: true)],
        options: ServerClient.options)

    private let captures: CaptureText

    init(_ arguments: Arguments, problems: inout [String]) {
        captures = CaptureText(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let all = try captures.client.get(captures.path(nil))["captures"]?.array ?? []
        let chosen = all.filter { capture in
            captures.tables.isEmpty || captures.tables.contains { $0 == capture["table"]?.string }
        }
        captures.show(chosen, terminal)
        return chosen.contains { $0["fault"]?.string != nil } ? .failure : .success
    }
}

/// What the commands on captures take and write.
struct CaptureText {
    static let operands = [Operand(name: "CONNECTION"), Operand(name: "TABLE", isRepeatable: true)]

    let connection: String
    let tables: [String]
    let isJSON: Bool
    let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        connection = arguments.operand(0) ?? ""
        tables = Array(arguments.operands.dropFirst())
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func path(_ table: String?) -> String {
        let captures = "/v1/connections/\(ServerClient.encoded(connection))/captures"
        return table.map { "\(captures)/\(ServerClient.encoded($0))" } ?? captures
    }

    func show(_ captures: [JSONValue], _ terminal: Terminal) {
        guard !isJSON else { return terminal.line(JSONValue.object(["captures": .array(captures)]).text(pretty: true)) }
        guard !captures.isEmpty else { return terminal.line("no captures") }
        var table = Table(
            "TABLE", "EVENTS>", "LAST>", "CONSUMER", "STEP", "APPLIED>", "PENDING>", "HELD>", "SINCE", "FAULT")
        for capture in captures {
            let consumers = capture["consumers"]?.array ?? []
            for (place, consumer) in (consumers.isEmpty ? [JSONValue.null] : consumers).enumerated() {
                table.add(
                    place == 0 ? capture["table"]?.string ?? "" : "",
                    place == 0 ? HumanText.count(capture["events"]?.integer) : "",
                    place == 0 ? HumanText.count(capture["last_sequence"]?.integer) : "",
                    consumer["name"]?.string ?? "",
                    consumer["present"].map { $0 == true ? "present" : "gone" } ?? "",
                    HumanText.count(consumer["applied"]?.integer), HumanText.count(consumer["pending"]?.integer),
                    HumanText.count(consumer["held"]?.integer),
                    place == 0 ? HumanText.time(capture["installed_at"]?.string) : "",
                    place == 0 ? capture["fault"]?.string ?? "" : "")
            }
        }
        terminal.line(table.text)
    }
}
