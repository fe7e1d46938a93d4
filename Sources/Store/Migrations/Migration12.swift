extension Migration {
    /// Remembers of which cancelled backfills nothing staged is left in the destination.
    static let twelfth = Migration(version: 12, sql: "ALTER TABLE backfills ADD COLUMN discarded_at INTEGER")
}
