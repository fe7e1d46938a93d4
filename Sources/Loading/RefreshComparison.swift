internal import Model
internal import Platform
internal import SQLite

/// Compares the destination with what a full refresh would write, in one pass over both.
///
/// Every row that differs is counted once: as what the next run loads, as what the document passes over, or as a
/// difference. Of these the first are kept.
struct RefreshComparison: AuditVisitor {
    private enum Explanation {
        case pending, excluded
    }

    private let rows: AuditRows
    private let step: LoadStep
    private var ruler: AuditRuler
    private var total = AuditResult.Partition(start: nil)
    private var refresh: AuditResult.Refresh
    private var kept: [AuditDifference] = []
    private var bytes = 0

    /// Takes what to compare.
    init(_ plan: AuditPlan, _ rows: AuditRows) {
        self.rows = rows
        step = plan.table.step
        ruler = plan.ruler
        refresh = AuditResult.Refresh(pending: plan.unsettled)
    }

    /// Reads both sides and compares them.
    mutating func run(on connection: Connection) throws(LoadStop) {
        let rows = rows
        try rows.merge(on: connection, into: &self)
    }

    /// Compares the two. What both sides have is not passed over by the document, whatever its cursor says now: only a
    /// run that reads it again explains that it differs.
    mutating func met(_ source: RowReader, _ destination: RowReader) {
        total.sourceRows += 1
        total.destinationRows += 1
        guard !rows.isSame(source, destination) else { return }
        if explanation(source) == .pending { return refresh.pending += 1 }
        total.drift.different += 1
        let rows = rows
        keep(.different, source, rows.values(source, destination))
    }

    /// A full refresh would write the row, and the destination lacks it.
    mutating func missed(_ source: RowReader) {
        total.sourceRows += 1
        switch explanation(source) {
        case .pending?: refresh.pending += 1
        case .excluded?: refresh.excluded += 1
        case nil:
            total.drift.missing += 1
            keep(.missing, source)
        }
    }

    /// A full refresh would not write the row, whatever its cursor.
    mutating func exceeded(_ destination: RowReader, beside source: RowReader) {
        total.destinationRows += 1
        total.drift.extra += 1
        keep(.extra, destination)
    }

    /// Nothing is remembered of a row.
    func passed(_ source: RowReader) {}

    /// Why the destination does not hold a row of the source as it is; nil where nothing explains it.
    private mutating func explanation(_ source: RowReader) -> Explanation? {
        guard let place = rows.cursor, let cursor = step.cursor else { return nil }
        switch ruler.place(source, place) {
        case .above: return .pending
        case .below: return .excluded
        // Rows without a cursor that are included are read by every run.
        case .inside(let part): return part == AuditRuler.nowherePart && step.writeMode != .append ? .pending : nil
        case .nowhere:
            let isExcluded =
                source.type(place) == .null ? cursor.onMissing == .exclude : cursor.onUnparsable == .exclude
            return isExcluded ? .excluded : nil
        }
    }

    private mutating func keep(
        _ kind: AuditResult.Sample.Kind, _ reader: RowReader, _ columns: @autoclosure () -> JSONValue = .object([])
    ) {
        guard kept.count < Limits.auditDifferences, bytes < Limits.auditDifferenceBytes else { return }
        let difference = AuditDifference(number: kept.count + 1, kind: kind, key: rows.key(reader), columns: columns())
        bytes += difference.key.text().utf8.count + difference.columns.text().utf8.count
        kept.append(difference)
    }

    /// What was found.
    func result(_ watermark: CursorValue?) -> AuditResult {
        var result = AuditResult(watermark: watermark, total: total)
        result.refresh = refresh
        result.refresh?.kept = kept.count
        result.differences = kept
        result.samples = AuditResult.Sample.Kind.allCases.flatMap { kind in
            kept.lazy.filter { $0.kind == kind }.prefix(Limits.auditSamples).map { difference in
                guard case .object(let columns) = difference.columns else {
                    return .init(kind: kind, key: difference.key)
                }
                return .init(kind: kind, key: difference.key, columns: columns.map(\.key))
            }
        }
        return result
    }

    /// What is to be said of rows that the step's checks may have set aside.
    var warnings: [LoadWarning] {
        guard total.drift.missing > 0, step.checks.contains(where: { $0.onFail == .quarantine }) else { return [] }
        return [
            LoadWarning(
                code: "checks_not_made",
                message: "checks are not made here, so that rows which they set aside count as missing")
        ]
    }
}
