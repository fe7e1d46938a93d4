/// The jobs of one line in the order they start: one that was active before in front, the others by identifier.
struct JobLine: Sendable {
    private var jobs: [Job] = []
    /// Where the first job stands in `jobs`; those before it are gone. Taking the first costs no shift of the others.
    private var start = 0
    /// Whether the first job keeps its place in front of smaller identifiers.
    private(set) var holdsFront = false
    /// The uptime at which a job of it last started.
    var lastStart: Duration = .zero

    /// Makes an empty line.
    init() {}

    /// The job whose turn is next.
    var first: Job? { start < jobs.count ? jobs[start] : nil }
    /// How many wait.
    var count: Int { jobs.count - start }

    /// How many of them `body` holds for.
    func count(where body: (Job) -> Bool) -> Int { jobs[start...].count(where: body) }

    /// Puts a job behind those with smaller identifiers, and behind one that holds the front.
    mutating func insert(_ job: Job) {
        jobs.insert(job, at: place(of: job.id))
    }

    /// Puts a job in front, where it stays whatever is inserted.
    mutating func holdFront(_ job: Job) {
        holdsFront = true
        if start > 0 {
            start -= 1
            jobs[start] = job
        } else {
            jobs.insert(job, at: 0)
        }
    }

    /// Takes the first job out; nil when the line is empty.
    mutating func takeFirst() -> Job? {
        guard let job = first else { return nil }
        start += 1
        holdsFront = false
        if start == jobs.count {
            jobs.removeAll(keepingCapacity: false)
            start = 0
        } else if start >= 64, start * 2 >= jobs.count {
            jobs.removeFirst(start)
            start = 0
        }
        return job
    }

    /// Takes the job of an identifier out; nil when it does not wait here.
    mutating func take(_ id: String) -> Job? {
        if first?.id == id { return takeFirst() }
        let place = place(of: id)
        guard place < jobs.count, jobs[place].id == id else { return nil }
        return jobs.remove(at: place)
    }

    /// The first place past the front, when that is held, whose identifier is not smaller than `id`.
    private func place(of id: String) -> Int {
        var low = min(start + (holdsFront ? 1 : 0), jobs.count)
        var high = jobs.count
        while low < high {
            let middle = (low + high) / 2
            if jobs[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
