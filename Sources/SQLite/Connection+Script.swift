internal import CSQLite

/// Rows that a statement changed itself, not through triggers. Of a virtual table, those of the tables that it lies in.
public struct RowChanges: Sendable, Equatable {
    /// Rows it inserted.
    public var inserted = 0
    /// Rows it updated.
    public var updated = 0
    /// Rows it deleted, those that made way for inserted ones included.
    public var deleted = 0
}

extension Connection {
    /// Runs one statement of a person's own to its end, with values for parameters by their names, and counts the rows
    /// of `main` that it changed. Rows that it answers are passed over.
    ///
    /// A parameter without a value is an error.
    public func run(_ sql: String, named values: [String: Value]) throws(SQLiteError) -> RowChanges {
        // Set before the statement is prepared: without the hook SQLite empties a whole table uncounted.
        try countingChanges { () throws(SQLiteError) in
            try withStatement(sql, binding: { statement throws(SQLiteError) in try statement.bind(named: values) }) {
                statement throws(SQLiteError) in
                while try statement.step() {}
            }
        }
    }

    private func countingChanges(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) -> RowChanges {
        let database = try database(for: "count changes")
        let changes = UnsafeMutablePointer<RowChanges>.allocate(capacity: 1)
        changes.initialize(to: RowChanges())
        _ = sqlite3_preupdate_hook(
            database,
            { changes, database, operation, schema, _, _, _ in
                guard sqlite3_preupdate_depth(database) == 0, let schema,
                    schema[0] == CChar(UInt8(ascii: "m")), schema[4] == 0,
                    let changes = changes?.assumingMemoryBound(to: RowChanges.self)
                else { return }
                switch operation {
                case SQLITE_INSERT: changes.pointee.inserted += 1
                case SQLITE_UPDATE: changes.pointee.updated += 1
                default: changes.pointee.deleted += 1
                }
            }, changes)
        defer {
            _ = sqlite3_preupdate_hook(database, nil, nil)
            changes.deallocate()
        }
        try body()
        return changes.pointee
    }
}

extension Statement {
    /// Binds all parameters by their names; each must have a value.
    func bind(named values: [String: Value]) throws(SQLiteError) {
        let count = sqlite3_bind_parameter_count(pointer)
        var ordered: [Value] = []
        for index in 0..<count {
            let name = sqlite3_bind_parameter_name(pointer, index + 1).map { String(cString: $0) } ?? "?"
            guard let value = values[name] else {
                throw SQLiteError(
                    code: SQLITE_RANGE, operation: SQLiteError.operation(sql),
                    message: "the parameter \(name) has no value")
            }
            ordered.append(value)
        }
        try bind(ordered)
    }
}
