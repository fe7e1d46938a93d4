internal import Model

/// Comparisons with a full refresh as people read them, from the server's answers.
enum ComparisonText {
    /// The verdict, what is explained, and the first differences, of which all are found at `address`.
    static func text(_ audit: JSONValue, _ differences: [JSONValue], at address: String) -> String {
        let name = "\(audit["pipeline"]?.string ?? "")/\(audit["step"]?.string ?? "")"
        guard let isIdentical = audit["identical"], isIdentical != .null else {
            let state = "comparison \(audit["id"]?.string ?? "") of \(name): \(audit["state"]?.string ?? "")"
            return RunText.message(audit["error"]).map { state + "\n" + Terminal.safe($0) } ?? state
        }
        let total = ["missing", "extra", "different"].reduce(0) { $0 + (audit[$1]?.integer ?? 0) }
        var lines = [
            isIdentical == .bool(true)
                ? "\(name): the incremental table equals a full refresh (\(count(audit, "source_rows")) rows)"
                : "\(name): the incremental table differs from a full refresh in \(HumanText.count(total)) rows: "
                    + "\(count(audit, "missing")) missing, \(count(audit, "extra")) extra, "
                    + "\(count(audit, "different")) different"
        ]
        if audit["pending"] != .integer(0) { lines.append("\(count(audit, "pending")) rows the next run loads") }
        if audit["excluded"] != .integer(0) {
            lines.append("\(count(audit, "excluded")) rows the document passes over")
        }
        lines += differences.map(line)
        if total > Int64(differences.count) {
            lines.append(
                "… and \(HumanText.count(total - Int64(differences.count))) more; \(count(audit, "differences_kept")) are "
                    + "listed at \(address)")
        }
        for warning in audit["warnings"]?.array ?? [] {
            lines.append("warning: " + Terminal.safe(warning["message"]?.string ?? ""))
        }
        return lines.joined(separator: "\n")
    }

    private static func line(_ difference: JSONValue) -> String {
        var line = "\(difference["kind"]?.string ?? "") \(difference["key"]?.text() ?? "")"
        if case .object(let columns)? = difference["columns"], !columns.isEmpty {
            line +=
                ": "
                + columns.map { column in
                    "\(column.key) is \(column.value["destination"]?.text() ?? "") and would be "
                        + "\(column.value["source"]?.text() ?? "")"
                }.joined(separator: ", ")
        }
        return Terminal.safe(line)
    }

    private static func count(_ object: JSONValue, _ key: String) -> String { HumanText.count(object[key]?.integer) }
}
