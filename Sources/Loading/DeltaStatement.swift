internal import Model
internal import Platform
internal import SQLite

/// The SELECT that reads a delta, and what the statements around it need to know.
///
/// Pure: it only writes SQL, so that a plan shows the very statements that a run executes.
struct DeltaStatement {
    let relation: SourceRelation
    let step: LoadStep
    let order: CursorOrder
    let cursor: String
    let columns: [SchemaMatch.Pair]
    let keyColumns: [String]

    /// SQL with the values for its parameters.
    struct Text {
        var sql: String
        var parameters: [Value]
        /// What each parameter stands for, for people.
        var meanings: [String] = []

        /// The same rows within another statement.
        func within(_ sql: String) -> Text { Text(sql: sql, parameters: parameters, meanings: meanings) }
    }

    /// Whether an index, or the table's own order, finds the rows of a range.
    var isOrdered: Bool { relation.isOrdered(by: cursor) }

    /// The cursor, compared byte by byte as the gate compares, whatever the collation of its column.
    var place: String { "\(quoted(cursor)) COLLATE BINARY" }

    /// The condition that lets through the rows of `range`, calling the gate for each row that an index cannot rule out.
    ///
    /// Instants are searched for in the index by their day, a day wider on both sides than any offset reaches, since
    /// texts of different offsets are not ordered as the instants are; the gate then decides exactly.
    func condition(_ range: DeltaRange, gate: String = DeltaGate.name) -> Text {
        var bounds: [String] = []
        var parameters: [Value] = []
        var meanings: [String] = []
        if isOrdered {
            if let lower = range.lower.flatMap({ bound(below: $0) }) {
                bounds.append("\(place) >= ?")
                parameters.append(lower)
                meanings.append("where the search of the index begins")
            }
            if !range.includesFuture, let upper = range.upper.flatMap({ bound($0, daysBeyond: 2) }) {
                bounds.append(order == .instants ? "\(place) < ?" : "\(place) <= ?")
                parameters.append(upper)
                meanings.append("where the search of the index ends")
            }
        }
        var sql = bounds.joined(separator: " AND ")
        if !bounds.isEmpty, range.includesNull { sql = "(\(sql) OR \(quoted(cursor)) IS NULL)" }
        return Text(
            sql: (sql.isEmpty ? "" : sql + " AND ") + call(gate), parameters: parameters, meanings: meanings)
    }

    /// The value at which a search of the index for rows at or above `lower` starts; nil to start at the beginning.
    func bound(below lower: CursorKey) -> Value? { bound(lower, daysBeyond: -1) }

    /// The call of a gate with the row's cursor and key.
    private func call(_ gate: String) -> String {
        "\(gate)(" + ([cursor] + keyColumns).map(quoted).joined(separator: ", ") + ")"
    }

    private func bound(_ key: CursorKey, daysBeyond: Int64) -> Value? {
        guard case .instant(let instant) = key else { return key.value }
        let day = CivilDate(daysSinceEpoch: instant.day.daysSinceEpoch + daysBeyond)
        // Beyond the calendar of four-digit years the texts no longer order; read without the bound there.
        return (0...9999).contains(day.parts.year) ? .text(day.text) : nil
    }

    /// The columns to select, in the order of `columns`.
    var selected: String { columns.map { quoted($0.source) }.joined(separator: ", ") }

    /// The columns to insert, in the order of `columns`.
    var inserted: String { columns.map { quoted($0.destination) }.joined(separator: ", ") }

    /// The rows of a range.
    func select(_ range: DeltaRange, gate: String = DeltaGate.name) -> Text {
        let condition = condition(range, gate: gate)
        return condition.within("SELECT \(selected) FROM \(relation.sql) WHERE \(condition.sql)")
    }

    /// The places of a range's rows in the order.
    func place(_ range: DeltaRange) -> Text {
        let condition = condition(range)
        return condition.within("SELECT \(quoted(cursor)) FROM \(relation.sql) WHERE \(condition.sql)")
    }

    /// The rows of a range, of those that share a key only the newest.
    func selectNewest(_ range: DeltaRange, gate: String = DeltaGate.name) -> Text {
        guard needsNewest else { return select(range, gate: gate) }
        let condition = condition(range, gate: gate)
        return condition.within(newest(where: " WHERE " + condition.sql) + " AND \(CounterName.kept)()")
    }

    /// All rows of the source, of those that share a key only the newest.
    var everyNewest: String { newest(where: "") }

    /// The rows that meet a condition, of those that share a key only one: the first by `order`, then the newest.
    ///
    /// Equal cursors are told apart by the other columns, so that the choice does not depend on where rows lie.
    func newest(where condition: String, first order: String? = nil) -> String {
        let keys = keyColumns.map { quoted($0) + " COLLATE BINARY" }.joined(separator: ", ")
        let newestFirst =
            [order].compactMap { $0 }
            + ["\(OrderFunction.name)(\(quoted(cursor))) DESC"] + columns.map { "\(quoted($0.source)) DESC" }
        let rank = freeName("strandline_rank", among: relation.shape.columns.map(\.name))
        return """
            SELECT \(selected) FROM (SELECT *, row_number() OVER (PARTITION BY \(keys) \
            ORDER BY \(newestFirst.joined(separator: ", "))) AS \(quoted(rank)) FROM \(relation.sql)\(condition)) \
            WHERE \(step.setsNullKeysAside ? "(\(quoted(rank)) = 1 OR \(hasNullKey))" : "\(quoted(rank)) = 1")
            """
    }

    /// A row without a key shares it with no other.
    private var hasNullKey: String { keyColumns.map { "\(quoted($0)) IS NULL" }.joined(separator: " OR ") }

    /// Whether rows of one delta may share a key.
    var needsNewest: Bool { !keyColumns.isEmpty && !relation.shape.isUnique(keyColumns) }

    /// Whether no two rows of the source share a place in the order, so that the boundary need not be read again.
    ///
    /// Texts that differ may still name one instant.
    var isCursorUnique: Bool { order != .instants && relation.shape.isUnique([cursor]) }
}

/// The name of the counting function in SQL.
enum CounterName {
    /// Reached for each row that is kept of those that share a key.
    static let kept = "strandline_kept"
}
