internal import Model

/// `strandline advise`.
struct AdviseCommand: Command {
    static let form = CommandForm(
        name: "advise", summary: "Look at a table, and say how to load it.",
        details: """
            The table is only read. With --document the pipeline alone is written, ready for a file:
            `strandline advise shop orders --document > orders.yaml`, then `strandline apply orders.yaml`.
            """,
        operands: [Operand(name: "CONNECTION"), Operand(name: "TABLE")],
        options: [
            .value("destination", "CONNECTION", "The connection to load into; one is chosen otherwise."),
            .flag("document", "Write only the document."),
        ] + ServerClient.options)

    private let body: JSONValue
    private let isJSON: Bool
    private let isDocument: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        isJSON = arguments.flag("json")
        isDocument = arguments.flag("document")
        client = ServerClient(arguments, problems: &problems)
        body = .object([
            "connection": JSONValue(arguments.operand(0)), "table": JSONValue(arguments.operand(1)),
            "destination": JSONValue(arguments.text("destination")),
        ])
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let advice = try client.send("POST", "/v1/advise", body: body).json
        switch (isDocument, isJSON) {
        case (true, true): terminal.line(advice["document"]?.text(pretty: true) ?? "")
        case (true, false):
            // Into a file goes the document; what is to be known of it goes to the person.
            for note in advice["notes"]?.array ?? [] { terminal.error("note: " + Terminal.safe(note.string ?? "")) }
            terminal.write(advice["yaml"]?.string ?? "")
        case (false, true): terminal.line(advice.text(pretty: true))
        case (false, false): terminal.line(AdviceText.text(advice))
        }
        return .success
    }
}
