internal import SQLite

extension DestinationLedger {
    /// Where the window of a step's last success ended; nil before the first.
    func windowEnd(_ pipeline: String, _ step: String) throws(LoadStop) -> String? {
        try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT value FROM main._strandline_meta WHERE key = ?",
                [.text(DestinationLedger.window(pipeline, step))])?[0].string
        }
    }

    /// Writes where the window of a step's success ended.
    func write(windowEnd: String, _ pipeline: String, _ step: String) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                "INSERT OR REPLACE INTO main._strandline_meta (key, value) VALUES (?, ?)",
                [.text(DestinationLedger.window(pipeline, step)), .text(Text(windowEnd))])
        }
    }

    /// Where the end of a step's window is kept; names hold no slash.
    private static func window(_ pipeline: String, _ step: String) -> Text { Text("window/\(pipeline)/\(step)") }
}
