public import Model
public import Platform
internal import SQLite

extension Loader {
    /// Runs the statements of a step in one transaction of their destination, with the record of it and the end of its
    /// window; answers what they did. What its record says to be done is not repeated.
    public func run(
        _ request: SQLRequest, stop: StopToken, progress: LoadProgress = LoadProgress()
    ) throws(Failure) -> FinishedLoad {
        try withScript(request, .create, stop) { connection, trail throws(LoadStop) in
            if let reason = stop.reason { throw .failure(LoadStopWording.stopped(reason)) }
            var checks: [CheckResult] = []
            do throws(LoadStop) {
                trail.enter(.lock)
                var finished = try connection.transaction(.immediate, wrapping: { LoadStop.sqlite($0) }) {
                    () throws(LoadStop) in
                    try commit(request, connection, trail, &checks)
                }
                trail.committed(number: 1)
                progress.committed()
                let ledger = DestinationLedger(connection)
                finished.result.manifest = try ledger.manifest(run: request.run, step: request.step.name)
                    .map(trail.completed)
                finished.result.checks = try ledger.checks(run: request.run, step: request.step.name)
                return finished
            } catch {
                progress.failed(trail.abandoned(attempt: request.attempt), checks)
                throw error
            }
        }
    }

    private func commit(
        _ request: SQLRequest, _ connection: Connection, _ trail: LoadTrail, _ checks: inout [CheckResult]
    ) throws(LoadStop) -> FinishedLoad {
        trail.enter(.look)
        let ledger = DestinationLedger(connection)
        try ledger.prepare()
        if let before = try ledger.committed(run: request.run, step: request.step.name) {
            if before.isFinal { return try ledger.finished(before, request.step.name) }
            try before.fence(request.attempt)
        }
        let now = clock.now()
        trail.begin(number: 1, at: now)
        let window = request.window(after: try ledger.windowEnd(request.pipeline, request.step.name))
        trail.enter(.write)
        let watched = try ShadowWatch.watchAll(connection)
        let counts = try ScriptRun(
            connection: connection, step: request.step, values: request.values(window), trail: trail
        ).run()
        try ShadowWatch.settle(watched, connection)
        checks = try ScriptChecks(connection: connection, checks: request.step.checks, trail: trail).results()
        try ScriptChecks.failOnError(checks)
        var record = DestinationLedger.Record(
            counts: counts, watermarkBefore: nil, watermarkAfter: nil, key: [], window: window.text,
            warnings: ScriptChecks.warnings(checks), isFinal: true)
        record.checks = checks
        let manifest = trail.take(number: 1, attempt: request.attempt, at: now, counts: counts)
        try ledger.record(record, manifest, by: request.author)
        try ledger.write(windowEnd: window.end, request.pipeline, request.step.name)
        let result = LoadResult(
            counts: counts, commits: 1, warnings: record.warnings, window: window.text)
        return FinishedLoad(result: result, watermark: nil)
    }

    /// What the step would do now: its statements, prepared and not run, and its window; changes nothing.
    public func plan(_ request: SQLRequest, stop: StopToken) throws(Failure) -> LoadPlan {
        let exists = request.destination.exists
        var plan = LoadPlan(
            step: request.step.name, strategy: nil, watermark: request.watermark, from: nil, to: nil, rows: 0,
            columns: [], createsDestination: !exists, statements: request.step.script.statements.map(\.sql),
            fullScans: [], suggestedIndexes: [], warnings: [])
        var window = request.window(after: nil)
        if exists {
            try withScript(request, .readOnly, stop) { connection, trail throws(LoadStop) in
                let ledger = DestinationLedger(connection)
                if try ledger.exists() {
                    window = request.window(after: try ledger.windowEnd(request.pipeline, request.step.name))
                }
                plan.warnings = try ScriptRun(
                    connection: connection, step: request.step, values: request.values(window), trail: trail
                ).prepare()
            }
        } else {
            plan.warnings = [
                LoadWarning(
                    code: "statement_unchecked",
                    message: "the destination's file does not exist yet, so that the statements could not be checked")
            ]
        }
        plan.from = window.start.map { .text(Array($0.utf8)) }
        plan.to = .text(Array(window.end.utf8))
        return plan
    }

    /// Opens a destination alone, runs `body`, closes it, and puts what goes wrong into words.
    private func withScript<Result>(
        _ request: SQLRequest, _ access: Connection.Access, _ stop: StopToken,
        _ body: (Connection, LoadTrail) throws(LoadStop) -> Result
    ) throws(Failure) -> Result {
        try withFile(request.destination, access, stop, isRun: true) { connection throws(LoadStop) in
            let trail = LoadTrail(clock: clock)
            if access == .create {
                try connection.stopping { db throws(SQLiteError) in try Loader.prepare(db) }
            }
            return try body(connection, trail)
        }
    }

    /// As durable and as bounded as a load is; what a person's statements see of foreign keys and of names is SQLite's
    /// own.
    private static func prepare(_ connection: Connection) throws(SQLiteError) {
        if try connection.first("SELECT 1 FROM sqlite_schema LIMIT 1") == nil {
            try connection.execute("PRAGMA main.journal_mode = WAL")
        }
        try connection.execute(
            """
            PRAGMA main.synchronous = FULL;
            PRAGMA main.journal_size_limit = \(Limits.journalBytes);
            PRAGMA main.cache_size = -\(Limits.loadCacheBytes / 1024);
            """)
    }
}
