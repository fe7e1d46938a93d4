internal import CSQLite

/// What a checkpoint of a write-ahead log did.
public struct Checkpoint: Sendable, Hashable {
    /// How hard a checkpoint tries.
    public enum Mode: Sendable, Hashable {
        /// Copies what it can without waiting for anyone.
        case passive
        /// Waits for readers and writers within the busy time, copies everything and cuts the log to nothing.
        case truncate

        var code: Int32 { self == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE }
    }

    /// Pages in the log; nil outside WAL mode.
    public let logPages: Int?
    /// Pages of the log that are now in the database file; nil outside WAL mode.
    public let copiedPages: Int?
    /// Whether a reader or writer kept it from finishing.
    public let wasBlocked: Bool
}

extension Connection {
    /// Copies the write-ahead log of a database back into its file.
    ///
    /// Only the one writing connection of a file may do this.
    public func checkpoint(_ mode: Checkpoint.Mode, of name: String = "main") throws(SQLiteError) -> Checkpoint {
        let database = try database(for: "checkpoint \(name)")
        var log: Int32 = -1
        var copied: Int32 = -1
        supervision.start()
        let code = sqlite3_wal_checkpoint_v2(database, name, mode.code, &log, &copied)
        guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else {
            throw SQLiteError(database, code, operation: "checkpoint \(name)")
        }
        return Checkpoint(
            logPages: log < 0 ? nil : Int(log), copiedPages: copied < 0 ? nil : Int(copied),
            wasBlocked: code != SQLITE_OK || copied < log)
    }
}
