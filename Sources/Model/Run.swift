public import Platform

/// What a load did to the rows, exactly.
///
/// `read` is the rows of the delta, one for each key; it equals inserted + updated + unchanged +
/// quarantined.
public struct RowCounts: Sendable, Equatable {
    /// Rows read from the source after duplicates were set aside.
    public var read = 0
    /// Rows that were not in the destination.
    public var inserted = 0
    /// Rows that were there with other values.
    public var updated = 0
    /// Rows that were there with the same values; they are not rewritten.
    public var unchanged = 0
    /// Rows removed from the destination.
    public var deleted = 0
    /// Rows that failed a check and were set aside.
    public var quarantined = 0

    /// Makes counts; all are zero unless said.
    public init(
        read: Int = 0, inserted: Int = 0, updated: Int = 0, unchanged: Int = 0, deleted: Int = 0, quarantined: Int = 0
    ) {
        self.read = read
        self.inserted = inserted
        self.updated = updated
        self.unchanged = unchanged
        self.deleted = deleted
        self.quarantined = quarantined
    }

    /// The sums.
    public static func + (left: RowCounts, right: RowCounts) -> RowCounts {
        RowCounts(
            read: left.read + right.read, inserted: left.inserted + right.inserted,
            updated: left.updated + right.updated, unchanged: left.unchanged + right.unchanged,
            deleted: left.deleted + right.deleted, quarantined: left.quarantined + right.quarantined)
    }
}

/// Something a run wants a person to know though it went on.
public struct LoadWarning: Sendable, Equatable {
    /// The kind, as a stable word such as `future_cursor`.
    public var code: String
    /// What was seen, with figures, and what to do.
    public var message: String

    /// Makes a warning.
    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

/// One execution of a pipeline.
public struct Run: Sendable, Equatable, Identifiable {
    /// The sortable identifier.
    public var id: String
    /// The pipeline's name.
    public var pipeline: String
    /// Where it stands.
    public var state: RunState
    /// What started it.
    public var trigger: Trigger
    /// The attempt in hand or last made, from 1; it fences off attempts that were given up.
    public var attempt: Int
    /// What the trigger asked for.
    public var options: RunOptions
    /// When it was asked for.
    public var createdAt: Timestamp
    /// When its first attempt started; nil before.
    public var startedAt: Timestamp?
    /// When it ended; nil before.
    public var finishedAt: Timestamp?
    /// When the next attempt may start, while it waits for one; nil otherwise.
    public var retryAt: Timestamp?
    /// Why it failed, or why its last attempt did; nil otherwise.
    public var error: Failure?
    /// When it was rolled back; nil when it was not.
    public var rolledBackAt: Timestamp?
    /// The run whose unsuccessful steps it repeats; nil when it repeats none.
    public var retryOf: String?
    /// The tick that it was started for, the last of several; nil when it was not started by the schedule.
    public var scheduledFor: Timestamp? = nil
    /// How many ticks it stands for; 0 when it was not started by the schedule.
    public var ticks = 0
    /// Its steps in the order they run.
    public var steps: [StepRun]

    /// Makes a run.
    public init(
        id: String, pipeline: String, state: RunState, trigger: Trigger, attempt: Int, options: RunOptions,
        createdAt: Timestamp, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, retryAt: Timestamp? = nil,
        error: Failure? = nil, steps: [StepRun]
    ) {
        self.id = id
        self.pipeline = pipeline
        self.state = state
        self.trigger = trigger
        self.attempt = attempt
        self.options = options
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.retryAt = retryAt
        self.error = error
        self.steps = steps
    }
}

/// What a trigger may ask of one run.
public struct RunOptions: Sendable, Equatable {
    /// The steps to run; empty means all.
    public var steps: [String]
    /// The step to begin with: it and all that depend on it run. Nil for those that `steps` says; where a run is made,
    /// `steps` takes its place.
    public var from: String?
    /// Rebuild the destination tables from the whole source instead of reading what is new.
    public var fullRefresh: Bool
    /// Let this run remove more rows than `max_shrink` allows.
    public var allowShrink: Bool
    /// Let this run start though data of a pipeline before it is older than `max_upstream_age` allows.
    public var allowStaleUpstream = false
    /// Whether the run goes before others; nil means as the pipeline says.
    public var priority: RunPriority?

    /// Makes options; a plain run unless said.
    public init(steps: [String] = [], fullRefresh: Bool = false, allowShrink: Bool = false) {
        self.steps = steps
        self.fullRefresh = fullRefresh
        self.allowShrink = allowShrink
    }
}

extension RunOptions {
    /// What a run asks for that nobody triggers: all that the pipeline says.
    public init(of pipeline: Pipeline) {
        self.init()
        priority = pipeline.priority
    }
}

/// One execution of a step.
public struct StepRun: Sendable, Equatable {
    /// The step's name.
    public var name: String
    /// Where it stands.
    public var state: StepRunState
    /// The step's strategy when the run was made; nil for a step that runs statements.
    public var strategy: Strategy?
    /// When its last attempt started; nil before.
    public var startedAt: Timestamp?
    /// When it ended; nil before.
    public var finishedAt: Timestamp?
    /// What it did; nil until it ended well, or failed at a commit that it had begun.
    public var result: LoadResult?
    /// Why it failed; nil otherwise.
    public var error: Failure?

    /// Makes a step run that is `pending` unless said.
    public init(
        name: String, state: StepRunState = .pending, strategy: Strategy?, startedAt: Timestamp? = nil,
        finishedAt: Timestamp? = nil, result: LoadResult? = nil, error: Failure? = nil
    ) {
        self.name = name
        self.state = state
        self.strategy = strategy
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.result = result
        self.error = error
    }

    /// Makes the step run of a step that was not begun yet.
    public init(of step: Step) {
        switch step.work {
        case .load(let load): self.init(name: load.name, strategy: load.strategy)
        case .sql(let sql): self.init(name: sql.name, strategy: nil)
        }
    }

    /// The step's kind.
    public var kind: StepKind { strategy == nil ? .sql : .load }
}

/// What a load of one step did, over all its commits.
public struct LoadResult: Sendable, Equatable {
    /// The rows, counted exactly.
    public var counts: RowCounts
    /// The watermark before its first commit; nil when there was none.
    public var watermarkBefore: CursorValue?
    /// The watermark after its last commit; nil when there is none.
    public var watermarkAfter: CursorValue?
    /// The key of a row at `watermarkAfter`, the greatest among those that share it; empty when unknown.
    public var watermarkKey: [CursorValue]
    /// How many transactions of the destination it took.
    public var commits: Int
    /// What a person should know.
    public var warnings: [LoadWarning]
    /// The window it read, in words, such as `updated_at in ["2024-01-01", "2024-02-01"]`.
    public var window: String
    /// What it read, ran and took; nil where that is not known, as in lists of runs.
    public var manifest: LoadManifest?
    /// What became of its checks; of a load that failed, those that were made.
    public var checks: [CheckResult] = []

    /// Makes a result.
    public init(
        counts: RowCounts = RowCounts(), watermarkBefore: CursorValue? = nil, watermarkAfter: CursorValue? = nil,
        watermarkKey: [CursorValue] = [], commits: Int = 0, warnings: [LoadWarning] = [], window: String = ""
    ) {
        self.counts = counts
        self.watermarkBefore = watermarkBefore
        self.watermarkAfter = watermarkAfter
        self.watermarkKey = watermarkKey
        self.commits = commits
        self.warnings = warnings
        self.window = window
    }
}
