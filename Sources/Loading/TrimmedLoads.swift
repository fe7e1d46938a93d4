internal import Platform
internal import SQLite

/// What is left of the records of loads that are kept no longer: the intervals that they had loaded, neighbours as one,
/// so that the ledger stays whole however many loads there were.
struct TrimmedLoads {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// The table, as a migration of the destination's ledger.
    static let schema = """
        CREATE TABLE main._strandline_intervals (
            id INTEGER PRIMARY KEY,
            pipeline TEXT NOT NULL, step TEXT NOT NULL,
            start_value, end_value,         -- byte for byte as the watermarks were; no start is the beginning
            first_run TEXT NOT NULL, last_run TEXT NOT NULL, loads INTEGER NOT NULL, committed_at TEXT NOT NULL
        );
        CREATE INDEX main._strandline_intervals_by_step ON _strandline_intervals (pipeline, step, id);
        """

    /// Removes the oldest records of a step's loads beyond the bound, but none of the run in hand.
    func trim(pipeline: String, step: String, during run: String) throws(SQLiteError) {
        let owner: [Value] = [.text(pipeline), .text(step)]
        // Runs sort by their identifiers, which sort by time; the run in hand is the newest.
        let last = try connection.first(
            """
            SELECT run FROM main._strandline_loads INDEXED BY _strandline_loads_by_step
            WHERE pipeline = ?1 AND step = ?2 ORDER BY run DESC LIMIT 1 OFFSET ?3
            """, owner + [Value(Limits.loadRecords)])
        guard let last else { return }
        let condition = "pipeline = ?1 AND step = ?2 AND run <> ?3 AND run <= ?4"
        let parameters = owner + [.text(run), last[0]]
        let loads = try connection.rows(
            """
            SELECT run, watermark_before, watermark_after, load_window = 'all rows' AS is_whole, committed_at
            FROM main._strandline_loads AS l
            WHERE \(condition) AND NOT EXISTS (
                SELECT 1 FROM main._strandline_rollbacks AS b WHERE b.run = l.run AND b.step = l.step)
            ORDER BY run, commit_number
            """, parameters)
        for load in loads where load["watermark_after"] != .null { try keep(load, pipeline, step) }
        _ = try connection.run("DELETE FROM main._strandline_loads WHERE \(condition)", parameters)
    }

    private func keep(_ load: Row, _ pipeline: String, _ step: String) throws(SQLiteError) {
        let isWhole = try load.bool("is_whole")
        let (before, after) = (isWhole ? .null : load["watermark_before"], load["watermark_after"])
        guard isWhole || before != after else { return }
        let key: [Value] = [.text(pipeline), .text(step)]
        // All that was known before is in what a load of the whole source has loaded.
        if isWhole {
            _ = try connection.run(
                "DELETE FROM main._strandline_intervals WHERE pipeline = ? AND step = ?", key)
        }
        let extended = try connection.run(
            """
            UPDATE main._strandline_intervals SET end_value = ?3, last_run = ?4, loads = loads + 1, committed_at = ?5
            WHERE id = (SELECT max(id) FROM main._strandline_intervals WHERE pipeline = ?1 AND step = ?2)
                AND end_value IS ?6 AND ?6 IS NOT NULL
            """, key + [after, load["run"], load["committed_at"], before])
        guard extended == 0 else { return }
        _ = try connection.run(
            """
            INSERT INTO main._strandline_intervals (pipeline, step, start_value, end_value, first_run, last_run, loads,
                committed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, ?6)
            """, key + [before, after, load["run"], load["committed_at"]])
        _ = try connection.run(
            """
            DELETE FROM main._strandline_intervals WHERE pipeline = ?1 AND step = ?2 AND id <= (
                SELECT id FROM main._strandline_intervals WHERE pipeline = ?1 AND step = ?2
                ORDER BY id DESC LIMIT 1 OFFSET ?3)
            """, key + [Value(Limits.loadRecords)])
    }
}
