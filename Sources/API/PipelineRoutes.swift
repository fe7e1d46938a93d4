internal import Engine
internal import HTTPServer
internal import Model
internal import Store

/// Pipelines: documents, plans and triggers.
enum PipelineRoutes {
    /// The operations on pipelines.
    static let endpoints = [
        Endpoint(.get, "/v1/pipelines", "list_pipelines", query: Page.parameters) { call throws(Problem) in
            try list(call)
        },
        Endpoint(.get, "/v1/pipelines/{pipeline}", "get_pipeline") { call throws(Problem) in try get(call) },
        Endpoint(.put, "/v1/pipelines/{pipeline}", "put_pipeline") { call throws(Problem) in try put(call) },
        Endpoint(.delete, "/v1/pipelines/{pipeline}", "delete_pipeline") { call throws(Problem) in try delete(call) },
        Endpoint(.post, "/v1/pipelines/{pipeline}/plan", "plan_pipeline") { call throws(Problem) in try plan(call) },
        Endpoint(.post, "/v1/pipelines/{pipeline}/runs", "trigger_run", keys: .handedOn) { call throws(Problem) in
            try trigger(call)
        },
    ]

    private static func list(_ call: Call) throws(Problem) -> Outcome {
        let page = try call.page()
        let (resources, next) = try call.services.read { session throws(StoreError) in
            let listing = try session.pipelines(page)
            var resources: [PipelineResource] = []
            for stored in listing.items { resources.append(try PipelineResource(stored, session, call.services)) }
            return (resources, listing.nextCursor)
        }
        var values: [JSONValue] = []
        for resource in resources { values.append(try resource.wire(call.services)) }
        return .now(.json(.object(["pipelines": .array(values), "next_cursor": JSONValue(next)])))
    }

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        let resource = try call.services.read { session throws(StoreError) -> PipelineResource? in
            guard let stored = try session.pipeline(name) else { return nil }
            return try PipelineResource(stored, session, call.services)
        }
        guard let resource else { throw unknown(name) }
        let wire = try resource.wire(call.services)
        return .now(call.unlessHeld(.json(wire), try resource.tag(call.services)))
    }

    private static func put(_ call: Call) throws(Problem) -> Outcome {
        let name = call.request.parameters["pipeline"] ?? ""
        let precondition = try Precondition(call.request.headers)
        let node = try call.requiredDocument("a pipeline with its steps; /openapi.yaml has one")
            .without(PipelineResource.addedKeys)
        let document: PipelineDocument
        do throws(DocumentFailures) {
            document = try DocumentDecoder.pipeline(node, name: name)
        } catch {
            throw Problem(error)
        }
        let uses = ConnectionUses(document.pipeline, node)
        return .later { waiting in
            call.services.store.write { transaction throws(StoreError) -> Written in
                var unknown: Set<String> = []
                for connection in uses.names where try transaction.connection(connection) == nil {
                    unknown.insert(connection)
                }
                guard unknown.isEmpty else { return .unknownConnections(unknown) }
                let current = try transaction.pipeline(name)?.version
                let outcome = try transaction.putPipeline(
                    document, expecting: precondition.expectation(current))
                guard let stored = try transaction.pipeline(name) else { return .lost }
                return .stored(try PipelineResource(stored, transaction, call.services), created: outcome.created)
            } completion: { result in
                if case .success = result { call.services.engine.scheduleChanged(name) }
                waiting.finish { () throws(Problem) in
                    switch try result.orProblem() {
                    case .unknownConnections(let names): throw Problem(uses.failures(names))
                    case .lost: throw unknown(name)
                    case .stored(let resource, let created):
                        return try put(resource, created, document.warnings, call.services)
                    }
                }
            }
        }
    }

    /// What came of storing a document.
    private enum Written: Sendable {
        case stored(PipelineResource, created: Bool)
        case unknownConnections(Set<String>)
        case lost
    }

    private static func put(
        _ resource: PipelineResource, _ created: Bool, _ warnings: [LoadWarning], _ services: Services
    ) throws(Problem) -> Answer {
        let answer = Answer.json(
            try resource.wire(services, warnings: warnings), headers: [("ETag", try resource.tag(services).text)])
        return created ? answer.created("/v1/pipelines/\(resource.stored.name)") : answer
    }

    private static func delete(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        return try call.delete { session throws(StoreError) in
            try session.pipeline(name)?.version
        } _: { transaction, expectation throws(StoreError) in
            try transaction.deletePipeline(name, expecting: expectation)
        }
    }

    private static func plan(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        let options = try RunOptions(try call.document(), called: "a plan")
        return .later { waiting in
            call.services.engine.plan(name, options: options) { result in
                waiting.finish { () throws(Problem) in
                    let plans = try result.orProblem()
                    return .json(.object(["pipeline": .string(name), "steps": .array(plans.map(\.wire))]))
                }
            }
        }
    }

    private static func trigger(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        let options = try RunOptions(try call.document(), called: "a trigger")
        let start = try RunStart(call)
        let origin = try Trigger(call.request.headers)
        return .later { waiting in
            call.services.engine.trigger(
                RunRequest(pipeline: name, options: options, trigger: origin, key: start.key)
            ) { start.finish($0, waiting) }
        }
    }

    /// The refusal of a name that no pipeline has.
    static func unknown(_ name: String) -> Problem {
        Problem(
            Failure(
                .unknownPipeline, "there is no pipeline \(name)",
                hint: "PUT /v1/pipelines/\(name) makes it; GET /v1/pipelines lists those that are there"))
    }
}

extension Trigger {
    /// Who asks for the run, as the header `Strandline-Trigger` says: a client of the interface unless the command line.
    fileprivate init(_ headers: Headers) throws(Problem) {
        switch headers.all("Strandline-Trigger") {
        case [], ["api"]: self = .api
        case ["cli"]: self = .cli
        default:
            throw Problem(
                400, "invalid_header", "The header Strandline-Trigger is neither api nor cli.",
                hint: "Leave it out; the command line sends cli.", field: "Strandline-Trigger")
        }
    }
}

extension RunOptions {
    /// Reads the body of a trigger or a plan; no body asks for nothing special.
    init(_ document: DocumentNode?, called what: String) throws(Problem) {
        var body = try RequestBody(
            document, called: what,
            keys: ["steps", "from", "full_refresh", "allow_shrink", "allow_stale_upstream", "priority"])
        self.init(
            steps: body.names("steps"), fullRefresh: body.flag("full_refresh"), allowShrink: body.flag("allow_shrink"))
        allowStaleUpstream = body.flag("allow_stale_upstream")
        priority = body.word("priority", RunPriority.self)
        from = body.text("from")
        if let from, !ResourceName.isValid(from) { body.refuse("from", "`from` is no name of a step") }
        if from != nil, !steps.isEmpty {
            body.refuse("from", "`steps` and `from` say both what runs", hint: "Leave one of them out.")
        }
        try body.check()
    }
}
