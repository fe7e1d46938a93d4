internal import Model
internal import SQLite

/// Finds out how the change events of a step's source are written: what the document does not name is found from the
/// columns, and from the first event where the columns do not tell.
struct ChangeLogSearch {
    let session: LoadSession
    /// The step's watermark.
    let held: Watermark?

    /// Names of the column that says what happened.
    static let operations = ["operation", "op", "change_type"]
    /// Names of the column that counts the events.
    static let sequences = ["sequence", "seq", "lsn"]
    /// Names of the column that holds a row as JSON.
    static let documents = ["data", "row", "after"]
    private static let envelopes = ["envelope", "value", "payload", "event", "message", "data", "record"]

    private var step: LoadStep { session.request.step }
    private var format: ChangeLogFormat { step.changeLog }

    /// The log of the step's source.
    func find() throws(LoadStop) -> ChangeLog {
        if let capture = try session.capture() { return try captured(capture) }
        let relation = try session.relation()
        try checkNames(relation.shape)
        switch try shape(relation) {
        case .flat: return try flat(relation)
        case .debezium: return try EnvelopeLog(search: self, relation: relation).find()
        case .strandline:
            throw .failure(
                Failure(
                    .notFound, "nothing records the changes of \(relation.shape.name)",
                    hint: "strandline capture install \(step.source.connection) \(relation.shape.name)",
                    field: "change_log.shape"))
        }
    }

    // MARK: A captured table

    /// The log of a table that records its own changes.
    private func captured(_ capture: CaptureRegistry.Entry) throws(LoadStop) -> ChangeLog {
        let registry = CaptureRegistry(connection: session.connection, schema: session.sourceSchema)
        let again = "strandline capture install \(step.source.connection) \(capture.table)"
        if let fault = try registry.fault(capture) {
            throw .failure(Failure(.schemaChanged, fault, hint: again + ", then run once with full_refresh"))
        }
        let definition = try CaptureDefinition.find(
            capture.table, on: session.connection, in: session.sourceSchema)
        guard step.cursor == nil else {
            throw .failure(
                Failure(
                    .conflict, "\(capture.table) records its own changes, whose order is known",
                    hint: "remove `cursor`", field: "cursor"))
        }
        guard Set(step.primaryKey.map(fold)) == Set(definition.key.map(fold)) else {
            throw .failure(
                Failure(
                    .conflict,
                    "the changes of \(capture.table) are recorded by its key "
                        + "(\(definition.key.joined(separator: ", ")))", hint: "name that as primary_key",
                    field: "primary_key"))
        }
        if case .integer(let applied)? = held?.value, applied < capture.floor {
            throw .failure(
                Failure(
                    .conflict,
                    "changes of \(capture.table) after \(applied) are no longer in its log, or were never recorded there",
                    hint: "run once with full_refresh, which reads the table itself"))
        }
        let last = try registry.lastSequence(capture)
        if case .integer(let applied)? = held?.value, applied > last {
            throw .failure(
                Failure(
                    .conflict,
                    "the log of \(capture.table) ends at \(last), before \(applied): its file was put back to an earlier state",
                    hint: "run once with full_refresh, which reads the table itself"))
        }
        if let last = try session.lastApplied() {
            try last.refuseOther(in: capture, definition, registry, reader: CaptureReader(session.request))
        }
        let relation = try SourceRelation.find(
            .table(capture.log), on: session.connection, in: session.sourceSchema)
        return ChangeLog(
            relation: relation, cursor: Cursor(column: definition.sequence), index: nil,
            reading: EventReading(
                table: quoted(capture.log), word: quoted(definition.operation), after: .columns, before: nil),
            columns: definition.columns.map { EventColumn(shape: $0) }, isCounted: true)
    }

    // MARK: Shape

    private func shape(_ relation: SourceRelation) throws(LoadStop) -> ChangeLogFormat.Shape {
        if let shape = format.shape { return shape }
        if format.envelope != nil { return .debezium }
        if format.operation != nil || format.data != nil { return .flat }
        let shape = relation.shape
        if EnvelopeLog.isSpread(shape) { return .debezium }
        if first(ChangeLogSearch.operations, in: shape) != nil { return .flat }
        if try envelope(relation) != nil { return .debezium }
        throw .failure(
            Failure(
                .unknownColumn,
                "\(shape.name) does not look like change events: it has neither a column `operation` nor one that holds "
                    + "a Debezium envelope",
                hint: "name them with change_log: { operation: COLUMN } or { envelope: COLUMN }; its columns are "
                    + shape.columns.map(\.name).joined(separator: ", "), field: "change_log"))
    }

    /// The column that holds a Debezium envelope; nil where none does.
    func envelope(_ relation: SourceRelation) throws(LoadStop) -> String? {
        if let named = format.envelope { return relation.shape.column(named)?.name }
        for name in ChangeLogSearch.envelopes {
            guard let column = relation.shape.column(name)?.name else { continue }
            if try isObject(column, relation, with: ["$.op", "$.payload.op"]) { return column }
        }
        return format.shape == .debezium ? first(ChangeLogSearch.envelopes, in: relation.shape) : nil
    }

    /// Whether the first value of a column is a JSON object, one with a member at one of `paths` where there are any.
    private func isObject(
        _ column: String, _ relation: SourceRelation, with paths: [String] = []
    ) throws(LoadStop) -> Bool {
        let name = quoted(column)
        let first = "SELECT \(name) AS strandline_value FROM \(relation.sql) WHERE \(name) IS NOT NULL LIMIT 1"
        let members = paths.map { "json_type(strandline_value, '\($0)') IS NOT NULL" }
        let condition = members.isEmpty ? "1" : members.joined(separator: " OR ")
        return try session.integer(
            """
            SELECT CASE WHEN json_valid(strandline_value) THEN json_type(strandline_value) = 'object' \
            AND (\(condition)) ELSE 0 END FROM (\(first))
            """) == 1
    }

    /// Fails where the document names a column that is not there.
    private func checkNames(_ shape: TableShape) throws(LoadStop) {
        let names = [
            ("operation", format.operation), ("data", format.data), ("envelope", format.envelope),
            ("index", format.index),
        ]
        for (key, name) in names {
            guard let name, shape.column(name) == nil else { continue }
            throw .failure(unknown(name, shape, field: "change_log.\(key)"))
        }
    }

    func unknown(_ name: String, _ shape: TableShape, field: String) -> Failure {
        Failure(
            .unknownColumn, "the source \(shape.name) has no column \(name)",
            hint: "its columns are " + shape.columns.map(\.name).joined(separator: ", "), field: field)
    }

    private func first(_ names: [String], in shape: TableShape) -> String? {
        names.lazy.compactMap { shape.column($0)?.name }.first
    }

    // MARK: Order

    /// The column that orders events by itself: the one that the document names, or one of the usual name; nil for none.
    func sequence(_ shape: TableShape) throws(LoadStop) -> String? {
        if let cursor = step.cursor {
            guard let column = shape.column(cursor.column) else { return nil }
            return column.name
        }
        return first(ChangeLogSearch.sequences, in: shape)
    }

    /// The column that orders the events of one sequence value: the one that the document names, or the row's number.
    func index(_ shape: TableShape) -> String? {
        format.index.flatMap { shape.column($0)?.name } ?? shape.rowNumberName
    }

    /// The cursor over a column.
    func cursor(_ column: String) -> Cursor {
        Cursor(column: column, initial: step.cursor?.initial)
    }

    // MARK: The flat shape

    private func flat(_ relation: SourceRelation) throws(LoadStop) -> ChangeLog {
        let shape = relation.shape
        guard let operation = format.operation ?? first(ChangeLogSearch.operations, in: shape) else {
            throw .failure(unknown("operation", shape, field: "change_log.operation"))
        }
        let sequence = try flatSequence(shape)
        let row = try document(relation, besides: [operation, sequence])
        let after = row.map { EventReading.RowImage.json(column: $0, path: "$") } ?? .columns
        let table = shape.kind == .query ? QuerySource.view : quoted(shape.name)
        var reading = EventReading(table: table, word: quoted(operation), after: after, before: nil)
        var columns: [EventColumn]
        let keys = Set(step.primaryKey.map(fold))
        if row != nil {
            reading.keyColumns = Set(shape.columns.map { fold($0.name) }).intersection(keys)
            let found = try RowColumns(session: session, relation: relation, reading: reading, cursor: sequence)
                .find(above: held)
            let kept = found.filter { !reading.keyColumns.contains(fold($0.shape.name)) }
            columns =
                found.isEmpty
                ? []
                : shape.columns.filter { reading.keyColumns.contains(fold($0.name)) }.map { EventColumn(shape: $0) }
                    + kept
            reading.huge = Set(kept.filter(\.isHuge).map { fold($0.shape.name) })
        } else {
            let own = Set(
                [operation, sequence, format.index, ownKey(shape)].compactMap { $0.map(fold) }
            ).subtracting(keys)
            columns = shape.columns.filter { !own.contains(fold($0.name)) }.map { EventColumn(shape: $0) }
        }
        return ChangeLog(
            relation: relation, cursor: cursor(sequence), index: index(shape), reading: reading, columns: columns,
            isCounted: true)
    }

    private func flatSequence(_ shape: TableShape) throws(LoadStop) -> String {
        if let found = try sequence(shape) { return found }
        if let named = step.cursor?.column { throw .failure(unknown(named, shape, field: "cursor.column")) }
        let keys = Set(step.primaryKey.map(fold))
        if let own = ownKey(shape), !keys.contains(fold(own)) { return own }
        throw .failure(
            Failure(
                .missingCursor, "nothing tells in what order the events of \(shape.name) happened",
                hint: "name the column that counts them: cursor: COLUMN", field: "cursor"))
    }

    /// The column that is the log's own row number; it is no column of the rows, unless it is part of their key.
    private func ownKey(_ shape: TableShape) -> String? {
        shape.rowNumber.flatMap { shape.column($0)?.name }
    }

    /// The column that holds the row as JSON; nil where the row lies in columns.
    ///
    /// A row may well have a column of JSON itself, so one is only taken for the row where the log has no others.
    private func document(_ relation: SourceRelation, besides own: [String]) throws(LoadStop) -> String? {
        if let named = format.data { return relation.shape.column(named)?.name }
        let known = Set((own + step.primaryKey + [format.index].compactMap { $0 }).map(fold))
        let rowNumber = relation.shape.rowNumber
        let others = relation.shape.columns.filter { !known.contains(fold($0.name)) && fold($0.name) != rowNumber }
        guard others.count == 1, ChangeLogSearch.documents.contains(fold(others[0].name)),
            try isObject(others[0].name, relation)
        else { return nil }
        return others[0].name
    }
}
