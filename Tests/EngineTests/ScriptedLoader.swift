import Engine
import Loading
import Model
import Platform
import Synchronization

/// The real loader, with a script for what happens before and after each load.
final class ScriptedLoader: StepLoading {
    /// What a script may look at.
    struct Moment: Sendable {
        let request: LoadRequest
        let stop: StopToken
        /// How many loads of the step have begun, this one included.
        let number: Int
    }

    typealias Script = @Sendable (Moment) throws(Failure) -> Void
    typealias PartitionScript = @Sendable (PartitionRequest, StopToken) throws(Failure) -> Void
    typealias DiscardScript = @Sendable () throws(Failure) -> Void
    typealias SQLScript = @Sendable (SQLRequest, StopToken) throws(Failure) -> Void
    typealias PublishScript = @Sendable (StopToken) throws(Failure) -> Void

    private struct State {
        var before: Script?
        var after: Script?
        var beforeSQL: SQLScript?
        var afterSQL: SQLScript?
        var beforeAudit: Script?
        var beforePartition: PartitionScript?
        var afterPartition: PartitionScript?
        var extraction: (before: PartitionScript?, after: PartitionScript?)
        var used: [Bool] = []
        var publish: (before: PublishScript?, after: PublishScript?)
        var beforeDiscard: DiscardScript?
        var partitions: [PartitionRequest] = []
        var begun: [String: Int] = [:]
        var calls: [LoadRequest] = []
        var writing: [String: Int] = [:]
        /// The runs of the loads in hand, by pipeline.
        var inHand: [String: [String]] = [:]
        var clashes: [String] = []
    }

    private let loader: Loader
    private let state = Mutex(State())

    init(clock: any Clock) {
        loader = Loader(clock: clock)
    }

    /// Runs `script` at the start of each load.
    func before(_ script: @escaping Script) { state.withLock { $0.before = script } }
    /// Runs `script` after each load has committed, before the engine hears of it.
    func after(_ script: @escaping Script) { state.withLock { $0.after = script } }
    /// Runs `before` before the statements of a step, and `after` once they have committed, before the engine hears of it.
    func aroundSQL(before: SQLScript? = nil, after: SQLScript? = nil) {
        state.withLock {
            $0.beforeSQL = before
            $0.afterSQL = after
        }
    }
    /// Runs `script` at the start of each audit.
    func beforeAudit(_ script: @escaping Script) { state.withLock { $0.beforeAudit = script } }
    /// Runs `script` at the start of each partition of a backfill.
    func beforePartition(_ script: @escaping PartitionScript) { state.withLock { $0.beforePartition = script } }
    /// Runs `script` after each partition has committed, before the engine hears of it.
    func afterPartition(_ script: @escaping PartitionScript) { state.withLock { $0.afterPartition = script } }
    /// Runs `before` before a partition is read ahead, and `after` once it is.
    func aroundExtraction(before: PartitionScript? = nil, after: PartitionScript? = nil) {
        state.withLock { $0.extraction = (before, after) }
    }
    /// Whether what was read ahead was used, for each partition that was loaded with such.
    var used: [Bool] { state.withLock { $0.used } }
    /// Runs `before` before what was staged is published, and `after` once that has committed, before the engine hears of
    /// it; trials are left alone.
    func aroundPublish(before: PublishScript? = nil, after: PublishScript? = nil) {
        state.withLock { $0.publish = (before, after) }
    }
    /// Runs `script` before what was staged is thrown away.
    func beforeDiscard(_ script: @escaping DiscardScript) { state.withLock { $0.beforeDiscard = script } }
    /// The partitions that began, in their order.
    var partitions: [PartitionRequest] { state.withLock { $0.partitions } }
    /// The loads that began, in their order.
    var calls: [LoadRequest] { state.withLock { $0.calls } }
    /// Files that two loads wrote at the same time, and pipelines that had two runs in hand.
    var clashes: [String] { state.withLock { $0.clashes } }

    func load(_ request: LoadRequest, stop: StopToken, progress: LoadProgress) throws(Failure) -> FinishedLoad {
        let name = request.pipeline + "/" + request.step.name
        let (number, before, after) = state.withLock { state in
            state.calls.append(request)
            state.begun[name, default: 0] += 1
            for name in ScriptedLoader.exclusive(request) {
                state.writing[name, default: 0] += 1
                if state.writing[name] != 1 { state.clashes.append(name) }
            }
            // Steps of one run may run side by side, runs of one pipeline may not.
            state.inHand[request.pipeline, default: []].append(request.run)
            if state.inHand[request.pipeline]?.contains(where: { $0 != request.run }) == true {
                state.clashes.append("pipeline \(request.pipeline)")
            }
            return (state.begun[name] ?? 0, state.before, state.after)
        }
        defer {
            state.withLock { state in
                for name in ScriptedLoader.exclusive(request) { state.writing[name, default: 0] -= 1 }
                if let place = state.inHand[request.pipeline]?.firstIndex(of: request.run) {
                    state.inHand[request.pipeline]?.remove(at: place)
                }
            }
        }
        let moment = Moment(request: request, stop: stop, number: number)
        try before?(moment)
        let result = try loader.load(request, stop: stop, progress: progress)
        try after?(moment)
        return result
    }

    func run(_ request: SQLRequest, stop: StopToken, progress: LoadProgress) throws(Failure) -> FinishedLoad {
        let (before, after) = state.withLock { ($0.beforeSQL, $0.afterSQL) }
        try before?(request, stop)
        let result = try loader.run(request, stop: stop, progress: progress)
        try after?(request, stop)
        return result
    }

    func plan(_ request: SQLRequest, stop: StopToken) throws(Failure) -> LoadPlan {
        try loader.plan(request, stop: stop)
    }

    private static func exclusive(_ request: LoadRequest) -> [String] { [request.destination.path] }

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
        let before = state.withLock { $0.beforeAudit }
        try before?(Moment(request: request, stop: stop, number: 1))
        return try loader.audit(request, options, stop: stop)
    }

    func extractPartition(
        _ request: PartitionRequest, stop: StopToken, progress: LoadProgress
    ) throws(Failure) -> ExtractedPartition? {
        let (before, after) = state.withLock { $0.extraction }
        try before?(request, stop)
        let extracted = try loader.extractPartition(request, stop: stop, progress: progress)
        try after?(request, stop)
        return extracted
    }

    func loadPartition(
        _ request: PartitionRequest, _ extracted: ExtractedPartition?, stop: StopToken, progress: LoadProgress
    ) throws(Failure) -> PartitionResult {
        let path = request.load.destination.path
        let (before, after) = state.withLock { state in
            state.partitions.append(request)
            state.writing[path, default: 0] += 1
            if state.writing[path] != 1 { state.clashes.append(path) }
            return (state.beforePartition, state.afterPartition)
        }
        defer { state.withLock { $0.writing[path, default: 0] -= 1 } }
        try before?(request, stop)
        let result = try loader.loadPartition(request, extracted, stop: stop, progress: progress)
        if let extracted { state.withLock { $0.used.append(extracted.isUsed) } }
        try after?(request, stop)
        return result
    }

    func closePartitions(of backfill: String) { loader.closePartitions(of: backfill) }

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

    func checkPartition(_ request: PartitionRequest, stop: StopToken) throws(Failure) {
        try loader.checkPartition(request, stop: stop)
    }

    func publishBackfill(
        _ request: PublishRequest, stop: StopToken, progress: LoadProgress
    ) throws(Failure) -> PartitionResult {
        let scripts = request.isTrial ? (before: nil, after: nil) : state.withLock { $0.publish }
        try scripts.before?(stop)
        let result = try loader.publishBackfill(request, stop: stop, progress: progress)
        try scripts.after?(stop)
        return result
    }

    func committedPublish(
        backfill: String, step: String, destination: DatabaseFile
    ) throws(Failure) -> PartitionResult? {
        try loader.committedPublish(backfill: backfill, step: step, destination: destination)
    }

    func discardStaged(backfill: String, step: String, destination: DatabaseFile) throws(Failure) {
        try state.withLock { $0.beforeDiscard }?()
        try loader.discardStaged(backfill: backfill, step: step, destination: destination)
    }

    func estimatePartitions(
        _ request: LoadRequest, scheme: PartitionScheme, ranges: [PartitionRange], stop: StopToken
    ) throws(Failure) -> PartitionEstimates {
        try loader.estimatePartitions(request, scheme: scheme, ranges: ranges, stop: stop)
    }

    func survey(_ table: String, in file: DatabaseFile, stop: StopToken) throws(Failure) -> TableFacts {
        try loader.survey(table, in: file, stop: stop)
    }
}

extension StopToken {
    /// Waits, ten seconds at most, until the token is raised, and throws what a loader throws then.
    func throwWhenRaised() throws(Failure) -> Never {
        let raised = Signal<Bool>()
        let handler = addHandler { raised.open() }
        _ = raised.wait()
        removeHandler(handler)
        switch reason {
        case .cancelled: throw Failure(.cancelled, "cancelled")
        case .timedOut: throw Failure(.timedOut, "timed out")
        case .shutdown: throw Failure(.interrupted, "the server stops", isTransient: true)
        case nil: throw Failure(.internalError, "the token was never raised")
        }
    }
}
