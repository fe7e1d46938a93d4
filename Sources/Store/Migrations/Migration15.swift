extension Migration {
    /// Remembers which file a backfill was made for.
    static let fifteenth = Migration(
        version: 15,
        sql: """
            ALTER TABLE backfills ADD COLUMN destination_path TEXT;
            ALTER TABLE backfills ADD COLUMN destination_identity TEXT;
            """)
}
