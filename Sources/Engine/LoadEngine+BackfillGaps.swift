internal import Loading
internal import Model
internal import Platform

extension LoadEngine {
    /// What the gaps of a step are sliced by: its cursor, of which the ledger tells.
    func gapScheme(_ request: BackfillRequest, _ step: LoadStep) throws(Failure) -> PartitionScheme {
        guard let cursor = step.cursor else {
            throw Failure(
                .invalidValue, "step \(step.name) has no cursor, so each run sees its whole source and leaves no gap",
                hint: "leave `range` out, and name `start` and `end`", field: "range")
        }
        for (key, isSet) in [("column", request.column != nil), ("format", request.format != nil)] where isSet {
            throw Failure(
                .invalidValue,
                "`\(key)` has no meaning with `range: gaps`, which slices by the cursor \(cursor.column)",
                hint: "remove it", field: key)
        }
        let isTime = step.strategy == .timestamp
        let usual = step.partitionScheme.flatMap { $0.column == cursor.column ? $0 : nil }
        let interval =
            request.interval ?? usual?.interval ?? (isTime ? .day : .count(Limits.gapNumbers))
        guard interval.isTime == isTime else {
            throw Failure(
                .invalidValue,
                "`interval` must be \(isTime ? "a length of time" : "a whole number"): the cursor \(cursor.column) is "
                    + "\(isTime ? "a time" : "a number")", hint: "leave it out for the usual width", field: "interval")
        }
        return PartitionScheme(
            column: cursor.column, format: isTime ? cursor.format : nil, interval: interval,
            timezone: isTime ? request.timezone ?? usual?.timezone ?? Zone.utc.name : Zone.utc.name)
    }

    /// The gaps of a step within the request's range, cut into partitions, with the range from the first to the last.
    /// Refused where there is none. Blocks.
    func gaps(
        _ request: BackfillRequest, _ step: ResolvedStep, _ plan: BackfillPlan, _ stop: StopToken
    ) throws(Failure) -> (PartitionRange, [PartitionRange]) {
        let start = try request.start.map { json throws(Failure) in try plan.bound(json, field: "start") }
        let end = try request.end.map { json throws(Failure) in try plan.bound(json, field: "end") }
        if let start, let end { _ = try plan.range(start, end) }
        let ledger = try ledger(of: step, request.pipeline, stop: stop)
        var partitions: [PartitionRange] = []
        for gap in ledger.missing {
            let from = start.map { $0.place > gap.start.place ? $0 : gap.start } ?? gap.start
            let to = end.map { $0.place < gap.end.place ? $0 : gap.end } ?? gap.end
            guard from.place < to.place else { continue }
            partitions += try plan.partitions(
                of: PartitionRange(start: from, end: to), limit: request.options.maxPartitions)
        }
        guard let first = partitions.first, let last = partitions.last else {
            throw Failure(
                .conflict,
                "the ledger of \(request.pipeline)/\(step.step.name) shows no gap\(start == nil && end == nil ? "" : " there")",
                hint: "GET /v1/pipelines/\(request.pipeline)/ledger/\(step.step.name) shows what is loaded; to load a "
                    + "range again name `start` and `end` without `range`", field: "range")
        }
        guard partitions.count <= request.options.maxPartitions else {
            throw Failure(
                .limitExceeded,
                "the gaps have \(partitions.count) partitions, more than max_partitions (\(request.options.maxPartitions))",
                hint: "choose a wider interval or a shorter range, or raise max_partitions", field: "max_partitions")
        }
        return (PartitionRange(start: first.start, end: last.end), partitions)
    }
}
