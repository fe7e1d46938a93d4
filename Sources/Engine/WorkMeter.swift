public import Model
internal import Platform
internal import Store
internal import Synchronization

/// What the runs of a pipeline have come to since the process started.
public struct PipelineTally: Sendable {
    /// How many ended in each state.
    public fileprivate(set) var ended: [RunState: Int] = [:]
    /// How long they took together, those aside that never began.
    public fileprivate(set) var time: Duration = .zero
    /// What they did to rows, by step.
    public fileprivate(set) var rows: [String: RowCounts] = [:]
    /// Another one says that something is different.
    public fileprivate(set) var revision = 0
}

/// Counts runs at their end, and knows how far backfills have come: in memory, as the control database has it after each
/// commit. May be used on any thread.
final class WorkMeter: Sendable {
    /// What was counted.
    struct Counts: Sendable {
        /// By the pipeline's name.
        var pipelines: [String: PipelineTally] = [:]
        /// How long runs took, of all pipelines: by pipeline these would be as many figures as all others together.
        var durations = Histogram(bounds: Limits.runTimeBounds)
        /// The partitions of backfills that are not at their end, by backfill.
        fileprivate(set) var backfills: [String: BackfillLoad] = [:]
        fileprivate var revisions = 0

        /// The partitions of backfills that are not at their end, by step: of one that has several, those of all together.
        var backfillLoads: [BackfillLoad] {
            Dictionary(grouping: backfills.values) { [$0.pipeline, $0.step] }.values.compactMap { loads in
                loads.first.map {
                    BackfillLoad(
                        pipeline: $0.pipeline, step: $0.step,
                        partitions: loads.reduce(PartitionCounts()) { $0 + $1.partitions })
                }
            }.sorted { ($0.pipeline, $0.step) < ($1.pipeline, $1.step) }
        }
    }

    private let counts = Mutex(Counts())

    /// Makes a meter that has counted nothing.
    init() {}

    /// What was counted so far.
    var current: Counts { counts.withLock { $0 } }

    /// Counts what a commit did.
    func count(_ news: WorkNews) {
        counts.withLock { counts in
            for run in news.ended { counts.add(run) }
            for backfill in news.backfills { counts.note(backfill) }
        }
    }

    /// Takes up the backfills that the last process left.
    func begin(_ backfills: [Backfill]) {
        counts.withLock { counts in for backfill in backfills { counts.note(backfill) } }
    }

    /// Forgets pipelines that are gone, once they are more than those that are there.
    func keep(_ names: some Collection<String>) {
        counts.withLock { counts in
            guard counts.pipelines.count > 2 * names.count + 100 else { return }
            let names = Set(names)
            counts.pipelines = counts.pipelines.filter { names.contains($0.key) }
        }
    }
}

/// How far the backfills of a step have come.
public struct BackfillLoad: Sendable {
    /// The pipeline's name.
    public let pipeline: String
    /// The step's name.
    public let step: String
    /// Its partitions.
    public let partitions: PartitionCounts
}

extension WorkMeter.Counts {
    fileprivate mutating func add(_ run: Run) {
        revisions += 1
        var tally = pipelines.removeValue(forKey: run.pipeline) ?? PipelineTally()
        tally.revision = revisions
        tally.ended[run.state, default: 0] += 1
        if let start = run.startedAt, let end = run.finishedAt {
            tally.time += end.since(start)
            durations.add(end.since(start))
        }
        for step in run.steps {
            if let rows = step.result?.counts { tally.rows[step.name] = (tally.rows[step.name] ?? RowCounts()) + rows }
        }
        pipelines[run.pipeline] = tally
    }

    fileprivate mutating func note(_ backfill: Backfill) {
        backfills[backfill.id] =
            backfill.state.isFinal
            ? nil
            : BackfillLoad(pipeline: backfill.pipeline, step: backfill.step, partitions: backfill.partitions)
    }
}
