internal import CSQLite

/// One prepared statement; each use is bind, step and reset.
///
/// Belongs to the thread that uses its connection.
final class Statement {
    let sql: String
    let pointer: OpaquePointer
    private let database: OpaquePointer
    private var columns: ColumnNames?
    private var preparations: Int32 = 0

    /// Prepares the first statement of `sql` from the byte at `start`, moving `start` behind it; nil where only white
    /// space and comments are left.
    static func next(
        in sql: String, from start: inout Int, database: OpaquePointer, lasting: Bool
    ) throws(SQLiteError) -> Statement? {
        var pointer: OpaquePointer?
        var sql = sql
        let (code, used) = sql.withUTF8 { bytes -> (Int32, Int) in
            guard let base = bytes.baseAddress, start < bytes.count else { return (SQLITE_OK, bytes.count) }
            let from = UnsafeRawPointer(base + start).assumingMemoryBound(to: CChar.self)
            var tail: UnsafePointer<CChar>?
            let flags = lasting ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
            let code = sqlite3_prepare_v3(database, from, Int32(clamping: bytes.count - start), flags, &pointer, &tail)
            return (code, tail.map { start + ($0 - from) } ?? bytes.count)
        }
        guard code == SQLITE_OK else { throw SQLiteError(database, code, preparing: sql) }
        start = used
        return pointer.map { Statement(sql: sql, pointer: $0, database: database) }
    }

    private init(sql: String, pointer: OpaquePointer, database: OpaquePointer) {
        self.sql = sql
        self.pointer = pointer
        self.database = database
    }

    deinit {
        sqlite3_finalize(pointer)
    }

    /// Whether it leaves the database file unchanged.
    var isReadOnly: Bool { sqlite3_stmt_readonly(pointer) != 0 }

    /// Binds all parameters; their number must be the statement's own.
    func bind(_ parameters: [Value]) throws(SQLiteError) {
        let expected = Int(sqlite3_bind_parameter_count(pointer))
        guard parameters.count == expected else {
            throw SQLiteError(
                code: SQLITE_RANGE, operation: SQLiteError.operation(sql),
                message: "the statement has \(expected) parameters, \(parameters.count) were given")
        }
        var index: Int32 = 0
        for parameter in parameters {
            index += 1
            let code = bind(parameter, at: index)
            if code != SQLITE_OK { throw failure(code) }
        }
    }

    private func bind(_ value: Value, at index: Int32) -> Int32 {
        switch value {
        case .null: sqlite3_bind_null(pointer, index)
        case .integer(let integer): sqlite3_bind_int64(pointer, index, integer)
        case .real(let real): sqlite3_bind_double(pointer, index, real)
        case .text(let text) where text.bytes.isEmpty: strandline_sqlite_bind_text(pointer, index, "", 0)
        case .text(let text): strandline_sqlite_bind_text(pointer, index, text.bytes, UInt64(text.bytes.count))
        case .blob(let bytes) where bytes.isEmpty: sqlite3_bind_zeroblob(pointer, index, 0)
        case .blob(let bytes): strandline_sqlite_bind_blob(pointer, index, bytes, UInt64(bytes.count))
        }
    }

    /// Goes on to the next row; false when there is none.
    func step() throws(SQLiteError) -> Bool {
        let code = sqlite3_step(pointer)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw failure(code)
        }
    }

    /// Ends the use: gives locks back and forgets the bound values.
    func reset() {
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }

    /// A copy of the row that `step` has reached.
    func row() throws(SQLiteError) -> Row {
        let count = sqlite3_column_count(pointer)
        var values: [Value] = []
        values.reserveCapacity(Int(count))
        for index in 0..<count { values.append(try value(at: index)) }
        return Row(values: values, columns: columnNames(count))
    }

    private func value(at index: Int32) throws(SQLiteError) -> Value {
        switch sqlite3_column_type(pointer, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(pointer, index))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(pointer, index))
        case SQLITE_TEXT:
            // Only text that memory could not be found for has no pointer.
            guard let start = sqlite3_column_text(pointer, index) else { throw failure(SQLITE_NOMEM) }
            let count = Int(sqlite3_column_bytes(pointer, index))
            return .text(Text(bytes: Array(UnsafeBufferPointer(start: start, count: count))))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(pointer, index)
            let count = Int(sqlite3_column_bytes(pointer, index))
            if start == nil, count > 0 { throw failure(SQLITE_NOMEM) }
            return .blob(Array(UnsafeRawBufferPointer(start: start, count: count)))
        default: return .null
        }
    }

    private func columnNames(_ count: Int32) -> ColumnNames {
        // SQLite prepares a statement anew after a schema change, which may change its columns.
        let preparations = sqlite3_stmt_status(pointer, SQLITE_STMTSTATUS_REPREPARE, 0)
        if let columns, preparations == self.preparations { return columns }
        let made = ColumnNames((0..<count).map { sqlite3_column_name(pointer, $0).map { String(cString: $0) } ?? "" })
        columns = made
        self.preparations = preparations
        return made
    }

    /// The columns of the result, as far as SQLite knows them before it runs.
    var resultColumns: [ResultColumn] {
        func text(_ name: UnsafePointer<CChar>?) -> String? { name.map { String(cString: $0) } }
        return (0..<sqlite3_column_count(pointer)).map { index in
            ResultColumn(
                name: text(sqlite3_column_name(pointer, index)) ?? "",
                declaredType: text(sqlite3_column_decltype(pointer, index)),
                database: text(sqlite3_column_database_name(pointer, index)),
                table: text(sqlite3_column_table_name(pointer, index)),
                column: text(sqlite3_column_origin_name(pointer, index)))
        }
    }

    private func failure(_ code: Int32) -> SQLiteError { SQLiteError(database, code, preparing: sql) }
}

extension SQLiteError {
    /// The error that `database` reports for `code`, met in `sql`.
    init(_ database: OpaquePointer, _ code: Int32, preparing sql: String) {
        self.init(database, code, operation: SQLiteError.operation(sql))
    }

    /// The error that `database` reports for `code`.
    init(_ database: OpaquePointer, _ code: Int32, operation: String) {
        // The connection's own message is about its last failure, which is another one when the codes differ.
        let own = sqlite3_extended_errcode(database) & 0xFF == code & 0xFF
        let message = own ? sqlite3_errmsg(database) : sqlite3_errstr(code)
        self.init(code: code, operation: operation, message: message.map { String(cString: $0) } ?? "unknown error")
    }

    /// The start of a statement on one line, enough to find it by.
    static func operation(_ sql: String) -> String {
        let words = sql.split(maxSplits: 40, whereSeparator: \.isWhitespace).prefix(40).joined(separator: " ")
        return words.count <= 160 ? words : words.prefix(160) + "…"
    }
}
