public import Platform
internal import Synchronization

/// Counts what was answered, by route, method and status, since the process started. May be used on any thread.
///
/// Routes are told by their patterns, and what has none together, so that no client can make it grow.
public final class RequestMeter: Sendable {
    /// What stands in the place of a pattern for requests that no route takes.
    public static let unmatched = "unmatched"
    /// What stands in the place of a method that the server does not know.
    public static let unknownMethod = "other"

    /// Where a request went.
    public struct Target: Hashable, Sendable {
        /// The route's pattern, or `unmatched`.
        public let route: String
        /// The method, or `unknownMethod`.
        public let method: String
    }

    /// What was counted of one target.
    public struct Tally: Sendable {
        /// How many answers there were of each status; 0 counts the requests whose client went away before an answer.
        public fileprivate(set) var statuses: [Int: Int] = [:]
        /// How long they took from the head of the request to the end of the answer, those that are streams aside.
        public fileprivate(set) var times = Histogram(bounds: Limits.requestTimeBounds)
    }

    private let tallies = Mutex<[Target: Tally]>([:])

    /// Makes a meter that has counted nothing.
    public init() {}

    /// What was counted so far, by route and method.
    public var counts: [(target: Target, tally: Tally)] {
        tallies.withLock { Array($0) }
            .sorted { ($0.key.route, $0.key.method) < ($1.key.route, $1.key.method) }
            .map { ($0.key, $0.value) }
    }

    /// Counts a request; nil as the route where none takes it, nil as the time of a stream, which lasts as long as it is
    /// listened to.
    func count(_ route: Route?, _ method: String, status: Int?, time: Duration?) {
        let method = Method(rawValue: method)?.rawValue ?? RequestMeter.unknownMethod
        let target = Target(route: route?.pattern ?? RequestMeter.unmatched, method: method)
        tallies.withLock { tallies in
            tallies[target, default: Tally()].statuses[status ?? 0, default: 0] += 1
            if let time { tallies[target]?.times.add(time) }
        }
    }
}
