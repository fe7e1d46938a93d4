internal import Model
internal import SQLite

extension DestinationLedger {
    /// The highest place up to which partitions may have added rows to what a step appends by a cursor.
    func filled(_ pipeline: String, _ step: String, _ cursor: String) throws(LoadStop) -> CursorValue? {
        try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT value FROM main._strandline_meta WHERE key = ?",
                [.text(DestinationLedger.filling(pipeline, step, cursor))]
            ).flatMap { CursorValue($0[0]) }
        }
    }

    func write(
        filled: CursorValue, _ pipeline: String, _ step: String, _ cursor: String
    ) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                "INSERT OR REPLACE INTO main._strandline_meta (key, value) VALUES (?, ?)",
                [.text(DestinationLedger.filling(pipeline, step, cursor)), filled.value])
        }
    }

    /// Where that is kept; names of pipelines and steps hold no slash.
    private static func filling(_ pipeline: String, _ step: String, _ cursor: String) -> Text {
        Text("filled/\(pipeline)/\(step)/\(fold(cursor))")
    }
}
