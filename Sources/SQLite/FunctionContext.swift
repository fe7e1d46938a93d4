internal import CSQLite

/// The type of an argument.
public enum ValueType: Sendable, Hashable {
    /// NULL.
    case null
    /// A 64-bit signed integer.
    case integer
    /// A double-precision number.
    case real
    /// Text.
    case text
    /// Bytes.
    case blob
}

/// Where a function of SQL puts its result; valid during the call only.
public struct FunctionContext {
    private let context: OpaquePointer

    init(_ context: OpaquePointer) {
        self.context = context
    }

    /// Answers an integer.
    public func result(_ integer: Int64) { sqlite3_result_int64(context, integer) }

    /// Answers a real number.
    public func result(_ real: Double) { sqlite3_result_double(context, real) }

    /// Answers NULL.
    public func resultNull() { sqlite3_result_null(context) }

    /// Answers a copy of bytes as text.
    public func resultText(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress {
            strandline_sqlite_result_text(context, base, UInt64(bytes.count))
        } else {
            strandline_sqlite_result_text(context, "", 0)
        }
    }

    /// Answers a copy of bytes as a blob.
    public func resultBlob(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress {
            strandline_sqlite_result_blob(context, base, UInt64(bytes.count))
        } else {
            sqlite3_result_zeroblob(context, 0)
        }
    }

    /// Answers a value.
    public func result(_ value: Value) {
        switch value {
        case .null: resultNull()
        case .integer(let integer): result(integer)
        case .real(let real): result(real)
        case .text(let text): text.bytes.withUnsafeBytes { resultText($0) }
        case .blob(let bytes): bytes.withUnsafeBytes { resultBlob($0) }
        }
    }

    /// Answers an argument as it is.
    public func result(_ arguments: FunctionArguments, at index: Int) {
        guard let value = arguments[index] else { return resultNull() }
        sqlite3_result_value(context, value)
    }

    /// Makes the statement fail with a message.
    public func fail(_ message: String) {
        let bytes = Array(message.utf8)
        bytes.withUnsafeBytes { bytes in
            sqlite3_result_error(
                context, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: bytes.count))
        }
    }
}

/// The arguments of a call from SQL; valid during the call only.
public struct FunctionArguments {
    /// How many there are.
    public let count: Int
    private let values: UnsafeMutablePointer<OpaquePointer?>?

    init(count: Int, values: UnsafeMutablePointer<OpaquePointer?>?) {
        self.count = count
        self.values = values
    }

    subscript(index: Int) -> OpaquePointer? {
        precondition(index >= 0 && index < count, "the function was not called with that many arguments")
        return values?[index]
    }

    /// The type of the argument at `index`, from 0.
    public func type(_ index: Int) -> ValueType {
        switch sqlite3_value_type(self[index]) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    /// The argument as an integer, converted as SQL's CAST does.
    public func integer(_ index: Int) -> Int64 { sqlite3_value_int64(self[index]) }

    /// The argument as a real number, converted as SQL's CAST does.
    public func real(_ index: Int) -> Double { sqlite3_value_double(self[index]) }

    /// The bytes of a text or blob, valid until the call ends; those of the decimal form for a number.
    public func bytes(_ index: Int) -> UnsafeRawBufferPointer {
        let value = self[index]
        // For text the pointer is asked for as text, so that a UTF-16 database gives UTF-8.
        let start: UnsafeRawPointer? =
            sqlite3_value_type(value) == SQLITE_BLOB
            ? sqlite3_value_blob(value) : sqlite3_value_text(value).map { UnsafeRawPointer($0) }
        return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_value_bytes(value)))
    }

    /// A copy of the argument.
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
