internal import Model
internal import Platform
internal import Store

/// Writes what runs do into the control database.
///
/// What is in a destination is a fact: recording it is tried again until it succeeds, or until the server stops; then
/// the next start finds it in the destination.
final class RunRecords: Sendable {
    private let store: ControlStore
    let downstream: Downstream
    /// Who tells of runs as lineage events; nil when nobody asked for them.
    let lineage: LineageDesk?
    private let log: Log
    /// Whether to give up; those who pause wait for it.
    private let ending = Monitor(false)

    /// Makes the records of `store`.
    init(store: ControlStore, downstream: Downstream, lineage: LineageDesk? = nil, log: Log) {
        self.store = store
        self.downstream = downstream
        self.lineage = lineage
        self.log = log
    }

    /// Begins to record `news`; returns at once. If it fails, whatever is recorded next of the run makes up for it.
    func note(_ news: AttemptRecord.News) {
        store.write { [lineage] (transaction) throws(StoreError) in
            try RunRecords.write(news, transaction, lineage)
        } completion: { [log] result in
            guard case .failure(let error) = result else { return }
            log.warn(
                "a run's start could not be recorded yet", ["run": news.run.id, "cause": error.description])
        }
    }

    /// A run as it is stored now, with the runs that its success has queued.
    struct Recorded: Sendable {
        let run: Run
        let caused: [Run]
    }

    /// Records `news`; nil when the server stopped first, or when the control database has gone another way with the
    /// run. Blocks.
    func record(_ news: AttemptRecord.News) -> Recorded? {
        let recorded = insist("record run \(news.run.id)") { [downstream, lineage] (transaction) throws(StoreError) in
            let run = try RunRecords.write(news, transaction, lineage)
            return Recorded(
                run: run, caused: run.state == .success ? try downstream.queue(after: run, transaction) : [])
        }
        if news.run.state != .running { lineage?.forget(news.run.id) }
        return recorded
    }

    /// Records a watermark that a person changed; false when the server stopped first. Blocks.
    func record(_ event: RunEvent, _ change: @escaping @Sendable (Transaction) throws(StoreError) -> Void) -> Bool {
        let isDone = insist("record a watermark of \(event.pipeline)") { (transaction) throws(StoreError) -> Bool in
            try change(transaction)
            try RunRecords.append(event, transaction)
            return true
        }
        return isDone ?? false
    }

    /// Ends all pauses; what could not be recorded by now is left to the next start.
    func giveUp() {
        ending.update { $0 = true }
    }

    /// Makes a change, again and again until it is made; nil when the server stopped first, or when another change has
    /// made it impossible. Without `isDurable` a power loss may take the change back. Blocks.
    func insist<Value: Sendable>(
        _ operation: String, isDurable: Bool = true,
        _ body: @escaping @Sendable (Transaction) throws(StoreError) -> Value
    ) -> Value? {
        var pause: Duration = .milliseconds(50)
        while true {
            do throws(StoreError) {
                return try store.write(isDurable: isDurable, body)
            } catch {
                log.error(
                    "the control database cannot be written",
                    ["operation": operation, "cause": error.description])
                // Not a matter of time: someone else has changed the run.
                if [.illegalTransition, .fenced, .unknownRun, .unknownStep].contains(error.code) { return nil }
            }
            if ending.wait(upTo: pause, for: { $0 ? true : nil }) != nil { return nil }
            pause = min(pause * 2, Limits.recordPause)
        }
    }

    /// Writes the news of a run in a transaction, with the messages that tell of them; answers the run as it is stored
    /// then.
    @discardableResult
    static func write(
        _ news: AttemptRecord.News, _ transaction: Transaction, _ lineage: LineageDesk?
    ) throws(StoreError) -> Run {
        let id = news.run.id
        guard let stored = try transaction.run(id) else {
            throw StoreError(.unknownRun, "record the run", "there is no run \(id)")
        }
        // The start of an attempt is not waited for, and may have been lost.
        if news.wasInHand, stored.state == .queued {
            let change = RunChange(ifAttempt: news.attempt, startedAt: news.run.startedAt)
            try transaction.changeRun(id, to: .running, change)
        }
        for step in news.steps where step.state != .pending { try write(step, stored, news, transaction) }
        var run = stored
        if news.run.state != .running {
            let change = RunChange(
                ifAttempt: news.attempt, attempt: news.run.attempt, finishedAt: news.run.finishedAt,
                retryAt: news.run.retryAt, error: news.run.error)
            run = try transaction.changeRun(id, to: news.run.state, change)
        }
        for watermark in news.watermarks { try transaction.mirrorWatermark(watermark) }
        for event in news.events { try append(event, transaction) }
        try Announcer(transaction: transaction).announce(news.steps, of: run, before: stored.state)
        try lineage?.tell(news, of: run, before: stored, transaction)
        return run
    }

    private static func write(
        _ step: StepRun, _ stored: Run, _ news: AttemptRecord.News, _ transaction: Transaction
    ) throws(StoreError) {
        let before = stored.steps.first { $0.name == step.name }?.state
        if before == .pending, step.state == .failed {
            var begun = step
            begun.state = .running
            try transaction.updateStep(stored.id, begun, ifAttempt: news.attempt)
        }
        try transaction.updateStep(stored.id, step, ifAttempt: news.attempt)
    }

    /// Appends an event in a transaction, with the message that tells of it where there is one.
    static func append(_ event: RunEvent, _ transaction: Transaction) throws(StoreError) {
        try transaction.appendEvent(
            event.kind.rawValue, pipeline: event.pipeline, run: event.run, step: event.step, work: event.work,
            payload: event.payload.text())
        try Announcer(transaction: transaction).announce(event)
    }
}
