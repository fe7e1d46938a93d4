extension Migration {
    /// Keeps what became of the checks of step runs, as JSON, and how many rows were set aside.
    static let fourth = Migration(
        version: 4,
        sql: """
            ALTER TABLE step_runs ADD COLUMN rows_quarantined INTEGER;
            ALTER TABLE step_runs ADD COLUMN checks TEXT;
            """)
}
