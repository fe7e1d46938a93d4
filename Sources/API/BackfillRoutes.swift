internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// Backfills: ranges of event time that are loaded again, and what became of each of their partitions.
enum BackfillRoutes {
    private static let all = "/v1/backfills"
    private static let one = "/v1/backfills/{backfill}"

    /// The operations on backfills.
    static let endpoints = [
        Endpoint(.post, all, "start_backfill", query: ["dry_run"]) { call throws(Problem) in try start(call) },
        Endpoint(.get, all, "list_backfills", query: ["pipeline", "state"] + Page.parameters) { call throws(Problem) in
            try list(call)
        },
        Endpoint(.get, one, "get_backfill") { call throws(Problem) in try get(call) },
        Endpoint(.get, one + "/partitions", "list_partitions", query: ["state"] + Page.parameters) {
            call throws(Problem) in try partitions(call)
        },
        change("pause", "a pause") { engine, id, done in engine.pauseBackfill(id, completion: done) },
        change("resume", "a resumption") { engine, id, done in engine.resumeBackfill(id, completion: done) },
        change("cancel", "a cancellation") { engine, id, done in engine.cancelBackfill(id, completion: done) },
        change("retry", "a retry") { engine, id, done in engine.retryBackfill(id, completion: done) },
        Endpoint(.post, one + "/publish", "publish_backfill", query: ["dry_run"]) { call throws(Problem) in
            try publish(call)
        },
        .rollback(one, "backfill") { engine, id, isTrial, done in
            engine.rollbackBackfill(id, isTrial: isTrial, completion: done)
        } shown: { done, services in
            (done.steps, done.backfill.wire(services))
        },
    ]

    private static func start(_ call: Call) throws(Problem) -> Outcome {
        let request = try BackfillRequest(
            try call.requiredDocument(
                "{\"pipeline\": \"orders\", \"start\": \"2024-03-01\", \"end\": \"2024-04-01\"}"))
        let isTrial = try call.flag("dry_run")
        let wait = BackfillWait(call)
        return .later { waiting in
            guard !isTrial else {
                return call.services.engine.previewBackfill(request) { result in
                    waiting.finish { () throws(Problem) in .json(try result.orProblem().wire) }
                }
            }
            call.services.engine.startBackfill(request) { result in
                switch result {
                case .failure(let failure): waiting.fail(Problem(failure))
                case .success(let backfill): wait.forEnd(of: backfill, waiting)
                }
            }
        }
    }

    private static func list(_ call: Call) throws(Problem) -> Outcome {
        let page = try call.page()
        var filter = BackfillFilter()
        filter.pipeline = try call.request.query.pipeline()
        filter.state = try call.request.query.state(BackfillState.self, of: "a backfill")
        let listing = try call.services.read { session throws(StoreError) in try session.backfills(filter, page) }
        return .now(.json(try listing.wire("backfills") { $0.wire(call.services) }))
    }

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("backfill")
        let backfill = try call.services.read { session throws(StoreError) in try session.backfill(id) }
        guard let backfill else { throw Problem.unknownBackfill(id) }
        return .now(.json(backfill.wire(call.services)))
    }

    private static func partitions(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("backfill")
        let page = try call.page()
        let state = try call.request.query.state(PartitionState.self, of: "a partition")
        let listing = try call.services.read { session throws(StoreError) -> Listing<Partition>? in
            guard try session.backfill(id) != nil else { return nil }
            return try session.partitions(of: id, state: state, page)
        }
        guard let listing else { throw Problem.unknownBackfill(id) }
        return .now(.json(try listing.wire("partitions") { $0.wire }))
    }

    private typealias Done = @Sendable (Result<Backfill, Failure>) -> Void

    /// An operation that changes a backfill's state: 200 where it does not go on, else 202, or what it has come to by
    /// the end where the client would rather wait for that.
    private static func change(
        _ verb: String, _ what: String, _ body: @escaping @Sendable (LoadEngine, String, @escaping Done) -> Void
    ) -> Endpoint {
        Endpoint(.post, one + "/" + verb, verb + "_backfill") { call throws(Problem) in
            let id = try call.name("backfill")
            try RequestBody(try call.document(), called: what, keys: []).check()
            let wait = BackfillWait(call)
            return .later { waiting in
                body(call.services.engine, id) { result in
                    switch result {
                    case .failure(let failure): waiting.fail(Problem(failure))
                    case .success(let backfill) where backfill.isSettled || backfill.isAtRest:
                        waiting.finish(.json(backfill.wire(call.services), headers: [backfill.location]))
                    case .success(let backfill): wait.forEnd(of: backfill, waiting)
                    }
                }
            }
        }
    }

    private static func publish(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("backfill")
        try RequestBody(try call.document(), called: "a publishing", keys: []).check()
        let isTrial = try call.flag("dry_run")
        return .later { waiting in
            call.services.engine.publishBackfill(id, isTrial: isTrial) { result in
                waiting.finish { () throws(Problem) in
                    let done = try result.orProblem()
                    return .json(
                        .object([
                            .init("dry_run", .bool(isTrial)),
                            .init(
                                "publish",
                                .object(
                                    done.result.rows.wire + [
                                        .init("warnings", .array(done.result.warnings.map(\.wire)))
                                    ])),
                            .init("backfill", done.backfill.wire(call.services)),
                        ]))
                }
            }
        }
    }
}

extension Backfill {
    /// The backfill as answers show it.
    fileprivate func wire(_ services: Services) -> JSONValue {
        wire(rowsInHand: partitions.running > 0 ? services.engine.rowsInHand(of: id) : 0)
    }
}

/// How a request that starts or changes a backfill is answered: 202 at once, or, where the client would rather wait, 200
/// with the backfill when it has come to its end.
private struct BackfillWait: Sendable {
    private let services: Services
    private let preference: Preference

    init(_ call: Call) {
        services = call.services
        preference = Preference(call.request.headers)
    }

    /// Answers with the backfill when it ends in the time that the client would wait, else with what it is then.
    func forEnd(of backfill: Backfill, _ waiting: Waiting) {
        let headers = [backfill.location] + preference.applied
        let promise = Answer(202, .json(backfill.wire(services)), headers: headers + [("Retry-After", "1")])
        guard let seconds = preference.wait, seconds > 0 else { return waiting.finish(promise) }
        let end = services.engine.whenBackfilled(backfill.id) { [services] result in
            switch result {
            case .success(let backfill): waiting.finish(.json(backfill.wire(services), headers: headers))
            // The server stops: the backfill is durable and goes on when it is back.
            case .failure: waiting.finish(promise)
            }
        }
        let services = services
        waiting.onDeadline(.seconds(seconds)) {
            end.cancel()
            let found = try? services.store.read { session throws(StoreError) in try session.backfill(backfill.id) }
            guard let now = found else { return promise }
            var answer = promise
            answer.body = .json(now.wire(services))
            return answer
        }
    }
}
