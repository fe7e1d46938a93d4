internal import Model
internal import SQLite

/// The table beside a destination's table that keeps rows as they were before and after the commits that changed them.
///
/// Its columns are those of the table under names of their own, without types, so that every value is kept byte for
/// byte; `entry` numbers the rows as they come, and `row` is the row's number where no key names it.
struct UndoTable {
    /// What an entry holds: a row from before the commit, one from after it, or both.
    enum Side: Int {
        /// The row before, read from the table.
        case before = 0
        /// The row after, read from the table.
        case after = 1
        /// A row that was changed: as it was, and as it was to be written, under names of its own.
        case changed = 2
        /// A row that was added, as it was to be written, under those names.
        case added = 3
    }

    /// The table whose rows are kept.
    let table: DestinationTable
    /// The columns that are kept, as the table has them.
    let columns: [String]
    /// The columns that name a row; empty where its number does.
    let key: [String]

    /// How the rows of `table` are told apart: by the step's key, by a key of the table itself, or by their numbers.
    ///
    /// A destination that is appended to holds several rows of the step's key; and a key that is not among the `loaded`
    /// columns, which the table makes up itself, is not known before rows are written.
    init(_ table: DestinationTable, loaded: [String]) {
        self.table = table
        let shape = table.shape ?? TableShape(name: table.step.destination.table, kind: .table, columns: [])
        columns = shape.columns.filter { !$0.isGenerated }.map(\.name)
        if table.step.writeMode != .append || table.step.strategy == .fullRefresh, !table.step.primaryKey.isEmpty {
            key = table.step.primaryKey
        } else {
            let declared = shape.declaredKey
            let names = Set(loaded.map(fold))
            key = declared.allSatisfy { names.contains(fold($0.name)) } ? declared.map(\.name) : []
        }
    }

    /// A table of the columns that were kept once; the table may have others by now.
    init(_ table: DestinationTable, key: [String], columns: [String]) {
        self.table = table
        self.key = key
        self.columns = columns
    }

    static let prefix = "_strandline_undo_"
    /// Its bare name.
    static func name(of table: String) -> String { prefix + table }

    /// Its name in SQL.
    var sql: String { "main.\(quoted(UndoTable.name(of: table.shape?.name ?? table.step.destination.table)))" }

    /// The name under which it keeps a column.
    static func kept(_ column: String) -> String { "c_" + column }

    /// The name under which it keeps a column's value after the commit, beside the one before.
    static func written(_ column: String) -> String { "a_" + column }

    /// The kept columns in SQL.
    var keptColumns: String { columns.map { quoted(UndoTable.kept($0)) }.joined(separator: ", ") }

    /// The names of all of its columns but its own.
    private var names: [String] { columns.map(UndoTable.kept) + columns.map(UndoTable.written) }

    /// The key's columns in SQL, as the table has them.
    var tableKey: String { key.isEmpty ? rowNumber : key.map(quoted).joined(separator: ", ") }

    /// The key's columns in SQL, as they are kept.
    var keptKey: String {
        key.isEmpty ? quoted("row") : key.map { quoted(UndoTable.kept($0)) }.joined(separator: ", ")
    }

    /// The name by which the table's row numbers are reached: one that no column bears; NULL where there are none.
    var rowNumber: String {
        table.shape?.rowNumberName ?? "NULL"
    }

    /// The statement that lays aside the keys of `rows`, what stands behind FROM, which are about to change.
    func touch(_ rows: String) -> String {
        "INSERT INTO \(UndoLog.touched) SELECT DISTINCT \(tableKey) FROM \(rows)"
    }

    /// The condition that a row of the table has one of the keys that were laid aside.
    var isTouched: String { "(\(tableKey)) IN (SELECT \(tableKey) FROM \(UndoLog.touched))" }

    /// Makes it, or gives it the columns that the table was given since.
    func prepare(_ connection: Connection) throws(LoadStop) {
        let name = UndoTable.name(of: table.shape?.name ?? table.step.destination.table)
        let found = try connection.stopping { db throws(SQLiteError) in try db.shape(of: name, in: "main") }
        var statements: [String] = []
        if let found {
            statements = names.filter { found.column($0) == nil }.map {
                "ALTER TABLE \(sql) ADD COLUMN \(quoted($0))"
            }
        } else {
            let kept = names.map(quoted).joined(separator: ", ")
            statements = ["CREATE TABLE \(sql) (entry INTEGER PRIMARY KEY, side INTEGER NOT NULL, row, \(kept))"]
        }
        for statement in statements {
            try connection.stopping { db throws(SQLiteError) in try db.execute(statement) }
        }
    }

    /// Keeps the rows of the table that `condition` lets through.
    func keep(_ side: Side, where condition: String) -> String {
        """
        INSERT INTO \(sql) (side, row, \(keptColumns)) SELECT \(side.rawValue), \(rowNumber), \
        \(columns.map(quoted).joined(separator: ", ")) FROM \(table.sql) WHERE \(condition)
        """
    }
}

extension UndoTable {
    /// Keeps what `staged` will change, before it is written: each row as it is and as it will be, in one pass.
    func keep(_ staged: StagedRows) -> String {
        let sources = Dictionary(
            staged.columns.map { (fold($0), "s.\(quoted($0))") }, uniquingKeysWith: { first, _ in first })
        let before = columns.map { "d.\(quoted($0))" }
        let updated = Set(staged.updated.map(fold))
        let isNew = "d.\(quoted(staged.key[0])) IS NULL"
        // What the write leaves alone stays as it is, and is NULL in a new row.
        let after = columns.map { column in
            guard let source = sources[fold(column)] else {
                return staged.cleared.map(fold) == fold(column) ? "NULL" : "d.\(quoted(column))"
            }
            return updated.contains(fold(column))
                ? source : "CASE WHEN \(isNew) THEN \(source) ELSE d.\(quoted(column)) END"
        }
        let same = staged.key.map { "d.\(quoted($0)) = s.\(quoted($0))" }.joined(separator: " AND ")
        return """
            INSERT INTO \(sql) (side, \(names.map(quoted).joined(separator: ", "))) \
            SELECT \(Side.changed.rawValue) + (\(isNew)), \((before + after).joined(separator: ", ")) \
            FROM \(staged.sql) AS s LEFT JOIN \(table.sql) AS d ON \(same) WHERE \(isNew) OR \(staged.differs)
            """
    }

    /// Whether what `staged` says of a row is all that the table will hold of it; else it has to be read from there.
    func foresees(_ staged: StagedRows, _ connection: Connection) throws(LoadStop) -> Bool {
        guard let shape = table.shape else { return false }
        let names = Set((staged.columns + [staged.cleared].compactMap { $0 }).map(fold))
        let makesUp = columns.contains { column in
            !names.contains(fold(column))
                && (shape.column(column)?.hasDefault ?? true || shape.rowNumber == fold(column))
        }
        guard !makesUp else { return false }
        return try !table.hasTriggers(connection)
    }

    /// The rows kept by the entries that `range` lets through, as they were before the commit, under their kept names.
    func rowsBefore(_ range: String) -> String {
        "SELECT entry, row, \(keptColumns) FROM \(sql) WHERE \(range) "
            + "AND side IN (\(Side.before.rawValue), \(Side.changed.rawValue))"
    }

    /// The same rows as they were after it.
    func rowsAfter(_ range: String) -> String {
        let written = columns.map { "\(quoted(UndoTable.written($0))) AS \(quoted(UndoTable.kept($0)))" }
        return "SELECT entry, row, \(keptColumns) FROM \(sql) WHERE \(range) AND side = \(Side.after.rawValue) "
            + "UNION ALL SELECT entry, row, \(written.joined(separator: ", ")) FROM \(sql) WHERE \(range) "
            + "AND side IN (\(Side.changed.rawValue), \(Side.added.rawValue))"
    }
}

/// Rows that stand ready to be written by their key, and what writing them will change.
struct StagedRows {
    /// The table that holds them, in SQL.
    let sql: String
    /// Their columns, as the destination calls them.
    let columns: [String]
    /// Those of them that the write changes in a row that is there.
    let updated: [String]
    /// The columns by which the write finds the destination's rows, of which no two share a key.
    let key: [String]
    /// The condition that the write changes a row of the destination, `d`, to the staged one, `s`.
    let differs: String
    /// A column of the destination that the write sets to NULL; nil where there is none.
    let cleared: String?
    /// How many rows there are.
    let count: Int
}

extension DestinationTable {
    /// Whether the table has triggers, which alone can change its rows beside what the statements write.
    func hasTriggers(_ connection: Connection) throws(LoadStop) -> Bool {
        try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT 1 FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE LIMIT 1",
                [.text(shape?.name ?? "")]) != nil
        }
    }
}

extension Connection {
    /// Drops the indexes and triggers of a table of `main` that is put aside, whose names another one needs; those that
    /// a constraint made stay.
    func dropDependents(of table: String) throws(LoadStop) {
        try stopping { db throws(SQLiteError) in
            let found = try db.rows(
                "SELECT type, name FROM main.sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = ? "
                    + "AND sql IS NOT NULL", [.text(table)])
            for row in found { try db.execute("DROP \(try row.text("type")) main.\(quoted(try row.text("name")))") }
        }
    }
}
