extension Authorizer {
    /// Lets the statements of a person's own read, write and define what lies in `main` and among temporary tables, and
    /// leaves no way out of the database, out of the transaction or into tables whose names `isReserved` tells.
    ///
    /// Triggers whose names `isOwn` tells may write where statements may not, and go with their table. `refuse` is told, in words that follow "it", what a statement may not do; SQLite itself only says that it may
    /// not.
    public static func script(
        isReserved: @escaping (_ table: String) -> Bool, isOwn: @escaping (_ trigger: String) -> Bool = { _ in false },
        refuse: @escaping (_ what: String) -> Void
    ) -> Authorizer {
        Authorizer { action in
            let reason = refusal(action, isReserved, isOwn)
            if let reason { refuse(reason) }
            return reason == nil
        }
    }

    private static func refusal(
        _ action: Action, _ isReserved: (String) -> Bool, _ isOwn: (String) -> Bool
    ) -> String? {
        switch action {
        case .select, .recursive, .other: nil
        case .function(let name):
            refusedFunctions.contains(name.lowercased()) ? "calls \(name)" : nil
        case .read(_, let table, _):
            isInternal(table.lowercased()) && !table.lowercased().hasPrefix("pragma_")
                ? "reads \(table), which shows the inside of SQLite" : nil
        case .write(_, let trigger?) where isOwn(trigger): nil
        case .drop(let name, _) where isOwn(name): nil
        case .write(let table, _): isReserved(table) ? "writes \(table), which Strandline keeps" : nil
        case .define(let name, let table), .drop(let name, let table):
            [name, table].first(where: isReserved).map { "defines or removes \($0), a name that Strandline keeps" }
        case .module(let module):
            modules.contains(module.lowercased()) ? nil : "makes a virtual table of the kind \(module)"
        case .pragma(let name, let hasArgument):
            readingPragmas.contains(name.lowercased()) || (!hasArgument && name.lowercased() == "data_version")
                ? nil : "is, or uses, PRAGMA \(name)"
        case .attach: "attaches or detaches a database"
        case .transaction: "begins or ends a transaction"
        }
    }

    /// Those whose tables lie in the database itself.
    private static let modules: Set<String> = ["fts3", "fts4", "fts5", "rtree", "rtree_i32", "geopoly"]
    /// Pragmas that only tell how something is defined, whatever they are given.
    private static let readingPragmas: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
    ]
}
