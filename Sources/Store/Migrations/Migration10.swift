extension Migration {
    /// Tells comparisons with a full refresh from other audits, and keeps what they find.
    static let tenth = Migration(
        version: 10,
        sql: """
            ALTER TABLE audits ADD COLUMN kind TEXT NOT NULL DEFAULT 'audit' CHECK (kind IN ('audit', 'compare'));

            -- `key` and `columns` are JSON.
            CREATE TABLE audit_differences (
                audit TEXT NOT NULL REFERENCES audits (id) ON DELETE CASCADE,
                number INTEGER NOT NULL CHECK (number >= 1),
                kind TEXT NOT NULL CHECK (kind IN ('missing', 'extra', 'different')),
                key TEXT NOT NULL,
                columns TEXT NOT NULL,
                PRIMARY KEY (audit, number)
            ) STRICT, WITHOUT ROWID;
            """)
}
