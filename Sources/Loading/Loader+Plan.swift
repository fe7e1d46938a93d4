public import Model
public import Platform
internal import SQLite

extension Loader {
    /// What the load would do now; reads the source and changes nothing.
    public func plan(_ request: LoadRequest, stop: StopToken) throws(Failure) -> LoadPlan {
        try withSession(request, for: .look, stop: stop, progress: LoadProgress()) { session throws(LoadStop) in
            let beginsCapture = try session.captureToBegin() != nil
            if request.fullRefresh, !beginsCapture { try session.refuseRebuildFromEvents() }
            let table = try session.destination()
            let strategy = request.fullRefresh || beginsCapture ? .fullRefresh : request.step.strategy
            let source =
                strategy.isIncremental ? try session.deltaSource(try session.held()?.watermark, table) : nil
            let relation = if let source { source.rows } else { try session.relation() }
            let match = try SchemaMatch(source: relation.shape, destination: table.shape, step: request.step)
            var plan = LoadPlan(
                step: request.step.name, strategy: request.step.strategy, watermark: nil, from: nil, to: nil, rows: 0,
                columns: match.pairs.map(\.source), createsDestination: table.shape == nil, statements: [],
                fullScans: [], suggestedIndexes: [], warnings: match.warnings)
            switch strategy {
            case .timestamp, .sequence, .cdc:
                if let source { try fill(&plan, session, source, table, match) }
            case .fullRefresh:
                plan.rows = try session.integer("SELECT count(*) FROM \(relation.sql)")
                plan.statements = try FullRefreshLoad(session: session).statements(table, match, relation)
                plan.fullScans = [relation.shape.name]
            case .snapshotDiff:
                let load = SnapshotDiffLoad(session: session)
                plan.rows = try session.integer("SELECT count(*) FROM \(relation.sql)")
                plan.statements = try load.statements(table, match, relation)
                plan.fullScans = [relation.shape.name] + (table.shape.map { [$0.name] } ?? [])
                plan.suggestedIndexes = try load.suggestedIndexes(match, relation)
            }
            return plan
        }
    }

    private func fill(
        _ plan: inout LoadPlan, _ session: LoadSession, _ source: DeltaSource, _ table: DestinationTable,
        _ match: SchemaMatch
    ) throws(LoadStop) {
        let request = session.request
        let (cursor, relation) = (source.cursor, source.relation)
        let delta = session.delta(source, match.pairs)
        let held = try session.held()
        session.isFirstLoad = held == nil
        session.hasMadeTable = table.shape == nil
        let load = IncrementalLoad(session, cursor: cursor, rowsPerCommit: 1)
        try load.refuseWhatDoesNotFit(held, table)
        try load.refuseNumbersAsTexts(held, delta)
        plan.warnings += try load.warnAboutDestination(held, table, delta)
        if table.shape != nil { try load.refuseKeyWithoutConstraint(table, relation) }
        let window = try session.window(delta, cursor, held?.watermark, clock.now())
        plan.watermark = held?.watermark.value
        plan.from = window.lower.map { CursorValue($0.value ?? .text($0.display)) ?? .text($0.display) }
        plan.rows = try session.count(window.range, delta)
        session.probe.add(try load.straysBelow(window.range, delta))
        let tally = session.probe.tally
        if delta.needsNewest, request.step.writeMode != .append, source.changes == nil {
            session.probe.reset(window.range, readBefore: nil)
            let newest = delta.selectNewest(window.range, gate: DeltaGate.probeName)
            let kept = try session.integer("SELECT count(*) FROM (\(newest.sql))", newest.parameters)
            plan.warnings += try DeltaJudgement(
                step: request.step, cursor: cursor, order: session.order, tally: tally
            ).duplicates(passed: plan.rows, kept: kept)
            plan.rows = kept
        }
        plan.to = tally.position?.value
        plan.warnings += try DeltaJudgement(
            step: request.step, cursor: cursor, order: session.order, tally: tally
        ).warnings()
        plan.warnings += source.changes?.warnings ?? []
        plan.warnings += try load.warnWhereNumbersRestarted(held, source, delta, tally)
        if table.shape == nil {
            plan.statements = table.create(match, source.rows)
        } else {
            plan.statements = match.added.map { table.add($0) }
        }
        let prepared = table.prepared(match, source.rows)
        let whole = WholeTableWrite(delta: delta, table: prepared)
        var isWhole =
            table.shape == nil && window.range.lower == nil && source.changes == nil && whole.fits
            && !request.step.checksRows
        if isWhole { isWhole = try session.integer("SELECT count(*) FROM \(relation.sql)") == plan.rows }
        var changes = source.changes.map {
            ChangeWrite($0, delta, prepared, match.pairs, applied: AppliedChanges(request), at: clock.now())
        }
        try changes?.look(window.range, above: held, session)
        let writer: any DeltaWrite = if let changes { changes } else { try session.writer(delta, prepared, held) }
        plan.statements += isWhole ? [whole.copy] : writer.statements(window.range).map(\.sql)
        let checks = try session.checks.statements(
            changes?.checked ?? CheckedRows(delta), into: prepared,
            isUsedUp: changes == nil && request.step.writeMode != .upsert, isRebuild: false, at: clock.now())
        plan.statements += checks.staged
        plan.fullScans = try scans(delta.place(window.range), session)
        if table.shape != nil, let sweep = try KeySweep(relation, match, prepared) {
            plan.statements += sweep.statements(session.undoTable(prepared, match))
            plan.fullScans += [prepared.shape?.name].compactMap { $0 }
        }
        plan.statements += checks.written
        plan.suggestedIndexes += [relation.suggestedIndex(on: delta.cursor)].compactMap { $0 }
    }

    /// The tables that the engine would read in full for a statement, by the names that the source has for them.
    private func scans(_ statement: DeltaStatement.Text, _ session: LoadSession) throws(LoadStop) -> [String] {
        let rows = try session.connection.stopping { db throws(SQLiteError) in
            try db.rows("EXPLAIN QUERY PLAN " + statement.sql, statement.parameters)
        }
        return rows.compactMap { row in
            guard let detail = row["detail"].string, detail.hasPrefix("SCAN ") else { return nil }
            var name = detail.dropFirst(5)
            // Where the source is attached is our own affair.
            for schema in ["main.", SourceRelation.schema + "."] where name.hasPrefix(schema) {
                name = name.dropFirst(schema.count)
            }
            return String(name.prefix { $0 != " " })
        }
    }
}
