internal import Engine
internal import Model
internal import Platform

extension Backfill {
    /// The backfill as answers show it; `rowsInHand` are those that its partitions in hand have read so far.
    func wire(rowsInHand: Int) -> JSONValue {
        let progress = BackfillProgress(self, rowsInHand: rowsInHand)
        return .object(
            [
                .init("id", .string(id)), .init("pipeline", .string(pipeline)), .init("step", .string(step)),
                .init("state", .string(state.rawValue)),
            ] + place + asked + [
                .init("progress", .number(progress.fraction)),
                .init("eta_seconds", progress.secondsLeft.map { .number($0) } ?? .null),
                .init("rows_per_second", progress.rowsPerSecond.map { .number($0) } ?? .null),
                .init("partitions", partitions.wire), .init("skipped", .integer(Int64(skipped))),
                .init("rows_expected", JSONValue(rowsExpected)),
                .init("rows_written", .integer(Int64(rows.inserted + rows.updated + rows.deleted))),
            ] + rows.wire + [
                .init("reconciliation", reconciliation?.json ?? .null),
                .init("warnings", .array(warnings.map(\.wire))),
                .init("published_at", JSONValue(publishedAt?.rfc3339)), .init("created_at", .string(createdAt.rfc3339)),
                .init("started_at", JSONValue(startedAt?.rfc3339)),
                .init("finished_at", JSONValue(finishedAt?.rfc3339)),
                .init("duration_seconds", JSONValue(from: startedAt, to: finishedAt)),
                .init("error", error?.wire ?? .null),
            ])
    }

    /// How far the backfill has come, as its stream tells it between the events of the log; members as in `wire`.
    func progressWire(rowsInHand: Int) -> JSONValue {
        let whole = wire(rowsInHand: rowsInHand)
        let keys = ["state", "progress", "eta_seconds", "rows_per_second", "rows_read", "partitions"]
        return .object([.init("backfill", .string(id))] + keys.map { .init($0, whole[$0] ?? .null) })
    }

    /// What is reloaded.
    fileprivate var place: [JSONValue.Member] {
        [
            .init("start", range.start.json), .init("end", range.end.json), .init("interval", scheme.interval.json),
            .init("column", .string(scheme.column)), .init("format", JSONValue(scheme.format?.rawValue)),
            .init("timezone", scheme.interval.isTime ? .string(scheme.timezone) : .null),
            .init(
                "destination",
                .object(["connection": .string(destination.connection), "table": .string(destination.table)])),
        ]
    }

    /// What was asked for beside the range, as it could be asked for again.
    private var asked: [JSONValue.Member] {
        [
            .init("parallelism", .integer(Int64(options.parallelism))), .init("order", .string(options.order.rawValue)),
            .init("mode", .string(options.mode.rawValue)), .init("auto_publish", .bool(options.autoPublish)),
            .init("reprocess", .string(options.reprocess.rawValue)),
            .init("max_partitions", .integer(Int64(options.maxPartitions))),
            .init("max_rows_per_partition", JSONValue(options.maxRowsPerPartition)),
            .init("allow_shrink", .bool(options.allowShrink)), .init("reason", .string(options.reason)),
        ]
    }

    /// Where the backfill is found.
    var location: (name: String, value: String) { ("Location", "/v1/backfills/\(id)") }
}

extension PartitionCounts {
    /// The partitions by state.
    fileprivate var wire: JSONValue {
        .object([
            "total": .integer(Int64(total)), "pending": .integer(Int64(pending)), "running": .integer(Int64(running)),
            "success": .integer(Int64(success)), "failed": .integer(Int64(failed)),
            "cancelled": .integer(Int64(cancelled)),
        ])
    }
}

extension Partition {
    /// The partition as answers show it; before it has done anything its counts are 0.
    var wire: JSONValue {
        .object(
            [
                .init("number", .integer(Int64(number))), .init("start", range.start.json),
                .init("end", range.end.json),
                .init("state", .string(state.rawValue)), .init("attempt", .integer(Int64(attempt))),
                .init("rows_expected", JSONValue(rowsExpected)),
            ] + (result?.rows ?? RowCounts()).wire + [
                .init("started_at", JSONValue(startedAt?.rfc3339)),
                .init("finished_at", JSONValue(finishedAt?.rfc3339)),
                .init("duration_seconds", JSONValue(from: startedAt, to: finishedAt)),
                .init("reconciliation", result?.reconciliation?.json ?? .null),
                .init("warnings", .array((result?.warnings ?? []).map(\.wire))), .init("error", error?.wire ?? .null),
            ])
    }
}

extension BackfillPreview {
    /// What a backfill would do, as the dry run answers it.
    var wire: JSONValue {
        .object(
            [
                .init("dry_run", true), .init("pipeline", .string(backfill.pipeline)),
                .init("step", .string(backfill.step)),
            ] + backfill.place + [
                .init("partition_count", .integer(Int64(partitions.count))),
                .init("skipped", .integer(Int64(backfill.skipped))),
                .init("first", partitions.first.map { shown($0) } ?? .null),
                .init("last", partitions.last.map { shown($0) } ?? .null),
                .init("partitions", .array(partitions.prefix(Limits.partitionsShown).map { shown($0) })),
                .init("rows_expected", .integer(Int64(estimates.total.sourceRows))),
                .init("destination_rows", .integer(Int64(estimates.total.destinationRows))),
                .init("bytes_expected", estimates.bytes.map { .integer(Int64($0)) } ?? .null),
                .init("undo", kept?.wire ?? .null),
                .init("seconds_expected", seconds.map { .number($0) } ?? .null),
                .init("seconds_basis", .string(basis)), .init("unplaced", estimates.unplaced.json),
                .init("statements", .array(estimates.statements.map(JSONValue.string))),
                .init("full_scans", .array(estimates.fullScans.map(JSONValue.string))),
                .init("source_indexes", .array(estimates.sourceIndexes.map(JSONValue.string))),
                .init("destination_indexes", .array(estimates.destinationIndexes.map(JSONValue.string))),
                .init("held_back", .array(heldBack.map(JSONValue.string))),
                .init("warnings", .array(estimates.warnings.map(\.wire))),
            ])
    }

    private func shown(_ partition: (range: PartitionRange, rows: PartitionEstimate)) -> JSONValue {
        let bytes = estimates.bytesPerRow.map { JSONValue.integer(Int64($0 * Double(partition.rows.sourceRows))) }
        return .object([
            "start": partition.range.start.json, "end": partition.range.end.json,
            "rows_expected": .integer(Int64(partition.rows.sourceRows)),
            "destination_rows": .integer(Int64(partition.rows.destinationRows)), "bytes_expected": bytes ?? .null,
        ])
    }
}

extension UndoPolicy.Kept {
    /// What is kept for a rollback as the dry run answers it.
    fileprivate var wire: JSONValue {
        .object([
            "keep": .string(DurationText.format(time)), "rows": .integer(Int64(rows)), "bytes": JSONValue(bytes),
        ])
    }
}
