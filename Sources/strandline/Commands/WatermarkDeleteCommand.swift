/// `strandline watermark delete`.
struct WatermarkDeleteCommand: Command {
    static let form = CommandForm(
        name: "watermark delete", summary: "Forget a watermark, so that the next run begins at the beginning.",
        operands: [Operand(name: "PIPELINE"), Operand(name: "STEP")],
        options: [
            .value("reason", "TEXT", "Why; kept in the watermark's history."), .flag("yes", "Do not ask."),
        ] + ServerClient.options)

    private let edit: WatermarkEdit

    init(_ arguments: Arguments, problems: inout [String]) {
        edit = WatermarkEdit(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        try edit.delete(from: try edit.current(), terminal)
    }
}
