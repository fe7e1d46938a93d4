public import Platform

/// An entry in the history of a pipeline's freshness: it came to stand otherwise than before.
public struct FreshnessChange: Sendable, Equatable {
    /// When that was recorded.
    public var at: Timestamp
    /// How it stands since.
    public var state: FreshnessState
    /// How it stood before; nil for the first entry.
    public var previous: FreshnessState?
    /// When it passed the limit that it is past, which may be long before `at`; nil for none.
    public var since: Timestamp?
    /// The step that decided.
    public var step: String
    /// What its age was reckoned from; nil when there was nothing to reckon from.
    public var reckonedFrom: Timestamp?
    /// Why, in a sentence.
    public var reason: String
    /// Since when it is stale, where that was told and it was not fresh again yet; nil otherwise.
    public var staleSince: Timestamp?

    /// Makes an entry.
    public init(
        at: Timestamp, state: FreshnessState, previous: FreshnessState?, since: Timestamp?, step: String,
        reckonedFrom: Timestamp?, reason: String, staleSince: Timestamp?
    ) {
        self.at = at
        self.state = state
        self.previous = previous
        self.since = since
        self.step = step
        self.reckonedFrom = reckonedFrom
        self.reason = reason
        self.staleSince = staleSince
    }

    /// What is to be recorded of how a pipeline stands at `now`, after the `last` entry; nil when that says the same. Of a
    /// pipeline that never had limits there is nothing to record.
    public init?(_ freshness: PipelineFreshness, at now: Timestamp, after last: FreshnessChange?) {
        guard freshness.state != last?.state, freshness.hasLimits || last != nil else { return nil }
        let worst = freshness.worst
        self.init(
            at: now, state: worst.state, previous: last?.state, since: worst.since, step: worst.name,
            reckonedFrom: worst.reckonedFrom, reason: freshness.reason, staleSince: last?.staleSince)
        switch worst.state {
        // On the way back from stale, or where nothing can be told for a while, it is not over.
        case .warn, .unknown: if !freshness.hasLimits { staleSince = nil }
        case .fresh: staleSince = nil
        case .stale: staleSince = staleSince ?? worst.since ?? now
        }
    }

    /// The message that tells of it, after the `last` entry: of the first that is stale, and of the first that is fresh after that.
    public func notice(of freshness: PipelineFreshness, after last: FreshnessChange?) -> Notice? {
        let worst = freshness.worst
        var data: [JSONValue.Member] = [
            .init("pipeline", .string(freshness.name)), .init("step", .string(step)),
            .init("status", .string(state.rawValue)), .init("basis", .string(worst.basis.rawValue)),
            .init("lag_seconds", reckonedFrom.map { .number(max(0, at.since($0).seconds)) } ?? .null),
            .init("error_after_seconds", worst.policy?.errorAfter.map { .number($0.seconds) } ?? .null),
            .init("watermark_at", JSONValue(worst.watermarkAt?.rfc3339)),
            .init("last_success_at", JSONValue(worst.clocks.lastSuccessAt?.rfc3339)),
            .init("reason", .string(reason)),
        ]
        if state == .stale, last?.staleSince == nil {
            data.append(.init("stale_since", JSONValue(staleSince?.rfc3339)))
            return Notice(.freshnessStale, pipeline: freshness.name, data: .object(data))
        }
        guard state == .fresh, let began = last?.staleSince else { return nil }
        data.append(.init("stale_since", .string(began.rfc3339)))
        return Notice(.freshnessRecovered, pipeline: freshness.name, data: .object(data))
    }
}
