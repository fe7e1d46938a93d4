internal import Platform

/// What a step keeps in its destination so that a run can be rolled back, and for how long.
public struct UndoPolicy: Sendable, Equatable {
    /// How long after a commit it can be undone.
    public var keep: Duration
    /// The most rows kept of a table; a commit that changes more cannot be undone, and older commits give way to newer
    /// ones. A table that was rebuilt is kept as a whole, with all its rows.
    public var maxRows: Int

    /// Makes a policy.
    public init(keep: Duration, maxRows: Int) {
        self.keep = keep
        self.maxRows = maxRows
    }

    /// What is kept when a document does not say.
    public static let usual = UndoPolicy(keep: Limits.undoTime, maxRows: Limits.undoRows)
}
