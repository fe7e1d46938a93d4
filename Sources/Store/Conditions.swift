internal import SQLite

/// The conditions of a list that is filtered, joined by AND, with their parameters.
struct Conditions {
    private var conditions: [String] = []
    /// The parameters, in the order of the conditions.
    private(set) var parameters: [Value] = []

    /// No condition.
    init() {}

    /// Adds a condition of one parameter.
    mutating func add(_ condition: String, _ value: Value) {
        conditions.append(condition)
        parameters.append(value)
    }

    /// What stands behind the table's name; nothing where every row is asked for.
    var sql: String { conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ") }
}
