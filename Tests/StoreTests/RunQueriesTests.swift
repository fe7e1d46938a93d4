import Model
import Platform
import SQLite
import Testing

@testable import Store

struct RunQueriesTests {
    private func failure(_ code: Failure.Code = .locked) -> Failure {
        Failure(code, "a \"b\"\n\0\u{2028}é", hint: "h", field: "f", mark: Mark(line: 3, column: 4), isTransient: true)
    }

    @Test func readsWhatWasInserted() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        #expect(try world.store.read { session throws(StoreError) in try session.run(run.id) } == run)
        let options = RunOptions(steps: ["b", "a-1"], fullRefresh: true, allowShrink: true)
        var second = Run(
            id: world.identifiers.next(), pipeline: "orders", state: .failed, trigger: .retry, attempt: 3,
            options: options,
            createdAt: world.clock.now(), startedAt: world.clock.now(), finishedAt: world.clock.now(), error: failure(),
            steps: [
                StepRun(name: "a", state: .failed, strategy: .sequence, startedAt: world.clock.now(), error: failure()),
                StepRun(name: "b", state: .skipped, strategy: .timestamp),
            ])
        try world.change { transaction throws(StoreError) in try transaction.insertRun(second) }
        #expect(try world.store.read { session throws(StoreError) in try session.run(second.id) } == second)
        #expect(try world.store.read { session throws(StoreError) in try session.run("nothing") } == nil)
        second.pipeline = "other"
        let error = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in try transaction.insertRun(second) }
        }
        #expect(error?.code == .unknownPipeline)
    }

    @Test func keepsAnyStepExactly() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        try world.change { transaction throws(StoreError) in
            try transaction.changeRun(run.id, to: .running)
            try transaction.updateStep(run.id, StepRun(name: "a", state: .running, strategy: .timestamp))
        }
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        for _ in 0..<300 {
            var step = StepRun(name: "a", state: .running, strategy: .timestamp)
            step.startedAt = random.optional { Timestamp(microseconds: Int64($0.next() >> 2)) }
            step.error = random.optional {
                Failure(
                    Failure.Code.allCases.randomElement(using: &$0) ?? .conflict, $0.text(), hint: $0.text(),
                    field: $0.optional { $0.text() }, isTransient: Bool.random(using: &$0))
            }
            step.result = random.optional { random in
                LoadResult(
                    counts: RowCounts(
                        read: Int(random.next() >> 1), inserted: Int(random.next() >> 1), updated: 3, unchanged: 4,
                        deleted: 5),
                    watermarkBefore: random.optional { $0.cursorValue() },
                    watermarkAfter: random.optional { $0.cursorValue() },
                    watermarkKey: (0..<Int.random(in: 0...3, using: &random)).map { _ in random.cursorValue() },
                    commits: 7,
                    warnings: (0..<Int.random(in: 0...2, using: &random)).map { _ in
                        LoadWarning(code: random.text(), message: random.text())
                    }, window: random.text())
            }
            step.result?.manifest = random.optional { $0.manifest() }
            step.result?.counts.quarantined = Int(random.next() >> 1)
            step.result?.checks = (0..<Int.random(in: 0...2, using: &random)).map { _ in
                let check = Check(name: random.text(), rule: .notNull([]), severity: .warn)
                return CheckResult(
                    check, isPassed: Bool.random(using: &random), count: 3,
                    samples: [.object([JSONValue.Member(random.text(), random.cursorValue().json)])],
                    message: random.text())
            }
            let stored = try world.change { transaction throws(StoreError) in
                try transaction.updateStep(run.id, step)
                return try transaction.run(run.id)?.steps.first
            }
            #expect(stored == step, "seed \(seed)")
        }
    }

    @Test func movesOnlyAsTheTransitionTableAllows() throws {
        let world = try World()
        try world.pipeline("orders")
        for from in RunState.allCases {
            for to in RunState.allCases {
                let run = try world.run()
                let outcome: StoreError.Code?
                do throws(StoreError) {
                    try world.change { transaction throws(StoreError) in
                        if from != .queued {
                            try transaction.changeRun(run.id, to: .running)
                            if from != .running { try transaction.changeRun(run.id, to: from) }
                        }
                        try transaction.changeRun(run.id, to: to)
                    }
                    outcome = nil
                } catch { outcome = error.code }
                #expect(outcome == (from.mayBecome(to) ? nil : .illegalTransition), "\(from) to \(to)")
            }
        }
        let unknown = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in try transaction.changeRun("nothing", to: .running)
            }
        }
        #expect(unknown?.code == .unknownRun)
    }

    @Test func recordsTheLifeOfARun() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        func change(_ state: RunState, _ change: RunChange = RunChange()) throws -> Run {
            world.clock.advance(by: .seconds(1))
            return try world.change { transaction throws(StoreError) in
                try transaction.changeRun(run.id, to: state, change)
            }
        }
        let started = try change(.running)
        #expect(started.startedAt == world.clock.now())
        let firstStart = world.clock.now()
        try world.change { transaction throws(StoreError) in
            for state in [StepRunState.running, .success] {
                try transaction.updateStep(run.id, StepRun(name: "a", state: state, strategy: .timestamp))
            }
            try transaction.updateStep(run.id, StepRun(name: "b", state: .running, strategy: .fullRefresh))
        }
        let retryAt = world.clock.now().adding(.seconds(60))
        let waiting = try change(.queued, RunChange(ifAttempt: 1, attempt: 2, retryAt: retryAt, error: failure()))
        #expect(waiting.attempt == 2)
        #expect(waiting.retryAt == retryAt)
        #expect(waiting.error == failure())
        #expect(waiting.finishedAt == nil)
        #expect(waiting.steps.map(\.state) == [.success, .pending])
        let again = try change(.running, RunChange(ifAttempt: 2))
        #expect(again.startedAt == firstStart)
        #expect(again.retryAt == nil)
        #expect(again.error == failure())
        let done = try change(.success)
        #expect(done.error == nil)
        #expect(done.finishedAt == world.clock.now())
    }

    @Test func aFinalStateEndsTheSteps() throws {
        let world = try World()
        try world.pipeline("orders")
        for (state, steps) in [
            (RunState.failed, [StepRunState.failed, .skipped]), (.cancelled, [.cancelled, .cancelled]),
        ] {
            let run = try world.run()
            let ended = try world.change { transaction throws(StoreError) in
                try transaction.changeRun(run.id, to: .running)
                try transaction.updateStep(run.id, StepRun(name: "a", state: .running, strategy: .timestamp))
                return try transaction.changeRun(run.id, to: state, RunChange(error: Failure(.locked, "x")))
            }
            #expect(ended.steps.map(\.state) == steps)
            #expect(ended.steps.allSatisfy { $0.finishedAt != nil })
        }
    }

    @Test func anAttemptThatWasGivenUpChangesNothing() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        try world.change { transaction throws(StoreError) in
            try transaction.changeRun(run.id, to: .running)
            try transaction.changeRun(run.id, to: .queued, RunChange(attempt: 2))
            try transaction.changeRun(run.id, to: .running)
        }
        for attempt in [1, 3] {
            let late = #expect(throws: StoreError.self) {
                try world.change { transaction throws(StoreError) in
                    try transaction.changeRun(run.id, to: .success, RunChange(ifAttempt: attempt))
                }
            }
            #expect(late?.code == .fenced)
            let lateStep = #expect(throws: StoreError.self) {
                try world.change { transaction throws(StoreError) in
                    try transaction.updateStep(
                        run.id, StepRun(name: "a", state: .running, strategy: .timestamp), ifAttempt: attempt)
                }
            }
            #expect(lateStep?.code == .fenced)
        }
        #expect(try world.store.read { session throws(StoreError) in try session.run(run.id)?.state } == .running)
    }

    @Test func aStepMovesOnlyAsItsTableAllows() throws {
        let world = try World()
        try world.pipeline("orders")
        for from in StepRunState.allCases {
            for to in StepRunState.allCases {
                let run = try world.run()
                try world.connection().run(
                    "UPDATE step_runs SET state = ? WHERE run = ? AND name = 'a'",
                    [.text(from.rawValue), .text(run.id)])
                let outcome: StoreError.Code?
                do throws(StoreError) {
                    try world.change { transaction throws(StoreError) in
                        try transaction.updateStep(run.id, StepRun(name: "a", state: to, strategy: .timestamp))
                    }
                    outcome = nil
                } catch { outcome = error.code }
                #expect(outcome == (from == to || from.mayBecome(to) ? nil : .illegalTransition), "\(from) to \(to)")
            }
        }
        let run = try world.run()
        let unknown = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in
                try transaction.updateStep(run.id, StepRun(name: "z", state: .running, strategy: .timestamp))
            }
        }
        #expect(unknown?.code == .unknownStep)
    }

    @Test func listsNewestFirstUnderEveryFilter() throws {
        let world = try World()
        try world.pipeline("orders")
        try world.pipeline("customers")
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        var runs: [Run] = []
        for _ in 0..<60 {
            let run = try world.run(Bool.random(using: &random) ? "orders" : "customers")
            let state = RunState.allCases.randomElement(using: &random) ?? .queued
            runs.append(
                try world.change { transaction throws(StoreError) in
                    if state == .queued { return run }
                    let running = try transaction.changeRun(run.id, to: .running)
                    return state == .running ? running : try transaction.changeRun(run.id, to: state)
                })
        }
        for pipeline in [nil, "orders", "customers", "nobody"] {
            for state in [nil] + RunState.allCases.map(Optional.some) {
                for since in [nil, runs[30].createdAt] {
                    let filter = RunFilter(pipeline: pipeline, state: state, since: since)
                    let expected = runs.reversed().filter { run in
                        (pipeline == nil || run.pipeline == pipeline) && (state == nil || run.state == state)
                            && (since == nil || run.createdAt >= since ?? run.createdAt)
                    }
                    var found: [Run] = []
                    var page: Page? = Page(limit: 7)
                    while let asked = page {
                        let part = try world.store.read { session throws(StoreError) in try session.runs(filter, asked)
                        }
                        found += part.items
                        page = part.nextCursor.map { Page(limit: 7, cursor: $0) }
                    }
                    #expect(found == expected, "seed \(seed), \(filter)")
                }
            }
        }
        try world.store.read { session throws(StoreError) in
            #expect(try session.activeRuns() == runs.filter { !$0.state.isFinal })
        }
    }

    @Test func pagesWithoutSorting() throws {
        let world = try World()
        let connection = try world.connection()
        for condition in ["1", "pipeline = 'a'", "state = 'failed'", "pipeline = 'a' AND id < 'b'"] {
            let plan = try connection.rows(
                "EXPLAIN QUERY PLAN SELECT * FROM runs WHERE \(condition) ORDER BY id DESC LIMIT 50")
            for row in plan { #expect(try !row.text("detail").contains("TEMP B-TREE"), "\(condition)") }
        }
    }

    @Test func theQueueIsBounded() throws {
        let world = try World()
        try world.pipeline("orders")
        let one = try world.run()
        try world.connection().run(
            """
            WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
            INSERT INTO runs (id, pipeline, state, "trigger", attempt, steps, full_refresh, allow_shrink, created_at)
            SELECT id || i, pipeline, state, "trigger", attempt, steps, full_refresh, allow_shrink, created_at
            FROM runs, n WHERE id = ?1
            """, [.text(one.id), .integer(Int64(Limits.queuedJobs))])
        let error = #expect(throws: StoreError.self) { try world.run() }
        #expect(error?.code == .queueFull)
        #expect(error?.isTransient == true)
        try world.change { transaction throws(StoreError) in try transaction.changeRun(one.id, to: .cancelled) }
        _ = try world.run()
    }

    @Test func trimsTheOldestFinishedRuns() throws {
        let world = try World()
        try world.pipeline("orders")
        var ids: [String] = []
        for index in 0..<10 {
            let run = try world.run()
            ids.append(run.id)
            if index != 0 {
                try world.change { transaction throws(StoreError) in
                    try transaction.changeRun(run.id, to: .cancelled)
                }
            }
        }
        let removed = try world.change { transaction throws(StoreError) in try transaction.trimRuns(to: 4) }
        #expect(removed == 5)
        let left = try world.store.read { session throws(StoreError) in try session.runs().items.map(\.id) }
        #expect(left == [ids[9], ids[8], ids[7], ids[6], ids[0]])
        #expect(try world.connection().first("SELECT count(DISTINCT run) FROM step_runs")?[0] == 5)
        #expect(try world.change { transaction throws(StoreError) in try transaction.trimRuns(to: 4) } == 0)
    }

    @Test func keepsTheManifestsOfTheNewestRunsOutOfTheLists() throws {
        let world = try World()
        try world.pipeline("orders")
        var random = Seeded(1)
        var ids: [String] = []
        for _ in 0..<5 {
            let run = try world.run()
            ids.append(run.id)
            var step = StepRun(name: "a", state: .running, strategy: .timestamp, result: LoadResult())
            step.result?.manifest = random.manifest()
            try world.change { [step] transaction throws(StoreError) in
                try transaction.changeRun(run.id, to: .running)
                try transaction.updateStep(run.id, step)
            }
        }
        func manifests() throws -> [Bool] {
            try ids.map { id in
                try world.store.read { session throws(StoreError) in try session.run(id) }?.steps.first?.result?
                    .manifest != nil
            }
        }
        #expect(try manifests() == [true, true, true, true, true])
        let listed = try world.store.read { session throws(StoreError) in try session.runs().items }
        #expect(listed.allSatisfy { $0.steps.first?.result != nil && $0.steps.first?.result?.manifest == nil })
        try world.change { transaction throws(StoreError) in _ = try transaction.trimRuns(manifests: 2) }
        #expect(try manifests() == [false, false, false, true, true])
    }
}
