extension Migration {
    /// Keeps what step runs read, ran and took: apart from them, since lists of runs do not show it.
    static let second = Migration(
        version: 2,
        sql: """
            CREATE TABLE step_manifests (
                run TEXT NOT NULL,
                step TEXT NOT NULL,
                manifest TEXT NOT NULL,
                PRIMARY KEY (run, step),
                FOREIGN KEY (run, step) REFERENCES step_runs (run, name) ON DELETE CASCADE
            ) STRICT, WITHOUT ROWID;
            """)
}
