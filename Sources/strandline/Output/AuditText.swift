internal import Model

/// Audits as people read them, from the server's answers.
enum AuditText {
    /// What was found: the totals, the parts that differ, and some of the rows.
    static func text(_ audit: JSONValue) -> String {
        let name = "\(audit["pipeline"]?.string ?? "")/\(audit["step"]?.string ?? "")"
        var lines = ["audit \(audit["id"]?.string ?? "") of \(name): \(audit["state"]?.string ?? "")"]
        if let seconds = audit["duration_seconds"]?.double { lines[0] += " in \(HumanText.seconds(seconds))" }
        if let time = audit["rolled_back_at"]?.string { lines[0] += ", rolled back \(HumanText.time(time))" }
        if let error = RunText.message(audit["error"]) { return lines[0] + "\n" + Terminal.safe(error) }
        if let healed = audit["healed"], healed != .null {
            lines.append(
                "mended: \(count(healed, "missing")) inserted, \(count(healed, "different")) updated, "
                    + "\(count(healed, "extra")) deleted")
        }
        var table = Table("PART", "SOURCE>", "DESTINATION>", "MISSING>", "EXTRA>", "DIFFERENT>")
        for part in audit["partitions"]?.array ?? [] { add(part, HumanText.cursor(part["start"]), to: &table) }
        add(audit, "all", to: &table)
        lines.append(table.text)
        for sample in audit["samples"]?.array ?? [] {
            let columns = (sample["columns"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            lines.append(
                Terminal.safe(
                    "\(sample["kind"]?.string ?? "") \(sample["key"]?.text() ?? "")"
                        + (columns.isEmpty ? "" : " in \(columns)")))
        }
        for warning in audit["warnings"]?.array ?? [] {
            lines.append("warning: " + Terminal.safe(warning["message"]?.string ?? ""))
        }
        if let through = audit["verified_through"], through != .null {
            lines.append("verified through " + Terminal.safe(HumanText.cursor(through)))
        }
        return lines.joined(separator: "\n")
    }

    private static func add(_ part: JSONValue, _ name: String, to table: inout Table) {
        table.add(
            name, count(part, "source_rows"), count(part, "destination_rows"), count(part, "missing"),
            count(part, "extra"), count(part, "different"))
    }

    private static func count(_ object: JSONValue, _ key: String) -> String { HumanText.count(object[key]?.integer) }
}
