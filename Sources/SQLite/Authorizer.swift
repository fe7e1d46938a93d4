internal import CSQLite

/// Decides, while a statement is prepared, what that statement may do.
public struct Authorizer {
    /// One thing that a statement does.
    public enum Action: Sendable, Hashable {
        /// It is, or holds, a SELECT.
        case select
        /// It reads a column, or with an empty name only counts rows.
        ///
        /// Then the database is empty too, unless the statement names one. Reading the row number, under whatever
        /// name, is reading no column.
        case read(database: String, table: String, column: String)
        /// It calls a function.
        case function(String)
        /// It holds a recursive common table expression.
        case recursive
        /// It inserts into a table, updates or deletes there; in a trigger, whose name it is then, or by itself.
        case write(table: String, trigger: String?)
        /// It makes or alters a table, an index, a view or a trigger of this name, on this table.
        case define(name: String, table: String)
        /// It drops one.
        case drop(name: String, table: String)
        /// It makes or drops a virtual table of this kind.
        case module(String)
        /// It is, or calls as a table, a pragma.
        case pragma(String, hasArgument: Bool)
        /// It attaches or detaches a database.
        case attach
        /// It begins or ends a transaction or a savepoint.
        case transaction
        /// Anything else; SQLite's number for it.
        case other(Int32)
    }

    let allows: (Action) -> Bool

    /// Makes an authorizer that refuses every action for which `allows` answers false.
    public init(_ allows: @escaping (Action) -> Bool) {
        self.allows = allows
    }

    /// The same authorizer, which tells `watch` of each action before it decides.
    public func watching(_ watch: @escaping (Action) -> Void) -> Authorizer {
        Authorizer { action in
            watch(action)
            return allows(action)
        }
    }

    /// Lets a statement read the tables of these databases, call functions and nothing else.
    ///
    /// Virtual tables that show the inside of SQLite are refused. SQLite does not say which database a table lies in
    /// when the statement names none and reads no column of it; `bare` answers whether such a table may be read.
    public static func reading(
        _ databases: Set<String>, bare: @escaping (_ table: String) -> Bool = { _ in false }
    ) -> Authorizer {
        Authorizer { action in
            switch action {
            case .select, .recursive: true
            case .function(let name): !refusedFunctions.contains(name.lowercased())
            case .read(let database, let table, let column):
                // SQLite places table-valued functions in `main`, whatever is read from.
                tableFunctions.contains(table.lowercased())
                    || (databases.contains(database) && !isInternal(table.lowercased()))
                    || (database.isEmpty && column.isEmpty && !isInternal(table.lowercased())
                        && !table.lowercased().hasPrefix("sqlite_") && bare(table))
            case .write, .define, .drop, .module, .pragma, .attach, .transaction, .other: false
            }
        }
    }

    static let refusedFunctions: Set<String> = ["load_extension", "fts3_tokenizer", "sqlite_log"]
    private static let tableFunctions: Set<String> = ["json_each", "json_tree"]

    static func isInternal(_ table: String) -> Bool {
        table.hasPrefix("pragma_")
            || [
                "sqlite_stmt", "sqlite_dbpage", "dbstat", "sqlite_dbdata", "bytecode", "tables_used",
            ].contains(table)
    }
}

extension Connection {
    /// Prepares and runs what `body` asks for under `authorizer` and under the tighter limits for SQL that a user
    /// wrote; what it does not let through fails as unauthorized.
    public func withAuthorizer<Result, E: Error>(
        _ authorizer: Authorizer, _ body: () throws(E) -> Result
    ) throws(E) -> Result {
        guard let database = try? database(for: "authorize") else { return try body() }
        prepareTableFunctions()
        let outer = self.authorizer
        let box = AuthorizerBox(authorizer)
        self.authorizer = box
        box.install(on: database)
        defer {
            self.authorizer = outer
            if let outer { outer.install(on: database) } else { sqlite3_set_authorizer(database, nil, nil) }
        }
        return try Hardening.limitingUserStatements(database, body)
    }

    /// Uses the table-valued functions once: their first use declares a table, which an authorizer would have to allow.
    private func prepareTableFunctions() {
        guard authorizer == nil, !knowsTableFunctions else { return }
        knowsTableFunctions = (try? first("SELECT 1 FROM json_each('[]'), json_tree('[]')")) != nil
    }
}

/// An authorizer with an address that SQLite can hold.
final class AuthorizerBox {
    private let authorizer: Authorizer

    init(_ authorizer: Authorizer) {
        self.authorizer = authorizer
    }

    func install(on database: OpaquePointer) {
        sqlite3_set_authorizer(
            database,
            { context, code, first, second, third, fourth in
                guard let context else { return SQLITE_DENY }
                let box = Unmanaged<AuthorizerBox>.fromOpaque(context).takeUnretainedValue()
                return box.authorizer.allows(action(code, first, second, third, fourth)) ? SQLITE_OK : SQLITE_DENY
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}

private func action(
    _ code: Int32, _ first: UnsafePointer<CChar>?, _ second: UnsafePointer<CChar>?, _ third: UnsafePointer<CChar>?,
    _ fourth: UnsafePointer<CChar>?
) -> Authorizer.Action {
    func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
    return switch code {
    case SQLITE_SELECT: .select
    case SQLITE_READ: .read(database: text(third), table: text(first), column: text(second))
    case SQLITE_FUNCTION: .function(text(second))
    case SQLITE_RECURSIVE: .recursive
    case SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE:
        .write(table: text(first), trigger: fourth.map { String(cString: $0) })
    case SQLITE_CREATE_INDEX, SQLITE_CREATE_TEMP_INDEX, SQLITE_CREATE_TRIGGER, SQLITE_CREATE_TEMP_TRIGGER:
        .define(name: text(first), table: text(second))
    case SQLITE_CREATE_TABLE, SQLITE_CREATE_TEMP_TABLE, SQLITE_CREATE_VIEW, SQLITE_CREATE_TEMP_VIEW:
        .define(name: text(first), table: text(first))
    case SQLITE_DROP_INDEX, SQLITE_DROP_TEMP_INDEX, SQLITE_DROP_TRIGGER, SQLITE_DROP_TEMP_TRIGGER:
        .drop(name: text(first), table: text(second))
    case SQLITE_DROP_TABLE, SQLITE_DROP_TEMP_TABLE, SQLITE_DROP_VIEW, SQLITE_DROP_TEMP_VIEW:
        .drop(name: text(first), table: text(first))
    case SQLITE_ALTER_TABLE: .define(name: text(second), table: text(second))
    case SQLITE_CREATE_VTABLE, SQLITE_DROP_VTABLE: .module(text(second))
    case SQLITE_PRAGMA: .pragma(text(first), hasArgument: second != nil)
    case SQLITE_ATTACH, SQLITE_DETACH: .attach
    case SQLITE_TRANSACTION, SQLITE_SAVEPOINT: .transaction
    default: .other(code)
    }
}
