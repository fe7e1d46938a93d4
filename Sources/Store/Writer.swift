internal import Glibc
internal import Platform
internal import SQLite
internal import Synchronization

/// The one thread that writes the control database; changes that wait together are committed together.
///
/// May be used on any thread.
final class Writer: Sendable {
    /// A change with the means to tell its caller, who is told exactly once.
    struct Change: Sendable {
        /// Whether it must survive a power loss once its caller was told; what is recorded elsewhere too need not.
        var isDurable = true
        /// Makes the change and answers what tells the caller of its success, to be called after the commit.
        let run: @Sendable (Transaction) throws(StoreError) -> @Sendable () -> Void
        /// Tells the caller of a failure.
        let fail: @Sendable (StoreError) -> Void
    }

    /// Who looks at the pipelines that a transaction has touched.
    struct TouchHandler: Sendable {
        /// Looks at them before the commit; answers what is to be done after it.
        let look: @Sendable (Set<String>, Transaction) throws(StoreError) -> @Sendable () -> Void
        /// Is told that the look failed.
        let fail: @Sendable (Set<String>, StoreError) -> Void
    }

    /// Who is told of what was committed.
    ///
    /// In a struct, for a closure that stands in a mutex by itself is wrapped once more each time that it is read.
    private struct Handlers {
        var mail: (@Sendable (OutboxNews) -> Void)?
        var events: (@Sendable () -> Void)?
        var touch: TouchHandler?
        var work: (@Sendable (WorkNews) -> Void)?
    }

    private struct Pending {
        var changes: [Change] = []
        var scheduled = false
        var closed = false
    }

    /// What belongs to the writer's thread.
    private final class Desk: @unchecked Sendable {
        // SAFETY: after `Writer.init` it is only used by the work of `lane`, one piece at a time, and by `close` after
        // the lane has stopped.
        var connection: Connection
        /// Whether the disk has refused a change of the batch in hand.
        var isRefused = false
        /// Whether commits wait for the disk, as they do on a connection that was just opened.
        var isDurable = true
        init(_ connection: Connection) { self.connection = connection }
    }

    private let pending = Mutex(Pending())
    private let lane = Lane(name: "control-writer", capacity: 2)
    private let thread = Atomic<UInt>(0)
    private let committed = Atomic<Int>(0)
    private let trouble = Mutex<StoreError?>(nil)
    private let handlers = Mutex(Handlers())
    private let desk: Desk
    private let open: @Sendable () throws(StoreError) -> Connection
    private let clock: any Clock
    private let log: Log

    /// Starts the thread; `open` makes a connection, at first and after an error that one does not survive.
    init(clock: any Clock, log: Log, open: @escaping @Sendable () throws(StoreError) -> Connection) throws(StoreError) {
        desk = Desk(try open())
        self.open = open
        self.clock = clock
        self.log = log
        _ = lane.submit { [self] _ in thread.store(UInt(pthread_self()), ordering: .releasing) }
    }

    /// Whether the caller is on the writer's own thread, which must never wait for itself.
    var isCurrentThread: Bool { thread.load(ordering: .acquiring) == UInt(pthread_self()) }

    /// How many transactions have been committed.
    var commits: Int { committed.load(ordering: .relaxed) }

    /// How many changes wait for their commit.
    var waiting: Int { pending.withLock { $0.changes.count } }

    /// Why nothing can be written: the disk's last refusal, until a commit that wrote something succeeds; nil when all is
    /// well.
    var failure: StoreError? { trouble.withLock { $0 } }

    /// Has `handler` called on the writer's thread after each commit that may have put a message into the outbox.
    func onMail(_ handler: (@Sendable (OutboxNews) -> Void)?) { handlers.withLock { $0.mail = handler } }

    /// Has `handler` called on the writer's thread after each commit that may have added events.
    func onEvents(_ handler: (@Sendable () -> Void)?) { handlers.withLock { $0.events = handler } }

    /// Has `handler` called at the end of each transaction that has touched pipelines, before it is committed; what it answers
    /// is called after that, before any caller is told. Both on the writer's thread.
    func onTouch(_ handler: TouchHandler?) { handlers.withLock { $0.touch = handler } }

    /// Has `handler` called on the writer's thread after each commit that has ended runs or changed backfills, before any
    /// caller is told.
    func onWork(_ handler: (@Sendable (WorkNews) -> Void)?) { handlers.withLock { $0.work = handler } }

    /// Queues a change; a full queue and a closed writer tell the caller at once, on this thread.
    func submit(_ change: Change) {
        let refusal: StoreError? = pending.withLock { pending in
            if pending.closed { return Writer.closed }
            guard pending.changes.count < Limits.waitingChanges else {
                return StoreError(
                    .queueFull, "change the control database", "\(Limits.waitingChanges) changes wait already",
                    hint: "try again in a second")
            }
            pending.changes.append(change)
            return nil
        }
        if let refusal { return change.fail(refusal) }
        schedule()
    }

    /// Refuses new changes, commits those that wait, and closes the connection.
    ///
    /// Must not be called on the writer's thread.
    func close() {
        pending.withLock { $0.closed = true }
        lane.stop()
        drain()
        desk.connection.close()
    }

    private static let closed = StoreError(
        .stopping, "change the control database", "the server is stopping", hint: "try again when it is back")

    private func schedule() {
        let needed = pending.withLock { pending in
            defer { pending.scheduled = true }
            return !pending.scheduled
        }
        guard needed else { return }
        // A lane that has stopped leaves the change to `close`, which drains once more.
        _ = lane.submit { [self] _ in drain() }
    }

    private func drain() {
        while true {
            let batch = pending.withLock { pending -> [Change] in
                let batch = Array(pending.changes.prefix(Limits.changesPerCommit))
                pending.changes.removeFirst(batch.count)
                if batch.isEmpty { pending.scheduled = false }
                return batch
            }
            if batch.isEmpty { return }
            commit(batch)
        }
    }

    /// Lets the next commit wait for the disk, or not: without, a power loss takes the last commits back, never a part of
    /// one nor one before a commit that did wait.
    private func synchronise(_ isDurable: Bool) throws(StoreError) {
        guard desk.isDurable != isDurable else { return }
        do throws(SQLiteError) {
            try desk.connection.execute("PRAGMA synchronous = \(isDurable ? "FULL" : "NORMAL")")
        } catch {
            throw StoreError("commit to the control database", error)
        }
        desk.isDurable = isDurable
    }

    /// Runs each change in a savepoint of one transaction; callers are told after the commit.
    private func commit(_ batch: [Change]) {
        var ends: [@Sendable () -> Void] = []
        var mail = OutboxNews()
        var hasEvents = false
        var work = WorkNews()
        do throws(StoreError) {
            let connection = desk.connection
            let before = connection.totalChanges
            desk.isRefused = false
            try synchronise(batch.contains(where: \.isDurable))
            try connection.transaction(wrapping: { StoreError("commit to the control database", $0) }) {
                () throws(StoreError) in
                let transaction = Transaction(connection, now: clock.now())
                for change in batch { ends.append(try run(change, transaction)) }
                if let end = try settle(transaction) { ends.insert(end, at: 0) }
                mail = transaction.mail
                hasEvents = transaction.hasEvents
                work = try transaction.work()
            }
            committed.add(1, ordering: .relaxed)
            // A transaction of reads commits on a full disk too.
            if connection.totalChanges > before, !desk.isRefused { trouble.withLock { $0 = nil } }
        } catch {
            note(error)
            log.error("control database", ["error": error.description])
            reopenIfBroken(error)
            for change in batch { change.fail(error) }
            return
        }
        if !work.isEmpty { handlers.withLock { $0.work }?(work) }
        for end in ends { end() }
        if mail.isThere { handlers.withLock { $0.mail }?(mail) }
        if hasEvents { handlers.withLock { $0.events }?() }
    }

    /// Lets the handler see what was touched; what it throws undoes only what it has written itself.
    private func settle(_ transaction: Transaction) throws(StoreError) -> (@Sendable () -> Void)? {
        let touched = transaction.touched
        guard !touched.isEmpty, let handler = handlers.withLock({ $0.touch }) else { return nil }
        return try run(
            Change(
                run: { transaction throws(StoreError) in try handler.look(touched, transaction) },
                fail: { handler.fail(touched, $0) }), transaction)
    }

    /// Answers what tells the caller; throws only what ends the whole transaction.
    private func run(_ change: Change, _ transaction: Transaction) throws(StoreError) -> @Sendable () -> Void {
        try transaction.run("begin a change", "SAVEPOINT change")
        let endedBefore = transaction.ended.count
        let end: @Sendable () -> Void
        do throws(StoreError) {
            end = try change.run(transaction)
        } catch {
            // A full disk and the like roll back everything, the other changes of the batch included.
            guard transaction.connection.inTransaction else { throw error }
            note(error)
            try transaction.run("undo a change", "ROLLBACK TO change")
            transaction.ended.removeSubrange(endedBefore...)
            end = { change.fail(error) }
        }
        try transaction.run("end a change", "RELEASE change")
        return end
    }

    private func note(_ error: StoreError) {
        guard error.code == .diskFull || error.code == .inputOutput else { return }
        desk.isRefused = true
        trouble.withLock { $0 = error }
    }

    /// What a connection holds in memory is not to be trusted after a failed write or sync.
    private func reopenIfBroken(_ error: StoreError) {
        guard error.code == .inputOutput || error.code == .corrupt || error.code == .internalError else { return }
        desk.connection.close()
        do throws(StoreError) {
            desk.connection = try open()
            desk.isDurable = true
        } catch {
            log.error("cannot open the control database again", ["error": error.description])
        }
    }
}
