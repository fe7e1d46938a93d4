internal import Model
internal import SQLite

/// A check that asks a query of a person's own over the delta and the destination.
struct SQLCheck {
    let session: LoadSession
    let rows: CheckedRows
    let table: DestinationTable

    /// Runs the query under an authorizer that lets it read and nothing else; it must give one value.
    func result(_ check: Check, _ query: String, _ expected: CursorValue?) throws(LoadStop) -> CheckResult {
        let sql = SQLCheck.statement(query, rows, table)
        session.trail.note(sql)
        return try SQLCheck.result(
            check, sql, expected, on: session.connection, ["main", "temp", session.sourceSchema])
    }

    /// As `result`, for a query that names all tables itself, which lie in `schemas`.
    static func result(
        _ check: Check, _ sql: String, _ expected: CursorValue?, on connection: Connection, _ schemas: Set<String>
    ) throws(LoadStop) -> CheckResult {
        let found: [Row]
        do throws(SQLiteError) {
            let readable = Authorizer.reading(schemas) { _ in true }
            found = try connection.withAuthorizer(readable) { () throws(SQLiteError) in
                guard try connection.resultColumns(of: sql).count == 1 else {
                    throw SQLiteError(code: 1, operation: "check", message: "it must give one column")
                }
                var rows: [Row] = []
                try connection.forEach(sql) { row throws(SQLiteError) in
                    rows.append(row)
                    return rows.count < 2
                }
                return rows
            }
        } catch {
            if error.isInterrupted || error.isFull || error.isCorrupt { throw .sqlite(error) }
            throw .failure(
                Failure(
                    .invalidQuery,
                    error.isUnauthorized
                        ? "check \(check.name): its query does more than read: \(error.message)"
                        : "check \(check.name): its query cannot be used: \(error.message)",
                    hint: "write one SELECT that gives one value, over {delta} and {destination}", field: "checks"))
        }
        guard found.count == 1 else {
            return CheckResult(
                check, isPassed: false, count: 1,
                message: found.isEmpty ? "the query gave no row" : "the query gave more than one row")
        }
        let value = found[0][0]
        let isPassed = SQLCheck.isSame(value, expected?.value ?? .null)
        let sample = LoadChecks.sample(value)
        let given = value.isNull ? "NULL" : sample.string ?? sample.text()
        return CheckResult(
            check, isPassed: isPassed, count: isPassed ? 0 : 1,
            message: "the query gave \(given)" + (isPassed ? "" : ", not \(expected?.display ?? "NULL")"))
    }

    /// The query with the names that stand for the two sides.
    static func statement(_ query: String, _ rows: CheckedRows, _ table: DestinationTable) -> String {
        query.replacing("{delta}", with: rows.sql).replacing("{destination}", with: table.sql)
    }

    /// Whether two values are equal; numbers by what they count.
    private static func isSame(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.integer(let left), .real(let right)): Double(left) == right
        case (.real(let left), .integer(let right)): left == Double(right)
        default: left == right
        }
    }
}
