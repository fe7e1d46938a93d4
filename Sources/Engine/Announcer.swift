internal import Model
internal import Store

/// Puts messages into the outbox in the transaction that records what they tell of, so that a crash leaves both or
/// neither; and keeps there what was told, so that nothing is told twice while it lasts.
struct Announcer {
    let transaction: Transaction

    /// Tells of the steps of a run that have ended, and of the run if it has; `state` is the run's from before.
    func announce(_ steps: [StepRun], of run: Run, before state: RunState) throws(StoreError) {
        let ended = steps.filter { $0.state == .success || $0.state == .failed }
        let isEnd = run.state.isFinal && !state.isFinal
        guard !ended.isEmpty || isEnd else { return }
        let troubles = try transaction.troubles(of: run.pipeline)
        func held(_ kind: Trouble.Kind, _ step: String) -> Trouble? {
            troubles.first { $0.kind == kind && $0.step == step }
        }
        let now = transaction.now
        for step in ended {
            let checks = held(.check, step.name)
            try take(
                TroubleChange(checksOf: step, in: run, at: now, held: checks), .check, step.name, of: run.pipeline,
                since: checks)
            let schema = held(.schema, step.name)
            try take(
                TroubleChange(schemaOf: step, in: run, at: now, held: schema), .schema, step.name, of: run.pipeline,
                since: schema)
        }
        guard isEnd else { return }
        let trouble = held(.run, "")
        try take(
            TroubleChange(endOf: run, at: now, held: trouble), .run, "", of: run.pipeline, since: trouble)
    }

    /// Tells of an event that is told each time.
    func announce(_ event: RunEvent) throws(StoreError) {
        guard event.kind == .backfillFinished, case .object(let members) = event.payload else { return }
        let place: [JSONValue.Member] = [
            .init("pipeline", .string(event.pipeline)), .init("step", JSONValue(event.step)),
        ]
        try transaction.send(Notice(.backfillFinished, pipeline: event.pipeline, data: .object(place + members)))
    }

    private func take(
        _ change: TroubleChange, _ kind: Trouble.Kind, _ step: String, of pipeline: String, since held: Trouble?
    ) throws(StoreError) {
        if change.trouble != held { try transaction.keep(change.trouble, kind, step: step, of: pipeline) }
        for notice in change.notices { try transaction.send(notice) }
    }
}
