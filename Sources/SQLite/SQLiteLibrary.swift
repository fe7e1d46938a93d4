internal import CSQLite

/// The SQLite library that the process runs on.
public enum SQLiteLibrary {
    /// Its version, as `3.40.1`.
    public static var version: String { String(cString: sqlite3_libversion()) }
}
