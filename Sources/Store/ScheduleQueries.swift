public import Model
internal import Platform
internal import SQLite

extension ReadSession {
    /// How far the ticks of a pipeline are accounted for; nil when it has no schedule.
    public func schedule(of pipeline: String) throws(StoreError) -> ScheduleRecord? {
        try first("read the schedule", "SELECT * FROM schedules WHERE pipeline = ?", [.text(pipeline)]) {
            row throws(SQLiteError) in try ScheduleRecord(row)
        }
    }

    /// How far the ticks of all pipelines that have a schedule are accounted for.
    public func schedules() throws(StoreError) -> [ScheduleRecord] {
        try rows("list the schedules", "SELECT * FROM schedules ORDER BY pipeline", []) { row throws(SQLiteError) in
            try ScheduleRecord(row)
        }
    }

    /// The runs of a pipeline that have not ended, oldest first, as its schedule sees them.
    public func tickRuns(of pipeline: String) throws(StoreError) -> [TickRun] {
        try rows(
            "look for active runs",
            """
            SELECT id, scheduled_for IS NOT NULL AS is_scheduled, started_at IS NULL AND state = 'queued' AS is_waiting
            FROM runs
            WHERE pipeline = ? AND state IN ('queued', 'running') ORDER BY id
            """, [.text(pipeline)]
        ) { row throws(SQLiteError) in
            let state: TickRun.State =
                switch (try row.bool("is_waiting"), try row.bool("is_scheduled")) {
                case (true, true): .waitingForTick
                case (true, false): .waiting
                case (false, _): .inHand
                }
            return TickRun(id: try row.text("id"), state: state)
        }
    }
}

extension Transaction {
    /// Stores how far ticks are accounted for, of a schedule that is stored.
    public func updateSchedule(_ record: ScheduleRecord) throws(StoreError) {
        touch(record.pipeline)
        try run(
            "change the schedule",
            """
            UPDATE schedules SET rule = ?2, overlap = ?3, paused_by_document = ?4, paused_at = ?5, accounted = ?6, era = ?7,
                last_tick = ?8, runs = ?9, coalesced = ?10, skipped = ?11
            WHERE pipeline = ?1
            """, record.values)
    }

    /// Lets a run that waits for its first attempt stand for further ticks.
    public func join(_ due: DueTicks, era: Int, to run: String) throws(StoreError) {
        try self.run(
            "join ticks to a run",
            "UPDATE runs SET scheduled_for = ?2, schedule_era = ?3, ticks = ticks + ?4 WHERE id = ?1",
            [.text(run), Value(due.last), Value(era), Value(due.count)])
    }

    /// Stores the schedule that a document asks for, or that it asks for none.
    func putSchedule(_ schedule: Schedule?, isPaused: Bool, of pipeline: String) throws(StoreError) {
        let operation = "store the schedule"
        guard let schedule else {
            try run(operation, "DELETE FROM schedules WHERE pipeline = ?", [.text(pipeline)])
            return
        }
        guard var record = try self.schedule(of: pipeline) else {
            return try insertSchedule(schedule, isPaused, pipeline, operation)
        }
        let skipped = record.adopt(schedule, isPaused: isPaused, at: now)
        if skipped > 0 { try noteSkipped(skipped, of: pipeline, because: "the schedule was changed") }
        try updateSchedule(record)
    }

    private func insertSchedule(
        _ schedule: Schedule, _ isPaused: Bool, _ pipeline: String, _ operation: String
    ) throws(StoreError) {
        // A pipeline of this name may have been there before, with runs of ticks that are to come by a clock set back.
        let era = try first(
            operation, "SELECT max(schedule_era) AS era FROM runs WHERE pipeline = ? AND scheduled_for IS NOT NULL",
            [.text(pipeline)]
        ) { row throws(SQLiteError) in Int(try row.optionalInt("era") ?? 0) }
        let record = ScheduleRecord(
            pipeline: pipeline, rule: schedule.rule.text, overlap: schedule.overlap, isPausedByDocument: isPaused,
            accounted: now, era: (era ?? 0) + 1)
        try run(
            operation,
            """
            INSERT INTO schedules (pipeline, rule, overlap, paused_by_document, paused_at, accounted, era, last_tick, runs,
                coalesced, skipped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, record.values)
    }

    /// Writes into the event log that ticks were skipped, and why.
    public func noteSkipped(_ ticks: Int, of pipeline: String, because reason: String) throws(StoreError) {
        try appendEvent(
            "ticks_skipped", pipeline: pipeline,
            payload: JSONValue.object(["ticks": .integer(Int64(ticks)), "reason": .string(reason)]).text())
    }
}

extension ScheduleRecord {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            pipeline: try row.text("pipeline"), rule: try row.text("rule"),
            overlap: try row.decoded("overlap") { Schedule.Overlap(rawValue: $0) },
            isPausedByDocument: try row.bool("paused_by_document"), accounted: try row.timestamp("accounted"),
            era: Int(try row.int("era")))
        pausedAt = try row.optionalTimestamp("paused_at")
        lastTick = try row.optionalTimestamp("last_tick")
        runs = Int(try row.int("runs"))
        coalesced = Int(try row.int("coalesced"))
        skipped = Int(try row.int("skipped"))
    }

    /// Its columns in their order.
    fileprivate var values: [Value] {
        [
            .text(pipeline), .text(rule), .text(overlap.rawValue), Value(isPausedByDocument), Value(pausedAt),
            Value(accounted), Value(era), Value(lastTick), Value(runs), Value(coalesced), Value(skipped),
        ]
    }
}
