internal import Model
internal import Platform

/// `strandline runs`.
struct RunsCommand: Command {
    static let form = CommandForm(
        name: "runs", summary: "List runs, newest first, or show one with its steps.",
        operands: [Operand(name: "RUN", isOptional: true)],
        options: [
            .value("pipeline", "PIPELINE", "Only runs of this pipeline."),
            .value("state", "STATE", "Only runs in this state: \(words)."),
            .value("since", "TIME", "Only runs made since this time, such as 2024-01-31T00:00:00Z."),
            .value("limit", "N", "At most so many.", usual: "20"),
            .flag("manifest", "Of one run, show also the bounds, the statements and the time of each commit."),
        ] + ServerClient.options)

    private static let words = RunState.allCases.map(\.rawValue).joined(separator: ", ")

    private let run: String?
    private let query: String
    private let limit: Int
    private let showsManifest: Bool
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        run = arguments.operand(0)
        limit = arguments.whole("limit", in: 1...100_000, usual: 20, &problems)
        isJSON = arguments.flag("json")
        showsManifest = arguments.flag("manifest")
        if showsManifest, run == nil { problems.append("--manifest needs a RUN") }
        client = ServerClient(arguments, problems: &problems)
        if arguments.value("state") != nil {
            _ = arguments.word("state", of: RunState.allCases.map(\.rawValue), usual: "", &problems)
        }
        if let since = arguments.value("since"), Timestamp(rfc3339: since.value) == nil {
            problems.append("--since is `\(since.value)`; it takes a time such as 2024-01-31T00:00:00Z")
        }
        query = ["pipeline", "state", "since"].compactMap { key in
            arguments.text(key).map { "\(key)=\(ServerClient.encoded($0))" }
        }.joined(separator: "&")
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        if let run {
            let json = try client.get("/v1/runs/" + ServerClient.encoded(run))
            terminal.line(isJSON ? json.text(pretty: true) : RunText.whole(json))
            if showsManifest, !isJSON { terminal.line(ManifestText.whole(json)) }
            return .success
        }
        let runs = try client.list("/v1/runs" + (query.isEmpty ? "" : "?" + query), "runs", limit: limit)
        if isJSON {
            terminal.line(JSONValue.object(["runs": .array(runs)]).text(pretty: true))
        } else {
            terminal.line(runs.isEmpty ? "no runs" : RunText.table(runs).text)
        }
        return .success
    }
}
