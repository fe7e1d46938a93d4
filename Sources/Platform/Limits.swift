/// Every bound in the program, with its unit and its reason.
///
/// A bound that an operator may set has a flag of `strandline serve`; the value here is its default.
public enum Limits {
    // MARK: Log

    /// Characters of one log field: a line stays readable and a hostile value cannot fill the disk.
    public static let logFieldCharacters = 2_000

    // MARK: HTTP

    /// Bytes of a request body: far above any document a person writes, small enough to hold in memory.
    public static let requestBodyBytes = 1 << 20
    /// Connections the server holds at a time; more wait in the kernel's backlog.
    public static let connections = 4_096
    /// Open files that the rest of the program needs beside its connections: databases, logs, libraries.
    public static let otherOpenFiles = 1_024
    /// Bytes of memory for one connection's request line and headers (measured: 10,000 such take 177 MB).
    public static let connectionMemoryBytes = 16 << 10
    /// Bytes of a request's head that a connection keeps, so that the same one is not read again: monitors send a few hundred.
    public static let keptHeadBytes = 1 << 10
    /// Seconds without a byte after which a connection is closed.
    public static let connectionIdleSeconds: UInt32 = 60
    /// Time from a connection's first byte of a request to its last, against a client that drips.
    public static let requestReceiveTime: Duration = .seconds(30)
    /// Bounds in seconds by which the times of answers are counted: most take less than a millisecond, some wait a minute.
    public static let requestTimeBounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]
    /// Bounds in seconds by which the durations of runs are counted: from a look that finds nothing to a first load of hours.
    public static let runTimeBounds = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 7_200]
    /// Threads that serve connections: handlers never block, so two keep one slow answer from delaying the rest.
    public static let serverThreads = 2
    /// Time for a client to take an answer, against one that reads a byte at a time.
    public static let responseSendTime: Duration = .seconds(120)
    /// The longest a request waits for its answer: above the longest `Prefer: wait`, so that its own answer comes first.
    public static let answerWaitTime: Duration = .seconds(90)
    /// Streamed answers at a time: they stay, and half of the connections are for those that come and go.
    public static let streams = 2_000
    /// Bytes read at a time for a streamed answer in HTTP/1.0.
    public static let streamBlockBytes = 1 << 10
    /// Time for the last answers to leave after the time to stop is over: they are written, only the network is slow.
    public static let lastAnswersTime: Duration = .seconds(1)
    /// Refused connections kept open at a time until their client has read the refusal.
    public static let lingeringConnections = 64
    /// Time such a connection is kept: enough to send what was on its way.
    public static let lingerTime: Duration = .seconds(2)
    /// Bytes read and dropped from such a connection before it is reset.
    public static let lingerBytes = 64 << 20
    /// How often clients that take too long are looked for: what a bound on time may be late by.
    public static let sweepInterval: Duration = .seconds(1)
    /// Characters of a client's own request identifier: more is replaced, as it would fill the log.
    public static let requestIdentifierCharacters = 64
    /// Bytes of a refused request's body that are read and dropped to keep its connection: more costs less to close.
    public static let drainedBodyBytes = 64 << 10
    /// How many times its limit a body of unknown length may grow, unread, before its connection is cut.
    public static let chunkedBodyOverrun = 8
    /// The longest `Prefer: wait`, in seconds: below what proxies give up at.
    public static let preferWaitSeconds = 60
    /// Bytes of an idempotency key: it names one piece of work, and an index holds it.
    public static let idempotencyKeyBytes = 255
    /// Bytes of the largest file of the page: it is held in memory while it is sent.
    public static let staticFileBytes = 16 << 20
    /// Requests for files of the page that wait for the thread that reads them; more are answered 503.
    public static let waitingFileReads = 256

    /// Time the command line waits for an answer when no other is asked for.
    public static let clientTimeout: Duration = .seconds(30)
    /// Time the command line goes on asking a server that broke off: enough for one to stop in good order and start again.
    public static let clientPatience: Duration = .seconds(60)
    /// Time without a byte after which the command line takes a stream for broken: three signs of life.
    public static let clientSilence: Duration = .seconds(45)
    /// Time the command line waits for a connection: a server that is there takes it at once.
    public static let clientConnectTime: Duration = .seconds(5)
    /// Bytes of an answer the command line takes: far above the largest page, small enough to hold in memory.
    public static let clientAnswerBytes = 64 << 20
    /// Bytes of an answer's head the command line takes.
    public static let clientHeadBytes = 256 << 10

    // MARK: Messages

    /// Webhooks: each is looked at for every message.
    public static let webhooks = 100
    /// Threads that deliver messages: a slow receiver holds one of them, since none gets two messages at a time.
    public static let couriers = 4
    /// Time for one attempt at a delivery.
    public static let deliveryTime: Duration = .seconds(15)
    /// Time for its connection.
    public static let deliveryConnectTime: Duration = .seconds(10)
    /// Bytes read of the answer to a message: only its status counts.
    public static let deliveryAnswerBytes = 64 << 10
    /// Bytes of the head of such an answer.
    public static let deliveryHeadBytes = 64 << 10
    /// Steps that a message about a failed run names, of those that did not succeed.
    public static let noticeSteps = 20
    /// Characters of an error or another sentence in a message.
    public static let noticeCharacters = 2_000
    /// Messages that wait for one receiver; past it the oldest are given up, and counted.
    public static let pendingDeliveries = 10_000
    /// Deliveries kept of one receiver once they have ended; the oldest go first.
    public static let finishedDeliveries = 1_000
    /// How long messages are signed with the secret of before as well once a webhook has a new one.
    public static let secretOverlap: Duration = .seconds(86_400)
    /// Bytes of the namespace of jobs in lineage events: it stands in each of them.
    public static let lineageNamespaceBytes = 200
    /// How long a stop waits for deliveries that are told to end: a look-up of a name cannot be interrupted.
    public static let courierStopTime: Duration = .seconds(2)

    // MARK: Documents

    /// Nested levels of a document: deeper ones are mistakes or attacks.
    public static let documentDepth = 64
    /// Nodes of a document, aliases counted each time they are used.
    public static let documentNodes = 50_000

    /// Bytes of the name of a table or column: SQLite has no bound of its own, people and pages do.
    public static let identifierBytes = 500
    /// Steps of a pipeline: each costs rows in the control database for every run.
    public static let pipelineSteps = 500
    /// Attempts of a run, the first included.
    public static let attempts = 100
    /// The longest wait before another attempt.
    public static let longestBackoff: Duration = .seconds(86_400)
    /// The shortest time allowed for an attempt: less would fail loads that do nothing wrong.
    public static let shortestTimeout: Duration = .milliseconds(100)
    /// The longest time allowed for an attempt; without `timeout` there is no bound.
    public static let longestTimeout: Duration = .seconds(30 * 86_400)
    /// How far below the watermark a run that can replace rows reads again when its document does not say.
    public static let usualLookback: Duration = .seconds(3_600)
    /// The farthest lookback and settle: a hundred years of 365 days.
    public static let longestReach: Duration = .seconds(100 * 365 * 86_400)

    /// Checks of a step: each costs at least one pass over the delta of every run.
    public static let checks = 100
    /// Bytes of the name of a check: it stands in every run.
    public static let checkNameBytes = 200
    /// Values that a check accepts: more belong into a table, which `type: sql` can ask.
    public static let checkValues = 1_000

    // MARK: Commands

    /// Values of the largest answer that a command reads: the largest page of runs with many steps.
    public static let answerNodes = 5_000_000

    // MARK: Lists

    /// Items of a page when none is asked for.
    public static let pageItems = 50
    /// Items of the largest page.
    public static let maximumPageItems = 1_000

    // MARK: Engine

    /// Jobs that wait in the queue before a trigger is answered 429.
    public static let queuedJobs = 100_000
    /// Places of the largest pool, and the most loads that a connection can be limited to.
    public static let poolSlots = 10_000
    /// How much earlier a run of high priority, and later one of low priority, counts as having come.
    public static let priorityHeadStart: Duration = .seconds(600)
    /// Worker threads when none are asked for.
    public static let workers = 4
    /// The most worker threads: past it they wait for the disk, each with a page cache of its own.
    public static let maximumWorkers = 64
    /// How long a stop waits for runs in hand when no other time is set: below the 30 s after which containers are killed.
    public static let stopTime: Duration = .seconds(20)
    /// How long a stop waits for the last answers once the runs have ended.
    public static let lastRequestsTime: Duration = .seconds(5)
    /// The longest wait of a stop that can be set.
    public static let longestStopTime: Duration = .seconds(3_600)
    /// Threads for plans, previews and tests of connections, apart from the workers so that a long load delays none.
    public static let inspectors = 2
    /// Inspections that wait for such a thread before one is answered 429.
    public static let waitingInspections = 64
    /// The longest a plan, a preview or a test of a connection may take.
    public static let inspectionTime: Duration = .seconds(30)
    /// How long setting a watermark waits for a load that writes the same file.
    public static let editWaitTime: Duration = .seconds(5)
    /// How long interrupted loads may take to end when the server stops; SQLite answers an interrupt in milliseconds.
    public static let interruptTime: Duration = .seconds(10)
    /// The longest pause between attempts to record in the control database what a load has done.
    public static let recordPause: Duration = .seconds(5)
    /// Decoded pipelines kept in memory, some kilobytes each: all those that a server runs by the minute.
    public static let cachedPipelines = 8_192

    // MARK: Schedules

    /// Days within which a schedule's next tick is looked for: a 29 February on a given day of the week comes once in 40
    /// years at the worst.
    public static let scheduleReach: Int64 = 50 * 366
    /// The shortest time between the ticks of `every`: less is a loop, not a schedule.
    public static let shortestPeriod: Duration = .seconds(1)
    /// The longest time between the ticks of `every`.
    public static let longestPeriod: Duration = .seconds(366 * 86_400)
    /// The shortest age by which a table can be late: less is the time that a load takes.
    public static let shortestAge: Duration = .seconds(1)
    /// Characters of an error in the sentence that says why a table is late.
    public static let reasonErrorCharacters = 200
    /// Changes kept of one pipeline's freshness; the oldest go first.
    public static let freshnessChanges = 1_000
    /// Pipelines whose freshness one transaction looks at when the server starts: so that others get their turn.
    public static let freshnessBatch = 500
    /// How long a wall clock that was set, or a machine that has slept, may go unnoticed by the schedule.
    public static let clockLookTime: Duration = .seconds(60)
    /// How far the wall clock may go back before every schedule is looked at: time servers do less unseen.
    public static let clockSlack: Duration = .seconds(1)
    /// Ticks to come that a pipeline shows.
    public static let ticksShown = 5

    // MARK: SQLite

    /// Prepared statements kept for one connection.
    public static let cachedStatements = 64
    /// Time to wait for a lock that another process holds.
    public static let busyTime: Duration = .seconds(5)
    /// Bytes of the longest text or blob read from a user's database.
    public static let valueBytes = 64 << 20
    /// Bytes the write-ahead log is cut back to after a checkpoint.
    public static let journalBytes = 4 << 20

    /// Time for a read of the control database, the wait for a connection included.
    public static let readTime: Duration = .seconds(5)
    /// Bytes of the longest SQL text: our widest statements stay far below it.
    public static let statementBytes = 1 << 20
    /// Databases attached to one connection: a load needs its source and leaves room for a scratch file.
    public static let attachedDatabases = 4
    /// Triggers that run inside one another in a user's database.
    public static let triggerDepth = 10
    /// Nested levels of an expression that a user wrote: deeper ones are made to use up the stack.
    public static let userExpressionDepth = 100
    /// SELECTs joined by UNION and the like in a statement that a user wrote.
    public static let userCompoundSelects = 50
    /// Instructions of a statement that a user wrote, once prepared.
    public static let userInstructions = 25_000

    // MARK: Control database

    /// Connections that read the control database at a time: reads take well under a millisecond.
    public static let controlReaders = 4
    /// Changes that wait for the control database's writer: each is small, and the disk catches up in seconds.
    public static let waitingChanges = 20_000
    /// Changes of one commit: bounds how long the first of them waits for the last.
    public static let changesPerCommit = 256
    /// Events kept in the log; the oldest go first.
    public static let events = 200_000
    /// Entries of the event log that one read looks at for those that a filter lets through: some milliseconds.
    public static let eventsSearched: Int64 = 20_000
    /// The newest events kept in memory, encoded, while somebody listens: who comes back after a moment is served from it.
    public static let eventsInTail = 1_000
    /// Bytes of those.
    public static let eventTailBytes = 4 << 20
    /// Events read at a time for a listener that is behind them.
    public static let eventsRead = 100
    /// Bytes that a listener who is behind holds before no more are read for it; one event may be larger.
    public static let eventPageBytes = 16 << 10
    /// Time after which a silent stream of events says that it is alive: below what proxies close after.
    public static let eventHeartbeat: Duration = .seconds(15)
    /// How often a stream of a run tells how far the step in hand has come.
    public static let progressTime: Duration = .seconds(1)
    /// Finished runs kept in the history; the oldest go first.
    public static let finishedRuns = 100_000
    /// Changes kept of one step's watermark; the oldest go first.
    public static let watermarkChanges = 10_000
    /// Time for which the answer to an idempotency key is kept.
    public static let idempotencyTime: Duration = .seconds(86_400)

    // MARK: Loading

    /// Rows of one commit of a large load: bounds the write-ahead log and what a crash repeats.
    public static let rowsPerCommit = 1_000_000
    /// The most rows of one commit that can be set.
    public static let mostRowsPerCommit = 1_000_000_000
    /// How far ahead of the clock a cursor value may move the watermark.
    public static let maximumFuture: Duration = .seconds(300)
    /// Bytes of page cache of the connection that writes a destination: fewer spills into the log while a load runs.
    public static let loadCacheBytes = 16 << 20
    /// Rows after which a copy says again how far it has come.
    public static let progressRows = 1 << 10
    /// Load records kept in a destination for each step; older ones are trimmed as new ones commit.
    public static let loadRecords = 1_000
    /// Bytes of a statement that a manifest keeps: far above what people write, below what a thousand columns make.
    public static let manifestStatementBytes = 16 << 10
    /// Statements of one commit that a manifest keeps.
    public static let manifestStatements = 50
    /// Commits of a load that its manifest shows, half of them from its beginning, half from its end.
    public static let manifestCommits = 100
    /// Bytes of memory for what a partition stages before it goes to a file.
    public static let partitionCacheBytes = 32 << 20
    /// Connections that partitions of backfills leave open for the next one: each holds a page cache.
    public static let idlePartitionConnections = 8
    /// Rows of a partition by which the size of a backfill's rows is told.
    public static let sampledRows = 1_000
    /// How long a backfill waits before it tries again to publish itself, where its file was locked.
    public static let publishPause = Duration.seconds(5)
    /// Keys that a partition which does not reconcile shows.
    public static let reconciliationSamples = 5
    /// Bytes of a value in the samples of a check: enough to find the row by.
    public static let sampleBytes = 200
    /// Rows set aside that a destination keeps for a step: past it a run fails, since they wait for a person.
    public static let quarantinedRows = 10_000
    /// Bytes of rows that one commit sets aside.
    public static let quarantinedBytes = 64 << 20
    /// Runs whose manifests the control database keeps; older ones are in the destination's records.
    public static let manifestRuns = 10_000
    /// How long a run can be rolled back when its step does not say: a weekend and the days around it.
    public static let undoTime: Duration = .seconds(7 * 86_400)
    /// The longest time that can be asked for.
    public static let longestUndo: Duration = .seconds(366 * 86_400)
    /// Rows kept of one table for rollbacks when its step does not say: a few tens of megabytes.
    public static let undoRows = 200_000
    /// Rows kept of a run or a backfill past its time that one commit removes, so that no load waits long for it.
    public static let undoRowsRemoved = 200_000
    /// Commits of it that one commit forgets.
    public static let undoCommitsForgotten = 1_000
    /// The most rows that can be asked for.
    public static let mostUndoRows = 1_000_000_000

    // MARK: Advice

    /// Rows below which a table is rebuilt rather than followed: a rebuild takes a fraction of a second.
    public static let refreshedRows = 100_000
    /// Rows of a table whose columns are looked at for advice; of a larger one so many are picked out evenly.
    public static let surveyedRows = 200_000
    /// Places at which those rows are picked out.
    public static let surveyedRanges = 100
    /// Rows of a table that may be change events which are looked at for advice, the first ones.
    public static let surveyedEvents = 10_000
    /// Columns that are looked at for advice.
    public static let surveyedColumns = 64
    /// Time to count the rows of a table, or those without a value, before it is estimated instead.
    public static let surveyCountTime: Duration = .seconds(3)

    // MARK: Audits

    /// Rows of each kind that an audit shows.
    public static let auditSamples = 10
    /// Parts that an audit counts by: more than anybody reads, and what they take of memory.
    public static let auditParts = 100_000
    /// Parts that differ which an audit shows, from the lowest.
    public static let auditPartsShown = 1_000
    /// Columns whose sums an audit takes.
    public static let auditSums = 32
    /// Characters of a text in the key that an audit shows of a row.
    public static let auditKeyCharacters = 200
    /// Numbers of a cursor that counts which a partition has when a backfill fills gaps and is not told a width.
    public static let gapNumbers: Int64 = 100_000
    /// Differences that a comparison with a full refresh keeps; the others are only counted.
    public static let auditDifferences = 10_000
    /// Bytes of JSON that those take at most.
    public static let auditDifferenceBytes = 8 << 20
    /// The newest comparisons whose differences are kept.
    public static let comparisonsWithDifferences = 20
    /// Intervals, and overlaps, that a ledger shows at least before it leaves out the oldest: what is joined to its
    /// neighbours is one.
    public static let ledgerIntervals = 500
    /// Finished audits kept in the history; the oldest go first.
    public static let finishedAudits = 10_000

    // MARK: Backfills

    /// Partitions in hand at a time over all backfills, on threads of their own: they take no worker from live runs.
    public static let backfillLanes = 4
    /// The most partitions of a backfill: more are better served by a wider interval, and each costs rows here.
    public static let backfillPartitions = 100_000
    /// Backfills that are not at their end: each holds a few jobs in the queue.
    public static let activeBackfills = 1_000
    /// Finished backfills kept in the history; the oldest go first.
    public static let finishedBackfills = 1_000
    /// Partitions kept of finished backfills; the oldest backfills go first.
    public static let finishedPartitions = 1_000_000
    /// Partitions that a dry run lists.
    public static let partitionsShown = 100
    /// Kinds of failures that the error of a backfill tells of.
    public static let partitionFailuresShown = 3
    /// Characters of the reason that a person gives for a backfill.
    public static let reasonCharacters = 1_000
    /// Past backfills, and past runs, from which the time of another one is reckoned.
    public static let pastLoads = 20
}
