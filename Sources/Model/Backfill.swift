public import Platform

/// A request to reload a range of event time, partition by partition.
///
/// Its partitions are fixed when it is made. It never moves a watermark, and it says nothing of freshness.
public struct Backfill: Sendable, Equatable, Identifiable {
    /// The sortable identifier.
    public var id: String
    /// The pipeline's name.
    public var pipeline: String
    /// The step's name.
    public var step: String
    /// The table that the step wrote when it was made: its partitions go there, or nowhere.
    public var destination: LoadStep.Destination
    /// The file in which that table was then; nil where an older program has not noted it.
    public var destinationFile: FileMark?
    /// Where it stands.
    public var state: BackfillState
    /// What its partitions are slices of, as it was when it was made.
    public var scheme: PartitionScheme
    /// The first place that is reloaded and the first that is not.
    public var range: PartitionRange
    /// What was asked for.
    public var options: BackfillOptions
    /// How many partitions are in each state.
    public var partitions: PartitionCounts
    /// Partitions of the range that were left out, because earlier backfills had loaded them.
    public var skipped: Int
    /// What its partitions have done to the rows so far.
    public var rows: RowCounts
    /// The rows that it expects to read in all; nil when nobody counted them.
    public var rowsExpected: Int?
    /// Those that were expected of the partitions that have succeeded or failed.
    public var rowsPassed = 0
    /// How long its partitions were in hand, one added to the other.
    public var busy = Duration.zero
    /// When it was asked for.
    public var createdAt: Timestamp
    /// When its first partition started; nil before.
    public var startedAt: Timestamp?
    /// When it ended; nil before.
    public var finishedAt: Timestamp?
    /// Why it failed, or could not be published; nil otherwise.
    public var error: Failure?
    /// How what its partitions have staged compares with the source, all of them together; nil before one has.
    public var reconciliation: BackfillReconciliation?
    /// When what it staged was published; nil before.
    public var publishedAt: Timestamp?
    /// What publishing wants a person to know.
    public var warnings: [LoadWarning] = []

    /// Whether it will publish by itself what it has staged.
    public var publishesItself: Bool {
        state == .awaitingPublish && options.autoPublish && error == nil && reconciliation?.isReconciled ?? false
    }

    /// Whether nothing of it goes on until a person lets it; a partition in hand may yet come to its end.
    public var isAtRest: Bool { state == .paused || state == .awaitingPublish && !publishesItself }

    /// Whether it has come to its end, and nothing of it is in hand any more.
    public var isSettled: Bool { state.isFinal && partitions.running == 0 }

    /// Makes a backfill that waits.
    public init(
        id: String, pipeline: String, step: String, destination: LoadStep.Destination, state: BackfillState = .queued,
        scheme: PartitionScheme, range: PartitionRange, options: BackfillOptions = BackfillOptions(),
        partitions: PartitionCounts = PartitionCounts(), skipped: Int = 0, rows: RowCounts = RowCounts(),
        rowsExpected: Int? = nil, createdAt: Timestamp, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil,
        error: Failure? = nil
    ) {
        self.id = id
        self.pipeline = pipeline
        self.step = step
        self.destination = destination
        self.state = state
        self.scheme = scheme
        self.range = range
        self.options = options
        self.partitions = partitions
        self.skipped = skipped
        self.rows = rows
        self.rowsExpected = rowsExpected
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.error = error
    }
}

/// What a backfill is asked for beside its range.
public struct BackfillOptions: Sendable, Equatable {
    /// The most partitions that are in hand at once.
    public var parallelism = 1
    /// Which partitions come first.
    public var order = PartitionOrder.ascending
    /// Where the rows go.
    public var mode = BackfillMode.direct
    /// What becomes of partitions that earlier backfills have tried.
    public var reprocess = Reprocess.none
    /// The most partitions that it may have.
    public var maxPartitions = 1_000
    /// The most rows that one partition may have; nil means no bound.
    public var maxRowsPerPartition: Int?
    /// Let a partition remove more rows than `max_shrink` allows.
    public var allowShrink = false
    /// With `mode: staged`, publish without being asked to when everything reconciles.
    public var autoPublish = false
    /// Let the pipelines that run after this one wait for the end.
    public var holdDownstream = false
    /// Why, in the words of who asked for it; empty when nothing was said.
    public var reason = ""

    /// Makes the usual options.
    public init() {}
}

/// Which partitions of a backfill come first.
public enum PartitionOrder: String, Sendable, CaseIterable {
    case ascending = "asc"
    case descending = "desc"
}

/// Where the rows of a backfill go.
public enum BackfillMode: String, Sendable, CaseIterable {
    /// Into the destination, partition by partition.
    case direct
    /// Into a table beside it, until they are published together.
    case staged
}

/// What becomes of partitions that earlier backfills have tried.
public enum Reprocess: String, Sendable, CaseIterable {
    /// Only those are loaded that no backfill has tried.
    case none
    /// Those too whose last try failed or was cancelled.
    case failed
    /// All of them.
    case completed
}

/// The states of a backfill.
public enum BackfillState: String, Sendable, CaseIterable {
    case queued, running, paused
    case awaitingPublish = "awaiting_publish"
    case success, failed, cancelled
    case rolledBack = "rolled_back"

    /// Whether it loads partitions, or will.
    public var isActive: Bool { !isFinal }

    /// Whether it will not go on by itself, nor wait for somebody to let it.
    public var isFinal: Bool { [.success, .failed, .cancelled, .rolledBack].contains(self) }

    /// Whether a backfill may go from this state to `next`; the schema's CHECKs restate the states.
    public func mayBecome(_ next: BackfillState) -> Bool {
        switch (self, next) {
        case (.queued, .running), (.queued, .paused), (.queued, .cancelled), (.queued, .failed),
            (.running, .paused), (.running, .awaitingPublish), (.running, .success), (.running, .failed),
            (.running, .cancelled), (.running, .queued), (.paused, .queued), (.paused, .cancelled), (.paused, .failed),
            // All that was in hand when it was paused came to its end.
            (.paused, .awaitingPublish), (.paused, .success),
            (.awaitingPublish, .success), (.awaitingPublish, .cancelled), (.awaitingPublish, .rolledBack),
            // A retry of the partitions that failed.
            (.failed, .queued),
            (.success, .rolledBack), (.failed, .rolledBack), (.cancelled, .rolledBack):
            true
        default: false
        }
    }
}

/// One interval of a backfill's range, loaded in one transaction.
public struct Partition: Sendable, Equatable {
    /// The backfill's identifier.
    public var backfill: String
    /// Its place in the range, from 1.
    public var number: Int
    /// What it reloads.
    public var range: PartitionRange
    /// Where it stands.
    public var state: PartitionState
    /// The attempt in hand or last made, from 1; 0 before the first. It fences off attempts that were given up.
    public var attempt: Int
    /// The rows that it expects to read; nil when nobody counted them.
    public var rowsExpected: Int?
    /// What it did; nil until it succeeded.
    public var result: PartitionResult?
    /// When its last attempt started; nil before.
    public var startedAt: Timestamp?
    /// When it ended; nil before.
    public var finishedAt: Timestamp?
    /// Why it failed; nil otherwise.
    public var error: Failure?

    /// Makes a partition that waits.
    public init(
        backfill: String, number: Int, range: PartitionRange, state: PartitionState = .pending, attempt: Int = 0,
        rowsExpected: Int? = nil, result: PartitionResult? = nil, startedAt: Timestamp? = nil,
        finishedAt: Timestamp? = nil, error: Failure? = nil
    ) {
        self.backfill = backfill
        self.number = number
        self.range = range
        self.state = state
        self.attempt = attempt
        self.rowsExpected = rowsExpected
        self.result = result
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.error = error
    }
}

/// What a partition did.
public struct PartitionResult: Sendable, Equatable {
    /// What it did to the rows.
    public var rows: RowCounts
    /// What it wants a person to know.
    public var warnings: [LoadWarning]
    /// How what was staged compares with the source; nil for rows that went straight into the destination.
    public var reconciliation: Reconciliation?

    /// Makes a result.
    public init(rows: RowCounts = RowCounts(), warnings: [LoadWarning] = []) {
        self.rows = rows
        self.warnings = warnings
    }
}

/// How what the partitions of a backfill have staged compares with the source, all of them together.
public struct BackfillReconciliation: Sendable, Equatable {
    /// Partitions that came to the same as the source, and those that did not.
    public var reconciled = 0, unreconciled = 0
    /// Rows of the source in the ranges, and rows that were staged for them.
    public var sourceRows = 0, shadowRows = 0
    /// Keys of the source that were not staged, and staged ones that the source does not have.
    public var missing = 0, extra = 0

    /// Makes a comparison of no partitions.
    public init() {}

    /// Whether every partition came to the same as the source.
    public var isReconciled: Bool { unreconciled == 0 }

    /// The comparison as it is shown.
    public var json: JSONValue {
        .object([
            "reconciled": .bool(isReconciled), "partitions_reconciled": .integer(Int64(reconciled)),
            "partitions_unreconciled": .integer(Int64(unreconciled)), "source_rows": .integer(Int64(sourceRows)),
            "shadow_rows": .integer(Int64(shadowRows)), "missing": .integer(Int64(missing)),
            "extra": .integer(Int64(extra)),
        ])
    }
}

/// The states of a partition.
public enum PartitionState: String, Sendable, CaseIterable {
    case pending, running, success, failed, cancelled

    /// Whether a partition may go from this state to `next`; the schema's CHECKs restate the states.
    ///
    /// `running` goes back to `pending` when the server stops or crashes, `failed` when it is retried.
    public func mayBecome(_ next: PartitionState) -> Bool {
        switch (self, next) {
        case (.pending, .running), (.pending, .cancelled), (.running, .pending), (.running, .success),
            (.running, .failed), (.running, .cancelled), (.failed, .pending):
            true
        default: false
        }
    }
}

/// How many partitions of a backfill are in each state.
public struct PartitionCounts: Sendable, Equatable {
    /// The partitions by state.
    public var pending = 0, running = 0, success = 0, failed = 0, cancelled = 0

    /// Makes counts of nothing.
    public init() {}

    /// The sums.
    public static func + (left: PartitionCounts, right: PartitionCounts) -> PartitionCounts {
        var sum = left
        sum.pending += right.pending
        sum.running += right.running
        sum.success += right.success
        sum.failed += right.failed
        sum.cancelled += right.cancelled
        return sum
    }

    /// Those that were tried to their end.
    public var tried: Int { success + failed }

    /// All of them.
    public var total: Int { pending + running + success + failed + cancelled }
}
