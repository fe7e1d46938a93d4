internal import Engine
internal import HTTPServer
internal import Model

/// Ledgers: which intervals of a step's cursor are loaded, and which are not.
enum LedgerRoutes {
    /// The operations on ledgers.
    static let endpoints = [
        Endpoint(.get, "/v1/pipelines/{pipeline}/ledger/{step}", "get_ledger") { call throws(Problem) in try get(call) }
    ]

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let (pipeline, step) = (try call.name("pipeline"), try call.name("step"))
        return .later { waiting in
            call.services.engine.ledger(pipeline, step: step) { result in
                waiting.finish { () throws(Problem) in
                    let (column, ledger) = try result.orProblem()
                    return .json(ledger.wire(pipeline, step, column))
                }
            }
        }
    }
}
