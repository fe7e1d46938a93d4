public import Model
public import Platform
internal import SQLite

/// Loads rows from a source into a destination, and keeps the watermarks there.
///
/// Every method blocks until its work is done and may be called on any thread that may block; the caller sees to it
/// that no two of them write one destination file at the same time.
public final class Loader: Sendable {
    let clock: any Clock
    private let rowsPerCommit: Int
    /// What partitions of backfills have left open.
    let partitionConnections = PartitionConnections()
    let views = SourceViews()

    /// Makes a loader; large loads are cut into commits of about `rowsPerCommit` rows.
    public init(clock: any Clock, rowsPerCommit: Int = Limits.rowsPerCommit) {
        self.clock = clock
        self.rowsPerCommit = max(1, rowsPerCommit)
    }

    /// Carries out a load; answers what it did over all its commits, also those of earlier attempts of the same run.
    ///
    /// A load whose record is already final in the destination is not repeated. Whatever fails, the destination holds
    /// what the last commit left: rows, watermark and record together.
    public func load(
        _ request: LoadRequest, stop: StopToken, progress: LoadProgress = LoadProgress()
    ) throws(Failure) -> FinishedLoad {
        var isCaptured = false
        let finished: FinishedLoad
        do throws(Failure) {
            finished = try run(request, stop, progress, &isCaptured)
        } catch {
            // What cannot be noted now is noted by the next load that is refused.
            if isCaptured { try? noteRestored(request) }
            guard let before = try? unfinished(request) else { throw error }
            progress.failed(after: before)
            throw error.after(before)
        }
        if isCaptured, case .integer(let applied)? = finished.watermark?.value {
            // What cannot be trimmed now is trimmed after a later load; the load itself is done.
            try? advanceCapture(request, to: applied)
        }
        return finished
    }

    private func run(
        _ request: LoadRequest, _ stop: StopToken, _ progress: LoadProgress, _ isCaptured: inout Bool
    ) throws(Failure) -> FinishedLoad {
        try withSession(request, for: .load, stop: stop, progress: progress) { session throws(LoadStop) in
            isCaptured = try session.capture() != nil
            var load = try stepLoad(session)
            while true {
                do throws(LoadStop) {
                    let finished = try commit(session) { now throws(LoadStop) in try load.next(at: now) }
                    if let finished { return finished }
                } catch {
                    progress.failed(session.trail.abandoned(attempt: request.attempt), session.checks.results)
                    throw error
                }
            }
        }
    }

    /// The way in which the session's step finds and writes what changed.
    private func stepLoad(_ session: LoadSession) throws(LoadStop) -> any StepLoad {
        if let capture = try session.captureToBegin() {
            // From now on nothing above what the table holds is trimmed.
            do throws(Failure) { try advanceCapture(session.request, to: nil) } catch { throw .failure(error) }
            return FullRefreshLoad(session: session, capture: capture)
        }
        if session.request.fullRefresh {
            try session.refuseRebuildFromEvents()
            return FullRefreshLoad(session: session)
        }
        switch session.request.step.strategy {
        case .fullRefresh: return FullRefreshLoad(session: session)
        case .snapshotDiff: return SnapshotDiffLoad(session: session)
        case .timestamp, .sequence, .cdc:
            // What a query says of the whole load must be able to take the whole load back: a commit that stayed would
            // be passed over by the next attempt, and never be asked for again.
            let isOne = session.request.step.checks.contains { $0.type == .sql && $0.severity == .error }
            return IncrementalLoad(
                session, cursor: try session.request.cursor(), rowsPerCommit: isOne ? .max : rowsPerCommit)
        }
    }

    /// What the run's load of a step did, when its record in the destination is final; nil when it is not.
    public func committed(run: String, step: String, destination: DatabaseFile) throws(Failure) -> FinishedLoad? {
        guard destination.exists else { return nil }
        return try withLedger(destination, access: .readOnly) { ledger throws(LoadStop) in
            guard try ledger.exists(), var load = try ledger.finished(run: run, step: step) else { return nil }
            load.result.manifest = try ledger.manifest(run: run, step: step)
            load.result.checks = try ledger.checks(run: run, step: step)
            return load
        }
    }

    /// The tables and views of a database, for people.
    public func inspect(_ file: DatabaseFile, stop: StopToken) throws(Failure) -> [TableSummary] {
        try withFile(file, .readOnly, stop) { connection throws(LoadStop) in
            try connection.stopping { db throws(SQLiteError) in try db.tables(in: "main") }
        }
    }

    // MARK: Transactions

    /// Runs one commit of a load: under the destination's write lock, past the fence, with its record.
    ///
    /// Answers the finished load when this commit, or an earlier attempt's, was its last; nil when more follow.
    @discardableResult
    func commit(
        _ session: LoadSession, _ work: (Timestamp) throws(LoadStop) -> DestinationLedger.Record
    ) throws(LoadStop) -> FinishedLoad? {
        let request = session.request
        if let reason = session.stop.reason { throw .failure(LoadStopWording.stopped(reason)) }
        var number = 1
        session.trail.enter(.lock)
        var finished = try session.transaction { () throws(LoadStop) -> FinishedLoad? in
            session.trail.enter(.look)
            try session.ledger.prepare()
            let before = try session.ledger.committed(run: request.run, step: request.step.name)
            number = (before?.result.commits ?? 0) + 1
            session.readByRun = before?.result.counts.read ?? 0
            if let before, before.isFinal { return try session.ledger.finished(before, request.step.name) }
            try before?.fence(request.attempt)
            try session.watchTable()
            let now = clock.now()
            session.trail.begin(number: number, at: now)
            if let undo = session.undo {
                undo.begin(
                    number: number, held: try session.ledger.watermark(request.pipeline, request.step.name), at: now)
            }
            session.checks.begin(at: now)
            var record = try work(now)
            record.checks = session.checks.results
            record.warnings += session.checks.warnings
            record.warnings += try session.undo?.settle(record.counts) ?? []
            let manifest = session.trail.take(number: number, attempt: request.attempt, at: now, counts: record.counts)
            try session.ledger.record(record, manifest, by: request.author)
            try session.undo?.finish(record.counts, at: now)
            return record.isFinal ? try session.ledger.finished(run: request.run, step: request.step.name) : nil
        }
        session.trail.committed(number: number)
        session.progress.committed()
        if finished != nil {
            let manifest = try session.ledger.manifest(run: request.run, step: request.step.name)
            finished?.result.manifest = manifest.map(session.trail.completed)
            finished?.result.checks = try session.ledger.checks(run: request.run, step: request.step.name)
        }
        return finished
    }

    /// Opens a load's session, runs `body`, closes it, and puts what goes wrong into words.
    func withSession<Result>(
        _ request: LoadRequest, for purpose: LoadSession.Purpose, stop: StopToken, progress: LoadProgress,
        _ body: (LoadSession) throws(LoadStop) -> Result
    ) throws(Failure) -> Result {
        try worded(request, stop) { () throws(LoadStop) in
            let session = try LoadSession(
                request, for: purpose, clock: clock, stop: stop, progress: progress, views: views)
            defer { session.close() }
            return try session.namingCasts(body)
        }
    }

    /// Puts what goes wrong in a load into words.
    func worded<Result>(
        _ request: LoadRequest, _ stop: StopToken, _ body: () throws(LoadStop) -> Result
    ) throws(Failure) -> Result {
        do throws(LoadStop) {
            return try body()
        } catch {
            throw LoadStopWording(
                source: request.source, destination: request.destination, table: request.step.destination.table,
                stop: stop
            ).failure(error)
        }
    }

    /// Opens a destination for its ledger alone.
    func withLedger<Result>(
        _ file: DatabaseFile, access: Connection.Access, _ body: (DestinationLedger) throws(LoadStop) -> Result
    ) throws(Failure) -> Result {
        try withFile(file, access, StopToken()) { connection throws(LoadStop) in try body(DestinationLedger(connection))
        }
    }

    /// Opens a database alone, runs `body`, closes it, and puts what goes wrong into words; `isRun` tells whether a run
    /// needs it, which is tried again by itself.
    func withFile<Result>(
        _ file: DatabaseFile, _ access: Connection.Access, _ stop: StopToken, isRun: Bool = false,
        _ body: (Connection) throws(LoadStop) -> Result
    ) throws(Failure) -> Result {
        do throws(LoadStop) {
            let connection: Connection
            do throws(SQLiteError) {
                connection = try Connection(path: file.path, access: access, stop: stop)
            } catch {
                throw .sqlite(error)
            }
            defer { connection.close() }
            return try body(connection)
        } catch {
            throw Loader.wording(file, stop, isRun: isRun).failure(error)
        }
    }

    static func wording(_ file: DatabaseFile, _ stop: StopToken, isRun: Bool = false) -> LoadStopWording {
        LoadStopWording(source: file, destination: file, table: "", stop: stop, isRun: isRun)
    }
}
