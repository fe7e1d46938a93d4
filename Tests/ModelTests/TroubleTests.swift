import Model
import Platform
import Testing

struct TroubleTests {
    private let now = Timestamp(microseconds: 1_700_000_000_000_000)

    private func run(
        _ id: String, _ state: RunState, _ steps: [(String, StepRunState)], only: [String] = []
    ) -> Run {
        Run(
            id: id, pipeline: "orders", state: state, trigger: .api, attempt: 1, options: RunOptions(steps: only),
            createdAt: now, steps: steps.map { StepRun(name: $0.0, state: $0.1, strategy: .timestamp) })
    }

    /// The kinds of messages that the ends of runs cause, one after the other.
    private func told(_ runs: [Run]) -> [[NoticeType]] {
        var held: Trouble?
        return runs.map { run in
            let change = TroubleChange(endOf: run, at: now, held: held)
            held = change.trouble
            return change.notices.map(\.type)
        }
    }

    @Test func oneMessageWhenItBreaksAndOneWhenItHeals() {
        let failed = run("1", .failed, [("a", .failed), ("b", .skipped)])
        let good = run("2", .success, [("a", .success), ("b", .success)])
        #expect(
            told([good, failed, failed, failed, good, good, failed])
                == [[], [.runFailed], [], [], [.runRecovered], [], [.runFailed]])
    }

    @Test func aRunOfSomeStepsMendsThoseOnly() {
        let failed = run("1", .failed, [("a", .failed), ("b", .failed), ("c", .success)])
        let partial = { (name: String) in self.run("2", .success, [(name, .success)], only: [name]) }
        #expect(
            told([failed, partial("c"), partial("a"), partial("b"), partial("b")])
                == [[.runFailed], [], [], [.runRecovered], []])
    }

    @Test func aWholeRunMendsStepsThatAreGone() {
        let failed = run("1", .failed, [("old", .failed)])
        #expect(told([failed, run("2", .success, [("new", .success)])]) == [[.runFailed], [.runRecovered]])
    }

    @Test func whatFailsInsteadOfAnotherIsTheSameTrouble() {
        let first = run("1", .failed, [("a", .failed), ("b", .success)])
        let second = run("2", .failed, [("a", .success), ("b", .failed)])
        let mended = run("3", .success, [("a", .success)], only: ["a"])
        #expect(told([first, second, mended]) == [[.runFailed], [], []])
    }

    @Test func aCancelledRunSaysNothing() {
        let failed = run("1", .failed, [("a", .failed)])
        let cancelled = run("2", .cancelled, [("a", .cancelled)])
        #expect(told([cancelled, failed, cancelled, failed]) == [[], [.runFailed], [], []])
    }

    @Test func theMessageOfRecoveryTellsSinceWhen() throws {
        let failed = TroubleChange(endOf: run("1", .failed, [("a", .failed)]), at: now, held: nil)
        let later = now.adding(.seconds(60))
        let again = TroubleChange(endOf: run("2", .failed, [("a", .failed)]), at: later, held: failed.trouble)
        let mended = TroubleChange(endOf: run("3", .success, [("a", .success)]), at: later, held: again.trouble)
        let data = try #require(mended.notices.first?.data)
        #expect(data["failing_since"]?.string == now.rfc3339)
        #expect(data["first_failed_run"] == "1")
        #expect(data["run"] == "3")
    }

    // MARK: Checks and schemas

    private func step(
        _ state: StepRunState, checks: [(String, Bool)]? = nil, warnings: [LoadWarning] = [], error: Failure? = nil
    ) throws -> StepRun {
        var step = StepRun(name: "a", state: state, strategy: .timestamp, error: error)
        guard let checks else { return step }
        var result = LoadResult(warnings: warnings)
        result.checks = try checks.map { name, isPassed in
            try #require(
                CheckResult(
                    json: .object([
                        "name": .string(name), "type": "not_null", "severity": "error",
                        "state": isPassed ? "passed" : "failed", "count": 3,
                        "samples": .array([.object(["id": "canary"])]), "message": "3 rows",
                    ])))
        }
        step.result = result
        return step
    }

    private func told(checks steps: [StepRun]) -> [[String]] {
        var held: Trouble?
        return steps.map { step in
            let change = TroubleChange(checksOf: step, in: run("1", .running, [("a", step.state)]), at: now, held: held)
            held = change.trouble
            return change.notices.flatMap { notice in
                (notice.data["checks"]?.array ?? []).map { "\(notice.type.rawValue) \($0["name"]?.string ?? "")" }
            }
        }
    }

    @Test func eachCheckIsToldWhenItBreaksAndWhenItHeals() throws {
        let steps = [
            try step(.success, checks: [("x", true), ("y", false)]), try step(.failed, checks: [("x", false)]),
            // Of a load that failed before, nothing is known.
            try step(.failed), try step(.failed, checks: [("x", false), ("y", false)]),
            try step(.success, checks: [("x", true), ("y", true)]), try step(.success, checks: [("x", false)]),
            // A check that the document lost mends nothing, and is forgotten.
            try step(.success, checks: []), try step(.success, checks: [("x", false)]),
        ]
        #expect(
            told(checks: steps) == [
                ["check.failed y"], ["check.failed x"], [], [], ["check.recovered x", "check.recovered y"],
                ["check.failed x"], [], ["check.failed x"],
            ])
    }

    @Test func aMessageIsOfBoundedLength() throws {
        var failed = run("1", .failed, (0..<500).map { ("step-\($0)", $0 < 10 ? .success : .failed) })
        let long = Failure(
            .constraint, String(repeating: "é", count: 100_000), hint: String(repeating: "a", count: 9_000))
        failed.error = long
        for place in failed.steps.indices { failed.steps[place].error = long }
        let notice = try #require(TroubleChange(endOf: failed, at: now, held: nil).notices.first)
        #expect(notice.data["steps"]?.array?.count == Limits.noticeSteps)
        #expect(notice.data["steps"]?.array?.first?["name"] == "step-10")
        #expect(notice.body(at: now).utf8.count < 200_000)
    }

    @Test func rowsStayOnTheServer() throws {
        let change = TroubleChange(
            checksOf: try step(.failed, checks: [("x", false)]), in: run("1", .running, []), at: now, held: nil)
        let body = try #require(change.notices.first).body(at: now)
        #expect(!body.contains("canary"))
        #expect(body.hasPrefix("{\"type\":\"check.failed\",\"timestamp\":\"2023-11-14T22:13:20Z\",\"data\":{"))
    }

    @Test func aSchemaIsToldWhenItBecomesAnother() throws {
        let added = LoadWarning(code: "columns_added", message: "added: a")
        let missing = LoadWarning(code: "columns_missing", message: "missing: b")
        let other = LoadWarning(code: "source_empty", message: "none")
        let frozen = Failure(.schemaChanged, "the source has columns")
        let steps = [
            try step(.success, checks: [], warnings: [other]), try step(.success, checks: [], warnings: [added]),
            try step(.success, checks: [], warnings: [missing]), try step(.success, checks: [], warnings: [missing]),
            try step(.failed, error: frozen), try step(.failed, error: frozen),
            try step(.failed, error: Failure(.locked, "locked")), try step(.success, checks: []),
            try step(.success, checks: [], warnings: [missing]),
        ]
        var held: Trouble?
        let told = steps.map { step in
            let change = TroubleChange(schemaOf: step, in: run("1", .running, []), at: now, held: held)
            held = change.trouble
            return change.notices.flatMap { $0.data["changes"]?.array ?? [] }.compactMap { $0["code"]?.string }
        }
        #expect(
            told == [
                [], ["columns_added"], ["columns_missing"], [], ["schema_changed"], [], [], [], ["columns_missing"],
            ])
    }
}
