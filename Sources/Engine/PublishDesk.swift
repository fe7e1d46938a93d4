internal import Synchronization

/// The backfills whose publishing by request is in hand. May be used on any thread.
final class PublishDesk: Sendable {
    private let inHand = Mutex<Set<String>>([])

    /// Makes an empty desk.
    init() {}

    /// Takes a backfill in hand, or lets go of it.
    func set(_ backfill: String, isInHand: Bool) {
        inHand.withLock { backfills in
            if isInHand { backfills.insert(backfill) } else { backfills.remove(backfill) }
        }
    }

    /// Whether a backfill is in hand.
    func has(_ backfill: String) -> Bool { inHand.withLock { $0.contains(backfill) } }
}
