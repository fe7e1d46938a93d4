internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// Audits: whether source and destination hold the same rows, and what to do where they do not.
enum AuditRoutes {
    /// The operations on audits.
    static let endpoints = [
        Endpoint(.post, "/v1/pipelines/{pipeline}/audits", "start_audit") { call throws(Problem) in try start(call) },
        Endpoint(.post, "/v1/pipelines/{pipeline}/compare", "start_comparison") { call throws(Problem) in
            try compare(call)
        },
        Endpoint(.get, "/v1/audits/{audit}/differences", "list_audit_differences", query: Page.parameters) {
            call throws(Problem) in try differences(call)
        },
        Endpoint(.get, "/v1/audits", "list_audits", query: ["pipeline"] + Page.parameters) { call throws(Problem) in
            try list(call)
        },
        Endpoint(.get, "/v1/audits/{audit}", "get_audit") { call throws(Problem) in try get(call) },
        Endpoint(.post, "/v1/audits/{audit}/cancel", "cancel_audit") { call throws(Problem) in try cancel(call) },
        .rollback("/v1/audits/{audit}", "audit") { engine, id, isTrial, done in
            engine.rollbackAudit(id, isTrial: isTrial, completion: done)
        } shown: { done, _ in
            (done.steps, done.audit.wire)
        },
    ]

    private static func start(_ call: Call) throws(Problem) -> Outcome {
        let pipeline = try call.name("pipeline")
        var body = try RequestBody(
            try call.document(), called: "an audit",
            keys: ["step", "interval", "heal", "delete_extra", "allow_shrink"])
        let step = body.step()
        let options = AuditOptions(
            interval: body.interval("interval"), heal: body.flag("heal"), deleteExtra: body.flag("delete_extra"),
            allowShrink: body.flag("allow_shrink"))
        for (key, isSet) in [("delete_extra", options.deleteExtra), ("allow_shrink", options.allowShrink)]
        where isSet && !options.heal {
            body.refuse(key, "`\(key)` has a meaning only with `heal: true`", hint: "Add `heal: true`, or remove it.")
        }
        try body.check()
        return later(AuditRequest(pipeline: pipeline, step: step, options: options), call)
    }

    private static func compare(_ call: Call) throws(Problem) -> Outcome {
        let pipeline = try call.name("pipeline")
        var body = try RequestBody(try call.document(), called: "a comparison", keys: ["step"])
        let step = body.step()
        try body.check()
        var options = AuditOptions()
        options.kind = .compare
        return later(AuditRequest(pipeline: pipeline, step: step, options: options), call)
    }

    private static func later(_ request: AuditRequest, _ call: Call) -> Outcome {
        let wait = AuditWait(call)
        return .later { waiting in
            call.services.engine.startAudit(request) { result in
                switch result {
                case .failure(let failure): waiting.fail(Problem(failure))
                case .success(let audit): wait.forEnd(of: audit, waiting)
                }
            }
        }
    }

    private static func list(_ call: Call) throws(Problem) -> Outcome {
        let page = try call.page()
        let pipeline = try call.request.query.pipeline()
        let listing = try call.services.read { session throws(StoreError) in
            try session.audits(pipeline: pipeline, page)
        }
        return .now(.json(try listing.wire("audits") { $0.wire }))
    }

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("audit")
        let audit = try call.services.read { session throws(StoreError) in try session.audit(id) }
        guard let audit else {
            throw Problem.unknownAudit(id)
        }
        return .now(.json(audit.wire))
    }

    private static func differences(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("audit")
        let page = try call.page()
        let found = try call.services.read { session throws(StoreError) -> (Audit, Listing<AuditDifference>)? in
            guard let audit = try session.audit(id) else { return nil }
            return (audit, try session.differences(id, page))
        }
        guard let (audit, listing) = found else {
            throw Problem.unknownAudit(id)
        }
        if let kept = audit.result?.refresh?.kept, kept > 0, listing.items.isEmpty, page.cursor == nil {
            throw Problem(
                Failure(
                    .notFound,
                    "the differences of audit \(id) are not kept any more: those of the last "
                        + "\(Limits.comparisonsWithDifferences) comparisons are",
                    hint: "compare again"))
        }
        return .now(.json(try listing.wire("differences") { $0.wire }))
    }

    private static func cancel(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("audit")
        try RequestBody(try call.document(), called: "a cancellation", keys: []).check()
        let wait = AuditWait(call)
        return .later { waiting in
            call.services.engine.cancelAudit(id) { result in
                switch result {
                case .failure(let failure): waiting.fail(Problem(failure))
                case .success(let audit) where audit.state.isFinal:
                    waiting.finish(.json(audit.wire, headers: [audit.location]))
                case .success(let audit): wait.forEnd(of: audit, waiting)
                }
            }
        }
    }
}

/// How a request that starts or ends an audit is answered: 202 at once, or, where the client would rather wait, 200
/// with the finished audit.
private struct AuditWait: Sendable {
    private let services: Services
    private let preference: Preference

    init(_ call: Call) {
        services = call.services
        preference = Preference(call.request.headers)
    }

    /// Answers with the audit when it ends in the time that the client would wait, else with what it is then.
    func forEnd(of audit: Audit, _ waiting: Waiting) {
        let headers = [audit.location] + preference.applied
        let promise = Answer(202, .json(audit.wire), headers: headers + [("Retry-After", "1")])
        guard let seconds = preference.wait, seconds > 0 else { return waiting.finish(promise) }
        let end = services.engine.whenAudited(audit.id) { result in
            switch result {
            case .success(let audit): waiting.finish(.json(audit.wire, headers: headers))
            // The server stops: the audit is durable and goes on when it is back.
            case .failure: waiting.finish(promise)
            }
        }
        let store = services.store
        waiting.onDeadline(.seconds(seconds)) {
            end.cancel()
            let found = try? store.read { session throws(StoreError) in try session.audit(audit.id) }
            guard let now = found else { return promise }
            var answer = promise
            answer.body = .json(now.wire)
            return answer
        }
    }
}

extension RequestBody {
    /// The step's name; nil when the key is missing or was refused.
    fileprivate mutating func step() -> String? {
        let step = text("step")
        if let step, !ResourceName.isValid(step) { refuse("step", "`step` is no name of a step") }
        return step
    }
}
