internal import Model

/// What a run's loads read, ran and took, as people read it, from the server's answer for one run.
enum ManifestText {
    /// A part for each commit of each step.
    static func whole(_ run: JSONValue) -> String {
        var lines: [String] = []
        for step in run["steps"]?.array ?? [] {
            let name = step["name"]?.string ?? ""
            guard let commits = step["manifest"]?["commits"]?.array else {
                lines.append("\(name): no manifest is kept")
                continue
            }
            let omitted = step["manifest"]?["commits_omitted"]?.integer ?? 0
            for (place, commit) in commits.enumerated() {
                if omitted > 0, place == commits.count / 2 { lines.append("\(name): \(omitted) commits are left out") }
                lines += part(commit, of: name)
            }
            if let failed = step["manifest"]?["failed"], failed != .null {
                let part = part(failed, of: name)
                lines.append((part.first ?? "") + ", which failed and was taken back")
                lines += part.dropFirst()
            }
        }
        return lines.map(Terminal.safe).joined(separator: "\n")
    }

    private static func part(_ commit: JSONValue, of step: String) -> [String] {
        var lines = [
            "\(step), commit \(commit["number"]?.integer ?? 0) of attempt \(commit["attempt"]?.integer ?? 0) at "
                + HumanText.time(commit["at"]?.string)
        ]
        if let bounds = commit["bounds"], bounds != .null { lines.append("  read    " + text(bounds: bounds)) }
        if let rows = commit["cursor_rows"], rows != .null { lines.append("  rows    " + text(rows: rows)) }
        let phases = (commit["phases"]?.array ?? []).map {
            "\($0["name"]?.string ?? "") \(HumanText.seconds($0["seconds"]?.double))"
        }
        lines.append("  time    " + phases.joined(separator: ", "))
        let statements = commit["statements"]?.array ?? []
        if statements.isEmpty { lines.append("  ran     the same statements as the commit before") }
        for statement in statements {
            for (place, line) in (statement["sql"]?.string ?? "").split(separator: "\n").enumerated() {
                lines.append((place == 0 ? "  ran     " : "          ") + line)
            }
            for parameter in statement["parameters"]?.array ?? [] {
                lines.append(
                    "          with \(HumanText.cursor(parameter["value"])): \(parameter["meaning"]?.string ?? "")")
            }
        }
        return lines
    }

    private static func text(bounds: JSONValue) -> String {
        let cursor = bounds["cursor"]?.string ?? ""
        var parts: [String] = []
        if let lower = value(bounds["lower"]) {
            parts.append("\(cursor) \(bounds["includes_lower"] == true ? ">=" : ">") \(lower)")
        }
        if let upper = value(bounds["upper"]) { parts.append("\(cursor) <= \(upper)") }
        if parts.isEmpty { parts.append("all of \(cursor)") }
        var text = parts.joined(separator: " and ")
        if bounds["includes_future"] == true, let future = value(bounds["future"]) {
            text += ", also what is ahead of the clock (> \(future))"
        }
        if bounds["includes_null"] == true { text += ", also NULL" }
        return text
    }

    private static func text(rows: JSONValue) -> String {
        var parts = ["inside", "below", "above", "null", "unordered", "future"].map { key in
            "\(HumanText.count(rows[key]?.integer)) \(key)"
        }
        if let lowest = value(rows["lowest"]) { parts.append("lowest \(lowest)") }
        if let highest = value(rows["highest"]) { parts.append("highest \(highest)") }
        let text = parts.joined(separator: ", ")
        return rows["by_index"] == true ? text + " (an index left out others)" : text
    }

    private static func value(_ value: JSONValue?) -> String? {
        value == nil || value == .null ? nil : HumanText.cursor(value)
    }
}
