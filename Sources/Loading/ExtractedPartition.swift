internal import Model
internal import SQLite

/// The rows of a partition that were read from its source before the destination's write lock was held; they wait in
/// temporary tables of the connection that is to write them.
///
/// Nothing of them is in the destination. They are gone when the connection is closed, also with the process: SQLite
/// removes the name of a temporary file as it opens it.
public final class ExtractedPartition: @unchecked Sendable {
    // SAFETY: it is in the hands of one thread at a time: of the lane that reads, of a table behind a lock, of the lane
    // that writes.
    private var kept: PartitionConnection?
    let request: PartitionRequest
    let view: PartitionView
    /// Which rows were left to the next run.
    let ahead: AheadRows?
    /// How many they are.
    let left: Int
    /// What tells whether the source has changed since.
    let state: SourceState
    /// Rows copied that lie in the range, and others of their keys.
    let read: (inside: Int, elsewhere: Int)
    let trail: LoadTrail
    /// Whether the rows were used; those that have become too old were read again.
    public private(set) var isUsed = false

    /// The state of a source in which rows were read.
    struct SourceState {
        /// SQLite's mark of the file's content on the connection that read it.
        let version: Int
        /// The moments, among those of `SourceViews`, between which it was fixed.
        let before: Int
        let after: Int
    }

    init(
        _ load: PartitionLoad, _ view: PartitionView, _ ahead: AheadRows?, _ state: SourceState,
        read: (inside: Int, elsewhere: Int)
    ) {
        kept = load.kept
        trail = load.session.trail
        // What follows is waiting.
        trail.enter(.lock)
        request = load.request
        self.view = view
        self.ahead = ahead
        left = load.kept.gate.left
        self.state = state
        self.read = read
    }

    /// Throws the rows away.
    public func close() {
        kept?.connection.close()
        kept = nil
    }

    /// Hands over the connection to where they are to be written.
    func take() -> PartitionConnection? {
        defer { kept = nil }
        return kept
    }

    /// Notes that they are written.
    func use() { isUsed = true }
}
