internal import Model
internal import Platform
internal import Synchronization

/// Threads for short blocking work that changes nothing: plans, previews, tests of connections.
///
/// May be used on any thread; no call but `stop` blocks.
final class InspectionPool: Sendable {
    private struct State {
        var stops: [Int: StopToken] = [:]
        var next = 0
        var isStopping = false
        /// Work that each lane has in hand or waiting.
        var loads = [Int](repeating: 0, count: Limits.inspectors)
    }

    private let clock: any Clock
    private let alarms: AlarmClock
    private let lanes: [Lane]
    private let state = Mutex(State())

    /// Starts the threads.
    init(clock: any Clock, alarms: AlarmClock) {
        self.clock = clock
        self.alarms = alarms
        lanes = (1...Limits.inspectors).map { Lane(name: "inspector-\($0)", capacity: Limits.waitingInspections) }
    }

    /// Runs `body` on one of the threads and hands its result to `completion` there; on the caller's thread when it is
    /// refused because too many wait or the pool stops. `body` must end when its token is raised: after
    /// `Limits.inspectionTime`, or when the pool stops.
    func submit<Value: Sendable>(
        _ body: @escaping @Sendable (StopToken) throws(Failure) -> Value,
        completion: @escaping @Sendable (Result<Value, Failure>) -> Void
    ) {
        let place = takePlace()
        let work: Lane.Work = { [self] cancelled in
            defer { leavePlace(place) }
            guard !cancelled, let (id, stop) = begin() else { return completion(.failure(.serverStops)) }
            let alarm = alarms.set(at: clock.uptime() + Limits.inspectionTime) { stop.stop(.timedOut) }
            let result = Result { () throws(Failure) in try body(stop) }
            alarms.cancel(alarm)
            state.withLock { $0.stops[id] = nil }
            completion(result)
        }
        guard lanes[place].submit(work) else {
            leavePlace(place)
            let isStopping = state.withLock { $0.isStopping }
            return completion(.failure(isStopping ? .serverStops : InspectionPool.full))
        }
    }

    /// Interrupts the work in hand, refuses what waits, and returns when the threads are done.
    func stop() {
        let stops = state.withLock { state in
            state.isStopping = true
            return Array(state.stops.values)
        }
        for stop in stops { stop.stop(.shutdown) }
        for lane in lanes { lane.stop() }
    }

    /// The lane with the least to do, so that quick work does not wait behind slow work while another lane idles.
    private func takePlace() -> Int {
        state.withLock { state in
            let place = state.loads.indices.min { state.loads[$0] < state.loads[$1] } ?? 0
            state.loads[place] += 1
            return place
        }
    }

    private func leavePlace(_ place: Int) {
        state.withLock { $0.loads[place] -= 1 }
    }

    private func begin() -> (Int, StopToken)? {
        state.withLock { state in
            guard !state.isStopping else { return nil }
            state.next += 1
            let stop = StopToken()
            state.stops[state.next] = stop
            return (state.next, stop)
        }
    }

    private static var full: Failure {
        Failure(
            .queueFull, "too many plans, previews and connection tests are waiting",
            hint: "try again when some have finished", isTransient: true)
    }
}

extension Failure {
    /// The server ends and takes no more work.
    static var serverStops: Failure {
        Failure(.stopping, "the server is stopping", hint: "try again when it has started again", isTransient: true)
    }
}
