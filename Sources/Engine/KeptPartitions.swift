internal import Loading
internal import Model
internal import Platform
internal import Synchronization

/// A partition that a job has claimed, from then until its end is recorded.
struct ClaimedPartition: Sendable {
    /// The partition.
    let partition: Partition
    /// How often it was begun since a person last asked for it.
    let tries: Int
    /// How far it has come.
    let progress = LoadProgress()
    /// What was read of it ahead.
    var extracted: ExtractedPartition?
    /// The time that its work has taken so far, without waiting.
    var spent: Duration = .zero

    /// Makes one that was just claimed.
    init(_ partition: Partition, tries: Int) {
        self.partition = partition
        self.tries = tries
    }
}

/// The partitions that jobs keep while they wait for the destination's file, with what was read of them ahead.
///
/// No more than `Limits.backfillLanes` are read or kept at a time, over all backfills: each holds a connection with its
/// temporary files. May be used on any thread.
final class KeptPartitions: Sendable {
    private struct State {
        /// The jobs that read ahead, or keep what they have read.
        var readers: Set<String> = []
        var kept: [String: ClaimedPartition] = [:]
    }

    private let state = Mutex(State())

    /// Makes one that keeps nothing.
    init() {}

    /// Whether a job may read ahead; then it counts as reading until `end`.
    func admit(_ job: String) -> Bool {
        state.withLock { state in
            guard state.readers.count < Limits.backfillLanes else { return false }
            state.readers.insert(job)
            return true
        }
    }

    /// Keeps a job's partition until it starts again.
    func put(_ claimed: ClaimedPartition, of job: String) {
        state.withLock { state in
            state.kept[job] = claimed
            if claimed.extracted == nil { state.readers.remove(job) }
        }
    }

    /// Whether a job keeps a partition.
    func has(_ job: String) -> Bool { state.withLock { $0.kept[job] != nil } }

    /// Hands a job its partition; nil where it keeps none.
    func take(_ job: String) -> ClaimedPartition? { state.withLock { $0.kept.removeValue(forKey: job) } }

    /// Notes that a job keeps nothing any more.
    func end(_ job: String) { state.withLock { _ = $0.readers.remove(job) } }

    /// Throws away what was read of all partitions, which are left to the next start.
    func closeAll() {
        let kept = state.withLock { state in
            defer { state = State() }
            return state.kept
        }
        for claimed in kept.values { claimed.extracted?.close() }
    }
}
