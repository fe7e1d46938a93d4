public import Model
internal import Platform
internal import Store

/// A question whether a step's source and destination hold the same rows.
public struct AuditRequest: Sendable {
    /// The pipeline's name.
    public var pipeline: String
    /// The step's name; nil for a pipeline's only step.
    public var step: String?
    /// What is asked for.
    public var options: AuditOptions

    /// Makes a request; a plain comparison of the pipeline's only step unless said.
    public init(pipeline: String, step: String? = nil, options: AuditOptions = AuditOptions()) {
        self.pipeline = pipeline
        self.step = step
        self.options = options
    }
}

extension LoadEngine {
    /// Queues an audit; the completion is called when it is durable.
    public func startAudit(
        _ request: AuditRequest, completion: @escaping @Sendable (Result<Audit, Failure>) -> Void
    ) {
        let audit: Audit
        let job: Job
        do throws(Failure) {
            (audit, job) = try prepare(request)
            try admit()
        } catch {
            return completion(.failure(error))
        }
        store.write { (transaction) throws(StoreError) in
            try transaction.insertAudit(audit)
            try RunRecords.append(.audit(.auditQueued, audit), transaction)
        } completion: { [self] result in
            if case .success = result { enqueueAudit(job, admitted: true) } else { dispatcher.forgo() }
            completion(result.map { audit }.mapError(\.failure))
        }
    }

    private func prepare(_ request: AuditRequest) throws(Failure) -> (Audit, Job) {
        let resolved = try onlyStep(of: request.pipeline, named: request.step)
        guard !request.options.heal || resolved.step.checks.isEmpty else {
            throw Failure(
                .unsupported, "step \(resolved.step.name) has checks, which a repair by an audit would pass by",
                hint:
                    "audit it without heal, then set the watermark back or run with full_refresh, so that the rows are "
                    + "checked again", field: "heal")
        }
        let audit = Audit(
            id: identifiers.next(), pipeline: request.pipeline, step: resolved.step.name, options: request.options,
            createdAt: clock.now())
        let files = request.options.heal ? resolved.destination.lockNames : []
        return (audit, Job(id: audit.id, kind: .audit, files: files))
    }

    /// Cancels an audit. One that waits is cancelled when the completion is called; one in hand is told to end, and the
    /// completion gets it as it is now.
    public func cancelAudit(_ id: String, completion: @escaping @Sendable (Result<Audit, Failure>) -> Void) {
        let found = Result { () throws(Failure) in try audit(id) }
        guard case .success(let audit) = found, !audit.state.isFinal else {
            return completion(found.flatMap { .failure(LoadEngine.hasEnded($0)) })
        }
        switch dispatcher.cancel(id) {
        case .interrupted: completion(found)
        case .unknown:
            // It has come to its end since it was looked up, or is on its way into the queue.
            completion(
                .failure(
                    Failure(
                        .conflict, "audit \(id) is between two states", hint: "ask again in a moment", isTransient: true
                    ))
            )
        case .removed(let job):
            store.write { (transaction) throws(StoreError) in
                let audit = try transaction.changeAudit(
                    id, to: .cancelled, error: Failure(.cancelled, "the audit was cancelled"))
                try RunRecords.append(.audit(.auditFinished, audit), transaction)
                return audit
            } completion: { [self] result in
                switch result {
                case .success(let audit):
                    auditWaiters.finish(audit)
                    completion(.success(audit))
                case .failure(let error):
                    // It was not cancelled, so it goes on.
                    enqueueAudit(job)
                    completion(.failure(error.failure))
                }
            }
        }
    }

    private static func hasEnded(_ audit: Audit) -> Failure {
        Failure(
            .conflict, "audit \(audit.id) has ended already: it is \(audit.state.rawValue)",
            hint: "only a queued or running audit can be cancelled")
    }

    /// The audit of an identifier as the control database has it.
    func audit(_ id: String) throws(Failure) -> Audit {
        let found = try store.reading { (session) throws(Failure) in
            try storing { () throws(StoreError) in try session.audit(id) }
        }
        guard let found else {
            throw Failure(.notFound, "there is no audit \(id)", hint: "GET /v1/audits lists the audits")
        }
        return found
    }
}
