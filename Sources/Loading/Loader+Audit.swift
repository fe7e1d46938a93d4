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
            while true {
                var seen: Watermark?
                do throws(LoadStop) {
                    return try compare(session, options, &seen)
                } catch {
                    // A load that went on between the two sides' states has trimmed the log that tells what it applied.
                    let isFollowed = session.request.step.strategy == .cdc
                    guard isFollowed, try session.held()?.watermark != seen else { throw error }
                }
            }
        }
    }

    private func compare(
        _ session: LoadSession, _ options: AuditOptions, _ seen: inout Watermark?
    ) throws(LoadStop) -> AuditResult {
        try session.connection.transaction(.deferred, wrapping: { LoadStop.sqlite($0) }) { () throws(LoadStop) in
            seen = try session.held()?.watermark
            let plan = try AuditPlan.make(session, options, at: clock.now())
            guard let rows = plan.rows else { return plan.empty }
            guard options.kind == .audit else {
                var comparison = RefreshComparison(plan, rows)
                try comparison.run(on: session.connection)
                var result = plan.finished(comparison.result(plan.watermark))
                result.warnings += comparison.warnings
                return result
            }
            var comparison = AuditComparison(rows, plan.ruler, sums: plan.sums, repair: nil)
            try comparison.run(on: session.connection)
            return plan.finished(comparison.result(plan.watermark))
        }
    }

    private func heal(
        _ session: LoadSession, _ options: AuditOptions, at now: Timestamp
    ) throws(LoadStop) -> (AuditResult, DestinationLedger.Record) {
        let plan = try AuditPlan.make(session, options, at: now)
        var result = plan.empty
        var counts = RowCounts()
        if let rows = plan.rows {
            try session.undo?.open(
                plan.table, isCreated: false, added: [], loaded: rows.pairs.map(\.destination))
            session.trail.enter(.look)
            let repair = try AuditRepair(session, plan.table, rows, deletesExtra: options.deleteExtra)
            var comparison = AuditComparison(rows, plan.ruler, sums: plan.sums, repair: repair)
            try comparison.run(on: session.connection)
            try plan.events?.refuseIncomplete(repair, session)
            session.trail.enter(.write)
            counts = try repair.write(session, at: now)
            try session.watch?.healed(plan.table, butExtra: repair.isExtra)
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
