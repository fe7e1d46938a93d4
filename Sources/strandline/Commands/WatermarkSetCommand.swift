internal import Model

/// `strandline watermark set`.
struct WatermarkSetCommand: Command {
    static let form = CommandForm(
        name: "watermark set", summary: "Move a watermark, after showing what that would read again.",
        details: """
            VALUE is a number where the watermark is one, otherwise a text; --text and --number say it
            where there is no watermark yet. Without --yes the preview is shown and confirmation asked.
            """,
        operands: [Operand(name: "PIPELINE"), Operand(name: "STEP"), Operand(name: "VALUE")],
        options: [
            .value("reason", "TEXT", "Why; kept in the watermark's history."),
            .flag("yes", "Do not ask."), .flag("text", "VALUE is a text."), .flag("number", "VALUE is a number."),
        ] + ServerClient.options)

    private let edit: WatermarkEdit
    private let value: String
    private let isText: Bool
    private let isNumber: Bool

    init(_ arguments: Arguments, problems: inout [String]) {
        edit = WatermarkEdit(arguments, problems: &problems)
        value = arguments.operand(2) ?? ""
        isText = arguments.flag("text")
        isNumber = arguments.flag("number")
        if isText && isNumber { problems.append("--text and --number exclude each other; give one of them") }
        if isNumber, WatermarkSetCommand.number(value) == nil {
            problems.append("VALUE is `\(value)`, which is no number; remove --number")
        }
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let current = try edit.current()
        let json: JSONValue
        if let number = WatermarkSetCommand.number(value), !isText, isNumber || current?.string == nil {
            json = number
        } else {
            json = .string(value)
        }
        return try edit.put(json, from: current, terminal)
    }

    private static func number(_ text: String) -> JSONValue? {
        guard let json = try? JSONValue(parsing: text.utf8), json.double != nil else { return nil }
        return json
    }
}
