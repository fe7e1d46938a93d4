internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// Runs: what was done, what is in hand, and how it is stopped or repeated.
enum RunRoutes {
    /// The operations on runs.
    static let endpoints = [
        Endpoint(.get, "/v1/runs", "list_runs", query: ["pipeline", "state", "since"] + Page.parameters) {
            call throws(Problem) in try list(call)
        },
        Endpoint(.get, "/v1/runs/{run}", "get_run") { call throws(Problem) in try get(call) },
        Endpoint(.post, "/v1/runs/{run}/cancel", "cancel_run") { call throws(Problem) in try cancel(call) },
        Endpoint(.post, "/v1/runs/{run}/retry", "retry_run", keys: .handedOn) { call throws(Problem) in
            try retry(call)
        },
        .rollback("/v1/runs/{run}", "run") { engine, id, isTrial, done in
            engine.rollback(id, isTrial: isTrial, completion: done)
        } shown: { done, _ in
            (done.steps, done.run.wire())
        },
    ]

    private static func list(_ call: Call) throws(Problem) -> Outcome {
        let page = try call.page()
        let filter = try RunFilter(call.request.query)
        let listing = try call.services.read { session throws(StoreError) in try session.runs(filter, page) }
        return .now(
            .json(
                try listing.wire("runs") { run throws(Problem) in
                    run.wire(call.services.engine, isWhole: false)
                }))
    }

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("run")
        let run = try call.services.read { session throws(StoreError) in try session.run(id) }
        guard let run else { throw Problem.unknownRun(id) }
        return .now(.json(run.wire(call.services.engine)))
    }

    private static func cancel(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("run")
        try RequestBody(try call.document(), called: "a cancellation", keys: []).check()
        let start = try RunStart(call, keyed: false)
        return .later { waiting in
            call.services.engine.cancel(id) { result in
                switch result {
                case .failure(let failure): waiting.fail(Problem(failure))
                case .success(let run) where run.state.isFinal:
                    waiting.finish(.json(run.wire(), headers: [run.location]))
                case .success(let run): start.waitForEnd(run.id, else: run.accepted, waiting)
                }
            }
        }
    }

    private static func retry(_ call: Call) throws(Problem) -> Outcome {
        let id = try call.name("run")
        try RequestBody(try call.document(), called: "a retry", keys: []).check()
        let start = try RunStart(call)
        return .later { waiting in
            call.services.engine.retry(id, key: start.key) { start.finish($0, waiting) }
        }
    }
}

extension RunFilter {
    /// Which runs a query asks for.
    fileprivate init(_ query: Query) throws(Problem) {
        self.init()
        pipeline = try query.pipeline()
        state = try query.state(RunState.self, of: "a run")
        if let text = query["since"] {
            guard let instant = Timestamp(rfc3339: text) else {
                throw .parameter(
                    "since", "is no time", hint: "Write it as RFC 3339, such as 2024-03-31T00:00:00Z (a + as %2B).")
            }
            since = instant
        }
    }
}
