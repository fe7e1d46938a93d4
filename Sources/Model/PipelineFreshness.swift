public import Platform

/// How fresh a pipeline is: as its worst step.
public struct PipelineFreshness: Sendable, Equatable {
    /// The pipeline's name.
    public var name: String
    /// Its steps, in the document's order; never empty.
    public var steps: [StepFreshness]
    /// The place of the step that decides.
    public var deciding: Int
    /// The newest run's state; nil when there was none.
    public var lastRunState: RunState?
    /// When it will stand otherwise if nothing happens; nil for never.
    public var changesAt: Timestamp?

    /// Judges a pipeline at `now`; nil for one without steps.
    public init?(_ pipeline: Pipeline, _ facts: FreshnessFacts, at now: Timestamp) {
        name = pipeline.name
        let steps = pipeline.steps.map { step in
            StepFreshness(
                step, step.freshness ?? pipeline.freshness,
                // A step is known from the transaction on that stores it.
                facts.steps[step.name] ?? StepClocks(knownSince: now), in: facts, at: now)
        }
        guard let worst = steps.indices.max(by: { steps[$1].decides(over: steps[$0]) }) else { return nil }
        self.steps = steps
        deciding = worst
        lastRunState = facts.lastRun?.state
        changesAt = steps.compactMap(\.changesAt).min()
    }

    /// Whether any of its steps has limits.
    public var hasLimits: Bool { steps.contains { $0.policy != nil } }
    /// The step that decides.
    public var worst: StepFreshness { steps[deciding] }
    /// How it stands.
    public var state: FreshnessState { worst.state }
    /// Why, with the step's name where there are several.
    public var reason: String { steps.count == 1 || !hasLimits ? worst.reason : "step \(worst.name): \(worst.reason)" }

    /// The load whose watermark is furthest behind; nil when no watermark tells a time.
    public var furthestBehind: StepFreshness? {
        let behind = steps.compactMap { step in step.watermarkAt.map { (step: step, at: $0) } }
        return behind.min { $0.at < $1.at }?.step
    }

    /// Since when every step has succeeded: the oldest of their last successes; nil while one never has.
    public var lastSuccessAt: Timestamp? {
        let all = steps.compactMap(\.clocks.lastSuccessAt)
        return all.count == steps.count ? all.min() : nil
    }

    /// When a load last changed rows; nil when none did.
    public var lastChangeAt: Timestamp? { steps.compactMap(\.clocks.lastChangeAt).max() }
    /// When a step was begun last; nil when none was.
    public var lastAttemptAt: Timestamp? { steps.compactMap(\.clocks.lastAttemptAt).max() }
}

extension StepFreshness {
    /// Whether this one decides over another of its pipeline: the one with limits, then the worse one, then the one that passed, or
    /// will pass, a limit first.
    fileprivate func decides(over other: StepFreshness) -> Bool {
        if (policy != nil) != (other.policy != nil) { return policy != nil }
        if state != other.state { return state.severity > other.state.severity }
        switch (since ?? changesAt, other.since ?? other.changesAt) {
        case (let own?, let theirs?): return own < theirs
        case (let own, let theirs): return own != nil && theirs == nil
        }
    }
}
