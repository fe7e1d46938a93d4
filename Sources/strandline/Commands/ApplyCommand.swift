internal import Model

/// `strandline apply`.
struct ApplyCommand: Command {
    static let form = CommandForm(
        name: "apply", summary: "Send the connections, pools, webhooks and pipelines of documents to the server.",
        details: """
            FILE is a YAML or JSON file, a directory of them, or - for standard input. All of them are
            checked first; nothing is sent when one is wrong.
            """,
        operands: [Operand(name: "FILE", isRepeatable: true)], options: ServerClient.options)

    private let paths: [String]
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        paths = arguments.operands
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let documents = try DocumentSet(paths)
        for (file, warning) in documents.warnings {
            terminal.error(Terminal.safe("\(file): warning: \(warning.message)"))
        }
        guard documents.faults.isEmpty else {
            for fault in documents.faults { terminal.error(fault.line) }
            return .failure
        }
        let connections = documents.connections.map { ("connection", $0.definition.name, $0.json) }
        let pools = documents.pools.map { ("pool", $0.name, $0.json) }
        let pipelines = documents.pipelinesInOrder.map { ("pipeline", $0.pipeline.name, $0.json) }
        let webhooks = documents.webhooks.map { ("webhook", $0.definition.name, $0.json) }
        var results: [JSONValue] = []
        for (kind, name, json) in connections + pools + webhooks + pipelines {
            let result = try put(kind, name, json)
            results.append(.object(["kind": .string(kind), "name": .string(name), "result": .string(result)]))
            if !isJSON { terminal.line("\(kind) \(name) \(result)") }
        }
        if isJSON { terminal.line(JSONValue.object(["applied": .array(results)]).text(pretty: true)) }
        return .success
    }

    private func put(_ kind: String, _ name: String, _ json: JSONValue) throws(CommandError) -> String {
        let path = "/v1/\(kind)s/\(ServerClient.encoded(name))"
        // Nothing there yet, or a server that will say what is wrong with it once more below.
        let before = (try? client.get(path))?["version"]
        do throws(CommandError) {
            let answer = try client.send("PUT", path, body: json)
            if answer.status == 201 { return "created" }
            return answer.json["version"] == before ? "unchanged" : "updated"
        } catch {
            throw CommandError(message: "\(kind) \(name): \(error.message)", hint: error.hint, code: error.code)
        }
    }
}
