public import Model
internal import Synchronization

/// One load of one step, as a worker is to carry it out.
public struct LoadRequest: Sendable, Equatable {
    /// The run's identifier.
    public var run: String
    /// The pipeline's name.
    public var pipeline: String
    /// The step.
    public var step: LoadStep
    /// The run's attempt, from 1; an attempt lower than one that has committed is fenced off.
    public var attempt: Int
    /// The source's file.
    public var source: DatabaseFile
    /// The destination's file.
    public var destination: DatabaseFile
    /// Rebuild the destination table from the whole source.
    public var fullRefresh: Bool
    /// Allow the removal of more rows than the step's `max_shrink`.
    public var allowShrink: Bool
    /// Whether it loads one partition of a backfill, whatever the step's runs do.
    var isPartition = false
    /// Whether a backfill writes the rows, a partition or all that it has staged: what it changes is kept whole.
    var isBackfill = false
    /// Whether an audit mends the rows, which `run` names then.
    var isAudit = false

    /// Makes a request.
    public init(
        run: String, pipeline: String, step: LoadStep, attempt: Int, source: DatabaseFile, destination: DatabaseFile,
        fullRefresh: Bool = false, allowShrink: Bool = false
    ) {
        self.run = run
        self.pipeline = pipeline
        self.step = step
        self.attempt = attempt
        self.source = source
        self.destination = destination
        self.fullRefresh = fullRefresh
        self.allowShrink = allowShrink
    }
}

extension LoadRequest {
    /// Whose commits it makes.
    var author: DestinationLedger.Author {
        .init(run: run, pipeline: pipeline, step: step.name, attempt: attempt, isAudit: isAudit)
    }

    /// Whether the table is built anew from the whole source.
    var isRebuild: Bool { !isPartition && (fullRefresh || step.strategy == .fullRefresh) }

    /// The step's cursor; a failure where an incremental strategy has none.
    ///
    /// Where the sequence of change events is yet to be found, it is called that.
    func cursor() throws(LoadStop) -> Cursor {
        if let cursor = step.cursor { return cursor }
        if step.strategy == .cdc { return Cursor(column: "sequence") }
        throw .failure(
            Failure(
                .missingCursor, "step \(step.name) has strategy \(step.strategy.rawValue) but no cursor",
                hint: "name the column that orders change, or use strategy: full_refresh", field: "cursor"))
    }
}

/// How far a load has come; written by its worker, read on any thread.
public final class LoadProgress: Sendable {
    private let read = Atomic<Int>(0)
    private let expected = Atomic<Int>(-1)
    private let commitCount = Atomic<Int>(0)
    private let failedLoad = Mutex<FinishedLoad?>(nil)

    /// Makes the progress of a load that has not begun.
    public init() {}

    /// Rows read so far, those of the commit in hand included.
    public var rowsRead: Int { read.load(ordering: .relaxed) }
    /// Rows the load expects to read in all; nil when it does not know.
    public var rowsExpected: Int? {
        let rows = expected.load(ordering: .relaxed)
        return rows < 0 ? nil : rows
    }
    /// Transactions of the destination committed so far.
    public var commits: Int { commitCount.load(ordering: .relaxed) }

    /// What is to be told of a load that failed: what its run had committed before, the checks, and the commit that was
    /// taken back; nil while it has not.
    public var failed: FinishedLoad? { failedLoad.withLock { $0 } }

    func failed(_ commit: CommitManifest?, _ checks: [CheckResult]) {
        guard let commit else { return }
        var result = LoadResult()
        result.manifest = LoadManifest(commits: [], failed: commit)
        result.checks = checks
        let load = FinishedLoad(result: result, watermark: nil)
        failedLoad.withLock { $0 = load }
    }

    func failed(after before: FinishedLoad) {
        failedLoad.withLock { failed in
            var load = before
            if let last = failed?.result {
                load.result.checks.merge(last.checks)
                load.result.manifest = LoadManifest(
                    commits: before.result.manifest?.commits ?? [],
                    commitsOmitted: before.result.manifest?.commitsOmitted ?? 0, failed: last.manifest?.failed)
            }
            failed = load
        }
    }

    func setRead(_ rows: Int) { read.store(rows, ordering: .relaxed) }
    func expect(_ rows: Int) { expected.store(rows, ordering: .relaxed) }
    func committed() { commitCount.wrappingAdd(1, ordering: .relaxed) }
}
