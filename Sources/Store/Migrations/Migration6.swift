extension Migration {
    /// Remembers when what an audit had mended was rolled back.
    static let sixth = Migration(version: 6, sql: "ALTER TABLE audits ADD COLUMN rolled_back_at INTEGER;")
}
