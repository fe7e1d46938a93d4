internal import Model

/// What an incremental load reads: the rows, or the events, that its window is laid over, and the rows that they give.
struct DeltaSource {
    /// What the window is laid over.
    let relation: SourceRelation
    /// The rows, by their columns; the relation itself but for change events.
    let rows: SourceRelation
    /// The column of `relation` that orders it.
    let cursor: Cursor
    /// The change events; nil for a strategy that reads rows.
    let changes: ChangeLog?
}

extension LoadSession {
    /// The source of the step's incremental load, as it is now.
    func deltaSource(_ held: Watermark?, _ table: DestinationTable) throws(LoadStop) -> DeltaSource {
        guard request.step.strategy == .cdc else {
            let relation = try relation()
            return DeltaSource(relation: relation, rows: relation, cursor: try request.cursor(), changes: nil)
        }
        let log = try ChangeLogSearch(session: self, held: held).find()
        let shape = log.rows(beside: table.shape, except: request.step.softDelete)
        let rows = SourceRelation(shape: shape, sql: log.relation.sql, views: log.relation.views)
        return DeltaSource(relation: log.relation, rows: rows, cursor: log.cursor, changes: log)
    }

    /// The SQL that reads the delta of a source into `columns`.
    func delta(_ source: DeltaSource, _ columns: [SchemaMatch.Pair]) -> DeltaStatement {
        guard let log = source.changes else { return delta(source.relation, source.cursor, columns) }
        return DeltaStatement(
            relation: log.relation, step: request.step, order: order, cursor: log.cursor.column,
            columns: log.mentioned(columns), keyColumns: [log.index].compactMap { $0 })
    }

    /// The capture of the table that a step's change events are of; nil where the step reads a log of another kind.
    func capture() throws(LoadStop) -> CaptureRegistry.Entry? {
        guard request.step.strategy == .cdc, [nil, .strandline].contains(request.step.changeLog.shape),
            case .table(let name) = request.step.source.relation
        else { return nil }
        let entries = try CaptureRegistry(connection: connection, schema: sourceSchema).entries()
        if let entry = entries.first(where: { fold($0.log) == fold(name) }) {
            throw .failure(
                Failure(
                    .invalidValue, "\(entry.log) is the log of \(entry.table)", hint: "name the table itself",
                    field: "source.table"))
        }
        return entries.first { fold($0.table) == fold(name) }
    }

    /// The capture of a table that the load is to read itself, since it begins, or is to begin anew; nil for any other
    /// load.
    func captureToBegin() throws(LoadStop) -> CaptureRegistry.Entry? {
        guard request.step.strategy == .cdc, let entry = try capture() else { return nil }
        if request.fullRefresh { return entry }
        return try held() == nil ? entry : nil
    }

    /// Refuses to rebuild a table from change events, which tell of what changed and not of what is there.
    func refuseRebuildFromEvents() throws(LoadStop) {
        guard request.step.strategy == .cdc else { return }
        throw .failure(
            Failure(
                .conflict,
                "change events cannot rebuild \(request.step.destination.table): they tell what changed, not "
                    + "all that is there",
                hint: "to apply them again, set the watermark back to where the log begins"))
    }
}
