internal import Model
internal import Platform
internal import SQLite

/// Makes the checks of a step that runs statements, over the tables as they leave them.
struct ScriptChecks {
    let connection: Connection
    let checks: [Check]
    let trail: LoadTrail

    /// What became of each check, in their order.
    func results() throws(LoadStop) -> [CheckResult] {
        if !checks.isEmpty { trail.enter(.check) }
        var results: [CheckResult] = []
        for check in checks { results.append(try result(check)) }
        return results
    }

    /// What a person should know of checks that failed while the step went on.
    static func warnings(_ results: [CheckResult]) -> [LoadWarning] {
        results.filter { !$0.isPassed && $0.severity == .warn }.map {
            LoadWarning(code: "check_failed", message: "check \($0.name): \($0.message)")
        }
    }

    /// Fails where a check of severity `error` did.
    static func failOnError(_ results: [CheckResult]) throws(LoadStop) {
        let failed = results.filter { !$0.isPassed && $0.severity == .error }
        guard let first = failed.first else { return }
        let samples = first.samples.map { $0.text() }.joined(separator: ", ")
        let more = failed.count > 1 ? " (and \(failed.count - 1) more checks failed)" : ""
        throw .failure(
            Failure(
                .checkFailed,
                "check \(first.name) failed: \(first.message)\(samples.isEmpty ? "" : ", such as \(samples)")\(more)"
                    + Failure.unchanged,
                hint: "look at what the statements write; if it is right, change the check or say severity: warn",
                field: "checks"))
    }

    private func result(_ check: Check) throws(LoadStop) -> CheckResult {
        let table = try check.table.map { (name) throws(LoadStop) in try shape(name, of: check) }
        if case .sql(let query, let expected) = check.rule {
            let sql = query.replacing("{destination}", with: table.map { "main.\(quoted($0.name))" } ?? "")
            trail.note(sql)
            return try SQLCheck.result(check, sql, expected, on: connection, ["main", "temp"])
        }
        guard let table else { return CheckResult(check, message: "no table is named") }
        let place = "main.\(quoted(table.name))"
        if case .rowCount(let min, let max) = check.rule { return try count(check, min, max, place) }
        let rows = CheckedRows(sql: place, columns: table.columns.map(\.name), key: table.declaredKey.map(\.name))
        try refuseUnknownColumns(check, rows, table.name)
        let statement = CheckStatement(rows: rows, destination: place)
        let condition: DeltaStatement.Text? =
            if case .unique(let columns) = check.rule { statement.shared(columns) } else {
                statement.failing(check.rule)
            }
        guard let condition else { return CheckResult(check, message: "nothing to look at") }
        return try find(check, condition, statement)
    }

    private func shape(_ name: String, of check: Check) throws(LoadStop) -> TableShape {
        let found = try connection.stopping { db throws(SQLiteError) in try db.shape(of: name, in: "main") }
        guard let found else {
            throw .failure(
                Failure(
                    .unknownTable,
                    "check \(check.name): there is no table \(name) after the statements have run"
                        + Failure.unchanged, hint: "correct the check's `table`", field: "checks"))
        }
        return found
    }

    private func refuseUnknownColumns(_ check: Check, _ rows: CheckedRows, _ table: String) throws(LoadStop) {
        for column in check.columns where rows.column(column) == nil {
            throw .failure(
                Failure(
                    .unknownColumn, "check \(check.name): \(table) has no column \(column)" + Failure.unchanged,
                    hint: "its columns are " + rows.columns.joined(separator: ", "), field: "checks"))
        }
    }

    private func count(_ check: Check, _ min: Int?, _ max: Int?, _ place: String) throws(LoadStop) -> CheckResult {
        let statement = DeltaStatement.Text(sql: "SELECT count(*) FROM \(place)", parameters: [])
        let rows = try integer(statement)
        let isPassed = rows >= min ?? 0 && rows <= max ?? .max
        let bounds = [min.map { "at least \($0)" }, max.map { "at most \($0)" }].compactMap { $0 }
        return CheckResult(
            check, isPassed: isPassed, count: isPassed ? 0 : 1,
            message: "the table holds \(rows) rows" + (isPassed ? "" : ", not \(bounds.joined(separator: " and "))"))
    }

    private func find(
        _ check: Check, _ condition: DeltaStatement.Text, _ statement: CheckStatement
    ) throws(LoadStop) -> CheckResult {
        let count = try integer(statement.count(condition))
        guard count > 0 else { return CheckResult(check, message: "no row failed") }
        let rows = statement.rows
        let names = rows.key.isEmpty ? check.columns.compactMap { rows.column($0) } : rows.key
        let found = try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                "SELECT \(names.map(quoted).joined(separator: ", ")) FROM \(rows.sql) WHERE \(condition.sql) "
                    + "LIMIT \(CheckResult.sampleCount)", condition.parameters)
        }
        let samples = found.map { row in
            JSONValue.object(zip(names, row.values).map { JSONValue.Member($0, LoadChecks.sample($1)) })
        }
        return CheckResult(
            check, isPassed: false, count: count, samples: samples, message: LoadChecks.words(count, check))
    }

    private func integer(_ statement: DeltaStatement.Text) throws(LoadStop) -> Int {
        trail.note(statement)
        return try connection.stopping { db throws(SQLiteError) in
            Int(try db.first(statement.sql, statement.parameters)?[0].integer ?? 0)
        }
    }
}
