internal import Platform
internal import Synchronization

/// One streamed answer on its connection.
///
/// Its connection is suspended by its own server thread, in `fill` alone; whoever takes it out of that state resumes it,
/// under the lock, so that nobody is about to call the library once `close` has returned.
final class StreamedAnswer: Sendable {
    private struct State {
        var source: (any StreamSource)?
        /// Whether the connection is put aside.
        var isSuspended = false
        /// Whether there may be more since the source was asked.
        var isWoken = false
        /// Whether the source is to be asked for a sign of life.
        var isOnBeat = false
        var isClosed = false
        /// When bytes were last given, or a sign of life was asked for.
        var heardAt: Duration
        var bytes = 0
    }

    private let state: Mutex<State>
    private let link: Link
    private let clock: any Clock
    private let beat: Duration
    private let sendTime: Duration
    private let suspend: @Sendable () -> Void
    private let resume: @Sendable () -> Void

    /// Makes an answer without a source, which ends when it is first asked.
    init(
        on link: Link, beat: Duration, sendTime: Duration, clock: any Clock,
        suspend: @escaping @Sendable () -> Void, resume: @escaping @Sendable () -> Void
    ) {
        self.link = link
        self.beat = beat
        self.sendTime = sendTime
        self.clock = clock
        self.suspend = suspend
        self.resume = resume
        state = Mutex(State(heardAt: clock.uptime()))
    }

    /// Gives it its source; to be called once, before the answer begins.
    func start(_ open: (StreamWaker) -> any StreamSource) {
        let source = open(StreamWaker { [weak self] in self?.wake() })
        state.withLock { $0.source = source }
    }

    /// How many bytes were given.
    var bytes: Int { state.withLock { $0.bytes } }

    /// Fills a buffer of the library; `nothing` when the connection was put aside instead. For its server thread.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> StreamPart {
        while let (source, onBeat) = question() {
            switch source.read(into: buffer, onBeat: onBeat) {
            case .end: return .end
            case .bytes(let count) where count > 0:
                let now = clock.uptime()
                state.withLock { state in
                    // What was given before has left, or this would not be asked for: the time starts anew.
                    if !state.isClosed { link.expect(by: now + sendTime) }
                    state.heardAt = now
                    state.bytes += count
                }
                return .bytes(count)
            case .bytes, .nothing:
                link.expect(by: nil)
                if putAside() { return .nothing }
            }
        }
        return .end
    }

    private func question() -> (any StreamSource, onBeat: Bool)? {
        state.withLock { state in
            guard !state.isClosed, let source = state.source else { return nil }
            defer { (state.isWoken, state.isOnBeat) = (false, false) }
            return (source, state.isOnBeat)
        }
    }

    /// Suspends the connection; false when there is something to do first.
    private func putAside() -> Bool {
        state.withLock { state in
            guard !state.isWoken, !state.isClosed else { return false }
            state.isSuspended = true
            suspend()
            return true
        }
    }

    /// There may be more.
    func wake() {
        state.withLock { state in
            state.isWoken = true
            bringBack(&state)
        }
    }

    /// Asks for a sign of life when it has been silent for too long.
    func beat(at now: Duration) {
        state.withLock { state in
            guard state.isSuspended, now - state.heardAt >= beat else { return }
            (state.isOnBeat, state.heardAt) = (true, now)
            bringBack(&state)
        }
    }

    /// Ends the answer in good order, as soon as what it has given has left; a client that does not take that is cut soon.
    func close() {
        state.withLock { state in
            state.isClosed = true
            link.expect(by: clock.uptime() + Limits.lastAnswersTime)
            bringBack(&state)
        }
    }

    /// The answer is over, its connection may be gone.
    func end() {
        let source = state.withLock { state in
            state.isClosed = true
            defer { state.source = nil }
            return state.source
        }
        source?.end()
    }

    private func bringBack(_ state: inout State) {
        guard state.isSuspended else { return }
        state.isSuspended = false
        resume()
    }
}
