extension Migration {
    /// Keeps backfills and their partitions.
    static let eighth = Migration(
        version: 8,
        sql: """
            -- The pipeline is no foreign key: its backfills outlive it. The counts are those of its partitions, kept by
            -- the trigger below, so that showing a backfill never counts them. Places are microseconds since 1970 where
            -- `is_time`, else numbers of the column.
            CREATE TABLE backfills (
                id TEXT NOT NULL PRIMARY KEY,
                pipeline TEXT NOT NULL,
                step TEXT NOT NULL,
                destination TEXT NOT NULL,
                destination_table TEXT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'awaiting_publish', 'success',
                    'failed', 'cancelled', 'rolled_back')),
                partition_column TEXT NOT NULL,
                partition_format TEXT,
                partition_interval TEXT NOT NULL,
                timezone TEXT NOT NULL,
                is_time INTEGER NOT NULL CHECK (is_time IN (0, 1)),
                range_start INTEGER NOT NULL,
                range_end INTEGER NOT NULL,
                start_text TEXT NOT NULL,
                end_text TEXT NOT NULL,
                parallelism INTEGER NOT NULL CHECK (parallelism >= 1),
                partition_order TEXT NOT NULL CHECK (partition_order IN ('asc', 'desc')),
                mode TEXT NOT NULL CHECK (mode IN ('direct', 'staged')),
                reprocess TEXT NOT NULL CHECK (reprocess IN ('none', 'failed', 'completed')),
                max_partitions INTEGER NOT NULL,
                max_rows_per_partition INTEGER,
                allow_shrink INTEGER NOT NULL CHECK (allow_shrink IN (0, 1)),
                auto_publish INTEGER NOT NULL CHECK (auto_publish IN (0, 1)),
                hold_downstream INTEGER NOT NULL CHECK (hold_downstream IN (0, 1)),
                reason TEXT NOT NULL,
                skipped INTEGER NOT NULL CHECK (skipped >= 0),
                pending INTEGER NOT NULL CHECK (pending >= 0),
                running INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
                success INTEGER NOT NULL DEFAULT 0 CHECK (success >= 0),
                failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
                cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
                rows_read INTEGER NOT NULL DEFAULT 0,
                rows_inserted INTEGER NOT NULL DEFAULT 0,
                rows_updated INTEGER NOT NULL DEFAULT 0,
                rows_unchanged INTEGER NOT NULL DEFAULT 0,
                rows_deleted INTEGER NOT NULL DEFAULT 0,
                rows_quarantined INTEGER NOT NULL DEFAULT 0,
                rows_expected INTEGER,
                rows_passed INTEGER NOT NULL DEFAULT 0,
                busy INTEGER NOT NULL DEFAULT 0,
                created_at INTEGER NOT NULL,
                started_at INTEGER,
                finished_at INTEGER,
                error TEXT,
                CHECK (range_start < range_end),
                CHECK ((finished_at IS NOT NULL) = (state IN ('success', 'failed', 'cancelled', 'rolled_back'))),
                CHECK (state <> 'running' OR started_at IS NOT NULL),
                CHECK (state <> 'success' OR (error IS NULL AND pending + running + failed + cancelled = 0))
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX backfills_by_pipeline ON backfills (pipeline, id);
            CREATE INDEX backfills_by_state ON backfills (state, id);

            CREATE TABLE backfill_partitions (
                backfill TEXT NOT NULL REFERENCES backfills (id) ON DELETE CASCADE,
                number INTEGER NOT NULL CHECK (number >= 1),
                state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'success', 'failed', 'cancelled')),
                attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
                -- Attempts since a person last asked for it: what the pipeline's retries are counted by.
                tries INTEGER NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND attempt),
                range_start INTEGER NOT NULL,
                range_end INTEGER NOT NULL,
                start_text TEXT NOT NULL,
                end_text TEXT NOT NULL,
                rows_expected INTEGER,
                retry_at INTEGER,
                started_at INTEGER,
                finished_at INTEGER,
                rows_read INTEGER,
                rows_inserted INTEGER,
                rows_updated INTEGER,
                rows_unchanged INTEGER,
                rows_deleted INTEGER,
                rows_quarantined INTEGER,
                warnings TEXT,
                error TEXT,
                PRIMARY KEY (backfill, number),
                CHECK (range_start < range_end),
                CHECK ((finished_at IS NOT NULL) = (state IN ('success', 'failed', 'cancelled'))),
                CHECK (state IN ('pending', 'cancelled') OR (attempt >= 1 AND started_at IS NOT NULL)),
                CHECK (retry_at IS NULL OR state = 'pending'),
                CHECK ((rows_read IS NOT NULL) = (state = 'success')),
                CHECK ((rows_read IS NULL) = (rows_inserted IS NULL) AND (rows_read IS NULL) = (rows_updated IS NULL)
                    AND (rows_read IS NULL) = (rows_unchanged IS NULL) AND (rows_read IS NULL) = (rows_deleted IS NULL)
                    AND (rows_read IS NULL) = (rows_quarantined IS NULL) AND (rows_read IS NULL) = (warnings IS NULL)),
                CHECK (state <> 'failed' OR error IS NOT NULL),
                CHECK (state <> 'success' OR error IS NULL)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX backfill_partitions_by_state ON backfill_partitions (backfill, state, number);

            CREATE TRIGGER backfill_counts_its_partitions AFTER UPDATE OF state ON backfill_partitions
                WHEN old.state <> new.state
            BEGIN
                UPDATE backfills SET
                    pending = pending + (new.state = 'pending') - (old.state = 'pending'),
                    running = running + (new.state = 'running') - (old.state = 'running'),
                    success = success + (new.state = 'success') - (old.state = 'success'),
                    failed = failed + (new.state = 'failed') - (old.state = 'failed'),
                    cancelled = cancelled + (new.state = 'cancelled') - (old.state = 'cancelled'),
                    rows_read = rows_read + coalesce(new.rows_read, 0) - coalesce(old.rows_read, 0),
                    rows_inserted = rows_inserted + coalesce(new.rows_inserted, 0) - coalesce(old.rows_inserted, 0),
                    rows_updated = rows_updated + coalesce(new.rows_updated, 0) - coalesce(old.rows_updated, 0),
                    rows_unchanged = rows_unchanged + coalesce(new.rows_unchanged, 0) - coalesce(old.rows_unchanged, 0),
                    rows_deleted = rows_deleted + coalesce(new.rows_deleted, 0) - coalesce(old.rows_deleted, 0),
                    rows_quarantined = rows_quarantined + coalesce(new.rows_quarantined, 0)
                        - coalesce(old.rows_quarantined, 0),
                    rows_passed = rows_passed
                        + CASE WHEN new.state IN ('success', 'failed') THEN coalesce(new.rows_expected, 0) ELSE 0 END
                        - CASE WHEN old.state IN ('success', 'failed') THEN coalesce(old.rows_expected, 0) ELSE 0 END,
                    -- The clock may have gone back while it was in hand.
                    busy = busy + CASE WHEN old.state = 'running' AND new.finished_at IS NOT NULL
                        THEN max(0, new.finished_at - old.started_at) ELSE 0 END
                WHERE id = new.backfill;
            END;
            """)
}
