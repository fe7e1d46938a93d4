internal import Loading
internal import Synchronization

/// How far a run in hand has come with the step in hand.
public struct RunProgress: Sendable, Equatable {
    /// The step's name.
    public var step: String
    /// Rows it has read so far.
    public var rowsRead: Int
    /// Rows it expects to read in all; nil when it does not know.
    public var rowsExpected: Int?
    /// Transactions of the destination it has committed so far.
    public var commits: Int

    /// Makes a progress.
    public init(step: String, rowsRead: Int, rowsExpected: Int?, commits: Int) {
        self.step = step
        self.rowsRead = rowsRead
        self.rowsExpected = rowsExpected
        self.commits = commits
    }
}

/// The live counters of the steps in hand, by run. May be used on any thread.
final class RunBoard: Sendable {
    private let entries = Mutex<[String: [(step: String, progress: LoadProgress)]]>([:])

    /// Makes an empty board.
    init() {}

    /// Shows the counters of a run's step in hand, behind those that are shown already.
    func show(_ run: String, step: String, _ progress: LoadProgress) {
        entries.withLock { $0[run, default: []].append((step, progress)) }
    }

    /// Takes a step that has ended off.
    func remove(_ run: String, step: String) {
        entries.withLock { entries in
            entries[run]?.removeAll { $0.step == step }
            if entries[run]?.isEmpty == true { entries[run] = nil }
        }
    }

    /// The counters of the run's step that is in hand for the longest; nil when it has none in hand.
    func progress(of run: String) -> RunProgress? {
        guard let entry = entries.withLock({ $0[run]?.first }) else { return nil }
        return RunProgress(
            step: entry.step, rowsRead: entry.progress.rowsRead, rowsExpected: entry.progress.rowsExpected,
            commits: entry.progress.commits)
    }
}
