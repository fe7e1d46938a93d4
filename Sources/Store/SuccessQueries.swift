internal import Model
public import Platform
internal import SQLite

extension ReadSession {
    /// When each step of a pipeline succeeded last, in whatever run; one that was rolled back does not count.
    public func lastSuccesses(of pipeline: String) throws(StoreError) -> [String: Timestamp] {
        let found = try rows(
            "read the last successes", "SELECT step, finished_at FROM step_successes WHERE pipeline = ?",
            [.text(pipeline)]
        ) { row throws(SQLiteError) in (try row.text("step"), try row.timestamp("finished_at")) }
        return Dictionary(uniqueKeysWithValues: found)
    }
}

extension Transaction {
    /// Keeps that a step of a run has succeeded. It outlives the run, which is trimmed some day.
    func keepSuccess(_ step: StepRun, of run: Run, _ operation: String) throws(StoreError) {
        guard step.state == .success else { return }
        try self.run(
            operation,
            "INSERT OR REPLACE INTO step_successes (pipeline, step, run, finished_at) VALUES (?, ?, ?, ?)",
            [.text(run.pipeline), .text(step.name), .text(run.id), Value(step.finishedAt ?? now)])
    }

    /// Puts the successes before a run in place of its own, which was rolled back.
    func takeBackSuccesses(of run: String, _ operation: String) throws(StoreError) {
        let steps = try rows(operation, "SELECT pipeline, step FROM step_successes WHERE run = ?", [.text(run)]) {
            row throws(SQLiteError) in (pipeline: try row.text("pipeline"), step: try row.text("step"))
        }
        try self.run(operation, "DELETE FROM step_successes WHERE run = ?", [.text(run)])
        for step in steps {
            try self.run(
                operation,
                """
                INSERT INTO step_successes (pipeline, step, run, finished_at)
                SELECT r.pipeline, s.name, r.id, s.finished_at FROM runs AS r JOIN step_runs AS s ON s.run = r.id
                WHERE r.pipeline = ?1 AND s.name = ?2 AND s.state = 'success' AND r.rolled_back_at IS NULL
                ORDER BY r.id DESC LIMIT 1
                """, [.text(step.pipeline), .text(step.step)])
        }
    }
}
