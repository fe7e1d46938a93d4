internal import CSQLite

/// One row of a result, copied out of SQLite.
public struct Row: Sendable {
    /// The values, in the order of the statement's columns.
    public let values: [Value]
    let columns: ColumnNames

    /// The number of columns.
    public var count: Int { values.count }

    /// The names of the columns as the statement gives them.
    public var names: [String] { columns.names }

    /// The value of the column at `index`, from 0.
    public subscript(index: Int) -> Value { values[index] }

    /// The value of the first column called `name`, which the statement must have.
    public subscript(name: String) -> Value {
        guard let index = columns.indexes[name] else { preconditionFailure("the statement has no column \(name)") }
        return values[index]
    }

    /// The integer in a column; an error for any other type.
    public func int(_ name: String) throws(SQLiteError) -> Int64 {
        guard case .integer(let integer) = self[name] else { throw mismatch(name, "an integer") }
        return integer
    }

    /// The integer in a column, nil for NULL; an error for any other type.
    public func optionalInt(_ name: String) throws(SQLiteError) -> Int64? {
        self[name].isNull ? nil : try int(name)
    }

    /// Whether the integer in a column is not 0; an error for any other type.
    public func bool(_ name: String) throws(SQLiteError) -> Bool {
        try int(name) != 0
    }

    /// The number in a column, an integer or a real; an error for any other type.
    public func real(_ name: String) throws(SQLiteError) -> Double {
        switch self[name] {
        case .real(let real): return real
        case .integer(let integer): return Double(integer)
        default: throw mismatch(name, "a number")
        }
    }

    /// The text in a column as a string; an error for any other type and for bytes that are not UTF-8.
    public func text(_ name: String) throws(SQLiteError) -> String {
        guard let string = self[name].string else { throw mismatch(name, "UTF-8 text") }
        return string
    }

    /// The text in a column as a string, nil for NULL; an error for any other type and for bytes that are not UTF-8.
    public func optionalText(_ name: String) throws(SQLiteError) -> String? {
        self[name].isNull ? nil : try text(name)
    }

    /// The bytes of a blob in a column; an error for any other type.
    public func blob(_ name: String) throws(SQLiteError) -> [UInt8] {
        guard case .blob(let bytes) = self[name] else { throw mismatch(name, "a blob") }
        return bytes
    }

    private func mismatch(_ name: String, _ expected: String) -> SQLiteError {
        SQLiteError(
            code: SQLITE_MISMATCH, operation: "read column \(name)",
            message: "expected \(expected), found \(self[name].typeName)")
    }
}

/// The column names of one statement, shared by its rows.
final class ColumnNames: Sendable {
    let names: [String]
    let indexes: [String: Int]

    init(_ names: [String]) {
        self.names = names
        indexes = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
    }
}
