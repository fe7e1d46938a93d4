public import Model
public import Platform
internal import Synchronization

/// How a pipeline stands, with a number by which to see whether that is still what was seen before.
public final class FreshnessStanding: Sendable {
    /// How it stands.
    public let freshness: PipelineFreshness
    /// Given once: another one says that something is different.
    public let revision: Int

    init(_ freshness: PipelineFreshness, revision: Int) {
        self.freshness = freshness
        self.revision = revision
    }
}

/// How all pipelines stand at one instant.
public struct FreshnessSnapshot: Sendable {
    /// The instant.
    public let at: Timestamp
    /// The pipelines by name.
    public let standings: [FreshnessStanding]
}

/// How fresh all pipelines are, in memory: what is asked for is judged by the clock at that moment, and from nothing else.
///
/// May be used on any thread; no call waits for the control database or for a file.
final class FreshnessBoard: Sendable {
    fileprivate struct Entry {
        var watch: Watch
        var facts: FreshnessFacts
        var standing: FreshnessStanding
    }

    /// A pipeline as its document says in one version.
    struct Watch: Sendable {
        let version: Int
        let pipeline: Pipeline
    }

    fileprivate struct State {
        var entries: [String: Entry] = [:]
        /// When each pipeline will stand otherwise.
        var changes = SchedulerState()
        /// All standings by name; nil when one of them is another by now.
        var ordered: [FreshnessStanding]?
        /// Pipelines whose state has changed by the clock alone since `takeChanged`.
        var changed: Set<String> = []
        var revisions = 0
        /// When `takeChanged` was last called.
        var evaluatedAt: Timestamp?
    }

    private let state = Mutex(State())

    /// Makes an empty board.
    init() {}

    /// What is known of a pipeline's document; nil when it is not on the board.
    func watch(_ name: String) -> Watch? { state.withLock { $0.entries[name]?.watch } }

    /// Puts a pipeline on the board, or what is new of it; nil takes it off. True when there is less time than before until
    /// something on the board changes by the clock.
    func put(_ name: String, _ news: (watch: Watch, facts: FreshnessFacts)?, at now: Timestamp) -> Bool {
        state.withLock { state in
            let before = state.changes.next()
            if let news, let freshness = PipelineFreshness(news.watch.pipeline, news.facts, at: now) {
                let standing = state.standing(freshness)
                state.entries[name] = Entry(watch: news.watch, facts: news.facts, standing: standing)
            } else {
                state.entries[name] = nil
                state.changes.set(name, nil)
                state.ordered = nil
            }
            state.changed.remove(name)
            guard let next = state.changes.next() else { return false }
            return before.map { next < $0 } ?? true
        }
    }

    /// When those that have changed by the clock were last asked for; nil when they never were.
    var evaluatedAt: Timestamp? { state.withLock { $0.evaluatedAt } }

    /// How a pipeline stands at `now`; nil when there is none of that name.
    func standing(of name: String, at now: Timestamp) -> FreshnessStanding? {
        state.withLock { state in
            state.catchUp(now)
            return state.entries[name]?.standing
        }
    }

    /// How all pipelines stand at `now`.
    func snapshot(at now: Timestamp) -> FreshnessSnapshot {
        state.withLock { state in
            state.catchUp(now)
            let ordered =
                state.ordered ?? state.entries.values.map(\.standing).sorted { $0.freshness.name < $1.freshness.name }
            state.ordered = ordered
            return FreshnessSnapshot(at: now, standings: ordered)
        }
    }

    /// The pipelines that have come to stand otherwise by the clock alone, each told once, and when the next one will; nil for
    /// never.
    func takeChanged(at now: Timestamp) -> (names: [String], next: Timestamp?) {
        state.withLock { state in
            state.catchUp(now)
            state.evaluatedAt = now
            defer { state.changed = [] }
            return (state.changed.sorted(), state.changes.next())
        }
    }
}

extension FreshnessBoard.State {
    /// Judges those anew that time has brought past a limit; all of them when the clock was set back.
    fileprivate mutating func catchUp(_ now: Timestamp) {
        if changes.noteSetBack(now) {
            for name in entries.keys { judge(name, now) }
            return
        }
        for name in changes.takeDue(at: now) { judge(name, now) }
    }

    private mutating func judge(_ name: String, _ now: Timestamp) {
        guard var entry = entries[name],
            let freshness = PipelineFreshness(entry.watch.pipeline, entry.facts, at: now)
        else { return }
        if freshness.state != entry.standing.freshness.state { changed.insert(name) }
        entry.standing = standing(freshness)
        entries[name] = entry
    }

    fileprivate mutating func standing(_ freshness: PipelineFreshness) -> FreshnessStanding {
        revisions += 1
        ordered = nil
        changes.set(freshness.name, freshness.changesAt)
        return FreshnessStanding(freshness, revision: revisions)
    }
}
