public import Model
internal import Platform
public import Store

/// What becomes of the ticks that a paused schedule has missed.
public enum ResumePolicy: String, Sendable, CaseIterable {
    /// One run stands for all of them: it loads everything since the last one.
    case coalesce
    /// Nothing runs for them.
    case skip
}

/// A schedule that was resumed.
public struct Resumption: Sendable {
    /// The schedule as it is now.
    public let record: ScheduleRecord
    /// Ticks that it has missed.
    public let missed: Int
    /// What becomes of them.
    public let policy: ResumePolicy
}

extension LoadEngine {
    /// Looks at the schedule of a pipeline, whose document was stored. May be called on any thread.
    public func scheduleChanged(_ pipeline: String) { scheduler.look(at: pipeline, schedulerEffects) }

    /// Looks at all schedules, after any number of documents were stored. May be called on any thread.
    public func schedulesChanged() { scheduler.lookAtAll(schedulerEffects) }

    var schedulerEffects: Scheduler.Effects {
        Scheduler.Effects { [self] run in
            enqueue(Job(starting: run))
        } cancel: { [self] run in
            cancel(run) { [log] result in
                guard case .failure(let failure) = result else { return }
                log.info("a run was not cancelled for its schedule", ["run": run, "cause": failure.message])
            }
        }
    }

    /// Pauses the schedule of a pipeline; one that is paused stays so. Runs that are queued or in hand go on.
    public func pause(
        _ pipeline: String, expecting expectation: @escaping @Sendable (Int?) -> Expectation,
        completion: @escaping @Sendable (Result<ScheduleRecord, Failure>) -> Void
    ) {
        change(pipeline, "pause the schedule", expectation, completion) { (record, transaction) throws(StoreError) in
            guard record.pausedAt == nil else { return record }
            record.pausedAt = transaction.now
            try RunRecords.append(.schedule(.schedulePaused, of: pipeline), transaction)
            return record
        }
    }

    /// Resumes the schedule of a pipeline, and says what becomes of the ticks that it has missed; one that goes stays so.
    /// Refused while the document pauses it.
    public func resume(
        _ pipeline: String, _ policy: ResumePolicy, expecting expectation: @escaping @Sendable (Int?) -> Expectation,
        completion: @escaping @Sendable (Result<Resumption, Failure>) -> Void
    ) {
        let operation = "resume the schedule"
        change(pipeline, operation, expectation, completion) { (record, transaction) throws(StoreError) in
            guard !record.isPausedByDocument else {
                throw StoreError(
                    .inUse, operation, "the document of the pipeline \(pipeline) pauses its schedule",
                    hint: "store it without `paused: true`")
            }
            guard record.pausedAt != nil else { return Resumption(record: record, missed: 0, policy: policy) }
            record.pausedAt = nil
            let missed = record.missed(at: transaction.now)
            if policy == .skip, missed > 0 {
                record.skipMissed(at: transaction.now)
                try transaction.noteSkipped(missed, of: pipeline, because: "skipped when the schedule was resumed")
            }
            let figures: [JSONValue.Member] = [
                .init("missed_ticks", .integer(Int64(missed))), .init("on_resume", .string(policy.rawValue)),
            ]
            try RunRecords.append(.schedule(.scheduleResumed, of: pipeline, figures), transaction)
            return Resumption(record: record, missed: missed, policy: policy)
        }
    }

    private func change<Done: Sendable>(
        _ pipeline: String, _ operation: String, _ expectation: @escaping @Sendable (Int?) -> Expectation,
        _ completion: @escaping @Sendable (Result<Done, Failure>) -> Void,
        _ body: @escaping @Sendable (inout ScheduleRecord, Transaction) throws(StoreError) -> Done
    ) {
        store.write { (transaction) throws(StoreError) in
            try transaction.expectPipeline(pipeline, expectation(try transaction.pipeline(pipeline)?.version))
            guard var record = try transaction.schedule(of: pipeline) else {
                throw StoreError(
                    .inUse, operation, "the pipeline \(pipeline) has no schedule",
                    hint: "add `schedule` to its document first")
            }
            let before = record
            let done = try body(&record, transaction)
            if record != before { try transaction.updateSchedule(record) }
            return done
        } completion: { [self] result in
            if case .success = result { scheduleChanged(pipeline) }
            completion(result.mapError(\.failure))
        }
    }
}
