extension Migration {
    /// Keeps how what backfills have staged compares with the source, and what publishing it did.
    static let eleventh = Migration(
        version: 11,
        sql: """
            ALTER TABLE backfill_partitions ADD COLUMN reconciliation TEXT;
            ALTER TABLE backfills ADD COLUMN reconciled INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE backfills ADD COLUMN unreconciled INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE backfills ADD COLUMN source_rows INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE backfills ADD COLUMN shadow_rows INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE backfills ADD COLUMN keys_missing INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE backfills ADD COLUMN keys_extra INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE backfills ADD COLUMN published_at INTEGER;
            ALTER TABLE backfills ADD COLUMN publish_warnings TEXT;
            """)
}
