public import Model
internal import Platform
internal import SQLite

extension ReadSession {
    /// The copy of a step's watermark; nil when there is none.
    public func watermark(_ pipeline: String, _ step: String) throws(StoreError) -> Watermark? {
        try first(
            "read the watermark", "SELECT * FROM watermarks WHERE pipeline = ? AND step = ?",
            [.text(pipeline), .text(step)]
        ) { row throws(SQLiteError) in try Watermark(row) }
    }

    /// Watermarks by pipeline and step; of one pipeline where `pipeline` names it.
    public func watermarks(
        pipeline: String? = nil, _ page: Page = Page()
    ) throws(StoreError) -> Listing<Watermark> {
        let operation = "list the watermarks"
        let after = try page.names(operation) ?? ("", "")
        let found = try rows(
            operation,
            """
            SELECT * FROM watermarks WHERE (pipeline, step) > (?, ?) AND (?3 IS NULL OR pipeline = ?3)
            ORDER BY pipeline, step LIMIT ?4
            """, [.text(after.0), .text(after.1), Value(pipeline), Value(page.limit + 1)]
        ) { row throws(SQLiteError) in try Watermark(row) }
        return Listing(found, page) { "\($0.pipeline)/\($0.step)" }
    }

    /// How far each step of a pipeline has come; those that have a watermark.
    public func watermarkValues(of pipeline: String) throws(StoreError) -> [String: CursorValue] {
        let found = try rows(
            "read the watermarks", "SELECT step, value FROM watermarks WHERE pipeline = ? AND value IS NOT NULL",
            [.text(pipeline)]
        ) { row throws(SQLiteError) in (try row.text("step"), CursorValue(stored: row["value"])) }
        return Dictionary(uniqueKeysWithValues: found).compactMapValues { $0 }
    }

    /// The changes of a step's watermark, newest first; a removal has no value.
    public func watermarkHistory(
        _ pipeline: String, _ step: String, _ page: Page = Page()
    ) throws(StoreError) -> Listing<Watermark> {
        let operation = "list the changes of the watermark"
        let before = try page.number(operation) ?? .max
        let found = try rows(
            operation,
            """
            SELECT * FROM watermark_history WHERE pipeline = ? AND step = ? AND id < ? ORDER BY id DESC LIMIT ?
            """, [.text(pipeline), .text(step), .integer(before), Value(page.limit + 1)]
        ) { row throws(SQLiteError) in (id: try row.int("id"), watermark: try Watermark(row)) }
        let listing = Listing(found, page) { String($0.id) }
        return Listing(listing.items.map(\.watermark), nextCursor: listing.nextCursor)
    }
}

extension Transaction {
    /// Copies a watermark from its destination and adds it to the history; the one that is stored changes nothing.
    ///
    /// The destination is the truth, so what it says is stored even where it went back. The history keeps the newest
    /// `Limits.watermarkChanges`.
    public func mirrorWatermark(_ watermark: Watermark) throws(StoreError) {
        let operation = "store the watermark"
        guard try self.watermark(watermark.pipeline, watermark.step) != watermark else { return }
        touch(watermark.pipeline)
        let columns = "pipeline, step, cursor_column, value, key, updated_at, run, reason, version"
        let values: [Value] = [
            .text(watermark.pipeline), .text(watermark.step), .text(watermark.cursor), watermark.value?.stored ?? .null,
            .text(watermark.key.stored), Value(watermark.updatedAt), Value(watermark.run), Value(watermark.reason),
            Value(watermark.version),
        ]
        try run(operation, "INSERT OR REPLACE INTO watermarks (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        // A copy that was dropped and is made again is no change.
        let newest = try watermarkHistory(watermark.pipeline, watermark.step, Page(limit: 1)).items.first
        if newest != watermark { try remember(columns, values, operation) }
    }

    /// Copies a watermark that was found in its destination, where there is no copy; one that the history knows to be
    /// out of date, and one of a pipeline that is gone, are left alone.
    public func restoreWatermark(_ watermark: Watermark) throws(StoreError) {
        let (pipeline, step) = (watermark.pipeline, watermark.step)
        guard try self.pipeline(pipeline) != nil, try self.watermark(pipeline, step) == nil else { return }
        let newest = try watermarkHistory(pipeline, step, Page(limit: 1)).items.first
        guard newest.map({ $0.version <= watermark.version }) ?? true else { return }
        try mirrorWatermark(watermark)
    }

    /// Drops the copies of the watermarks that lie in a connection's file, which is another one now, and when their steps
    /// succeeded there.
    func dropWatermarks(destination connection: String, _ operation: String) throws(StoreError) {
        for table in Transaction.tablesByStep {
            try run(
                operation,
                """
                DELETE FROM \(table) WHERE EXISTS (
                    SELECT 1 FROM pipelines p, json_each(p.document, '$.steps') s
                    WHERE p.name = \(table).pipeline AND json_extract(s.value, '$.name') = \(table).step
                        AND json_extract(s.value, '$.destination.connection') = ?)
                """, [.text(connection)])
        }
    }

    /// Drops the same of a stored pipeline's steps that `document` writes elsewhere or lacks.
    func dropWatermarks(of pipeline: String, movedBy document: String, _ operation: String) throws(StoreError) {
        for table in Transaction.tablesByStep {
            try run(
                operation,
                """
                DELETE FROM \(table) WHERE pipeline = ?1 AND NOT EXISTS (
                    SELECT 1 FROM pipelines p, json_each(p.document, '$.steps') old, json_each(?2, '$.steps') new
                    WHERE p.name = ?1 AND json_extract(old.value, '$.name') = \(table).step
                        AND json_extract(new.value, '$.name') = \(table).step
                        AND json_extract(old.value, '$.destination.connection')
                            = json_extract(new.value, '$.destination.connection'))
                """, [.text(pipeline), .text(document)])
        }
    }

    /// What is kept of each step's destination.
    private static let tablesByStep = ["watermarks", "step_successes", "step_clocks"]

    /// Removes the copy of a watermark that was removed in its destination; the history says when and why.
    public func removeWatermark(_ pipeline: String, _ step: String, reason: String?) throws(StoreError) {
        let operation = "remove the watermark"
        guard let before = try watermark(pipeline, step) else {
            throw StoreError(
                .unknownWatermark, operation, "the step \(step) of the pipeline \(pipeline) has no watermark")
        }
        touch(pipeline)
        try run(
            operation, "DELETE FROM watermarks WHERE pipeline = ? AND step = ?", [.text(pipeline), .text(step)])
        try remember(
            "pipeline, step, cursor_column, value, key, updated_at, run, reason, version",
            [
                .text(pipeline), .text(step), .text(before.cursor), .null, "[]", Value(now), .null, Value(reason),
                Value(before.version + 1),
            ], operation)
    }

    private func remember(_ columns: String, _ values: [Value], _ operation: String) throws(StoreError) {
        try run(
            operation, "INSERT INTO watermark_history (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        try run(
            operation,
            """
            DELETE FROM watermark_history WHERE pipeline = ?1 AND step = ?2 AND id <= (
                SELECT id FROM watermark_history WHERE pipeline = ?1 AND step = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)
            """, [values[0], values[1], Value(Limits.watermarkChanges)])
    }
}

extension Watermark {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            pipeline: try row.text("pipeline"), step: try row.text("step"), cursor: try row.text("cursor_column"),
            value: CursorValue(stored: row["value"]), key: try row.decoded("key") { [CursorValue](stored: $0) },
            updatedAt: try row.timestamp("updated_at"), run: try row.optionalText("run"),
            reason: try row.optionalText("reason"), version: Int(try row.int("version")))
    }
}
