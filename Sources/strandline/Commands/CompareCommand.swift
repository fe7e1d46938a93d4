internal import Model

/// `strandline compare`.
struct CompareCommand: Command {
    static let form = CommandForm(
        name: "compare", summary: "Compare a table that is loaded incrementally with what a full refresh would write.",
        details: """
            Nothing is written. With --wait the exit code is 0 when both are the same, but for rows that the
            next run loads or that the document passes over, and 1 when they differ or the comparison failed.
            Without a STEP, that of a pipeline that has one.
            """,
        operands: [Operand(name: "PIPELINE"), Operand(name: "STEP", isOptional: true)],
        options: [.flag("wait", "Wait until the comparison has ended.")] + ServerClient.options)

    private let pipeline: String
    private let step: String?
    private let waits: Bool
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        pipeline = arguments.operand(0) ?? ""
        step = arguments.operand(1)
        waits = arguments.flag("wait")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        var audit = try client.start(
            "/v1/pipelines/\(ServerClient.encoded(pipeline))/compare", body: .object(["step": JSONValue(step)]),
            terminal)
        let id = audit["id"]?.string ?? ""
        guard waits else {
            terminal.line(
                isJSON
                    ? audit.text(pretty: true)
                    : "comparison \(id) \(audit["state"]?.string ?? ""); it is at \(client.address)/v1/audits/\(id)")
            return .success
        }
        audit = try client.end(ofAudit: audit, terminal)
        if isJSON {
            terminal.line(audit.text(pretty: true))
        } else {
            let kept = audit["differences_kept"]?.integer ?? 0
            let path = "/v1/audits/\(ServerClient.encoded(id))/differences"
            let differences =
                kept == 0 ? [] : try client.list(path, "differences", limit: CompareCommand.differencesShown)
            terminal.line(ComparisonText.text(audit, differences, at: client.address + path))
        }
        return audit["identical"] == .bool(true) ? .success : .failure
    }

    /// As many differences as fit on a screen.
    private static let differencesShown = 20
}
