internal import Model
internal import Platform
internal import SQLite

extension PartitionLoad {
    /// Stages what a partition's rows are to become beside the table, and compares it with the source, read a second time.
    func stage(
        _ view: PartitionView, _ extracted: ExtractedPartition?, as number: Int
    ) throws(LoadStop) -> (PartitionResult, Staged?) {
        let key = try PartitionLoad.stagedKey(view)
        let shadow = try shadow(view, key, at: number)
        let rows = PartitionRows(
            view.relation, view.match.pairs, key: key, column: view.column, view.table, scope, shadow: shadow)
        var (read, warnings) = try take(rows, extracted)
        if read.inside == 0 { try refuseUnplaced() }
        let checked = CheckedRows(
            sql: rows.rows.sql, columns: rows.rows.pairs.map(\.source), key: rows.rows.key.map(\.source))
        let passed = try session.checks.examine(checked, of: read.all, into: rows.table, isUsedUp: false, session)
        session.trail.enter(.stage)
        session.progress.expect(read.all)
        try refuseDoubledKey(rows)
        let nullKeys = try session.integer(rows.countNullKeys)
        guard nullKeys == 0 else { throw .failure(.nullKeys(nullKeys, key.map(\.source))) }
        let countThere = scope.text(rows.countThere, upTo: .max)
        let there = try session.integer(countThere.sql, countThere.parameters)
        for statement in rows.stage(into: shadow, at: number) {
            _ = try run(DeltaStatement.Text(sql: statement, parameters: []))
        }
        try kept.clearStage(rows.stage)
        session.trail.enter(.check)
        let recount = SourceRecount(session: session, view: view, key: key, scope: scope)
        if extracted?.isUsed != true { try recount.read() }
        let reconciliation = try Reconciler(recount: recount, shadow: shadow).compare()
        if let difference = reconciliation.difference {
            warnings.append(
                LoadWarning(
                    code: "not_reconciled", message: "\(scope.range.text) does not reconcile: \(difference)"))
        }
        var result = PartitionResult(
            rows: RowCounts(read: read.all, quarantined: read.all - passed), warnings: warnings)
        result.reconciliation = reconciliation
        return (result, Staged(shadow: shadow, there: there, inside: read.inside))
    }

    /// The backfill's shadow, made with its first partition and given the columns that the source was given since.
    private func shadow(
        _ view: PartitionView, _ key: [SchemaMatch.Pair], at number: Int
    ) throws(LoadStop) -> Shadow {
        let ledger = ShadowLedger(session.connection)
        let table = view.before.shape?.name ?? step.destination.table
        switch try ledger.place(of: request.load.run, step: step.name) {
        case .staged(let shadow)?:
            return try completed(shadow, view, key, at: number)
        case .published?, .discarded?:
            throw .failure(
                Failure(
                    .conflict,
                    "backfill \(request.load.run) takes no more rows: what it staged was published, or thrown away",
                    hint: "ask for another backfill of the range"))
        case nil: break
        }
        try PartitionLoad.refuseToStage(request, view, session.connection)
        let shadow = try ledger.begin(request.load, table, key: key.map(\.destination))
        try execute(shadow.create(view.match.pairs, view.table, column: view.column.destination))
        return shadow
    }

    /// The columns by which staged rows are told apart; refused where nothing names a row.
    private static func stagedKey(_ view: PartitionView) throws(LoadStop) -> [SchemaMatch.Pair] {
        if let key = view.key { return key }
        throw .failure(
            Failure(
                .unsupported,
                "the rows of \(view.before.step.destination.table) have no key by which staged ones could be told apart",
                hint: "name the columns that identify a row, such as primary_key: [id], or use mode: direct",
                field: "mode"))
    }

    /// Refuses a table that nothing can be staged for.
    static func refuseToStage(
        _ request: PartitionRequest, _ view: PartitionView, _ connection: Connection
    ) throws(LoadStop) {
        _ = try stagedKey(view)
        let (step, ledger) = (request.load.step, ShadowLedger(connection))
        let table = view.before.shape?.name ?? step.destination.table
        if try ledger.exists(), let other = try ledger.open(of: table) {
            throw .failure(
                Failure(
                    .conflict,
                    "backfill \(other.backfill) has staged rows for table \(table) that are not published yet",
                    hint: "publish it, cancel it or roll it back first", field: "mode"))
        }
        // What marks rows as gone has to be there: until rows are published the table stays as it is.
        if let mark = step.softDelete, view.before.shape?.column(mark) == nil {
            throw .failure(
                Failure(
                    .schemaChanged, "\(table) has no column \(mark) yet, which marks rows that are gone",
                    hint: "run pipeline \(request.load.pipeline) first: it adds the column", field: "soft_delete"))
        }
    }

    /// The shadow with the columns that the source was given since; the partition at `number` is the first with them.
    private func completed(
        _ found: Shadow, _ view: PartitionView, _ key: [SchemaMatch.Pair], at number: Int
    ) throws(LoadStop) -> Shadow {
        var shadow = found
        let shape = try session.connection.stopping { db throws(SQLiteError) in
            try db.shape(of: found.name, in: "main")
        }
        let pairs = view.match.pairs
        let columns = (shape?.columns ?? []).map(\.name).filter { $0 != Shadow.kind && $0 != Shadow.order }
        let lost = columns.first { name in !pairs.contains { fold($0.destination) == fold(name) } }
        guard lost == nil, shadow.key.map(fold) == key.map({ fold($0.destination) }), shape != nil else {
            throw .failure(
                Failure(
                    .schemaChanged,
                    lost.map { "column \($0) is not loaded any more, though partitions before had it" }
                        ?? "rows are told apart by other columns than when the first partition was staged",
                    hint: "cancel the backfill and ask for another one"))
        }
        for pair in pairs where !columns.contains(where: { fold($0) == fold(pair.destination) }) {
            guard let column = view.table.shape?.column(pair.destination) else { continue }
            try execute([shadow.add(column)])
            try ShadowLedger(session.connection).added(column.name, at: number, to: shadow)
            shadow.late.append((column.name, number))
        }
        return shadow
    }
}
