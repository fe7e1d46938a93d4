public import Model
public import Platform
internal import SQLite

extension Loader {
    /// Reloads one partition of a backfill, in one transaction: afterwards the destination's rows in its range are the
    /// source's. Answers what it did; one that has committed before is not repeated.
    ///
    /// The step's watermark, the records of its loads and all that is judged by them stay as they are.
    ///
    /// - Parameter extracted: what `extractPartition` has read of it, which is used unless it is too old by now, and is
    ///   gone afterwards in any case.
    public func loadPartition(
        _ request: PartitionRequest, _ extracted: ExtractedPartition? = nil, stop: StopToken,
        progress: LoadProgress = LoadProgress()
    ) throws(Failure) -> PartitionResult {
        defer { extracted?.close() }
        let load = request.load
        try Loader.refuseToReload(load)
        // What was read for other files, or thrown away, is nothing to go on with.
        let open = extracted.flatMap { $0.request.use == request.use ? $0.take() : nil }
        return try worded(load, stop) { () throws(LoadStop) in
            var partition = try partition(request, stop, progress, open: open)
            partition.extracted = open == nil ? nil : extracted
            let session = partition.session
            do throws(LoadStop) {
                let result = try session.namingCasts { _ throws(LoadStop) in try commit(partition) }
                session.connection.obey(nil)
                partitionConnections.leave(partition.kept, for: request.use)
                return result
            } catch {
                session.close()
                progress.failed(session.trail.abandoned(attempt: load.attempt), session.checks.results)
                throw error
            }
        }
    }

    /// Reads a partition's rows of the source, to be written by `loadPartition` later; needs no lock of the destination, so
    /// that several may be read at the same time, and beside a load that writes.
    ///
    /// Nil where there is nothing to read ahead: then the partition is to be loaded in its turn, and says by itself what is
    /// wrong if anything is. What is answered holds the connection open until it is loaded or closed.
    public func extractPartition(
        _ request: PartitionRequest, stop: StopToken, progress: LoadProgress = LoadProgress()
    ) throws(Failure) -> ExtractedPartition? {
        let load = request.load
        guard PartitionRequest.mayBeExtracted(load.step, from: load.source, to: load.destination) else { return nil }
        try Loader.refuseToReload(load)
        return try worded(load, stop) { () throws(LoadStop) in
            let partition: PartitionLoad
            do throws(LoadStop) {
                partition = try self.partition(request, stop, progress)
            } catch {
                return try Loader.nilIfBusy(error)
            }
            let session = partition.session
            do throws(LoadStop) {
                let extracted = try session.namingCasts { _ throws(LoadStop) in
                    if let reason = stop.reason { throw .failure(LoadStopWording.stopped(reason)) }
                    return try partition.extract()
                }
                session.connection.obey(nil)
                if extracted == nil { partitionConnections.leave(partition.kept, for: request.use) }
                return extracted
            } catch {
                session.close()
                return try Loader.nilIfBusy(error)
            }
        }
    }

    /// What is locked now may be free when the partition's turn comes.
    private static func nilIfBusy(_ error: LoadStop) throws(LoadStop) -> ExtractedPartition? {
        if case .sqlite(let error) = error, error.isBusy { return nil }
        throw error
    }

    /// A partition's work on the connection that is `open`, or that an earlier one has left.
    private func partition(
        _ request: PartitionRequest, _ stop: StopToken, _ progress: LoadProgress, open: PartitionConnection? = nil
    ) throws(LoadStop) -> PartitionLoad {
        let scope = try PartitionScope(request.scheme, request.range, request.load.step)
        let open = open ?? partitionConnections.take(request.use)
        let session = try LoadSession(
            request.load, for: .load, clock: clock, stop: stop, progress: progress, views: views, open: open)
        let kept = if let open { open } else { try PartitionConnection(session) }
        return PartitionLoad(session: session, request: request, kept: kept, scope: scope)
    }

    /// Closes the files that the partitions of a backfill have left open for the next one; to be called when no other
    /// follows for now.
    public func closePartitions(of backfill: String) {
        partitionConnections.close(backfill)
    }

    /// What a partition did, as its destination recorded it; nil when it has not committed there, or was rolled back.
    public func committedPartition(
        backfill: String, number: Int, step: String, destination: DatabaseFile
    ) throws(Failure) -> PartitionResult? {
        guard destination.exists else { return nil }
        return try withLedger(destination, access: .readOnly) { ledger throws(LoadStop) in
            let partitions = PartitionLedger(ledger.connection)
            guard try partitions.exists() else { return nil }
            return try partitions.result(backfill: backfill, number: number, step: step)
        }
    }

    /// Runs a partition under the destination's write lock, with its record.
    private func commit(_ partition: PartitionLoad) throws(LoadStop) -> PartitionResult {
        let (session, request) = (partition.session, partition.request)
        let load = request.load
        if let reason = session.stop.reason { throw .failure(LoadStopWording.stopped(reason)) }
        session.trail.enter(.lock)
        let result = try session.transaction { () throws(LoadStop) -> PartitionResult in
            session.trail.enter(.look)
            try session.ledger.prepare()
            let ledger = PartitionLedger(session.connection)
            if let done = try ledger.result(backfill: load.run, number: request.number, step: load.step.name) {
                return done
            }
            guard try !UndoLedger(session.connection).isRolledBack(run: load.run, step: load.step.name) else {
                throw .failure(
                    Failure(
                        .conflict, "backfill \(load.run) was rolled back",
                        hint: "ask for another backfill of the range"))
            }
            if !request.isStaged { try session.watchTable() }
            let number = try ledger.commits(of: load.run, step: load.step.name) + 1
            guard number > request.committed else { throw .failure(Loader.replaced(request, holds: number - 1)) }
            let now = clock.now()
            session.trail.begin(number: number, at: now)
            if !request.isStaged { session.undo?.begin(number: number, held: nil, at: now) }
            session.checks.begin(at: now)
            var (result, staged) = try partition.run(as: number, at: now)
            result.warnings += session.checks.warnings
            if staged == nil { result.warnings += try session.undo?.settle(result.rows) ?? [] }
            var manifest = session.trail.take(number: number, attempt: load.attempt, at: now, counts: result.rows)
            // Partition after partition runs the same statements: the first tells of them.
            if number > 1 { manifest.statements = [] }
            try ledger.record(request, result, session.checks.results, manifest)
            if let staged {
                try ShadowLedger(session.connection).staged(
                    staged.shadow, request, at: number, there: staged.there, inside: staged.inside,
                    result.reconciliation)
            } else {
                try session.undo?.finish(result.rows, at: now)
            }
            return result
        }
        session.progress.committed()
        return result
    }

    /// The refusal to go on in a file that does not hold what the backfill has loaded before.
    private static func replaced(_ request: PartitionRequest, holds count: Int) -> Failure {
        Failure(
            .destinationChanged,
            "\(request.load.destination.path) holds \(count) of the \(request.committed) partitions that backfill "
                + "\(request.load.run) has loaded: another file, or an older copy, is in its place",
            hint: "put the file back and retry, or ask for another backfill of the range")
    }

    /// Refuses what cannot be reloaded by range, before its files are opened: opening a destination would make it.
    static func refuseToReload(_ load: LoadRequest) throws(Failure) {
        guard load.step.strategy != .cdc else {
            throw Failure(
                .unsupported, "step \(load.step.name) is loaded from change events, which cannot be reloaded by range",
                hint: "set its watermark back to apply events again, or audit it with heal", field: "strategy")
        }
        guard load.destination.exists else { throw nothingToReload(load) }
    }

    /// The refusal to reload a part of a table that is not there.
    static func nothingToReload(_ load: LoadRequest) -> Failure {
        Failure(
            .destinationMissing, "table \(load.step.destination.table) is not there, so no part of it can be reloaded",
            hint: "run pipeline \(load.pipeline) first: its first run makes the table", field: "destination.table")
    }
}
