internal import Model

/// Runs as people read them, from the server's answers.
enum RunText {
    /// One row a run.
    static func table(_ runs: [JSONValue]) -> Table {
        var table = Table("RUN", "PIPELINE", "STATE", "TRIGGER", "STARTED", "TOOK>", "READ>", "WRITTEN>", "ERROR")
        for run in runs {
            let steps = run["steps"]?.array ?? []
            let sum = { (keys: [String]) in
                steps.reduce(Int64(0)) { total, step in
                    keys.reduce(total) { $0 &+ (step[$1]?.integer ?? 0) }
                }
            }
            table.add(
                run["id"]?.string ?? "", run["pipeline"]?.string ?? "", run["state"]?.string ?? "",
                run["trigger"]?.string ?? "", HumanText.time(run["started_at"]?.string),
                HumanText.seconds(run["duration_seconds"]?.double), HumanText.count(sum(["rows_read"])),
                HumanText.count(sum(["rows_inserted", "rows_updated"])),
                shortened(message(run["error"]) ?? wait(run["waiting_for"])))
        }
        return table
    }

    /// One run with a row a step, its warnings and its errors.
    static func whole(_ run: JSONValue) -> String {
        var text = "run \(run["id"]?.string ?? "") of \(run["pipeline"]?.string ?? ""): \(run["state"]?.string ?? "")"
        if let seconds = run["duration_seconds"]?.double { text += " in \(HumanText.seconds(seconds))" }
        if let attempt = run["attempt"]?.integer, attempt > 1 { text += ", attempt \(attempt)" }
        if let tick = run["scheduled_for"]?.string {
            let ticks = run["ticks"]?.integer ?? 1
            text += ", scheduled for \(HumanText.time(tick))" + (ticks > 1 ? " and \(ticks - 1) ticks before" : "")
        }
        if let time = run["rolled_back_at"]?.string { text += ", rolled back \(HumanText.time(time))" }
        if let first = run["retry_of"]?.string { text += ", what \(first) left undone" }
        var table = Table(
            "STEP", "STATE", "READ>", "INSERTED>", "UPDATED>", "UNCHANGED>", "DELETED>", "WATERMARK")
        var notes = wait(run["waiting_for"]).map { ["it \($0)"] } ?? []
        for step in run["steps"]?.array ?? [] {
            let name = step["name"]?.string ?? ""
            let count = { (key: String) in HumanText.count(step[key]?.integer) }
            table.add(
                name, step["state"]?.string ?? "", count("rows_read"), count("rows_inserted"), count("rows_updated"),
                count("rows_unchanged"), count("rows_deleted"), HumanText.cursor(step["watermark_after"]))
            // A failed check is told below, with samples.
            for warning in step["warnings"]?.array ?? [] where warning["code"]?.string != "check_failed" {
                notes.append("\(name): warning: " + (warning["message"]?.string ?? ""))
            }
            for check in step["checks"]?.array ?? [] where check["state"]?.string == "failed" {
                let samples = (check["samples"]?.array ?? []).map { $0.text() }
                notes.append(
                    "\(name): check \(check["name"]?.string ?? "") failed: \(check["message"]?.string ?? "")"
                        + (samples.isEmpty ? "" : ", such as " + samples.joined(separator: ", ")))
            }
            if let error = message(step["error"]) { notes.append("\(name): \(error)") }
        }
        if let error = message(run["error"]), !notes.contains(where: { $0.hasSuffix(error) }) { notes.append(error) }
        return ([text, table.text] + notes.map(Terminal.safe)).joined(separator: "\n")
    }

    /// What a queued run waits for; nil for nothing.
    private static func wait(_ wait: JSONValue?) -> String? {
        guard let wait, let reason = wait["reason"]?.string else { return nil }
        let name = wait["name"]?.string ?? ""
        let job = wait["jobs"]?.array?.first?.string
        let what =
            switch reason {
            case "pipeline": "the run of its pipeline before it"
            case "time": "the time of its next attempt"
            case "pool", "connection": "a place of the \(reason) \(name)"
            case "file": "a file that another job writes"
            case "turn": "its turn"
            default: "a free \(reason)"
            }
        return "waits for \(what)" + (job.map { ", behind \($0)" } ?? "")
    }

    /// An error's message with its hint; nil for none.
    static func message(_ error: JSONValue?) -> String? {
        guard let error, error != .null else { return nil }
        let message = error["message"]?.string ?? error["detail"]?.string ?? error.string ?? error.text()
        guard let hint = error["hint"]?.string, !hint.isEmpty else { return message }
        return "\(message). \(hint)"
    }

    private static func shortened(_ text: String?) -> String {
        guard let text else { return "" }
        return text.count > 60 ? text.prefix(57) + "..." : text
    }
}
