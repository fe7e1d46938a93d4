import Model
import Testing

@testable import Engine

/// Holds the dispatcher against a model that is slow and plainly right, over random histories.
struct DispatcherModelTests {
    @Test(arguments: 0..<60)
    func doesWhatTheModelDoes(offset: UInt64) {
        let seed = 0x5EED_0000 + offset
        var random = Seeded(seed)
        let workers = Int.random(in: 1...4, using: &random)
        var state = DispatcherState(workers: workers, backfillLanes: 2)
        var model = Model(workers: workers, backfillLanes: 2)
        for (name, places) in [("a", 1), ("b", 2)] {
            state.limit(.named(name), to: places)
            model.limits[.named(name)] = places
        }
        var now = Duration.zero
        var made = 0
        var starts: [String: Int] = [:]

        for step in 0..<400 {
            switch Int.random(in: 0..<100, using: &random) {
            case ..<35:
                made += 1
                let job = randomJob(made, using: &random)
                let wasActive = Int.random(in: 0..<20, using: &random) == 0 && model.mayTakeOver(job)
                state.enqueue(job, at: now, wasActive: wasActive)
                model.enqueue(job, at: now, wasActive: wasActive)
            case ..<60:
                guard let id = model.running.map(\.id).randomElement(using: &random) else { continue }
                state.finish(id)
                model.finish(id)
            case ..<72:
                guard let id = model.running.map(\.id).randomElement(using: &random) else { continue }
                let notBefore =
                    Bool.random(using: &random) ? now + .seconds(Int.random(in: 1...5, using: &random)) : nil
                let files = Int.random(in: 0..<4, using: &random) == 0 ? randomFiles(using: &random) : nil
                let pools = Int.random(in: 0..<4, using: &random) == 0 ? randomPools(using: &random) : nil
                state.release(id, notBefore: notBefore, files: files, pools: pools)
                model.release(id, notBefore: notBefore, files: files, pools: pools)
            case ..<80:
                guard let id = model.waiting.map(\.id).randomElement(using: &random) else { continue }
                let removed = state.remove(id)
                #expect(removed?.id == id, "seed \(seed), step \(step)")
                model.remove(id)
            default:
                now += .seconds([0, 1, 2, 120].randomElement(using: &random) ?? 1)
            }
            for lane in state.lanes {
                #expect(lane.waiting == model.waiting.count { $0.kind.lane == lane.lane }, "seed \(seed), step \(step)")
                #expect(lane.running == model.running.count { $0.kind.lane == lane.lane }, "seed \(seed), step \(step)")
            }
            if Int.random(in: 0..<3, using: &random) > 0 {
                let started = state.start(at: now).map(\.id)
                for id in started { starts[id, default: 0] += 1 }
                #expect(started == model.start(at: now), "seed \(seed), step \(step)")
                expectExclusive(state.running, "seed \(seed), step \(step)")
                for (pool, places) in model.limits {
                    let users = state.running.values.filter { $0.pools.contains(pool) }.count
                    #expect(users <= places, "seed \(seed), step \(step)")
                }
                #expect(state.start(at: now).isEmpty, "seed \(seed), step \(step)")
            }
            #expect(state.waiting == model.waiting.count, "seed \(seed), step \(step)")
        }
        drain(&state, from: now, seed: seed)
    }

    /// Whatever the history, finishing what runs and letting time pass starts every job that waits.
    private func drain(_ state: inout DispatcherState, from start: Duration, seed: UInt64) {
        var now = start
        for _ in 0..<10_000 where state.waiting > 0 || !state.running.isEmpty {
            for id in state.running.keys { state.finish(id) }
            now += .seconds(1)
            _ = state.start(at: now)
        }
        #expect(state.waiting == 0 && state.running.isEmpty, "seed \(seed)")
    }

    private func expectExclusive(_ running: [String: Job], _ comment: Comment) {
        let jobs = Array(running.values)
        for (index, one) in jobs.enumerated() {
            for other in jobs[(index + 1)...] {
                #expect(one.files.isDisjoint(with: other.files), comment)
                #expect(one.line != other.line, comment)
            }
        }
    }

    private func randomJob(_ number: Int, using random: inout Seeded) -> Job {
        // Numbers are spread, so that jobs also arrive out of order.
        let id = String(10_000 + number * 3 + Int.random(in: -40...0, using: &random) * 3 + number % 3) + "-\(number)"
        let kind: Job.Kind =
            switch Int.random(in: 0..<10, using: &random) {
            case 0: .edit
            case 1...3: .partition(backfill: "b")
            default: .run(pipeline: "p\(Int.random(in: 0..<5, using: &random))")
            }
        var job = Job(id: id, kind: kind, files: randomFiles(using: &random))
        job.priority = RunPriority.allCases[Int.random(in: 0..<3, using: &random)]
        job.pools = randomPools(using: &random)
        return job
    }

    private func randomPools(using random: inout Seeded) -> Set<SlotPool> {
        Set(["a", "b", "unlimited"].filter { _ in Int.random(in: 0..<4, using: &random) == 0 }.map { .named($0) })
    }

    private func randomFiles(using random: inout Seeded) -> Set<String> {
        Set((0..<Int.random(in: 0...2, using: &random)).map { _ in "f\(Int.random(in: 0..<4, using: &random))" })
    }
}

/// The dispatcher's rules, written out over plain lists.
private struct Model {
    let workers: Int
    let backfillLanes: Int
    var waiting: [Job] = []
    var running: [Job] = []
    var active: [Job.Line: String] = [:]
    var limits: [SlotPool: Int] = [:]
    var lastStarts: [Job.Line: Duration] = [:]

    init(workers: Int, backfillLanes: Int) {
        self.workers = workers
        self.backfillLanes = backfillLanes
    }

    func mayTakeOver(_ job: Job) -> Bool { active[job.line] == nil }

    mutating func enqueue(_ job: Job, at now: Duration, wasActive: Bool) {
        var job = job
        job.since = now
        waiting.append(job)
        if wasActive { active[job.line] = job.id }
    }

    mutating func finish(_ id: String) {
        guard let job = running.first(where: { $0.id == id }) else { return }
        running.removeAll { $0.id == id }
        active[job.line] = nil
    }

    mutating func release(_ id: String, notBefore: Duration?, files: Set<String>?, pools: Set<SlotPool>?) {
        guard var job = running.first(where: { $0.id == id }) else { return }
        running.removeAll { $0.id == id }
        job.notBefore = notBefore
        job.files = files ?? job.files
        job.pools = pools ?? job.pools
        waiting.append(job)
    }

    mutating func remove(_ id: String) {
        waiting.removeAll { $0.id == id }
        for (line, holder) in active where holder == id { active[line] = nil }
    }

    /// The jobs that only time, files or room can hold back: the active one of a line, or else its smallest.
    private var firsts: [Job] {
        let sorted = waiting.sorted { $0.id < $1.id }
        let firsts = sorted.filter { job in
            if let holder = active[job.line] { return holder == job.id }
            return sorted.first { $0.line == job.line }?.id == job.id
        }
        let ranked = firsts.sorted { (rank($0), $0.id) < (rank($1), $1.id) }
        return ranked.filter { !$0.yields } + ranked.filter(\.yields)
    }

    private func rank(_ job: Job) -> Duration {
        let turn = active[job.line] == job.id ? job.since : max(job.since, lastStarts[job.line] ?? .zero)
        switch job.priority {
        case .high: return turn - .seconds(600)
        case .normal: return turn
        case .low: return turn + .seconds(600)
        }
    }

    private func hasPlaces(for job: Job, beside claims: [Job]) -> Bool {
        limits.allSatisfy { pool, places in
            !job.pools.contains(pool) || (running + claims).filter { $0.pools.contains(pool) }.count < places
        }
    }

    private func hasRoom(for job: Job) -> Bool {
        switch job.kind {
        case .run: running.filter { if case .run = $0.kind { true } else { false } }.count < workers
        case .partition: running.filter(\.yields).count < backfillLanes
        case .edit, .audit: !running.contains { $0.kind == job.kind }
        }
    }

    mutating func start(at now: Duration) -> [String] {
        var started: [String] = []
        var claimed: Set<String> = []
        var wanted: Set<String> = []
        var claims: [Job] = []
        for job in firsts {
            if let notBefore = job.notBefore, notBefore > now { continue }
            guard hasPlaces(for: job, beside: claims) else {
                claims.append(job)
                continue
            }
            let hasRoom = hasRoom(for: job)
            let kept = job.yields ? claimed.union(wanted) : claimed
            let busy = running.reduce(into: kept) { $0.formUnion($1.files) }
            if busy.isDisjoint(with: job.files), hasRoom {
                waiting.removeAll { $0.id == job.id }
                running.append(job)
                active[job.line] = job.id
                lastStarts[job.line] = now
                started.append(job.id)
            } else {
                claims.append(job)
                if !busy.isDisjoint(with: job.files) || job.kind == .edit {
                    claimed.formUnion(job.files)
                } else if !job.yields {
                    wanted.formUnion(job.files)
                }
            }
        }
        return started
    }
}
