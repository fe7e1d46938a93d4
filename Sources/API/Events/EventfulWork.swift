internal import Engine
internal import Model
internal import Platform
internal import Store

/// A kind of work whose events can be followed from its beginning to its end: runs, backfills and audits.
struct EventfulWork: Sendable {
    /// What one is called in a path.
    let name: String
    /// Where the events of one are.
    let path: String
    /// The operation that gives them.
    let operation: String
    /// Whether there is one of an identifier.
    let isThere: @Sendable (String, ReadSession) throws(StoreError) -> Bool
    /// Says that there is none.
    let unknown: @Sendable (String) -> Problem
    /// How far one has come, which no log keeps; nil while it is not in hand, and where nobody counts.
    let progress: @Sendable (String, Services) -> JSONValue?

    /// All kinds.
    static let all = [run, backfill, audit]

    private static let run = EventfulWork(
        name: "run", path: "/v1/runs/{run}/events", operation: "get_run_events",
        isThere: { id, session throws(StoreError) in try session.run(id) != nil },
        unknown: { Problem.unknownRun($0) },
        progress: { id, services in services.engine.progress(of: id)?.wire(of: id) })

    private static let backfill = EventfulWork(
        name: "backfill", path: "/v1/backfills/{backfill}/events", operation: "get_backfill_events",
        isThere: { id, session throws(StoreError) in try session.backfill(id) != nil },
        unknown: { Problem.unknownBackfill($0) },
        progress: { id, services in
            let found = try? services.store.read { session throws(StoreError) in try session.backfill(id) }
            guard let backfill = found, backfill.partitions.running > 0 else { return nil }
            return backfill.progressWire(rowsInHand: services.engine.rowsInHand(of: id))
        })

    private static let audit = EventfulWork(
        name: "audit", path: "/v1/audits/{audit}/events", operation: "get_audit_events",
        isThere: { id, session throws(StoreError) in try session.audit(id) != nil },
        unknown: { Problem.unknownAudit($0) },
        progress: { _, _ in nil })
}
