public import Platform

extension LoadEngine {
    /// How a pipeline stands at `now`; nil when there is none of that name. From memory: may be called on any thread.
    public func freshness(of pipeline: String, at now: Timestamp) -> FreshnessStanding? {
        freshness.board.standing(of: pipeline, at: now)
    }

    /// How all pipelines stand at `now`. From memory: may be called on any thread.
    public func freshness(at now: Timestamp) -> FreshnessSnapshot { freshness.board.snapshot(at: now) }
}
