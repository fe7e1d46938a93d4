/// What a command is called, takes and tells of itself.
struct CommandForm: Sendable {
    /// The words that name it, such as `watermark set`.
    let name: String
    /// A sentence for the list of commands.
    let summary: String
    /// What more there is to know; paragraphs for the help.
    var details = ""
    /// Its operands in order.
    var operands: [Operand] = []
    /// Its options.
    var options: [Option] = []

    /// The help of the command.
    var help: String {
        var text = "Usage: strandline \(name)"
        for operand in operands {
            let word = operand.isRepeatable ? operand.name + "..." : operand.name
            text += operand.isOptional ? " [\(word)]" : " \(word)"
        }
        text += options.isEmpty ? "\n" : " [options]\n"
        text += "\n\(summary)\n"
        if !details.isEmpty { text += "\n\(details)\n" }
        text += "\nOptions:\n"
        var rows = options.map { option in
            (
                (option.letter.map { "-\($0), " } ?? "") + "--\(option.name)"
                    + (option.placeholder.map { " " + $0 } ?? ""), sentence(option)
            )
        }
        rows.append(("--help", "Show this text."))
        let width = rows.map(\.0.count).max() ?? 0
        for (left, right) in rows {
            text += "  " + left + String(repeating: " ", count: width - left.count + 2) + right + "\n"
        }
        return text
    }

    private func sentence(_ option: Option) -> String {
        var notes: [String] = []
        if let usual = option.usual { notes.append("usually \(usual)") }
        if option.isRepeatable { notes.append("may be repeated") }
        if let variable = option.variable { notes.append("environment: \(variable)") }
        return notes.isEmpty ? option.help : "\(option.help) (\(notes.joined(separator: "; ")))"
    }
}
