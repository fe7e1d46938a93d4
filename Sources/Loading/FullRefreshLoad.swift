internal import Model
internal import Platform
internal import SQLite

/// A load that builds the table anew beside the old one and swaps them by rename, in one transaction.
///
/// Readers see the old table until the commit and the new one after it. The new table is made by the old one's own
/// definition; its indexes and triggers are made again by theirs, and views, which find tables by name, go on working.
struct FullRefreshLoad: StepLoad {
    let session: LoadSession
    /// The capture of the source's table, whose changes later loads go on with; nil where there is none.
    var capture: CaptureRegistry.Entry?

    private var step: LoadStep { session.request.step }

    /// Does the whole load in one commit.
    func next(at now: Timestamp) throws(LoadStop) -> DestinationLedger.Record {
        try session.watch?.sawAll()
        var relation = try session.relation()
        session.noteQuery()
        let before = try session.destination()
        let match = try SchemaMatch(source: relation.shape, destination: before.shape, step: step)
        let rowsBefore = before.shape == nil ? 0 : try session.rowsInDestination(before)
        let rowsThere = before.shape == nil ? 0 : try DeleteWrite(before).rowsThere(session)
        // A table without row numbers does not tell how far its copy has come.
        if relation.isTable, before.shape?.hasRowNumber ?? true {
            session.progress.expect(try session.integer("SELECT count(*) FROM \(relation.sql)"))
        }
        // A definition names its table without a schema; a temporary view of that name would be taken for it.
        try session.drop(relation)
        session.trail.enter(.write)
        let old = try aside()
        let definitions = try makeBeside(before, old, match, relation)
        relation = try session.relation()
        let table = try session.destination()
        let rows = try fill(table, match, relation)
        try session.checks.examineWritten(table, session)
        let setAside = session.checks.setAside
        let shrinkGuard = ShrinkGuard(session.request)
        try shrinkGuard.check(removed: max(0, rowsThere - rows), of: rowsThere)
        try shrinkGuard.refuseEmpty(source: rows, of: rowsThere)
        session.progress.setRead(rows + setAside)
        let held = try session.ledger.watermark(session.request.pipeline, step.name)
        var after = try watermark(relation, held, now)
        after.warnings += try duplicates(match, relation, kept: rows + setAside)
        try session.checks.count(rows + setAside, session)
        try session.checks.checkFreshness(table, watermark: after.watermark?.value, at: now, session)
        if before.shape != nil {
            try session.drop(relation)
            try putAway(before, old, rowsBefore, match.added.map(\.name), definitions)
            for definition in definitions { try execute(definition) }
        } else {
            try session.undo?.open(try session.destination(), isCreated: true, added: [], loaded: [])
        }
        return DestinationLedger.Record(
            counts: RowCounts(
                read: rows + setAside, inserted: rows, deleted: rowsBefore, quarantined: setAside),
            watermarkBefore: held?.watermark.value, watermarkAfter: after.watermark?.value,
            key: after.watermark?.key ?? [], window: "all rows",
            warnings: match.warnings.map(reworded) + forgotten(rowsBefore - rowsThere) + after.warnings,
            isFinal: true)
    }

    private func forgotten(_ rows: Int) -> [LoadWarning] {
        guard rows > 0 else { return [] }
        return [
            LoadWarning(
                code: "soft_deletes_dropped",
                message: "\(step.destination.table) was rebuilt without the \(rows) rows that were deleted softly")
        ]
    }

    /// A rebuilt table keeps no values of its own.
    private func reworded(_ warning: LoadWarning) -> LoadWarning {
        guard warning.code == "columns_missing" else { return warning }
        return LoadWarning(
            code: warning.code,
            message: "\(step.destination.table) was rebuilt, and columns that the source lacks were left without values"
        )
    }

    /// The statements of the swap, for plans.
    func statements(_ table: DestinationTable, _ match: SchemaMatch, _ relation: SourceRelation) throws(LoadStop)
        -> [String]
    {
        let checks = try session.checks.statements(
            checked(match), into: table.prepared(match, relation), isUsedUp: false, isRebuild: true,
            at: session.clock.now())
        let filling =
            (step.checksRows ? [staging(match, relation)] : []) + checks.staged + [insertion(table, match, relation)]
            + checks.written
        guard let shape = table.shape else { return table.create(match, relation) + filling }
        let old = try aside()
        return [rename(shape, to: old), try definition(of: shape)] + filling
            + ["DROP TABLE main.\(quoted(old))"] + (try dependents(of: shape))
    }

    // MARK: The swap

    /// Puts the old table aside and makes an empty one in its place; answers the definitions of what hung on the old.
    private func makeBeside(
        _ before: DestinationTable, _ old: String, _ match: SchemaMatch, _ relation: SourceRelation
    ) throws(LoadStop) -> [String] {
        guard let shape = before.shape else {
            for statement in before.create(match, relation) { try execute(statement) }
            return []
        }
        for column in match.added { try execute(before.add(column)) }
        let definition = try definition(of: shape)
        let dependents = try dependents(of: shape)
        try execute(rename(shape, to: old))
        try execute(definition)
        return dependents
    }

    /// Renames the old table. `legacy_alter_table`, set for the session, leaves views and other tables' triggers as
    /// they are, so that they find the new table under the old name.
    private func rename(_ shape: TableShape, to old: String) -> String {
        "ALTER TABLE main.\(quoted(shape.name)) RENAME TO \(quoted(old))"
    }

    /// The name that the old table bears until it is dropped: one that nothing in the destination has.
    private func aside() throws(LoadStop) -> String {
        let taken = try session.connection.stopping { db throws(SQLiteError) in
            try db.rows("SELECT name FROM main.sqlite_schema").compactMap { $0[0].string }
        }
        return freeName("_strandline_old", among: taken)
    }

    /// Drops the old table; or keeps it for a rollback, without what has a name that the new one needs.
    private func putAway(
        _ table: DestinationTable, _ old: String, _ rows: Int, _ added: [String], _ definitions: [String]
    ) throws(LoadStop) {
        guard let undo = session.undo,
            undo.replaced(table, old: old, rows: rows, added: added, definitions: definitions)
        else { return try execute("DROP TABLE main.\(quoted(old))") }
        try session.connection.dropDependents(of: old)
    }

    private func definition(of shape: TableShape) throws(LoadStop) -> String {
        let sql = try session.value(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [.text(shape.name)])
        return sql?.display ?? ""
    }

    /// The definitions of the table's indexes and triggers; what a constraint made comes back with the table.
    private func dependents(of shape: TableShape) throws(LoadStop) -> [String] {
        let rows = try session.connection.stopping { db throws(SQLiteError) in
            try db.rows(
                "SELECT sql FROM main.sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = ? "
                    + "AND sql IS NOT NULL ORDER BY type, rowid", [.text(shape.name)])
        }
        return rows.compactMap { $0[0].string }
    }

    // MARK: The rows

    /// Stages the rows where the step's checks look at them.
    private func stage(
        _ table: DestinationTable, _ match: SchemaMatch, _ relation: SourceRelation
    ) throws(LoadStop) {
        guard step.checksRows else { return }
        session.trail.enter(.stage)
        let staging = staging(match, relation)
        session.trail.note(staging)
        let columns = match.pairs.map { quoted($0.destination) }.joined(separator: ", ")
        let read = try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(DeltaStage.table)")
            try db.execute("CREATE TEMP TABLE _strandline_delta AS SELECT \(columns) FROM \(table.sql) WHERE 0")
            return try db.run(staging)
        }
        _ = try session.checks.examine(checked(match), of: read, into: table, isUsedUp: false, session)
        session.trail.enter(.write)
    }

    /// The staged rows, as checks see them.
    private func checked(_ match: SchemaMatch) -> CheckedRows {
        let key = match.pairs.filter { pair in step.primaryKey.contains { fold($0) == fold(pair.source) } }
        return CheckedRows(
            sql: DeltaStage.table, columns: match.pairs.map(\.destination), key: key.map(\.destination),
            keepsVersions: step.writeMode == .append)
    }

    private func staging(_ match: SchemaMatch, _ relation: SourceRelation) -> String {
        let selected = match.pairs.map { quoted($0.source) }.joined(separator: ", ")
        let columns = match.pairs.map { quoted($0.destination) }.joined(separator: ", ")
        let rows = newest(match, relation)?.everyNewest ?? "SELECT \(selected) FROM \(relation.sql)"
        return "INSERT INTO \(DeltaStage.table) (\(columns)) \(rows)"
    }

    private func insertion(_ table: DestinationTable, _ match: SchemaMatch, _ relation: SourceRelation) -> String {
        if step.checksRows {
            let columns = match.pairs.map { quoted($0.destination) }.joined(separator: ", ")
            return "\(table.insert) (\(columns)) SELECT \(columns) FROM \(DeltaStage.table)"
        }
        let selected = match.pairs.map { quoted($0.source) }.joined(separator: ", ")
        let inserted = match.pairs.map { quoted($0.destination) }.joined(separator: ", ")
        // In this form SQLite copies whole records where both tables are declared alike.
        let isWhole =
            match.pairs.map { fold($0.source) } == relation.shape.columns.map { fold($0.name) }
            && match.pairs.map { fold($0.destination) } == (table.shape?.columns ?? []).map { fold($0.name) }
        if let newest = newest(match, relation) { return "\(table.insert) (\(inserted)) \(newest.everyNewest)" }
        return isWhole
            ? "\(table.insert) SELECT * FROM \(relation.sql)"
            : "\(table.insert) (\(inserted)) SELECT \(selected) FROM \(relation.sql)"
    }

    /// The statement that keeps one row for each key, where an incremental run of the step would; nil elsewhere.
    private func newest(_ match: SchemaMatch, _ relation: SourceRelation) -> DeltaStatement? {
        guard let cursor = step.cursor, step.writeMode != .append else { return nil }
        let delta = session.delta(relation, cursor, match.pairs)
        return delta.needsNewest ? delta : nil
    }

    private func duplicates(
        _ match: SchemaMatch, _ relation: SourceRelation, kept: Int
    ) throws(LoadStop) -> [LoadWarning] {
        guard let cursor = step.cursor, newest(match, relation) != nil else { return [] }
        let judgement = DeltaJudgement(step: step, cursor: cursor, order: session.order, tally: DeltaTally())
        let passed = try session.integer("SELECT count(*) FROM \(relation.sql)")
        try DeltaJudgement.refuseLost(passed: passed, kept: kept)
        return try judgement.duplicates(passed: passed, kept: kept)
    }

    private func fill(
        _ table: DestinationTable, _ match: SchemaMatch, _ relation: SourceRelation
    ) throws(LoadStop) -> Int {
        try stage(table, match, relation)
        let insertion = insertion(table, match, relation)
        session.trail.note(insertion)
        let written = try session.copy(insertion)
        let held = try session.rowsInDestination(table)
        guard held == written else {
            throw .failure(
                Failure(
                    .verificationFailed,
                    "\(written) rows were written but the new table holds \(held)\(Failure.unchanged)",
                    hint: "look for a conflict clause on the destination's key that drops rows"))
        }
        return written
    }

    // MARK: The watermark

    /// Sets the watermark of a step with a cursor to the highest position of the source, since all of it is loaded now.
    private func watermark(
        _ relation: SourceRelation, _ held: DestinationLedger.Held?, _ now: Timestamp
    ) throws(LoadStop) -> (watermark: Watermark?, warnings: [LoadWarning]) {
        if let capture { return (try begin(capture, now), []) }
        guard let cursor = step.cursor else { return (nil, []) }
        let delta = session.delta(relation, cursor, [])
        let future = session.order.key(now.adding(Limits.maximumFuture))
        _ = try session.count(DeltaRange(upper: future, future: future, includesNull: true), delta)
        var lenient = cursor
        // Every row is loaded, whatever its cursor; what an incremental run would pass over is only said.
        if lenient.onMissing == .raise { lenient.onMissing = .include }
        lenient.onUnparsable = .exclude
        var tally = session.probe.tally
        tally.nullKeys = session.gate.nullKeysLeft ?? tally.nullKeys
        session.trail.cursorRows = CursorRows(tally, byIndex: false)
        let warnings = try DeltaJudgement(step: step, cursor: lenient, order: session.order, tally: tally).warnings()
        var position = tally.position
        if step.settle != .none {
            // Below the newest rows others may still be committed.
            let window = try session.window(delta, cursor, nil, now)
            _ = try session.count(DeltaRange(upper: window.upper, includesFuture: false), delta)
            position = session.probe.tally.position
        }
        let watermark = Watermark(
            pipeline: session.request.pipeline, step: step.name, cursor: cursor.column, value: position?.value,
            key: (position?.rowKey ?? []).compactMap { CursorValue($0) }, updatedAt: now,
            run: session.request.run, version: try session.ledger.nextVersion(session.request.pipeline, step.name))
        try session.ledger.write(
            watermark, reached: (tally.reached ?? tally.position)?.value, attempt: session.request.attempt)
        return (watermark, warnings)
    }

    /// Sets the watermark to the last change that the table, as it was read, holds.
    private func begin(_ capture: CaptureRegistry.Entry, _ now: Timestamp) throws(LoadStop) -> Watermark {
        let registry = CaptureRegistry(connection: session.connection, schema: session.sourceSchema)
        let definition = try CaptureDefinition.find(capture.table, on: session.connection, in: session.sourceSchema)
        if let fault = try registry.fault(capture) {
            throw .failure(
                Failure(
                    .schemaChanged, fault,
                    hint: "strandline capture install \(step.source.connection) \(capture.table)"))
        }
        let last = try registry.lastSequence(capture)
        let watermark = Watermark(
            pipeline: session.request.pipeline, step: step.name, cursor: definition.sequence, value: .integer(last),
            updatedAt: now, run: session.request.run,
            version: try session.ledger.nextVersion(session.request.pipeline, step.name))
        try session.ledger.write(watermark, reached: .integer(last), attempt: session.request.attempt)
        try session.noteApplied(last, of: definition)
        return watermark
    }

    private func execute(_ sql: String) throws(LoadStop) {
        session.trail.note(sql)
        try session.connection.stopping { db throws(SQLiteError) in try db.execute(sql) }
    }
}
