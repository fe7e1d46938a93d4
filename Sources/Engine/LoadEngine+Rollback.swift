internal import Loading
public import Model
internal import Platform
internal import Store

/// A run that was rolled back, or for which that was tried, with what was put back.
public struct RolledBackRun: Sendable {
    /// The run.
    public let run: Run
    /// What was done, the last step first; empty when nothing was left to roll back.
    public let steps: [StepRollback]
}

/// An audit whose repair was rolled back, or for which that was tried, with what was put back.
public struct RolledBackAudit: Sendable {
    /// The audit.
    public let audit: Audit
    /// What was done; empty when nothing was left to roll back.
    public let steps: [StepRollback]
}

extension LoadEngine {
    /// Puts back what an ended run changed in its destinations: rows, schema and watermarks. `isTrial` says what would
    /// be done and changes nothing.
    ///
    /// Refused with `conflict` when the run has not ended, when something changed since what it wrote, or when a load
    /// keeps a destination for longer than `Limits.editWaitTime`; with `undo_missing` when what is needed is not kept.
    public func rollback(
        _ id: String, isTrial: Bool, completion: @escaping @Sendable (Result<RolledBackRun, Failure>) -> Void
    ) {
        let files: Set<String>
        do throws(Failure) {
            files = try parts(of: try ended(id)).reduce(into: []) { $0.formUnion($1.place.lockNames) }
        } catch {
            return completion(.failure(error))
        }
        edit(
            files, "the destination of run \(id)", "roll the run back then",
            { [self] () throws(Failure) in try perform(id, isTrial) }, completion)
    }

    /// The steps of a run that write one file.
    private struct Part {
        let place: Place
        var steps: [ResolvedStep]
    }

    private func perform(_ id: String, _ isTrial: Bool) throws(Failure) -> RolledBackRun {
        let run = try ended(id)
        let parts = try parts(of: run)
        // Each file has a transaction of its own: where there are several, none is changed before all were tried.
        if parts.count > 1, !isTrial { for part in parts { _ = try rollBack(id, part, isTrial: true) } }
        var done: [StepRollback] = []
        for part in parts.reversed() { done += try rollBack(id, part, isTrial: isTrial) }
        if !done.isEmpty { done += LoadEngine.statements(of: run).map(StepRollback.init(left:)) }
        guard !isTrial else { return RolledBackRun(run: run, steps: done) }
        return RolledBackRun(run: try record(run, parts, done), steps: done)
    }

    private func rollBack(
        _ id: String, _ part: Part, isTrial: Bool
    ) throws(Failure) -> [StepRollback] {
        do throws(Failure) {
            return try loader.rollback(
                run: id, steps: part.steps.map(\.step), destination: part.place.file, isTrial: isTrial)
        } catch {
            throw part.steps.reduce(error) { $1.redact($0) }
        }
    }

    /// Mirrors what the destinations hold now. A crash before it leaves the mirror behind; the same request again, which
    /// finds nothing left to do there, makes up for it.
    private func record(_ run: Run, _ parts: [Part], _ done: [StepRollback]) throws(Failure) -> Run {
        var watermarks: [(step: String, watermark: Watermark?)] = []
        for part in parts {
            for step in part.steps where step.step.strategy.isIncremental || step.step.cursor != nil {
                let found = try loader.watermark(
                    pipeline: run.pipeline, step: step.step.name, destination: part.place.file)
                watermarks.append((step.step.name, found))
            }
        }
        let reason = "run \(run.id) was rolled back"
        _ = records.record(.rolledBack(run, done)) { [watermarks] (transaction) throws(StoreError) in
            try transaction.markRolledBack(run.id)
            for (step, watermark) in watermarks {
                if let watermark {
                    try transaction.mirrorWatermark(watermark)
                } else if try transaction.watermark(run.pipeline, step) != nil {
                    try transaction.removeWatermark(run.pipeline, step, reason: reason)
                }
            }
        }
        return try self.run(run.id)
    }

    /// The run, which must have ended.
    private func ended(_ id: String) throws(Failure) -> Run {
        let run = try run(id)
        guard run.state.isFinal else {
            throw Failure(
                .conflict, "run \(id) is \(run.state.rawValue)",
                hint: "wait for its end, or cancel it; then roll it back")
        }
        return run
    }

    /// The steps of the run whose statements have committed: what those change is not kept, and cannot be put back.
    private static func statements(of run: Run) -> [String] {
        run.steps.filter { $0.kind == .sql && ($0.result?.commits ?? 0) > 0 }.map(\.name)
    }

    /// The loads of the run that committed something, by the files they write, in the order they ran.
    private func parts(of run: Run) throws(Failure) -> [Part] {
        let names = run.steps.filter { $0.kind == .load && ($0.result?.commits ?? 0) > 0 }.map(\.name)
        guard !names.isEmpty else {
            if let name = LoadEngine.statements(of: run).first {
                throw Failure(
                    .undoMissing, "run \(run.id) ran the statements of step \(name), and loaded nothing",
                    hint: "what statements change is not kept; undo it by statements of your own")
            }
            return []
        }
        let resolved = try resolve(run.pipeline, steps: names)
        var parts: [Part] = []
        for name in resolved.steps.compactMap(\.step.load?.name) {
            guard let found = try resolved.load(name)?.get() else { continue }
            if let place = parts.firstIndex(where: { $0.place.file == found.destination.file }) {
                parts[place].steps.append(found)
            } else {
                parts.append(Part(place: found.destination, steps: [found]))
            }
        }
        return parts
    }
}

extension LoadEngine {
    /// Puts back what an audit that has ended mended in its destination, and leaves the watermark alone. `isTrial` says
    /// what would be done and changes nothing.
    ///
    /// Refused as the rollback of a run is, and with `conflict` for an audit that only compared.
    public func rollbackAudit(
        _ id: String, isTrial: Bool, completion: @escaping @Sendable (Result<RolledBackAudit, Failure>) -> Void
    ) {
        let files: Set<String>
        do throws(Failure) {
            files = try part(of: try mended(id))?.place.lockNames ?? []
        } catch {
            return completion(.failure(error))
        }
        edit(
            files, "the destination of audit \(id)", "roll the audit back then",
            { [self] () throws(Failure) in try performAudit(id, isTrial) }, completion)
    }

    private func performAudit(_ id: String, _ isTrial: Bool) throws(Failure) -> RolledBackAudit {
        let audit = try mended(id)
        guard let part = try part(of: audit) else { return RolledBackAudit(audit: audit, steps: []) }
        let done = try rollBack(id, part, isTrial: isTrial)
        // Done before, and recorded; after a crash between the two this makes up for it.
        guard !isTrial, !done.isEmpty || audit.rolledBackAt == nil else {
            return RolledBackAudit(audit: audit, steps: done)
        }
        let recorded = records.insist("record the rollback of audit \(id)") { (transaction) throws(StoreError) in
            let audit = try transaction.markAuditRolledBack(id)
            try RunRecords.append(.rolledBack(audit, done), transaction)
            return audit
        }
        return RolledBackAudit(audit: recorded ?? audit, steps: done)
    }

    /// The audit, which must have ended and have been asked to mend.
    private func mended(_ id: String) throws(Failure) -> Audit {
        let audit = try audit(id)
        guard audit.options.heal else {
            throw Failure(
                .conflict, "audit \(id) compared and changed nothing",
                hint: "only one with `heal: true` can be rolled back")
        }
        guard audit.state.isFinal else {
            throw Failure(
                .conflict, "audit \(id) is \(audit.state.rawValue)",
                hint: "wait for its end, or cancel it; then roll it back")
        }
        return audit
    }

    /// What the audit wrote; nil where it did not succeed, and so wrote nothing.
    private func part(of audit: Audit) throws(Failure) -> Part? {
        guard audit.state == .success else { return nil }
        guard let step = try resolve(audit.pipeline, steps: [audit.step]).load(audit.step) else { return nil }
        let found = try step.get()
        return Part(place: found.destination, steps: [found])
    }
}

/// A backfill that was rolled back, or for which that was tried, with what was put back.
public struct RolledBackBackfill: Sendable {
    /// The backfill.
    public let backfill: Backfill
    /// What was done; empty when nothing was left to roll back.
    public let steps: [StepRollback]
}

extension LoadEngine {
    /// Puts back what the committed partitions of a backfill that has ended changed in its destination, and leaves the
    /// watermark alone. `isTrial` says what would be done and changes nothing.
    ///
    /// Refused as the rollback of a run is.
    public func rollbackBackfill(
        _ id: String, isTrial: Bool, completion: @escaping @Sendable (Result<RolledBackBackfill, Failure>) -> Void
    ) {
        let files: Set<String>
        do throws(Failure) {
            files = try part(of: try settled(id))?.place.lockNames ?? []
        } catch {
            return completion(.failure(error))
        }
        edit(
            files, "the destination of backfill \(id)", "roll the backfill back then",
            { [self] () throws(Failure) in try performBackfill(id, isTrial) }, completion)
    }

    private func performBackfill(_ id: String, _ isTrial: Bool) throws(Failure) -> RolledBackBackfill {
        let backfill = try settled(id)
        let done =
            try part(of: backfill).map { (part) throws(Failure) in try rollBack(id, part, isTrial: isTrial) } ?? []
        guard !isTrial, backfill.state != .rolledBack else {
            return RolledBackBackfill(backfill: backfill, steps: done)
        }
        let recorded = records.insist("record the rollback of backfill \(id)") { (transaction) throws(StoreError) in
            let backfill = try transaction.changeBackfill(id, to: .rolledBack)
            try RunRecords.append(.backfill(.backfillRolledBack, backfill, done), transaction)
            return backfill
        }
        // Until now it held what runs after its pipeline.
        if let recorded, backfill.state == .awaitingPublish { backfiller.tell(recorded) }
        return RolledBackBackfill(backfill: recorded ?? backfill, steps: done)
    }

    /// The backfill, which must have ended, to its last partition.
    private func settled(_ id: String) throws(Failure) -> Backfill {
        let backfill = try backfill(id)
        // What it has staged is thrown away.
        if backfill.state == .awaitingPublish { return backfill }
        guard backfill.isSettled else {
            throw Failure(
                .conflict,
                "backfill \(id) is \(backfill.state.rawValue)"
                    + (backfill.state.isFinal ? ", and a partition of it is still in hand" : ""),
                hint: backfill.state.isFinal
                    ? "ask again in a moment" : "wait for its end, or cancel it; then roll it back")
        }
        return backfill
    }

    /// What the backfill wrote; nil where none of its partitions has committed.
    private func part(of backfill: Backfill) throws(Failure) -> Part? {
        guard backfill.partitions.success > 0 else { return nil }
        let step = try store.reading { (session) throws(Failure) in try catalog.step(of: backfill, session) }
        return Part(place: step.destination, steps: [step])
    }
}
