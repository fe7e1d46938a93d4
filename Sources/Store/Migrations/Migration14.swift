extension Migration {
    /// Keeps which run another repeats.
    static let fourteenth = Migration(
        version: 14,
        sql: """
            ALTER TABLE runs ADD COLUMN retry_of TEXT;
            """)
}
