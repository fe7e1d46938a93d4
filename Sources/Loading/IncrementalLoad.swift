internal import Model
internal import Platform
internal import SQLite

/// A load of what is new or changed since the watermark, in one commit or, when there is much, in several.
///
/// Each commit holds the rows, the watermark and the record of itself. It ends at a cursor value, never inside a group
/// of rows that share one, so that a load that was cut short goes on where its last commit ended.
struct IncrementalLoad: StepLoad {
    let session: LoadSession
    private(set) var cursor: Cursor
    let rowsPerCommit: Int
    private var window: DeltaWindow?
    /// Where this load's last commit ended; nil before the first.
    private var resumeAfter: CursorKey?
    /// Whether the load is cut into commits.
    private var isCut = false
    /// Where the commits to come end, but for the last.
    private var ends: [CursorKey] = []
    /// The source's rows, where they were counted.
    private var sourceRows: Int?
    /// What the look over all that is to be loaded had to say, when the load is cut.
    private var foresight: [LoadWarning] = []

    init(_ session: LoadSession, cursor: Cursor, rowsPerCommit: Int) {
        self.session = session
        self.cursor = cursor
        self.rowsPerCommit = rowsPerCommit
    }

    private var step: LoadStep { session.request.step }
    private var pipeline: String { session.request.pipeline }

    /// Does the next commit's work.
    mutating func next(at now: Timestamp) throws(LoadStop) -> DestinationLedger.Record {
        let held = try session.ledger.watermark(pipeline, step.name)
        var table = try session.destination()
        var source = try session.deltaSource(held?.watermark, table)
        cursor = source.cursor
        session.noteQuery()
        if let changes = source.changes, changes.isEmpty, table.shape == nil { return nothing(changes) }
        let match = try SchemaMatch(source: source.rows.shape, destination: table.shape, step: step)
        var warnings = resumeAfter == nil ? match.warnings + (source.changes?.warnings ?? []) : []
        try refuseWhatDoesNotFit(held, table)
        let delta = session.delta(source, match.pairs)
        let isNew = table.shape == nil
        if resumeAfter == nil {
            try refuseNumbersAsTexts(held, delta)
            session.isFirstLoad = held == nil
            session.hasMadeTable = isNew
            warnings += try warnAboutDestination(held, table, delta)
            if !isNew { try refuseKeyWithoutConstraint(table, source.rows) }
            table = try session.prepare(table, match, source.rows)
            // A table that was just made leaves no temporary view behind.
            if source.changes != nil { source = try session.deltaSource(held?.watermark, table) }
        }
        try session.undo?.open(
            table, isCreated: isNew, added: isNew ? [] : match.added.map(\.name),
            loaded: match.pairs.map(\.destination))
        var changes = source.changes.map { changes in
            ChangeWrite(changes, delta, table, match.pairs, applied: AppliedChanges(session.request), at: now)
        }
        if resumeAfter == nil { try changes?.applied.prepare(table, held: held?.watermark, session) }
        let window: DeltaWindow
        var strays = DeltaTally()
        if let known = self.window {
            window = known
        } else {
            let made = try session.window(delta, cursor, held?.watermark, now)
            self.window = made
            strays = try straysBelow(made.range, delta)
            try foresee(made.range, held, delta, strays, changes)
            window = self.window ?? made
        }
        changes?.isForeseen = isCut
        session.checks.isCut = isCut
        var range = window.range
        if let resumeAfter {
            range.lower = resumeAfter
            range.includesLower = false
        }
        let isLast = cut(&range)
        try changes?.look(range, above: held, session)
        session.reset(range)
        session.trail.bounds = CursorBounds(range, cursor: cursor.column)
        session.trail.enter(.write)
        let isWhole = isNew && isLast && range.lower == nil && changes == nil && !step.checksRows
        let writer: any DeltaWrite = if let changes { changes } else { try session.writer(delta, table, held) }
        var counts = try write(range, delta, table, writer, isWhole: isWhole)
        counts.read += session.checks.setAside
        counts.quarantined = session.checks.setAside
        session.gate.add(strays)
        let tally = session.gate.tally
        session.trail.cursorRows = CursorRows(tally, byIndex: delta.isOrdered && range.lower != nil)
        let judged = try judge(tally, counts, delta, range, changes)
        if changes == nil { try DeltaJudgement.refuseLost(passed: tally.passed, kept: counts.read) }
        // What a cut load has to say of all its rows its first commit says; of its own rows each says only this.
        warnings += isCut ? judged.filter { $0.code == DeltaJudgement.duplicateKeys } : judged
        if resumeAfter == nil { warnings += try foresight + warnWhereNumbersRestarted(held, source, delta, tally) }
        if isLast, !isNew, let sweep = try KeySweep(source.relation, match, table) {
            let swept = try sweep.run(source.relation, at: now, session)
            counts = counts + swept.counts
            warnings += swept.warnings
        }
        try session.checks.examineWritten(table, isLast: isLast, session)
        let record = try advance(held, tally, counts, warnings, range, isLast: isLast, now: now)
        if isLast {
            try session.checks.count(session.readByRun + counts.read, session)
            try session.checks.checkFreshness(table, watermark: record.watermarkAfter, at: now, session)
        }
        resumeAfter = range.upper
        session.readBefore += tally.passed
        session.progress.setRead(session.readBefore)
        return record
    }

    private func write(
        _ range: DeltaRange, _ delta: DeltaStatement, _ table: DestinationTable, _ writer: any DeltaWrite,
        isWhole: Bool
    ) throws(LoadStop) -> RowCounts {
        let whole = WholeTableWrite(delta: delta, table: table)
        if isWhole, whole.fits, let sourceRows,
            let counts = try whole.write(range, of: sourceRows, session)
        {
            return counts
        }
        do throws(LoadStop) {
            for statement in writer.statements(range) { session.trail.note(statement) }
            return try writer.write(range, session)
        } catch {
            // What the pass saw says more than the constraint that stopped it.
            if case .sqlite(let cause) = error, cause.isConstraint {
                _ = try judge(session.gate.tally, RowCounts(), delta, range, writer as? ChangeWrite)
            }
            throw error
        }
    }

    // MARK: Before the rows

    /// Refuses a watermark of another column, and a destination that does not match what the watermark says.
    func refuseWhatDoesNotFit(_ held: DestinationLedger.Held?, _ table: DestinationTable) throws(LoadStop) {
        if let held, fold(held.watermark.cursor) != fold(cursor.column) {
            throw .failure(
                Failure(
                    .conflict,
                    "the watermark is one of column \(held.watermark.cursor), but the step's cursor is \(cursor.column)",
                    hint: "set the watermark to a value of \(cursor.column), delete it to load all again, or run with "
                        + "full_refresh", field: "cursor.column"))
        }
        if let value = held?.watermark.value, held?.watermark.run != nil, table.shape == nil {
            throw .failure(
                Failure(
                    .destinationMissing,
                    "table \(step.destination.table) is gone, but its watermark says that it was loaded up to "
                        + value.display,
                    hint: "restore the table; or delete the watermark, or run with full_refresh, to load all again"))
        }
    }

    /// What is to be said of a destination that is not as earlier loads left it; refuses what could double rows.
    func warnAboutDestination(
        _ held: DestinationLedger.Held?, _ table: DestinationTable, _ delta: DeltaStatement
    ) throws(LoadStop) -> [LoadWarning] {
        guard table.shape != nil else { return [] }
        let isFilled = try session.value("SELECT 1 FROM \(table.sql) LIMIT 1") != nil
        if held == nil, isFilled {
            // A load that was cut short at its first commit has a watermark; this is a destination of unknown origin.
            guard step.writeMode != .append else {
                throw .failure(
                    Failure(
                        .watermarkMissing,
                        "table \(step.destination.table) holds rows but has no watermark for \(pipeline).\(step.name); "
                            + "appending the whole source could double them",
                        hint: "set the watermark to where the rows end, or run with full_refresh"))
            }
            return [
                LoadWarning(
                    code: "watermark_missing",
                    message: "table \(step.destination.table) held rows but no watermark, so the whole source was read")
            ]
        }
        var warnings: [LoadWarning] = []
        if held?.watermark.run != nil, !isFilled {
            warnings.append(
                LoadWarning(
                    code: "destination_empty",
                    message:
                        "table \(step.destination.table) is empty though earlier runs loaded rows; only rows above "
                        + "the watermark are read. Delete the watermark to load all again"))
        }
        // A log may be emptied once its events were read.
        if step.strategy != .cdc, held?.watermark.run != nil,
            try session.value("SELECT 1 FROM \(delta.relation.sql) LIMIT 1") == nil
        {
            warnings.append(
                LoadWarning(code: "source_empty", message: "the source is empty, though earlier runs read rows from it")
            )
        }
        return warnings
    }

    /// Refuses an upsert into a table that does not hold its key to be unique, byte by byte.
    func refuseKeyWithoutConstraint(_ table: DestinationTable, _ relation: SourceRelation) throws(LoadStop) {
        guard step.writeMode == .upsert, let shape = table.shape else { return }
        let key = Set(step.primaryKey.map(fold))
        let names = step.primaryKey.joined(separator: ", ")
        guard let unique = shape.uniqueKeys.first(where: { $0.columns == key }) else {
            throw .failure(
                Failure(
                    .missingKeyConstraint, "table \(shape.name) has no unique index on \(names), which upsert needs",
                    hint: "CREATE UNIQUE INDEX \(quoted(shape.name + "_key")) ON \(quoted(shape.name)) "
                        + "(\(step.primaryKey.map(quoted).joined(separator: ", "))), or use write_mode: delete_insert",
                    field: "primary_key"))
        }
        guard unique.isBinary || relation.shape.uniqueKeys.contains(where: { $0.columns == key && !$0.isBinary }) else {
            throw .failure(
                Failure(
                    .missingKeyConstraint,
                    "table \(shape.name) takes keys of \(names) for equal that differ in case or trailing spaces",
                    hint: "give the destination's key the collation BINARY", field: "primary_key"))
        }
    }

    // MARK: Cutting

    /// Looks once over what is to be loaded and, when that is much, finds the cursor values at which commits end.
    private mutating func foresee(
        _ range: DeltaRange, _ held: DestinationLedger.Held?, _ delta: DeltaStatement, _ strays: DeltaTally,
        _ changes: ChangeWrite?
    ) throws(LoadStop) {
        // An index shows by itself how much there is above a place.
        if range.lower == nil || !delta.isOrdered {
            // Counting is cheap for a table and not for a query, which is only cut while its first load has not ended.
            if !delta.relation.isTable, try isSettled(held) { return }
            let rows = try session.integer("SELECT count(*) FROM \(delta.relation.sql)")
            sourceRows = rows
            if range.lower == nil { session.progress.expect(rows) }
            guard isMuch(rows) else { return }
        }
        let rows = try session.count(range, delta)
        session.progress.expect(rows)
        guard isMuch(rows) else { return }
        var ahead = session.probe.tally
        guard let highest = ahead.position?.key else { return }
        ends = try CommitEnds(session: session, delta: delta, rowsPerCommit: rowsPerCommit).find(range, upTo: highest)
        if changes != nil, let reached = held?.reached.flatMap({ session.order.key($0) }) {
            // Events that were applied before are applied again in one commit, or rows would go back in time between.
            ends.removeAll { $0.compare(reached) < 0 }
        }
        guard !ends.isEmpty else { return }
        isCut = true
        // The last commit ends where the source ends now, not where it will end by then.
        window?.upper = highest
        ahead.merge(strays)
        if step.setsNullKeysAside { ahead.nullKeys = 0 }
        foresight = try judge(ahead, RowCounts(), delta, range, changes)
        try changes?.refuseShrinking(window?.range ?? range, session)
        try session.checks.count(session.readByRun + rows, session)
    }

    /// Whether so many rows are cut: the last commit holds one to two times `rowsPerCommit`, so fewer make one commit.
    private func isMuch(_ rows: Int) -> Bool { rows / 2 >= rowsPerCommit }

    /// Ends `range` at the next of the ends; answers whether none was left, so that this commit is the last.
    private mutating func cut(_ range: inout DeltaRange) -> Bool {
        guard !ends.isEmpty else { return true }
        range.upper = ends.removeFirst()
        range.includesFuture = false
        range.includesNull = false
        return false
    }

    private func isSettled(_ held: DestinationLedger.Held?) throws(LoadStop) -> Bool {
        guard held != nil else { return false }
        return try session.ledger.lastLoadEnded(pipeline, step.name)
    }

    // MARK: Judging

    /// What an index hides from the gate: rows below the window whose cursor is NULL or has no place in the order.
    func straysBelow(_ range: DeltaRange, _ delta: DeltaStatement) throws(LoadStop) -> DeltaTally {
        var tally = DeltaTally()
        guard delta.isOrdered, let lower = range.lower else { return tally }
        let column = quoted(delta.cursor)
        let from = "FROM \(delta.relation.sql)"
        if !range.includesNull {
            tally.nullCursors = try session.integer("SELECT count(*) \(from) WHERE \(column) IS NULL")
        }
        // Numbers sort below texts, texts below blobs; what sorts above the window is met by the gate.
        let below: Value? =
            switch lower {
            case .instant, .text: ""
            case .blob: .blob([])
            case .integer, .real: nil
            }
        if let below {
            tally.unordered = try session.integer("SELECT count(*) \(from) WHERE \(delta.place) < ?", [below])
            tally.unorderedSample = try session.value(
                "SELECT \(column) \(from) WHERE \(delta.place) < ? LIMIT 1", [below])
        }
        if case .instant = lower, let stray = try strayText(delta) {
            tally.unordered += 1
            tally.unorderedSample = tally.unorderedSample ?? stray
        }
        return tally
    }

    /// The first text that does not begin with a day, found by leaping through the index from day to day.
    private func strayText(_ delta: DeltaStatement) throws(LoadStop) -> CursorValue? {
        let column = quoted(delta.cursor)
        // A plain name inside the inner SELECT would be the source's column, if it had one so called.
        let first = quoted(freeName("strandline_first", among: delta.relation.shape.columns.map(\.name)))
        let day = "GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]*'"
        return try session.value(
            """
            WITH RECURSIVE days(\(first)) AS (
                SELECT min(\(column)) FROM \(delta.relation.sql) WHERE \(column) >= ''
                UNION ALL
                SELECT (SELECT min(\(column)) FROM \(delta.relation.sql)
                        WHERE \(column) > substr(\(first), 1, 10) || char(1114111))
                FROM days WHERE \(first) \(day))
            SELECT \(first) FROM days WHERE \(first) IS NOT NULL AND typeof(\(first)) = 'text' \
            AND NOT \(first) \(day) LIMIT 1
            """)
    }

    /// Applies the policies to what the pass saw: fails, or answers the warnings.
    private func judge(
        _ tally: DeltaTally, _ counts: RowCounts, _ delta: DeltaStatement, _ range: DeltaRange, _ changes: ChangeWrite?
    ) throws(LoadStop) -> [LoadWarning] {
        let judgement = DeltaJudgement(step: step, cursor: cursor, order: session.order, tally: tally)
        var warnings = try judgement.warnings()
        if let changes {
            guard changes.log.isCounted, step.onGap != .ignore else { return warnings }
            let numbers = delta.isCursorUnique ? tally.passed : try changes.numbers(range, session)
            return warnings + (try judgement.gaps(range, numbers: numbers, after: lastRead(range)))
        }
        if delta.needsNewest, step.writeMode != .append {
            warnings += try judgement.duplicates(passed: tally.passed, kept: counts.read)
        }
        if delta.isCursorUnique { warnings += try judgement.gaps(range) }
        return warnings
    }

    /// The place below which all was read by earlier runs; nil where none has read anything.
    private func lastRead(_ range: DeltaRange) -> CursorKey? {
        resumeAfter == nil && session.isFirstLoad ? nil : range.lower
    }

    // MARK: After the rows

    /// The record of a load that found no event with a row, so that nothing tells what a table would look like.
    private func nothing(_ changes: ChangeLog) -> DestinationLedger.Record {
        DestinationLedger.Record(
            counts: RowCounts(), key: [], window: "no rows", warnings: changes.warnings, isFinal: true)
    }

    /// Moves the watermark to the highest position read, never back, and answers the commit's record.
    private func advance(
        _ held: DestinationLedger.Held?, _ tally: DeltaTally, _ counts: RowCounts, _ warnings: [LoadWarning],
        _ range: DeltaRange, isLast: Bool, now: Timestamp
    ) throws(LoadStop) -> DestinationLedger.Record {
        let order = session.order
        let before = held?.watermark
        var after = before
        var reached = held?.reached
        for candidate in [tally.position, tally.reached].compactMap({ $0 }) {
            let place = reached.flatMap { order.key($0) }
            if place.map({ candidate.key.compare($0) > 0 }) ?? true { reached = candidate.value }
        }
        if let position = tally.position, moves(position, above: before) {
            after = Watermark(
                pipeline: pipeline, step: step.name, cursor: cursor.column, value: position.value,
                key: position.rowKey.compactMap { CursorValue($0) }, updatedAt: now, run: session.request.run,
                version: try session.ledger.nextVersion(pipeline, step.name))
        }
        if after == nil, tally.passed > 0 {
            // Rows without a cursor, or ahead of the clock: from now on the destination's rows are known to be this
            // step's, though none of them has moved a watermark.
            after = Watermark(
                pipeline: pipeline, step: step.name, cursor: cursor.column, value: nil, updatedAt: now,
                run: session.request.run, version: try session.ledger.nextVersion(pipeline, step.name))
        }
        if let after, after != before || reached != held?.reached {
            try session.ledger.write(after, reached: reached, attempt: session.request.attempt)
            try noteApplied(reached, since: held?.reached)
        }
        let from = range.lower.map { "\(cursor.column) \(range.includesLower ? ">=" : ">") \($0.display)" }
        let to = (tally.position?.key ?? range.upper).map { "\(cursor.column) <= \($0.display)" }
        var words = [from, to].compactMap { $0 }.joined(separator: " and ")
        if words.isEmpty { words = "all rows" }
        if step.strategy == .cdc { words += " (\(tally.passed) events)" }
        return DestinationLedger.Record(
            counts: counts, watermarkBefore: before?.value, watermarkAfter: after?.value, key: after?.key ?? [],
            window: words, warnings: warnings, isFinal: isLast)
    }

    /// Remembers the highest change of a captured table that was applied.
    private func noteApplied(_ reached: CursorValue?, since held: CursorValue?) throws(LoadStop) {
        guard reached != held, case .integer(let sequence)? = reached, let capture = try session.capture() else {
            return
        }
        let definition = try CaptureDefinition.find(capture.table, on: session.connection, in: session.sourceSchema)
        try session.noteApplied(sequence, of: definition)
    }

    private func moves(_ position: DeltaPosition, above held: Watermark?) -> Bool {
        guard let held, let value = held.value, let place = session.order.key(value) else { return true }
        let order = position.key.compare(place)
        guard order == 0 else { return order > 0 }
        // At the boundary the greatest key seen is kept, so that the position says how far the tie was read.
        let key = position.rowKey.compactMap { CursorValue($0) }
        return held.run != nil && position.value == value && key != held.key && isGreater(key, than: held.key)
    }

    private func isGreater(_ key: [CursorValue], than held: [CursorValue]) -> Bool {
        for (left, right) in zip(key, held) {
            guard let left = CursorOrder.plain.key(left), let right = CursorOrder.plain.key(right) else { continue }
            let order = left.compare(right)
            if order != 0 { return order > 0 }
        }
        return false
    }
}
