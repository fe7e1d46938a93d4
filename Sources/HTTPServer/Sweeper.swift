internal import Platform

/// The thread that keeps time for the server: cuts clients that take too long, answers requests that waited too long, and
/// has silent streams give a sign of life.
final class Sweeper: Sendable {
    private let links: Links
    private let room: WaitingRoom
    private let streams: StreamedAnswers
    private let alarm: Alarm
    private let clock: any Clock
    private let log: Log
    private let interval: Duration
    private let finished = Monitor(false)

    /// Makes a sweeper that looks at every connection once in `interval`.
    init(
        links: Links, room: WaitingRoom, streams: StreamedAnswers, alarm: Alarm, clock: any Clock, log: Log,
        interval: Duration
    ) {
        self.links = links
        self.room = room
        self.streams = streams
        self.alarm = alarm
        self.clock = clock
        self.log = log
        self.interval = interval
    }

    /// Starts the thread; it holds the sweeper until `stop`.
    func start() {
        Thread.start(name: "http-sweeper") { [self] in
            while alarm.sleep(clock: clock, atMost: interval, next: { room.nextDeadline }) { sweep() }
            finished.update { $0 = true }
        }
    }

    /// Ends the thread and waits for it.
    func stop() {
        alarm.stop()
        _ = finished.wait { $0 ? true : nil }
    }

    private func sweep() {
        let now = clock.uptime()
        for address in links.cutLate(at: now) {
            log.warn("connection cut: the client took too long", ["remote": address])
        }
        room.expire()
        streams.beat(at: now)
    }
}
