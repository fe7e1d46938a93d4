internal import Platform

/// Which job starts next, as a plain value: no thread, no clock, no effect.
///
/// Jobs start in the order of their identifiers, except that
///  - one run of a pipeline is active at a time, from its first start until it is finished, also while it waits for
///    another attempt; the others of the pipeline stay in line;
///  - two jobs that write a common file never run together. A job that waits for a file holds no worker, and no younger
///    job takes the file before it, so none waits for ever;
///  - partitions of backfills come behind all others: none takes a file that a run, an edit or a repair waits for,
///    also where that lacks only a worker;
///  - a job waits until its time has come.
struct DispatcherState: Sendable {
    /// A line whose first job may start as far as its line is concerned.
    private struct Candidate: Sendable {
        let id: String
        let line: Job.Line
        let yields: Bool

        /// Whether it comes before a job.
        func precedes(_ job: Job) -> Bool { yields == job.yields ? id < job.id : job.yields }
    }

    /// Free workers.
    private(set) var freeWorkers: Int
    /// Partitions of backfills that may yet be taken in hand.
    private var freeBackfillLanes: Int
    private var editing = false
    private var auditing = false
    /// Jobs in hand by identifier.
    private(set) var running: [String: Job] = [:]
    private var lines: [Job.Line: JobLine] = [:]
    /// The active run of each pipeline that has one.
    private var active: [Job.Line: String] = [:]
    /// The line of each waiting job.
    private var waitingLines: [String: Job.Line] = [:]
    /// Which job in hand writes each file.
    private var writers: [String: String] = [:]
    /// The first jobs of the lines none of whose jobs is in hand, by identifier, partitions of backfills behind all others.
    private var candidates: [Candidate] = []

    /// Makes the state of a dispatcher with `workers` workers, `backfillLanes` lanes for partitions, one editor and one
    /// auditor.
    init(workers: Int, backfillLanes: Int = Limits.backfillLanes) {
        freeWorkers = workers
        freeBackfillLanes = backfillLanes
    }

    /// How many jobs wait for their turn.
    var waiting: Int { waitingLines.count }

    /// The job in hand that writes one of the files; nil when they are all free.
    func writer(of files: Set<String>) -> String? {
        for file in files { if let writer = writers[file] { return writer } }
        return nil
    }

    /// Puts a job in line; `wasActive` says that it is its pipeline's active run, which a restart interrupted.
    ///
    /// A job that waits or is in hand already is left alone.
    mutating func enqueue(_ job: Job, wasActive: Bool = false) {
        guard waitingLines[job.id] == nil, running[job.id] == nil else { return }
        change(job.line) { state, line in
            if wasActive, state.active[job.line] == nil {
                state.active[job.line] = job.id
                line.holdFront(job)
            } else {
                line.insert(job)
            }
        }
        waitingLines[job.id] = job.line
    }

    /// Takes out the jobs that start at the uptime `now`; they are in hand until `finish` or `release`.
    mutating func start(at now: Duration) -> [Job] {
        var started: [Job] = []
        // Files that an older job waits for: no younger one takes them first.
        var claimed: Set<String> = []
        // Files that a run or an edit waits for, be it for a worker alone: no partition takes them first.
        var wanted: Set<String> = []
        for candidate in candidates {
            if freeWorkers == 0 && editing && auditing && freeBackfillLanes == 0 { break }
            guard let job = lines[candidate.line]?.first else { continue }
            // A job that waits for its time claims nothing: others use its files meanwhile.
            if let notBefore = job.notBefore, notBefore > now { continue }
            let isFree =
                writer(of: job.files) == nil && claimed.isDisjoint(with: job.files)
                && (!job.yields || wanted.isDisjoint(with: job.files))
            guard isFree, hasRoom(for: job.kind) else {
                // A run that lacks only a worker claims nothing: no younger run can overtake it, and an edit is short. Nor
                // does an audit that waits for another one: loads go before it.
                if !isFree || job.kind == .edit { claimed.formUnion(job.files) }
                if case .run = job.kind { wanted.formUnion(job.files) }
                continue
            }
            take(job)
            started.append(job)
        }
        return started
    }

    /// Ends a job in hand: its worker, its files and its pipeline are free.
    mutating func finish(_ id: String) {
        guard let job = layDown(id) else { return }
        active[job.line] = nil
        change(job.line) { _, _ in }
    }

    /// Lays a job in hand aside until `notBefore`, with the files it turned out to need: its worker and its files are
    /// free, its pipeline stays its own.
    mutating func release(_ id: String, notBefore: Duration?, files: Set<String>? = nil) {
        guard var job = layDown(id) else { return }
        job.notBefore = notBefore
        job.files = files ?? job.files
        change(job.line) { _, line in line.holdFront(job) }
        waitingLines[id] = job.line
    }

    /// Takes a waiting job out of its line, and frees its pipeline if it was the active run; nil when it does not wait.
    mutating func remove(_ id: String) -> Job? {
        guard let line = waitingLines.removeValue(forKey: id) else { return nil }
        if active[line] == id { active[line] = nil }
        var removed: Job?
        change(line) { _, jobs in removed = jobs.take(id) }
        return removed
    }

    private func hasRoom(for kind: Job.Kind) -> Bool {
        switch kind {
        case .run: freeWorkers > 0
        case .edit: !editing
        case .audit: !auditing
        case .partition: freeBackfillLanes > 0
        }
    }

    private mutating func take(_ job: Job) {
        switch job.kind {
        case .run: freeWorkers -= 1
        case .edit: editing = true
        case .audit: auditing = true
        case .partition: freeBackfillLanes -= 1
        }
        running[job.id] = job
        active[job.line] = job.id
        waitingLines[job.id] = nil
        for file in job.files { writers[file] = job.id }
        change(job.line) { _, line in _ = line.takeFirst() }
    }

    private mutating func layDown(_ id: String) -> Job? {
        guard let job = running.removeValue(forKey: id) else { return nil }
        switch job.kind {
        case .run: freeWorkers += 1
        case .edit: editing = false
        case .audit: auditing = false
        case .partition: freeBackfillLanes += 1
        }
        for file in job.files { writers[file] = nil }
        return job
    }

    /// Changes a line and keeps its place among the candidates true.
    private mutating func change(_ name: Job.Line, _ body: (inout DispatcherState, inout JobLine) -> Void) {
        if let first = lines[name]?.first { dropCandidate(first) }
        // Taken out while it changes, so that it changes in place.
        var line = lines.removeValue(forKey: name) ?? JobLine()
        body(&self, &line)
        if let first = line.first {
            lines[name] = line
            let isInHand = active[name].map { running[$0] != nil } ?? false
            if !isInHand {
                candidates.insert(Candidate(id: first.id, line: name, yields: first.yields), at: place(of: first))
            }
        }
    }

    private mutating func dropCandidate(_ job: Job) {
        let place = place(of: job)
        if place < candidates.count, candidates[place].id == job.id { candidates.remove(at: place) }
    }

    private func place(of job: Job) -> Int {
        var low = 0
        var high = candidates.count
        while low < high {
            let middle = (low + high) / 2
            if candidates[middle].precedes(job) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
