internal import CSQLite
internal import Platform

extension Connection {
    /// Runs statements to their end: one when there are parameters, else as many as `sql` holds.
    public func execute(_ sql: String, _ parameters: [Value] = []) throws(SQLiteError) {
        if !parameters.isEmpty {
            _ = try run(sql, parameters)
            return
        }
        let database = try database(for: SQLiteError.operation(sql))
        try refuseNUL(in: sql)
        var start = 0
        while let statement = try Statement.next(in: sql, from: &start, database: database, lasting: false) {
            try use(statement) { statement throws(SQLiteError) in
                try statement.bind([])
                while try statement.step() {}
            }
        }
    }

    /// Runs one statement to its end; answers the rows it inserted, updated or deleted itself, 0 for any other kind.
    @discardableResult
    public func run(_ sql: String, _ parameters: [Value] = []) throws(SQLiteError) -> Int {
        try withStatement(sql, parameters) { statement throws(SQLiteError) in
            let database = try database(for: SQLiteError.operation(sql))
            let before = sqlite3_total_changes64(database)
            while try statement.step() {}
            // Other statements leave the count of the last change as it was.
            return sqlite3_total_changes64(database) == before ? 0 : Int(sqlite3_changes64(database))
        }
    }

    /// Runs one statement; answers all its rows.
    public func rows(_ sql: String, _ parameters: [Value] = []) throws(SQLiteError) -> [Row] {
        try withStatement(sql, parameters) { statement throws(SQLiteError) in
            var rows: [Row] = []
            while try statement.step() { rows.append(try statement.row()) }
            return rows
        }
    }

    /// Runs one statement to its end; answers its first row, nil when it has none.
    ///
    /// A statement that writes is run to its end all the same.
    public func first(_ sql: String, _ parameters: [Value] = []) throws(SQLiteError) -> Row? {
        try withStatement(sql, parameters) { statement throws(SQLiteError) in
            guard try statement.step() else { return nil }
            let row = try statement.row()
            if !statement.isReadOnly { while try statement.step() {} }
            return row
        }
    }

    /// Runs one statement and hands each row to `body` until that answers false.
    public func forEach(
        _ sql: String, _ parameters: [Value] = [], _ body: (Row) throws(SQLiteError) -> Bool
    ) throws(SQLiteError) {
        try withStatement(sql, parameters) { statement throws(SQLiteError) in
            while try statement.step() {
                if try !body(try statement.row()) { break }
            }
        }
    }

    /// The columns that a statement would answer; prepares it and runs nothing.
    public func resultColumns(of sql: String) throws(SQLiteError) -> [ResultColumn] {
        try prepareSingle(sql, lasting: false).resultColumns
    }

    /// Whether a statement leaves all database files unchanged; an error unless `sql` is exactly one statement.
    public func isReadOnly(_ sql: String) throws(SQLiteError) -> Bool {
        try prepareSingle(sql, lasting: false).isReadOnly
    }

    /// Stops statements that `body` runs once `time` has passed; they fail as interrupted.
    public func withDeadline<Result, E: Error>(
        after time: Duration, _ body: () throws(E) -> Result
    ) throws(E) -> Result {
        let outer = supervision.deadline
        let own = SystemClock().uptime() + time
        supervision.deadline = outer.map { min($0, own) } ?? own
        defer { supervision.deadline = outer }
        return try body()
    }

    func withStatement<Result>(
        _ sql: String, _ parameters: [Value], _ body: (Statement) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        try withStatement(sql, binding: { statement throws(SQLiteError) in try statement.bind(parameters) }, body)
    }

    func withStatement<Result>(
        _ sql: String, binding bind: (Statement) throws(SQLiteError) -> Void,
        _ body: (Statement) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        // Statements of users are many and used once: they would push ours out.
        let cached = authorizer == nil
        let statement: Statement
        if cached, let found = cache.take(sql) {
            statement = found
        } else {
            statement = try prepareSingle(sql, lasting: cached)
        }
        defer { if cached { cache.put(statement) } }
        return try use(statement) { statement throws(SQLiteError) in
            try bind(statement)
            return try body(statement)
        }
    }

    private func use<Result>(
        _ statement: Statement, _ body: (Statement) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        if interruptHandle.isStopped {
            throw SQLiteError(
                code: SQLITE_INTERRUPT, operation: SQLiteError.operation(statement.sql), message: "the work was stopped"
            )
        }
        if expectsTransaction, !inTransaction {
            // Going on would commit each statement by itself.
            throw SQLiteError(
                code: CodeOf.abortRollback, operation: SQLiteError.operation(statement.sql),
                message: "an earlier error has rolled the transaction back")
        }
        supervision.start()
        defer { statement.reset() }
        do {
            return try body(statement)
        } catch {
            throw explained(error)
        }
    }

    /// The same error, told apart from what SQLite reports in its place.
    private func explained(_ error: SQLiteError) -> SQLiteError {
        if error.isBusy, supervision.gaveUpWaiting {
            return SQLiteError(
                code: SQLITE_INTERRUPT, operation: error.operation, message: "stopped while it waited for a lock")
        }
        if error.isInterrupted, supervision.missedDeadline {
            return SQLiteError(code: error.code, operation: error.operation, message: "it ran longer than it may")
        }
        return error
    }

    /// Prepares what must be exactly one statement.
    private func prepareSingle(_ sql: String, lasting: Bool) throws(SQLiteError) -> Statement {
        let database = try database(for: SQLiteError.operation(sql))
        try refuseNUL(in: sql)
        var start = 0
        guard let statement = try Statement.next(in: sql, from: &start, database: database, lasting: lasting) else {
            throw SQLiteError(
                code: SQLITE_MISUSE, operation: SQLiteError.operation(sql), message: "there is no statement")
        }
        let more: Bool
        do throws(SQLiteError) {
            more = try Statement.next(in: sql, from: &start, database: database, lasting: false) != nil
        } catch {
            more = true
        }
        if more {
            throw SQLiteError(
                code: SQLITE_MISUSE, operation: SQLiteError.operation(sql),
                message: "there is more than one statement; give exactly one")
        }
        return statement
    }

    /// SQLite would take the text before a NUL for the whole.
    private func refuseNUL(in sql: String) throws(SQLiteError) {
        guard !sql.utf8.contains(0) else {
            throw SQLiteError(
                code: SQLITE_MISUSE, operation: SQLiteError.operation(sql), message: "the statement holds a NUL byte")
        }
    }
}
