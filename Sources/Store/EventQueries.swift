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
    /// The run, backfill or audit it is about; nil for none.
    public let work: String?
    /// Details as JSON text.
    public let payload: String

    /// Makes an entry.
    public init(
        id: Int64, at: Timestamp, kind: String, pipeline: String? = nil, run: String? = nil, step: String? = nil,
        work: String? = nil, payload: String = "{}"
    ) {
        self.id = id
        self.at = at
        self.kind = kind
        self.pipeline = pipeline
        self.run = run
        self.step = step
        self.work = work ?? run
        self.payload = payload
    }
}

/// Which events are asked for; what is not said takes all.
public struct EventFilter: Sendable, Equatable {
    /// Only of this pipeline.
    public var pipeline: String?
    /// Only of this run, backfill or audit.
    public var work: String?
    /// Only of these kinds; none stands for all.
    public var kinds: [String]

    /// Makes a filter.
    public init(pipeline: String? = nil, work: String? = nil, kinds: [String] = []) {
        self.pipeline = pipeline
        self.work = work
        self.kinds = kinds
    }

    /// Whether it lets something through that happened to these.
    public func allows(kind: String, pipeline: String?, work: String?) -> Bool {
        (self.work == nil || work == self.work) && (self.pipeline == nil || pipeline == self.pipeline)
            && (kinds.isEmpty || kinds.contains(kind))
    }
}

/// A part of the event log.
public struct EventPage: Sendable {
    /// What the filter let through.
    public let events: [Event]
    /// How far the log was searched: the next part begins behind it.
    public let reached: Int64
    /// Whether the log ends there.
    public let isLast: Bool
}

extension ReadSession {
    /// Events with greater numbers than `id`, oldest first. It may hold fewer than `limit` although there are more: a filter
    /// that lets little through is not looked for in the whole log at once.
    public func events(
        _ filter: EventFilter = EventFilter(), after id: Int64, limit: Int = Limits.pageItems
    ) throws(StoreError) -> EventPage {
        let last = try lastEvent()
        guard id < last else { return EventPage(events: [], reached: id, isLast: true) }
        // The events of a piece of work have an index, those of a pipeline or a kind do not.
        let end = filter.work == nil && last - id > Limits.eventsSearched ? id + Limits.eventsSearched : last
        let found = try events(filter, from: id + 1, to: end, isAscending: true, limit: limit)
        let reached = found.count < limit ? end : found.last?.id ?? end
        return EventPage(events: found, reached: reached, isLast: reached >= last)
    }

    /// Events with smaller numbers than `id`, newest first; from the newest of all where it is nil. It may hold fewer than
    /// `limit` although there are more, as the other way round.
    public func events(
        _ filter: EventFilter = EventFilter(), before id: Int64?, limit: Int = Limits.pageItems
    ) throws(StoreError) -> EventPage {
        let first = try firstEvent()
        let from = min(id ?? .max, try lastEvent() + 1) - 1
        guard first > 0, from >= first else { return EventPage(events: [], reached: first, isLast: true) }
        let end = filter.work == nil ? max(first, from - Limits.eventsSearched + 1) : first
        let found = try events(filter, from: end, to: from, isAscending: false, limit: limit)
        let reached = found.count < limit ? end : found.last?.id ?? end
        return EventPage(events: found, reached: reached, isLast: reached <= first)
    }

    private func events(
        _ filter: EventFilter, from: Int64, to: Int64, isAscending: Bool, limit: Int
    ) throws(StoreError) -> [Event] {
        var conditions = ["id BETWEEN ? AND ?"]
        var parameters: [Value] = [.integer(from), .integer(to)]
        for (column, value) in [("work", filter.work), ("pipeline", filter.pipeline)] {
            guard let value else { continue }
            conditions.append("\(column) = ?")
            parameters.append(.text(value))
        }
        if !filter.kinds.isEmpty {
            conditions.append("kind IN (\(filter.kinds.map { _ in "?" }.joined(separator: ", ")))")
            parameters += filter.kinds.map { .text($0) }
        }
        parameters.append(Value(Page(limit: limit).limit))
        return try rows(
            "list the events",
            """
            SELECT * FROM events WHERE \(conditions.joined(separator: " AND "))
            ORDER BY id \(isAscending ? "ASC" : "DESC") LIMIT ?
            """, parameters
        ) { row throws(SQLiteError) in
            Event(
                id: try row.int("id"), at: try row.timestamp("at"), kind: try row.text("kind"),
                pipeline: try row.optionalText("pipeline"), run: try row.optionalText("run"),
                step: try row.optionalText("step"), work: try row.optionalText("work"), payload: try row.text("payload")
            )
        }
    }

    /// The number of the oldest event that is kept; 0 when there is none.
    public func firstEvent() throws(StoreError) -> Int64 {
        try first("read the oldest event", "SELECT min(id) AS id FROM events") { row throws(SQLiteError) in
            try row.optionalInt("id") ?? 0
        } ?? 0
    }

    /// The number of the newest event; 0 when there is none.
    public func lastEvent() throws(StoreError) -> Int64 {
        try first("read the newest event", "SELECT max(id) AS id FROM events") { row throws(SQLiteError) in
            try row.optionalInt("id") ?? 0
        } ?? 0
    }
}

extension Transaction {
    /// Adds an event at `now`; answers its number. `work` is the backfill or audit that it is about, where that is no run.
    /// The log keeps the newest `Limits.events`.
    @discardableResult
    public func appendEvent(
        _ kind: String, pipeline: String? = nil, run: String? = nil, step: String? = nil, work: String? = nil,
        payload: String = "{}"
    ) throws(StoreError) -> Int64 {
        let operation = "write the event"
        try self.run(
            operation, "INSERT INTO events (at, kind, pipeline, run, step, work, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                Value(now), .text(kind), Value(pipeline), Value(run), Value(step), Value(work ?? run), .text(payload),
            ])
        let id = connection.lastInsertedRow
        hasEvents = true
        // By the hundred, so that most entries cost one insertion only.
        if id % 100 == 0 {
            try self.run(operation, "DELETE FROM events WHERE id <= ?", [.integer(id - Int64(Limits.events))])
        }
        // This looks at every finished run, some milliseconds at their bound.
        if id % 1_000 == 0 { try trimRuns() }
        return id
    }
}
