extension Migration {
    /// Keeps webhooks, the messages that are on their way, and what is amiss and was told.
    static let thirteenth = Migration(
        version: 13,
        sql: """
            CREATE TABLE webhooks (
                name TEXT NOT NULL PRIMARY KEY,
                definition TEXT NOT NULL,
                version INTEGER NOT NULL CHECK (version >= 1),
                created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL,
                -- What signs beside the definition's own secret, and until when.
                previous_secret TEXT,
                previous_until INTEGER,
                disabled_at INTEGER,
                disabled_reason TEXT,
                dropped INTEGER NOT NULL DEFAULT 0,
                CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
                CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
            ) STRICT, WITHOUT ROWID;

            -- The target is the name of a webhook, or a word that begins with @ for what is set on the command line.
            CREATE TABLE deliveries (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                target TEXT NOT NULL,
                message TEXT NOT NULL,
                type TEXT NOT NULL,
                pipeline TEXT,
                body TEXT NOT NULL,
                state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
                attempts INTEGER NOT NULL DEFAULT 0,
                tries INTEGER NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND attempts),
                created_at INTEGER NOT NULL,
                next_attempt_at INTEGER,
                attempted_at INTEGER,
                finished_at INTEGER,
                status INTEGER,
                error TEXT,
                duration INTEGER,
                UNIQUE (target, message),
                CHECK ((next_attempt_at IS NOT NULL) = (state = 'pending')),
                CHECK ((finished_at IS NOT NULL) = (state <> 'pending')),
                CHECK (state <> 'delivered' OR error IS NULL),
                CHECK (state <> 'failed' OR error IS NOT NULL)
            ) STRICT;
            CREATE INDEX deliveries_by_target ON deliveries (target, number);
            CREATE INDEX deliveries_due ON deliveries (target, next_attempt_at, number) WHERE state = 'pending';

            -- What was told and has not ended: it is not told again. The items are JSON.
            CREATE TABLE troubles (
                pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
                kind TEXT NOT NULL CHECK (kind IN ('run', 'check', 'schema')),
                step TEXT NOT NULL,
                since INTEGER NOT NULL,
                run TEXT NOT NULL,
                items TEXT NOT NULL,
                PRIMARY KEY (pipeline, kind, step)
            ) STRICT, WITHOUT ROWID;

            -- A version of a webhook is never given twice either.
            CREATE TABLE versions_of_the_retired (
                kind TEXT NOT NULL CHECK (kind IN ('connection', 'pipeline', 'webhook')),
                name TEXT NOT NULL,
                version INTEGER NOT NULL,
                PRIMARY KEY (kind, name)
            ) STRICT, WITHOUT ROWID;
            INSERT INTO versions_of_the_retired SELECT kind, name, version FROM retired_versions;
            DROP TABLE retired_versions;
            ALTER TABLE versions_of_the_retired RENAME TO retired_versions;
            """)
}
