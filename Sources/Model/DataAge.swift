public import Platform

/// How old the data is that steps have loaded, as an instant: the clock alone makes it older.
public struct DataAge: Sendable, Equatable {
    /// The step that decides.
    public var step: String
    /// What its age is reckoned from.
    public var basis: FreshnessBasis
    /// The instant up to which the data is there; nil where the step has never succeeded.
    public var since: Timestamp?

    /// Makes an age.
    public init(step: String, basis: FreshnessBasis, since: Timestamp?) {
        self.step = step
        self.basis = basis
        self.since = since
    }

    /// The age of what a step has loaded. One that has a time for a cursor, and has found no row yet, is as old as its last
    /// success.
    public init(of step: Step, watermark: CursorValue?, lastSuccess: Timestamp?) {
        self.init(step: step.name, basis: .lastSuccess, since: lastSuccess)
        guard let load = step.load, let watermark,
            case .time(let time)? = load.cursor?.place(of: watermark, load.strategy)
        else { return }
        (basis, since) = (.watermark, time)
    }

    /// The age of what a pipeline has loaded: that of the step which is furthest behind. Nil for one without steps.
    public init?(
        of pipeline: Pipeline, watermarks: [String: CursorValue], lastSuccesses: [String: Timestamp]
    ) {
        let ages = pipeline.steps.map {
            DataAge(of: $0, watermark: watermarks[$0.name], lastSuccess: lastSuccesses[$0.name])
        }
        guard let oldest = ages.min(by: { $0.precedes($1) }) else { return nil }
        self = oldest
    }

    /// How old it is at `now`, never negative; nil where nothing was loaded yet.
    public func age(at now: Timestamp) -> Duration? { since.map { max(now.since($0), .zero) } }

    /// Whether it is older than `limit`; what was never loaded is older than anything.
    public func exceeds(_ limit: Duration, at now: Timestamp) -> Bool { age(at: now).map { $0 > limit } ?? true }

    private func precedes(_ other: DataAge) -> Bool {
        guard let since, let otherSince = other.since else { return since == nil && other.since != nil }
        return since < otherSince
    }
}
