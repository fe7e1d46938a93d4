extension Migration {
    /// Keeps how far the ticks of schedules are accounted for, and the tick of each run that one started.
    static let sixteenth = Migration(
        version: 16,
        sql: """
            CREATE TABLE schedules (
                pipeline TEXT NOT NULL PRIMARY KEY REFERENCES pipelines (name) ON DELETE CASCADE,
                rule TEXT NOT NULL,
                overlap TEXT NOT NULL CHECK (overlap IN ('skip', 'buffer_one', 'cancel_other')),
                paused_by_document INTEGER NOT NULL CHECK (paused_by_document IN (0, 1)),
                paused_at INTEGER,
                accounted INTEGER NOT NULL,
                era INTEGER NOT NULL CHECK (era >= 1),
                last_tick INTEGER,
                runs INTEGER NOT NULL CHECK (runs >= 0),
                coalesced INTEGER NOT NULL CHECK (coalesced >= 0),
                skipped INTEGER NOT NULL CHECK (skipped >= 0),
                CHECK (last_tick IS NOT NULL OR runs + coalesced + skipped = 0)
            ) STRICT, WITHOUT ROWID;

            -- The tick, the last of several, in which era of the schedule it was, and how many ticks the run stands for.
            ALTER TABLE runs ADD COLUMN scheduled_for INTEGER;
            ALTER TABLE runs ADD COLUMN schedule_era INTEGER;
            ALTER TABLE runs ADD COLUMN ticks INTEGER NOT NULL DEFAULT 0 CHECK ((ticks > 0) = (scheduled_for IS NOT NULL));
            -- No tick is run twice.
            CREATE UNIQUE INDEX runs_by_tick ON runs (pipeline, schedule_era, scheduled_for)
                WHERE scheduled_for IS NOT NULL;
            CREATE INDEX active_runs_by_pipeline ON runs (pipeline, id) WHERE state IN ('queued', 'running');
            """)
}
