internal import Model
internal import SQLite

/// Finds the columns of rows that are JSON objects, from what the events hold.
struct RowColumns {
    let session: LoadSession
    let relation: SourceRelation
    let reading: EventReading
    /// The column that orders the events.
    let cursor: String

    /// What the events above the watermark (less the lookback) tell of their rows' columns, in the order of the
    /// objects' members; nothing when no event brings a row, unless the step has loaded rows before.
    func find(above held: Watermark?) throws(LoadStop) -> [EventColumn] {
        guard case .json(let column, let path) = reading.after else { return [] }
        var condition = "(\(reading.operation)) = \(ChangeLog.Operation.put)"
        var parameters: [Value] = []
        if let lower = held?.value.flatMap({ session.order.key($0) }),
            let bound = session.order.key(lower, less: session.request.step.lookback).value
        {
            condition += " AND \(quoted(cursor)) >= ?"
            parameters.append(bound)
        }
        let total = try session.integer("SELECT count(*) FROM \(relation.sql) WHERE \(condition)", parameters)
        guard total > 0 else { return held == nil ? [] : keys() }
        let rows = try session.connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT j.key AS name, j.type AS type, j.type = 'integer' AND typeof(j.value) = 'real' AS huge, \
                count(*) AS events, min(j.id) AS place \
                FROM (SELECT \(quoted(column)) AS strandline_row FROM \(relation.sql) WHERE \(condition)) AS e, \
                json_each(e.strandline_row, \(JSONPath.literal(path))) AS j WHERE j.value IS NOT '\(EventReading.unavailable)' AND j.key IS NOT NULL \
                GROUP BY 1, 2, 3 ORDER BY 5
                """, parameters)
        }
        var found: [String: Found] = [:]
        var names: [String] = []
        for row in rows {
            guard let name = row["name"].string else { continue }
            if found[fold(name)] == nil { names.append(name) }
            let type = row["type"].string ?? "null"
            found[fold(name), default: Found()].add(type, Int(row["events"].integer ?? 0), row["huge"] == .integer(1))
        }
        return names.map { name in
            let facts = found[fold(name)] ?? Found()
            return EventColumn(
                shape: ColumnShape(name: name, type: facts.type), isPartial: facts.events < total, isHuge: facts.isHuge)
        } + keys().filter { found[fold($0.shape.name)] == nil && reading.keyColumns.contains(fold($0.shape.name)) }
    }

    /// The key's columns, all that matters where no event brings a row.
    private func keys() -> [EventColumn] {
        session.request.step.primaryKey.map { EventColumn(shape: ColumnShape(name: $0, type: "")) }
    }

    /// What was seen of one member.
    private struct Found {
        var events = 0
        var isHuge = false
        private var types: Set<String> = []

        mutating func add(_ jsonType: String, _ count: Int, _ huge: Bool) {
            events += count
            if huge { isHuge = true }
            switch jsonType {
            case "integer", "true", "false": types.insert("INTEGER")
            case "real": types.insert("REAL")
            case "text", "object", "array": types.insert("TEXT")
            default: break
            }
        }

        /// The type that keeps all of what was seen as it is; none where that takes several.
        var type: String { types.count == 1 && !isHuge ? types.first ?? "" : "" }
    }
}
