internal import Model
internal import Platform
internal import SQLite

/// What an audit compares, worked out from the step and the state of both sides.
struct AuditPlan {
    let table: DestinationTable
    let ruler: AuditRuler
    /// What is read; nil when nothing lies below the watermark yet.
    let rows: AuditRows?
    /// The places of the columns whose sums are taken.
    let sums: [Int]
    /// The step's watermark; nil where it has none.
    let held: Watermark?
    /// The value up to which rows are compared; nil where the whole table is.
    let watermark: CursorValue?
    /// The change events whose outcome the destination is compared with; nil where rows are.
    let events: EventReplay?
    /// Keys that are left out, since events that no run has applied yet tell of them.
    let unsettled: Int
    private let warnings: [LoadWarning]

    private init(
        table: DestinationTable, ruler: AuditRuler, rows: AuditRows?, sums: [Int], held: Watermark?,
        watermark: CursorValue?, events: EventReplay?, unsettled: Int = 0, warnings: [LoadWarning]
    ) {
        self.table = table
        self.ruler = ruler
        self.rows = rows
        self.sums = sums
        self.held = held
        self.watermark = watermark
        self.events = events
        self.unsettled = unsettled
        self.warnings = warnings
    }

    /// Looks at the destination first, so that its state is fixed before the source's.
    static func make(_ session: LoadSession, _ options: AuditOptions, at now: Timestamp) throws(LoadStop) -> AuditPlan {
        let held = try session.held()
        let table = try session.destination()
        guard let shape = table.shape else {
            throw .failure(
                Failure(
                    .destinationMissing, "there is no table \(table.step.destination.table) to compare",
                    hint: "run the pipeline first"))
        }
        try refuseOtherEncodings(session)
        if options.kind == .compare { return try refresh(session, table, shape, held, at: now) }
        guard table.step.strategy == .cdc else { return try rows(session, options, table, shape, held?.watermark) }
        return try changes(session, options, table, held, at: now)
    }

    /// Compares the rows of the source.
    private static func rows(
        _ session: LoadSession, _ options: AuditOptions, _ table: DestinationTable, _ shape: TableShape,
        _ held: Watermark?
    ) throws(LoadStop) -> AuditPlan {
        let step = table.step
        let relation = try session.relation()
        let match = try SchemaMatch(source: relation.shape, destination: shape, step: step)
        var warnings = columnsMissing(match, shape, .whole)
        var ruler = AuditRuler()
        var watermark: CursorValue?
        if step.strategy.isIncremental {
            let cursor = try session.request.cursor()
            try refuseOtherCursor(held, cursor.column)
            guard let place = held?.value else { return nothing(table, held) }
            watermark = place
            ruler = try AuditRuler(cursor, order: session.order, watermark: place, interval: options.interval)
        } else {
            warnings += intervalUnused(options)
        }
        let rows = try AuditRows(session, relation, table, match, watermark.map { .upTo($0) } ?? .whole)
        return AuditPlan(
            table: table, ruler: ruler, rows: rows, sums: sums(rows, shape), held: held, watermark: watermark,
            events: nil, warnings: warnings)
    }

    /// Compares what a full refresh would write now.
    private static func refresh(
        _ session: LoadSession, _ table: DestinationTable, _ shape: TableShape, _ held: DestinationLedger.Held?,
        at now: Timestamp
    ) throws(LoadStop) -> AuditPlan {
        let step = table.step
        guard step.strategy != .cdc else { return try refreshOfCapture(session, table, shape, held, at: now) }
        let relation = try session.relation()
        let match = try SchemaMatch(source: relation.shape, destination: shape, step: step)
        var ruler = AuditRuler()
        let watermark = held?.watermark
        if step.strategy.isIncremental {
            let cursor = try session.request.cursor()
            try refuseOtherCursor(watermark, cursor.column)
            ruler = try AuditRuler(cursor, order: session.order, reached: watermark?.value)
        }
        let rows = try AuditRows(session, relation, table, match, .refresh)
        return AuditPlan(
            table: table, ruler: ruler, rows: rows, sums: [], held: watermark, watermark: watermark?.value, events: nil,
            warnings: columnsMissing(match, shape, .refresh) + columnsKept(match, shape, step))
    }

    /// A captured table is read anew by a full refresh; of any other log none can be made.
    private static func refreshOfCapture(
        _ session: LoadSession, _ table: DestinationTable, _ shape: TableShape, _ held: DestinationLedger.Held?,
        at now: Timestamp
    ) throws(LoadStop) -> AuditPlan {
        if try session.capture() == nil { try session.refuseRebuildFromEvents() }
        guard let held, let watermark = held.watermark.value else {
            throw .failure(
                Failure(
                    .conflict, "no run has applied changes to \(shape.name) yet, so there is nothing to compare",
                    hint: "run the pipeline first"))
        }
        let audited = AuditedChanges(session: session, table: table, shape: shape, held: held, extent: .refresh)
        let found = try audited.find(through: watermark, at: now)
        return AuditPlan(
            table: table, ruler: AuditRuler(), rows: found.rows, sums: [], held: held.watermark, watermark: watermark,
            events: nil, unsettled: found.unsettled, warnings: found.warnings)
    }

    /// Compares what change events come to: the table that records its own changes, or else the log itself.
    private static func changes(
        _ session: LoadSession, _ options: AuditOptions, _ table: DestinationTable, _ held: DestinationLedger.Held?,
        at now: Timestamp
    ) throws(LoadStop) -> AuditPlan {
        guard let shape = table.shape, let held, let watermark = held.watermark.value else {
            return nothing(table, held?.watermark)
        }
        let audited = AuditedChanges(session: session, table: table, shape: shape, held: held)
        let found = try audited.find(through: watermark, at: now)
        return AuditPlan(
            table: table, ruler: AuditRuler(), rows: found.rows, sums: found.rows.map { sums($0, shape) } ?? [],
            held: held.watermark, watermark: watermark, events: found.events,
            warnings: found.warnings + intervalUnused(options))
    }

    /// The plan of a step that has no watermark.
    private static func nothing(_ table: DestinationTable, _ held: Watermark?) -> AuditPlan {
        AuditPlan(
            table: table, ruler: AuditRuler(), rows: nil, sums: [], held: held, watermark: nil, events: nil,
            warnings: [
                LoadWarning(
                    code: "watermark_missing", message: "the step has no watermark, so there is nothing below it")
            ])
    }

    /// The columns whose sums are taken.
    private static func sums(_ rows: AuditRows, _ shape: TableShape) -> [Int] {
        rows.pairs.indices.filter { index in
            guard !rows.identity.contains(index), index != rows.cursor,
                let column = shape.column(rows.pairs[index].destination)
            else { return false }
            return [.integer, .numeric, .real].contains(shape.affinity(of: column.name))
        }.prefix(Limits.auditSums).map { $0 }
    }

    /// Refuses a watermark of another column.
    static func refuseOtherCursor(_ held: Watermark?, _ column: String) throws(LoadStop) {
        guard let held, fold(held.cursor) != fold(column) else { return }
        throw .failure(
            Failure(
                .conflict, "the watermark is one of column \(held.cursor), but the step's cursor is \(column)",
                hint: "run the pipeline with full_refresh first", field: "cursor.column"))
    }

    /// The result of a comparison of nothing.
    var empty: AuditResult { AuditResult(watermark: watermark, warnings: warnings) }

    /// The result with what is to be said of it.
    func finished(_ result: AuditResult) -> AuditResult {
        var result = result
        result.warnings = warnings
        if result.partitions.count == Limits.auditPartsShown {
            result.warnings.append(
                LoadWarning(
                    code: "partitions_cut",
                    message:
                        "only the first \(Limits.auditPartsShown) parts that differ are shown; the totals count all"))
        }
        if result.total.drift.extra > 0, !ruler.isWhole, table.step.detectDeletes == nil {
            result.warnings.append(
                LoadWarning(
                    code: "deletes_not_followed",
                    message: "\(result.total.drift.extra) extra rows: the step does not follow deletes, so what was "
                        + "deleted in the source is still in \(table.shape?.name ?? "")"))
        }
        return result
    }

    /// What is to be said of columns that the destination lacks.
    static func columnsMissing(
        _ match: SchemaMatch, _ shape: TableShape, _ extent: AuditRows.Extent
    ) -> [LoadWarning] {
        guard !match.added.isEmpty else { return [] }
        let columns = match.added.map(\.name).joined(separator: ", ")
        if case .refresh = extent {
            return [
                LoadWarning(
                    code: "columns_missing",
                    message: "a full refresh would add columns to \(shape.name), which are as good as empty there: "
                        + columns)
            ]
        }
        return [
            LoadWarning(
                code: "columns_missing",
                message: "not compared, since \(shape.name) does not have them yet: \(columns)")
        ]
    }

    /// What is to be said of columns that the source lacks, of which a full refresh would leave no values.
    private static func columnsKept(_ match: SchemaMatch, _ shape: TableShape, _ step: LoadStep) -> [LoadWarning] {
        let given = Set((match.pairs.map(\.destination) + [step.softDelete].compactMap { $0 }).map(fold))
        let kept = shape.columns.filter { !$0.isGenerated && !given.contains(fold($0.name)) }.map(\.name)
        guard !kept.isEmpty else { return [] }
        return [
            LoadWarning(
                code: "columns_kept",
                message:
                    "not compared, since the source does not give them, and a full refresh would leave them without "
                    + "values: \(kept.joined(separator: ", "))")
        ]
    }

    private static func intervalUnused(_ options: AuditOptions) -> [LoadWarning] {
        guard options.interval != nil else { return [] }
        return [
            LoadWarning(code: "interval_unused", message: "the step's rows have no cursor, so the table is one part")
        ]
    }

    /// Rows are compared as SQLite orders them, which in UTF-16 is another order of bytes.
    private static func refuseOtherEncodings(_ session: LoadSession) throws(LoadStop) {
        let encoding = try session.value("PRAGMA main.encoding")?.display ?? ""
        guard encoding != "UTF-8" else { return }
        throw .failure(
            Failure(
                .unsupported, "the destination's texts are \(encoding); only databases in UTF-8 are audited",
                hint: "make the destination anew: its encoding is fixed when it is made"))
    }
}
