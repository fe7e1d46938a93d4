internal import Model
internal import Platform
internal import SQLite

/// How rows that are gone from the source leave the destination: removed, or, with `soft_delete`, marked with the time
/// of the run that found them gone, their last values kept.
///
/// A marked row counts as gone everywhere: it is not marked twice, and it is none of the rows that a load might remove
/// too many of. A row that returns loses its mark.
struct DeleteWrite {
    let table: DestinationTable
    /// The column of the mark; nil where rows are removed.
    let column: String?

    /// The way of the table's step.
    init(_ table: DestinationTable) {
        self.table = table
        column = table.step.softDelete.map { table.shape?.column($0)?.name ?? $0 }
    }

    /// The condition that a row of the table, called `row`, is marked; nil where rows are removed.
    func isMarked(_ row: String) -> String? { column.map { "\(row).\(quoted($0)) IS NOT NULL" } }

    /// The assignment that takes a row's mark away; nil where rows are removed.
    var unmark: String? { column.map { "\(quoted($0)) = NULL" } }

    /// The statement for the rows, called `d`, that `condition` holds for; with a mark its one parameter is the time.
    func statement(where condition: String) -> String {
        guard let column else { return "DELETE FROM \(table.sql) AS d WHERE \(condition)" }
        return "UPDATE OR ROLLBACK \(table.sql) AS d SET \(quoted(column)) = ?1 "
            + "WHERE d.\(quoted(column)) IS NULL AND \(condition)"
    }

    /// The statements for them where their keys are laid aside first, in `kept`: found once, what is kept for a rollback is
    /// what is removed then.
    func statements(where condition: String, keeping kept: UndoTable?) -> [String] {
        guard let kept, !kept.key.isEmpty else { return [statement(where: condition)] }
        return [kept.touch(found(condition)), statement(where: kept.isTouched)]
    }

    /// The rows that `condition` holds for and that are there, as they stand behind FROM.
    private func found(_ condition: String) -> String {
        "\(table.sql) AS d WHERE \(column.map { "d.\(quoted($0)) IS NULL AND " } ?? "")\(condition)"
    }

    /// Removes or marks the rows, called `d`, that `condition` holds for; answers how many were there.
    func run(where condition: String, at now: Timestamp, _ session: LoadSession) throws(LoadStop) -> Int {
        guard let undo = session.undo, let kept = undo.keyed, !undo.isWatching else {
            return try write(where: condition, at: now, session)
        }
        session.trail.note(kept.touch(found(condition)))
        return try undo.around([found(condition)], nil) { () throws(LoadStop) in
            // More rows than are kept are not found by their keys.
            try write(where: undo.keepsRows ? kept.isTouched : condition, at: now, session)
        }
    }

    private func write(where condition: String, at now: Timestamp, _ session: LoadSession) throws(LoadStop) -> Int {
        let parameters: [Value] = column == nil ? [] : [.text(now.rfc3339)]
        let statement = statement(where: condition)
        session.trail.note(
            DeltaStatement.Text(sql: statement, parameters: parameters, meanings: ["when the run found them gone"]))
        return try session.connection.stopping { db throws(SQLiteError) in
            try db.run(statement, parameters)
        }
    }

    /// The number of the table's rows that are not marked, counted no further than `bound`: counting a large table takes
    /// longer than changing little of it.
    func rowsThere(_ session: LoadSession, upTo bound: Int) throws(LoadStop) -> Int {
        let condition = isMarked("d").map { " WHERE NOT \($0)" } ?? ""
        return try session.integer(
            "SELECT count(*) FROM (SELECT 1 FROM \(table.sql) AS d\(condition) LIMIT ?)", [Value(bound)])
    }

    /// The number of the table's rows that are not marked.
    func rowsThere(_ session: LoadSession) throws(LoadStop) -> Int {
        guard let column, table.shape?.column(column) != nil else { return try session.rowsInDestination(table) }
        return try session.integer("SELECT count(*) FROM \(table.sql) WHERE \(quoted(column)) IS NULL")
    }
}
