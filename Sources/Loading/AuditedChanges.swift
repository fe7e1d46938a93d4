internal import Model
internal import Platform
internal import SQLite

/// Finds what the destination of change events is to be compared with.
///
/// Where the source's table records its own changes, that is the table itself, but for the keys that changes above the
/// watermark tell of. Of any other log it is what its events up to the watermark come to, for the keys that they name:
/// a log may have been trimmed, and says nothing of the others.
struct AuditedChanges {
    let session: LoadSession
    let table: DestinationTable
    let shape: TableShape
    let held: DestinationLedger.Held
    /// What of a captured table is compared.
    var extent = AuditRows.Extent.whole

    /// What is compared, and what is to be said of it.
    struct Found {
        /// Nil when there is nothing to compare.
        var rows: AuditRows?
        var warnings: [LoadWarning]
        var events: EventReplay?
        /// Keys that events which no run has applied yet tell of; counted of a captured table.
        var unsettled = 0
    }

    private var step: LoadStep { session.request.step }

    /// What is compared of a step that has applied all up to `watermark`.
    func find(through watermark: CursorValue, at now: Timestamp) throws(LoadStop) -> Found {
        guard try session.capture() != nil else { return try replayed(watermark, now) }
        return try captured(watermark)
    }

    private func unsettled(_ keys: Int, _ watermark: CursorValue) -> [LoadWarning] {
        guard keys > 0 else { return [] }
        return [
            LoadWarning(
                code: "keys_unsettled",
                message: "\(keys) keys were not compared, since events that no run has applied yet tell of them "
                    + "(the watermark is \(watermark.display))")
        ]
    }

    // MARK: A captured table

    private static let touched = "temp._strandline_touched"
    private static let touchedThere = "temp._strandline_touched_there"

    private func captured(_ watermark: CursorValue) throws(LoadStop) -> Found {
        let log = try ChangeLogSearch(session: session, held: held.watermark).find()
        try AuditPlan.refuseOtherCursor(held.watermark, log.cursor.column)
        let relation = try session.relation()
        let match = try SchemaMatch(source: relation.shape, destination: shape, step: step)
        let keys = step.primaryKey.map { key in
            match.pairs.first { fold($0.source) == fold(key) } ?? SchemaMatch.Pair(source: key, destination: key)
        }
        let count = try touch(keys, of: relation.shape, log, above: watermark)
        var source = relation.sql
        var condition: String?
        if count > 0 {
            source =
                "(SELECT * FROM \(source) AS s WHERE \(isUntouched(keys.map { "s." + quoted($0.source) }, AuditedChanges.touched)))"
            condition = isUntouched(keys.map { "d." + quoted($0.destination) }, AuditedChanges.touchedThere)
        }
        let rows = try AuditRows(
            session, SourceRelation(shape: relation.shape, sql: source, views: relation.views), table, match,
            extent, where: condition)
        return Found(
            rows: rows, warnings: AuditPlan.columnsMissing(match, shape, extent) + unsettled(count, watermark),
            events: nil, unsettled: count)
    }

    /// Lays the keys that changes above the watermark tell of into two temporary tables: as the source has them, and as
    /// the destination's columns make of them. Answers their number.
    private func touch(
        _ keys: [SchemaMatch.Pair], of source: TableShape, _ log: ChangeLog, above watermark: CursorValue
    ) throws(LoadStop) -> Int {
        let names = keys.indices.map { "k\($0)" }
        // Declared as the columns that they are compared with, or no index would find them.
        func declared(_ types: [String?]) -> [String] {
            zip(names, types).map { name, type in name + (DestinationTable.type(type ?? "").map { " " + $0 } ?? "") }
        }
        let here = declared(keys.map { source.column($0.source)?.type })
        let there = declared(keys.map { shape.column($0.destination)?.type })
        let sources = keys.map { quoted($0.source) }.joined(separator: ", ")
        let list = names.joined(separator: ", ")
        try session.connection.stopping { db throws(SQLiteError) in
            for (name, columns) in [(AuditedChanges.touched, here), (AuditedChanges.touchedThere, there)] {
                let bare = name.dropFirst("temp.".count)
                try db.execute("DROP TABLE IF EXISTS \(name)")
                try db.execute("CREATE TEMP TABLE \(bare) (\(columns.joined(separator: ", ")))")
                _ = try db.run(
                    "INSERT INTO \(name) SELECT DISTINCT \(sources) FROM \(log.relation.sql) "
                        + "WHERE \(quoted(log.cursor.column)) > ?", [watermark.value])
                try db.execute("CREATE INDEX temp.\(bare)_keys ON \(bare) (\(list))")
            }
        }
        return try session.integer("SELECT count(*) FROM \(AuditedChanges.touched)")
    }

    private func isUntouched(_ keys: [String], _ touched: String) -> String {
        let same = keys.enumerated().map { "t.k\($0.offset) IS \($0.element) COLLATE BINARY" }.joined(
            separator: " AND ")
        return "NOT EXISTS (SELECT 1 FROM \(touched) AS t WHERE \(same))"
    }

    // MARK: Any other log

    private func replayed(_ watermark: CursorValue, _ now: Timestamp) throws(LoadStop) -> Found {
        // Of all events, whatever the watermark.
        var before = held.watermark
        before.value = nil
        let log = try ChangeLogSearch(session: session, held: before).find()
        try AuditPlan.refuseOtherCursor(held.watermark, log.cursor.column)
        guard let place = session.order.key(watermark) else {
            throw .failure(
                Failure(
                    .cursorFormat, "the watermark \(watermark.display) is not \(session.order.expectation)",
                    hint: "set the watermark anew"))
        }
        let told = log.rows(beside: shape, except: step.softDelete)
        var match = try SchemaMatch(source: told, destination: shape, step: step)
        let warnings = AuditPlan.columnsMissing(match, shape, extent)
        let added = Set(match.added.map { fold($0.name) })
        let pairs = log.mentioned(match.pairs).filter { !added.contains(fold($0.source)) }
        let source = DeltaSource(
            relation: log.relation,
            rows: SourceRelation(shape: told, sql: log.relation.sql, views: log.relation.views), cursor: log.cursor,
            changes: log)
        var write = ChangeWrite(
            log, session.delta(source, pairs), table, pairs, applied: AppliedChanges(session.request), at: now)
        let truncated = try write.replay(range(log, upTo: place), applied: place, held, session)
        let events = EventReplay(write: write, truncated: truncated, shape: shape)
        let isEmpty = try session.value("SELECT 1 FROM \(ChangeStage.sql) LIMIT 1") == nil
        guard truncated != nil || !isEmpty else {
            return Found(rows: nil, warnings: warnings + [try events.unnamed(session)].compactMap { $0 }, events: nil)
        }
        // The stage holds the destination's columns as the destination would store them.
        match.pairs = pairs.map { SchemaMatch.Pair(source: $0.destination, destination: $0.destination) }
        match.added = []
        var staged = shape
        staged.name = log.relation.shape.name
        let rows = try AuditRows(
            session, SourceRelation(shape: staged, sql: events.rows), table, match, .whole, where: events.isJudged)
        let left = try session.integer("SELECT count(*) FROM \(ChangeStage.sql) WHERE \(write.stage.isUnsettled)")
        return Found(
            rows: rows,
            warnings: warnings + unsettled(left, watermark) + [try events.unnamed(session)].compactMap { $0 },
            events: events)
    }

    /// The events that the destination may hold: also those above a watermark that was set back.
    private func range(_ log: ChangeLog, upTo place: CursorKey) -> DeltaRange {
        var upper = place
        if let reached = held.reached.flatMap({ session.order.key($0) }), reached.isComparable(to: place),
            reached.compare(place) > 0
        {
            upper = reached
        }
        return DeltaRange(
            lower: log.cursor.initial.flatMap { session.order.key($0) }, upper: upper, includesFuture: false)
    }
}

/// What the change events of a log come to, in the temporary table in which they were put together.
struct EventReplay {
    let write: ChangeWrite
    /// The newest truncation among them; nil where there is none.
    let truncated: ChangeStage.Truncation?
    /// The destination's table.
    let shape: TableShape

    /// The rows that the destination should hold, behind FROM.
    var rows: String { "(SELECT * FROM \(ChangeStage.sql) WHERE \(write.stage.isPut))" }

    /// The condition that the events say whether a row of the destination, called `d`, should be there: each row's after
    /// a truncation, else those that they name.
    var isJudged: String {
        let same = write.stage.sameKey
        guard let truncated else {
            return "EXISTS (SELECT 1 FROM \(ChangeStage.sql) AS s WHERE \(same) AND NOT s.\(write.stage.isUnsettled))"
        }
        let unsettled =
            "NOT EXISTS (SELECT 1 FROM \(ChangeStage.sql) AS s WHERE \(same) AND s.\(write.stage.isUnsettled))"
        // Of a row that was changed after the truncation, by an event that the log has lost, they say nothing.
        let named = "EXISTS (SELECT 1 FROM \(ChangeStage.sql) AS s WHERE \(same))"
        return write.applied.isLater(than: truncated.sequence).map { "\(unsettled) AND (NOT \($0) OR \(named))" }
            ?? unsettled
    }

    /// What is to be said of the destination's rows that no event names; nil when there are none.
    func unnamed(_ session: LoadSession) throws(LoadStop) -> LoadWarning? {
        guard truncated == nil else { return nil }
        let mark = DeleteWrite(write.table).isMarked("d").map { " AND NOT (\($0))" } ?? ""
        let count = try session.integer(
            "SELECT count(*) FROM \(write.table.sql) AS d WHERE NOT EXISTS "
                + "(SELECT 1 FROM \(ChangeStage.sql) AS s WHERE \(write.stage.sameKey))\(mark)")
        guard count > 0 else { return nil }
        return LoadWarning(
            code: "rows_unnamed",
            message: "\(count) rows of \(shape.name) were not compared, since no event in the log names them: it may "
                + "have been trimmed")
    }

    /// Refuses to insert a missing row of which the events may not tell all columns.
    func refuseIncomplete(_ repair: AuditRepair, _ session: LoadSession) throws(LoadStop) {
        guard truncated == nil, repair.noted.missing > 0, write.log.reading.isJSON else { return }
        let told = Set(
            (write.delta.columns.map(\.destination) + [write.table.step.softDelete].compactMap { $0 }).map(fold))
        let untold = shape.columns.filter { !$0.isGenerated && !told.contains(fold($0.name)) }.map(\.name)
        let condition = untold.isEmpty ? write.stage.isIncomplete : "true"
        guard let condition, let key = try repair.firstMissing(in: ChangeStage.sql, where: condition) else { return }
        throw .failure(
            Failure(
                .conflict,
                "the row with \(key) is missing in \(shape.name), and the events in the log do not tell all of its columns"
                    + (untold.isEmpty ? "" : " (none mentions \(untold.joined(separator: ", ")))")
                    + Failure.unchanged,
                hint: "insert the row by hand, or make the source write an event with the whole row"))
    }
}
