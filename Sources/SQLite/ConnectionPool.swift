internal import CSQLite
public import Platform

/// A bounded number of read-only connections to one file, for threads that read a little and often.
///
/// May be used on any thread. They are opened when they are first needed.
public final class ConnectionPool: Sendable {
    private struct State: @unchecked Sendable {
        // SAFETY: a connection is in `idle`, which the monitor guards, or with the one thread that took it out.
        var idle: [Connection] = []
        var lent = 0
        var handles: [ObjectIdentifier: InterruptHandle] = [:]
        /// When each read in hand began, in uptime.
        var starts: [ObjectIdentifier: Duration] = [:]
        var closed = false
    }

    private enum Turn: @unchecked Sendable {
        // SAFETY: the connection goes from the monitor to the one thread that asked.
        case use(Connection)
        case open
        case closed
    }

    private let path: String
    private let capacity: Int
    private let monitor = Monitor(State())

    /// Makes a pool of at most `capacity` connections to the file at `path`; opens none yet.
    public init(path: String, capacity: Int) {
        self.path = path
        self.capacity = capacity
    }

    /// Runs `body` with a connection that nobody else uses, in one read transaction's worth of time.
    ///
    /// Waits up to `time` for a connection to be free, and stops statements that are still running when it has passed.
    /// Fails as busy when none came free, as interrupted when it was stopped, as misuse when the pool is closed.
    public func read<Result>(
        within time: Duration = Limits.readTime, _ body: (Connection) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        try read(within: time, wrapping: { $0 }, body)
    }

    /// As `read(within:_:)` for a `body` with errors of its own; `wrapping` makes SQLite's error one of those.
    public func read<Result, E: Error>(
        within time: Duration = Limits.readTime, wrapping: (SQLiteError) -> E,
        _ body: (Connection) throws(E) -> Result
    ) throws(E) -> Result {
        let clock = SystemClock()
        let end = clock.uptime() + time
        let connection: Connection
        do throws(SQLiteError) { connection = try take(within: time) } catch { throw wrapping(error) }
        defer { giveBack(connection) }
        let start = clock.uptime()
        monitor.update { $0.starts[ObjectIdentifier(connection)] = start }
        return try connection.withDeadline(after: end - clock.uptime()) { () throws(E) in try body(connection) }
    }

    /// The uptime at which the oldest of the reads in hand began; nil when there is none.
    public var oldestRead: Duration? { monitor.read { $0.starts.values.min() } }

    /// Closes the pool: later reads are refused, running statements interrupted; returns when all connections are closed.
    public func close() {
        let idle = monitor.update { state -> State in
            state.closed = true
            for handle in state.handles.values { handle.stop() }
            let before = state
            state.idle = []
            return before
        }
        for connection in idle.idle { connection.close() }
        _ = monitor.wait { $0.lent == 0 ? true : nil }
    }

    private func take(within time: Duration) throws(SQLiteError) -> Connection {
        let capacity = self.capacity
        let turn = monitor.wait(upTo: time) { state -> Turn? in
            if state.closed { return .closed }
            guard state.lent < capacity else { return nil }
            state.lent += 1
            return state.idle.popLast().map { .use($0) } ?? .open
        }
        switch turn {
        case .use(let connection):
            return connection
        case .open:
            do throws(SQLiteError) {
                let connection = try Connection(path: path, access: .readOnly)
                let handle = connection.interruptHandle
                monitor.update { state in
                    state.handles[ObjectIdentifier(connection)] = handle
                    if state.closed { handle.stop() }
                }
                return connection
            } catch {
                monitor.update { $0.lent -= 1 }
                throw error
            }
        case .closed:
            throw SQLiteError(code: SQLITE_MISUSE, operation: "read \(path)", message: "the pool is closed")
        case nil:
            throw SQLiteError(
                code: SQLITE_BUSY, operation: "read \(path)",
                message: "all \(capacity) connections stayed in use; try again")
        }
    }

    private func giveBack(_ connection: Connection) {
        let returned = Turn.use(connection)
        // What `body` left open would hold back checkpoints for ever.
        let clean: Bool
        do throws(SQLiteError) {
            try connection.rollback()
            clean = true
        } catch {
            clean = false
        }
        let place = ObjectIdentifier(connection)
        let keep = monitor.update { state -> Bool in
            state.starts[place] = nil
            let keep = clean && !state.closed
            if keep, case .use(let connection) = returned {
                state.idle.append(connection)
                state.lent -= 1
            }
            return keep
        }
        if keep { return }
        connection.close()
        monitor.update { state in
            state.handles[ObjectIdentifier(connection)] = nil
            state.lent -= 1
        }
    }
}
