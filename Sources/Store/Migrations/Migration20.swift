extension Migration {
    /// Finds the events of a backfill and of an audit as those of a run are found.
    static let twentieth = Migration(
        version: 20,
        sql: """
            ALTER TABLE events ADD COLUMN work TEXT;
            DROP TRIGGER events_are_never_changed;
            UPDATE events SET work = coalesce(run, json_extract(payload, '$.backfill'), json_extract(payload, '$.audit'));
            CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
            BEGIN
                SELECT RAISE(ABORT, 'an event is never changed');
            END;
            DROP INDEX events_by_run;
            CREATE INDEX events_by_work ON events (work, id) WHERE work IS NOT NULL;
            """)
}
