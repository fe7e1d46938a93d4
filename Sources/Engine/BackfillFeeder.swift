internal import Platform
internal import Synchronization

/// Keeps a few jobs of each backfill in the dispatcher, never one for each partition.
///
/// A job is for whichever partition is next; it claims one when its turn comes, and is followed by another job when that
/// has ended. So backfills take turns, and what a backfill holds in the queue is bounded. May be used on any thread.
final class BackfillFeeder: Sendable {
    private let dispatcher: Dispatcher
    private let identifiers: IdentifierMaker
    /// The partitions that jobs keep while they wait.
    private let kept: KeptPartitions
    /// Told of a backfill of which nothing waits nor is in hand any more.
    private let whenEmpty: @Sendable (String) -> Void
    /// The jobs of each backfill that wait or are in hand.
    private let jobs = Mutex<[String: Set<String>]>([:])

    /// Makes a feeder without jobs.
    init(
        dispatcher: Dispatcher, identifiers: IdentifierMaker, kept: KeptPartitions,
        whenEmpty: @escaping @Sendable (String) -> Void
    ) {
        self.dispatcher = dispatcher
        self.identifiers = identifiers
        self.kept = kept
        self.whenEmpty = whenEmpty
    }

    /// Puts `count` jobs of a backfill in line; which file it writes the first one finds out.
    ///
    /// One too many does no harm: it finds nothing to claim. One too few would, so a backfill that goes on again gets
    /// new ones, whatever becomes of those that are on their way out.
    func feed(_ backfill: String, _ count: Int, work: @escaping Dispatcher.Work) {
        for _ in 0..<count { add(backfill, files: [], pools: [], work) }
    }

    /// Puts a job in line behind those of other backfills, in the place of one that has done its partition; with the same
    /// places and files, or with no files where the next partition is first read ahead.
    func follow(_ job: Job, of backfill: String, readsAhead: Bool, work: @escaping Dispatcher.Work) {
        add(backfill, files: readsAhead ? [] : job.files, pools: job.pools, work)
        leave(job, of: backfill)
    }

    /// Forgets a job, which ends.
    func leave(_ job: Job, of backfill: String) {
        let isEmpty = jobs.withLock { jobs in
            jobs[backfill]?.remove(job.id)
            if jobs[backfill]?.isEmpty == true { jobs[backfill] = nil }
            return jobs[backfill] == nil
        }
        if isEmpty { whenEmpty(backfill) }
    }

    /// Takes the jobs that wait out of the queue; those in hand go on, and those that keep a partition give it back.
    func withdraw(_ backfill: String) {
        for id in all(of: backfill) {
            if !kept.has(id), dispatcher.remove(id) {
                forget(id, of: backfill)
            } else {
                dispatcher.recall(id, cancelling: false)
            }
        }
    }

    /// Takes the jobs that wait out of the queue, and tells those in hand, and those that keep a partition, to end.
    func interrupt(_ backfill: String) {
        for id in all(of: backfill) {
            if !kept.has(id), case .removed = dispatcher.cancel(id) {
                forget(id, of: backfill)
            } else {
                dispatcher.recall(id, cancelling: true)
            }
        }
    }

    private func add(
        _ backfill: String, files: Set<String>, pools: Set<SlotPool>, _ work: @escaping Dispatcher.Work
    ) {
        var job = Job(id: identifiers.next(), kind: .partition(backfill: backfill), files: files)
        job.pools = pools
        jobs.withLock { _ = $0[backfill, default: []].insert(job.id) }
        dispatcher.enqueue(job, work: work)
    }

    private func all(of backfill: String) -> Set<String> { jobs.withLock { $0[backfill] ?? [] } }

    private func forget(_ id: String, of backfill: String) {
        leave(Job(id: id, kind: .partition(backfill: backfill), files: []), of: backfill)
    }
}
