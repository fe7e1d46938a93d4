internal import Loading
internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Tells of runs and their steps as lineage events, through the outbox; remembers what the steps in hand read and write.
///
/// May be used on any thread.
final class LineageDesk: Sendable {
    private let namespace: String
    private let loader: any StepLoading
    /// What steps read and write, by run and step.
    private let known = Mutex<[String: [String: LineageDatasets]]>([:])

    /// Makes a desk whose jobs are in `namespace`.
    init(namespace: String, loader: any StepLoading) {
        self.namespace = namespace
        self.loader = loader
    }

    /// Looks up what a step reads and writes, with its `columns` where those are asked for, for the events that tell of it.
    /// Blocks; for workers.
    func look(at work: ResolvedWork, of run: String, columns: Bool, _ stop: StopToken) {
        let (name, found) =
            switch work {
            case .load(let step): (step.step.name, datasets(of: step, columns ? stop : nil))
            // Which tables statements touch, they tell by themselves.
            case .sql(let step):
                (step.step.name, LineageDatasets(input: nil, query: step.step.script.text, output: nil))
            }
        known.withLock { $0[run, default: [:]][name] = found }
    }

    private func datasets(of step: ResolvedStep, _ stop: StopToken?) -> LineageDatasets {
        let output = dataset(step.step.destination.table, in: step.destination, stop)
        return switch step.step.source.relation {
        case .table(let table): LineageDatasets(input: dataset(table, in: step.source, stop), output: output)
        case .query(let query): LineageDatasets(input: nil, query: query, output: output)
        }
    }

    /// Forgets what the steps of a run read and write, once it is not in hand any more.
    func forget(_ run: String) { known.withLock { _ = $0.removeValue(forKey: run) } }

    /// A table of a file, with its columns where there is a token to stop the look at them. A path that holds a variable's
    /// value is shown with its name.
    private func dataset(_ table: String, in place: Place, _ stop: StopToken?) -> LineageDataset {
        var tables: [TableSummary] = []
        if let stop {
            // A file that cannot be read has no columns to tell of; the load says so by itself.
            do throws(Failure) { tables = try loader.inspect(place.file, stop: stop) } catch {}
        }
        let columns = tables.first { $0.name.lowercased() == table.lowercased() }?.columns
        return LineageDataset(
            namespace: "sqlite://" + place.redact(place.file.path), name: table, columns: columns)
    }

    // MARK: Events

    /// Puts the events of what has happened to a run into the outbox, in the transaction that records it; `before` is the
    /// run as it was.
    func tell(_ news: AttemptRecord.News, of run: Run, before: Run, _ transaction: Transaction) throws(StoreError) {
        // One that never began has nothing to tell of.
        guard let startedAt = news.run.startedAt else { return }
        if before.startedAt == nil {
            try post(LineageEvent(.start, run, in: namespace, at: startedAt), run, transaction)
        }
        for step in news.steps {
            var step = step
            // An attempt that failed and is repeated: its step waits again, and the run knows why.
            let isRepeated = step.state == .pending && run.retryAt != nil
            if isRepeated { step.error = run.error }
            let state = before.steps.first { $0.name == step.name }?.state ?? .pending
            for (kind, time) in LineageDesk.events(
                of: step, before: state, isRepeated: isRepeated, now: transaction.now)
            {
                let datasets = known.withLock { $0[run.id]?[step.name] }
                try post(
                    LineageEvent(
                        kind, step, attempt: news.attempt, of: run, datasets, in: namespace, at: time), run,
                    transaction)
            }
        }
        if !before.state.isFinal, let kind = LineageEvent.Kind(endOf: run.state) {
            try post(
                LineageEvent(kind, run, in: namespace, at: run.finishedAt ?? transaction.now), run, transaction)
        }
    }

    /// What the change of a step's state is called. A start that was not recorded is told with the end.
    private static func events(
        of step: StepRun, before: StepRunState, isRepeated: Bool, now: Timestamp
    ) -> [(LineageEvent.Kind, Timestamp)] {
        let start = before == .pending ? [(LineageEvent.Kind.start, step.startedAt ?? now)] : []
        switch step.state {
        case .running: return start
        case .success: return start + [(.complete, step.finishedAt ?? now)]
        case .failed: return start + [(.fail, step.finishedAt ?? now)]
        // The server stopped, or the run was cancelled, in its middle.
        case .pending, .cancelled: return before == .running ? [(isRepeated ? .fail : .abort, now)] : []
        case .skipped: return []
        }
    }

    private func post(_ event: LineageEvent, _ run: Run, _ transaction: Transaction) throws(StoreError) {
        try transaction.post(
            event.kind.rawValue, event.json.text(), about: run.pipeline, to: Transaction.lineageTarget)
    }
}
