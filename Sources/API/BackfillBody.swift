internal import Engine
internal import Model
internal import Platform

extension BackfillRequest {
    private static let keys = [
        "pipeline", "step", "range", "start", "end", "column", "format", "interval", "timezone", "parallelism", "order",
        "mode",
        "reprocess", "max_partitions", "max_rows_per_partition", "allow_shrink", "auto_publish", "hold_downstream",
        "reason",
    ]

    /// Reads a request for a backfill; throws everything that is wrong with it.
    init(_ document: DocumentNode) throws(Problem) {
        var body = try RequestBody(document, called: "a backfill", keys: BackfillRequest.keys)
        let (pipeline, step) = (body.name("pipeline", of: "a pipeline"), body.name("step", of: "a step"))
        if body.value("pipeline") == nil {
            body.refuse("pipeline", "`pipeline` is missing", hint: "Name the pipeline.")
        }
        let fillsGaps = body.isGaps("range")
        let (start, end) = (
            body.place("start", isOptional: fillsGaps), body.place("end", isOptional: fillsGaps)
        )
        let options = BackfillOptions(&body)
        self.init(pipeline: pipeline ?? "", step: step, start: start, end: end, options: options)
        self.fillsGaps = fillsGaps
        column = body.text("column")
        if column == "" { body.refuse("column", "`column` is empty", hint: "Name the column, or leave it out.") }
        format = body.word("format", CursorFormat.self)
        interval = body.interval("interval")
        timezone = body.text("timezone")
        try body.check()
    }
}

extension BackfillOptions {
    /// Reads what is asked for beside the range.
    fileprivate init(_ body: inout RequestBody) {
        self.init()
        parallelism = body.whole("parallelism", in: 1...Limits.backfillLanes) ?? parallelism
        order = body.word("order", PartitionOrder.self) ?? order
        mode = body.word("mode", BackfillMode.self) ?? mode
        reprocess = body.word("reprocess", Reprocess.self) ?? reprocess
        maxPartitions = body.whole("max_partitions", in: 1...Limits.backfillPartitions) ?? maxPartitions
        maxRowsPerPartition = body.whole("max_rows_per_partition", in: 1...Int(Int32.max))
        allowShrink = body.flag("allow_shrink")
        autoPublish = body.flag("auto_publish")
        holdDownstream = body.flag("hold_downstream")
        reason = body.text("reason") ?? ""
        if reason.count > Limits.reasonCharacters {
            body.refuse("reason", "`reason` is longer than \(Limits.reasonCharacters) characters", hint: "Shorten it.")
        }
    }
}

extension RequestBody {
    /// The name of a thing; nil when the key is missing or was refused.
    fileprivate mutating func name(_ key: String, of what: String) -> String? {
        guard let name = text(key) else { return nil }
        if ResourceName.isValid(name) { return name }
        refuse(key, "`\(key)` is no name of \(what)")
        return nil
    }

    /// Whether what is missing is to be loaded: the one word that a range can be.
    fileprivate mutating func isGaps(_ key: String) -> Bool {
        guard let node = value(key) else { return false }
        if node.json == "gaps" { return true }
        refuse(key, "`\(key)` can only be `gaps`", hint: "Name any other range by `start` and `end`.")
        return false
    }

    /// A place at which the range begins or ends, as it was written.
    fileprivate mutating func place(_ key: String, isOptional: Bool) -> JSONValue? {
        guard let node = value(key) else {
            if isOptional { return nil }
            refuse(
                key, "`\(key)` is missing", hint: "Write a date such as 2024-03-01; `start` is included, `end` is not.")
            return nil
        }
        return node.json
    }

    /// A whole number of a range; nil when the key is missing or was refused.
    fileprivate mutating func whole(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = value(key) else { return nil }
        if let number = node.json.integer.flatMap({ Int(exactly: $0) }), range.contains(number) { return number }
        refuse(key, "`\(key)` must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }
}
