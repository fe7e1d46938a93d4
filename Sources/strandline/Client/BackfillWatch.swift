internal import Model

/// Follows a backfill to its end, with a bar on a terminal.
struct BackfillWatch {
    /// The server.
    let client: ServerClient
    /// Where the bar is shown.
    let terminal: Terminal
    /// Whether a bar is wanted where there is a terminal.
    let showsProgress: Bool

    /// The backfill as it ended, or as it was paused, with nothing of it in hand.
    func end(of backfill: JSONValue) throws(CommandError) -> JSONValue {
        let id = backfill["id"]?.string ?? ""
        if isShown {
            terminal.error(
                Terminal.safe(
                    "backfill \(id) has begun; Ctrl-C leaves it to the server, and `strandline backfills cancel \(id)` ends it"
                ))
        }
        defer { if isShown { terminal.progress("") } }
        return try Follow(client: client, terminal: terminal).end(
            of: backfill, at: "/v1/backfills/" + ServerClient.encoded(id), isEnded: BackfillWatch.isEnded, show: show)
    }

    private static func isEnded(_ backfill: JSONValue) -> Bool {
        guard let state = BackfillState(rawValue: backfill["state"]?.string ?? "") else { return false }
        // One that publishes itself goes on, unless it could not.
        let isStaged =
            state == .awaitingPublish
            && (backfill["auto_publish"] != true || backfill["error"] != .null
                || backfill["reconciliation"]?["reconciled"] != true)
        return (state.isFinal || state == .paused || isStaged) && backfill["partitions"]?["running"]?.integer == 0
    }

    private var isShown: Bool { showsProgress && terminal.showsProgress }

    private func show(_ backfill: JSONValue) {
        guard isShown else { return }
        let label = "\(backfill["pipeline"]?.string ?? "")/\(backfill["step"]?.string ?? "")"
        let share = backfill["progress"]?.double
        terminal.progress(
            ProgressBar.text(
                label: label, share: share, detail: BackfillText.pace(backfill), columns: terminal.columns))
    }
}
