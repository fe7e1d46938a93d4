public import Platform
internal import SQLite

/// One entry of the event log.
public struct Event: Sendable, Equatable {
    /// Counts up; an entry's number is never given again.
    public let id: Int64
    /// When it was written.
    public let at: Timestamp
    /// What happened, as a stable word such as `run_finished`.
    public let kind: String
    /// The pipeline it is about; nil for none.
    public let pipeline: String?
    /// The run it is about; nil for none.
    public let run: String?
    /// The step it is about; nil for none.
    public let step: String?
    /// Details as JSON text.
    public let payload: String
}

extension ReadSession {
    /// Events with greater numbers than `id`, oldest first; of one run where `run` names it.
    public func events(after id: Int64 = 0, limit: Int = Limits.pageItems, run: String? = nil) throws(StoreError)
        -> [Event]
    {
        var parameters: [Value] = [.integer(id)]
        if let run { parameters.append(.text(run)) }
        parameters.append(Value(Page(limit: limit).limit))
        return try rows(
            "list the events",
            "SELECT * FROM events WHERE id > ? \(run == nil ? "" : "AND run = ?") ORDER BY id LIMIT ?", parameters
        ) { row throws(SQLiteError) in
            Event(
                id: try row.int("id"), at: try row.timestamp("at"), kind: try row.text("kind"),
                pipeline: try row.optionalText("pipeline"), run: try row.optionalText("run"),
                step: try row.optionalText("step"), payload: try row.text("payload"))
        }
    }

    /// The number of the newest event; 0 when there is none.
    public func lastEvent() throws(StoreError) -> Int64 {
        try first("read the newest event", "SELECT max(id) AS id FROM events") { row throws(SQLiteError) in
            try row.optionalInt("id") ?? 0
        } ?? 0
    }
}

extension Transaction {
    /// Adds an event at `now`; answers its number. The log keeps the newest `Limits.events`.
    @discardableResult
    public func appendEvent(
        _ kind: String, pipeline: String? = nil, run: String? = nil, step: String? = nil, payload: String = "{}"
    ) throws(StoreError) -> Int64 {
        let operation = "write the event"
        try self.run(
            operation, "INSERT INTO events (at, kind, pipeline, run, step, payload) VALUES (?, ?, ?, ?, ?, ?)",
            [Value(now), .text(kind), Value(pipeline), Value(run), Value(step), .text(payload)])
        let id = connection.lastInsertedRow
        // By the hundred, so that most entries cost one insertion only.
        if id % 100 == 0 {
            try self.run(operation, "DELETE FROM events WHERE id <= ?", [.integer(id - Int64(Limits.events))])
        }
        // This looks at every finished run, some milliseconds at their bound.
        if id % 1_000 == 0 { try trimRuns() }
        return id
    }
}
