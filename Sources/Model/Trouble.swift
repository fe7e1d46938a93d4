public import Platform

/// Something that is amiss with a pipeline and was told: it is not told again while it lasts.
public struct Trouble: Sendable, Equatable {
    /// The kinds.
    public enum Kind: String, Sendable, CaseIterable {
        /// Runs fail; the items are the steps that have not succeeded since.
        case run
        /// Checks of a step fail; the items are their names.
        case check
        /// The schema of a step's source or destination has changed; the items say how.
        case schema
    }

    /// The kind.
    public var kind: Kind
    /// The step; empty where the whole run is meant.
    public var step: String
    /// When it began.
    public var since: Timestamp
    /// The run that it began with.
    public var run: String
    /// What exactly is amiss; never empty.
    public var items: [String]

    /// Makes a trouble.
    public init(kind: Kind, step: String, since: Timestamp, run: String, items: [String]) {
        self.kind = kind
        self.step = step
        self.since = since
        self.run = run
        self.items = items
    }
}

/// What is amiss after something happened, and what is to be told of the difference.
///
/// Pure: who keeps the troubles of before gives them, and keeps those of after in the transaction that sends the messages.
public struct TroubleChange: Sendable, Equatable {
    /// What is amiss now; nil when nothing is any more.
    public var trouble: Trouble?
    /// The messages.
    public var notices: [Notice] = []

    /// What the end of a run changes, given whether `held` was amiss before.
    ///
    /// A run of some steps only mends what it has run. A cancelled run says nothing.
    public init(endOf run: Run, at now: Timestamp, held: Trouble?) {
        trouble = held
        var open = Set(held?.items ?? [])
        switch run.state {
        case .failed:
            open.subtract(run.steps.filter { $0.state == .success }.map(\.name))
            open.formUnion(run.steps.filter { $0.state != .success }.map(\.name))
            // A run whose pipeline cannot be read any more has failed with every step done.
            if open.isEmpty { open = ["*"] }
        case .success:
            if run.options.steps.isEmpty { open = [] } else { open.subtract(run.steps.map(\.name)) }
        case .queued, .running, .cancelled: return
        }
        guard !open.isEmpty else {
            trouble = nil
            if let held { notices = [Notice(recovered: run, after: held)] }
            return
        }
        if held == nil, run.state == .failed { notices = [Notice(failed: run)] }
        trouble = Trouble(
            kind: .run, step: "", since: held?.since ?? now, run: held?.run ?? run.id, items: open.sorted())
    }

    /// What the checks of a step that has ended change.
    ///
    /// A step that failed before its checks were made says nothing of them.
    public init(checksOf step: StepRun, in run: Run, at now: Timestamp, held: Trouble?) {
        trouble = held
        guard step.state == .success || step.state == .failed, let results = step.result?.checks else { return }
        let before = Set(held?.items ?? [])
        let failing = results.filter { !$0.isPassed }
        var open = Set(failing.map(\.name))
        // Of checks that a failed load did not come to, nothing new is known.
        if step.state == .failed { open.formUnion(before.subtracting(results.map(\.name))) }
        let broken = failing.filter { !before.contains($0.name) }
        let mended = results.filter { $0.isPassed && before.contains($0.name) }
        if !broken.isEmpty { notices.append(Notice(.checkFailed, broken, of: step, in: run)) }
        if !mended.isEmpty { notices.append(Notice(.checkRecovered, mended, of: step, in: run)) }
        trouble =
            open.isEmpty
            ? nil
            : Trouble(
                kind: .check, step: step.name, since: held?.since ?? now, run: held?.run ?? run.id, items: open.sorted()
            )
    }

    /// What a step that has ended says of schemas.
    public init(schemaOf step: StepRun, in run: Run, at now: Timestamp, held: Trouble?) {
        trouble = held
        let changes: [LoadWarning]
        if step.state == .success, let result = step.result {
            changes = result.warnings.filter { TroubleChange.schemaCodes.contains($0.code) }
        } else if step.state == .failed, let error = step.error, error.code == .schemaChanged {
            changes = [LoadWarning(code: error.code.rawValue, message: error.message)]
        } else {
            return
        }
        let items = Set(changes.map(TroubleChange.item)).sorted()
        let before = held?.items ?? []
        let new = changes.filter { !before.contains(TroubleChange.item($0)) }
        if !new.isEmpty { notices = [Notice(schema: new, of: step, in: run)] }
        trouble =
            items.isEmpty
            ? nil
            : Trouble(
                kind: .schema, step: step.name, since: held?.since ?? now, run: held?.run ?? run.id, items: items)
    }

    /// The warnings of loads that speak of schemas.
    private static let schemaCodes: Set<String> = [
        "columns_added", "columns_discarded", "columns_missing", "type_differs", "key_differs",
    ]

    private static func item(_ change: LoadWarning) -> String { "\(change.code): \(change.message)" }
}

extension Notice {
    /// A run failed.
    fileprivate init(failed run: Run) {
        let steps = run.steps.filter { $0.state != .success }.prefix(Limits.noticeSteps).map { step in
            JSONValue.object([
                "name": .string(step.name), "state": .string(step.state.rawValue),
                "error": step.error.map(Notice.json) ?? .null,
            ])
        }
        self.init(
            .runFailed, pipeline: run.pipeline,
            data: .object(
                Notice.members(of: run) + [
                    .init("error", run.error.map(Notice.json) ?? .null), .init("steps", .array(steps)),
                ]))
    }

    /// A run succeeded for the first time after failures.
    fileprivate init(recovered run: Run, after trouble: Trouble) {
        self.init(
            .runRecovered, pipeline: run.pipeline,
            data: .object(
                Notice.members(of: run) + [
                    .init("failing_since", .string(trouble.since.rfc3339)),
                    .init("first_failed_run", .string(trouble.run)),
                ]))
    }

    /// Checks of a step failed, or pass again. The rows themselves are not shown: they stay on the server.
    fileprivate init(_ type: NoticeType, _ results: [CheckResult], of step: StepRun, in run: Run) {
        let checks = results.map { result in
            JSONValue.object([
                "name": .string(result.name), "type": .string(result.type.rawValue),
                "severity": .string(result.severity.rawValue), "count": .integer(Int64(result.count)),
                "message": .string(Notice.bounded(result.message)),
            ])
        }
        self.init(
            type, pipeline: run.pipeline,
            data: .object([
                "pipeline": .string(run.pipeline), "run": .string(run.id), "step": .string(step.name),
                "step_state": .string(step.state.rawValue), "checks": .array(checks),
            ]))
    }

    /// The schema of a step's source or destination is not what it was.
    fileprivate init(schema changes: [LoadWarning], of step: StepRun, in run: Run) {
        self.init(
            .schemaChanged, pipeline: run.pipeline,
            data: .object([
                "pipeline": .string(run.pipeline), "run": .string(run.id), "step": .string(step.name),
                "step_state": .string(step.state.rawValue),
                "changes": .array(
                    changes.map {
                        .object(["code": .string($0.code), "message": .string(Notice.bounded($0.message))])
                    }),
            ]))
    }

    private static func members(of run: Run) -> [JSONValue.Member] {
        [
            .init("pipeline", .string(run.pipeline)), .init("run", .string(run.id)),
            .init("trigger", .string(run.trigger.rawValue)), .init("attempt", .integer(Int64(run.attempt))),
            .init("created_at", .string(run.createdAt.rfc3339)),
            .init("started_at", JSONValue(run.startedAt?.rfc3339)),
            .init("finished_at", JSONValue(run.finishedAt?.rfc3339)),
        ]
    }

    private static func json(_ failure: Failure) -> JSONValue {
        .object([
            "code": .string(failure.code.rawValue), "message": .string(bounded(failure.message)),
            "hint": .string(bounded(failure.hint)),
        ])
    }

    private static func bounded(_ text: String) -> String {
        text.count <= Limits.noticeCharacters ? text : text.prefix(Limits.noticeCharacters) + "…"
    }
}
