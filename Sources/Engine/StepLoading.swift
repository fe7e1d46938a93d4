public import Loading
public import Model
public import Platform

/// What the engine asks of a loader: `Loader` in the program, a scripted one where a test needs a load to wait or fail.
///
/// All blocking: for threads that we own. The engine sees to it that no two calls write one file at the same time.
public protocol StepLoading: Sendable {
    /// Carries out one load; ends early when `stop` is raised.
    func load(_ request: LoadRequest, stop: StopToken, progress: LoadProgress) throws(Failure) -> FinishedLoad
    /// Runs the statements of a step; ends early when `stop` is raised.
    func run(_ request: SQLRequest, stop: StopToken, progress: LoadProgress) throws(Failure) -> FinishedLoad
    /// What a run's finished load of a step, or its statements, did, as the destination recorded it; nil when it has not finished there.
    func committed(run: String, step: String, destination: DatabaseFile) throws(Failure) -> FinishedLoad?
    /// The step's watermark in the destination; nil when there is none.
    func watermark(pipeline: String, step: String, destination: DatabaseFile) throws(Failure) -> Watermark?
    /// What the next load would do; changes nothing.
    func plan(_ request: LoadRequest, stop: StopToken) throws(Failure) -> LoadPlan
    /// What the statements of a step would look at; changes nothing, and refuses what could not be run.
    func plan(_ request: SQLRequest, stop: StopToken) throws(Failure) -> LoadPlan
    /// Sets a step's watermark; answers the new one.
    func setWatermark(_ request: LoadRequest, to value: CursorValue, reason: String) throws(Failure) -> Watermark
    /// Removes a step's watermark; answers the removed one, nil when there was none.
    func removeWatermark(pipeline: String, step: String, destination: DatabaseFile) throws(Failure) -> Watermark?
    /// What setting, or with nil removing, the watermark would do; changes nothing.
    func previewWatermark(
        _ request: LoadRequest, to value: CursorValue?, stop: StopToken
    ) throws(Failure) -> WatermarkPreview
    /// Puts back what a run changed through `steps`, which all write `destination`; as a trial it changes nothing.
    func rollback(
        run: String, steps: [LoadStep], destination: DatabaseFile, isTrial: Bool
    ) throws(Failure) -> [StepRollback]
    /// The tables of a database that record their own changes.
    func captures(_ file: DatabaseFile, stop: StopToken) throws(Failure) -> [Capture]
    /// Makes a table record its own changes; answers how it stands then.
    func installCapture(_ file: DatabaseFile, table: String) throws(Failure) -> Capture
    /// Removes a table's capture; false when there was none.
    func removeCapture(_ file: DatabaseFile, table: String) throws(Failure) -> Bool
    /// Forgets a reader of a captured table's changes; false when there is none of that name.
    func forgetConsumer(_ consumer: String, of table: String, in file: DatabaseFile) throws(Failure) -> Bool
    /// The tables of a database.
    func inspect(_ file: DatabaseFile, stop: StopToken) throws(Failure) -> [TableSummary]
    /// Compares a step's source and destination, and mends what differs when asked to; ends early when `stop` is raised.
    func audit(_ request: LoadRequest, _ options: AuditOptions, stop: StopToken) throws(Failure) -> AuditResult
    /// Reloads one partition of a backfill, unless it has committed before; ends early when `stop` is raised. What was
    /// `extracted` of it is used if it may be, and closed.
    func loadPartition(
        _ request: PartitionRequest, _ extracted: ExtractedPartition?, stop: StopToken, progress: LoadProgress
    ) throws(Failure) -> PartitionResult
    /// Reads one partition of a backfill ahead; writes no file, and so may be called while another call writes the
    /// destination. Nil where there is nothing to read ahead.
    func extractPartition(
        _ request: PartitionRequest, stop: StopToken, progress: LoadProgress
    ) throws(Failure) -> ExtractedPartition?
    /// Closes the files that the partitions of a backfill have left open for the next one: no other follows for now.
    func closePartitions(of backfill: String)
    /// What a partition of a backfill did, as the destination recorded it; nil when it has not committed there.
    func committedPartition(
        backfill: String, number: Int, step: String, destination: DatabaseFile
    ) throws(Failure) -> PartitionResult?
    /// Publishes what a backfill has staged, unless that was done before; as a trial it changes nothing.
    func publishBackfill(
        _ request: PublishRequest, stop: StopToken, progress: LoadProgress
    ) throws(Failure) -> PartitionResult
    /// What publishing a backfill did, as the destination recorded it; nil when it is not published.
    func committedPublish(
        backfill: String, step: String, destination: DatabaseFile
    ) throws(Failure) -> PartitionResult?
    /// Throws away what a backfill has staged and not published.
    func discardStaged(backfill: String, step: String, destination: DatabaseFile) throws(Failure)
    /// Which intervals of a step's cursor are loaded, as the destination has recorded it; reads only.
    func ledger(
        pipeline: String, step: LoadStep, destination: DatabaseFile, stop: StopToken
    ) throws(Failure) -> Ledger
    /// Refuses a partition that could not be loaded, whatever its rows hold; reads only.
    func checkPartition(_ request: PartitionRequest, stop: StopToken) throws(Failure)
    /// What a backfill of `ranges` would read and rewrite; changes nothing, and refuses what could not be loaded.
    func estimatePartitions(
        _ request: LoadRequest, scheme: PartitionScheme, ranges: [PartitionRange], stop: StopToken
    ) throws(Failure) -> PartitionEstimates
    /// What a table looks like, for advice; reads only.
    func survey(_ table: String, in file: DatabaseFile, stop: StopToken) throws(Failure) -> TableFacts
}

extension Loader: StepLoading {}
