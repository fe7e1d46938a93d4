// The sources of SQLite.
