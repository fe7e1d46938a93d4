internal import Platform

/// One thread that runs actions when their time has come: ends of time-outs and starts of further attempts.
///
/// May be used on any thread. Actions run on the clock's own thread, must be short, and may set further alarms.
final class AlarmClock: Sendable {
    private struct State {
        var alarms: [Int: (at: Duration, action: @Sendable () -> Void)] = [:]
        var next = 0
        var hasNews = false
        var stopping = false
        var finished = false
    }

    /// What woke the thread.
    private enum Turn: Sendable {
        case act([@Sendable () -> Void])
        case lookAgain
        case end
    }

    private let clock: any Clock
    private let monitor = Monitor(State())

    /// Starts the thread; times are those of `clock`'s uptime.
    init(clock: any Clock) {
        self.clock = clock
        let monitor = self.monitor
        Thread.start(name: "alarm") {
            while AlarmClock.turn(monitor, clock) {}
            monitor.update { $0.finished = true }
        }
    }

    /// Has `action` run once, when the uptime is `at` or later; answers what `cancel` takes.
    @discardableResult
    func set(at: Duration, _ action: @escaping @Sendable () -> Void) -> Int {
        monitor.update { state in
            state.next += 1
            state.alarms[state.next] = (at, action)
            state.hasNews = true
            return state.next
        }
    }

    /// Takes an alarm back; its action may still be running when this returns.
    func cancel(_ alarm: Int) {
        monitor.update { _ = $0.alarms.removeValue(forKey: alarm) }
    }

    /// Reads the clock again at once: for a clock that was moved by hand.
    func lookAgain() {
        monitor.update { $0.hasNews = true }
    }

    /// Forgets all alarms and returns when the thread is done. Must not be called by an action.
    func stop() {
        monitor.update { state in
            state.stopping = true
            state.alarms = [:]
        }
        _ = monitor.wait { $0.finished ? true : nil }
    }

    private static func turn(_ monitor: Monitor<State>, _ clock: any Clock) -> Bool {
        let first = monitor.read { state in state.alarms.values.map(\.at).min() }
        let turn = monitor.wait(upTo: first.map { $0 - clock.uptime() }) { state -> Turn? in
            if state.stopping { return .end }
            let now = clock.uptime()
            let due = state.alarms.filter { $0.value.at <= now }.sorted { $0.value.at < $1.value.at }
            for alarm in due { state.alarms[alarm.key] = nil }
            if !due.isEmpty { return .act(due.map(\.value.action)) }
            // An alarm was set or the clock moved: the wait must be reckoned anew.
            guard state.hasNews else { return nil }
            state.hasNews = false
            return .lookAgain
        }
        switch turn {
        case .act(let actions):
            for action in actions { action() }
            return true
        case .end: return false
        case .lookAgain, nil: return true
        }
    }
}
