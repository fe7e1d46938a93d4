internal import Platform

/// The requests that wait for their answer, each with the time by which it gets one.
final class WaitingRoom: Sendable {
    private struct Seat {
        let suspension: Suspension
        let latest: Duration
        var deadline: Duration
    }

    private struct State {
        var seats: [Int: Seat] = [:]
        /// Connections that are suspended or about to be: above `seats.count` between `enter` and `sit`.
        var inside = 0
        var nextNumber = 0
        var isHastened = false
        var isClosed = false
    }

    private let monitor = Monitor(State())
    private let clock: any Clock
    private let limit: Duration
    private let alarm: Alarm

    /// Makes a room in which nobody waits longer than `limit`.
    init(clock: any Clock, limit: Duration, alarm: Alarm) {
        self.clock = clock
        self.limit = limit
        self.alarm = alarm
    }

    /// Counts a connection that will be suspended and answers its number; nil once the room is closed.
    func enter() -> Int? {
        monitor.update { state in
            guard !state.isClosed else { return nil }
            state.inside += 1
            state.nextNumber += 1
            return state.nextNumber
        }
    }

    /// Takes up a suspension, now that its connection is suspended; refuses it when the room was closed meanwhile.
    func sit(_ suspension: Suspension) {
        let latest = clock.uptime() + limit
        let isTaken = monitor.update { state in
            guard !state.isClosed else { return false }
            state.seats[suspension.number] = Seat(suspension: suspension, latest: latest, deadline: latest)
            return true
        }
        if isTaken { alarm.set(at: latest) } else { suspension.refuse(.draining) }
    }

    /// Counts a connection out; it has been resumed.
    func leave(_ number: Int) {
        monitor.update { state in
            state.seats[number] = nil
            state.inside -= 1
        }
    }

    /// Moves a deadline, never past the room's own; false when the server is about to stop, so that it is due now.
    func schedule(_ number: Int, in time: Duration) -> Bool {
        let wish = clock.uptime() + max(time, .zero)
        let deadline = monitor.update { state -> Duration? in
            guard !state.isHastened else { return nil }
            guard let seat = state.seats[number] else { return wish }
            let deadline = min(wish, seat.latest)
            state.seats[number]?.deadline = deadline
            return deadline
        }
        guard let deadline else { return false }
        alarm.set(at: deadline)
        return true
    }

    /// The earliest deadline; nil when nobody waits.
    var nextDeadline: Duration? {
        monitor.read { $0.seats.values.lazy.map(\.deadline).min() }
    }

    /// How many connections wait.
    var count: Int { monitor.read { $0.inside } }

    /// Answers those whose time has come.
    func expire() {
        let now = clock.uptime()
        let due = monitor.read { state in
            state.seats.values.filter { $0.deadline <= now }.map(\.suspension)
        }
        for suspension in due { suspension.expire() }
    }

    /// Answers all that have a deadline's answer, now and from now on.
    func hasten() {
        let waiting = monitor.update { state in
            state.isHastened = true
            return state.seats.values.map(\.suspension)
        }
        for suspension in waiting { suspension.hasten() }
    }

    /// Refuses all that wait and lets nobody in any more; returns when every connection has been resumed.
    func close() {
        let waiting = monitor.update { state in
            state.isClosed = true
            return state.seats.values.map(\.suspension)
        }
        for suspension in waiting { suspension.refuse(.draining) }
        _ = monitor.wait { $0.inside == 0 ? true : nil }
    }
}
