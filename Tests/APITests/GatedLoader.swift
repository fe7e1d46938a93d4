import Engine
import Loading
import Model
import Platform

/// The real loader, whose loads tell that they begin and wait until they may go on.
final class GatedLoader: StepLoading {
    private let loader: Loader
    private let state = Monitor((hasBegun: false, mayGoOn: false))

    init(clock: any Clock) { loader = Loader(clock: clock) }

    /// Waits, ten seconds at most, until a load has begun.
    func waitForLoad() -> Bool {
        state.wait(upTo: .seconds(10)) { $0.hasBegun ? true : nil } ?? false
    }

    /// Lets loads go on.
    func open() { state.update { $0.mayGoOn = true } }

    func load(_ request: LoadRequest, stop: StopToken, progress: LoadProgress) throws(Failure) -> FinishedLoad {
        state.update { $0.hasBegun = true }
        _ = state.wait(upTo: .seconds(10)) { $0.mayGoOn ? true : nil }
        return try loader.load(request, stop: stop, progress: progress)
    }

    func committed(run: String, step: String, destination: DatabaseFile) throws(Failure) -> FinishedLoad? {
        try loader.committed(run: run, step: step, destination: destination)
    }

    func watermark(pipeline: String, step: String, destination: DatabaseFile) throws(Failure) -> Watermark? {
        try loader.watermark(pipeline: pipeline, step: step, destination: destination)
    }

    func plan(_ request: LoadRequest, stop: StopToken) throws(Failure) -> LoadPlan {
        try loader.plan(request, stop: stop)
    }

    func setWatermark(_ request: LoadRequest, to value: CursorValue, reason: String) throws(Failure) -> Watermark {
        try loader.setWatermark(request, to: value, reason: reason)
    }

    func removeWatermark(pipeline: String, step: String, destination: DatabaseFile) throws(Failure) -> Watermark? {
        try loader.removeWatermark(pipeline: pipeline, step: step, destination: destination)
    }

    func previewWatermark(
        _ request: LoadRequest, to value: CursorValue?, stop: StopToken
    ) throws(Failure) -> WatermarkPreview {
        try loader.previewWatermark(request, to: value, stop: stop)
    }

    func rollback(
        run: String, steps: [LoadStep], destination: DatabaseFile, isTrial: Bool
    ) throws(Failure) -> [StepRollback] {
        try loader.rollback(run: run, steps: steps, destination: destination, isTrial: isTrial)
    }

    func captures(_ file: DatabaseFile, stop: StopToken) throws(Failure) -> [Capture] {
        try loader.captures(file, stop: stop)
    }

    func installCapture(_ file: DatabaseFile, table: String) throws(Failure) -> Capture {
        try loader.installCapture(file, table: table)
    }

    func removeCapture(_ file: DatabaseFile, table: String) throws(Failure) -> Bool {
        try loader.removeCapture(file, table: table)
    }

    func forgetConsumer(_ consumer: String, of table: String, in file: DatabaseFile) throws(Failure) -> Bool {
        try loader.forgetConsumer(consumer, of: table, in: file)
    }

    func inspect(_ file: DatabaseFile, stop: StopToken) throws(Failure) -> [TableSummary] {
        try loader.inspect(file, stop: stop)
    }

    func audit(_ request: LoadRequest, _ options: AuditOptions, stop: StopToken) throws(Failure) -> AuditResult {
        try loader.audit(request, options, stop: stop)
    }

    func loadPartition(
        _ request: PartitionRequest, stop: StopToken, progress: LoadProgress
    ) throws(Failure) -> PartitionResult {
        state.update { $0.hasBegun = true }
        _ = state.wait(upTo: .seconds(10)) { $0.mayGoOn ? true : nil }
        return try loader.loadPartition(request, stop: stop, progress: progress)
    }

    func committedPartition(
        backfill: String, number: Int, step: String, destination: DatabaseFile
    ) throws(Failure) -> PartitionResult? {
        try loader.committedPartition(backfill: backfill, number: number, step: step, destination: destination)
    }

    func ledger(
        pipeline: String, step: LoadStep, destination: DatabaseFile, stop: StopToken
    ) throws(Failure) -> Ledger {
        try loader.ledger(pipeline: pipeline, step: step, destination: destination, stop: stop)
    }

    func survey(_ table: String, in file: DatabaseFile, stop: StopToken) throws(Failure) -> TableFacts {
        try loader.survey(table, in: file, stop: stop)
    }
}
