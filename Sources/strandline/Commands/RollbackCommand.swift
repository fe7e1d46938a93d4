internal import Model

/// `strandline rollback`.
struct RollbackCommand: Command {
    static let form = CommandForm(
        name: "rollback",
        summary: "Put back what a run, a backfill or an audit that mended changed, after showing it.",
        details: """
            Rows, added columns, a rebuilt table and the watermark become what they were before the run. It is
            refused where a later run has written the same rows, or another program has changed them. The next
            run of the pipeline loads the rows again: mend the source first, or do not trigger it. ID is a run's,
            or that of a backfill or of an audit with --heal, which leave the watermark alone.
            """,
        operands: [Operand(name: "ID")],
        options: [.flag("dry-run", "Only show what would be put back."), .flag("yes", "Do not ask.")]
            + ServerClient.options)

    private let id: String
    private let isTrial: Bool
    private let isConfirmed: Bool
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        id = arguments.operand(0) ?? ""
        isTrial = arguments.flag("dry-run")
        isConfirmed = arguments.flag("yes")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let (path, preview) = try preview()
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

    /// What would be put back, and where that is asked for: nothing but the server tells a run from the others.
    private func preview() throws(CommandError) -> (path: String, answer: JSONValue) {
        for kind in ["runs", "backfills", "audits"] {
            let path = "/v1/\(kind)/\(ServerClient.encoded(id))/rollback"
            do throws(CommandError) {
                return (path, try client.send("POST", path + "?dry_run=true").json)
            } catch {
                guard error.status == 404 else { throw error }
            }
        }
        throw CommandError(
            message: Terminal.safe("there is neither a run nor a backfill nor an audit \(id)"),
            hint: "`strandline runs` lists the runs.")
    }

    /// One row a step.
    private func text(_ answer: JSONValue) -> String {
        let steps = answer["rollback"]?.array ?? []
        guard !steps.isEmpty else { return Terminal.safe("nothing of \(id) is left to roll back") }
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
        let notes = steps.compactMap { step in
            step["note"]?.string.map { Terminal.safe("\(step["step"]?.string ?? ""): \($0)") }
        }
        return ([table.text] + notes).joined(separator: "\n")
    }
}
