internal import Model
internal import SQLite

/// The change events of a step's source: where they are, in what order, and how each tells of a row.
///
/// Pure: it only writes SQL, over `relation`.
struct ChangeLog {
    /// The events.
    let relation: SourceRelation
    /// The column of `relation` that orders them.
    let cursor: Cursor
    /// The column of `relation` that orders the events of one sequence value; nil where none is known to.
    let index: String?
    /// What each event says.
    let reading: EventReading
    /// The columns of the rows, as far as the events tell of them.
    let columns: [EventColumn]
    /// Whether the sequence counts events without leaving numbers out.
    let isCounted: Bool
    /// What a person should know.
    var warnings: [LoadWarning] = []

    /// What the code of an operation means in SQL.
    enum Operation {
        static let put = 0
        static let delete = 1
        static let truncate = 2
        /// What only the stage of an audit holds: a coming run decides about the key.
        static let unsettled = 3
    }

    /// The columns that order the events.
    var order: [String] { ([cursor.column] + [index].compactMap { $0 }).map(quoted) }

    /// Whether no event brings a row, so that nothing is known of the rows' columns.
    var isEmpty: Bool { columns.isEmpty }

    /// What the events' rows look like, for a comparison with the destination's table.
    ///
    /// JSON declares no types: where the destination does, those count. And an event need not mention every column:
    /// what none mentions has not vanished.
    func rows(beside destination: TableShape?, except own: String?) -> TableShape {
        var shape = TableShape(name: relation.shape.name, kind: .query, columns: columns.map(\.shape))
        guard reading.isJSON, let destination else { return shape }
        for index in shape.columns.indices {
            if let match = destination.column(shape.columns[index].name) { shape.columns[index].type = match.type }
        }
        for column in destination.columns
        where !column.isGenerated && shape.column(column.name) == nil && fold(column.name) != own.map(fold) {
            shape.columns.append(ColumnShape(name: column.name, type: column.type))
        }
        return shape
    }

    /// The pairs whose columns some event mentions.
    func mentioned(_ pairs: [SchemaMatch.Pair]) -> [SchemaMatch.Pair] {
        let names = Set(columns.map { fold($0.shape.name) })
        return pairs.filter { names.contains(fold($0.source)) }
    }

    /// Whether some events, or all, leave the column out.
    func isPartial(_ name: String) -> Bool {
        columns.first { fold($0.shape.name) == fold(name) }?.isPartial ?? true
    }
}

/// A column of the rows that change events tell of.
struct EventColumn {
    var shape: ColumnShape
    /// Whether some events that bring a row leave it out.
    var isPartial = false
    /// Whether it holds whole numbers that only their text holds exactly.
    var isHuge = false
}

/// How an event's operation, key and row are read, as SQL over the log's relation.
struct EventReading {
    /// The name, in SQL, of the table or view that a statement over the log reads.
    let table: String
    /// The operation as it is written.
    let word: String
    /// Where the row after the change lies, and the row before it.
    let after: RowImage
    let before: RowImage?
    /// Columns of the log itself that hold the key though the row is JSON; folded.
    var keyColumns: Set<String> = []
    /// Columns that hold whole numbers too large for SQLite; folded.
    var huge: Set<String> = []

    /// Where a row lies in an event.
    enum RowImage {
        /// In the log's own columns.
        case columns
        /// In a JSON object at `path` in a column.
        case json(column: String, path: String)
    }

    /// Whether rows are JSON objects.
    var isJSON: Bool { if case .json = after { true } else { false } }

    /// The operation's code; NULL for an unknown word.
    var operation: String {
        """
        CASE lower(\(word)) WHEN 'insert' THEN 0 WHEN 'update' THEN 0 WHEN 'delete' THEN 1 WHEN 'i' THEN 0 \
        WHEN 'u' THEN 0 WHEN 'd' THEN 1 WHEN 'c' THEN 0 WHEN 'r' THEN 0 WHEN 'create' THEN 0 WHEN 'read' THEN 0 \
        WHEN 'snapshot' THEN 0 WHEN 'upsert' THEN 0 WHEN 't' THEN 2 WHEN 'truncate' THEN 2 END
        """
    }

    /// The value of a column of the row after the change.
    func value(_ name: String) -> String {
        let value = value(name, after, isHuge: huge.contains(fold(name)))
        return keyColumns.contains(fold(name)) ? "ifnull(\(quoted(name)), \(value))" : value
    }

    /// The value of a column of the key; from the row before the change where it was deleted.
    func key(_ name: String) -> String {
        guard let before, !keyColumns.contains(fold(name)) else { return value(name) }
        let old = value(name, before, isHuge: huge.contains(fold(name)))
        return "CASE \(operation) WHEN \(ChangeLog.Operation.delete) THEN \(old) ELSE \(value(name)) END"
    }

    /// The value of a column of the key before the change; nil where events do not tell.
    func keyBefore(_ name: String) -> String? {
        before.map { value(name, $0, isHuge: huge.contains(fold(name))) }
    }

    /// The condition that an event mentions a column.
    func mentions(_ name: String) -> String {
        guard case .json(let column, let path) = after, !keyColumns.contains(fold(name)) else { return "1" }
        let type = JSONPath(table: table, column: column, path: path).type(name)
        return "(\(type) IS NOT NULL AND \(value(name)) IS NOT '\(EventReading.unavailable)')"
    }

    /// The condition that an event adds a row and yet knows a value of `names` only by name: Debezium tells a changed key
    /// as a delete and such a create.
    func createsMoved(_ names: [String]) -> String {
        let unavailable = names.map { "\(value($0)) IS '\(EventReading.unavailable)'" }.joined(separator: " OR ")
        return "lower(\(word)) IN ('c', 'create') AND (\(unavailable))"
    }

    /// What Debezium writes in the place of a large value that the change did not touch.
    static let unavailable = "__debezium_unavailable_value"

    private func value(_ name: String, _ image: RowImage, isHuge: Bool) -> String {
        switch image {
        case .columns: quoted(name)
        case .json(let column, let path): JSONPath(table: table, column: column, path: path).value(name, isHuge: isHuge)
        }
    }
}

/// An object inside the JSON of a column, as SQL.
struct JSONPath {
    /// The name, in SQL, of the table that has the column.
    let table: String
    let column: String
    let path: String

    /// The value of a member: numbers and texts as they are, true and false as 1 and 0, nested values as JSON text.
    ///
    /// A whole number too large for SQLite is taken as its text where `isHuge`, since it would be rounded otherwise.
    func value(_ name: String, isHuge: Bool = false) -> String {
        guard JSONPath.isPlain(name) else { return member(name, "value") }
        let value = "json_extract(\(quoted(column)), \(member(name)))"
        guard isHuge else { return value }
        return """
            CASE WHEN typeof(\(value)) = 'real' AND json_type(\(quoted(column)), \(member(name))) = 'integer' \
            THEN \(quoted(column)) -> \(member(name)) ELSE \(value) END
            """
    }

    /// The JSON type of a member; NULL where there is none.
    func type(_ name: String) -> String {
        JSONPath.isPlain(name) ? "json_type(\(quoted(column)), \(member(name)))" : member(name, "type")
    }

    private func member(_ name: String) -> String { JSONPath.literal("\(path).\"\(name)\"") }

    /// Paths have no way to write a quotation mark or a backslash. The column is qualified, since `json_each` has columns of
    /// its own.
    private func member(_ name: String, _ part: String) -> String {
        """
        (SELECT strandline_member.\(part) FROM json_each(\(table).\(quoted(column)), \(JSONPath.literal(path))) \
        AS strandline_member WHERE strandline_member.key = \(JSONPath.literal(name)))
        """
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.utf8.contains { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
    }

    /// A text as SQL.
    static func literal(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}
