internal import CSQLite

/// The rows of a running statement one after the other, read where SQLite holds them: for millions of rows, of which
/// few are kept.
///
/// Belongs to the connection's thread; what it gives of a row is valid until the next.
public final class RowReader {
    private let statement: Statement
    private let pointer: OpaquePointer
    /// Whether it stands on a row.
    public private(set) var hasRow = false

    init(_ statement: Statement) {
        self.statement = statement
        pointer = statement.pointer
    }

    /// Goes on to the next row; false when there is none.
    @discardableResult
    public func next() throws(SQLiteError) -> Bool {
        hasRow = try statement.step()
        return hasRow
    }

    /// The type of the value at `index`, from 0.
    public func type(_ index: Int) -> ValueType {
        switch sqlite3_column_type(pointer, Int32(truncatingIfNeeded: index)) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    /// The value at `index` as an integer; 0 for what is none.
    public func integer(_ index: Int) -> Int64 { sqlite3_column_int64(pointer, Int32(truncatingIfNeeded: index)) }

    /// The value at `index` as a real number.
    public func real(_ index: Int) -> Double { sqlite3_column_double(pointer, Int32(truncatingIfNeeded: index)) }

    /// The bytes of the text or blob at `index`; valid until the next row.
    public func bytes(_ index: Int) -> UnsafeRawBufferPointer {
        let column = Int32(truncatingIfNeeded: index)
        let start =
            sqlite3_column_type(pointer, column) == SQLITE_BLOB
            ? sqlite3_column_blob(pointer, column)
            : sqlite3_column_text(pointer, column).map { UnsafeRawPointer($0) }
        return UnsafeRawBufferPointer(
            start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(pointer, column)))
    }

    /// A copy of the value at `index`.
    public func value(_ index: Int) -> Value {
        switch type(index) {
        case .null: .null
        case .integer: .integer(integer(index))
        case .real: .real(real(index))
        case .text: .text(Text(bytes: Array(bytes(index))))
        case .blob: .blob(Array(bytes(index)))
        }
    }
}

extension Connection {
    /// Runs a statement and lets `body` read its rows; the statement ends with it.
    ///
    /// Other statements of the connection may run meanwhile, such as a second reader.
    public func reading<Result, E: Error>(
        _ sql: String, _ parameters: [Value] = [], wrapping: (SQLiteError) -> E, _ body: (RowReader) throws(E) -> Result
    ) throws(E) -> Result {
        var outcome: Swift.Result<Result, E>?
        do throws(SQLiteError) {
            try withStatement(sql, parameters) { statement throws(SQLiteError) in
                outcome = Swift.Result { () throws(E) in try body(RowReader(statement)) }
            }
        } catch {
            throw wrapping(error)
        }
        guard let outcome else {
            throw wrapping(SQLiteError(code: SQLITE_MISUSE, operation: "read rows", message: "nothing was read"))
        }
        return try outcome.get()
    }
}
