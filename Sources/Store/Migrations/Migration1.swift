extension Migration {
    /// The first shape of the control database.
    ///
    /// Times are microseconds since 1970. The CHECKs restate the states and rules of the model.
    static let first = Migration(
        version: 1,
        sql: """
            CREATE TABLE connections (
                name TEXT NOT NULL PRIMARY KEY,
                definition TEXT NOT NULL,
                version INTEGER NOT NULL CHECK (version >= 1),
                created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE pipelines (
                name TEXT NOT NULL PRIMARY KEY,
                document TEXT NOT NULL,
                version INTEGER NOT NULL CHECK (version >= 1),
                created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE pipeline_connections (
                pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
                connection TEXT NOT NULL REFERENCES connections (name),
                PRIMARY KEY (pipeline, connection)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX pipeline_connections_by_connection ON pipeline_connections (connection);

            -- The last version of what was deleted: a version is never given twice, so an ETag never is.
            CREATE TABLE retired_versions (
                kind TEXT NOT NULL CHECK (kind IN ('connection', 'pipeline')),
                name TEXT NOT NULL,
                version INTEGER NOT NULL,
                PRIMARY KEY (kind, name)
            ) STRICT, WITHOUT ROWID;

            -- The pipeline is no foreign key: its runs outlive it.
            CREATE TABLE runs (
                id TEXT NOT NULL PRIMARY KEY,
                pipeline TEXT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'success', 'failed', 'cancelled')),
                "trigger" TEXT NOT NULL CHECK ("trigger" IN ('api', 'schedule', 'upstream', 'retry', 'cli')),
                attempt INTEGER NOT NULL CHECK (attempt >= 0),
                steps TEXT NOT NULL,
                full_refresh INTEGER NOT NULL CHECK (full_refresh IN (0, 1)),
                allow_shrink INTEGER NOT NULL CHECK (allow_shrink IN (0, 1)),
                created_at INTEGER NOT NULL,
                started_at INTEGER,
                finished_at INTEGER,
                retry_at INTEGER,
                error TEXT,
                CHECK ((finished_at IS NOT NULL) = (state IN ('success', 'failed', 'cancelled'))),
                CHECK (retry_at IS NULL OR state = 'queued'),
                CHECK (state <> 'running' OR started_at IS NOT NULL),
                CHECK (state <> 'success' OR error IS NULL)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX runs_by_pipeline ON runs (pipeline, id);
            CREATE INDEX runs_by_state ON runs (state, id);

            CREATE TABLE step_runs (
                run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
                position INTEGER NOT NULL,
                name TEXT NOT NULL,
                state TEXT NOT NULL
                    CHECK (state IN ('pending', 'running', 'success', 'failed', 'skipped', 'cancelled')),
                strategy TEXT NOT NULL,
                started_at INTEGER,
                finished_at INTEGER,
                error TEXT,
                rows_read INTEGER,
                rows_inserted INTEGER,
                rows_updated INTEGER,
                rows_unchanged INTEGER,
                rows_deleted INTEGER,
                watermark_before ANY,
                watermark_after ANY,
                watermark_key TEXT,
                commits INTEGER,
                warnings TEXT,
                read_window TEXT,
                PRIMARY KEY (run, position),
                UNIQUE (run, name),
                CHECK ((rows_read IS NULL) = (rows_inserted IS NULL) AND (rows_read IS NULL) = (rows_updated IS NULL)
                    AND (rows_read IS NULL) = (rows_unchanged IS NULL) AND (rows_read IS NULL) = (rows_deleted IS NULL)
                    AND (rows_read IS NULL) = (watermark_key IS NULL) AND (rows_read IS NULL) = (commits IS NULL)
                    AND (rows_read IS NULL) = (warnings IS NULL) AND (rows_read IS NULL) = (read_window IS NULL))
            ) STRICT, WITHOUT ROWID;

            -- A copy of what the destinations hold, to answer from.
            CREATE TABLE watermarks (
                pipeline TEXT NOT NULL,
                step TEXT NOT NULL,
                cursor_column TEXT NOT NULL,
                value ANY,
                key TEXT NOT NULL,
                updated_at INTEGER NOT NULL,
                run TEXT,
                reason TEXT,
                version INTEGER NOT NULL,
                PRIMARY KEY (pipeline, step)
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE watermark_history (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                pipeline TEXT NOT NULL,
                step TEXT NOT NULL,
                cursor_column TEXT NOT NULL,
                value ANY,
                key TEXT NOT NULL,
                updated_at INTEGER NOT NULL,
                run TEXT,
                reason TEXT,
                version INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX watermark_history_by_step ON watermark_history (pipeline, step, id);

            CREATE TABLE events (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                at INTEGER NOT NULL,
                kind TEXT NOT NULL,
                pipeline TEXT,
                run TEXT,
                step TEXT,
                payload TEXT NOT NULL
            ) STRICT;
            CREATE INDEX events_by_run ON events (run, id) WHERE run IS NOT NULL;
            CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
            BEGIN
                SELECT RAISE(ABORT, 'an event is never changed');
            END;

            -- A key without a status belongs to a request in hand.
            CREATE TABLE idempotency_keys (
                key TEXT NOT NULL PRIMARY KEY,
                fingerprint TEXT NOT NULL,
                created_at INTEGER NOT NULL,
                run TEXT,
                status INTEGER,
                headers TEXT,
                body BLOB,
                CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
            """)
}
