internal import CSQLite

/// What a function of SQL does when it is called.
///
/// Called on the connection's thread while a statement runs; it must not use the connection.
public protocol ScalarFunctionBody: AnyObject {
    /// Gives the result through `context`, once; without a result it is NULL.
    func call(_ context: FunctionContext, _ arguments: FunctionArguments)
}

/// A function to be called from SQL on one connection.
public struct ScalarFunction {
    /// The name in SQL.
    public let name: String
    /// The number of arguments; nil for any number.
    public let arguments: Int?
    /// Whether equal arguments always give an equal result, so that SQLite may call it once for many rows.
    public let isDeterministic: Bool
    /// Whether triggers, views and indexes may call it too.
    public let isInnocuous: Bool
    let body: any ScalarFunctionBody

    /// Describes a function.
    public init(
        name: String, arguments: Int?, isDeterministic: Bool = true, isInnocuous: Bool = false,
        body: any ScalarFunctionBody
    ) {
        self.name = name
        self.arguments = arguments
        self.isDeterministic = isDeterministic
        self.isInnocuous = isInnocuous
        self.body = body
    }
}

extension Connection {
    /// Makes a function known to this connection, in place of one of the same name and number of arguments.
    public func createFunction(_ function: ScalarFunction) throws(SQLiteError) {
        let operation = "create function \(function.name)"
        let database = try database(for: operation)
        guard !function.name.utf8.contains(0) else {
            throw SQLiteError(code: SQLITE_MISUSE, operation: operation, message: "the name holds a NUL byte")
        }
        var flags = SQLITE_UTF8
        if function.isDeterministic { flags |= SQLITE_DETERMINISTIC }
        flags |= function.isInnocuous ? SQLITE_INNOCUOUS : SQLITE_DIRECTONLY
        let box = Unmanaged.passRetained(FunctionBox(function.body))
        let code = sqlite3_create_function_v2(
            database, function.name, Int32(clamping: function.arguments ?? -1), flags, box.toOpaque(),
            { context, count, values in
                guard let context, let box = sqlite3_user_data(context) else { return }
                // No retain and no release: this runs a million times a load.
                Unmanaged<FunctionBox>.fromOpaque(box)._withUnsafeGuaranteedRef { box in
                    box.body.call(FunctionContext(context), FunctionArguments(count: Int(count), values: values))
                }
            }, nil, nil,
            { box in
                if let box { Unmanaged<FunctionBox>.fromOpaque(box).release() }
            })
        // SQLite has released the box when it failed.
        guard code == SQLITE_OK else { throw SQLiteError(database, code, operation: operation) }
    }
}

private final class FunctionBox {
    let body: any ScalarFunctionBody

    init(_ body: any ScalarFunctionBody) {
        self.body = body
    }
}
