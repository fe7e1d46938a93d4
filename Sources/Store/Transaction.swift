internal import Model
public import Platform
internal import SQLite

/// The control database as it was at one moment; valid only inside `ControlStore.read` or `write`.
public class ReadSession {
    let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// All rows of a query, each made into an item.
    func rows<Item>(
        _ operation: String, _ sql: String, _ parameters: [Value] = [], _ make: (Row) throws(SQLiteError) -> Item
    ) throws(StoreError) -> [Item] {
        do throws(SQLiteError) {
            var items: [Item] = []
            try connection.forEach(sql, parameters) { row throws(SQLiteError) in
                items.append(try make(row))
                return true
            }
            return items
        } catch {
            throw StoreError(operation, error)
        }
    }

    /// The first row of a query made into an item; nil when there is none.
    func first<Item>(
        _ operation: String, _ sql: String, _ parameters: [Value] = [], _ make: (Row) throws(SQLiteError) -> Item
    ) throws(StoreError) -> Item? {
        do throws(SQLiteError) {
            return try connection.first(sql, parameters).map { row throws(SQLiteError) in try make(row) }
        } catch {
            throw StoreError(operation, error)
        }
    }
}

/// One change of the control database: all of it is committed, or none. Reads see what it has written.
public final class Transaction: ReadSession {
    /// The wall clock when the change began.
    public let now: Timestamp
    /// What it did to the outbox.
    var mail = OutboxNews()
    /// Whether it may have added events; also where the change was undone since.
    var hasEvents = false
    /// The pipelines whose freshness may be another now; also where the change was undone since.
    var touched: Set<String> = []
    /// The runs that it has ended.
    var ended: [Run] = []
    /// The backfills that it may have changed; also where the change was undone since.
    var changedBackfills: Set<String> = []

    init(_ connection: Connection, now: Timestamp) {
        self.now = now
        super.init(connection)
    }

    /// Writes a row and takes it back, so that the commit shows whether the disk takes anything.
    public func proveWritable() throws(StoreError) {
        let operation = "write to the control database"
        try run(operation, "INSERT OR REPLACE INTO retired_versions (kind, name, version) VALUES ('connection', '', 1)")
        try run(operation, "DELETE FROM retired_versions WHERE kind = 'connection' AND name = ''")
    }

    /// Runs a statement; answers how many rows it changed.
    @discardableResult
    func run(_ operation: String, _ sql: String, _ parameters: [Value] = []) throws(StoreError) -> Int {
        do throws(SQLiteError) {
            return try connection.run(sql, parameters)
        } catch {
            throw StoreError(operation, error)
        }
    }
}
