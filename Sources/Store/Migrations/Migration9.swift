extension Migration {
    /// Remembers which pipelines wait for a backfill though one that they run after has succeeded.
    static let ninth = Migration(
        version: 9,
        sql: """
            CREATE TABLE held_pipelines (
                pipeline TEXT NOT NULL PRIMARY KEY REFERENCES pipelines (name) ON DELETE CASCADE,
                held_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            """)
}
