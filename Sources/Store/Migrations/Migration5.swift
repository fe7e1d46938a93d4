extension Migration {
    /// Keeps audits, and how far each step was verified by one.
    static let fifth = Migration(
        version: 5,
        sql: """
            -- The pipeline is no foreign key: its audits outlive it.
            CREATE TABLE audits (
                id TEXT NOT NULL PRIMARY KEY,
                pipeline TEXT NOT NULL,
                step TEXT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'success', 'failed', 'cancelled')),
                part_interval TEXT,
                heal INTEGER NOT NULL CHECK (heal IN (0, 1)),
                delete_extra INTEGER NOT NULL CHECK (delete_extra IN (0, 1)),
                allow_shrink INTEGER NOT NULL CHECK (allow_shrink IN (0, 1)),
                created_at INTEGER NOT NULL,
                started_at INTEGER,
                finished_at INTEGER,
                result TEXT,
                error TEXT,
                CHECK ((finished_at IS NOT NULL) = (state IN ('success', 'failed', 'cancelled'))),
                CHECK ((result IS NOT NULL) = (state = 'success')),
                CHECK (state <> 'running' OR started_at IS NOT NULL),
                CHECK (state <> 'success' OR error IS NULL)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX audits_by_pipeline ON audits (pipeline, id);
            CREATE INDEX audits_by_state ON audits (state, id);

            CREATE TABLE verifications (
                pipeline TEXT NOT NULL,
                step TEXT NOT NULL,
                value ANY,
                verified_at INTEGER NOT NULL,
                audit TEXT NOT NULL,
                PRIMARY KEY (pipeline, step)
            ) STRICT, WITHOUT ROWID;
            -- A watermark that is gone, or that a person has moved, says nothing any more of what was compared below it.
            CREATE TRIGGER verification_ends_with_watermark AFTER DELETE ON watermarks
            BEGIN
                DELETE FROM verifications WHERE pipeline = old.pipeline AND step = old.step;
            END;
            CREATE TRIGGER verification_ends_with_rewind AFTER INSERT ON watermarks WHEN new.run IS NULL
            BEGIN
                DELETE FROM verifications WHERE pipeline = new.pipeline AND step = new.step;
            END;
            """)
}
