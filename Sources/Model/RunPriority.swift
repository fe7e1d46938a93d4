internal import Platform

/// Whether a run goes before others that wait for the same thing.
public enum RunPriority: String, Sendable, CaseIterable {
    case high, normal, low

    /// How much earlier than it did a run of this priority counts as having come.
    ///
    /// A bounded head start instead of a strict order: whatever comes, a run is overtaken only by those that come within
    /// it, so none waits for ever.
    public var headStart: Duration {
        switch self {
        case .high: Limits.priorityHeadStart
        case .normal: .zero
        case .low: .zero - Limits.priorityHeadStart
        }
    }
}
