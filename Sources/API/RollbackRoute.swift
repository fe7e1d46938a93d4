internal import Engine
internal import HTTPServer
internal import Model

extension Endpoint {
    /// The operation that rolls one thing back, which `noun` names in its path and in the answer.
    ///
    /// `body` does it; `shown` gives what was put back, step by step, and the thing as it is then.
    static func rollback<Done: Sendable>(
        _ one: String, _ noun: String,
        _ body:
            @escaping @Sendable (
                LoadEngine, String, Bool, @escaping @Sendable (Result<Done, Failure>) -> Void
            ) -> Void,
        shown: @escaping @Sendable (Done, Services) -> (steps: [StepRollback], thing: JSONValue)
    ) -> Endpoint {
        Endpoint(.post, one + "/rollback", "rollback_" + noun, query: ["dry_run"]) { call throws(Problem) in
            let id = try call.name(noun)
            try RequestBody(try call.document(), called: "a rollback", keys: []).check()
            let isTrial = try call.flag("dry_run")
            return .later { waiting in
                body(call.services.engine, id, isTrial) { result in
                    waiting.finish { () throws(Problem) in
                        let (steps, thing) = shown(try result.orProblem(), call.services)
                        return .json(
                            .object([
                                .init("dry_run", .bool(isTrial)), .init("rollback", .array(steps.map(\.json))),
                                .init(noun, thing),
                            ]))
                    }
                }
            }
        }
    }
}
