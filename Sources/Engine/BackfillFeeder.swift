internal import Platform
internal import Synchronization

/// Keeps a few jobs of each backfill in the dispatcher, never one for each partition.
///
/// A job is for whichever partition is next; it claims one when its turn comes, and is followed by another job when that
/// has ended. So backfills take turns, and what a backfill holds in the queue is bounded. May be used on any thread.
final class BackfillFeeder: Sendable {
    private let dispatcher: Dispatcher
    private let identifiers: IdentifierMaker
    /// Told of a backfill of which nothing waits nor is in hand any more.
    private let whenEmpty: @Sendable (String) -> Void
    /// The jobs of each backfill that wait or are in hand.
    private let jobs = Mutex<[String: Set<String>]>([:])

    /// Makes a feeder without jobs.
    init(
        dispatcher: Dispatcher, identifiers: IdentifierMaker, whenEmpty: @escaping @Sendable (String) -> Void
    ) {
        self.dispatcher = dispatcher
        self.identifiers = identifiers
        self.whenEmpty = whenEmpty
    }

    /// Puts `count` jobs of a backfill in line; which file it writes the first one finds out.
    ///
    /// One too many does no harm: it finds nothing to claim. One too few would, so a backfill that goes on again gets
    /// new ones, whatever becomes of those that are on their way out.
    func feed(_ backfill: String, _ count: Int, work: @escaping Dispatcher.Work) {
        for _ in 0..<count { add(backfill, files: [], work) }
    }

    /// Puts a job in line behind those of other backfills, in the place of one that has done its partition.
    func follow(_ job: Job, of backfill: String, work: @escaping Dispatcher.Work) {
        add(backfill, files: job.files, work)
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

    /// Takes the jobs that wait out of the queue; those in hand go on.
    func withdraw(_ backfill: String) {
        for id in all(of: backfill) where dispatcher.remove(id) { forget(id, of: backfill) }
    }

    /// Takes the jobs that wait out of the queue, and tells those in hand to end.
    func interrupt(_ backfill: String) {
        for id in all(of: backfill) {
            if case .removed = dispatcher.cancel(id) { forget(id, of: backfill) }
        }
    }

    private func add(_ backfill: String, files: Set<String>, _ work: @escaping Dispatcher.Work) {
        let job = Job(id: identifiers.next(), kind: .partition(backfill: backfill), files: files)
        jobs.withLock { _ = $0[backfill, default: []].insert(job.id) }
        dispatcher.enqueue(job, work: work)
    }

    private func all(of backfill: String) -> Set<String> { jobs.withLock { $0[backfill] ?? [] } }

    private func forget(_ id: String, of backfill: String) {
        leave(Job(id: id, kind: .partition(backfill: backfill), files: []), of: backfill)
    }
}
