internal import Model
internal import SQLite

/// Notes, while a backfill has rows staged for a table, which rows of it other commits write or find to be right: those
/// are newer in the destination than in the shadow, and publishing must leave them alone.
struct ShadowWatch {
    private let connection: Connection
    private let shadow: Shadow

    /// Begins to watch the writes to a table in the open transaction; nil where nothing is staged for it. Writes to
    /// other tables, which triggers of this one may make, are noted too.
    init?(_ connection: Connection, table: String) throws(LoadStop) {
        let found = try ShadowWatch.watchAll(connection).first { fold($0.shadow.table) == fold(table) }
        guard let found else { return nil }
        self.connection = connection
        shadow = found.shadow
        // It is made anew, or was: nothing that was staged for the old one says anything of it.
        if !found.isWatched {
            try ShadowLedger(connection).supersede(table)
            return nil
        }
    }

    /// Watches the writes to every table that rows are staged for, but for one that they are brought into; answers
    /// whether there was a table to watch.
    @discardableResult
    static func watchAll(
        _ connection: Connection, but published: Shadow? = nil
    ) throws(LoadStop) -> [(shadow: Shadow, isWatched: Bool)] {
        let open = try ShadowLedger(connection).open().filter { $0.number != published?.number }
        let kept = Set(open.flatMap { $0.triggers.map(\.name) })
        try dropTriggers(connection) { !kept.contains($0) }
        var found: [(shadow: Shadow, isWatched: Bool)] = []
        for shadow in open {
            let isThere = try connection.stopping { db throws(SQLiteError) in
                guard let shape = try db.shape(of: shadow.table, in: "main"), shape.kind == .table,
                    shadow.key.allSatisfy({ shape.column($0) != nil })
                else { return false }
                for trigger in shadow.triggers { try db.execute(trigger.sql) }
                return true
            }
            found.append((shadow, isThere))
        }
        return found
    }

    /// Ends watching what a person's statements did to the tables that rows are staged for: nothing that was staged for
    /// one which they have made anew, renamed or dropped says anything of the new one.
    static func settle(_ watched: [(shadow: Shadow, isWatched: Bool)], _ connection: Connection) throws(LoadStop) {
        for (shadow, isWatched) in watched {
            let left = try connection.stopping { db throws(SQLiteError) in
                try db.rows(
                    "SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE",
                    [.text(shadow.table)]
                ).compactMap { $0[0].string }
            }
            guard isWatched, Set(left).isSuperset(of: shadow.triggers.map(\.name)) else {
                try ShadowLedger(connection).supersede(shadow.table)
                continue
            }
        }
        try dropTriggers(connection) { _ in true }
    }

    /// Whether a name is that of a trigger which notes keys.
    static func isTrigger(_ name: String) -> Bool { name.hasPrefix(Shadow.triggerPrefix) }

    /// Notes the keys of rows that were read, whether or not they are written; `rows` stands behind FROM and has
    /// `columns`.
    func saw(_ rows: String, _ columns: [String]) throws(LoadStop) {
        let names = Set(columns.map(fold))
        guard shadow.key.allSatisfy({ names.contains(fold($0)) }) else { return }
        try execute(shadow.noting("\(rows) AS s"))
    }

    /// Notes the staged rows, called `d`, of which `isThere` says otherwise than the shadow whether the source has them;
    /// `columns` are those that the condition asks for.
    func found(_ isThere: String, _ columns: [String], _ parameters: [Value] = [], among: String = "true")
        throws(LoadStop)
    {
        let shape = try connection.stopping { db throws(SQLiteError) in try db.shape(of: shadow.name, in: "main") }
        guard columns.allSatisfy({ shape?.column($0) != nil }) else { return }
        try connection.stopping { db throws(SQLiteError) in
            let condition = "(\(among)) AND (\(shadow.isAlive)) <> (\(isThere))"
            _ = try db.run(shadow.notingStaged(where: condition), parameters)
        }
    }

    /// Notes the staged rows that an audit has looked at and mended where they differed: those that the source has, since
    /// the table holds them as they are now. What it has left in the table though the source lacks it, `isExtra` of a row
    /// `d`, is still to go where that is staged.
    func healed(_ table: DestinationTable, butExtra isExtra: String) throws(LoadStop) {
        let isThere = "EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(shadow.sameKey("d", "g")) AND NOT \(isExtra))"
        let found = "SELECT \(shadow.keys(of: "g")) FROM \(shadow.sql) AS g WHERE \(isThere)"
        try execute(shadow.notingStaged(where: "(\(shadow.isAlive)) OR (\(shadow.keys(of: "d"))) IN (\(found))"))
    }

    /// Notes that the whole table is compared or rebuilt, so that nothing staged before is newer anywhere, and stops
    /// watching: the triggers would go with a table that is renamed.
    func sawAll() throws(LoadStop) {
        try ShadowLedger(connection).supersede(shadow.table)
        let own = Set(shadow.triggers.map(\.name))
        try ShadowWatch.dropTriggers(connection) { own.contains($0) }
    }

    /// Drops the triggers that earlier commits of a connection have left: what they note in may be gone.
    private static func dropTriggers(
        _ connection: Connection, where isDropped: (String) -> Bool
    ) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            let names = try db.rows(
                "SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' "
                    + "AND name LIKE '\\_strandline\\_touch\\_%' ESCAPE '\\'"
            ).compactMap { $0[0].string }
            for name in names where isDropped(name) { try db.execute("DROP TRIGGER temp.\(quoted(name))") }
        }
    }

    private func execute(_ sql: String) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in try db.execute(sql) }
    }
}
