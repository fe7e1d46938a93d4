internal import COpenAPI
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// What the server tells of itself.
enum ServerRoutes {
    /// The operations on the server itself.
    static let endpoints = [
        Endpoint(.get, "/healthz", "get_health", answersUnderLoad: true) { _ in .now(.json(.object(["status": "ok"])))
        },
        Endpoint(.get, "/readyz", "get_readiness", answersUnderLoad: true) { call in readiness(call) },
        Endpoint(.get, "/openapi.yaml", "get_contract") { call in .now(contract(call)) },
    ]

    /// Ready is who takes work and can still write down what was asked: the control database's own thread answers, and
    /// after the disk has refused a commit only a commit that succeeds makes ready again.
    private static func readiness(_ call: Call) -> Outcome {
        guard !call.services.readiness.isDraining else {
            return .now(unready("stopping", "The server is stopping.").answer(call.request.id))
        }
        return .later { waiting in
            let request = call.request.id
            waiting.onDeadline(Limits.readTime) {
                unready("locked", "The control database does not answer in time.").answer(request)
            }
            let hasFailed = call.services.store.writeFailure != nil
            call.services.store.write { transaction throws(StoreError) in
                if hasFailed { try transaction.proveWritable() } else { _ = try transaction.lastEvent() }
            } completion: { result in
                switch result {
                case .success: waiting.finish(.json(.object(["status": "ready"])))
                case .failure(let error): waiting.fail(unready(error.failure.code.rawValue, error.cause))
                }
            }
        }
    }

    private static func unready(_ code: String, _ detail: String) -> Problem { Problem(503, code, detail) }

    private static func contract(_ call: Call) -> Answer {
        let fields = [("Content-Type", "application/yaml"), ("Cache-Control", "no-cache")]
        return call.unlessHeld(Answer(200, .bytes(contractText), headers: fields), contractTag)
    }

    /// The contract as it was when the program was built.
    static let contractText = [UInt8](
        UnsafeBufferPointer(start: strandline_openapi_text(), count: strandline_openapi_length()))
    private static let contractTag = EntityTag(file: CheckSum(contractText).text)
}
