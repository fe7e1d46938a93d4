import Model
import Platform

@testable import Engine

/// A year of schedules over plain values: what is committed survives a crash, the rest does not.
///
/// Time passes by itself; the wall clock is that time and an offset that jumps.
struct ScheduleSimulation {
    /// One schedule with what is committed of it, and what has come of it.
    struct Line {
        var record: ScheduleRecord
        /// Where the era in hand began.
        var begin: Timestamp
        /// Runs that have not ended, oldest first, as they are committed.
        var active: [SimulatedRun] = []
        /// Ticks that each run stood for, by run.
        var ticks: [Int: Int] = [:]
        /// The last tick of each run, with its era: no two runs have the same.
        var seen: Set<String> = []
        /// Ticks of the eras before, by what they were told to be, and as they were counted one by one.
        var told = 0
        var counted = 0
        var skipped = 0
        /// The longest that a run takes, in seconds.
        let slowness: Double
    }

    struct SimulatedRun {
        let id: Int
        var state: TickRun.State
        var end: Int64?
    }

    private(set) var lines: [String: Line] = [:]
    private(set) var faults: [String] = []
    /// How often each thing happened, so that a test knows that it did.
    private(set) var happened: [String: Int] = [:]

    private var random: Seeded
    private var state = SchedulerState()
    /// Microseconds that have passed.
    private var time: Int64 = 0
    /// Microseconds by which the wall clock is ahead of them.
    private var offset: Int64 = 0
    private var runs = 0
    private let schedules: [Schedule]
    private let beginning: Timestamp

    init(seed: UInt64, pipelines: Int, schedules: [Schedule], beginning: Timestamp) {
        random = Seeded(seed)
        self.schedules = schedules
        self.beginning = beginning
        for number in 0..<pipelines {
            let name = "p\(number)"
            let schedule = schedules[number % schedules.count]
            // Some are over at once, others go on past several ticks.
            let slowness = [10, 3_000, 30_000][number % 3] as Double
            lines[name] = Line(
                record: ScheduleRecord(
                    pipeline: name, rule: schedule.rule.text, overlap: schedule.overlap, accounted: beginning),
                begin: beginning, slowness: slowness)
        }
        reload()
    }

    private var now: Timestamp { beginning.adding(.microseconds(time + offset)) }

    // MARK: Time

    /// Lets time pass, with something going wrong every `trouble` seconds or so.
    mutating func pass(_ seconds: Double, trouble: Double) {
        let end = time + ScheduleSimulation.microseconds(seconds)
        var nextTrouble = time + microseconds(upTo: 2 * trouble)
        while time < end {
            // A tick, or a clock that is looked at; the next trouble, and the end, come in between.
            let tick = state.next().map { time + max(0, $0.since(now).microseconds) } ?? end
            time = min(tick, nextTrouble, end)
            if time == tick { wake() }
            if time == nextTrouble {
                makeTrouble()
                nextTrouble = time + 1 + microseconds(upTo: 2 * trouble)
            }
        }
        wake()
    }

    /// The scheduler looks at the clock and decides what is due.
    private mutating func wake() {
        if state.noteSetBack(now) { reload() }
        for pipeline in state.takeDue(at: now) {
            // A crash may come before a decision is committed, and after.
            let fate = Int.random(in: 0..<4_000, using: &random)
            if fate == 0 { return crash() }
            decide(pipeline)
            if fate == 1 { return crash() }
        }
    }

    private mutating func reload() {
        _ = state.noteSetBack(now)
        var wakes: [String: Timestamp] = [:]
        for (name, line) in lines { wakes[name] = line.record.nextDecision(at: now) }
        state.replace(wakes)
    }

    // MARK: Decisions

    private mutating func decide(_ name: String) {
        // Taken out while it changes, so that what has come of it grows in place.
        guard var line = lines.removeValue(forKey: name) else { return }
        finishRuns(&line)
        let before = line.record
        let active = line.active.map { TickRun(id: "\($0.id)", state: $0.state) }
        let decision = line.record.decide(at: now, active: active)
        switch decision {
        case .nothing: note("nothing")
        case .start(let due, let cancelled):
            note(due.count > 1 ? "coalesced" : "start")
            if let cancelled { cancel(cancelled, &line) }
            runs += 1
            line.active.append(SimulatedRun(id: runs, state: .waitingForTick, end: nil))
            line.ticks[runs] = due.count
            stand(for: due, &line)
            if line.active.filter({ $0.state == .waitingForTick }).count > 1 { fault(name, "two runs wait") }
        case .join(let due, let run, let cancelled):
            note("join")
            if let cancelled { cancel(cancelled, &line) }
            line.ticks[Int(run) ?? 0, default: 0] += due.count
            stand(for: due, &line)
        case .skip(let due, _):
            note("skip")
            line.skipped += due.count
            line.told += due.count
        case .beginAnew:
            note("begin anew")
        }
        line.record.apply(decision)
        if case .beginAnew = decision { close(&line, before, through: before.accounted) }
        check(name, line, since: before)
        startRuns(&line, at: time)
        lines[name] = line
        state.set(name, line.record.nextDecision(at: now))
    }

    private mutating func stand(for due: DueTicks, _ line: inout Line) {
        line.told += due.count
        if !line.seen.insert("\(line.record.era) \(due.last.microseconds)").inserted {
            fault(line.record.pipeline, "the tick \(due.last.rfc3339) is run twice")
        }
    }

    /// Whatever was due is accounted for, ticks lie in the stretch that they account for, and the next ones come in time.
    private mutating func check(_ name: String, _ line: Line, since before: ScheduleRecord) {
        guard line.record.era != before.era || line.record.accounted >= before.accounted else {
            return fault(name, "accounted ticks come again")
        }
        guard let next = line.record.nextDecision(at: now) else { return }
        if next <= now { fault(name, "due at \(next.rfc3339), and it is \(now.rfc3339)") }
        // The rules tick once a month at least; a clock that was set back may double that.
        if next.since(now) > .seconds(63 * 86_400) { fault(name, "silent until \(next.rfc3339) at \(now.rfc3339)") }
    }

    /// Counts the ticks of an era that has ended one by one.
    private func close(_ line: inout Line, _ record: ScheduleRecord, through end: Timestamp) {
        guard let ticks = record.ticks else { return }
        line.counted += ticks.oneByOne(after: line.begin, through: end).count
        line.begin = line.record.accounted
    }

    /// Compares what became of the ticks with the ticks, of all pipelines.
    mutating func settleAccounts() {
        for name in lines.keys.sorted() {
            guard var line = lines[name] else { continue }
            let record = line.record
            close(&line, record, through: record.accounted)
            lines[name] = line
            if line.told != line.counted { fault(name, "\(line.counted) ticks, \(line.told) accounted for") }
            if record.runs + record.coalesced + record.skipped != line.counted { fault(name, "counts of \(record)") }
            if record.skipped != line.skipped { fault(name, "\(line.skipped) were skipped, not \(record.skipped)") }
            if record.runs != line.ticks.count { fault(name, "\(line.ticks.count) runs, not \(record.runs)") }
            if line.ticks.values.reduce(0, +) != record.runs + record.coalesced { fault(name, "ticks of runs") }
        }
    }

    // MARK: Runs

    private mutating func startRuns(_ line: inout Line, at start: Int64) {
        guard !line.active.isEmpty, line.active[0].end == nil else { return }
        line.active[0].state = .inHand
        line.active[0].end = start + microseconds(upTo: line.slowness)
    }

    private mutating func finishRuns(_ line: inout Line) {
        while let end = line.active.first?.end, end <= time {
            line.active.removeFirst()
            startRuns(&line, at: end)
        }
    }

    private mutating func cancel(_ run: String, _ line: inout Line) {
        note("cancel")
        line.active.removeAll { "\($0.id)" == run }
    }

    // MARK: Trouble

    private mutating func makeTrouble() {
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1: crash()
        case 2: jump(Double.random(in: -90...90, using: &random))
        case 3: jump(Double.random(in: -9_000...9_000, using: &random))
        case 4: jump(-Double(offset) / 1_000_000)
        case 5: jump([-40.0, 40, 3].randomElement(using: &random).map { $0 * 86_400 } ?? 0)
        case 6, 7: pauseOrResume()
        default: edit()
        }
    }

    /// The process dies and is started again a while later: it knows what was committed.
    private mutating func crash() {
        note("crash")
        state = SchedulerState()
        time += ScheduleSimulation.microseconds([0.5, 60, 7_200, 90_000].randomElement(using: &random) ?? 1)
        for name in lines.keys {
            // A run in hand is taken up again, from its beginning.
            if lines[name]?.active.first?.state == .inHand { lines[name]?.active[0].end = time + 30_000_000 }
        }
        reload()
    }

    private mutating func jump(_ seconds: Double) {
        note("jump")
        offset += ScheduleSimulation.microseconds(seconds)
        // Unseen for a while: the machine looks at its clock once a minute.
        time += microseconds(upTo: 60)
        wake()
    }

    private mutating func pauseOrResume() {
        let name = "p\(Int.random(in: 0..<lines.count, using: &random))"
        guard var line = lines[name] else { return }
        if line.record.pausedAt == nil {
            note("pause")
            line.record.pausedAt = now
        } else {
            line.record.pausedAt = nil
            if Bool.random(using: &random) {
                note("resume, skipping")
                let skipped = line.record.skipMissed(at: now)
                line.skipped += skipped
                line.told += skipped
            } else {
                note("resume")
            }
        }
        lines[name] = line
        state.set(name, now)
    }

    private mutating func edit() {
        note("edit")
        let name = "p\(Int.random(in: 0..<lines.count, using: &random))"
        guard var line = lines[name], let schedule = schedules.randomElement(using: &random) else { return }
        let before = line.record
        let skipped = line.record.adopt(schedule, isPaused: false, at: now)
        if line.record.era != before.era {
            line.told += skipped
            line.skipped += skipped
            // Ticks that were missed belong to the rule that ends.
            close(&line, before, through: max(before.accounted, now))
        }
        lines[name] = line
        state.set(name, now)
    }

    /// Lets everything go on, so that nothing is left to account for.
    mutating func end() {
        for name in lines.keys { lines[name]?.record.pausedAt = nil }
        reload()
        wake()
        wake()
    }

    private static func microseconds(_ seconds: Double) -> Int64 { Int64(seconds * 1_000_000) }

    private mutating func microseconds(upTo seconds: Double) -> Int64 {
        Int64.random(in: 0...ScheduleSimulation.microseconds(seconds), using: &random)
    }

    private mutating func note(_ what: String) { happened[what, default: 0] += 1 }

    private mutating func fault(_ name: String, _ what: String) {
        if faults.count < 20 { faults.append("\(name): \(what)") }
    }
}

extension Ticks {
    /// The ticks after one instant and up to another, found one by one: what is counted in one step is held against them.
    func oneByOne(after start: Timestamp, through end: Timestamp) -> [Timestamp] {
        var found: [Timestamp] = []
        var at = start
        while let next = next(after: at), next <= end {
            found.append(next)
            at = next
        }
        return found
    }
}
