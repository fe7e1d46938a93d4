internal import CSQLite
internal import Platform

/// The switches and limits under which every database is opened, ours or a user's.
enum Hardening {
    /// Sets them before the first statement of a connection.
    static func apply(to database: OpaquePointer) throws(SQLiteError) {
        let switches: [(option: Int32, on: Int32)] = [
            (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
            (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0), (SQLITE_DBCONFIG_DQS_DML, 0), (SQLITE_DBCONFIG_DQS_DDL, 0),
        ]
        for (option, on) in switches {
            let code = strandline_sqlite_switch(database, option, on)
            if code != SQLITE_OK { throw SQLiteError(database, code, operation: "configure SQLite") }
        }
        sqlite3_limit(database, SQLITE_LIMIT_LENGTH, Int32(Limits.valueBytes))
        sqlite3_limit(database, SQLITE_LIMIT_SQL_LENGTH, Int32(Limits.statementBytes))
        sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, Int32(Limits.attachedDatabases))
        sqlite3_limit(database, SQLITE_LIMIT_TRIGGER_DEPTH, Int32(Limits.triggerDepth))
        sqlite3_limit(database, SQLITE_LIMIT_WORKER_THREADS, 0)
    }

    /// Statements that belong to it, run once the connection is there.
    static let pragmas = "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0"

    /// Runs `body` under the tighter limits for statements that a user wrote.
    static func limitingUserStatements<Result, E: Error>(
        _ database: OpaquePointer, _ body: () throws(E) -> Result
    ) throws(E) -> Result {
        let limits: [(limit: Int32, value: Int)] = [
            (SQLITE_LIMIT_EXPR_DEPTH, Limits.userExpressionDepth),
            (SQLITE_LIMIT_COMPOUND_SELECT, Limits.userCompoundSelects),
            (SQLITE_LIMIT_VDBE_OP, Limits.userInstructions),
        ]
        let before = limits.map { sqlite3_limit(database, $0.limit, Int32($0.value)) }
        defer { for (index, value) in before.enumerated() { sqlite3_limit(database, limits[index].limit, value) } }
        return try body()
    }
}
