internal import Loading
public import Model
internal import Platform
internal import Store

/// A request to reload a range of a step.
public struct BackfillRequest: Sendable {
    /// The pipeline's name.
    public var pipeline: String
    /// The step's name; nil for a pipeline's only step.
    public var step: String?
    /// Where the range begins, as it was written; nil, with `fillsGaps`, for the first gap.
    public var start: JSONValue?
    /// Where it ends: the first place that is not reloaded; nil, with `fillsGaps`, for the last gap.
    public var end: JSONValue?
    /// Load what the step's ledger shows to be missing, within the range if there is one.
    public var fillsGaps = false
    /// The column that says when a row happened; nil for the step's own.
    public var column: String?
    /// How its times are written; nil for the step's own where the column is, else for ISO 8601 texts.
    public var format: CursorFormat?
    /// How wide a partition is; nil for the step's own width.
    public var interval: Interval?
    /// The time zone whose days are meant; nil for the step's own.
    public var timezone: String?
    /// What else is asked for.
    public var options: BackfillOptions

    /// Makes a request; with the step's own partitions unless said.
    public init(
        pipeline: String, step: String? = nil, start: JSONValue?, end: JSONValue?,
        options: BackfillOptions = BackfillOptions()
    ) {
        self.pipeline = pipeline
        self.step = step
        self.start = start
        self.end = end
        self.options = options
    }
}

/// A backfill that was not stored yet, with the partitions that it is to load.
struct BackfillDraft: Sendable {
    /// The backfill.
    var backfill: Backfill
    /// Its partitions in the order of its range.
    let partitions: [PartitionRange]
    /// What both sides hold of them; nil where nobody counted.
    var estimates: PartitionEstimates?
    /// Its step with the files of it.
    let step: ResolvedStep

    /// The range that a request names, and its partitions.
    fileprivate static func whole(
        _ request: BackfillRequest, _ plan: BackfillPlan
    ) throws(Failure) -> (PartitionRange, [PartitionRange]) {
        let range = try plan.range(
            try plan.bound(request.start ?? .null, field: "start"), try plan.bound(request.end ?? .null, field: "end"))
        return (range, try plan.partitions(of: range, limit: request.options.maxPartitions))
    }
}

extension LoadEngine {
    /// What a request comes to, with its partitions frozen. Changes nothing, and blocks.
    func draft(_ request: BackfillRequest, stop: StopToken) throws(Failure) -> BackfillDraft {
        try LoadEngine.refuseWhatMeansNothing(request.options)
        let step = try step(of: request)
        guard step.step.strategy != .cdc else {
            throw Failure(
                .unsupported, "step \(step.step.name) is loaded from change events, which cannot be reloaded by range",
                hint: "set its watermark back to apply events again, or audit it with heal", field: "step")
        }
        if !request.options.allowShrink { try refuseSharedTable(request.pipeline, step.step) }
        let plan = try BackfillPlan(
            request.fillsGaps ? try gapScheme(request, step.step) : try scheme(request, step.step))
        let (range, partitions) =
            request.fillsGaps ? try gaps(request, step, plan, stop) : try BackfillDraft.whole(request, plan)
        var backfill = Backfill(
            id: identifiers.next(), pipeline: request.pipeline, step: step.step.name,
            destination: step.step.destination, scheme: plan.scheme, range: range, options: request.options,
            createdAt: clock.now())
        backfill.destinationFile = step.destination.mark
        // What is missing is missing, whatever was tried before.
        let left = request.fillsGaps ? partitions : try left(of: partitions, backfill)
        backfill.skipped = partitions.count - left.count
        guard request.options.maxRowsPerPartition != nil else {
            try check(backfill, left, step, stop)
            return BackfillDraft(backfill: backfill, partitions: left, step: step)
        }
        let estimates = try estimate(backfill, left, step, stop)
        return BackfillDraft(backfill: backfill, partitions: left, estimates: estimates, step: step)
    }

    /// Refuses to reload a table that other steps load too: what they loaded is not in this step's source, so that the
    /// backfill would take it for deleted.
    private func refuseSharedTable(_ pipeline: String, _ step: LoadStep) throws(Failure) {
        let others = try store.reading { [catalog] (session) throws(Failure) in
            let users = try storing { () throws(StoreError) in
                try session.pipelines(using: step.destination.connection)
            }
            var others: [String] = []
            for user in users {
                let loads = try catalog.pipeline(user, session).loads
                others += loads.filter { $0.destination.isSame(step.destination) }.map { "\(user)/\($0.name)" }
            }
            return others.filter { $0 != "\(pipeline)/\(step.name)" }
        }
        guard !others.isEmpty else { return }
        throw Failure(
            .shrinkGuard,
            "\(step.destination.table) is loaded by \(others.joined(separator: ", ")) too, whose rows a backfill of "
                + "\(pipeline)/\(step.name) would take for deleted",
            hint:
                "give each of them a table of its own, or ask with allow_shrink where this step's source has all of the rows",
            field: "step")
    }

    /// A load of a pipeline with its files: the named one, or the only one.
    func onlyStep(of pipeline: String, named name: String?) throws(Failure) -> ResolvedStep {
        let resolved = try resolve(pipeline, steps: name.map { [$0] } ?? [])
        let loads = name.map { [$0] } ?? resolved.pipeline.loads.map(\.name)
        guard loads.count == 1, let step = resolved.load(loads[0]) else {
            throw Failure(
                .missingKey,
                loads.isEmpty
                    ? "pipeline \(pipeline) loads nothing: all of its steps run statements"
                    : "pipeline \(pipeline) has \(loads.count) loads, and none is named",
                hint: loads.isEmpty ? "" : "name one of \(loads.joined(separator: ", "))", field: "step")
        }
        return try step.get()
    }

    private func step(of request: BackfillRequest) throws(Failure) -> ResolvedStep {
        do throws(Failure) {
            return try onlyStep(of: request.pipeline, named: request.step)
        } catch {
            var failure = error
            if failure.code == .unknownPipeline { failure.field = "pipeline" }
            if failure.code == .unknownStep { failure.field = "step" }
            throw failure
        }
    }

    private static func refuseWhatMeansNothing(_ options: BackfillOptions) throws(Failure) {
        guard options.autoPublish, options.mode == .direct else { return }
        throw Failure(
            .invalidValue,
            "`auto_publish` has no meaning with mode: direct, where each partition is published as it is loaded",
            hint: "leave it out, or use mode: staged", field: "auto_publish")
    }

    private func scheme(_ request: BackfillRequest, _ step: LoadStep) throws(Failure) -> PartitionScheme {
        let usual = step.partitionScheme
        guard let column = request.column ?? usual?.column else {
            throw Failure(
                .missingKey, "step \(step.name) does not say what its rows are partitioned by",
                hint:
                    "name the column that says when a row happened, such as \"column\": \"created_at\", or give the step "
                    + "a `partition_by`", field: "column")
        }
        let isUsual = usual.map { $0.column == column } ?? false
        let interval = request.interval ?? (isUsual ? usual?.interval : nil) ?? .day
        guard interval.isTime else {
            for (key, isSet) in [("format", request.format != nil), ("timezone", request.timezone != nil)] where isSet {
                throw Failure(
                    .invalidValue, "`\(key)` has no meaning where `interval` is a count of numbers", hint: "remove it",
                    field: key)
            }
            return PartitionScheme(column: column, interval: interval)
        }
        return PartitionScheme(
            column: column, format: request.format ?? (isUsual ? usual?.format : nil), interval: interval,
            timezone: request.timezone ?? usual?.timezone ?? Zone.utc.name)
    }

    /// The partitions that earlier backfills leave to this one; refused when they leave none.
    private func left(of partitions: [PartitionRange], _ backfill: Backfill) throws(Failure) -> [PartitionRange] {
        guard backfill.options.reprocess != .completed else { return partitions }
        let tried = try store.reading { (session) throws(Failure) in
            try storing { () throws(StoreError) in try session.triedPartitions(before: backfill) }
        }
        let choice = Reprocessing(partitions, backfill.options.reprocess, tried: tried)
        guard choice.left.isEmpty, let id = choice.backfill else { return choice.left }
        let all = choice.skipped == 1 ? "the partition" : "all \(choice.skipped) partitions"
        let some =
            choice.unsuccessful == 0
            ? ""
            : "; \"reprocess\": \"failed\" loads the \(choice.unsuccessful) that did not succeed (command line: --reprocess "
                + "failed)"
        throw Failure(
            .conflict,
            "\(all) of \(backfill.range.text) \(choice.skipped == 1 ? "was" : "were") loaded before, last by "
                + "backfill \(id)",
            hint:
                "to load \(choice.skipped == 1 ? "it" : "them") again add \"reprocess\": \"completed\" (command line: "
                + "--reprocess completed)" + some, field: "reprocess")
    }
}
