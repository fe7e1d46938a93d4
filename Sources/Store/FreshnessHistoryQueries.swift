public import Model
internal import Platform
internal import SQLite

extension ReadSession {
    /// How a pipeline's freshness changed, newest first.
    public func freshnessHistory(
        of pipeline: String, _ page: Page = Page()
    ) throws(StoreError) -> Listing<FreshnessChange> {
        let operation = "list the changes of freshness"
        let before = try page.number(operation) ?? .max
        let found = try rows(
            operation, "SELECT * FROM freshness_changes WHERE pipeline = ? AND id < ? ORDER BY id DESC LIMIT ?",
            [.text(pipeline), .integer(before), Value(page.limit + 1)]
        ) { row throws(SQLiteError) in (id: try row.int("id"), change: try FreshnessChange(row)) }
        let listing = Listing(found, page) { String($0.id) }
        return Listing(listing.items.map(\.change), nextCursor: listing.nextCursor)
    }
}

extension Transaction {
    /// Adds to the history of a pipeline's freshness, which keeps the newest `Limits.freshnessChanges`.
    public func record(_ change: FreshnessChange, of pipeline: String) throws(StoreError) {
        let operation = "record a change of freshness"
        try run(
            operation,
            """
            INSERT INTO freshness_changes (pipeline, at, state, previous, since, step, reckoned_from, reason, stale_since)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(pipeline), Value(change.at), .text(change.state.rawValue), Value(change.previous?.rawValue),
                Value(change.since), .text(change.step), Value(change.reckonedFrom), .text(change.reason),
                Value(change.staleSince),
            ])
        try run(
            operation,
            """
            DELETE FROM freshness_changes WHERE pipeline = ?1 AND id <= (
                SELECT id FROM freshness_changes WHERE pipeline = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
            """, [.text(pipeline), Value(Limits.freshnessChanges)])
    }
}

extension FreshnessChange {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        let previous = try row.optionalText("previous")
        self.init(
            at: try row.timestamp("at"), state: try row.decoded("state") { FreshnessState(rawValue: $0) },
            previous: previous.flatMap { FreshnessState(rawValue: $0) }, since: try row.optionalTimestamp("since"),
            step: try row.text("step"), reckonedFrom: try row.optionalTimestamp("reckoned_from"),
            reason: try row.text("reason"), staleSince: try row.optionalTimestamp("stale_since"))
    }
}
