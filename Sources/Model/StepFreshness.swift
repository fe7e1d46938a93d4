public import Platform

/// How fresh what a step writes is.
///
/// Nothing in it grows with time: ages are told by the instants that they are reckoned from, so it holds until
/// `changesAt`, or until the facts change.
public struct StepFreshness: Sendable, Equatable {
    /// The step's name.
    public var name: String
    /// Its kind.
    public var kind: StepKind
    /// By what its age is reckoned.
    public var basis: FreshnessBasis
    /// Its limits; nil when it has none.
    public var policy: FreshnessPolicy?
    /// How it stands.
    public var state: FreshnessState
    /// When it passed the limit that it is past; nil for none.
    public var since: Timestamp?
    /// What its age is reckoned from; nil when there is nothing to reckon from.
    public var reckonedFrom: Timestamp?
    /// The time of its deadline that its data is too old for, to come or passed; nil where it has no deadline.
    public var dueAt: Timestamp?
    /// Where its watermark is; nil when it has none, or one that is neither a time nor a number.
    public var watermarkPlace: PartitionBound.Place?
    /// How far the last audit found both sides to be the same; nil where none has.
    public var verifiedPlace: PartitionBound.Place?
    /// What is known of it.
    public var clocks: StepClocks
    /// Why it stands as it does, as a sentence without ages.
    public var reason: String
    /// When it will stand otherwise if nothing happens; nil for never.
    public var changesAt: Timestamp?

    /// The instant of its watermark; nil when it has none, or one that is no time.
    public var watermarkAt: Timestamp? { if case .time(let time)? = watermarkPlace { time } else { nil } }
}

extension StepFreshness {
    /// Judges a step at `now`, by its clocks and by what is known of its pipeline.
    public init(
        _ step: Step, _ policy: FreshnessPolicy?, _ clocks: StepClocks, in facts: FreshnessFacts, at now: Timestamp
    ) {
        name = step.name
        kind = step.kind
        self.policy = policy
        self.clocks = clocks
        let hasTime = step.load?.cursorIsTime ?? false
        basis = hasTime ? policy?.basis ?? .watermark : .lastSuccess
        if let load = step.load, let cursor = load.cursor {
            watermarkPlace = clocks.watermark.flatMap { cursor.place(of: $0, load.strategy) }
            verifiedPlace = clocks.verifiedThrough.flatMap { cursor.place(of: $0, load.strategy) }
        }
        state = .unknown
        reason = "no limits are set"
        reckonedFrom = basis == .watermark ? watermarkAt : clocks.lastSuccessAt
        guard let policy else { return }
        if basis == .watermark, reckonedFrom == nil, clocks.lastSuccessAt != nil {
            reason = FreshnessReason.noWatermark(clocks)
            return
        }
        // What was never loaded is late too some day: reckoned from when it could have been.
        judge(policy, from: reckonedFrom ?? clocks.knownSince, at: now)
        if reckonedFrom == nil, state == .fresh { state = .unknown }
        reason = FreshnessReason.of(self, in: facts)
    }

    /// A limit counts as passed from the very instant on at which the age reaches it.
    private mutating func judge(_ policy: FreshnessPolicy, from start: Timestamp, at now: Timestamp) {
        dueAt = policy.deadline?.due(data: reckonedFrom, since: clocks.knownSince)
        let limits: [(Timestamp?, FreshnessState)] = [
            (policy.warnAfter.map { start.adding($0) }, .warn), (policy.errorAfter.map { start.adding($0) }, .stale),
            (dueAt, .stale),
        ]
        state = .fresh
        for (limit, past) in limits {
            guard let instant = limit else { continue }
            if instant > now {
                changesAt = min(changesAt ?? instant, instant)
            } else {
                since = state == past ? min(since ?? instant, instant) : instant
                state = past
            }
        }
    }
}

extension LoadStep {
    /// Whether its watermark tells a time.
    public var cursorIsTime: Bool { cursor != nil && (strategy == .timestamp || cursor?.format != nil) }
}
