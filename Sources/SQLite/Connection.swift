internal import CSQLite
public import Platform

/// One open database with what is attached to it.
///
/// Belongs to one thread at a time; `interruptHandle` alone may be used from others.
public final class Connection {
    /// What a connection may do to a file.
    public enum Access: Sendable, Hashable {
        /// Read it; its writers are not held up.
        case readOnly
        /// Read and write it; it must exist.
        case readWrite
        /// Read and write it; it is made when it does not exist.
        case create
    }

    /// Stops the running statement from any thread.
    public let interruptHandle: InterruptHandle
    /// The path it was opened with.
    public let path: String

    let supervision: Supervision
    var cache = StatementCache(capacity: Limits.cachedStatements)
    var authorizer: AuthorizerBox?
    /// Whether the table-valued functions were used once.
    var knowsTableFunctions = false
    /// Whether `begin` has started a transaction that nobody has ended yet.
    var expectsTransaction = false
    private var open: OpaquePointer?
    private var stop: (token: StopToken, handler: Int)?

    /// Set up once, before the first connection: the counts of memory would make connections on different threads wait
    /// for each other at each allocation. Where SQLite is in use already it stays as it was, only slower.
    private static let isPrepared = strandline_sqlite_uncounted_memory() == SQLITE_OK

    /// Opens the file at `path`, which is always a plain path, hardens the connection and reads the schema once, so
    /// that what is no database fails here.
    ///
    /// - Parameters:
    ///   - busyTime: how long a statement waits for a lock that another connection holds.
    ///   - stop: when it stops, the running statement is interrupted and later ones but a rollback are refused.
    public init(
        path: String, access: Access, busyTime: Duration = Limits.busyTime, stop: StopToken? = nil
    ) throws(SQLiteError) {
        let file = DatabasePath(path: path, access: access)
        try file.check()
        var opened: OpaquePointer?
        let flags: Int32
        switch access {
        case .readOnly: flags = SQLITE_OPEN_READONLY
        case .readWrite: flags = SQLITE_OPEN_READWRITE
        case .create: flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        }
        _ = Connection.isPrepared
        let code = sqlite3_open_v2(
            file.uri, &opened, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard let opened else {
            throw SQLiteError(code: SQLITE_NOMEM, operation: "open \(path)", message: "out of memory")
        }
        self.path = path
        self.open = opened
        interruptHandle = InterruptHandle(opened)
        supervision = Supervision(handle: interruptHandle, busyTime: busyTime)
        // From here on `deinit` closes.
        guard code == SQLITE_OK else { throw file.failure(SQLiteError(opened, code, operation: "open")) }
        if let stop {
            let handle = interruptHandle
            self.stop = (stop, stop.addHandler { handle.stop() })
        }
        supervision.install(on: opened)
        try Hardening.apply(to: opened)
        do throws(SQLiteError) {
            try execute(Hardening.pragmas)
            _ = try first("SELECT count(*) FROM sqlite_schema")
        } catch {
            throw error.isInterrupted || error.isBusy ? error : file.failure(error)
        }
        try file.checkWritable(opened, "main")
    }

    deinit {
        close()
    }

    /// Obeys another token from now on, in place of the one it was opened with; nil obeys none.
    ///
    /// A connection that was stopped once stays stopped.
    public func obey(_ token: StopToken?) {
        if let stop { stop.token.removeHandler(stop.handler) }
        let handle = interruptHandle
        stop = token.map { ($0, $0.addHandler { handle.stop() }) }
    }

    /// Whether its token has stopped it.
    public var isStopped: Bool { interruptHandle.isStopped }

    /// Closes it now, rolling back what is not committed; every later use but `close` is refused.
    public func close() {
        if let stop { stop.token.removeHandler(stop.handler) }
        stop = nil
        interruptHandle.detach()
        cache.clear()
        // The last connection of a WAL database copies the log back into the file here.
        if let open { sqlite3_close_v2(open) }
        open = nil
    }

    /// SQLite's own handle; an error after `close`.
    func database(for operation: @autoclosure () -> String) throws(SQLiteError) -> OpaquePointer {
        guard let open else {
            throw SQLiteError(code: SQLITE_MISUSE, operation: operation(), message: "the connection is closed")
        }
        return open
    }

    /// Whether a transaction is open.
    public var inTransaction: Bool { open.map { sqlite3_get_autocommit($0) == 0 } ?? false }

    /// Rows inserted, updated and deleted since it was opened, those of triggers included.
    public var totalChanges: Int { open.map { Int(sqlite3_total_changes64($0)) } ?? 0 }

    /// The row number of the last inserted row.
    public var lastInsertedRow: Int64 { open.map { sqlite3_last_insert_rowid($0) } ?? 0 }
}
