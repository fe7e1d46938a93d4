internal import CSQLite

/// When a transaction takes its locks.
public enum TransactionKind: String, Sendable, Hashable {
    /// With its first read or write. For reading only: the step from reading to writing fails at once when another
    /// connection has written in between.
    case deferred = "BEGIN DEFERRED"
    /// The write lock of every database that is open for writing, at once.
    case immediate = "BEGIN IMMEDIATE"
}

extension Connection {
    /// Opens a transaction. From here to `commit` or `rollback` statements are refused once an error of SQLite's
    /// (an interrupt, a full disk) has rolled the transaction back, so that none is committed by itself.
    public func begin(_ kind: TransactionKind = .immediate) throws(SQLiteError) {
        _ = try run(kind.rawValue)
        expectsTransaction = true
    }

    /// Makes the transaction's changes last; after an error it is still open, or was rolled back.
    public func commit() throws(SQLiteError) {
        _ = try run("COMMIT")
        expectsTransaction = false
    }

    /// Undoes the transaction's changes; let through when the work is stopped or interrupted, does nothing when no
    /// transaction is open.
    ///
    /// Statements that are still running on this connection are ended first.
    public func rollback() throws(SQLiteError) {
        expectsTransaction = false
        guard inTransaction else { return }
        let database = try database(for: "ROLLBACK")
        let code = interruptHandle.shielding {
            // An interrupt lasts until no statement runs, and would stop the rollback too.
            var statement = sqlite3_next_stmt(database, nil)
            while let running = statement {
                if sqlite3_stmt_busy(running) != 0 { sqlite3_reset(running) }
                statement = sqlite3_next_stmt(database, running)
            }
            return sqlite3_exec(database, "ROLLBACK", nil, nil, nil)
        }
        guard code == SQLITE_OK || !inTransaction else { throw SQLiteError(database, code, operation: "ROLLBACK") }
    }

    /// Runs `body` in a transaction: commits when it returns, rolls back when it or the commit throws.
    public func transaction<Result>(
        _ kind: TransactionKind = .immediate, _ body: () throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        try transaction(kind, wrapping: { $0 }, body)
    }

    /// As `transaction(_:_:)` for a `body` with errors of its own; `wrapping` makes SQLite's error one of those.
    public func transaction<Result, E: Error>(
        _ kind: TransactionKind = .immediate, wrapping: (SQLiteError) -> E, _ body: () throws(E) -> Result
    ) throws(E) -> Result {
        do throws(SQLiteError) { try begin(kind) } catch { throw wrapping(error) }
        let result: Result
        do throws(E) {
            result = try body()
        } catch {
            // The first error is the one to report; a transaction that cannot be undone ends with the connection.
            do throws(SQLiteError) { try rollback() } catch { close() }
            throw error
        }
        do throws(SQLiteError) {
            try commit()
        } catch let failure {
            do throws(SQLiteError) { try rollback() } catch { close() }
            throw wrapping(failure)
        }
        return result
    }
}
