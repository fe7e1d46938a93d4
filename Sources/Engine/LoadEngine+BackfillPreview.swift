internal import Loading
public import Model
internal import Platform
internal import Store

/// What a backfill would do.
public struct BackfillPreview: Sendable {
    /// The backfill that would be made, without an identifier of its own that anybody could ask for.
    public let backfill: Backfill
    /// Its partitions, in the order in which they would be loaded; each with its rows.
    public let partitions: [(range: PartitionRange, rows: PartitionEstimate)]
    /// What both sides hold, and how they would be read.
    public let estimates: PartitionEstimates
    /// What would be kept for a rollback, at the most; nil where nothing is.
    public let kept: UndoPolicy.Kept?
    /// How long it would take; nil where nothing tells.
    public let seconds: Double?
    /// What that is reckoned from, or why it is not known.
    public let basis: String
    /// The pipelines that would wait for its end, directly or because of others.
    public let heldBack: [String]
}

extension LoadEngine {
    /// What a backfill would do, with the rows of its partitions counted; changes nothing.
    public func previewBackfill(
        _ request: BackfillRequest, completion: @escaping @Sendable (Result<BackfillPreview, Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (stop) throws(Failure) in
                let draft = try draft(request, stop: stop)
                let begin = clock.uptime()
                var estimates = try estimate(draft.backfill, draft.partitions, draft.step, stop)
                let look = clock.uptime() - begin
                let undo = draft.step.step.undo
                if undo == nil { estimates.warnings.append(LoadEngine.undoOff(draft.step.step)) }
                let (seconds, basis) = try time(draft.backfill, estimates, look)
                let partitions = zip(draft.partitions, estimates.partitions).map { ($0, $1) }
                return BackfillPreview(
                    backfill: draft.backfill,
                    partitions: request.options.order == .ascending ? partitions : partitions.reversed(),
                    estimates: estimates, kept: undo?.most(for: estimates), seconds: seconds, basis: basis,
                    heldBack: try heldBack(by: request))
            }, completion: completion)
    }

    /// Tells that a backfill could not be rolled back.
    private static func undoOff(_ step: LoadStep) -> LoadWarning {
        LoadWarning(
            code: "undo_off",
            message: "step \(step.name) keeps nothing for a rollback (undo: off), so this cannot be rolled back")
    }

    private func heldBack(by request: BackfillRequest) throws(Failure) -> [String] {
        guard request.options.holdDownstream else { return [] }
        return try store.reading { (session) throws(Failure) in
            try storing { () throws(StoreError) in try session.allDownstreams(of: request.pipeline) }
        }
    }

    /// Counts the rows of partitions on both sides; refused where one has more than the backfill allows.
    func estimate(
        _ backfill: Backfill, _ partitions: [PartitionRange], _ step: ResolvedStep, _ stop: StopToken
    ) throws(Failure) -> PartitionEstimates {
        let estimates: PartitionEstimates
        do throws(Failure) {
            estimates = try loader.estimatePartitions(
                request(backfill, step), scheme: backfill.scheme, ranges: partitions, stop: stop)
        } catch {
            throw step.redact(error)
        }
        guard let most = backfill.options.maxRowsPerPartition else { return estimates }
        let found = zip(partitions, estimates.partitions).max { $0.1.sourceRows < $1.1.sourceRows }
        guard let (range, rows) = found, rows.sourceRows > most else { return estimates }
        throw Failure(
            .limitExceeded,
            "the partition \(range.text) has \(rows.sourceRows) rows, more than max_rows_per_partition (\(most))",
            hint: "choose a narrower interval, or raise max_rows_per_partition", field: "max_rows_per_partition")
    }

    /// Refuses a backfill none of whose partitions could be loaded, without counting anything.
    func check(
        _ backfill: Backfill, _ partitions: [PartitionRange], _ step: ResolvedStep, _ stop: StopToken
    ) throws(Failure) {
        guard let first = partitions.first else { return }
        do throws(Failure) {
            var request = PartitionRequest(
                load: request(backfill, step), number: 1, scheme: backfill.scheme, range: first)
            request.isStaged = backfill.options.mode == .staged
            try loader.checkPartition(request, stop: stop)
        } catch {
            throw step.redact(error)
        }
    }

    /// The request of a backfill to a loader.
    func request(_ backfill: Backfill, _ step: ResolvedStep) -> LoadRequest {
        LoadRequest(
            run: backfill.id, pipeline: backfill.pipeline, step: step.step, attempt: 1, source: step.source.file,
            destination: step.destination.file, allowShrink: backfill.options.allowShrink)
    }

    /// How long it would take, by the pace of before; and, where each partition reads a table in full, by how long it took
    /// to `look` at both sides once.
    private func time(
        _ backfill: Backfill, _ estimates: PartitionEstimates, _ look: Duration
    ) throws(Failure) -> (seconds: Double?, basis: String) {
        let rows = estimates.total.sourceRows
        let scans = estimates.fullScans.isEmpty ? 0 : look.seconds * Double(estimates.partitions.count)
        let (pipeline, step) = (backfill.pipeline, backfill.step)
        let (partitions, runs) = try store.reading { (session) throws(Failure) in
            try storing { () throws(StoreError) in
                (try session.pastPartitions(pipeline, step), try session.pastRuns(pipeline, step))
            }
        }
        for (past, name) in [(partitions, "backfills"), (runs, "runs")] {
            guard let past else { continue }
            let pace = Int((Double(past.rows) / past.seconds).rounded())
            let basis = "past \(name) of the step read \(pace) rows a second"
            return (
                Double(rows) * past.seconds / Double(past.rows) + scans,
                estimates.fullScans.isEmpty
                    ? basis
                    : basis
                        + ", and each partition reads \(estimates.fullScans.joined(separator: ", ")) in full, which took "
                        + "\(Double(Int(look.seconds * 1000)) / 1000) s just now"
            )
        }
        return (nil, "no run or backfill of the step has read a row yet")
    }
}
