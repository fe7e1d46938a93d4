internal import Model
internal import Platform

/// Which job starts next, as a plain value: no thread, no clock, no effect.
///
/// Jobs start in the order in which they came, except that
///  - one run of a pipeline is active at a time, from its first start until it is finished, also while it waits for
///    another attempt; the others of the pipeline stay in line, and the next of them counts as having come when that
///    one started: a pipeline with many runs delays no other's first;
///  - a run of high priority has a head start, and one of low priority the opposite, both bounded;
///  - two jobs that write a common file never run together. A job that waits for a file holds no worker, and no younger
///    job takes the file before it, so none waits for ever;
///  - of a limited pool no more places are taken than it has. A job that waits for one holds neither worker nor file, and
///    no younger job takes the place before it;
///  - partitions of backfills come behind all others: none takes a file that a run, an edit or a repair waits for,
///    also where that lacks only a worker;
///  - a job waits until its time has come.
struct DispatcherState: Sendable {
    /// A line whose first job may start as far as its line is concerned.
    private struct Candidate: Sendable, Equatable {
        let id: String
        let line: Job.Line
        let yields: Bool
        /// When it counts as having come.
        let rank: Duration

        init(_ job: Job, in line: JobLine) {
            id = job.id
            self.line = job.line
            yields = job.yields
            // One that was active before has had its turn, and keeps it.
            rank = (line.holdsFront ? job.since : max(job.since, line.lastStart)) - job.priority.headStart
        }

        func precedes(_ other: Candidate) -> Bool {
            guard yields == other.yields else { return other.yields }
            return rank == other.rank ? id < other.id : rank < other.rank
        }
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
    /// How many jobs wait in each lane.
    private var waitingCounts: [JobLane: Int] = [:]
    /// Which job in hand writes each file.
    private var writers: [String: String] = [:]
    private var slots = SlotCounts()
    /// The first jobs of the lines none of whose jobs is in hand, in their order, partitions of backfills behind all others.
    private var candidates: [Candidate] = []

    /// Makes the state of a dispatcher with `workers` workers, `backfillLanes` lanes for partitions, one editor and one
    /// auditor.
    init(workers: Int, backfillLanes: Int = Limits.backfillLanes) {
        freeWorkers = workers
        freeBackfillLanes = backfillLanes
    }

    /// How many jobs wait for their turn.
    var waiting: Int { waitingLines.count }

    /// How many jobs wait for their turn, and how many are in hand, in each lane.
    var lanes: [LaneLoad] {
        var running: [JobLane: Int] = [:]
        for job in self.running.values { running[job.kind.lane, default: 0] += 1 }
        return JobLane.allCases.map { LaneLoad(lane: $0, waiting: waitingCounts[$0] ?? 0, running: running[$0] ?? 0) }
    }

    /// The job in hand that writes one of the files; nil when they are all free.
    func writer(of files: Set<String>) -> String? {
        for file in files { if let writer = writers[file] { return writer } }
        return nil
    }

    /// Sets how many jobs may use a pool at once; nil means as many as there are.
    mutating func limit(_ pool: SlotPool, to places: Int?) {
        slots.limit(pool, to: places)
    }

    /// The jobs in hand that have a place of a pool, and those in line that need one.
    func use(of pool: SlotPool) -> (running: Int, waiting: Int) {
        (
            running.values.count { $0.pools.contains(pool) },
            lines.values.reduce(0) { $0 + $1.count { job in job.pools.contains(pool) } }
        )
    }

    /// What a waiting job waits for at the uptime `now`; nil when it does not wait, or only for its turn to be taken.
    func wait(of id: String, at now: Duration) -> JobWait? {
        guard let name = waitingLines[id] else { return nil }
        if let holder = active[name] ?? lines[name]?.first?.id, holder != id { return .pipeline(run: holder) }
        guard let job = lines[name]?.first else { return nil }
        if let notBefore = job.notBefore, notBefore > now { return .time }
        if let pool = slots.full(job.pools) {
            return .pool(pool, jobs: running.values.filter { $0.pools.contains(pool) }.map(\.id).sorted())
        }
        if let writer = writer(of: job.files) { return .file(job: writer) }
        return hasRoom(for: job.kind) ? .turn : .worker
    }

    /// Puts a job in line that comes at the uptime `now`; `wasActive` says that it is its pipeline's active run, which a
    /// restart interrupted.
    ///
    /// A job that waits or is in hand already is left alone.
    mutating func enqueue(_ job: Job, at now: Duration = .zero, wasActive: Bool = false) {
        guard waitingLines[job.id] == nil, running[job.id] == nil else { return }
        var job = job
        job.since = now
        change(job.line) { state, line in
            if wasActive, state.active[job.line] == nil {
                state.active[job.line] = job.id
                line.holdFront(job)
            } else {
                line.insert(job)
            }
        }
        waitingLines[job.id] = job.line
        waitingCounts[job.kind.lane, default: 0] += 1
    }

    /// Takes out the jobs that start at the uptime `now`; they are in hand until `finish` or `release`.
    mutating func start(at now: Duration) -> [Job] {
        var started: [Job] = []
        // Files that an older job waits for: no younger one takes them first.
        var claimed: Set<String> = []
        // Files that a run or an edit waits for, be it for a worker alone: no partition takes them first.
        var wanted: Set<String> = []
        // The places of pools that are taken, and those that an older job waits for.
        var places = slots
        for candidate in candidates {
            if freeWorkers == 0 && editing && auditing && freeBackfillLanes == 0 { break }
            guard let job = lines[candidate.line]?.first else { continue }
            // A job that waits for its time claims nothing: others use its files meanwhile.
            if let notBefore = job.notBefore, notBefore > now { continue }
            let isFull = places.full(job.pools) != nil
            places.take(job.pools)
            // Its files are others' as long as it lacks a place: that may take longer than what they want them for.
            if isFull { continue }
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
            take(job, at: now)
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

    /// Lays a job in hand aside until `notBefore`, with the files and pools it turned out to need: its worker, its files
    /// and its places are free, its pipeline stays its own.
    mutating func release(
        _ id: String, notBefore: Duration?, files: Set<String>? = nil, pools: Set<SlotPool>? = nil
    ) {
        guard var job = layDown(id) else { return }
        job.notBefore = notBefore
        job.files = files ?? job.files
        job.pools = pools ?? job.pools
        change(job.line) { _, line in line.holdFront(job) }
        waitingLines[id] = job.line
        waitingCounts[job.kind.lane, default: 0] += 1
    }

    /// Takes a waiting job out of its line, and frees its pipeline if it was the active run; nil when it does not wait.
    mutating func remove(_ id: String) -> Job? {
        guard let line = waitingLines.removeValue(forKey: id) else { return nil }
        if active[line] == id { active[line] = nil }
        var removed: Job?
        change(line) { _, jobs in removed = jobs.take(id) }
        if let removed { waitingCounts[removed.kind.lane, default: 0] -= 1 }
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

    private mutating func take(_ job: Job, at now: Duration) {
        switch job.kind {
        case .run: freeWorkers -= 1
        case .edit: editing = true
        case .audit: auditing = true
        case .partition: freeBackfillLanes -= 1
        }
        running[job.id] = job
        active[job.line] = job.id
        waitingLines[job.id] = nil
        waitingCounts[job.kind.lane, default: 0] -= 1
        for file in job.files { writers[file] = job.id }
        slots.take(job.pools)
        change(job.line) { _, line in
            _ = line.takeFirst()
            line.lastStart = now
        }
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
        slots.giveBack(job.pools)
        return job
    }

    /// Changes a line and keeps its place among the candidates true.
    private mutating func change(_ name: Job.Line, _ body: (inout DispatcherState, inout JobLine) -> Void) {
        // Taken out while it changes, so that it changes in place.
        var line = lines.removeValue(forKey: name) ?? JobLine()
        if let first = line.first { dropCandidate(Candidate(first, in: line)) }
        body(&self, &line)
        guard let first = line.first else { return }
        lines[name] = line
        let isInHand = active[name].map { running[$0] != nil } ?? false
        if !isInHand {
            let candidate = Candidate(first, in: line)
            candidates.insert(candidate, at: place(of: candidate))
        }
    }

    private mutating func dropCandidate(_ candidate: Candidate) {
        let place = place(of: candidate)
        if place < candidates.count, candidates[place] == candidate { candidates.remove(at: place) }
    }

    private func place(of candidate: Candidate) -> Int {
        var low = 0
        var high = candidates.count
        while low < high {
            let middle = (low + high) / 2
            if candidates[middle].precedes(candidate) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
