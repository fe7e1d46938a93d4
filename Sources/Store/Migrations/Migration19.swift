extension Migration {
    /// Keeps since when each step is known, when it was begun last, and when it last changed rows.
    static let nineteenth = Migration(
        version: 19,
        sql: """
            CREATE TABLE step_clocks (
                pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
                step TEXT NOT NULL,
                known_since INTEGER NOT NULL,
                last_attempt_at INTEGER,
                last_change_at INTEGER,
                PRIMARY KEY (pipeline, step)
            ) STRICT, WITHOUT ROWID;

            INSERT INTO step_clocks (pipeline, step, known_since)
            SELECT p.name, json_extract(s.value, '$.name'), p.created_at
            FROM pipelines AS p, json_each(p.document, '$.steps') AS s;

            UPDATE step_clocks SET (last_attempt_at, last_change_at) = (
                SELECT max(s.started_at),
                    max(CASE WHEN s.state = 'success' AND r.rolled_back_at IS NULL
                        AND s.rows_inserted + s.rows_updated + s.rows_deleted > 0 THEN s.finished_at END)
                FROM runs AS r JOIN step_runs AS s ON s.run = r.id AND s.name = step_clocks.step
                WHERE r.pipeline = step_clocks.pipeline);
            """)
}
