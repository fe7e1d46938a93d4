internal import Model

/// `strandline watermark history`.
struct WatermarkHistoryCommand: Command {
    static let form = CommandForm(
        name: "watermark history", summary: "List the changes of a watermark, newest first.",
        operands: [Operand(name: "PIPELINE"), Operand(name: "STEP")],
        options: [.value("limit", "N", "At most so many.", usual: "20")] + ServerClient.options)

    private let path: String
    private let limit: Int
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        path =
            "/v1/pipelines/\(ServerClient.encoded(arguments.operand(0) ?? ""))/watermarks/"
            + "\(ServerClient.encoded(arguments.operand(1) ?? ""))/history"
        limit = arguments.whole("limit", in: 1...100_000, usual: 20, &problems)
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let changes = try client.list(path, "watermarks", limit: limit)
        guard !isJSON else {
            terminal.line(JSONValue.object(["watermarks": .array(changes)]).text(pretty: true))
            return .success
        }
        var table = Table("VERSION>", "WATERMARK", "CHANGED", "BY")
        for change in changes {
            let reason = change["reason"]?.string.map { "a person: \($0)" }
            table.add(
                HumanText.count(change["version"]?.integer), HumanText.cursor(change["value"]),
                HumanText.time(change["updated_at"]?.string), change["run"]?.string ?? reason ?? "")
        }
        terminal.line(table.isEmpty ? "no changes" : table.text)
        return .success
    }
}
