internal import Model
internal import SQLite

extension Connection {
    /// Whether the destination has a table; an older program may have written it last.
    func hasTable(_ name: String) throws(LoadStop) -> Bool {
        try stopping { db throws(SQLiteError) in
            try db.first("SELECT 1 FROM main.sqlite_schema WHERE name = ?", [.text(name)]) != nil
        }
    }
}

extension RowCounts {
    /// The counts in a record of a load, a partition or a publishing; one of an older program tells of no rows that were
    /// set aside.
    init(_ record: Row) throws(SQLiteError) {
        self.init(
            read: Int(try record.int("rows_read")), inserted: Int(try record.int("rows_inserted")),
            updated: Int(try record.int("rows_updated")), unchanged: Int(try record.int("rows_unchanged")),
            deleted: Int(try record.int("rows_deleted")),
            quarantined: record.names.contains("rows_quarantined") ? Int(try record.int("rows_quarantined")) : 0)
    }
}
