/// Decodes what a step of kind `sql` runs.
struct SQLDecoding {
    /// The step's keys.
    let fields: Fields

    /// Statements that would end the step's own transaction, or reach out of its database.
    private static let refused: [String: String] = [
        "BEGIN": transaction, "COMMIT": transaction, "END": transaction, "ROLLBACK": transaction,
        "SAVEPOINT": transaction, "RELEASE": transaction, "ATTACH": place, "DETACH": place,
        "VACUUM": "runs outside of a transaction", "PRAGMA": "changes settings of the connection",
    ]
    private static let transaction = "would end the one transaction of the step"
    private static let place = "reaches other databases"

    /// The statements of `sql`; nil, with the reasons noted, when they are refused.
    func script() -> SQLScript? {
        guard fields.node("sql") != nil else {
            fields.miss("sql", "the step has no `sql`", hint: "Add the statements to run, such as `sql: |`.")
            return nil
        }
        guard let text = fields.text("sql") else { return nil }
        guard !text.utf8.contains(0) else {
            fields.refuse("sql", "the statements hold a NUL character", code: .invalidQuery)
            return nil
        }
        let script = SQLScript(text)
        guard !script.statements.isEmpty else {
            fields.refuse("sql", "`sql` holds no statement", hint: "Add one, such as INSERT, UPDATE or DELETE.")
            return nil
        }
        let isAccepted = script.statements.enumerated().map { check($1, number: $0 + 1) }.allSatisfy { $0 }
        return isAccepted ? script : nil
    }

    private func check(_ statement: SQLScript.Statement, number: Int) -> Bool {
        let name = "statement \(number) (line \(statement.line))"
        if let reason = SQLDecoding.refused[statement.keyword] {
            fields.refuse(
                "sql", "\(name) is \(statement.keyword), which \(reason)",
                hint: "Remove it: the statements of a step run in one transaction of its destination.",
                code: .invalidQuery)
            return false
        }
        let known = SQLStep.Parameter.allCases.map(\.rawValue)
        for parameter in statement.parameters where !known.contains(parameter) {
            fields.refuse(
                "sql", "\(name) names the parameter `\(parameter)`, which has no value",
                hint: NearestName.hint(
                    parameter, among: known, otherwise: "The parameters are \(known.joined(separator: ", "))."),
                code: .invalidQuery)
            return false
        }
        return true
    }
}
