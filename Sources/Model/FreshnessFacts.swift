public import Platform

/// What is known of a pipeline that its freshness is judged by; nothing of it changes by the clock alone.
public struct FreshnessFacts: Sendable, Equatable {
    /// What is known of its steps, by their names.
    public var steps: [String: StepClocks]
    /// The newest run; nil when there was none.
    public var lastRun: LastRun?
    /// Whether it has a schedule.
    public var isScheduled: Bool
    /// Whether that is held, by whomever.
    public var isPaused: Bool
    /// When somebody asked for that; nil where the document holds it.
    public var pausedAt: Timestamp?

    /// Makes facts of a pipeline that never ran.
    public init(
        steps: [String: StepClocks] = [:], lastRun: LastRun? = nil, isScheduled: Bool = false, isPaused: Bool = false,
        pausedAt: Timestamp? = nil
    ) {
        self.steps = steps
        self.lastRun = lastRun
        self.isScheduled = isScheduled
        self.isPaused = isPaused
        self.pausedAt = pausedAt
    }

    /// The newest run, as far as it says why a table is late.
    public struct LastRun: Sendable, Equatable {
        /// Where it stands.
        public var state: RunState
        /// When it was asked for.
        public var createdAt: Timestamp
        /// When its first attempt began; nil before.
        public var startedAt: Timestamp?
        /// When it ended; nil before.
        public var finishedAt: Timestamp?
        /// Why it, or its last attempt, failed; nil otherwise.
        public var error: String?

        /// Makes what is known of a run.
        public init(
            state: RunState, createdAt: Timestamp, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil,
            error: String? = nil
        ) {
            self.state = state
            self.createdAt = createdAt
            self.startedAt = startedAt
            self.finishedAt = finishedAt
            self.error = error
        }
    }
}

/// When what happened to a step last, in runs of its pipeline: backfills and audits move none of these.
public struct StepClocks: Sendable, Equatable {
    /// When its pipeline came to have it, or it to write where it does.
    public var knownSince: Timestamp
    /// When it was begun last; nil when it never was.
    public var lastAttemptAt: Timestamp?
    /// When the whole of it was last committed, also with nothing new; nil when it never was, or was rolled back.
    public var lastSuccessAt: Timestamp?
    /// When that last changed rows; nil when it never did.
    public var lastChangeAt: Timestamp?
    /// Its watermark; nil when it has none.
    public var watermark: CursorValue?
    /// How far the last audit found both sides to be the same; nil where none has.
    public var verifiedThrough: CursorValue? = nil

    /// Makes the clocks of a step that was never begun.
    public init(
        knownSince: Timestamp, lastAttemptAt: Timestamp? = nil, lastSuccessAt: Timestamp? = nil,
        lastChangeAt: Timestamp? = nil, watermark: CursorValue? = nil
    ) {
        self.knownSince = knownSince
        self.lastAttemptAt = lastAttemptAt
        self.lastSuccessAt = lastSuccessAt
        self.lastChangeAt = lastChangeAt
        self.watermark = watermark
    }
}
