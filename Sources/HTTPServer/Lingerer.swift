internal import Glibc
internal import Platform

/// Reads and drops what clients still send after they were refused, for a short while.
///
/// Closing a socket with unread bytes resets the connection, and a client that sends its whole body before it reads
/// would see the reset instead of the refusal. May be used on any thread.
final class Lingerer: Sendable {
    private struct Guest {
        let socket: Int32
        let latest: Duration
        var bytes = 0
    }

    private struct State {
        var guests: [Guest] = []
        /// How many the thread has in hand.
        var polled = 0
        var isStopping = false
        var isFinished = false
    }

    private let monitor = Monitor(State())
    private let clock: any Clock

    /// Makes a lingerer that has no thread yet.
    init(clock: any Clock) {
        self.clock = clock
    }

    /// Starts the thread; it holds the lingerer until `stop`.
    func start() {
        Thread.start(name: "http-linger") { [self] in
            while let guests = next() { poll(guests) }
            monitor.update { $0.isFinished = true }
        }
    }

    /// Ends the thread, closes what it holds and waits for it.
    func stop() {
        monitor.update { $0.isStopping = true }
        _ = monitor.wait { $0.isFinished ? true : nil }
    }

    /// Keeps a connection open beyond the close of `socket`, unless too many are kept already.
    func keep(_ socket: Int32) {
        let latest = clock.uptime() + Limits.lingerTime
        monitor.update { state in
            guard !state.isStopping, state.guests.count + state.polled < Limits.lingeringConnections else { return }
            let copy = fcntl(socket, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { return }
            // The answer is written: its end must not wait for the close.
            shutdown(copy, Int32(SHUT_WR))
            state.guests.append(Guest(socket: copy, latest: latest))
        }
    }

    /// Waits for guests and takes them; nil when the thread must end.
    private func next() -> [Guest]? {
        let taken: [Guest]? =
            monitor.wait { state -> [Guest]?? in
                if state.isStopping {
                    for guest in state.guests { close(guest.socket) }
                    state.guests = []
                    return .some(nil)
                }
                guard !state.guests.isEmpty else { return nil }
                defer { state.guests = [] }
                state.polled = state.guests.count
                return state.guests
            } ?? nil
        return taken
    }

    /// Reads once from those that have something, and puts back those that are not done.
    private func poll(_ guests: [Guest]) {
        var polled = guests.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
        // Short, as guests that come meanwhile wait for their turn.
        Glibc.poll(&polled, nfds_t(polled.count), 50)
        let now = clock.uptime()
        var staying: [Guest] = []
        for (var guest, ready) in zip(guests, polled) {
            var isDone = now >= guest.latest
            if ready.revents != 0 && !isDone {
                let count = drop(from: guest.socket)
                guest.bytes += count
                isDone = count == 0 || guest.bytes > Limits.lingerBytes
            }
            if isDone { close(guest.socket) } else { staying.append(guest) }
        }
        monitor.update { state in
            state.guests += staying
            state.polled = 0
        }
    }

    /// Reads and drops; answers the number of bytes, 0 at the end of the connection.
    private func drop(from socket: Int32) -> Int {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
            while true {
                let count = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                if count < 0 && errno == EINTR { continue }
                return max(0, count)
            }
        }
    }
}
