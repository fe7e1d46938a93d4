internal import Loading
internal import Synchronization

/// The live counters of the partitions in hand, by backfill. May be used on any thread.
final class PartitionBoard: Sendable {
    private let entries = Mutex<[String: [Int: LoadProgress]]>([:])

    /// Makes an empty board.
    init() {}

    /// Shows the counters of a partition.
    func show(_ number: Int, of backfill: String, _ progress: LoadProgress) {
        entries.withLock { $0[backfill, default: [:]][number] = progress }
    }

    /// Takes a partition off.
    func remove(_ number: Int, of backfill: String) {
        entries.withLock { entries in
            entries[backfill]?[number] = nil
            if entries[backfill]?.isEmpty == true { entries[backfill] = nil }
        }
    }

    /// The rows that the partitions in hand have read so far.
    func rows(of backfill: String) -> Int {
        entries.withLock { $0[backfill]?.values.reduce(0) { $0 + $1.rowsRead } ?? 0 }
    }
}
