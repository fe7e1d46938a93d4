internal import Model
internal import Platform

/// A change of a watermark by a person: shown first, confirmed, then made.
struct WatermarkEdit {
    private let list: String
    private let step: String
    private let name: String
    private let reason: String?
    private let isConfirmed: Bool
    private let isJSON: Bool
    private let client: ServerClient

    /// Takes the pipeline, the step and the options from the arguments.
    init(_ arguments: Arguments, problems: inout [String]) {
        let pipeline = arguments.operand(0) ?? ""
        step = arguments.operand(1) ?? ""
        list = "/v1/pipelines/\(ServerClient.encoded(pipeline))/watermarks"
        name = "\(pipeline)/\(step)"
        reason = arguments.text("reason")
        isConfirmed = arguments.flag("yes")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    /// The value as it stands; nil when there is none.
    func current() throws(CommandError) -> JSONValue? {
        let watermarks = try client.list(list, "watermarks", limit: Limits.pipelineSteps)
        let value = watermarks.first { $0["step"]?.string == step }?["value"]
        return value == .null ? nil : value
    }

    private var path: String { list + "/" + ServerClient.encoded(step) }

    /// Sets the value.
    func put(_ value: JSONValue, from current: JSONValue?, _ terminal: Terminal) throws(CommandError) -> ExitCode {
        let body = JSONValue.object(
            [JSONValue.Member("value", value)] + (reason.map { [JSONValue.Member("reason", .string($0))] } ?? []))
        let preview = try client.send("PUT", path + "?dry_run=true", body: body).json
        guard confirms(preview, from: current, to: HumanText.cursor(value), terminal) else { return .failure }
        return tell(try client.send("PUT", path, body: body).json, terminal)
    }

    /// Removes the value.
    func delete(from current: JSONValue?, _ terminal: Terminal) throws(CommandError) -> ExitCode {
        let preview = try client.send("DELETE", path + "?dry_run=true").json
        guard confirms(preview, from: current, to: "the beginning", terminal) else { return .failure }
        let query = reason.map { "?reason=" + ServerClient.encoded($0) } ?? ""
        return tell(try client.send("DELETE", path + query).json, terminal)
    }

    private func confirms(
        _ preview: JSONValue, from current: JSONValue?, to proposed: String, _ terminal: Terminal
    ) -> Bool {
        if !isJSON {
            terminal.line(Terminal.safe("watermark \(name): \(HumanText.cursor(current)) -> \(proposed)"))
            if let rows = preview["rows_to_read"]?.integer {
                terminal.line("  the next run would read \(HumanText.count(rows)) rows")
            }
            if let rows = preview["rows_skipped"]?.integer, rows > 0 {
                terminal.line("  \(HumanText.count(rows)) rows of the source would be passed over")
            }
        }
        if isConfirmed || terminal.confirms("Change it?") { return true }
        terminal.error("nothing was changed; add --yes to change it")
        return false
    }

    private func tell(_ answer: JSONValue, _ terminal: Terminal) -> ExitCode {
        if isJSON {
            terminal.line(answer == .null ? "{}" : answer.text(pretty: true))
        } else {
            terminal.line("changed")
        }
        return .success
    }
}
