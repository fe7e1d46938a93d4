public import Model
public import Platform
internal import SQLite

extension Loader {
    /// Publishes what a backfill has staged, in one transaction of its destination: readers see the old rows of its range
    /// or the new ones. Rows that other commits have changed since they were staged stay as they are, being newer.
    ///
    /// What is published already is not published again: the recorded result is answered. As a trial it changes nothing
    /// and tells what it would do. Fails with `conflict` where nothing is staged.
    public func publishBackfill(
        _ request: PublishRequest, stop: StopToken, progress: LoadProgress = LoadProgress()
    ) throws(Failure) -> PartitionResult {
        guard request.destination.exists else { throw Loader.nothingStaged(request.backfill) }
        let shadow: Shadow
        switch try place(of: request.backfill, step: request.step.name, request.destination) {
        case .published(let result, rolledBack: false)?: return result
        case .staged(let found)?: shadow = found
        case .published?, .discarded?, nil: throw Loader.nothingStaged(request.backfill)
        }
        let load = request.load(of: shadow.name)
        return try withSession(load, for: .load, stop: stop, progress: progress) { session throws(LoadStop) in
            var result = PartitionResult()
            do throws(LoadStop) {
                try session.transaction { () throws(LoadStop) in
                    result = try publish(load, request.step.columns, session)
                    if request.isTrial { throw .trialEnded }
                }
                progress.committed()
            } catch {
                guard case .trialEnded = error else {
                    progress.failed(session.trail.abandoned(attempt: load.attempt), session.checks.results)
                    throw error
                }
            }
            return result
        }
    }

    /// What publishing a backfill did, as its destination recorded it; nil when it is not published there, or was rolled
    /// back.
    public func committedPublish(
        backfill: String, step: String, destination: DatabaseFile
    ) throws(Failure) -> PartitionResult? {
        guard case .published(let result, rolledBack: false)? = try place(of: backfill, step: step, destination) else {
            return nil
        }
        return result
    }

    /// Throws away what a backfill has staged and not published; where there is nothing, nothing happens.
    public func discardStaged(backfill: String, step: String, destination: DatabaseFile) throws(Failure) {
        guard case .staged? = try place(of: backfill, step: step, destination) else { return }
        let now = clock.now()
        try withLedger(destination, access: .readWrite) { ledger throws(LoadStop) in
            let connection = ledger.connection
            try connection.stopping { db throws(SQLiteError) in try db.execute(LoadSession.settings) }
            try connection.transaction(.immediate, wrapping: { LoadStop.sqlite($0) }) { () throws(LoadStop) in
                try ledger.prepare()
                let shadows = ShadowLedger(connection)
                if case .staged(let shadow)? = try shadows.place(of: backfill, step: step) {
                    try shadows.discard(shadow, at: now)
                }
            }
        }
    }

    private func publish(
        _ load: LoadRequest, _ selection: ColumnSelection, _ session: LoadSession
    ) throws(LoadStop) -> PartitionResult {
        if let reason = session.stop.reason { throw .failure(LoadStopWording.stopped(reason)) }
        session.trail.enter(.look)
        try session.ledger.prepare()
        let shadows = ShadowLedger(session.connection)
        guard case .staged(let shadow)? = try shadows.place(of: load.run, step: load.step.name) else {
            throw .failure(Loader.nothingStaged(load.run))
        }
        // Triggers of its table may write others that rows are staged for.
        try ShadowWatch.watchAll(session.connection, but: shadow)
        let now = clock.now()
        session.trail.begin(number: 1, at: now)
        session.undo?.begin(number: 1, held: nil, at: now)
        session.checks.begin(at: now)
        var result = try PublishLoad(session: session, shadow: shadow, selection: selection).run(at: now)
        result.warnings += session.checks.warnings
        result.warnings += try session.undo?.settle(result.rows) ?? []
        let manifest = session.trail.take(number: 1, attempt: load.attempt, at: now, counts: result.rows)
        try shadows.published(shadow, result, manifest)
        try session.undo?.finish(result.rows, at: now)
        return result
    }

    /// Where a backfill's staged rows are, as the destination says now.
    private func place(
        of backfill: String, step: String, _ destination: DatabaseFile
    ) throws(Failure) -> ShadowLedger.Place? {
        guard destination.exists else { return nil }
        return try withLedger(destination, access: .readOnly) { ledger throws(LoadStop) in
            let shadows = ShadowLedger(ledger.connection)
            return try shadows.exists() ? try shadows.place(of: backfill, step: step) : nil
        }
    }

    private static func nothingStaged(_ backfill: String) -> Failure {
        Failure(
            .conflict, "backfill \(backfill) has staged nothing that could be published",
            hint: "look at its state and its partitions; a backfill that was cancelled or rolled back keeps nothing")
    }
}
