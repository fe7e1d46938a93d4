extension Migration {
    /// Keeps pools, which pipelines use which, and how urgent a run is.
    static let seventeenth = Migration(
        version: 17,
        sql: """
            CREATE TABLE pools (
                name TEXT PRIMARY KEY,
                definition TEXT NOT NULL,
                version INTEGER NOT NULL CHECK (version >= 1),
                created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE pipeline_pools (
                pipeline TEXT PRIMARY KEY REFERENCES pipelines (name) ON DELETE CASCADE,
                pool TEXT NOT NULL REFERENCES pools (name)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX pipeline_pools_by_pool ON pipeline_pools (pool);
            ALTER TABLE runs ADD COLUMN priority TEXT CHECK (priority IN ('high', 'normal', 'low'));
            CREATE TABLE other_retired_versions (
                kind TEXT NOT NULL CHECK (kind IN ('connection', 'pipeline', 'pool', 'webhook')),
                name TEXT NOT NULL,
                version INTEGER NOT NULL,
                PRIMARY KEY (kind, name)
            ) STRICT, WITHOUT ROWID;
            INSERT INTO other_retired_versions SELECT * FROM retired_versions;
            DROP TABLE retired_versions;
            ALTER TABLE other_retired_versions RENAME TO retired_versions;
            """)
}
