internal import Engine
internal import HTTPServer
internal import Model
internal import Store

/// Watermarks: how far each step has come, and how a person moves that.
enum WatermarkRoutes {
    private static let one = "/v1/pipelines/{pipeline}/watermarks/{step}"

    /// The operations on watermarks.
    static let endpoints = [
        Endpoint(.get, "/v1/watermarks", "list_watermarks", query: Page.parameters) { call throws(Problem) in
            try list(call, of: nil)
        },
        Endpoint(
            .get, "/v1/pipelines/{pipeline}/watermarks", "list_pipeline_watermarks", query: Page.parameters
        ) { call throws(Problem) in try list(call, of: try call.name("pipeline")) },
        Endpoint(.get, one, "get_watermark") { call throws(Problem) in try get(call) },
        Endpoint(.put, one, "put_watermark", query: ["dry_run"]) { call throws(Problem) in try put(call) },
        Endpoint(.delete, one, "delete_watermark", query: ["dry_run", "reason"]) { call throws(Problem) in
            try delete(call)
        },
        Endpoint(.get, one + "/history", "list_watermark_history", query: Page.parameters) { call throws(Problem) in
            try history(call)
        },
    ]

    private static func list(_ call: Call, of pipeline: String?) throws(Problem) -> Outcome {
        let page = try call.page()
        let found = try call.services.read { session throws(StoreError) -> (Listing<Watermark>, [Verification?])? in
            if let pipeline, try session.pipeline(pipeline) == nil { return nil }
            let listing = try session.watermarks(pipeline: pipeline, page)
            var verifications: [Verification?] = []
            for watermark in listing.items {
                verifications.append(try session.verification(watermark.pipeline, watermark.step))
            }
            return (listing, verifications)
        }
        guard let (listing, verifications) = found else { throw PipelineRoutes.unknown(pipeline ?? "") }
        return .now(
            .json(
                .object([
                    "watermarks": .array(zip(listing.items, verifications).map { $0.wire($1) }),
                    "next_cursor": JSONValue(listing.nextCursor),
                ])))
    }

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let (pipeline, step) = try place(call)
        let found = try call.services.read { session throws(StoreError) in
            (
                stored: try session.pipeline(pipeline), watermark: try session.watermark(pipeline, step),
                verification: try session.verification(pipeline, step)
            )
        }
        guard let stored = found.stored else { throw PipelineRoutes.unknown(pipeline) }
        if let watermark = found.watermark { return .now(answer(watermark, found.verification, call)) }
        try check(stored, step)
        // The copy may be missing; the destination is the truth.
        return .later { waiting in
            call.services.engine.findWatermark(pipeline, step: step) { result in
                waiting.finish { () throws(Problem) in
                    guard let watermark = try result.orProblem() else { throw absent(stored, step) }
                    return answer(watermark, found.verification, call)
                }
            }
        }
    }

    private static func answer(_ watermark: Watermark, _ verification: Verification?, _ call: Call) -> Answer {
        let wire = watermark.wire(verification)
        // An audit changes what is shown, and not the watermark.
        let tag =
            verification == nil ? watermark.tag : EntityTag(version: watermark.version, content: wire.text())
        return call.unlessHeld(.json(wire), tag)
    }

    private static func history(_ call: Call) throws(Problem) -> Outcome {
        let (pipeline, step) = try place(call)
        let page = try call.page()
        let found = try call.services.read { session throws(StoreError) in
            (stored: try session.pipeline(pipeline), changes: try session.watermarkHistory(pipeline, step, page))
        }
        // The history outlives its pipeline; only where there is none is the name worth a doubt.
        if found.changes.items.isEmpty, page.cursor == nil {
            guard let stored = found.stored else { throw PipelineRoutes.unknown(pipeline) }
            try check(stored, step)
        }
        return .now(.json(try found.changes.wire("watermarks") { $0.wire }))
    }

    private static func put(_ call: Call) throws(Problem) -> Outcome {
        var body = try RequestBody(
            try call.requiredDocument("{\"value\": \"2024-03-01T00:00:00Z\", \"reason\": \"reload March\"}"),
            called: "a watermark", keys: ["value", "reason"])
        let value = body.value("value").flatMap { CursorValue(json: $0.json) }
        if value == nil {
            body.refuse(
                "value", "`value` must be a cursor value: a text or a number",
                hint: "Write it as the cursor column holds it; DELETE removes the watermark.")
        }
        let reason = body.text("reason")
        try body.check()
        return try change(call, to: value, reason: reason ?? "set by PUT")
    }

    private static func delete(_ call: Call) throws(Problem) -> Outcome {
        try change(call, to: nil, reason: call.request.query["reason"] ?? "removed by DELETE")
    }

    private static func change(_ call: Call, to value: CursorValue?, reason: String) throws(Problem) -> Outcome {
        let (pipeline, step) = try place(call)
        let precondition = try Precondition(call.request.headers)
        var change = WatermarkChange(pipeline: pipeline, step: step, value: value, reason: reason)
        if try call.flag("dry_run") {
            return .later { [change] waiting in
                call.services.engine.previewWatermark(change) { result in
                    waiting.finish { () throws(Problem) in .json(try result.orProblem().wire(pipeline, step)) }
                }
            }
        }
        if !precondition.isEmpty {
            let current = try call.services.read { session throws(StoreError) in
                try session.watermark(pipeline, step)?.version
            }
            change.ifVersion = precondition.expectation(current).watermarkVersion(current)
        }
        return .later { [change] waiting in
            call.services.engine.changeWatermark(change) { result in
                waiting.finish { () throws(Problem) in
                    guard let watermark = try result.orProblem() else { return Answer(204) }
                    // What a person has moved is not verified any more.
                    return .json(watermark.wire(nil), headers: [("ETag", watermark.tag.text)])
                }
            }
        }
    }

    private static func place(_ call: Call) throws(Problem) -> (pipeline: String, step: String) {
        (try call.name("pipeline"), try call.name("step"))
    }

    /// The refusal of a step without a watermark.
    private static func absent(_ stored: StoredDefinition, _ step: String) -> Problem {
        Problem(
            Failure(
                .notFound, "step \(step) of pipeline \(stored.name) has no watermark",
                hint: "its next successful run of a strategy with a cursor makes one"))
    }

    /// Refuses a name that is no step of a stored pipeline.
    private static func check(_ stored: StoredDefinition, _ step: String) throws(Problem) {
        let steps = try JSONValue(stored: stored.definition)["steps"]?.array ?? []
        let names = steps.compactMap { $0["name"]?.string }
        guard !names.contains(step) else { return }
        throw Problem(
            Failure(
                .unknownStep, "pipeline \(stored.name) has no step \(step)",
                hint: "its steps are \(names.joined(separator: ", "))"))
    }
}

extension Expectation {
    /// The version that the destination must have, 0 for none, -1 for one that never is; nil asks nothing.
    fileprivate func watermarkVersion(_ current: Int?) -> Int? {
        switch self {
        case .anything: nil
        case .absent: 0
        case .present: current ?? -1
        case .version(let version): version == 0 ? -1 : version
        }
    }
}
