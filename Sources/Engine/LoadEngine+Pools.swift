internal import Model
internal import Platform
internal import Store

/// What a queued run waits for.
public struct RunWait: Sendable, Equatable {
    /// The kinds; programs depend on the words.
    public enum Reason: String, Sendable {
        case pipeline, time, pool, connection, file, worker, turn
    }

    /// What it waits for.
    public let reason: Reason
    /// The pool's or connection's name, where it waits for a place.
    public let name: String?
    /// The jobs that have what it waits for.
    public let jobs: [String]
}

extension LoadEngine {
    /// What a queued run waits for; nil when it does not wait. May be called on any thread.
    public func wait(of run: String) -> RunWait? {
        switch dispatcher.wait(of: run) {
        case nil: nil
        case .pipeline(let run)?: RunWait(reason: .pipeline, name: nil, jobs: [run])
        case .time?: RunWait(reason: .time, name: nil, jobs: [])
        case .pool(.named(let name), let jobs)?: RunWait(reason: .pool, name: name, jobs: jobs)
        case .pool(.connection(let name), let jobs)?: RunWait(reason: .connection, name: name, jobs: jobs)
        case .file(let job)?: RunWait(reason: .file, name: nil, jobs: [job])
        case .worker?: RunWait(reason: .worker, name: nil, jobs: [])
        case .turn?: RunWait(reason: .turn, name: nil, jobs: [])
        }
    }

    /// How many runs and partitions are in hand in a pool, and how many wait for a place of it.
    public func use(ofPool name: String) -> (running: Int, waiting: Int) {
        dispatcher.use(of: .named(name))
    }

    /// A connection was stored or removed: what limits the loads that read from it holds from here on.
    public func connectionChanged(_ name: String) {
        limit(.connection(name)) { (session) throws(StoreError) in
            try session.connection(name).flatMap { LoadEngine.number("max_concurrent", in: $0) }
        }
    }

    /// A pool was stored or removed: its number of places holds from here on.
    public func poolChanged(_ name: String) {
        limit(.named(name)) { (session) throws(StoreError) in
            try session.pool(name).flatMap { LoadEngine.number("slots", in: $0) }
        }
    }

    /// Learns the limits of all pools and connections; before any job starts.
    func learnLimits() throws(StoreError) {
        let limits = try store.read { (session) throws(StoreError) in
            var limits: [(SlotPool, Int)] = []
            for stored in try session.all({ (page) throws(StoreError) in try session.pools(page) }) {
                if let slots = LoadEngine.number("slots", in: stored) { limits.append((.named(stored.name), slots)) }
            }
            for stored in try session.all({ (page) throws(StoreError) in try session.connections(page) }) {
                let most = LoadEngine.number("max_concurrent", in: stored)
                if let most { limits.append((.connection(stored.name), most)) }
            }
            return limits
        }
        for (pool, places) in limits { dispatcher.limit(pool, to: places) }
    }

    private func limit(_ pool: SlotPool, _ read: (ReadSession) throws(StoreError) -> Int?) {
        do throws(StoreError) {
            dispatcher.limit(pool, to: try store.read(read))
        } catch {
            log.error("a limit could not be read", ["of": pool.text, "cause": error.description])
        }
    }

    /// A number of a stored definition, which was checked when it was put there.
    private static func number(_ key: String, in stored: StoredDefinition) -> Int? {
        (try? JSONValue(parsing: stored.definition.utf8))?[key]?.integer.map { Int($0) }
    }
}

extension ReadSession {
    /// All items of a list, a page at a time.
    fileprivate func all<Item>(
        _ read: (Page) throws(StoreError) -> Listing<Item>
    ) throws(StoreError) -> [Item] {
        var items: [Item] = []
        var cursor: String?
        repeat {
            let listing = try read(Page(limit: Limits.maximumPageItems, cursor: cursor))
            items += listing.items
            cursor = listing.nextCursor
        } while cursor != nil
        return items
    }
}
