internal import Model

/// Follows a run to its end, with a bar on a terminal.
struct RunWatch {
    /// The server.
    let client: ServerClient
    /// Where the bar is shown.
    let terminal: Terminal
    /// Whether a bar is wanted where there is a terminal.
    let showsProgress: Bool

    /// The run as it ended; a server that is gone is waited for a while, since the run goes on when it is back.
    func end(of run: JSONValue) throws(CommandError) -> JSONValue {
        defer { if isShown { terminal.progress("") } }
        return try Follow(client: client, terminal: terminal).end(
            of: run, at: "/v1/runs/" + ServerClient.encoded(run["id"]?.string ?? ""),
            isEnded: { RunState(rawValue: $0["state"]?.string ?? "")?.isFinal == true }, show: show)
    }

    private var isShown: Bool { showsProgress && terminal.showsProgress }

    private func show(_ run: JSONValue) {
        guard isShown else { return }
        let progress = run["progress"]
        let label = [run["pipeline"]?.string, progress?["step"]?.string].compactMap { $0 }.joined(separator: "/")
        let read = progress?["rows_read"]?.integer
        let expected = progress?["rows_expected"]?.integer
        var share: Double?
        if let read, let expected, expected > 0 { share = Double(read) / Double(expected) }
        let detail = read.map { HumanText.count($0) + " rows" } ?? run["state"]?.string ?? ""
        terminal.progress(ProgressBar.text(label: label, share: share, detail: detail, columns: terminal.columns))
    }
}
