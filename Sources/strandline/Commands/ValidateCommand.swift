internal import Model

/// `strandline validate`.
struct ValidateCommand: Command {
    static let form = CommandForm(
        name: "validate", summary: "Check documents without a server.",
        details: """
            FILE is a YAML or JSON file, a directory of them, or - for standard input. Every fault is
            told with its line and column; the exit code is 1 when there is one.
            """,
        operands: [Operand(name: "FILE", isRepeatable: true)], options: [.flag("json", "Write JSON.")])

    private let paths: [String]
    private let isJSON: Bool

    init(_ arguments: Arguments, problems: inout [String]) {
        paths = arguments.operands
        isJSON = arguments.flag("json")
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let documents = try DocumentSet(paths)
        if isJSON {
            terminal.line(ValidateCommand.json(documents).text(pretty: true))
        } else {
            tell(documents, terminal)
        }
        return documents.faults.isEmpty ? .success : .failure
    }

    private func tell(_ documents: DocumentSet, _ terminal: Terminal) {
        for (file, warning) in documents.warnings {
            terminal.error(Terminal.safe("\(file): warning: \(warning.message)"))
        }
        guard documents.faults.isEmpty else {
            for fault in documents.faults { terminal.error(fault.line) }
            return
        }
        for name in documents.foreignConnections {
            terminal.error("note: no file here defines the connection `\(name)`; the server must know it")
        }
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        let pipelines = count(documents.pipelines.count, "pipeline")
        let connections = count(documents.connections.count, "connection")
        let webhooks = documents.webhooks.count
        terminal.line(
            webhooks == 0
                ? "\(pipelines) and \(connections) are valid"
                : "\(pipelines), \(connections) and \(count(webhooks, "webhook")) are valid")
    }

    private static func json(_ documents: DocumentSet) -> JSONValue {
        .object([
            "files": .array(documents.files.map(JSONValue.string)),
            "connections": .array(documents.connections.map { .string($0.definition.name) }),
            "webhooks": .array(documents.webhooks.map { .string($0.definition.name) }),
            "pipelines": .array(documents.pipelines.map { .string($0.pipeline.name) }),
            "errors": .array(
                documents.faults.map { fault in
                    .object([
                        "file": .string(fault.file), "line": JSONValue(fault.failure.mark?.line),
                        "column": JSONValue(fault.failure.mark?.column), "code": .string(fault.failure.code.rawValue),
                        "field": JSONValue(fault.failure.field), "message": .string(fault.failure.message),
                        "hint": .string(fault.failure.hint),
                    ])
                }),
            "warnings": .array(
                documents.warnings.map { file, warning in
                    .object([
                        "file": .string(file), "code": .string(warning.code), "message": .string(warning.message),
                    ])
                }),
        ])
    }
}
