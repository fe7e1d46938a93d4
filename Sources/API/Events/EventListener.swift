internal import HTTPServer
internal import Platform
internal import Store
internal import Synchronization

/// One listener to events: a position in the log, and what is on its way to it.
///
/// Those who keep up are served from the tail's blocks, which all share; one that is behind has a small part of the log read
/// for it at a time, so that a slow one holds no more memory than a quick one.
final class EventListener: StreamSource {
    private struct State {
        var position: Int64
        /// The number that the client knows.
        var told: Int64
        /// What is to be sent before anything else.
        var pending: [ArraySlice<UInt8>]
        var isReading = false
        /// Whether the log has to be read before the tail is asked: only it knows whether a piece of work is over.
        var asksLog: Bool
        var isEnding = false
        var silentBeats = 0
        var progress: [UInt8]?
        /// When it was looked how far the work is.
        var lookedAt: Duration
    }

    private let state: Mutex<State>
    private let number: Int
    private let tail: EventTail
    private let filter: EventFilter
    private let waker: StreamWaker
    private let beatsOfSilence: Int
    private let clock: any Clock
    private let progress: @Sendable () -> [UInt8]?

    /// Makes a listener from `position` on, which is first sent `opening`.
    ///
    /// - Parameters:
    ///   - beat: how often it is asked for a sign of life.
    ///   - progress: what to tell now and then of work that no log keeps; told when it has changed.
    init(
        to tail: EventTail, _ filter: EventFilter, after position: Int64, opening: [UInt8], beat: Duration,
        waker: StreamWaker, clock: any Clock, progress: @escaping @Sendable () -> [UInt8]? = { nil }
    ) {
        self.tail = tail
        self.filter = filter
        self.waker = waker
        self.clock = clock
        self.progress = progress
        beatsOfSilence = max(1, Int(Limits.eventHeartbeat / beat))
        state = Mutex(
            State(
                position: position, told: position, pending: [opening[...]], asksLog: filter.work != nil,
                lookedAt: clock.uptime()))
        number = tail.join(waker)
    }

    /// The next bytes: what is pending, then what the tail has, then a sign of life where that is due.
    func read(into buffer: UnsafeMutableRawBufferPointer, onBeat: Bool) -> StreamPart {
        if onBeat { tail.retry() }
        return state.withLock { state in
            // Not on a beat alone, which silence brings: events without a pause do not hide how far the work is.
            if state.pending.isEmpty, !state.isEnding { takeProgress(&state, onBeat) }
            var filled = EventListener.copy(&state.pending, into: buffer, at: 0)
            while filled < buffer.count, !state.isEnding, find(&state, room: buffer.count - filled) {
                filled = EventListener.copy(&state.pending, into: buffer, at: filled)
            }
            if filled == 0, onBeat, !state.isEnding {
                beat(&state)
                filled = EventListener.copy(&state.pending, into: buffer, at: 0)
            }
            if filled > 0 {
                state.silentBeats = 0
                return .bytes(filled)
            }
            return state.isEnding ? .end : .nothing
        }
    }

    /// The listener is gone.
    func end() { tail.leave(number) }

    /// Gets more to send; false when there is none now.
    private func find(_ state: inout State, room: Int) -> Bool {
        guard !state.isReading else { return false }
        if !state.asksLog,
            case .events(let blocks, let reached, let mayEnd) = tail.next(
                after: state.position, filter, room: room)
        {
            state.position = reached
            state.asksLog = mayEnd
            guard let last = blocks.last else { return false }
            state.told = last.id
            state.pending = blocks.map { $0.block[...] }
            return true
        }
        state.isReading = tail.read(after: state.position, filter) { [weak self] part in self?.take(part) }
        state.isEnding = !state.isReading
        return false
    }

    /// Takes what the log has; without it the stream ends, and who listens comes back to its place.
    private func take(_ part: EventTail.Part?) {
        state.withLock { state in
            state.isReading = false
            guard let part else {
                state.isEnding = true
                return
            }
            state.asksLog = false
            state.position = part.reached
            state.isEnding = part.isEnd
            guard let last = part.last else { return }
            state.pending.append(part.bytes[...])
            state.told = last
        }
        waker.wake()
    }

    private func takeProgress(_ state: inout State, _ onBeat: Bool) {
        let now = clock.uptime()
        guard onBeat || now - state.lookedAt >= Limits.progressTime else { return }
        state.lookedAt = now
        guard let news = progress(), news != state.progress else { return }
        state.progress = news
        state.pending = [news[...]]
    }

    private func beat(_ state: inout State) {
        state.silentBeats += 1
        guard state.silentBeats >= beatsOfSilence else { return }
        let moved = state.position > state.told ? state.position : nil
        state.told = state.position
        state.pending = [EventText.heartbeat(at: moved)[...]]
    }

    /// Moves bytes from the front of `pending` to a place in the buffer; answers how many the buffer has then.
    private static func copy(
        _ pending: inout [ArraySlice<UInt8>], into buffer: UnsafeMutableRawBufferPointer, at start: Int
    ) -> Int {
        var filled = start
        while filled < buffer.count, let first = pending.first {
            let count = min(first.count, buffer.count - filled)
            UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyBytes(from: first.prefix(count))
            filled += count
            if count == first.count { pending.removeFirst() } else { pending[0] = first.dropFirst(count) }
        }
        return filled
    }
}
