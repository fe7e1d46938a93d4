public import Model
internal import SQLite

extension ReadSession {
    /// What is amiss with a pipeline and was told.
    public func troubles(of pipeline: String) throws(StoreError) -> [Trouble] {
        try rows(
            "read what is amiss", "SELECT * FROM troubles WHERE pipeline = ? ORDER BY kind, step", [.text(pipeline)]
        ) { row throws(SQLiteError) in
            Trouble(
                kind: try row.decoded("kind") { Trouble.Kind(rawValue: $0) }, step: try row.text("step"),
                since: try row.timestamp("since"), run: try row.text("run"),
                items: try row.decoded("items") { JSONValue(stored: $0)?.array?.compactMap(\.string) })
        }
    }
}

extension Transaction {
    /// Keeps what is amiss with a pipeline of a kind at a step; nil says that nothing is any more.
    ///
    /// Of a pipeline that is not stored any more nothing is kept.
    public func keep(
        _ trouble: Trouble?, _ kind: Trouble.Kind, step: String, of pipeline: String
    ) throws(StoreError) {
        let operation = "keep what is amiss"
        guard let trouble else {
            try run(
                operation, "DELETE FROM troubles WHERE pipeline = ? AND kind = ? AND step = ?",
                [.text(pipeline), .text(kind.rawValue), .text(step)])
            return
        }
        guard try self.pipeline(pipeline) != nil else { return }
        try run(
            operation,
            "INSERT OR REPLACE INTO troubles (pipeline, kind, step, since, run, items) VALUES (?, ?, ?, ?, ?, ?)",
            [
                .text(pipeline), .text(kind.rawValue), .text(step), Value(trouble.since), .text(trouble.run),
                .text(JSONValue.array(trouble.items.map(JSONValue.string)).text()),
            ])
    }
}
