internal import Platform

/// What a step keeps in its destination so that a run can be rolled back, and for how long.
public struct UndoPolicy: Sendable, Equatable {
    /// How long after a commit it can be undone.
    public var keep: Duration
    /// The most rows kept of a table for runs; a commit that changes more cannot be undone, and older commits give way to
    /// newer ones. A table that was rebuilt is kept as a whole, with all its rows. Backfills are kept whole besides.
    public var maxRows: Int

    /// Makes a policy.
    public init(keep: Duration, maxRows: Int) {
        self.keep = keep
        self.maxRows = maxRows
    }

    /// What a backfill of so many rows may have to keep at the most: each row of the destination as it was, and each of
    /// the source as it becomes.
    public func most(for estimates: PartitionEstimates) -> Kept {
        let rows = estimates.total.sourceRows + estimates.total.destinationRows
        return Kept(time: keep, rows: rows, bytes: estimates.bytesPerRow.map { Int($0 * Double(rows)) })
    }

    /// What is kept of a backfill, for how long.
    public struct Kept: Sendable, Equatable {
        /// How long after its last commit.
        public let time: Duration
        /// Old rows and new ones.
        public let rows: Int
        /// The bytes of their values; nil where nothing tells.
        public let bytes: Int?
    }

    /// What is kept when a document does not say.
    public static let usual = UndoPolicy(keep: Limits.undoTime, maxRows: Limits.undoRows)
}
