public import Platform
internal import SQLite

/// The control database: what the server is asked to do and what it has done.
///
/// The destinations hold the truth about rows and watermarks; this holds the intent, the queue and the history.
/// May be used on any thread.
public final class ControlStore: Sendable {
    private let directory: StateDirectory
    private let writer: Writer
    private let pool: ConnectionPool

    /// Opens the control database in `directory`, which is made where there is none, and brings its schema up to date.
    ///
    /// Fails as `directoryInUse` while another server uses the directory, and as `newerDatabase` when a newer
    /// program has written it. A change waits up to `busyTime` for another program that writes the file.
    public static func open(
        directory: String, clock: any Clock, log: Log, busyTime: Duration = Limits.busyTime
    ) throws(StoreError) -> ControlStore {
        let state = try StateDirectory(directory, log: log)
        let path = state.databasePath
        let writer = try Writer(clock: clock, log: log) { () throws(StoreError) in
            try ControlStore.connect(path, busyTime)
        }
        let store = ControlStore(directory: state, writer: writer, path: path)
        try store.write { transaction throws(StoreError) in try transaction.forgetRequestsInHand() }
        return store
    }

    private init(directory: StateDirectory, writer: Writer, path: String) {
        self.directory = directory
        self.writer = writer
        pool = ConnectionPool(path: path, capacity: Limits.controlReaders)
    }

    private static func connect(_ path: String, _ busyTime: Duration) throws(StoreError) -> Connection {
        let operation = "open the control database"
        let connection: Connection
        do throws(SQLiteError) {
            connection = try Connection(path: path, access: .readWrite, busyTime: busyTime)
        } catch {
            throw StoreError(operation, error)
        }
        let migrator = Migrator()
        // First of all, so that another program's file stays as it is.
        _ = try migrator.check(connection, operation)
        do throws(SQLiteError) {
            try connection.execute("PRAGMA journal_mode = WAL")
            // FULL: a commit that was acknowledged survives a power loss.
            try connection.execute(
                """
                PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = OFF;
                PRAGMA journal_size_limit = \(Limits.journalBytes)
                """)
        } catch {
            throw StoreError(operation, error)
        }
        try migrator.migrate(connection)
        return connection
    }

    /// Ends reads, commits the changes that wait, closes the database and lets another server in.
    ///
    /// Blocks; must not be called from a completion.
    public func close() {
        pool.close()
        writer.close()
        directory.release()
    }

    /// Reads one state of the database; short, so it may be called on a server thread.
    ///
    /// Fails as `timedOut` or `busy` after `Limits.readTime`.
    public func read<Result>(
        _ body: (ReadSession) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try pool.read(wrapping: { StoreError("read the control database", $0) }) { connection throws(StoreError) in
            do throws(SQLiteError) {
                try connection.begin(.deferred)
            } catch {
                throw StoreError("read the control database", error)
            }
            // The pool ends the transaction.
            return try body(ReadSession(connection))
        }
    }

    /// Queues a change and returns; `completion` is called once, after the commit, on the writer's thread (on the
    /// caller's when the queue is full or the store closed), and must be short.
    ///
    /// Whatever `body` throws undoes this change alone. Without `isDurable` a power loss may take the change back: for what
    /// the destinations have recorded too.
    public func write<Value: Sendable>(
        isDurable: Bool = true, _ body: @escaping @Sendable (Transaction) throws(StoreError) -> Value,
        completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
    ) {
        writer.submit(
            Writer.Change(
                isDurable: isDurable,
                run: { transaction throws(StoreError) in
                    let value = try body(transaction)
                    return { completion(.success(value)) }
                }, fail: { completion(.failure($0)) }))
    }

    /// Makes a change and returns when it is committed; for worker threads, never for a server thread or a completion.
    @discardableResult
    public func write<Value: Sendable>(
        isDurable: Bool = true, _ body: @escaping @Sendable (Transaction) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        guard !writer.isCurrentThread else {
            throw StoreError(.internalError, "change the control database", "its own thread would wait for itself")
        }
        let outcome = Monitor<Result<Value, StoreError>?>(nil)
        write(isDurable: isDurable, body) { result in outcome.update { $0 = result } }
        guard let result = outcome.wait(for: { $0 }) else {
            throw StoreError(.internalError, "change the control database", "no outcome was given")
        }
        switch result {
        case .success(let value): return value
        case .failure(let error): throw error
        }
    }

    /// Has `handler` called after each commit that may have put a message into the outbox, on the writer's thread; it must
    /// be short. Nil takes it off.
    public func onMail(_ handler: (@Sendable (OutboxNews) -> Void)?) { writer.onMail(handler) }

    /// Has `handler` called after each commit that may have added events, on the writer's thread; it must be short. Nil
    /// takes it off.
    public func onEvents(_ handler: (@Sendable () -> Void)?) { writer.onEvents(handler) }

    /// Has `look` called with the pipelines that a transaction has touched, in that transaction; what it answers is called after
    /// the commit, before those are told whose changes they were. When it throws, what it has written is undone, what was
    /// touched is not, and `fail` is called after the commit. All on the writer's thread, and short.
    public func onTouch(
        _ look: @escaping @Sendable (Set<String>, Transaction) throws(StoreError) -> @Sendable () -> Void,
        fail: @escaping @Sendable (Set<String>, StoreError) -> Void
    ) {
        writer.onTouch(Writer.TouchHandler(look: look, fail: fail))
    }

    /// Looks at what is touched no more.
    public func endTouches() { writer.onTouch(nil) }

    /// Has `handler` called after each commit that has ended runs or changed backfills, on the writer's thread, before those
    /// are told whose changes they were; it must be short. Nil takes it off.
    public func onWork(_ handler: (@Sendable (WorkNews) -> Void)?) { writer.onWork(handler) }

    /// What it costs to keep the database, as it is now; asks the file system, never the database.
    public var figures: ControlFigures {
        ControlFigures(
            logBytes: directory.logBytes, oldestRead: pool.oldestRead, waitingChanges: writer.waiting)
    }

    /// Why nothing can be written: the disk's last refusal, until a change is committed again; nil when all is well.
    public var writeFailure: StoreError? { writer.failure }

    /// How many transactions the writer has committed.
    var commits: Int { writer.commits }
}
