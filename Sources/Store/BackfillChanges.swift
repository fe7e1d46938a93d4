public import Model
public import Platform
internal import SQLite

/// What a backfill gives to one that asks for a partition to load.
public enum PartitionClaim: Sendable, Equatable {
    /// A partition, which is in hand from now on; with how often it was begun since a person last asked for it.
    case claimed(Partition, tries: Int)
    /// Nothing before that time: the partitions that are left wait for another attempt.
    case notBefore(Timestamp)
    /// Nothing: the backfill does not run, as many are in hand as may be, or none is left.
    case nothing
}

/// What becomes of a partition in hand.
public enum PartitionEnd: Sendable, Equatable {
    /// Its rows are committed in the destination.
    case success(PartitionResult)
    /// It will not be tried again unless a person asks for it.
    case failed(Failure)
    /// It waits for another attempt, until a time if one is given.
    case again(Failure?, notBefore: Timestamp?)
    /// It was told to end, and has committed nothing.
    case cancelled
}

extension Transaction {
    /// Stores a new backfill with the partitions that it is to load, in the order of their range; the pipeline must be
    /// stored. `rows` are those that each expects; empty where nobody counted them.
    ///
    /// Refused as `inUse`, with its name, while another backfill of the step has places in common with it, and as
    /// `queueFull` while `Limits.activeBackfills` are not at their end. The oldest finished ones beyond
    /// `Limits.finishedBackfills` go.
    public func insertBackfill(
        _ backfill: Backfill, _ partitions: [PartitionRange], rows: [Int] = []
    ) throws(StoreError) {
        let operation = "store the backfill"
        guard try pipeline(backfill.pipeline) != nil else {
            throw StoreError(.unknownPipeline, operation, "there is no pipeline \(backfill.pipeline)")
        }
        if let other = try activeBackfill(overlapping: backfill) {
            throw StoreError(
                .inUse, operation,
                "the backfill \(other.id) of \(other.pipeline)/\(other.step) over \(other.range.text) is "
                    + "\(other.state.rawValue), and has places in common with \(backfill.range.text)",
                hint: "wait for its end or cancel it, or ask for another range")
        }
        if backfill.options.mode == .staged, let other = try stagedBackfill(of: backfill.destination) {
            throw StoreError(
                .inUse, operation,
                "the staged backfill \(other.id) of \(other.pipeline)/\(other.step) is \(other.state.rawValue), and stages for "
                    + "the same table", hint: "publish it, cancel it or wait for its end")
        }
        let active = try first(
            operation,
            "SELECT count(*) AS n FROM backfills WHERE state IN ('queued', 'running', 'paused', 'awaiting_publish')"
        ) { row throws(SQLiteError) in try row.int("n") }
        guard active ?? 0 < Limits.activeBackfills else {
            throw StoreError(
                .queueFull, operation, "\(Limits.activeBackfills) backfills are not at their end",
                hint: "wait until some have ended, or cancel some")
        }
        changedBackfills.insert(backfill.id)
        try insert(backfill, partitions.count, rows.isEmpty ? nil : rows.reduce(0, +), operation)
        for (place, range) in partitions.enumerated() {
            try run(
                operation,
                """
                INSERT INTO backfill_partitions (backfill, number, state, range_start, range_end, start_text, end_text,
                    rows_expected) VALUES (?, ?, 'pending', ?, ?, ?, ?, ?)
                """,
                [
                    .text(backfill.id), Value(place + 1), .integer(range.start.place.ordinal),
                    .integer(range.end.place.ordinal), .text(range.start.text), .text(range.end.text),
                    Value(place < rows.count ? rows[place] : nil),
                ])
        }
        try trimBackfills()
    }

    private func insert(
        _ backfill: Backfill, _ partitions: Int, _ rows: Int?, _ operation: String
    ) throws(StoreError) {
        let (scheme, options, range) = (backfill.scheme, backfill.options, backfill.range)
        try run(
            operation,
            """
            INSERT INTO backfills (id, pipeline, step, destination, destination_table, state, partition_column,
                partition_format, partition_interval, timezone, is_time, range_start, range_end, start_text, end_text,
                parallelism, partition_order, mode, reprocess, max_partitions, max_rows_per_partition, allow_shrink,
                auto_publish, hold_downstream, reason, skipped, pending, rows_expected, created_at, destination_path,
                destination_identity)
            VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(backfill.id), .text(backfill.pipeline), .text(backfill.step),
                .text(backfill.destination.connection), .text(backfill.destination.table), .text(scheme.column),
                Value(scheme.format?.rawValue), .text(scheme.interval.json.text()), .text(scheme.timezone),
                Value(scheme.interval.isTime), .integer(range.start.place.ordinal), .integer(range.end.place.ordinal),
                .text(range.start.text), .text(range.end.text), Value(options.parallelism),
                .text(options.order.rawValue), .text(options.mode.rawValue), .text(options.reprocess.rawValue),
                Value(options.maxPartitions), Value(options.maxRowsPerPartition), Value(options.allowShrink),
                Value(options.autoPublish), Value(options.holdDownstream), .text(options.reason),
                Value(backfill.skipped), Value(partitions), Value(rows), Value(backfill.createdAt),
                Value(backfill.destinationFile?.path), Value(backfill.destinationFile?.identity),
            ])
    }

    /// Moves a backfill to another state, as its transition table allows; answers the backfill as it is then.
    ///
    /// `cancelled`, and `failed` with a reason of its own, cancel the partitions that wait; those in hand are told by
    /// their worker. `queued` after `failed` lets the failed partitions wait again, and those alone.
    @discardableResult
    public func changeBackfill(
        _ id: String, to state: BackfillState, error: Failure? = nil
    ) throws(StoreError) -> Backfill {
        let operation = "change the backfill"
        let backfill = try storedBackfill(id, operation)
        guard backfill.state.mayBecome(state) else {
            throw StoreError(
                .illegalTransition, operation,
                "the backfill \(id) is \(backfill.state.rawValue) and cannot become \(state.rawValue)")
        }
        if backfill.state == .failed, state == .queued {
            try run(
                operation,
                """
                UPDATE backfill_partitions INDEXED BY backfill_partitions_by_state
                SET state = 'pending', tries = 0, finished_at = NULL, error = NULL
                WHERE backfill = ? AND state = 'failed'
                """, [.text(id)])
        }
        if state == .cancelled || state == .failed {
            try run(
                operation,
                """
                UPDATE backfill_partitions SET state = 'cancelled', finished_at = ?, retry_at = NULL
                WHERE backfill = ? AND state = 'pending'
                """, [Value(now), .text(id)])
        }
        changedBackfills.insert(id)
        // The clock may have gone back since it started.
        let end = state.isFinal ? backfill.finishedAt ?? max(now, backfill.startedAt ?? now) : nil
        try run(
            operation, "UPDATE backfills SET state = ?2, started_at = ?3, finished_at = ?4, error = ?5 WHERE id = ?1",
            [
                .text(id), .text(state.rawValue),
                Value(backfill.startedAt ?? (state == .running ? now : nil)), Value(end), Value(error?.stored),
            ])
        return try storedBackfill(id, operation)
    }

    /// Takes the next partition of a backfill in hand; the first one makes a queued backfill run.
    ///
    /// The update itself asks whether the backfill runs: from the moment at which it does not, no partition starts.
    public func claimPartition(of id: String) throws(StoreError) -> PartitionClaim {
        let operation = "take a partition in hand"
        let backfill = try storedBackfill(id, operation)
        // A time that lies further ahead than any wait is one from before the clock was set back.
        let farthest = now.adding(Limits.longestBackoff)
        let number = try first(
            operation,
            """
            SELECT number FROM backfill_partitions INDEXED BY backfill_partitions_by_state
            WHERE backfill = ? AND state = 'pending'
                AND (retry_at IS NULL OR retry_at <= ? OR retry_at > ?)
            ORDER BY number \(backfill.options.order == .ascending ? "ASC" : "DESC") LIMIT 1
            """, [.text(id), Value(now), Value(farthest)]
        ) { row throws(SQLiteError) in Int(try row.int("number")) }
        guard let number else { return try waits(backfill, operation) }
        let count = try run(
            operation,
            """
            UPDATE backfill_partitions SET state = 'running', attempt = attempt + 1, tries = tries + 1, started_at = ?3,
                finished_at = NULL, retry_at = NULL, error = NULL
            WHERE backfill = ?1 AND number = ?2 AND state = 'pending' AND EXISTS (
                SELECT 1 FROM backfills WHERE id = ?1 AND state IN ('queued', 'running') AND running < parallelism)
            """, [.text(id), Value(number), Value(now)])
        guard count == 1, let partition = try partition(number, of: id) else { return .nothing }
        changedBackfills.insert(id)
        if backfill.state == .queued { try changeBackfill(id, to: .running) }
        let tries = try first(
            operation, "SELECT tries FROM backfill_partitions WHERE backfill = ? AND number = ?",
            [.text(id), Value(number)]
        ) { row throws(SQLiteError) in Int(try row.int("tries")) }
        return .claimed(partition, tries: tries ?? 1)
    }

    private func waits(_ backfill: Backfill, _ operation: String) throws(StoreError) -> PartitionClaim {
        guard backfill.state == .queued || backfill.state == .running, backfill.partitions.pending > 0 else {
            return .nothing
        }
        let soonest = try first(
            operation,
            """
            SELECT min(retry_at) AS time FROM backfill_partitions INDEXED BY backfill_partitions_by_state
            WHERE backfill = ? AND state = 'pending'
            """, [.text(backfill.id)]
        ) { row throws(SQLiteError) in try row.optionalTimestamp("time") }
        return (soonest ?? nil).map { .notBefore($0) } ?? .nothing
    }

    /// Ends the attempt of a partition in hand, and the backfill with its last one; answers both as they are then.
    ///
    /// Refused as `fenced` for another attempt than the one in hand. Of a backfill that was cancelled, or has failed
    /// as a whole, what was not committed becomes `cancelled`.
    @discardableResult
    public func endPartition(
        _ number: Int, of id: String, attempt: Int, _ end: PartitionEnd
    ) throws(StoreError) -> (partition: Partition, backfill: Backfill) {
        let operation = "end a partition"
        let backfill = try storedBackfill(id, operation)
        guard let partition = try partition(number, of: id) else {
            throw StoreError(.unknownRun, operation, "the backfill \(id) has no partition \(number)")
        }
        guard partition.attempt == attempt, partition.state == .running else {
            throw StoreError(
                .fenced, operation,
                "attempt \(attempt) of partition \(number) of the backfill \(id) was given up; it is "
                    + "\(partition.state.rawValue), attempt \(partition.attempt)")
        }
        changedBackfills.insert(id)
        try store(end, of: partition, isOver: backfill.state.isFinal, operation)
        let left = try settle(try storedBackfill(id, operation))
        guard let ended = try self.partition(number, of: id) else {
            throw StoreError(.internalError, operation, "partition \(number) of the backfill \(id) is gone")
        }
        return (ended, left)
    }

    private func store(
        _ end: PartitionEnd, of partition: Partition, isOver: Bool, _ operation: String
    ) throws(StoreError) {
        var state = PartitionState.cancelled
        var (result, error, retryAt): (PartitionResult?, Failure?, Timestamp?)
        switch end {
        case .success(let done): (state, result) = (.success, done)
        case .failed(let failure) where !isOver: (state, error) = (.failed, failure)
        case .again(let failure, let time) where !isOver: (state, error, retryAt) = (.pending, failure, time)
        case .failed(let failure): error = failure
        case .again(let failure, _): error = failure
        case .cancelled: break
        }
        // The clock may have gone back since it started.
        let finished = state == .pending ? nil : max(now, partition.startedAt ?? now)
        let rows = result?.rows
        try run(
            operation,
            """
            UPDATE backfill_partitions SET state = ?3, finished_at = ?4, retry_at = ?5, error = ?6, rows_read = ?7,
                rows_inserted = ?8, rows_updated = ?9, rows_unchanged = ?10, rows_deleted = ?11, rows_quarantined = ?12,
                warnings = ?13, reconciliation = ?14
            WHERE backfill = ?1 AND number = ?2
            """,
            [
                .text(partition.backfill), Value(partition.number), .text(state.rawValue), Value(finished),
                Value(retryAt), Value(error?.stored), Value(rows?.read), Value(rows?.inserted), Value(rows?.updated),
                Value(rows?.unchanged), Value(rows?.deleted), Value(rows?.quarantined),
                Value(result?.warnings.stored), Value(result?.reconciliation?.json.text()),
            ])
        guard let found = result?.reconciliation else { return }
        try run(
            operation,
            """
            UPDATE backfills SET reconciled = reconciled + ?2, unreconciled = unreconciled + ?3,
                source_rows = source_rows + ?4, shadow_rows = shadow_rows + ?5, keys_missing = keys_missing + ?6,
                keys_extra = keys_extra + ?7 WHERE id = ?1
            """,
            [
                .text(partition.backfill), Value(found.isReconciled ? 1 : 0), Value(found.isReconciled ? 0 : 1),
                Value(found.sourceRows), Value(found.shadowRows), Value(found.missing), Value(found.extra),
            ])
    }

    /// Records what publishing a backfill did, which is its end; one that was cancelled or rolled back meanwhile stays so.
    public func recordPublish(_ id: String, _ result: PartitionResult) throws(StoreError) -> Backfill {
        let operation = "record the publishing of a backfill"
        let backfill = try storedBackfill(id, operation)
        guard backfill.publishedAt == nil else { return backfill }
        let rows = result.rows
        try run(
            operation,
            """
            UPDATE backfills SET rows_inserted = rows_inserted + ?2, rows_updated = rows_updated + ?3,
                rows_unchanged = rows_unchanged + ?4, rows_deleted = rows_deleted + ?5,
                rows_quarantined = rows_quarantined + ?6, published_at = ?7, publish_warnings = ?8 WHERE id = ?1
            """,
            [
                .text(id), Value(rows.inserted), Value(rows.updated), Value(rows.unchanged), Value(rows.deleted),
                Value(rows.quarantined), Value(now), Value(result.warnings.stored),
            ])
        return backfill.state == .awaitingPublish
            ? try changeBackfill(id, to: .success) : try storedBackfill(id, operation)
    }

    /// Notes why what a backfill has staged could not be published by itself: it waits for a person then.
    public func noteFailedPublish(_ id: String, _ failure: Failure) throws(StoreError) -> Backfill {
        let operation = "note a failed publishing of a backfill"
        try run(
            operation, "UPDATE backfills SET error = ? WHERE id = ? AND state = 'awaiting_publish'",
            [.text(failure.stored), .text(id)])
        return try storedBackfill(id, operation)
    }

    /// Notes that of a cancelled backfill nothing staged is left in the destination.
    public func noteDiscarded(_ id: String) throws(StoreError) {
        try run(
            "note that staged rows were thrown away", "UPDATE backfills SET discarded_at = ? WHERE id = ?",
            [Value(now), .text(id)])
    }

    /// The backfill that stages rows for a table, and is not at its end; nil when there is none.
    private func stagedBackfill(of destination: LoadStep.Destination) throws(StoreError) -> Backfill? {
        let operation = "look for a staged backfill of the table"
        let id = try first(
            operation,
            """
            SELECT id FROM backfills WHERE state IN ('queued', 'running', 'paused', 'awaiting_publish')
                AND mode = 'staged' AND destination = ? AND destination_table = ? COLLATE NOCASE ORDER BY id LIMIT 1
            """, [.text(destination.connection), .text(destination.table)]
        ) { row throws(SQLiteError) in try row.text("id") }
        guard let id else { return nil }
        return try backfill(id)
    }

    /// Ends a backfill when all its partitions have ended.
    private func settle(_ backfill: Backfill) throws(StoreError) -> Backfill {
        let counts = backfill.partitions
        guard backfill.state.isActive, backfill.state != .awaitingPublish, counts.pending == 0, counts.running == 0
        else { return backfill }
        // It was paused and resumed while its last partition was in hand.
        if backfill.state == .queued { try changeBackfill(backfill.id, to: .running) }
        guard counts.failed > 0 || counts.cancelled > 0 else {
            return try changeBackfill(
                backfill.id, to: backfill.options.mode == .staged ? .awaitingPublish : .success)
        }
        // It had failed as a whole before they began; the retry took what had failed by itself.
        guard counts.failed > 0 else {
            return try changeBackfill(backfill.id, to: .failed, error: .partitionsLeft(of: backfill))
        }
        let reasons = try partitionFailures(of: backfill.id).map { ($0.failure, $0.first, $0.count) }
        return try changeBackfill(backfill.id, to: .failed, error: .partitionsFailed(reasons, of: backfill))
    }

    /// Removes the oldest finished backfills above the bounds, with their partitions.
    func trimBackfills(
        to bound: Int = Limits.finishedBackfills, partitions: Int = Limits.finishedPartitions
    ) throws(StoreError) {
        try run(
            "trim the backfills",
            """
            DELETE FROM backfills WHERE id IN (
                SELECT id FROM (
                    SELECT id, row_number() OVER newest AS place,
                        sum(pending + success + failed + cancelled) OVER newest AS partitions
                    FROM backfills
                    WHERE state IN ('success', 'failed', 'cancelled', 'rolled_back') AND running = 0
                    WINDOW newest AS (ORDER BY id DESC))
                WHERE place > ? OR partitions > ?)
            """, [Value(bound), Value(partitions)])
    }

    private func storedBackfill(_ id: String, _ operation: String) throws(StoreError) -> Backfill {
        guard let backfill = try backfill(id) else {
            throw StoreError(.unknownRun, operation, "there is no backfill \(id)")
        }
        return backfill
    }
}

extension Failure {
    /// Why a backfill is no success though none of its partitions failed any more.
    fileprivate static func partitionsLeft(of backfill: Backfill) -> Failure {
        let (left, total) = (backfill.partitions.cancelled, backfill.partitions.total)
        return Failure(
            .cancelled,
            "\(left) of \(total) partitions \(left == 1 ? "was" : "were") cancelled before, and never loaded",
            hint: "ask for another backfill of the range: it loads what was not")
    }

    /// Why a backfill failed whose partitions did, for `reasons` with the first partition and the count of each.
    static func partitionsFailed(
        _ reasons: [(failure: Failure, first: Partition, count: Int)], of backfill: Backfill
    ) -> Failure {
        let (failed, total) = (backfill.partitions.failed, backfill.partitions.total)
        let texts = reasons.map { reason in
            "partition \(reason.first.number) \(reason.first.range.text)"
                + (reason.count > 1 ? " and \(reason.count - 1) more" : "") + ": \(reason.failure.message)"
        }
        let shown = reasons.reduce(0) { $0 + $1.count }
        let rest = failed > shown ? ["and \(failed - shown) for other reasons"] : []
        let cause = reasons.first?.failure
        let retry = "retry loads the failed partitions again: POST /v1/backfills/\(backfill.id)/retry"
        return Failure(
            cause?.code ?? .internalError,
            "\(failed) of \(total) partition\(total == 1 ? "" : "s") failed; " + (texts + rest).joined(separator: "; "),
            hint: [cause?.hint ?? "", retry].filter { !$0.isEmpty }.joined(separator: "; then "))
    }
}
