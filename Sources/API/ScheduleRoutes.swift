internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// The schedules of pipelines: pausing and resuming them.
enum ScheduleRoutes {
    /// The operations on schedules.
    static let endpoints = [
        Endpoint(.post, "/v1/pipelines/{pipeline}/pause", "pause_pipeline") { call throws(Problem) in try pause(call) },
        Endpoint(.post, "/v1/pipelines/{pipeline}/resume", "resume_pipeline") { call throws(Problem) in
            try resume(call)
        },
    ]

    private static func pause(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        let precondition = try Precondition(call.request.headers)
        try RequestBody(try call.document(), called: "a pause", keys: []).check()
        return .later { waiting in
            call.services.engine.pause(name, expecting: { precondition.expectation($0) }) { result in
                waiting.finish { () throws(Problem) in
                    .json(.object(try result.orProblem().wire(at: call.services.clock.now())))
                }
            }
        }
    }

    private static func resume(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        let precondition = try Precondition(call.request.headers)
        var body = try RequestBody(try call.document(), called: "a resumption", keys: ["on_resume"])
        let policy = body.resumePolicy("on_resume")
        try body.check()
        return .later { waiting in
            call.services.engine.resume(name, policy, expecting: { precondition.expectation($0) }) { result in
                waiting.finish { () throws(Problem) in
                    let done = try result.orProblem()
                    return .json(
                        .object(
                            done.record.wire(at: call.services.clock.now()) + [
                                .init("on_resume", .string(done.policy.rawValue)),
                                .init("resumed_ticks", .integer(Int64(done.missed))),
                                .init("starts_now", .bool(done.policy == .coalesce && done.missed > 0)),
                            ]))
                }
            }
        }
    }
}

extension RequestBody {
    /// What becomes of missed ticks; one run for all of them when the key is missing or was refused.
    fileprivate mutating func resumePolicy(_ key: String) -> ResumePolicy {
        guard let node = value(key) else { return .coalesce }
        if case .scalar(.string(let word)) = node.content {
            if let policy = ResumePolicy(rawValue: word) { return policy }
            if word == "all" {
                refuse(
                    key, "`\(key)` cannot be `all`",
                    hint:
                        "A load reads everything since the last one, so the first of several runs leaves nothing to the "
                        + "others; `coalesce` starts one.")
                return .coalesce
            }
        }
        let words = ResumePolicy.allCases.map(\.rawValue).joined(separator: " or ")
        refuse(key, "`\(key)` must be \(words)", hint: "Leave it out for coalesce.")
        return .coalesce
    }
}
