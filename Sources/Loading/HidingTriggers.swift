internal import Model
internal import SQLite

/// Finds the triggers of other makers by which a row that a REPLACE removes may go unrecorded.
///
/// A capture notes such rows before the write. A trigger that runs before the write, too, and writes the same table may
/// put another row in the way when they are noted already, or use up what was noted.
struct HidingTriggers {
    let connection: Connection
    let definition: CaptureDefinition

    /// Their names; none where the table has no unique key besides its own, so that no REPLACE removes a row of another
    /// key.
    func names() throws(LoadStop) -> [String] {
        guard !definition.others.isEmpty else { return [] }
        let own = Set(definition.triggers.map { fold($0.name) })
        let found = try connection.stopping { db throws(SQLiteError) in
            try db.rows("SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY name")
        }
        let before = found.filter { row in
            let name = fold(row["name"].string ?? "")
            return fold(row["tbl_name"].string ?? "") == fold(definition.table) && !own.contains(name)
                && HidingTriggers.runsBefore(row["sql"].string ?? "")
        }.compactMap { $0["name"].string }
        guard !before.isEmpty else { return [] }
        let writing = writingTriggers()
        return before.filter { writing.contains(fold($0)) }
    }

    /// The triggers, folded, that write the table when it is inserted into or updated; SQLite tells of them when it
    /// prepares such a statement, which is never run.
    private func writingTriggers() -> Set<String> {
        var writing: Set<String> = []
        let table = fold(definition.table)
        let watch = Authorizer { _ in true }.watching { action in
            guard case .write(let written, let trigger?) = action, fold(written) == table else { return }
            writing.insert(fold(trigger))
        }
        let columns = definition.columns.filter { !$0.isGenerated }.map { quoted($0.name) }
        let changes = columns.map { "\($0) = \($0)" }.joined(separator: ", ")
        for sql in [
            "INSERT INTO main.\(quoted(definition.table)) DEFAULT VALUES",
            "UPDATE main.\(quoted(definition.table)) SET \(changes)",
        ] {
            // A trigger that calls a function which only its program has cannot be looked into.
            _ = try? connection.withAuthorizer(watch) { () throws(SQLiteError) in try connection.isReadOnly(sql) }
        }
        return writing
    }

    /// Whether a trigger, as the schema holds it, runs before the write, as it does where it does not say.
    private static func runsBefore(_ sql: String) -> Bool {
        var words = sql[...]
        for word in ["CREATE", "TRIGGER"] {
            words = afterSpaces(words)
            guard fold(String(words.prefix(word.count))) == fold(word) else { return true }
            words = words.dropFirst(word.count)
        }
        words = afterName(afterSpaces(words))
        let dotted = afterSpaces(words)
        if dotted.first == "." { words = afterName(afterSpaces(dotted.dropFirst())) }
        return fold(String(afterSpaces(words).prefix(5))) != "after"
    }

    /// What stands behind spaces and comments.
    private static func afterSpaces(_ text: Substring) -> Substring {
        var text = text
        while true {
            if let first = text.first, first.isWhitespace {
                text = text.dropFirst()
            } else if text.hasPrefix("--") {
                text = text.drop { !$0.isNewline }
            } else if text.hasPrefix("/*") {
                text = text.dropFirst(2)
                while !text.isEmpty, !text.hasPrefix("*/") { text = text.dropFirst() }
                text = text.dropFirst(2)
            } else {
                return text
            }
        }
    }

    /// What stands behind a name, quoted or not.
    private static func afterName(_ text: Substring) -> Substring {
        guard let first = text.first, let close: Character = ["\"": "\"", "'": "'", "`": "`", "[": "]"][first] else {
            return text.drop { !$0.isWhitespace && $0 != "." && $0 != "/" && $0 != "-" }
        }
        var rest = text.dropFirst().drop { $0 != close }.dropFirst()
        // A doubled quotation mark stands for one of the name's own.
        while close != "]", rest.first == close { rest = rest.dropFirst().drop { $0 != close }.dropFirst() }
        return rest
    }
}
