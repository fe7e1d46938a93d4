internal import Model
internal import Platform
internal import SQLite

/// Runs the statements of a step one after another in the open transaction of their destination.
struct ScriptRun {
    let connection: Connection
    let step: SQLStep
    let values: [String: Value]
    let trail: LoadTrail

    /// Why the authorizer let a statement not through.
    private final class Refusal {
        var what: String?
    }

    /// Runs them all; answers the rows that they changed.
    func run() throws(LoadStop) -> RowCounts {
        var counts = RowCounts()
        let known = try reservedNames()
        for (place, statement) in step.script.statements.enumerated() {
            trail.note(noted(statement))
            let changes = try asUser(statement, number: place + 1) { () throws(SQLiteError) in
                try connection.run(statement.sql, named: values)
            }
            // The authorizer is told what is renamed, and not to what.
            if ScriptRun.defining.contains(statement.keyword), let name = try reservedNames().subtracting(known).first {
                throw ScriptRun.refusal(
                    "names something \(name), a name that Strandline keeps", statement, number: place + 1)
            }
            counts.inserted += changes.inserted
            counts.updated += changes.updated
            counts.deleted += changes.deleted
        }
        return counts
    }

    /// Prepares them without running any, up to one whose tables an earlier one would have to make first; answers what
    /// could not be looked at.
    func prepare() throws(LoadStop) -> [LoadWarning] {
        for (place, statement) in step.script.statements.enumerated() {
            do throws(LoadStop) {
                try asUser(statement, number: place + 1) { () throws(SQLiteError) in
                    _ = try connection.isReadOnly(statement.sql)
                }
            } catch {
                guard case .failure(let failure) = error, failure.message.contains("no such "),
                    step.script.statements[..<place].contains(where: { ScriptRun.defining.contains($0.keyword) })
                else { throw error }
                return [
                    LoadWarning(
                        code: "statement_unchecked",
                        message:
                            "what an earlier statement defines is not there yet, so that it cannot be told whether "
                            + failure.message.replacing(Failure.unchanged, with: ""))
                ]
            }
        }
        return []
    }

    /// What bears a name that Strandline keeps, each with its database: a temporary table hides another of its name.
    private func reservedNames() throws(LoadStop) -> Set<String> {
        let names = try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT 'main' AS place, name FROM main.sqlite_schema UNION ALL SELECT 'temp', name FROM temp.sqlite_schema
                """
            ).map { row throws(SQLiteError) in (place: try row.text("place"), name: try row.text("name")) }
        }
        return Set(names.filter { ScriptRun.isReserved($0.name) }.map { "\($0.place).\($0.name)" })
    }

    private static func isReserved(_ name: String) -> Bool { fold(name).hasPrefix("_strandline_") }

    private static let defining: Set<String> = ["CREATE", "ALTER", "DROP"]

    /// A statement with the values that it names, for the manifest.
    private func noted(_ statement: SQLScript.Statement) -> DeltaStatement.Text {
        DeltaStatement.Text(
            sql: statement.sql, parameters: statement.parameters.map { values[$0] ?? .null },
            meanings: statement.parameters)
    }

    private func asUser<Result>(
        _ statement: SQLScript.Statement, number: Int, _ body: () throws(SQLiteError) -> Result
    ) throws(LoadStop) -> Result {
        let refusal = Refusal()
        let authorizer = Authorizer.script {
            ScriptRun.isReserved($0)
        } isOwn: {
            ShadowWatch.isTrigger($0)
        } refuse: {
            refusal.what = $0
        }
        do throws(SQLiteError) {
            return try connection.withAuthorizer(authorizer, body)
        } catch {
            throw ScriptRun.stop(error, statement, number, refusal.what)
        }
    }

    /// Names the statement at which a step stopped, unless the fault is not its own.
    private static func stop(
        _ error: SQLiteError, _ statement: SQLScript.Statement, _ number: Int, _ refused: String?
    ) -> LoadStop {
        let isForeign =
            error.isInterrupted || error.isRolledBack || error.isTransient || error.isReadOnly || error.isCorrupt
            || error.isNotADatabase || error.cannotOpen
        guard !isForeign else { return .sqlite(error) }
        if let refused { return refusal(refused, statement, number: number) }
        let name = name(statement, number: number)
        if error.isConstraint {
            return .failure(
                Failure(
                    .constraint, "\(name) breaks a constraint: \(error.message)" + Failure.unchanged,
                    hint: "mend the rows that it reads, or the statement", field: "sql"))
        }
        return .failure(
            Failure(
                .invalidQuery, "\(name) cannot be run: \(error.message)" + Failure.unchanged,
                hint: "correct the statement; a plan tells whether it can be run", field: "sql"))
    }

    private static func refusal(_ what: String, _ statement: SQLScript.Statement, number: Int) -> LoadStop {
        .failure(
            Failure(
                .invalidQuery, "\(name(statement, number: number)) was refused: it \(what)" + Failure.unchanged,
                hint: "the statements of a step read and write tables of their own destination, in one transaction",
                field: "sql"))
    }

    private static func name(_ statement: SQLScript.Statement, number: Int) -> String {
        let start = statement.sql.prefix(40).replacing("\n", with: " ")
        return "statement \(number) (line \(statement.line), `\(start)\(statement.sql.count > 40 ? "…" : "")`)"
    }
}
