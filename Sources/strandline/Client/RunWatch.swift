internal import HTTPClient
internal import Model
internal import Platform

/// Follows a run to its end, step by step, with a bar on a terminal.
struct RunWatch {
    /// The server.
    let client: ServerClient
    /// Where the bar is shown.
    let terminal: Terminal
    /// Whether a bar is wanted where there is a terminal.
    let showsProgress: Bool

    /// The run as it ended; a server that is gone is waited for a while, since the run goes on when it is back.
    func end(of run: JSONValue) throws(CommandError) -> JSONValue {
        let id = run["id"]?.string ?? ""
        let path = "/v1/runs/" + ServerClient.encoded(id)
        defer { if isShown { terminal.progress("") } }
        let steps = StepCount(of: run)
        let (terminal, isShown) = (terminal, isShown)
        return try WorkWatch(client: client, terminal: terminal, kind: "run").end(of: run, at: path) {
            RunState(rawValue: $0["state"]?.string ?? "")?.isFinal == true
        } note: { event in
            steps.note(event)
            if isShown { terminal.progress(steps.line(columns: terminal.columns)) }
            return event.kind == "run_finished"
        }
    }

    private var isShown: Bool { showsProgress && terminal.showsProgress }
}

/// How far a run has come, by what its stream tells.
private final class StepCount {
    private let pipeline: String
    private let steps: Int
    private var ended: Set<String> = []
    private var state = "queued"
    private var progress: JSONValue?

    init(of run: JSONValue) {
        pipeline = run["pipeline"]?.string ?? ""
        steps = run["steps"]?.array?.count ?? 0
    }

    func note(_ event: ServerSentEvent) {
        let data = (try? JSONValue(parsing: event.data.utf8)) ?? .null
        switch event.kind {
        case "progress": progress = data
        case "step_finished":
            ended.insert(data["step"]?.string ?? "")
            progress = nil
        default: state = data["payload"]?["state"]?.string ?? state
        }
        // What did not succeed is done again.
        if ["run_retrying", "run_released", "run_recovered"].contains(event.kind) { (ended, progress) = ([], nil) }
    }

    func line(columns: Int) -> String {
        let step = progress?["step"]?.string
        let label = [pipeline, step].compactMap { $0 }.joined(separator: "/")
        let read = progress?["rows_read"]?.integer
        var share: Double?
        if let read, let expected = progress?["rows_expected"]?.integer, expected > 0 {
            share = Double(read) / Double(expected)
        }
        var parts = steps > 1 ? ["\(min(ended.count, steps))/\(steps) steps"] : []
        parts.append(read.map { HumanText.count($0) + " rows" } ?? state)
        return ProgressBar.text(label: label, share: share, detail: parts.joined(separator: ", "), columns: columns)
    }
}
