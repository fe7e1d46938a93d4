internal import Model

/// `strandline status`.
struct StatusCommand: Command {
    static let form = CommandForm(
        name: "status", summary: "Show each pipeline with its last run and its watermarks.",
        details: "The exit code is 1 when the last run of a pipeline failed.",
        operands: [Operand(name: "PIPELINE", isOptional: true)], options: ServerClient.options)

    // More pipelines than a person reads at once; the answer of each costs a request.
    private static let mostPipelines = 1_000

    private let pipeline: String?
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        pipeline = arguments.operand(0)
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let names = try self.names()
        var table = Table("PIPELINE", "STATE", "FINISHED", "TOOK>", "STEP", "CURSOR", "WATERMARK")
        var items: [JSONValue] = []
        var hasFailed = false
        for name in names {
            let encoded = ServerClient.encoded(name)
            let run = try client.list("/v1/runs?pipeline=" + encoded, "runs", limit: 1).first
            let watermarks = try client.list("/v1/pipelines/\(encoded)/watermarks", "watermarks", limit: 1_000)
            hasFailed = hasFailed || run?["state"]?.string == RunState.failed.rawValue
            items.append(
                .object([
                    "pipeline": .string(name), "last_run": run ?? .null, "watermarks": .array(watermarks),
                ]))
            StatusCommand.add(name, run, watermarks, to: &table)
        }
        if isJSON {
            terminal.line(JSONValue.object(["pipelines": .array(items)]).text(pretty: true))
        } else if names.isEmpty {
            terminal.line("no pipelines; send some with `strandline apply FILE`")
        } else {
            terminal.line(table.text)
        }
        return hasFailed ? .failure : .success
    }

    private func names() throws(CommandError) -> [String] {
        if let pipeline {
            _ = try client.get("/v1/pipelines/" + ServerClient.encoded(pipeline))
            return [pipeline]
        }
        let pipelines = try client.list("/v1/pipelines", "pipelines", limit: StatusCommand.mostPipelines)
        return pipelines.compactMap { $0["name"]?.string }
    }

    private static func add(_ name: String, _ run: JSONValue?, _ watermarks: [JSONValue], to table: inout Table) {
        let first = watermarks.first
        table.add(
            name, run?["state"]?.string ?? "never ran", HumanText.time(run?["finished_at"]?.string),
            HumanText.seconds(run?["duration_seconds"]?.double), first?["step"]?.string ?? "",
            first?["cursor"]?.string ?? "", first.map { HumanText.cursor($0["value"]) } ?? "")
        for watermark in watermarks.dropFirst() {
            table.add(
                "", "", "", "", watermark["step"]?.string ?? "", watermark["cursor"]?.string ?? "",
                HumanText.cursor(watermark["value"]))
        }
    }
}
