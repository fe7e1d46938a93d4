internal import Model

/// The overview of pipelines for people.
struct StatusText {
    /// The pipelines, as answers show them.
    let pipelines: [JSONValue]
    /// Whether states are coloured.
    let isColoured: Bool

    /// A line that counts the states, a row for each pipeline, and what is late with the reason.
    var text: String {
        guard !pipelines.isEmpty else { return "no pipelines; send some with `strandline apply FILE`" }
        var table = Table(
            "PIPELINE", "FRESHNESS", "AGE", "LAST RUN", "FINISHED", "NEXT", "STEP", "CURSOR", "WATERMARK")
        for pipeline in pipelines { StatusText.add(pipeline, to: &table) }
        var lines = [headline, table.text(painted: paint)]
        let reasons = pipelines.compactMap(StatusText.trouble)
        if !reasons.isEmpty { lines.append("\n" + reasons.joined(separator: "\n")) }
        return lines.joined(separator: "\n")
    }

    private var headline: String {
        let states = pipelines.map { $0["freshness_status"]?["status"]?.string ?? "" }
        let counts = ["stale", "warn", "unknown", "fresh"].compactMap { state in
            let count = states.count { $0 == state }
            return count == 0 ? nil : paint(1, "\(count) \(state)")
        }
        return "\(pipelines.count) pipeline\(pipelines.count == 1 ? "" : "s"): \(counts.joined(separator: ", "))\n"
    }

    /// What is not well, of a pipeline that has limits.
    private static func trouble(_ pipeline: JSONValue) -> String? {
        guard let freshness = pipeline["freshness_status"], freshness["has_limits"] == true,
            let state = freshness["status"]?.string, state != FreshnessState.fresh.rawValue
        else { return nil }
        let since = freshness["since"]?.string.map { " since \(HumanText.time($0))" } ?? ""
        return Terminal.safe(
            "\(pipeline["name"]?.string ?? "") is \(state)\(since): \(freshness["reason"]?.string ?? "")")
    }

    private static func add(_ pipeline: JSONValue, to table: inout Table) {
        let run = pipeline["last_run"]
        let watermarks = pipeline["watermarks"]?.array ?? []
        let first = watermarks.first
        table.add(
            pipeline["name"]?.string ?? "", pipeline["freshness_status"]?["status"]?.string ?? "",
            age(pipeline["freshness_status"]), run?["state"]?.string ?? "never ran",
            HumanText.time(run?["finished_at"]?.string), next(pipeline["schedule_status"]),
            first?["step"]?.string ?? "", first?["cursor"]?.string ?? "",
            first.map { HumanText.cursor($0["value"]) } ?? "")
        for watermark in watermarks.dropFirst() {
            table.add(
                "", "", "", "", "", "", watermark["step"]?.string ?? "", watermark["cursor"]?.string ?? "",
                HumanText.cursor(watermark["value"]))
        }
    }

    /// The age as a bar that is full at the last limit, with `|` where the warning begins, and as a figure.
    static func age(_ freshness: JSONValue?) -> String {
        guard let lag = freshness?["lag_seconds"]?.double else { return "" }
        let figure = HumanText.age(lag)
        let warn = freshness?["warn_after_seconds"]?.double
        guard let full = freshness?["error_after_seconds"]?.double ?? warn, full > 0 else { return figure }
        let width = 12
        let filled = Int(min(1, lag / full) * Double(width))
        var cells = Array(repeating: "#", count: filled) + Array(repeating: "-", count: width - filled)
        if let warn, warn < full { cells[min(width - 1, Int(warn / full * Double(width)))] = "|" }
        return "[\(cells.joined())] \(figure)"
    }

    /// When the schedule ticks next; empty without one.
    private static func next(_ status: JSONValue?) -> String {
        guard let status, status != .null else { return "" }
        if status["paused"] == .bool(true) { return "paused" }
        return HumanText.time(status["next_ticks"]?.array?.first?["at"]?.string)
    }

    /// A cell in the colour of its state; the words say the same without.
    private func paint(_ column: Int, _ cell: String) -> String {
        guard isColoured else { return cell }
        let colour: String
        switch (column, cell.split(separator: " ").last) {
        case (1, "stale"), (3, "failed"): colour = "31"
        case (1, "warn"): colour = "33"
        case (1, "fresh"): colour = "32"
        case (1, "unknown"): colour = "90"
        default: return cell
        }
        return "\u{1B}[\(colour)m\(cell)\u{1B}[0m"
    }
}
