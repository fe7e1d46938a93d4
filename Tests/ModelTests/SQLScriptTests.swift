import Testing

@testable import Model

/// Where statements end, as SQLite tells it, and which parameters they name.
struct SQLScriptTests {
    private static let trigger = """
        CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN
            UPDATE b SET n = CASE WHEN n > 1 THEN 2 END; DELETE FROM c; /* ; */ END
        """

    @Test(arguments: [
        ("", []), (" ;; -- nothing\n/* here */ ;", []), ("SELECT 1", ["SELECT 1"]),
        (
            "SELECT 1;\n\nSELECT ';', \"a;b\", `;`, [;] -- ;\n; SELECT 'it''s;'",
            [
                "SELECT 1", "SELECT ';', \"a;b\", `;`, [;] -- ;", "SELECT 'it''s;'",
            ]
        ),
        ("SELECT /* ; */ 1 ; /* last", ["SELECT /* ; */ 1"]),
        (trigger + "; SELECT 2;", [trigger, "SELECT 2"]),
        ("CREATE TABLE trigger_log (a); SELECT 3", ["CREATE TABLE trigger_log (a)", "SELECT 3"]),
        (
            "EXPLAIN QUERY PLAN SELECT 1; SELECT 'never ended; SELECT 2",
            [
                "EXPLAIN QUERY PLAN SELECT 1", "SELECT 'never ended; SELECT 2",
            ]
        ),
    ])
    func endsStatementsWhereSQLiteDoes(text: String, statements: [String]) {
        #expect(SQLScript(text).statements.map(\.sql) == statements)
    }

    @Test func knowsLinesAndFirstWords() {
        let script = SQLScript("-- first\n\nselect 1;\n'a' ;\n  /* two\nlines */ Insert into t values (1)")
        #expect(script.statements.map(\.line) == [3, 4, 6])
        #expect(script.statements.map(\.keyword) == ["SELECT", "", "INSERT"])
    }

    @Test func namesParametersOutsideOfTexts() {
        let script = SQLScript(
            "SELECT :window_end, ':no', \":no\", a.\"b\" -- :no\n, :run, :run, x::y; SELECT ?, ?2, @at, $at, 1:2, 'a'||:b"
        )
        #expect(
            script.statements.map(\.parameters) == [[":window_end", ":run", ":y"], ["?", "@at", "$at", ":2", ":b"]])
    }
}
