internal import Model
internal import Platform
internal import SQLite

/// Applies change events: of each key's the newest, as an upsert or a delete, and counts what really changed.
struct ChangeWrite: DeltaWrite {
    let delta: DeltaStatement
    let table: DestinationTable
    let log: ChangeLog
    let applied: AppliedChanges
    /// Whether a look over the whole load found that it removes no more than the step allows, so that its commits,
    /// which may remove what a later one brings back, are not held to that one by one.
    var isForeseen = false
    /// The columns that no event mentions, with those that would fill them.
    private let others: [SchemaMatch.Pair]
    private(set) var stage: ChangeStage
    private var moves: ChangeMoves?
    private let deletion: DeleteWrite
    private let now: Timestamp

    /// Writes into `columns`, of which the delta has those that some event mentions.
    init(
        _ log: ChangeLog, _ delta: DeltaStatement, _ table: DestinationTable, _ columns: [SchemaMatch.Pair],
        applied: AppliedChanges, at now: Timestamp
    ) {
        let mentioned = Set(delta.columns.map(\.destination))
        others = columns.filter { !mentioned.contains($0.destination) }
        self.log = log
        self.delta = delta
        self.table = table
        self.applied = applied
        self.now = now
        stage = ChangeStage(log, table, delta.columns, key: delta.step.primaryKey)
        deletion = DeleteWrite(table)
    }

    /// The condition that a row of the destination, called `d`, is to go.
    private var isGone: String {
        "(\(stage.keyColumns.map { "d." + quoted($0) }.joined(separator: ", "))) IN "
            + "(SELECT \(stage.keyList) FROM \(ChangeStage.sql) WHERE \(stage.isDelete))"
    }

    private var upsert: String {
        KeyedUpsert(columns: stage.pairs.map(\.destination), keyColumns: stage.keyColumns, table: table)
            .text(DeltaStatement.Text(sql: stage.rows, parameters: [])).sql
    }

    /// Looks whether the events of a range have to be followed one by one, and whether columns that none of them mentions
    /// change nevertheless: they move with the row, and are empty in a row that begins anew. `held` is the watermark below
    /// which events were applied before.
    mutating func look(
        _ range: DeltaRange, above held: DestinationLedger.Held?, _ session: LoadSession
    ) throws(LoadStop) {
        stage = ChangeStage(log, table, delta.columns, key: delta.step.primaryKey)
        let whole = others.isEmpty ? stage : ChangeStage(log, table, delta.columns + others, key: delta.step.primaryKey)
        if let needed = ChangeMoves(stage: whole, held: held).areNeeded, try hasEvent(needed, range, session) {
            stage = whole
            stage.followsMoves = true
            moves = ChangeMoves(stage: stage, held: held, wasApplied: try applied.wasApplied(session))
        } else if !others.isEmpty, try hasEvent(isDelete, range, session) {
            stage = whole
        }
    }

    private var isDelete: String { "(\(log.reading.operation)) = \(ChangeLog.Operation.delete)" }

    private func hasEvent(_ condition: String, _ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> Bool {
        let bounds = within(range)
        let sql = "SELECT 1 FROM \(log.relation.sql) WHERE \(bounds.sql) AND (\(condition)) LIMIT 1"
        return try session.value(sql, bounds.parameters) != nil
    }

    /// The statements that fill the stage.
    private func fills(
        _ condition: DeltaStatement.Text, _ range: DeltaRange, since truncated: ChangeStage.Truncation?
    ) -> [DeltaStatement.Text] {
        if stage.followsMoves, let moves { return [moves.fill(condition, since: truncated)] }
        return [stage.fill(condition, since: truncated), stage.fillOldKeys(within(range), since: truncated)]
            .compactMap { $0 }
    }

    func statements(_ range: DeltaRange) -> [DeltaStatement.Text] {
        fills(delta.condition(range), range, since: nil)
            + (stage.keepOthers + [deletion.statement(where: isGone), upsert]).map {
                DeltaStatement.Text(sql: $0, parameters: [])
            }
    }

    func write(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> RowCounts {
        let truncated = try truncation(range, session)
        try fillStage(delta.condition(range), range, since: truncated, session)
        try refuseTies(range, session)
        try applied.dropOlder(stage, session)
        return try apply(truncated, session)
    }

    /// Makes the stage and fills it with the events of `range` that `condition` lets through.
    private func fillStage(
        _ condition: DeltaStatement.Text, _ range: DeltaRange, since truncated: ChangeStage.Truncation?,
        _ session: LoadSession
    ) throws(LoadStop) {
        let create = [stage.create] + (stage.followsMoves ? moves?.create ?? [] : [])
        let fills = fills(condition, range, since: truncated)
        do throws(LoadStop) {
            try session.connection.stopping { db throws(SQLiteError) in
                try db.execute("DROP VIEW IF EXISTS \(ChangeMoves.sql)")
                try db.execute("DROP TABLE IF EXISTS \(ChangeStage.sql)")
                for statement in create { try db.execute(statement) }
                for fill in fills { _ = try db.run(fill.sql, fill.parameters) }
            }
        } catch {
            if case .sqlite(let cause) = error, cause.isConstraint { try refuseUnusable(range, session) }
            throw error
        }
    }

    private func apply(_ truncated: ChangeStage.Truncation?, _ session: LoadSession) throws(LoadStop) -> RowCounts {
        let swept = truncated.map { isSwept($0) }
        // What a truncation swept away must not come back in part.
        for statement in truncated == nil ? stage.keepOthers : [] {
            _ = try session.connection.stopping { db throws(SQLiteError) in try db.run(statement) }
        }
        try check(truncated, session)
        // Events tell of rows, too, that the destination does not change for them.
        if truncated == nil {
            try session.watch?.saw(ChangeStage.sql, stage.keyColumns)
        } else {
            try session.watch?.sawAll()
        }
        let isWatched = try table.mayIgnoreRows(session)
        let (removed, changed, updated) = try session.undoable(touched(swept)) { () throws(LoadStop) in
            let removed = try remove(swept, session)
            let (changed, updated) = try session.connection.stopping { db throws(SQLiteError) in
                try db.countingUpdates { () throws(SQLiteError) in try db.run(upsert) }
            }
            return (removed, changed, updated)
        }
        let staged = try session.integer("SELECT count(*) FROM \(ChangeStage.sql)")
        let deletes = try session.integer("SELECT count(*) FROM \(ChangeStage.sql) WHERE \(stage.isDelete)")
        let counts = RowCounts(
            read: staged, inserted: changed - updated, updated: updated,
            unchanged: staged - changed - removed.byKey, deleted: removed.byKey + removed.swept)
        guard counts.inserted >= 0, counts.unchanged >= 0, removed.byKey <= deletes else {
            throw .failure(counts.unaccounted(changed))
        }
        if isWatched, try missing(session) > 0 { throw .failure(counts.unaccounted(changed)) }
        try applied.record(stage, session)
        return counts
    }

    /// The rows as they are to be written, as checks see them.
    var checked: CheckedRows {
        CheckedRows(sql: "temp._strandline_puts", columns: stage.pairs.map(\.destination), key: stage.keyColumns)
    }

    /// Has the step's checks made on the rows as they are to be written; deletes are none.
    private func check(_ truncated: ChangeStage.Truncation?, _ session: LoadSession) throws(LoadStop) {
        guard delta.step.checksRows else { return }
        var puts = checked
        puts.removed = "SELECT \(stage.keyList) FROM \(ChangeStage.sql) WHERE \(stage.isDelete)"
        puts.replacesAll = truncated != nil
        try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP VIEW IF EXISTS \(puts.sql)")
            try db.execute("CREATE TEMP VIEW _strandline_puts AS \(stage.rows)")
        }
        _ = try session.checks.examine(puts, of: 0, into: table, isUsedUp: false, session)
        session.trail.enter(.write)
    }

    /// Removes what a truncation swept away and what events delete, within what the step allows.
    private func remove(_ swept: String?, _ session: LoadSession) throws(LoadStop) -> (swept: Int, byKey: Int) {
        var removed = (swept: 0, byKey: 0)
        if let swept { removed.swept = try deletion.run(where: swept, at: now, session) }
        removed.byKey = try deletion.run(where: isGone, at: now, session)
        guard !isForeseen else { return removed }
        try ShrinkGuard(session.request).check(removed: removed.swept + removed.byKey) { enough throws(LoadStop) in
            try deletion.rowsThere(session, upTo: enough)
        }
        return removed
    }

    /// The rows that are about to change, as they stand behind FROM.
    private func touched(_ swept: String?) -> [String] {
        let keys = Set(stage.keyColumns.map(fold))
        let others = stage.pairs.map(\.destination).filter { !keys.contains(fold($0)) }
        let differs = DestinationTable.differs(others, table.shape, old: "d", new: "s")
        let isMarked = deletion.isMarked("d") ?? "false"
        let same = "SELECT 1 FROM \(table.sql) AS d WHERE \(stage.sameKey) AND NOT \(isMarked)"
        let equal = differs.isEmpty ? same : "\(same) AND NOT (\(differs))"
        let staged = """
            \(ChangeStage.sql) AS s WHERE \(stage.isDelete) AND EXISTS (\(same)) \
            OR \(stage.isPut) AND NOT EXISTS (\(equal))
            """
        let gone = swept.map { "\(table.sql) AS d WHERE \($0) AND NOT \(isMarked)" }
        return [staged] + [gone].compactMap { $0 }
    }

    /// The condition that a row of the destination, called `d`, was there before a truncation: later events bring none of
    /// its key.
    private func isSwept(_ truncated: ChangeStage.Truncation) -> String {
        let sweep = "NOT EXISTS (SELECT 1 FROM \(ChangeStage.sql) AS s WHERE \(stage.sameKey) AND \(stage.isPut))"
        return applied.isLater(than: truncated.sequence).map { "\(sweep) AND NOT \($0)" } ?? sweep
    }

    /// The staged rows that a trigger kept out of the destination.
    private func missing(_ session: LoadSession) throws(LoadStop) -> Int {
        try session.integer(
            "SELECT count(*) FROM \(ChangeStage.sql) AS s WHERE \(stage.isPut) "
                + "AND NOT EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(stage.sameKey))")
    }

    // MARK: Looking ahead

    /// Refuses a load of several commits, before the first, when all of them together would remove too much.
    ///
    /// Counting the events that may remove a row mostly tells enough; only where those are many the newest of each key
    /// are sought out.
    func refuseShrinking(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) {
        let shrink = ShrinkGuard(session.request)
        let truncated = try truncation(range, session)
        let mayRemove = truncated == nil ? try removals(range, session) : .max
        let isAllowed = try shrink.allows(upTo: mayRemove) { enough throws(LoadStop) in
            try deletion.rowsThere(session, upTo: enough)
        }
        guard !isAllowed else { return }
        var whole = self
        whole.stage = ChangeStage(
            log, table,
            delta.columns.filter { pair in stage.keyColumns.contains { fold($0) == fold(pair.destination) } },
            key: delta.step.primaryKey)
        let removed = try whole.removedRows(range, since: truncated, session)
        try shrink.check(removed: removed, of: try deletion.rowsThere(session, upTo: Int(Int64.max)))
    }

    /// The number of events of a range that may remove a row.
    private func removals(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> Int {
        let bounds = within(range)
        var condition = "(\(log.reading.operation)) IS NOT \(ChangeLog.Operation.put)"
        if let changesKey = stage.changesKey { condition += " OR \(changesKey)" }
        return try session.integer(
            "SELECT count(*) FROM \(log.relation.sql) WHERE \(bounds.sql) AND (\(condition))", bounds.parameters)
    }

    /// The number of the destination's rows that the events of a range remove and do not bring back.
    private func removedRows(
        _ range: DeltaRange, since truncated: ChangeStage.Truncation?, _ session: LoadSession
    ) throws(LoadStop) -> Int {
        try fillStage(within(range), range, since: truncated, session)
        try applied.dropOlder(stage, session)
        let isRemoved = ([isGone] + [truncated.map { isSwept($0) }].compactMap { $0 }).map { "(\($0))" }
        let isMarked = deletion.isMarked("d").map { " AND NOT \($0)" } ?? ""
        return try session.integer(
            "SELECT count(*) FROM \(table.sql) AS d WHERE (\(isRemoved.joined(separator: " OR ")))\(isMarked)")
    }

    // MARK: Replaying

    /// Fills the stage with what the events of `range` come to for each key they name, for a comparison with the
    /// destination, which has applied those up to `place`, where `held` stands, and of those that share its number the
    /// ones up to the index that `held` names; answers the newest truncation among them.
    mutating func replay(
        _ range: DeltaRange, applied place: CursorKey, _ held: DestinationLedger.Held, _ session: LoadSession
    ) throws(LoadStop) -> ChangeStage.Truncation? {
        try look(range, above: held, session)
        let truncated = try truncation(range, session)
        if let sequence = truncated.flatMap({ CursorValue($0.sequence) }), let key = session.order.key(sequence),
            key.compare(place) > 0
        {
            throw .failure(
                Failure(
                    .conflict,
                    "the watermark was set back to \(place.display), before the truncation at \(sequence.display) that "
                        + "was applied already", hint: "run the pipeline first"))
        }
        session.probe.reset(range, readBefore: nil)
        try fillStage(delta.condition(range, gate: DeltaGate.probeName), range, since: truncated, session)
        try refuseTies(range, session)
        try leaveUnsettled(place, held.watermark.key, session)
        // A row that was made after the truncation holds nothing but what its events say.
        for statement in truncated == nil ? stage.keepOthers : [] {
            _ = try session.connection.stopping { db throws(SQLiteError) in try db.run(statement) }
        }
        return truncated
    }

    /// Takes out of the comparison the keys about which a coming run decides: whose newest event lies above the
    /// watermark, or within its lookback and is not applied.
    private func leaveUnsettled(
        _ place: CursorKey, _ key: [CursorValue], _ session: LoadSession
    ) throws(LoadStop) {
        let unsettled = "UPDATE \(ChangeStage.sql) AS s SET \(stage.operation) = \(ChangeLog.Operation.unsettled) WHERE"
        let value = place.value ?? .null
        _ = try session.connection.stopping { db throws(SQLiteError) in
            try db.run("\(unsettled) s.\(stage.sequence) > ?", [value])
        }
        if log.index != nil, let index = key.first?.value {
            _ = try session.connection.stopping { db throws(SQLiteError) in
                try db.run("\(unsettled) s.\(stage.sequence) = ? AND s.\(stage.index) > ?", [value, index])
            }
        }
        guard let late = try applied.isLate(session),
            let floor = session.order.key(place, less: delta.step.lookback).value
        else { return }
        _ = try session.connection.stopping { db throws(SQLiteError) in
            try db.run("\(unsettled) s.\(stage.sequence) > ? AND \(late(stage.sequence))", [floor])
        }
    }

    // MARK: Looking

    /// The condition that lets through the events of a range without counting them.
    private func within(_ range: DeltaRange) -> DeltaStatement.Text {
        var bounds = ["\(quoted(delta.cursor)) IS NOT NULL"]
        var parameters: [Value] = []
        if let lower = range.lower?.value {
            bounds.append("\(delta.place) \(range.includesLower ? ">=" : ">") ?")
            parameters.append(lower)
        }
        if let upper = range.upper?.value {
            bounds.append("\(delta.place) <= ?")
            parameters.append(upper)
        }
        return DeltaStatement.Text(sql: bounds.joined(separator: " AND "), parameters: parameters)
    }

    /// Where the newest truncation among the events of a range lies; nil when there is none.
    private func truncation(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> ChangeStage.Truncation? {
        let bounds = within(range)
        let index = log.index.map(quoted) ?? "0"
        let sequence = quoted(delta.cursor)
        let row = try session.connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT \(sequence), \(index) FROM \(log.relation.sql) WHERE \(bounds.sql) "
                    + "AND lower(\(log.reading.word)) IN ('t', 'truncate') ORDER BY 1 DESC, 2 DESC LIMIT 1",
                bounds.parameters)
        }
        return row.map { ChangeStage.Truncation(sequence: $0[0], index: $0[1]) }
    }

    /// How many different numbers the sequence takes in a range.
    func numbers(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) -> Int {
        let bounds = within(range)
        return try session.integer(
            "SELECT count(DISTINCT \(quoted(delta.cursor))) FROM \(log.relation.sql) WHERE \(bounds.sql)",
            bounds.parameters)
    }

    // MARK: Refusing

    /// Says which event broke a rule of the stage: an unknown operation, or a NULL in the key.
    private func refuseUnusable(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) {
        let bounds = within(range)
        let from = "FROM \(log.relation.sql) WHERE \(bounds.sql)"
        let sequence = quoted(delta.cursor)
        let unknown = try session.connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT \(sequence), \(log.reading.word) \(from) AND (\(log.reading.operation)) IS NULL LIMIT 1",
                bounds.parameters)
        }
        if let unknown {
            let word = CursorValue(unknown[1]).map { "`\($0.display)`" } ?? "NULL"
            throw .failure(
                Failure(
                    .invalidValue,
                    "the event at \(delta.cursor) \(ChangeWrite.display(unknown[0])) has the unknown operation \(word)",
                    hint:
                        "operations are INSERT, UPDATE, DELETE (or I, U, D), c, u, d, r and t; mend the event, or leave "
                        + "it out with a query", field: "change_log.operation"))
        }
        for key in delta.step.primaryKey {
            let isNull = "(\(log.reading.operation)) IN (0, 1) AND (\(log.reading.key(key))) IS NULL"
            let found = try session.connection.stopping { db throws(SQLiteError) in
                try db.first("SELECT \(sequence) \(from) AND \(isNull) LIMIT 1", bounds.parameters)
            }
            guard let found else { continue }
            throw .failure(
                Failure(
                    .nullKey,
                    "the event at \(delta.cursor) \(ChangeWrite.display(found[0])) has no value for \(key), which is "
                        + "part of the primary key",
                    hint: "make the source write the key with every event, also with deletes (for Debezium: the key "
                        + "from `before`, which needs a replica identity)", field: "primary_key"))
        }
    }

    /// Refuses events of one key and one sequence value where nothing tells which is newer.
    private func refuseTies(_ range: DeltaRange, _ session: LoadSession) throws(LoadStop) {
        guard log.index == nil, !delta.isCursorUnique else { return }
        let bounds = within(range)
        let keys = delta.step.primaryKey.map { log.reading.key($0) }
        let sequence = quoted(delta.cursor)
        // The columns have no names of the log's own, which the statement would take for theirs.
        let names = keys.indices.map { "strandline_key_\($0)" }
        let from = "FROM \(log.relation.sql) WHERE \(bounds.sql)"
        func told(_ keys: [String]) -> String {
            "SELECT \(sequence) AS strandline_place, "
                + zip(keys, names).map { "\($0) AS \($1)" }.joined(separator: ", ") + " \(from)"
        }
        var events = told(keys)
        var parameters = bounds.parameters
        if let changesKey = stage.changesKey {
            events += " UNION ALL \(told(delta.step.primaryKey.compactMap(log.reading.keyBefore))) AND \(changesKey)"
            parameters += bounds.parameters
        }
        let tie = try session.connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT strandline_place FROM (\(events)) GROUP BY strandline_place, "
                    + "\(names.joined(separator: ", ")) HAVING count(*) > 1 LIMIT 1", parameters)
        }
        guard let tie else { return }
        throw .failure(
            Failure(
                .duplicateKey,
                "several events of one key share \(delta.cursor) \(ChangeWrite.display(tie[0])), and nothing tells which "
                    + "is the newest",
                hint: "name a column that orders them: change_log: { index: COLUMN }", field: "change_log.index"))
    }

    private static func display(_ value: Value) -> String { CursorValue(value)?.display ?? "NULL" }
}
