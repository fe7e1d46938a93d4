internal import Model

/// `strandline watermark get`.
struct WatermarkGetCommand: Command {
    static let form = CommandForm(
        name: "watermark get", summary: "Show how far the steps of a pipeline got.",
        operands: [Operand(name: "PIPELINE"), Operand(name: "STEP", isOptional: true)], options: ServerClient.options)

    private let path: String
    private let isOne: Bool
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        let step = arguments.operand(1).map { "/" + ServerClient.encoded($0) }
        path = "/v1/pipelines/\(ServerClient.encoded(arguments.operand(0) ?? ""))/watermarks" + (step ?? "")
        isOne = step != nil
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let answer: JSONValue =
            isOne
            ? try client.get(path)
            : .object(["watermarks": .array(try client.list(path, "watermarks", limit: 1_000))])
        guard !isJSON else {
            terminal.line(answer.text(pretty: true))
            return .success
        }
        var table = Table("STEP", "CURSOR", "WATERMARK", "CHANGED", "BY", "VERSION>")
        for watermark in answer["watermarks"]?.array ?? [answer] {
            let reason = watermark["reason"]?.string.map { "a person: \($0)" }
            table.add(
                watermark["step"]?.string ?? "", watermark["cursor"]?.string ?? "",
                HumanText.cursor(watermark["value"]), HumanText.time(watermark["updated_at"]?.string),
                watermark["run"]?.string ?? reason ?? "", HumanText.count(watermark["version"]?.integer))
        }
        terminal.line(table.isEmpty ? "no watermarks" : table.text)
        return .success
    }
}
