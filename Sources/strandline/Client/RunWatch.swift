internal import Model
internal import Platform

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
        var run = run
        let path = "/v1/runs/" + ServerClient.encoded(run["id"]?.string ?? "")
        let pause = Monitor(())
        var wait = Duration.milliseconds(20)
        defer { if isShown { terminal.progress("") } }
        while RunState(rawValue: run["state"]?.string ?? "")?.isFinal != true {
            show(run)
            // Short runs are told at once, long ones cost the server little.
            _ = pause.wait(upTo: wait) { _ -> Bool? in nil }
            wait = min(wait * 2, .milliseconds(500))
            run = try Patience(terminal: terminal).ask(knowsServer: true) { () throws(CommandError) in
                try client.get(path)
            }
        }
        return run
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
