public import Model
public import Platform
internal import SQLite

extension Loader {
    /// Compares a step's source and destination below its watermark, as of one moment; mends what differs when asked to.
    ///
    /// A comparison writes nothing and holds no lock against loads. It fixes the state of the destination before that of
    /// the source: what the source commits in between lies above the watermark, and a load in between is not seen at all.
    /// Mending compares and writes in one transaction under the destination's write lock, with a record of its own in
    /// which `request.run` is the audit; one that is recorded there already is not repeated.
    public func audit(
        _ request: LoadRequest, _ options: AuditOptions, stop: StopToken
    ) throws(Failure) -> AuditResult {
        guard request.destination.exists else { throw Loader.nothingLoaded(request.step) }
        guard options.heal else { return try compare(request, options, stop: stop) }
        var request = request
        request.allowShrink = options.allowShrink
        request.isAudit = true
        let (found, recorded) = try withSession(request, for: .load, stop: stop, progress: LoadProgress()) {
            session throws(LoadStop) in
            var found: AuditResult?
            let recorded = try commit(session) { now throws(LoadStop) in
                let (result, record) = try heal(session, options, at: now)
                found = result
                return record
            }
            return (found, recorded)
        }
        if let found { return found }
        // The repair was committed before a crash: what is left is to say how things stand.
        var result = try compare(request, options, stop: stop)
        let counts = recorded?.result.counts ?? RowCounts()
        result.healed = AuditResult.Drift(
            missing: counts.inserted, extra: counts.deleted, different: counts.updated)
        return result
    }

    private static func nothingLoaded(_ step: LoadStep) -> Failure {
        Failure(
            .destinationMissing, "table \(step.destination.table) is not there yet, so there is nothing to compare",
            hint: "run the pipeline first")
    }

    private func compare(
        _ request: LoadRequest, _ options: AuditOptions, stop: StopToken
    ) throws(Failure) -> AuditResult {
        try withSession(request, for: .look, stop: stop, progress: LoadProgress()) { session throws(LoadStop) in
            try session.connection.transaction(.deferred, wrapping: { LoadStop.sqlite($0) }) { () throws(LoadStop) in
                let plan = try AuditPlan(session, options)
                guard let rows = plan.rows else { return plan.empty }
                var comparison = AuditComparison(rows, plan.ruler, sums: plan.sums, repair: nil)
                try comparison.run(on: session.connection)
                return plan.finished(comparison.result(plan.watermark))
            }
        }
    }

    private func heal(
        _ session: LoadSession, _ options: AuditOptions, at now: Timestamp
    ) throws(LoadStop) -> (AuditResult, DestinationLedger.Record) {
        let plan = try AuditPlan(session, options)
        var result = plan.empty
        var counts = RowCounts()
        if let rows = plan.rows {
            try session.undo?.open(
                plan.table, isCreated: false, added: [], loaded: rows.pairs.map(\.destination))
            session.trail.enter(.look)
            let repair = try AuditRepair(session, plan.table, rows, deletesExtra: options.deleteExtra)
            var comparison = AuditComparison(rows, plan.ruler, sums: plan.sums, repair: repair)
            try comparison.run(on: session.connection)
            session.trail.enter(.write)
            counts = try repair.write(session, at: now)
            result = comparison.result(plan.watermark) { $0.extra > 0 && !options.deleteExtra }
            result.mend(repair.noted)
            result = plan.finished(result)
        }
        result.healed = result.healed ?? AuditResult.Drift()
        let record = DestinationLedger.Record(
            counts: counts, watermarkBefore: plan.held?.value, watermarkAfter: plan.held?.value,
            key: plan.held?.key ?? [], window: "audit: rows that differed were mended", warnings: result.warnings,
            isFinal: true)
        return (result, record)
    }
}

extension AuditResult {
    /// Takes away what was mended: both sides are the same there now.
    fileprivate mutating func mend(_ healed: Drift) {
        self.healed = healed
        total.drift.missing -= healed.missing
        total.drift.extra -= healed.extra
        total.drift.different -= healed.different
        total.destinationRows += healed.missing - healed.extra
        for index in total.sums.indices where total.drift.isEmpty {
            total.sums[index].destination = total.sums[index].source
        }
    }
}

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
    private let warnings: [LoadWarning]

    /// Looks at the destination first, so that its state is fixed before the source's.
    init(_ session: LoadSession, _ options: AuditOptions) throws(LoadStop) {
        let step = session.request.step
        guard step.strategy != .cdc else {
            throw .failure(
                Failure(
                    .unsupported, "step \(step.name) applies change events, which do not say what its rows are now",
                    hint: "audit a step of another strategy over the table that the events come from"))
        }
        held = try session.held()?.watermark
        table = try session.destination()
        guard let shape = table.shape else {
            throw .failure(
                Failure(
                    .destinationMissing, "there is no table \(step.destination.table) to compare",
                    hint: "run the pipeline first"))
        }
        try AuditPlan.refuseOtherEncodings(session)
        let relation = try session.relation()
        let match = try SchemaMatch(source: relation.shape, destination: shape, step: step)
        var warnings = match.added.isEmpty ? [] : [AuditPlan.columnsMissing(match.added.map(\.name), shape.name)]
        var ruler = AuditRuler()
        if step.strategy.isIncremental {
            let cursor = try session.request.cursor()
            if let held, fold(held.cursor) != fold(cursor.column) {
                throw .failure(
                    Failure(
                        .conflict,
                        "the watermark is one of column \(held.cursor), but the step's cursor is \(cursor.column)",
                        hint: "run the pipeline with full_refresh first", field: "cursor.column"))
            }
            watermark = held?.value
            guard let watermark else {
                rows = nil
                sums = []
                self.ruler = ruler
                self.warnings = [
                    LoadWarning(
                        code: "watermark_missing", message: "the step has no watermark, so there is nothing below it")
                ]
                return
            }
            ruler = try AuditRuler(cursor, order: session.order, watermark: watermark, interval: options.interval)
        } else {
            watermark = nil
            if options.interval != nil {
                warnings.append(
                    LoadWarning(
                        code: "interval_unused", message: "the step has no cursor, so the table is one part"))
            }
        }
        self.ruler = ruler
        let rows = try AuditRows(session, relation, table, match, watermark: watermark)
        self.rows = rows
        sums = rows.pairs.indices.filter { index in
            guard !rows.identity.contains(index), index != rows.cursor,
                let column = shape.column(rows.pairs[index].destination)
            else { return false }
            return [.integer, .numeric, .real].contains(shape.affinity(of: column.name))
        }.prefix(Limits.auditSums).map { $0 }
        self.warnings = warnings
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

    private static func columnsMissing(_ columns: [String], _ table: String) -> LoadWarning {
        LoadWarning(
            code: "columns_missing",
            message: "not compared, since \(table) does not have them yet: \(columns.joined(separator: ", "))")
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
