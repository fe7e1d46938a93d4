internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// The newest events, encoded once for all who listen, and the thread that reads the log for them.
///
/// A commit that adds events wakes the thread, which reads on from what it has; nothing is asked for where nobody listens,
/// and nothing is kept. May be used on any thread.
final class EventTail: Sendable {
    private struct Entry {
        let id: Int64
        let kind: String
        let pipeline: String?
        let work: String?
        let block: [UInt8]
    }

    private struct State {
        /// Every event from behind `base` on, as far as it was read; nil while nobody listens.
        var entries: [Entry]?
        var base: Int64 = 0
        var last: Int64 = 0
        var bytes = 0
        var listeners: [Int: StreamWaker] = [:]
        var nextListener = 0
        /// Whether the log may have more.
        var isBehind = true
        /// Whether the thread is about to look.
        var isLooking = false
    }

    /// What a listener finds behind its position.
    enum Found {
        /// The next events that its filter lets through; it has then heard all up to `reached`. None means that there are no
        /// more by now. `mayEnd` says that its work may be over with one of them, which only the log knows.
        case events([(id: Int64, block: [UInt8])], reached: Int64, mayEnd: Bool)
        /// It is behind the newest events: the log has to be read for it.
        case behind
    }

    /// Events that were read for one listener.
    struct Part {
        /// Their blocks.
        let bytes: [UInt8]
        /// The number of the last one; nil when there is none.
        let last: Int64?
        /// It has then heard all up to here.
        let reached: Int64
        /// Whether nothing comes behind it, as its work is over.
        let isEnd: Bool
    }

    private let state = Mutex(State())
    private let store: ControlStore
    private let clock: any Clock
    private let log: Log
    // Each listener has one piece of work there at most.
    private let lane = Lane(name: "events", capacity: Limits.connections)

    /// Starts the thread.
    init(store: ControlStore, clock: any Clock, log: Log) {
        self.store = store
        self.clock = clock
        self.log = log
        store.onEvents { [weak self] in self?.noteCommit() }
    }

    /// Ends the thread; to be called when nobody listens any more.
    func stop() { lane.stop() }

    /// Takes up a listener, which is woken when there is more; answers its number for `leave`.
    func join(_ waker: StreamWaker) -> Int {
        let number = state.withLock { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = waker
            return state.nextListener
        }
        look()
        return number
    }

    /// Forgets a listener; with the last one goes all that is kept.
    func leave(_ listener: Int) {
        state.withLock { state in
            state.listeners[listener] = nil
            guard state.listeners.isEmpty else { return }
            state.entries = nil
            state.bytes = 0
            state.isBehind = true
        }
    }

    /// What there is behind `position`, up to about `room` bytes.
    func next(after position: Int64, _ filter: EventFilter, room: Int) -> Found {
        state.withLock { state in
            guard let entries = state.entries else { return .events([], reached: position, mayEnd: false) }
            guard position >= state.base else { return .behind }
            var found: [(id: Int64, block: [UInt8])] = []
            var (size, reached, mayEnd) = (0, position, false)
            for entry in entries[EventTail.place(after: position, entries)...] {
                guard size < room else { break }
                reached = entry.id
                guard filter.allows(kind: entry.kind, pipeline: entry.pipeline, work: entry.work) else { continue }
                found.append((entry.id, entry.block))
                size += entry.block.count
                if filter.work != nil, LoadEngine.endsOfWork.contains(entry.kind) { mayEnd = true }
            }
            return .events(found, reached: reached, mayEnd: mayEnd)
        }
    }

    /// Reads the log behind `position` on the thread and hands the part over there, nil when it cannot be read; false when
    /// the thread has ended.
    func read(after position: Int64, _ filter: EventFilter, _ take: @escaping @Sendable (Part?) -> Void) -> Bool {
        lane.submit { [self] cancelled in
            // Those who are up to date come first.
            refresh()
            take(cancelled ? nil : part(after: position, filter))
        }
    }

    /// Looks for more where the last look failed.
    func retry() { look() }

    private func noteCommit() {
        state.withLock { $0.isBehind = true }
        look()
    }

    private func look() {
        let isNeeded = state.withLock { state in
            guard state.isBehind, !state.isLooking, !state.listeners.isEmpty else { return false }
            state.isLooking = true
            return true
        }
        guard isNeeded else { return }
        let isTaken = lane.submit { [self] _ in
            state.withLock { $0.isLooking = false }
            refresh()
        }
        if !isTaken { state.withLock { $0.isLooking = false } }
    }

    // MARK: On the thread

    /// Reads on until there is no more, waking the listeners after each part.
    private func refresh() {
        while let from = question() {
            do throws(StoreError) {
                try extend(from)
            } catch {
                // The next commit, or the next sign of life, tries again.
                state.withLock { $0.isBehind = true }
                return log.warn("events cannot be read", ["cause": error.description])
            }
            for waker in state.withLock({ Array($0.listeners.values) }) { waker.wake() }
        }
    }

    /// Where to read on, `some(nil)` to begin anew; nil when there is nothing to read.
    private func question() -> Int64?? {
        state.withLock { state in
            guard state.isBehind, !state.listeners.isEmpty else { return nil }
            state.isBehind = false
            return .some(state.entries == nil ? nil : state.last)
        }
    }

    private func extend(_ from: Int64?) throws(StoreError) {
        let (start, page) = try store.read { (session) throws(StoreError) -> (Int64, EventPage) in
            let usual = max(try session.firstEvent() - 1, try session.lastEvent() - Int64(Limits.eventsInTail), 0)
            let start = from ?? usual
            return (start, try session.events(after: start, limit: Limits.maximumPageItems))
        }
        // Encoded outside the lock, which server threads wait for.
        let entries = page.events.map { event in
            Entry(
                id: event.id, kind: event.kind, pipeline: event.pipeline, work: event.work,
                block: EventText.block(event))
        }
        state.withLock { state in
            if !page.isLast { state.isBehind = true }
            guard !state.listeners.isEmpty else { return }
            if from == nil {
                (state.entries, state.base, state.bytes) = ([], start, 0)
            }
            state.entries?.append(contentsOf: entries)
            state.last = page.reached
            state.bytes += entries.reduce(0) { $0 + $1.block.count }
            EventTail.trim(&state)
        }
    }

    /// Lets the oldest go, a quarter at a time so that little is moved.
    private static func trim(_ state: inout State) {
        guard let entries = state.entries else { return }
        let isFull = entries.count > Limits.eventsInTail * 5 / 4 || state.bytes > Limits.eventTailBytes * 5 / 4
        guard isFull else { return }
        var (count, bytes) = (0, state.bytes)
        while entries.count - count > Limits.eventsInTail || bytes > Limits.eventTailBytes, count < entries.count {
            bytes -= entries[count].block.count
            count += 1
        }
        state.base = entries[count - 1].id
        state.bytes = bytes
        state.entries?.removeFirst(count)
    }

    /// The place of the first entry behind `position`.
    private static func place(after position: Int64, _ entries: [Entry]) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id > position { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func part(after position: Int64, _ filter: EventFilter) -> Part? {
        do throws(StoreError) {
            return try store.read { (session) throws(StoreError) in
                let page = try session.events(filter, after: position, limit: Limits.eventsRead)
                let gap = EventGap.trimmed(
                    after: position, first: try session.firstEvent(), filter, next: page.events.first, at: clock.now())
                var (bytes, last) = (gap.map(EventText.block) ?? [], gap?.id)
                var (reached, isLast) = (page.reached, page.isLast)
                for event in page.events {
                    guard bytes.count < Limits.eventPageBytes else {
                        (reached, isLast) = (event.id - 1, false)
                        break
                    }
                    bytes += EventText.block(event)
                    last = event.id
                }
                let isOver = try filter.work.map { work throws(StoreError) in try session.isOver(work) } ?? false
                return Part(bytes: bytes, last: last, reached: reached, isEnd: isLast && isOver)
            }
        } catch {
            log.warn("events cannot be read", ["cause": error.description])
            return nil
        }
    }
}

extension ReadSession {
    /// Whether a run, backfill or audit is over, and nothing of it is in hand any more; one that the history has let go was.
    func isOver(_ work: String) throws(StoreError) -> Bool {
        if let run = try run(work) { return run.state.isFinal }
        if let backfill = try backfill(work) { return backfill.isSettled }
        return try audit(work)?.state.isFinal ?? true
    }
}
