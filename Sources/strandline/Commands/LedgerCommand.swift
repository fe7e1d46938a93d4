internal import Model

/// `strandline ledger`.
struct LedgerCommand: Command {
    static let form = CommandForm(
        name: "ledger", summary: "Show which intervals of a step's cursor are loaded, and which are not.",
        details: """
            Without a STEP, that of a pipeline that has one. What a backfill loads in the gaps shows up
            as loaded: strandline backfill PIPELINE --range gaps.
            """,
        operands: [Operand(name: "PIPELINE"), Operand(name: "STEP", isOptional: true)],
        options: [.flag("gaps", "Only what is missing; exit with 1 where something is.")] + ServerClient.options)

    private let pipeline: String
    private let step: String?
    private let showsGaps: Bool
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        pipeline = arguments.operand(0) ?? ""
        step = arguments.operand(1)
        showsGaps = arguments.flag("gaps")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let step = try chosenStep()
        let path = "/v1/pipelines/\(ServerClient.encoded(pipeline))/ledger/\(ServerClient.encoded(step))"
        let ledger = try client.get(path)
        let gaps = ledger["gaps"]?.array ?? []
        let code: ExitCode = showsGaps && !gaps.isEmpty ? .failure : .success
        guard !isJSON else {
            terminal.line((showsGaps ? JSONValue.object(["gaps": .array(gaps)]) : ledger).text(pretty: true))
            return code
        }
        guard ledger["column"]?.string != nil else {
            terminal.line("step \(step) has no cursor: each run sees its whole source")
            return .success
        }
        if !showsGaps { terminal.line(LedgerCommand.table(ledger["intervals"]?.array ?? [])) }
        for gap in gaps {
            terminal.line("gap: \(HumanText.cursor(gap["start"])) to \(HumanText.cursor(gap["end"])) is not loaded")
        }
        if gaps.isEmpty { terminal.line("no gaps") }
        return code
    }

    private static func table(_ intervals: [JSONValue]) -> String {
        var table = Table("FROM", "TO", "BY", "LOADS>", "LOADED")
        for entry in intervals {
            let first = entry["first"]?.string ?? ""
            let last = entry["last"]?.string ?? ""
            table.add(
                entry["start"] == .null ? "the beginning" : HumanText.cursor(entry["start"]),
                HumanText.cursor(entry["end"]),
                "\(entry["origin"]?.string ?? "") \(first == last ? first : "\(first) to \(last)")",
                HumanText.count(entry["loads"]?.integer), HumanText.time(entry["loaded_at"]?.string))
        }
        return table.isEmpty ? "nothing is loaded" : table.text
    }

    /// The step that is named, else the pipeline's only one.
    private func chosenStep() throws(CommandError) -> String {
        if let step { return step }
        let names =
            try client.get("/v1/pipelines/\(ServerClient.encoded(pipeline))")["steps"]?.array?
            .compactMap { $0["name"]?.string } ?? []
        guard let only = names.first, names.count == 1 else {
            throw CommandError(
                message: "pipeline \(pipeline) has \(names.count) steps",
                hint: "Name one of \(names.joined(separator: ", ")).")
        }
        return only
    }
}
