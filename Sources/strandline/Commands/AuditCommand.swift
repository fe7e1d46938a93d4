internal import Model
internal import Platform

/// `strandline audit`.
struct AuditCommand: Command {
    static let form = CommandForm(
        name: "audit", summary: "Compare a pipeline's source and destination, and mend what differs if asked.",
        details: """
            With --wait the exit code is 0 when both sides are the same (after healing), and 1 when they differ
            or the audit failed. --heal inserts missing rows and updates different ones; rows that the source
            lacks stay unless --delete-extra says otherwise.
            """,
        operands: [Operand(name: "PIPELINE")],
        options: [
            .value("step", "STEP", "The step; needed where the pipeline has several."),
            .value(
                "interval", "WIDTH",
                "How wide the parts are that it counts by: hour, day, week, month or year, or how many numbers."),
            .flag("heal", "Mend what differs."), .flag("delete-extra", "With --heal: delete what the source lacks."),
            .flag("allow-shrink", "With --delete-extra: delete more rows than max_shrink allows."),
            .flag("wait", "Wait until the audit has ended."),
        ] + ServerClient.options)

    private let pipeline: String
    private let waits: Bool
    private let isJSON: Bool
    private let body: JSONValue
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        pipeline = arguments.operand(0) ?? ""
        waits = arguments.flag("wait")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
        var interval = JSONValue.null
        if let given = arguments.value("interval") {
            interval = Int64(given.value).map { .integer($0) } ?? .string(given.value)
            if Interval(json: interval) == nil {
                problems.append(
                    "--interval is `\(given.value)`; it takes \(Interval.words.joined(separator: ", ")), or a whole "
                        + "number")
            }
        }
        let heals = arguments.flag("heal")
        for option in ["delete-extra", "allow-shrink"] where arguments.flag(option) && !heals {
            problems.append("--\(option) needs --heal")
        }
        body = .object([
            "step": JSONValue(arguments.text("step")), "interval": interval, "heal": .bool(heals),
            "delete_extra": .bool(arguments.flag("delete-extra")),
            "allow_shrink": .bool(arguments.flag("allow-shrink")),
        ])
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        var audit = try client.start(
            "/v1/pipelines/\(ServerClient.encoded(pipeline))/audits", body: body, terminal)
        guard waits else {
            let id = audit["id"]?.string ?? ""
            terminal.line(
                isJSON
                    ? audit.text(pretty: true)
                    : "audit \(id) \(audit["state"]?.string ?? ""); it is at \(client.address)/v1/audits/\(id)")
            return .success
        }
        audit = try client.end(ofAudit: audit, terminal)
        terminal.line(isJSON ? audit.text(pretty: true) : AuditText.text(audit))
        let isSame = ["missing", "extra", "different"].allSatisfy { audit[$0]?.integer == 0 }
        return audit["state"]?.string == AuditState.success.rawValue && isSame ? .success : .failure
    }
}
