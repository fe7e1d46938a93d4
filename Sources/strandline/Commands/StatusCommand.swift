internal import Model

/// `strandline status`.
struct StatusCommand: Command {
    static let form = CommandForm(
        name: "status", summary: "Show each pipeline with its last run, its next tick and its watermarks.",
        details: "The exit code is 1 when the last run of a pipeline failed.",
        operands: [Operand(name: "PIPELINE", isOptional: true)], options: ServerClient.options)

    // More than a person reads at once.
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
        let pipelines = try self.pipelines()
        let failed = pipelines.contains { $0["last_run"]?["state"]?.string == RunState.failed.rawValue }
        if isJSON {
            terminal.line(JSONValue.object(["pipelines": .array(pipelines.map(StatusCommand.json))]).text(pretty: true))
        } else if pipelines.isEmpty {
            terminal.line("no pipelines; send some with `strandline apply FILE`")
        } else {
            var table = Table("PIPELINE", "STATE", "FINISHED", "TOOK>", "NEXT", "STEP", "CURSOR", "WATERMARK")
            for pipeline in pipelines { StatusCommand.add(pipeline, to: &table) }
            terminal.line(table.text)
        }
        return failed ? .failure : .success
    }

    private func pipelines() throws(CommandError) -> [JSONValue] {
        if let pipeline { return [try client.get("/v1/pipelines/" + ServerClient.encoded(pipeline))] }
        return try client.list("/v1/pipelines", "pipelines", limit: StatusCommand.mostPipelines)
    }

    private static func json(_ pipeline: JSONValue) -> JSONValue {
        .object([
            "name": pipeline["name"] ?? .null, "last_run": pipeline["last_run"] ?? .null,
            "schedule_status": pipeline["schedule_status"] ?? .null,
            "watermarks": pipeline["watermarks"] ?? .array([]),
        ])
    }

    /// When the schedule ticks next; empty without one.
    private static func next(_ status: JSONValue?) -> String {
        guard let status, status != .null else { return "" }
        if status["paused"] == .bool(true) { return "paused" }
        return HumanText.time(status["next_ticks"]?.array?.first?["at"]?.string)
    }

    private static func add(_ pipeline: JSONValue, to table: inout Table) {
        let run = pipeline["last_run"]
        let watermarks = pipeline["watermarks"]?.array ?? []
        let first = watermarks.first
        table.add(
            pipeline["name"]?.string ?? "", run?["state"]?.string ?? "never ran",
            HumanText.time(run?["finished_at"]?.string), HumanText.seconds(run?["duration_seconds"]?.double),
            next(pipeline["schedule_status"]), first?["step"]?.string ?? "", first?["cursor"]?.string ?? "",
            first.map { HumanText.cursor($0["value"]) } ?? "")
        for watermark in watermarks.dropFirst() {
            table.add(
                "", "", "", "", "", watermark["step"]?.string ?? "", watermark["cursor"]?.string ?? "",
                HumanText.cursor(watermark["value"]))
        }
    }
}
