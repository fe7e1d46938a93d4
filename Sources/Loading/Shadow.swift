internal import Model
internal import SQLite

/// The rows that a backfill has staged beside a table of the destination, until they are published together or thrown
/// away.
///
/// The rows lie in a table of their own, each with the commit that staged it; beside it a second table notes the keys
/// that others have written, or read and found right, since then: there the destination is newer than the shadow.
struct Shadow {
    /// Its place among the destination's shadows.
    let number: Int64
    let backfill: String
    let step: String
    /// The table that the rows are staged for.
    let table: String
    /// The bare name of the table that holds them.
    let name: String
    /// The bare name of the table that notes keys.
    let touchedName: String
    /// The columns that name a row.
    let key: [String]
    /// The place of the last partition that was staged.
    let staged: Int
    /// What was staged up to this place is older than the whole table.
    let superseded: Int
    /// The columns that it was given after rows were staged, each with the place of the first partition that has it.
    var late: [(column: String, since: Int)]

    /// The column of what a row is: `Kind`.
    static let kind = "_strandline_kind"
    /// The column of the place of the partition that staged it last.
    static let order = "_strandline_order"

    /// What a staged row is.
    enum Kind {
        /// A row of the source's range.
        static let inside = 0
        /// A row that the destination held in the range and the source holds elsewhere.
        static let moved = 1
        /// A key that the destination held in the range and the source does not have.
        static let gone = 2
    }

    /// The rows, in SQL.
    var sql: String { "main.\(quoted(name))" }
    /// The noted keys, in SQL.
    var touched: String { "main.\(quoted(touchedName))" }

    /// The key's columns in SQL, of the rows called `row`.
    func keys(of row: String? = nil) -> String {
        key.map { (row.map { $0 + "." } ?? "") + quoted($0) }.joined(separator: ", ")
    }

    /// The condition that a noted key, `t`, is a row's; where the table takes keys for equal that differ in case, so
    /// do the noted ones.
    private func isNoted(_ row: String) -> String {
        key.map { "t.\(quoted($0)) = \(row).\(quoted($0))" }.joined(separator: " AND ")
    }

    /// The condition that two rows have the same key.
    func sameKey(_ left: String, _ right: String) -> String {
        key.map { "\(left).\(quoted($0)) = \(right).\(quoted($0)) COLLATE BINARY" }.joined(separator: " AND ")
    }

    /// The condition that a row of the shadow was overtaken by a later commit of another writer.
    func isOvertaken(_ row: String) -> String {
        let order = "\(row).\(quoted(Shadow.order))"
        return "(\(order) <= \(superseded) OR EXISTS (SELECT 1 FROM \(touched) AS t "
            + "WHERE \(isNoted(row)) AND t.epoch >= \(order)))"
    }
}

// MARK: Its tables

extension Shadow {
    /// The statements that make its tables, for rows of `pairs` that go to `table`, sliced by `column`.
    func create(_ pairs: [SchemaMatch.Pair], _ table: DestinationTable, column: String) -> [String] {
        let columns = pairs.map { Shadow.definition(table.shape?.column($0.destination), $0.destination) }
        let collations = table.shape?.keyCollations(key) ?? [:]
        let keys = key.map { name in
            Shadow.definition(table.shape?.column(name), name)
                + (collations[fold(name)].map { " COLLATE \(quoted($0))" } ?? "")
        }
        return [
            """
            CREATE TABLE \(sql) (\(columns.joined(separator: ", ")), \(quoted(Shadow.kind)) INTEGER NOT NULL, \
            \(quoted(Shadow.order)) INTEGER NOT NULL, UNIQUE (\(self.keys())))
            """,
            "CREATE INDEX main.\(quoted(name + "_by_place")) ON \(quoted(name)) (\(quoted(column)))",
            "CREATE TABLE \(touched) (\(keys.joined(separator: ", ")), epoch INTEGER NOT NULL)",
            "CREATE INDEX main.\(quoted(touchedName + "_by_key")) ON \(quoted(touchedName)) (\(self.keys()), epoch)",
        ]
    }

    /// A column that converts values as the destination's does.
    private static func definition(_ column: ColumnShape?, _ name: String) -> String {
        [quoted(name), DestinationTable.type(column?.type ?? "")].compactMap { $0 }.joined(separator: " ")
    }

    /// The statement that adds a column which the source was given since the first partition was staged.
    func add(_ column: ColumnShape) -> String {
        "ALTER TABLE \(sql) ADD COLUMN \(Shadow.definition(column, column.name))"
    }

    /// The statements that drop its tables.
    var drop: [String] { ["DROP TABLE IF EXISTS \(sql)", "DROP TABLE IF EXISTS \(touched)"] }
}

// MARK: Noting keys

extension Shadow {
    /// What stands behind FROM and SELECT so that keys are noted as of now, each once.
    private func note(_ row: String) -> (selected: String, rows: String, isNew: String) {
        (
            "\(keys(of: row)), b.staged", "_strandline_backfills AS b",
            "b.number = \(number) AND NOT EXISTS (SELECT 1 FROM \(quoted(touchedName)) AS t "
                + "WHERE \(isNoted(row)) AND t.epoch >= b.staged)"
        )
    }

    /// The statement that notes the keys of the rows behind FROM, which are called `s` there.
    func noting(_ rows: String) -> String {
        let note = note("s")
        return
            "INSERT INTO \(touched) SELECT DISTINCT \(note.selected) FROM \(rows), main.\(note.rows) WHERE \(note.isNew)"
    }

    /// The statement that notes the staged keys, called `d`, for which `condition` holds.
    func notingStaged(where condition: String) -> String {
        let note = note("d")
        return "INSERT INTO \(touched) SELECT \(note.selected) FROM \(sql) AS d, main.\(note.rows) "
            + "WHERE \(note.isNew) AND (\(condition))"
    }

    /// The condition that a staged row, `d`, says the key is there.
    var isAlive: String { "d.\(quoted(Shadow.kind)) < \(Kind.gone)" }

    /// What the names of the triggers begin with.
    static let triggerPrefix = "_strandline_touch_"

    /// The triggers that note every key of the table that is written.
    ///
    /// No conflict clause helps in them: the one of the statement that fires them counts.
    var triggers: [(name: String, sql: String)] {
        func trigger(_ event: String, _ rows: [String]) -> (name: String, sql: String) {
            let name = "\(Shadow.triggerPrefix)\(number)_\(event)"
            let body = rows.map { row in
                let note = note(row)
                return
                    "INSERT INTO \(quoted(touchedName)) SELECT \(note.selected) FROM \(note.rows) WHERE \(note.isNew);"
            }
            return (
                name,
                "CREATE TEMP TRIGGER IF NOT EXISTS \(quoted(name)) AFTER \(event) ON main.\(quoted(table)) "
                    + "BEGIN \(body.joined(separator: " ")) END"
            )
        }
        return [trigger("insert", ["new"]), trigger("update", ["old", "new"]), trigger("delete", ["old"])]
    }
}
