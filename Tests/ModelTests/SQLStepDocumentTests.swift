import Testing

@testable import Model

/// What a document may say of a step of kind `sql`.
struct SQLStepDocumentTests {
    private func document(_ lines: String..., without: String = "") -> String {
        let usual = ["name: daily", "kind: sql", "destination: { connection: warehouse }", "sql: DELETE FROM daily"]
        let own = lines.compactMap { $0.split(separator: ":").first } + [without[...]]
        let kept = usual.filter { line in !own.contains { line.hasPrefix($0 + ":") } } + lines
        return "name: p\nsteps:\n  - " + kept.joined(separator: "\n    ") + "\n"
    }

    @Test func isDecodedWithItsChecks() throws {
        let text = document(
            "sql: \"DELETE FROM daily WHERE day > :window_start; INSERT INTO daily SELECT 1\"",
            "checks: [{ type: not_null, table: daily, columns: [day] }, { type: row_count, table: daily, min: 1 },"
                + " { type: sql, query: SELECT 1, expect: 1 }]")
        let step = try #require(try decode(text).pipeline.steps.first)
        guard case .sql(let sql) = step.work else { throw Failure(.internalError, "no sql step") }
        #expect(sql.name == "daily" && sql.connection == "warehouse")
        #expect(sql.script.statements.map(\.parameters) == [[":window_start"], []])
        #expect(sql.checks.map(\.name) == ["not_null(daily: day)", "row_count(daily)", "sql"])
        #expect(sql.checks.map(\.table) == ["daily", "daily", nil])
        #expect(step.load == nil && step.places.map(\.connection) == ["warehouse"])
    }

    // PAINS 61
    @Test func refusesWhatMeansNothing() {
        let cases: [(String, Failure.Code, String, String)] = [
            (document(without: "sql"), .missingKey, "steps[0].sql", "sql: |"),
            (document("sql: -- nothing"), .invalidValue, "steps[0].sql", "INSERT"),
            (document("sql: '-- nothing'"), .invalidValue, "steps[0].sql", "INSERT"),
            (document("sql: \"SELECT 1; COMMIT\""), .invalidQuery, "steps[0].sql", "one transaction"),
            (document("sql: ATTACH 'x.db' AS x"), .invalidQuery, "steps[0].sql", "destination"),
            (document("sql: PRAGMA journal_mode = OFF"), .invalidQuery, "steps[0].sql", "Remove"),
            (document("sql: 'SELECT :window_strt'"), .invalidQuery, "steps[0].sql", "`:window_start`"),
            (document("sql: 'SELECT ?'"), .invalidQuery, "steps[0].sql", ":watermark"),
            (document("strategy: timestamp"), .invalidValue, "steps[0].strategy", "kind: sql"),
            (document("undo: off"), .invalidValue, "steps[0].undo", "Remove"),
            (document("stragety: timestamp"), .unknownKey, "steps[0].stragety", "strategy"),
            (
                document("destination: { connection: warehouse, table: t }"), .invalidValue,
                "steps[0].destination.table", "Remove"
            ),
            (
                document("checks: [{ type: row_count_delta, table: t, max_ratio: 2, over_last: 3 }]"), .invalidValue,
                "steps[0].checks[0].type", "row_count"
            ),
            (
                document("checks: [{ type: not_null, columns: [a] }]"), .missingKey, "steps[0].checks[0].table",
                "table"
            ),
            (
                document("checks: [{ type: not_null, table: t, columns: [a], on_fail: quarantine }]"), .invalidValue,
                "steps[0].checks[0].on_fail", "Remove"
            ),
            (
                document("checks: [{ type: sql, query: 'SELECT 1 FROM {delta}', expect: 1 }]"), .invalidValue,
                "steps[0].checks[0].query", "Name the tables"
            ),
            (
                document("checks: [{ type: sql, query: 'SELECT 1 FROM {destination}', expect: 1 }]"), .missingKey,
                "steps[0].checks[0].table", "table"
            ),
        ]
        for (text, code, field, hint) in cases {
            let found = failures(text)
            #expect(found.map(\.code) == [code] && found.map(\.field) == [field], "\(text): \(found)")
            #expect(found.first?.hint.contains(hint) == true, "\(text): \(found)")
        }
    }

    @Test func aLoadsCheckNamesNoTable() {
        let found = failures(step("checks: [{ type: row_count, min: 1, table: t }]"))
        #expect(found.map(\.field) == ["steps[0].checks[0].table"])
    }
}
