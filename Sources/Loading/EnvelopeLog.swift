internal import Model
internal import SQLite

/// Reads a log of Debezium envelopes: in one JSON column, with or without `payload`, or spread over columns.
///
/// A temporary view over the source gives each event its index and its sequence and leaves tombstones out.
struct EnvelopeLog {
    static let view = "_strandline_events_view"

    let search: ChangeLogSearch
    let relation: SourceRelation

    private var session: LoadSession { search.session }

    /// Whether the envelope's members are columns of their own.
    static func isSpread(_ shape: TableShape) -> Bool {
        ["op", "before", "after"].allSatisfy { shape.column($0) != nil }
    }

    /// The log.
    func find() throws(LoadStop) -> ChangeLog {
        let envelope = try search.envelope(relation)
        do throws(LoadStop) {
            return try find(envelope)
        } catch {
            // SQLite says that something is no JSON, but not what.
            if case .sqlite(let cause) = error, cause.message.contains("JSON") { try refuseInvalid(envelope) }
            throw error
        }
    }

    private func find(_ envelope: String?) throws(LoadStop) -> ChangeLog {
        let shape = relation.shape
        guard envelope != nil || EnvelopeLog.isSpread(shape) else {
            throw .failure(
                Failure(
                    .unknownColumn, "\(shape.name) has no column that holds a Debezium envelope",
                    hint: "name it with change_log: { envelope: COLUMN }; its columns are "
                        + shape.columns.map(\.name).joined(separator: ", "), field: "change_log.envelope"))
        }
        let prefix = try envelope.map { column throws(LoadStop) in try self.prefix(column) } ?? "$"
        var (sequence, cursor, isCounted) = try sequence(envelope, prefix)
        let index = search.index(shape)
        let word = envelope.map { "json_extract(\(quoted($0)), '\(prefix).op')" } ?? quoted("op")
        if cursor == "source.lsn", shape.column(cursor) == nil {
            sequence = try withSnapshot(sequence, word, index)
        }
        let source = try view(envelope, sequence: sequence, cursor: cursor, index: index)
        var reading =
            envelope.map { column in
                EventReading(
                    table: EnvelopeLog.view, word: word,
                    after: .json(column: column, path: prefix + ".after"),
                    before: .json(column: column, path: prefix + ".before"))
            }
            ?? EventReading(
                table: EnvelopeLog.view, word: quoted("op"), after: .json(column: "after", path: "$"),
                before: .json(column: "before", path: "$"))
        let columns = try RowColumns(session: session, relation: source.relation, reading: reading, cursor: cursor)
            .find(above: search.held)
        reading.huge = Set(columns.filter(\.isHuge).map { fold($0.shape.name) })
        var log = ChangeLog(
            relation: source.relation, cursor: search.cursor(cursor), index: source.index, reading: reading,
            columns: columns, isCounted: isCounted)
        log.warnings = try tombstones(envelope, index)
        return log
    }

    /// `$.payload` where the envelope is wrapped with its schema, else `$`.
    private func prefix(_ column: String) throws(LoadStop) -> String {
        let name = quoted(column)
        let wrapped = try session.integer(
            "SELECT json_type(\(name), '$.payload') = 'object' FROM \(relation.sql) WHERE \(name) IS NOT NULL LIMIT 1")
        return wrapped == 1 ? "$.payload" : "$"
    }

    // MARK: Order

    /// The sequence as SQL, its name, and whether it counts events.
    private func sequence(
        _ envelope: String?, _ prefix: String
    ) throws(LoadStop) -> (sql: String, name: String, isCounted: Bool) {
        if let column = try search.sequence(relation.shape) { return (quoted(column), column, true) }
        let known = ["source.lsn", "source.ts_ms", "ts_ms"]
        let wanted = search.session.request.step.cursor?.column ?? search.held?.cursor
        if let wanted {
            // A log that was read by one of them goes on by it.
            if known.contains(wanted) { return (path(wanted, envelope, prefix), wanted, false) }
            if search.session.request.step.cursor != nil {
                throw .failure(search.unknown(wanted, relation.shape, field: "cursor.column"))
            }
        }
        for name in known {
            let sql = path(name, envelope, prefix)
            if try session.value("SELECT \(sql) FROM \(relation.sql) WHERE \(sql) IS NOT NULL LIMIT 1") != nil {
                return (sql, name, false)
            }
        }
        guard try session.value("SELECT 1 FROM \(relation.sql) LIMIT 1") != nil else {
            return (path(known[0], envelope, prefix), known[0], false)
        }
        throw .failure(
            Failure(
                .missingCursor,
                "the events of \(relation.shape.name) have neither source.lsn nor source.ts_ms nor ts_ms, so nothing "
                    + "tells in what order they happened",
                hint: "name a column that counts them: cursor: COLUMN", field: "cursor"))
    }

    /// The sequence with 0, the lowest, for the events of a snapshot that have no place in the source's log, where they
    /// stand before all others or were read already. Elsewhere such an event has no place, and stops the run: it would
    /// be passed over.
    private func withSnapshot(_ sequence: String, _ word: String, _ index: String?) throws(LoadStop) -> String {
        var condition = "lower(\(word)) IN ('r', 'read')"
        if let index {
            let isBegun = search.held?.value != nil && search.held?.value != .integer(0)
            var bound: String?
            if isBegun {
                if case .integer(let read)? = search.held?.key.first { bound = "<= \(read)" }
            } else if case .integer(let first)? = try session.value(
                "SELECT \(quoted(index)) FROM \(relation.sql) WHERE \(sequence) IS NOT NULL ORDER BY 1 LIMIT 1")
            {
                bound = "< \(first)"
            }
            if let bound { condition += " AND \(quoted(index)) \(bound)" }
        }
        return "ifnull(\(sequence), CASE WHEN \(condition) THEN 0 END)"
    }

    private func path(_ name: String, _ envelope: String?, _ prefix: String) -> String {
        if let envelope { return "json_extract(\(quoted(envelope)), '\(prefix).\(name)')" }
        guard name.hasPrefix("source.") else {
            return relation.shape.column(name).map { quoted($0.name) } ?? "NULL"
        }
        guard let source = relation.shape.column("source")?.name else { return "NULL" }
        return "json_extract(\(quoted(source)), '$.\(name.dropFirst("source.".count))')"
    }

    // MARK: The view

    private func view(
        _ envelope: String?, sequence: String, cursor: String, index: String?
    ) throws(LoadStop) -> (relation: SourceRelation, index: String?) {
        let shape = relation.shape
        let names = shape.columns.map(\.name)
        var given: [String] = []
        if shape.column(cursor) == nil { given.append("\(sequence) AS \(quoted(cursor))") }
        var indexName = index
        if let index, shape.column(index) == nil {
            let name = freeName("strandline_index", among: names)
            given.append("\(quoted(index)) AS \(quoted(name))")
            indexName = name
        }
        let condition = envelope.map { " WHERE \(quoted($0)) IS NOT NULL" } ?? ""
        let view = EnvelopeLog.view
        let sql = """
            CREATE TEMP VIEW \(view) AS SELECT \((given + names.map(quoted)).joined(separator: ", ")) \
            FROM \(relation.sql)\(condition)
            """
        try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP VIEW IF EXISTS temp.\(view)")
            try db.execute(sql)
        }
        var seen = TableShape(name: shape.name, kind: .query, columns: [])
        if shape.column(cursor) == nil { seen.columns.append(ColumnShape(name: cursor, type: "")) }
        seen.columns += shape.columns
        // SQLite reads through the view, so the table's own indexes still find the rows.
        seen.orderedBy = shape.orderedBy
        seen.uniqueKeys = shape.uniqueKeys
        return (SourceRelation(shape: seen, sql: "temp.\(view)", views: relation.views + [view]), indexName)
    }

    // MARK: What is no event

    /// Fails at the first value that is no JSON.
    private func refuseInvalid(_ envelope: String?) throws(LoadStop) {
        for column in envelope.map({ [$0] }) ?? ["before", "after", "source"] {
            guard let name = relation.shape.column(column)?.name else { continue }
            let invalid = "\(quoted(name)) IS NOT NULL AND NOT json_valid(\(quoted(name)))"
            guard let sample = try session.value("SELECT \(quoted(name)) FROM \(relation.sql) WHERE \(invalid) LIMIT 1")
            else { continue }
            throw .failure(
                Failure(
                    .malformedDocument,
                    "an event of \(relation.shape.name) is not JSON: \(String(sample.display.prefix(80)))",
                    hint: "mend it in the source, or leave it out with a query", field: "change_log.envelope"))
        }
    }

    /// The events without a value, which Debezium writes behind a delete for other readers.
    private func tombstones(_ envelope: String?, _ index: String?) throws(LoadStop) -> [LoadWarning] {
        guard let envelope else { return [] }
        var condition = "\(quoted(envelope)) IS NULL"
        var parameters: [Value] = []
        // Each is told of once: with the event behind it.
        if let index {
            let last = "SELECT max(\(quoted(index))) FROM \(relation.sql) WHERE \(quoted(envelope)) IS NOT NULL"
            condition += " AND \(quoted(index)) < (\(last))"
            if case .integer(let read)? = search.held?.key.first {
                condition += " AND \(quoted(index)) > ?"
                parameters.append(.integer(read))
            }
        }
        let count = try session.integer("SELECT count(*) FROM \(relation.sql) WHERE \(condition)", parameters)
        guard count > 0 else { return [] }
        return [
            LoadWarning(
                code: "tombstones", message: "\(count) events without a value (tombstones) were passed over")
        ]
    }
}
