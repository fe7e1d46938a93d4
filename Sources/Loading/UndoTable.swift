internal import Model
internal import SQLite

/// The table beside a destination's table that keeps rows as they were before and after the commits that changed them.
///
/// Its columns are those of the table under names of their own, without types, so that every value is kept byte for
/// byte; `entry` numbers the rows as they come, and `row` is the row's number where no key names it.
struct UndoTable {
    /// Whether a kept row is from before the commit or from after it.
    enum Side: Int {
        case before = 0
        case after = 1
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

    /// The kept columns in SQL.
    var keptColumns: String { columns.map { quoted(UndoTable.kept($0)) }.joined(separator: ", ") }

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

    /// Makes it, or gives it the columns that the table was given since.
    func prepare(_ connection: Connection) throws(LoadStop) {
        let name = UndoTable.name(of: table.shape?.name ?? table.step.destination.table)
        let found = try connection.stopping { db throws(SQLiteError) in try db.shape(of: name, in: "main") }
        var statements: [String] = []
        if let found {
            statements = columns.filter { found.column(UndoTable.kept($0)) == nil }.map {
                "ALTER TABLE \(sql) ADD COLUMN \(quoted(UndoTable.kept($0)))"
            }
        } else {
            statements = ["CREATE TABLE \(sql) (entry INTEGER PRIMARY KEY, side INTEGER NOT NULL, row, \(keptColumns))"]
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
