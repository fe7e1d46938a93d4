internal import Model

/// Events as people read them, one a line.
enum EventLine {
    /// The time, what happened, to what, and what there is to know of it.
    static func text(_ event: JSONValue, showsRun: Bool) -> String {
        let kind = event["kind"]?.string ?? ""
        let place = [event["pipeline"]?.string, event["step"]?.string].compactMap { $0 }.joined(separator: "/")
        var parts = [place]
        if showsRun, let run = event["run"]?.string { parts.append("run \(run)") }
        parts += details(event["payload"] ?? .null)
        let name = kind + String(repeating: " ", count: max(0, 16 - kind.count))
        return Terminal.safe(
            "\(HumanText.time(event["at"]?.string))  \(name)  \(parts.filter { !$0.isEmpty }.joined(separator: ", "))")
    }

    private static func details(_ payload: JSONValue) -> [String] {
        var parts: [String] = []
        if payload["after"] != nil, let reason = payload["reason"]?.string { return [gap(payload, reason)] }
        for key in ["backfill", "audit"] {
            if let id = payload[key]?.string { parts.append("\(key) \(id)") }
        }
        if let number = payload["number"]?.integer { parts.append("partition \(number)") }
        if let state = payload["state"]?.string { parts.append(state) }
        if let attempt = payload["attempt"]?.integer, attempt > 1 { parts.append("attempt \(attempt)") }
        if let time = payload["retry_at"]?.string { parts.append("again at \(HumanText.time(time))") }
        for key in ["read", "inserted", "updated", "unchanged", "deleted"] {
            if let count = payload["rows_\(key)"]?.integer { parts.append("\(HumanText.count(count)) \(key)") }
        }
        if let cursor = payload["cursor"]?.string { parts.append("\(cursor) \(HumanText.cursor(payload["value"]))") }
        if let reason = payload["reason"]?.string { parts.append(reason) }
        if let error = RunText.message(payload["error"]) { parts.append(error) }
        return parts
    }

    private static func gap(_ payload: JSONValue, _ reason: String) -> String {
        payload["lost"]?.integer.map { "\(HumanText.count($0)) entries of the log are no longer kept" }
            ?? "the log does not reach that far; it goes on from now"
    }
}
