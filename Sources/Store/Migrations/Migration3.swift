extension Migration {
    /// Remembers when a run was rolled back.
    static let third = Migration(version: 3, sql: "ALTER TABLE runs ADD COLUMN rolled_back_at INTEGER;")
}
