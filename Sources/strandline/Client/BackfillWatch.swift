internal import HTTPClient
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
        let watch = WorkWatch(client: client, terminal: terminal, kind: "backfill")
        let held = Held()
        return try watch.end(
            of: backfill, at: "/v1/backfills/" + ServerClient.encoded(id), isEnded: BackfillWatch.isEnded
        ) { [self] event in
            if event.kind == "progress" { show(event.data, of: backfill) }
            return held.mayEnd(event.kind)
        }
    }

    /// Whether no further partition begins, by what the stream tells: those in hand are waited for then.
    private final class Held {
        private var isHeld = false

        func mayEnd(_ kind: String) -> Bool {
            switch kind {
            case "backfill_queued", "backfill_started", "backfill_resumed", "backfill_retried": isHeld = false
            case "backfill_paused", "backfill_awaiting_publish", "backfill_finished", "backfill_rolled_back":
                isHeld = true
            default: break
            }
            return isHeld && kind != "progress"
        }
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

    private func show(_ data: String, of backfill: JSONValue) {
        guard isShown, let progress = try? JSONValue(parsing: data.utf8) else { return }
        let label = "\(backfill["pipeline"]?.string ?? "")/\(backfill["step"]?.string ?? "")"
        terminal.progress(
            ProgressBar.text(
                label: label, share: progress["progress"]?.double, detail: BackfillText.pace(progress),
                columns: terminal.columns))
    }
}
