internal import Model

/// Advice as people read it, from the server's answer.
enum AdviceText {
    /// What was seen, what to do and why, and the document.
    static func text(_ advice: JSONValue) -> String {
        let table = advice["table"]
        let about = table?["rows_are_estimated"] == true ? "about " : ""
        var parts = [
            "\(table?["name"]?.string ?? ""): \(about)\(HumanText.count(table?["rows"]?.integer)) rows, key "
                + key(table?["key"]?.array ?? [])
        ]
        let cursors = table?["cursors"]?.array ?? []
        if !cursors.isEmpty { parts.append(Self.table(cursors)) }
        parts.append(
            (["strategy: \(advice["strategy"]?.string ?? "")"] + texts(advice["reasons"], "  because ")
                + others(advice["alternatives"]?.array ?? [])).joined(separator: "\n"))
        let notes = texts(advice["notes"], "note: ")
        if !notes.isEmpty { parts.append(notes.joined(separator: "\n")) }
        let indexes = texts(advice["suggested_indexes"], "")
        if !indexes.isEmpty { parts.append("an index in the source would help:\n" + indexes.joined(separator: "\n")) }
        let lines = (advice["yaml"]?.string ?? "").split(separator: "\n").map { Terminal.safe(String($0)) }
        parts.append(lines.joined(separator: "\n"))
        return parts.joined(separator: "\n\n")
    }

    private static func key(_ columns: [JSONValue]) -> String {
        columns.isEmpty ? "none" : Terminal.safe(columns.compactMap(\.string).joined(separator: ", "))
    }

    private static func texts(_ list: JSONValue?, _ prefix: String) -> [String] {
        (list?.array ?? []).map { Terminal.safe(prefix + ($0.string ?? "")) }
    }

    private static func others(_ alternatives: [JSONValue]) -> [String] {
        alternatives.map { Terminal.safe("  not \($0["strategy"]?.string ?? ""): \($0["reason"]?.string ?? "")") }
    }

    private static func table(_ cursors: [JSONValue]) -> String {
        var table = Table("COLUMN", "SAYS", "HOLDS", "NULLS>", "UNREADABLE>", "INDEXED", "HIGHEST")
        for cursor in cursors {
            table.add(
                cursor["column"]?.string ?? "", cursor["role"]?.string ?? "",
                cursor["format"]?.string ?? cursor["content"]?.string ?? "", HumanText.count(cursor["nulls"]?.integer),
                HumanText.count(cursor["unreadable"]?.integer), cursor["indexed"] == true ? "yes" : "no",
                HumanText.cursor(cursor["highest"]))
        }
        return table.text
    }
}
