internal import Model

/// `strandline rollback`.
struct RollbackCommand: Command {
    static let form = CommandForm(
        name: "rollback", summary: "Put back what a run changed in its destinations, after showing it.",
        details: """
            Rows, added columns, a rebuilt table and the watermark become what they were before the run. It is
            refused while a row that the run wrote has been changed since. The next run of the pipeline loads
            the rows again: mend the source first, or do not trigger it.
            """,
        operands: [Operand(name: "RUN")],
        options: [.flag("dry-run", "Only show what would be put back."), .flag("yes", "Do not ask.")]
            + ServerClient.options)

    private let run: String
    private let path: String
    private let isTrial: Bool
    private let isConfirmed: Bool
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        run = arguments.operand(0) ?? ""
        path = "/v1/runs/\(ServerClient.encoded(run))/rollback"
        isTrial = arguments.flag("dry-run")
        isConfirmed = arguments.flag("yes")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let preview = try client.send("POST", path + "?dry_run=true").json
        // Without anything left there is nothing to ask about.
        if isTrial || preview["rollback"]?.array?.isEmpty == true {
            terminal.line(isJSON ? preview.text(pretty: true) : text(preview))
            return .success
        }
        if !isJSON { terminal.line(text(preview)) }
        guard isConfirmed || terminal.confirms("Roll it back?") else {
            terminal.error("nothing was changed; add --yes to roll it back")
            return .failure
        }
        let answer = try client.send("POST", path).json
        terminal.line(isJSON ? answer.text(pretty: true) : "rolled back")
        return .success
    }

    /// One row a step.
    private func text(_ answer: JSONValue) -> String {
        let steps = answer["rollback"]?.array ?? []
        guard !steps.isEmpty else { return Terminal.safe("nothing of run \(run) is left to roll back") }
        var table = Table("STEP", "TABLE", "REMOVED>", "REVERTED>", "RESTORED>", "WATERMARK", "SCHEMA")
        for step in steps {
            let count = { (key: String) in HumanText.count(step[key]?.integer) }
            let dropped = step["columns_dropped"]?.array?.compactMap(\.string) ?? []
            var schema = dropped.isEmpty ? "" : "without " + dropped.joined(separator: ", ")
            if step["table_dropped"] == .bool(true) { schema = "table dropped" }
            if step["table_swapped"] == .bool(true) { schema = "earlier table" }
            if let name = step["kept_as"]?.string { schema += ", the run's kept as \(name)" }
            table.add(
                step["step"]?.string ?? "", step["table"]?.string ?? "", count("rows_removed"), count("rows_reverted"),
                count("rows_restored"), HumanText.cursor(step["watermark"]), schema)
        }
        return table.text
    }
}
