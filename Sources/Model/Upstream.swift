public import Platform

/// A pipeline that another runs after, with the age of its data.
public struct Upstream: Sendable, Equatable {
    /// Its name.
    public var pipeline: String
    /// How old its data is.
    public var age: DataAge

    /// Makes an upstream pipeline.
    public init(_ pipeline: String, _ age: DataAge) {
        self.pipeline = pipeline
        self.age = age
    }

    /// Why a run of `pipeline` does not start at `now`: data of those that it runs after is older than it allows; nil when
    /// none is. Not transient: no further attempt makes it younger, but the next success of the upstream pipeline, which
    /// starts another run.
    public static func stale(_ upstreams: [Upstream], for pipeline: Pipeline, at now: Timestamp) -> Failure? {
        guard let limit = pipeline.maxUpstreamAge else { return nil }
        let stale = upstreams.filter { $0.age.exceeds(limit, at: now) }
        guard !stale.isEmpty else { return nil }
        let names = stale.map(\.pipeline)
        return Failure(
            .upstreamStale,
            "\(pipeline.name) runs on data that is at most \(DurationText.format(limit)) old (max_upstream_age), but "
                + stale.map { $0.text(limit, at: now) }.joined(separator: "; "),
            hint:
                "see what keeps \(names.joined(separator: ", ")) from newer data: its next success starts this pipeline; "
                + "a run with allow_stale_upstream takes what there is")
    }

    private func text(_ limit: Duration, at now: Timestamp) -> String {
        let owner = "step \(age.step) of \(pipeline)"
        guard let since = age.since, let age = age.age(at: now) else { return "\(owner) has never succeeded" }
        let length = DurationText.format(.seconds(age.components.seconds))
        let place = self.age.basis == .watermark ? "has come to \(since.rfc3339)" : "last succeeded at \(since.rfc3339)"
        return "\(owner) \(place), \(length) ago: too old since \(since.adding(limit).rfc3339)"
    }
}
