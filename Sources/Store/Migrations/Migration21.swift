extension Migration {
    /// Keeps how the freshness of each pipeline changed.
    static let twentyFirst = Migration(
        version: 21,
        sql: """
            CREATE TABLE freshness_changes (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
                at INTEGER NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('fresh', 'warn', 'stale', 'unknown')),
                previous TEXT CHECK (previous IN ('fresh', 'warn', 'stale', 'unknown')),
                since INTEGER,
                step TEXT NOT NULL,
                reckoned_from INTEGER,
                reason TEXT NOT NULL,
                -- While this is there, that it is stale was told, and that it is fresh again was not.
                stale_since INTEGER,
                CHECK (state IS NOT previous),
                CHECK ((since IS NOT NULL) = (state IN ('warn', 'stale'))),
                CHECK (state <> 'stale' OR stale_since IS NOT NULL),
                CHECK (state <> 'fresh' OR stale_since IS NULL)
            ) STRICT;
            CREATE INDEX freshness_changes_by_pipeline ON freshness_changes (pipeline, id);
            """)
}
