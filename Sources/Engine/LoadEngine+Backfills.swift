internal import Loading
public import Model
internal import Platform
internal import Store

extension LoadEngine {
    /// Queues a backfill; the completion is called when it and its partitions are durable.
    public func startBackfill(
        _ request: BackfillRequest, completion: @escaping @Sendable (Result<Backfill, Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (stop) throws(Failure) in try draft(request, stop: stop) },
            completion: { [self] result in
                switch result {
                case .failure(let failure): completion(.failure(failure))
                case .success(let draft): store(draft, completion)
                }
            })
    }

    private func store(
        _ draft: BackfillDraft, _ completion: @escaping @Sendable (Result<Backfill, Failure>) -> Void
    ) {
        store.write { (transaction) throws(StoreError) -> Backfill in
            try transaction.insertBackfill(
                draft.backfill, draft.partitions, rows: draft.estimates?.partitions.map(\.sourceRows) ?? [])
            if draft.backfill.options.holdDownstream { try transaction.holdDownstreams(of: draft.backfill.pipeline) }
            let stored = try transaction.backfill(draft.backfill.id) ?? draft.backfill
            try RunRecords.append(.backfill(.backfillQueued, stored), transaction)
            return stored
        } completion: { [self] result in
            if case .success(let backfill) = result { backfiller.feed(backfill) }
            completion(result.mapError(\.failure))
        }
    }

    /// Lets no further partition of a backfill start; those in hand go on to their end. One that is paused already stays
    /// as it is.
    public func pauseBackfill(_ id: String, completion: @escaping @Sendable (Result<Backfill, Failure>) -> Void) {
        change(
            id, to: .paused, .backfillPaused, unless: [.paused],
            "only a queued or running backfill can be paused"
        ) { [self] result in
            if case .success = result { feeder.withdraw(id) }
            completion(result)
        }
    }

    /// Lets a paused backfill go on; one that does already is left alone.
    public func resumeBackfill(_ id: String, completion: @escaping @Sendable (Result<Backfill, Failure>) -> Void) {
        change(
            id, to: .queued, .backfillResumed, unless: [.queued, .running], from: [.paused],
            "only a paused backfill can be resumed"
        ) { [self] result in
            if case .success(let backfill) = result { backfiller.feed(backfill) }
            completion(result)
        }
    }

    /// Ends a backfill at once: when the completion is called nothing of it starts any more, and what is in hand was told
    /// to end. A partition in hand ends as `cancelled`, or as `success` when it had committed before.
    public func cancelBackfill(_ id: String, completion: @escaping @Sendable (Result<Backfill, Failure>) -> Void) {
        change(
            id, to: .cancelled, .backfillFinished, error: Failure(.cancelled, "the backfill was cancelled"),
            "only a backfill that has not ended can be cancelled"
        ) { [self] result in
            if case .success(let backfill) = result {
                feeder.interrupt(id)
                backfiller.tell(backfill)
                if backfill.options.mode == .staged { discard(backfill) }
            }
            completion(result)
        }
    }

    /// Throws away what a cancelled backfill has staged, once its file is free, however long that takes: what does not
    /// come to it is left to the next start.
    func discard(_ backfill: Backfill) {
        let place: Place
        do throws(Failure) {
            place = try store.reading { (session) throws(Failure) in
                try catalog.place(of: backfill.destination.connection, session)
            }
        } catch {
            return left(backfill, error.message)
        }
        dispatcher.enqueue(Job(id: identifiers.next(), kind: .edit, files: place.lockNames)) { [self] _, _ in
            do throws(Failure) {
                try loader.discardStaged(backfill: backfill.id, step: backfill.step, destination: place.file)
            } catch {
                guard !error.isTransient else {
                    return .later(notBefore: clock.uptime() + Limits.publishPause, files: nil)
                }
                left(backfill, place.redact(error.message))
                return .finished
            }
            records.insist("note that nothing of backfill \(backfill.id) is staged") {
                (transaction) throws(StoreError) in try transaction.noteDiscarded(backfill.id)
            }
            return .finished
        }
    }

    private func left(_ backfill: Backfill, _ cause: String) {
        log.warn(
            "what a cancelled backfill has staged is left until the next start, or until it is rolled back",
            ["backfill": backfill.id, "cause": cause])
    }

    /// Publishes what a backfill has staged; one that is published already is answered as it is. `isTrial` says what would
    /// be done and changes nothing.
    ///
    /// Refused with `conflict` for a backfill that does not wait to be published, and when another keeps its destination
    /// for longer than `Limits.editWaitTime`.
    public func publishBackfill(
        _ id: String, isTrial: Bool, completion: @escaping @Sendable (Result<PublishedBackfill, Failure>) -> Void
    ) {
        let files: Set<String>
        do throws(Failure) {
            files = try staged(id).step.destination.lockNames
        } catch {
            return completion(.failure(error))
        }
        edit(
            files, "the destination of backfill \(id)", "publish the backfill then",
            { [self] () throws(Failure) in try performPublish(id, isTrial) }, completion)
    }

    private func performPublish(_ id: String, _ isTrial: Bool) throws(Failure) -> PublishedBackfill {
        try backfiller.holding(id) { () throws(Failure) in
            let (backfill, step) = try staged(id)
            let result = try backfiller.publish(backfill, step, isTrial: isTrial, StopToken())
            guard !isTrial, backfill.publishedAt == nil else {
                return PublishedBackfill(backfill: backfill, result: result)
            }
            return PublishedBackfill(backfill: backfiller.record(result, of: backfill) ?? backfill, result: result)
        }
    }

    /// A backfill that waits to be published, or was, with its step.
    private func staged(_ id: String) throws(Failure) -> (backfill: Backfill, step: ResolvedStep) {
        let backfill = try backfill(id)
        let isPublished = backfill.state == .success && backfill.publishedAt != nil
        guard backfill.state == .awaitingPublish || isPublished else {
            throw Failure(
                .conflict,
                backfill.options.mode == .direct
                    ? "backfill \(id) loads into its destination directly: there is nothing to publish"
                    : "backfill \(id) is \(backfill.state.rawValue)",
                hint: backfill.state.isFinal
                    ? "ask for another backfill with mode: staged" : "wait until it is awaiting_publish")
        }
        return (backfill, try store.reading { (session) throws(Failure) in try catalog.step(of: backfill, session) })
    }

    /// Lets the failed partitions of a backfill be loaded again, within the bounds that they had, and no others.
    public func retryBackfill(_ id: String, completion: @escaping @Sendable (Result<Backfill, Failure>) -> Void) {
        change(
            id, to: .queued, .backfillRetried, from: [.failed],
            "only a backfill with failed partitions can be retried; another one loads what is left"
        ) { [self] result in
            if case .success(let backfill) = result { backfiller.feed(backfill) }
            completion(result)
        }
    }

    /// Moves a backfill to another state. One in a state of `unless` is answered as it is; `from` are the states that it
    /// may come from, nil leaves that to the transition table; `rule` says what is wrong with the others.
    private func change(
        _ id: String, to state: BackfillState, _ event: RunEvent.Kind, error: Failure? = nil,
        unless: Set<BackfillState> = [], from: Set<BackfillState>? = nil, _ rule: String,
        completion: @escaping @Sendable (Result<Backfill, Failure>) -> Void
    ) {
        store.write { [publishing] (transaction) throws(StoreError) -> Backfill in
            let operation = "change the backfill"
            guard let backfill = try transaction.backfill(id) else {
                throw StoreError(.unknownRun, operation, "there is no backfill \(id)", hint: LoadEngine.listsBackfills)
            }
            if unless.contains(backfill.state) { return backfill }
            guard !publishing.has(id) else {
                throw StoreError(
                    .inUse, operation, "backfill \(id) is being published", hint: "ask again when that has ended")
            }
            guard from?.contains(backfill.state) ?? backfill.state.mayBecome(state) else {
                throw StoreError(
                    .illegalTransition, operation, "backfill \(id) is \(backfill.state.rawValue)", hint: rule)
            }
            if backfill.state == .failed { try LoadEngine.checkRetry(of: backfill, transaction) }
            let changed = try transaction.changeBackfill(id, to: state, error: error)
            // What it had held was let go when it failed.
            if backfill.state == .failed, changed.options.holdDownstream {
                try transaction.holdDownstreams(of: changed.pipeline)
            }
            try RunRecords.append(.backfill(event, changed), transaction)
            return changed
        } completion: { result in
            completion(result.mapError(\.failure))
        }
    }

    private static func checkRetry(of backfill: Backfill, _ transaction: Transaction) throws(StoreError) {
        let operation = "retry the backfill"
        guard backfill.partitions.failed > 0, backfill.partitions.running == 0 else {
            throw StoreError(
                .illegalTransition, operation,
                backfill.partitions.running > 0
                    ? "a partition of backfill \(backfill.id) is still in hand"
                    : "backfill \(backfill.id) has no failed partition: it ended before the others began",
                hint: backfill.partitions.running > 0
                    ? "ask again in a moment" : "ask for another backfill of the range: it loads what was not tried")
        }
        if let other = try transaction.activeBackfill(overlapping: backfill) {
            throw StoreError(
                .inUse, operation,
                "the backfill \(other.id) over \(other.range.text) is \(other.state.rawValue), and has places in "
                    + "common with \(backfill.range.text)", hint: "wait for its end or cancel it")
        }
    }

    /// Rows that the partitions in hand of a backfill have read so far. May be called on any thread.
    public func rowsInHand(of backfill: String) -> Int { partitionBoard.rows(of: backfill) }

    /// The backfill of an identifier as the control database has it.
    func backfill(_ id: String) throws(Failure) -> Backfill {
        let found = try store.reading { (session) throws(Failure) in
            try storing { () throws(StoreError) in try session.backfill(id) }
        }
        guard let found else {
            throw Failure(.notFound, "there is no backfill \(id)", hint: LoadEngine.listsBackfills)
        }
        return found
    }

    private static let listsBackfills = "GET /v1/backfills lists the backfills"
}

/// A backfill that was published, or for which that was tried, with what that did.
public struct PublishedBackfill: Sendable {
    /// The backfill.
    public let backfill: Backfill
    /// What was done.
    public let result: PartitionResult
}
