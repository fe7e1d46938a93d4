internal import Model
internal import Platform

/// Whose turn it is among the receivers of messages. A plain value.
struct CourierState: Sendable {
    /// Counts what may have changed the outbox; who waits looks again when it is another.
    private(set) var news = 0
    /// Whether to end.
    private(set) var isStopping = false
    /// Threads that have not ended.
    var threads = 0
    private var inHand: Set<String> = []
    /// What `news` was when a receiver was last released.
    private var released: [String: Int] = [:]
    /// When each receiver had its last turn, by a count of turns.
    private var served: [String: Int] = [:]
    private var turns = 0
    /// Until when, in uptime, a receiver is left alone because something could not be recorded.
    private var resting: [String: Duration] = [:]

    /// What there is to do.
    enum Turn: Sendable, Equatable {
        /// Deliver to the receiver, which is in hand now.
        case deliver(String)
        /// Nothing for so long; nil is until there is news.
        case wait(Duration?)
    }

    /// Something may have been put into the outbox, or the clock was moved.
    mutating func noteNews() { news += 1 }

    /// Lets every thread end.
    mutating func stop() {
        isStopping = true
        news += 1
    }

    /// The receiver among `heads` whose turn it is: of those that are due, and that nobody has in hand, the one that has
    /// waited longest since its last turn. So one that is slow, or has much waiting, keeps nobody else from theirs.
    ///
    /// `heads` were read when `news` was `seen`, or later: of a receiver that was released since then they may show the
    /// message which it got meanwhile, so it is left to who looks again.
    mutating func next(
        _ heads: [(target: String, due: Timestamp)], seen: Int, now: Timestamp, uptime: Duration
    ) -> Turn {
        resting = resting.filter { $0.value > uptime }
        var best: String?
        var wait: Duration?
        for (target, due) in heads where !inHand.contains(target) && released[target] ?? seen <= seen {
            let pause = max(CourierState.wait(until: due, now: now), resting[target].map { $0 - uptime } ?? .zero)
            guard pause <= .zero else {
                wait = min(wait ?? pause, pause)
                continue
            }
            if best.map({ served[target] ?? 0 < served[$0] ?? 0 }) ?? true { best = target }
        }
        guard let best else { return .wait(wait) }
        turns += 1
        served[best] = turns
        inHand.insert(best)
        return .deliver(best)
    }

    /// A receiver is in nobody's hand any more; `rest` is when it may have its next turn, in uptime, nil for at once.
    mutating func release(_ target: String, restingUntil rest: Duration?) {
        inHand.remove(target)
        resting[target] = rest
        news += 1
        released[target] = news
    }

    /// How long until `due`. The clock may have been set back since that was reckoned: no wait is longer than any that
    /// the schedule has.
    private static func wait(until due: Timestamp, now: Timestamp) -> Duration {
        let wait = due.since(now)
        return wait > DeliveryAttempt.longestWait ? .zero : wait
    }
}
