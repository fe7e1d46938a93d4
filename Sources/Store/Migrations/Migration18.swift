extension Migration {
    /// Keeps when each step succeeded last, and whether a run takes old data of the pipelines before it.
    static let eighteenth = Migration(
        version: 18,
        sql: """
            CREATE TABLE step_successes (
                pipeline TEXT NOT NULL,
                step TEXT NOT NULL,
                run TEXT NOT NULL,
                finished_at INTEGER NOT NULL,
                PRIMARY KEY (pipeline, step)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX step_successes_by_run ON step_successes (run);
            INSERT INTO step_successes (pipeline, step, run, finished_at)
            SELECT pipeline, name, id, finished_at FROM (
                SELECT r.pipeline, s.name, r.id, coalesce(s.finished_at, r.finished_at, r.created_at) AS finished_at,
                    row_number() OVER (PARTITION BY r.pipeline, s.name ORDER BY r.id DESC) AS place
                FROM runs AS r JOIN step_runs AS s ON s.run = r.id
                WHERE s.state = 'success' AND r.rolled_back_at IS NULL
                    AND EXISTS (SELECT 1 FROM pipelines AS p WHERE p.name = r.pipeline))
            WHERE place = 1;
            ALTER TABLE runs ADD COLUMN allow_stale_upstream INTEGER NOT NULL DEFAULT 0
                CHECK (allow_stale_upstream IN (0, 1));
            """)
}
