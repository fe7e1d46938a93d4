internal import Model
internal import Platform
internal import SQLite

/// Looks whether a table holds the change events of another one, at its first rows.
///
/// A name says little: each operation must be one of those that a load knows, something must order the events, and no
/// key may be inserted over and over.
struct EventSurvey {
    let connection: Connection
    let relation: SourceRelation

    private static let sample = "strandline_sample"
    private var shape: TableShape { relation.shape }
    private var from: String {
        "(SELECT * FROM \(relation.sql) LIMIT \(Limits.surveyedEvents)) AS \(EventSurvey.sample)"
    }

    /// What the events are; nil for a table of another kind.
    func facts() throws(LoadStop) -> EventFacts? {
        guard !fold(shape.name).hasPrefix("_strandline") else { return nil }
        if let found = try debezium() { return found }
        return try flat()
    }

    // MARK: Debezium's envelope

    private func debezium() throws(LoadStop) -> EventFacts? {
        if EnvelopeLog.isSpread(shape) {
            let reading = EventReading(
                table: EventSurvey.sample, word: quoted("op"), after: .json(column: "after", path: "$"),
                before: .json(column: "before", path: "$"))
            let images = ["before", "after"].map(quoted).map { "(\($0) IS NULL OR json_valid(\($0)))" }
            return try envelope(
                nil, reading, isWhole: images.joined(separator: " AND "), isOrdered: named(["ts_ms", "source"]) != nil)
        }
        let columns = shape.columns.map(\.name).prefix(Limits.surveyedColumns)
        for column in columns {
            let name = quoted(column)
            for prefix in ["$", "$.payload"] {
                let first = "SELECT \(name) AS v FROM \(from) WHERE \(name) IS NOT NULL LIMIT 1"
                let isEnvelope =
                    "json_type(v, '\(prefix).op') = 'text' AND coalesce(json_type(v, '\(prefix).after'), "
                    + "json_type(v, '\(prefix).before')) IS NOT NULL"
                guard
                    try integer(
                        "SELECT CASE WHEN typeof(v) = 'text' AND json_valid(v) THEN \(isEnvelope) ELSE 0 END FROM (\(first))"
                    ) == 1
                else { continue }
                let reading = EventReading(
                    table: EventSurvey.sample, word: "json_extract(\(name), '\(prefix).op')",
                    after: .json(column: column, path: prefix + ".after"),
                    before: .json(column: column, path: prefix + ".before"))
                let times = ["source.lsn", "source.ts_ms", "ts_ms"].map { "json_extract(\(name), '\(prefix).\($0)')" }
                let found = try envelope(
                    column, reading, isWhole: "json_valid(\(name))",
                    isOrdered: nil, by: "coalesce(\(times.joined(separator: ", ")))")
                if let found { return found }
            }
        }
        return nil
    }

    private func envelope(
        _ column: String?, _ reading: EventReading, isWhole: String, isOrdered: Bool?,
        by order: String = "NULL"
    ) throws(LoadStop) -> EventFacts? {
        let there = column.map { "\(quoted($0)) IS NOT NULL" } ?? "true"
        // The first counts what is no event: SQLite would stop at what is no JSON.
        let strange =
            "SELECT count(*) FROM \(from) WHERE \(there) AND "
            + "CASE WHEN \(isWhole) THEN (\(reading.operation)) IS NULL ELSE 1 END"
        let events = try integer("SELECT count(*) FROM \(from) WHERE \(there)")
        guard events > 0, try integer(strange) == 0 else { return nil }
        var facts = EventFacts(shape: .debezium, envelope: column, examined: events)
        var hasOrder = isOrdered ?? false
        if isOrdered == nil {
            hasOrder = try integer("SELECT count(*) FROM \(from) WHERE \(there) AND \(order) IS NULL") == 0
        }
        if !hasOrder, named(ChangeLogSearch.sequences) == nil {
            guard let own = shape.rowNumber.flatMap({ shape.column($0)?.name }) else { return nil }
            facts.sequence = own
        }
        let rows = "\(from) WHERE \(there)"
        facts.key = try recordKey()
        if facts.key.isEmpty { facts.key = try key(try members(reading, rows), reading, rows) }
        return facts
    }

    /// The members of the record's own key, which Debezium writes beside the envelope; none where no column holds it.
    private func recordKey() throws(LoadStop) -> [String] {
        guard let column = named(["key", "message_key", "record_key"]).map(quoted) else { return [] }
        let first = "SELECT \(column) AS v FROM \(from) WHERE \(column) IS NOT NULL LIMIT 1"
        let names = try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT m.key AS name FROM (\(first)) AS f, json_each(CASE WHEN json_valid(v) THEN v ELSE '[]' END, \
                CASE WHEN json_valid(v) AND json_type(v, '$.payload') = 'object' THEN '$.payload' ELSE '$' END) AS m
                """)
        }.compactMap { $0["name"].string }
        return names
    }

    // MARK: The flat shape

    private func flat() throws(LoadStop) -> EventFacts? {
        guard let operation = named(ChangeLogSearch.operations + EventSurvey.operations),
            named(EventSurvey.tables) == nil,
            let sequence = named(ChangeLogSearch.sequences + EventSurvey.sequences)
        else { return nil }
        var reading = EventReading(
            table: EventSurvey.sample, word: quoted(operation), after: .columns, before: nil)
        let events = try integer("SELECT count(*) FROM \(from)")
        // The letters c and d may as well mean credit and debit.
        let plain = "lower(\(quoted(operation))) NOT IN ('c', 'd', 'r', 't')"
        guard events > 0, try integer("SELECT count(*) FROM \(from) WHERE (\(reading.operation)) IS NULL") == 0,
            try integer("SELECT count(*) FROM \(from) WHERE \(plain)") > 0,
            try integer("SELECT count(*) FROM \(from) WHERE typeof(\(quoted(sequence))) <> 'integer'") == 0
        else { return nil }
        var facts = EventFacts(shape: .flat, operation: operation, sequence: sequence, examined: events)
        let own = [operation, sequence].map(fold) + [shape.rowNumber].compactMap { $0 }
        let others = shape.columns.map(\.name).filter { !own.contains(fold($0)) }
        guard !others.isEmpty else { return nil }
        if let data = others.first(where: { ChangeLogSearch.documents.contains(fold($0)) }), try areObjects(data) {
            facts.data = data
            reading = EventReading(
                table: EventSurvey.sample, word: quoted(operation), after: .json(column: data, path: "$"), before: nil)
            let outside = others.filter { $0 != data && ColumnWords($0).saysKey }
            // A delete seldom tells the row, so a key beside it comes first.
            facts.key = try key(
                outside, EventReading(table: EventSurvey.sample, word: quoted(operation), after: .columns, before: nil),
                from)
            if facts.key.isEmpty { facts.key = try key(try members(reading, from), reading, from) }
        } else {
            facts.key = try key(others.filter { ColumnWords($0).saysKey }, reading, from)
        }
        return facts
    }

    private static let operations = ["action", "event_type", "__op"]
    private static let sequences = [
        "sequence_number", "sequence_no", "seq_no", "change_id", "change_number", "change_seq", "event_id",
        "event_number", "log_id", "scn", "offset",
    ]
    /// Columns that tell of which table an event is: then it is not one table's log.
    private static let tables = [
        "table_name", "tablename", "table", "tbl", "tbl_name", "entity", "entity_type", "object_type",
    ]

    private func areObjects(_ column: String) throws(LoadStop) -> Bool {
        let value = quoted(column)
        let isOther = "CASE WHEN json_valid(\(value)) THEN json_type(\(value)) <> 'object' ELSE 1 END"
        let there = "FROM \(from) WHERE \(value) IS NOT NULL"
        guard try integer("SELECT count(*) \(there) AND \(isOther)") == 0 else { return false }
        return try integer("SELECT count(*) \(there)") > 0
    }

    // MARK: The key

    /// The members of the rows that may name them.
    private func members(_ reading: EventReading, _ rows: String) throws(LoadStop) -> [String] {
        guard case .json(let column, let path) = reading.after else { return [] }
        return try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT m.key AS name FROM (SELECT \(quoted(column)) AS v FROM \(rows)) AS e, json_each(e.v, '\(path)') AS m \
                WHERE m.key IS NOT NULL AND m.atom IS NOT NULL GROUP BY 1 ORDER BY min(m.id) \
                LIMIT \(Limits.surveyedColumns)
                """)
        }.compactMap { $0["name"].string }.filter { ColumnWords($0).saysKey }
    }

    /// The name that every event has a value for, and by which next to no row is added twice without being deleted
    /// between; of several the one with the fewest values: another may number the events.
    private func key(_ names: [String], _ reading: EventReading, _ rows: String) throws(LoadStop) -> [String] {
        var best: (name: String, values: Int)?
        for name in names.filter({ fold($0) == "id" }) + names.filter({ fold($0) != "id" }) {
            let adds = "lower(\(reading.word)) IN ('insert', 'i', 'c', 'create')"
            let events = """
                SELECT \(reading.key(name)) AS k, \(adds) AS added, (\(reading.operation)) = 1 AS gone \
                FROM \(rows.contains(" WHERE ") ? rows + " AND" : rows + " WHERE") (\(reading.operation)) IN (0, 1)
                """
            let found = try connection.stopping { db throws(SQLiteError) in
                try db.first(
                    "SELECT count(*), sum(k IS NULL), sum(sum_added > sum_gone + 1) FROM (SELECT k, sum(added) AS sum_added, "
                        + "sum(gone) AS sum_gone FROM (\(events)) GROUP BY k)")
            }
            guard let found, let values = found[0].integer, values > 0, found[1] == .integer(0),
                (found[2].integer ?? 0) * 20 <= values
            else { continue }
            if best.map({ Int(values) < $0.values }) ?? true { best = (name, Int(values)) }
        }
        return best.map { [$0.name] } ?? []
    }

    private func named(_ names: [String]) -> String? { names.lazy.compactMap { shape.column($0)?.name }.first }

    private func integer(_ sql: String) throws(LoadStop) -> Int {
        try connection.stopping { db throws(SQLiteError) in Int(try db.first(sql)?[0].integer ?? 0) }
    }
}
