public import Model
internal import Platform
public import Store

/// What a trigger asks for.
public struct RunRequest: Sendable {
    /// The pipeline's name.
    public var pipeline: String
    /// What it asks of the run.
    public var options: RunOptions
    /// What made it.
    public var trigger: Trigger
    /// Its idempotency key; nil when it has none.
    public var key: AnswerKey?
    /// The run whose unsuccessful steps it repeats; nil when it repeats none.
    var retryOf: String?

    /// Makes a request; a plain run of all steps unless said.
    public init(
        pipeline: String, options: RunOptions = RunOptions(), trigger: Trigger = .api,
        key: AnswerKey? = nil
    ) {
        self.pipeline = pipeline
        self.options = options
        self.trigger = trigger
        self.key = key
    }
}

/// An idempotency key with what is answered to all who use it again.
public struct AnswerKey: Sendable {
    /// The key.
    public var key: String
    /// Tells requests apart: the same key with another fingerprint is refused.
    public var fingerprint: String
    /// The answer to the request that made the run; called in the transaction that records both, so it must be short.
    public var answer: @Sendable (Run) -> StoredAnswer

    /// Makes a key.
    public init(key: String, fingerprint: String, answer: @escaping @Sendable (Run) -> StoredAnswer) {
        self.key = key
        self.fingerprint = fingerprint
        self.answer = answer
    }
}

/// What a trigger came to.
public enum TriggerOutcome: Sendable {
    /// The run is queued, durably.
    case accepted(Run)
    /// The key was used before by the same request; this was its answer.
    case replayed(StoredAnswer)
}

extension LoadEngine {
    /// Queues a run of a pipeline; the completion is called when it is durable.
    ///
    /// Refused: an unknown pipeline, step or connection, a path that leads out of the data roots, a variable that is not
    /// set, a full queue, a stopping server.
    public func trigger(
        _ request: RunRequest, completion: @escaping @Sendable (Result<TriggerOutcome, Failure>) -> Void
    ) {
        do throws(Failure) {
            try admit()
        } catch {
            return refuse(request, error, completion)
        }
        let run: Run
        let job: Job
        do throws(Failure) {
            (run, job) = try prepare(request)
        } catch {
            dispatcher.forgo()
            return refuse(request, error, completion)
        }
        store.write { (transaction) throws(StoreError) -> TriggerOutcome in
            if let key = request.key, let answer = try LoadEngine.claim(key, transaction) { return .replayed(answer) }
            try transaction.insertRun(run)
            try RunRecords.append(.run(.runQueued, run), transaction)
            if let key = request.key {
                try transaction.attach(run: run.id, toKey: key.key)
                try transaction.saveAnswer(key.answer(run), forKey: key.key)
            }
            return .accepted(run)
        } completion: { [self] result in
            if case .success(.accepted) = result { enqueue(job, admitted: true) } else { dispatcher.forgo() }
            completion(result.mapError { LoadEngine.failure($0) })
        }
    }

    /// Takes a place in the queue, to be used or given back; refused when it is full and when the server stops.
    func admit() throws(Failure) {
        switch dispatcher.admit() {
        case .admitted: return
        case .stopping: throw .serverStops
        case .full:
            throw Failure(
                .queueFull, "the queue is full: \(dispatcher.load.waiting) runs wait",
                hint: "try again when some have run, or cancel some", isTransient: true)
        }
    }

    /// The run that a request asks for, checked against what is stored, with its job.
    private func prepare(_ request: RunRequest) throws(Failure) -> (Run, Job) {
        let resolved = try resolve(request.pipeline, request.options)
        if let failure = resolved.failure { throw failure }
        var run = Run(
            id: identifiers.next(), pipeline: request.pipeline, state: .queued, trigger: request.trigger, attempt: 1,
            options: resolved.options(request.options), createdAt: clock.now(),
            steps: resolved.steps.map { StepRun(of: $0.step) })
        run.retryOf = request.retryOf
        var job = Job(starting: run)
        job.files = resolved.files
        job.pools = resolved.pools
        return (run, job)
    }

    /// Refuses a request, unless its key has an answer from before: that stays the answer whatever has changed since.
    private func refuse(
        _ request: RunRequest, _ failure: Failure,
        _ completion: @escaping @Sendable (Result<TriggerOutcome, Failure>) -> Void
    ) {
        guard let key = request.key else { return completion(.failure(failure)) }
        store.write { (transaction) throws(StoreError) -> StoredAnswer? in
            let answer = try LoadEngine.claim(key, transaction)
            if answer == nil { try transaction.release(key: key.key) }
            return answer
        } completion: { result in
            switch result {
            case .success(let answer?): completion(.success(.replayed(answer)))
            case .success(nil): completion(.failure(failure))
            case .failure(let error): completion(.failure(LoadEngine.failure(error)))
            }
        }
    }

    /// Claims a key; answers what its request was answered before, nil when it is new.
    private static func claim(_ key: AnswerKey, _ transaction: Transaction) throws(StoreError) -> StoredAnswer? {
        switch try transaction.claim(key: key.key, fingerprint: key.fingerprint) {
        case .fresh: return nil
        case .replay(let answer): return answer
        case .mismatch: throw StoreError(.preconditionFailed, LoadEngine.claiming, "mismatch")
        case .inProgress: throw StoreError(.inUse, LoadEngine.claiming, "in progress")
        }
    }

    private static let claiming = "claim the idempotency key of a run"

    private static func failure(_ error: StoreError) -> Failure {
        switch (error.operation, error.code) {
        case (claiming, .preconditionFailed):
            Failure(
                .idempotencyMismatch, "the idempotency key was used by another request",
                hint: "use a new key for a new request")
        case (claiming, .inUse):
            Failure(
                .conflict, "a request with the same idempotency key is in hand",
                hint: "send it again in a moment", isTransient: true)
        default: error.failure
        }
    }

    /// Queues a new run of the steps that did not succeed in one that failed or was cancelled, with the options of that
    /// run.
    public func retry(
        _ id: String, key: AnswerKey? = nil,
        completion: @escaping @Sendable (Result<TriggerOutcome, Failure>) -> Void
    ) {
        do throws(Failure) {
            let run = try self.run(id)
            guard run.state == .failed || run.state == .cancelled else {
                throw Failure(
                    .conflict, "run \(id) is \(run.state.rawValue); only a failed or cancelled run is retried",
                    hint: run.state == .success
                        ? "POST /v1/pipelines/\(run.pipeline)/runs starts another run"
                        : "wait for it to end, or cancel it")
            }
            var request = RunRequest(pipeline: run.pipeline, options: run.options, trigger: .retry, key: key)
            request.options.steps = run.steps.filter { $0.state != .success }.map(\.name)
            request.retryOf = run.id
            trigger(request, completion: completion)
        } catch {
            completion(.failure(error))
        }
    }

    /// The run of an identifier as the control database has it.
    func run(_ id: String) throws(Failure) -> Run {
        let found = try store.reading { (session) throws(Failure) in
            try storing { () throws(StoreError) in try session.run(id) }
        }
        guard let found else {
            throw LoadEngine.unknownRun(id)
        }
        return found
    }
}
