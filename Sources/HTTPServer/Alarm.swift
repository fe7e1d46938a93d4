internal import Platform
internal import Synchronization

/// Wakes the sweeper at the earliest time somebody asked for; times are on the server's monotonic clock.
final class Alarm: Sendable {
    private struct State {
        var isSet = false
        var isStopped = false
    }

    private let monitor = Monitor(State())
    /// When the sweeper will wake by itself, in microseconds; a later wish needs no lock.
    private let wakes = Atomic<Int64>(.max)

    /// Asks for a wake-up at `time` or before.
    func set(at time: Duration) {
        guard time.microseconds < wakes.load(ordering: .sequentiallyConsistent) else { return }
        monitor.update { $0.isSet = true }
    }

    /// Ends the sweeper.
    func stop() {
        monitor.update { $0.isStopped = true }
    }

    /// Waits until `next()` or a wish for something earlier; false when the sweeper must end.
    ///
    /// `next` is asked after the alarm was armed, so that no wish in between is lost.
    func sleep(clock: any Clock, atMost limit: Duration, next: () -> Duration?) -> Bool {
        let start = clock.uptime()
        wakes.store((start + limit).microseconds, ordering: .sequentiallyConsistent)
        let wait = min(limit, next().map { $0 - start } ?? limit)
        wakes.store((start + wait).microseconds, ordering: .sequentiallyConsistent)
        let goOn = monitor.wait(upTo: wait) { state -> Bool? in
            if state.isStopped { return false }
            guard state.isSet else { return nil }
            state.isSet = false
            return true
        }
        return goOn ?? true
    }
}
