internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Keeps the board of freshness in step with the control database, and looks at the clock when a limit is passed.
///
/// It starts no work of pipelines, whatever it sees. May be used on any thread; only `begin` blocks.
final class FreshnessMonitor: Sendable {
    private struct Alarm {
        /// The one alarm that is set.
        var number: Int?
        var isOpen = false
    }

    /// How the pipelines stand.
    let board = FreshnessBoard()
    private let store: ControlStore
    private let catalog: Catalog
    private let clock: any Clock
    private let alarms: AlarmClock
    private let log: Log
    private let alarm = Mutex(Alarm())

    /// Makes a monitor that sees nothing before `watch`.
    init(store: ControlStore, catalog: Catalog, clock: any Clock, alarms: AlarmClock, log: Log) {
        self.store = store
        self.catalog = catalog
        self.clock = clock
        self.alarms = alarms
        self.log = log
    }

    /// Sees from now on what changes in the control database.
    func watch() {
        alarm.withLock { $0.isOpen = true }
        store.onTouch { [weak self] (names, transaction) throws(StoreError) in
            try self?.look(names, transaction) ?? {}
        } fail: { [weak self] names, error in
            self?.lookLater(names, error)
        }
    }

    /// Looks at every pipeline, and from now on at each when its time has come. Blocks.
    func begin() throws(StoreError) {
        let names = try store.read { (session) throws(StoreError) in try session.pipelineNames() }
        for batch in FreshnessMonitor.batches(names) {
            try store.write { (transaction) throws(StoreError) in for name in batch { transaction.touch(name) } }
        }
        turn()
    }

    /// Sees nothing any more; what is on the board is still judged by the clock.
    func end() {
        store.endTouches()
        alarm.withLock { alarm in
            alarm.isOpen = false
            alarm.number.map(alarms.cancel)
            alarm.number = nil
        }
    }

    // MARK: What changes

    private func look(_ names: Set<String>, _ transaction: Transaction) throws(StoreError) -> @Sendable () -> Void {
        var seen: [(name: String, news: (watch: FreshnessBoard.Watch, facts: FreshnessFacts)?)] = []
        for name in names {
            guard let watch = try watch(name, transaction) else {
                seen.append((name, nil))
                continue
            }
            let facts = try transaction.freshnessFacts(of: name)
            try record(watch.pipeline, facts, transaction)
            seen.append((name, (watch, facts)))
        }
        return { [self, seen] in
            let now = clock.now()
            var isSooner = false
            for (name, news) in seen where board.put(name, news, at: now) { isSooner = true }
            if isSooner { turn() }
        }
    }

    /// Records how a pipeline stands where that is another way than was recorded last, and tells of it, in one transaction: what was
    /// told before a crash is not told again, what was not is told at the next look.
    private func record(
        _ pipeline: Pipeline, _ facts: FreshnessFacts, _ transaction: Transaction
    ) throws(StoreError) {
        let now = transaction.now
        guard let freshness = PipelineFreshness(pipeline, facts, at: now) else { return }
        let last = try transaction.freshnessHistory(of: pipeline.name, Page(limit: 1)).items.first
        guard let change = FreshnessChange(freshness, at: now, after: last) else { return }
        try transaction.record(change, of: pipeline.name)
        try RunRecords.append(.freshness(change, of: pipeline.name), transaction)
        if let notice = change.notice(of: freshness, after: last) { try transaction.send(notice) }
    }

    /// The pipeline as it is stored now; nil when it is not, or when nobody can read its document.
    private func watch(_ name: String, _ transaction: Transaction) throws(StoreError) -> FreshnessBoard.Watch? {
        guard let version = try transaction.pipelineVersion(name) else { return nil }
        if let known = board.watch(name), known.version == version { return known }
        do throws(Failure) {
            return FreshnessBoard.Watch(version: version, pipeline: try catalog.pipeline(name, transaction))
        } catch {
            log.error("the freshness of a pipeline cannot be told", ["pipeline": name, "cause": error.message])
            return nil
        }
    }

    /// Tries again what failed: until then the board shows what was known before.
    private func lookLater(_ names: Set<String>, _ error: StoreError) {
        log.error("the freshness of pipelines could not be looked at", ["cause": error.description])
        alarms.set(at: clock.uptime() + Limits.recordPause) { [weak self] in self?.touch(Array(names)) }
    }

    private func touch(_ names: [String]) {
        for batch in FreshnessMonitor.batches(names) {
            store.write { (transaction) throws(StoreError) in
                for name in batch { transaction.touch(name) }
            } completion: { [weak self] result in
                guard case .failure(let error) = result, error.code != .stopping else { return }
                self?.lookLater(Set(batch), error)
            }
        }
    }

    /// The names in parts, so that no transaction keeps others waiting for long.
    private static func batches(_ names: [String]) -> [ArraySlice<String>] {
        stride(from: 0, to: names.count, by: Limits.freshnessBatch).map { names[$0...].prefix(Limits.freshnessBatch) }
    }

    // MARK: The clock

    /// Looks at those that a limit has passed, and sets the alarm for the next one.
    private func turn() {
        // Before the wall clock: time that passes in between makes the alarm early, never late.
        let uptime = clock.uptime()
        let now = clock.now()
        let (changed, next) = board.takeChanged(at: now)
        alarm.withLock { alarm in
            guard alarm.isOpen else { return }
            alarm.number.map(alarms.cancel)
            // The wall clock may be set while the alarm waits: it is looked at now and then.
            let wait = next.map { min($0.since(now), Limits.clockLookTime) } ?? Limits.clockLookTime
            alarm.number = alarms.set(at: uptime + max(wait, .zero)) { [weak self] in self?.turn() }
        }
        if !changed.isEmpty { touch(changed) }
    }
}
