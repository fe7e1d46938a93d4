internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// Webhooks: who is told of what happens, and what became of it.
enum WebhookRoutes {
    private static let one = "/v1/webhooks/{webhook}"

    /// The operations on webhooks.
    static let endpoints = [
        Endpoint(.get, "/v1/webhooks", "list_webhooks", query: Page.parameters) { call throws(Problem) in
            try list(call)
        },
        Endpoint(.get, one, "get_webhook") { call throws(Problem) in try get(call) },
        Endpoint(.put, one, "put_webhook") { call throws(Problem) in try put(call) },
        Endpoint(.delete, one, "delete_webhook") { call throws(Problem) in try delete(call) },
        Endpoint(.post, one + "/rotate", "rotate_webhook") { call throws(Problem) in try rotate(call) },
        Endpoint(.post, one + "/test", "test_webhook") { call throws(Problem) in
            let name = try call.name("webhook")
            return try change(call, "a test") { transaction throws(StoreError) in try transaction.sendTest(to: name) }
        },
        Endpoint(.get, one + "/deliveries", "list_deliveries", query: ["state"] + Page.parameters) {
            call throws(Problem) in try deliveries(call)
        },
        Endpoint(.get, one + "/deliveries/{delivery}", "get_delivery") { call throws(Problem) in try delivery(call) },
        Endpoint(.post, one + "/deliveries/{delivery}/retry", "retry_delivery") { call throws(Problem) in
            let (name, message) = (try call.name("webhook"), try call.name("delivery"))
            return try change(call, "a retry") { transaction throws(StoreError) in
                try transaction.retryDelivery(message, to: name)
            }
        },
    ]

    private static func list(_ call: Call) throws(Problem) -> Outcome {
        let page = try call.page()
        let (resources, next) = try call.services.read { session throws(StoreError) in
            let listing = try session.webhooks(page)
            var resources: [WebhookResource] = []
            for stored in listing.items { resources.append(try WebhookResource(stored, session)) }
            return (resources, listing.nextCursor)
        }
        let now = call.services.clock.now()
        return .now(
            .json(
                .object(["webhooks": .array(resources.map { $0.wire(at: now) }), "next_cursor": JSONValue(next)])))
    }

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("webhook")
        let found = try call.services.read { session throws(StoreError) -> WebhookResource? in
            guard let stored = try session.webhook(name) else { return nil }
            return try WebhookResource(stored, session)
        }
        guard let found else { throw unknown(name) }
        let now = call.services.clock.now()
        return .now(call.unlessHeld(.json(found.wire(at: now)), found.tag(at: now)))
    }

    private static func put(_ call: Call) throws(Problem) -> Outcome {
        let name = call.request.parameters["webhook"] ?? ""
        let precondition = try Precondition(call.request.headers)
        let node = try call.requiredDocument("{\"url\": \"https://example.org/strandline\"}")
            .without(WebhookResource.addedKeys)
        let definition: WebhookDefinition
        do throws(DocumentFailures) {
            definition = try DocumentDecoder.webhook(node, name: name)
        } catch {
            throw Problem(error)
        }
        return .later { waiting in
            let made = newSecret()
            call.services.store.write { transaction throws(StoreError) in
                let current = try transaction.webhook(name)?.version
                let outcome = try transaction.putWebhook(
                    definition, made: made, expecting: precondition.expectation(current))
                return (outcome, try stored(name, transaction))
            } completion: { result in
                waiting.finish { () throws(Problem) in
                    let (outcome, resource) = try result.orProblem()
                    let shown = outcome.created && definition.secret == nil ? made : nil
                    let answer = resource.answer(at: call.services.clock.now(), secret: shown)
                    return outcome.created ? answer.created("/v1/webhooks/\(name)") : answer
                }
            }
        }
    }

    private static func delete(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("webhook")
        return try call.delete { session throws(StoreError) in
            try session.webhook(name)?.version
        } _: { transaction, expectation throws(StoreError) in
            try transaction.deleteWebhook(name, expecting: expectation)
        }
    }

    private static func rotate(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("webhook")
        try RequestBody(try call.document(), called: "a rotation", keys: []).check()
        return .later { waiting in
            let made = newSecret()
            call.services.store.write { transaction throws(StoreError) in
                var definition = try stored(name, transaction).stored.definition
                definition.secret = made.text
                _ = try transaction.putWebhook(definition, made: made)
                return try stored(name, transaction)
            } completion: { result in
                waiting.finish { () throws(Problem) in
                    try result.orProblem().answer(at: call.services.clock.now(), secret: made)
                }
            }
        }
    }

    private static func newSecret() -> WebhookSecret {
        var random = SystemRandomNumberGenerator()
        return WebhookSecret(using: &random)
    }

    private static func stored(_ name: String, _ session: ReadSession) throws(StoreError) -> WebhookResource {
        guard let stored = try session.webhook(name) else {
            throw StoreError(.unknownWebhook, "read the webhook", "there is no webhook \(name)")
        }
        return try WebhookResource(stored, session)
    }

    // MARK: Deliveries

    private static func deliveries(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("webhook")
        let page = try call.page()
        let state = try call.request.query.state(DeliveryState.self, of: "a delivery")
        let listing = try call.services.read { session throws(StoreError) -> Listing<Delivery>? in
            guard try session.webhook(name) != nil else { return nil }
            return try session.deliveries(of: name, state: state, page)
        }
        guard let listing else { throw unknown(name) }
        return .now(.json(try listing.wire("deliveries") { delivery throws(Problem) in delivery.wire(to: name) }))
    }

    private static func delivery(_ call: Call) throws(Problem) -> Outcome {
        let (name, message) = (try call.name("webhook"), try call.name("delivery"))
        let found = try call.services.read { session throws(StoreError) in try session.delivery(message, to: name) }
        guard let found else {
            throw Problem(
                Failure(
                    .notFound, "the webhook \(name) has no delivery \(message)",
                    hint: "GET /v1/webhooks/\(name)/deliveries lists those that are kept"))
        }
        return .now(.json(found.wire(to: name)))
    }

    /// Puts something into the outbox, or back there, and promises its delivery.
    private static func change(
        _ call: Call, _ what: String,
        _ body: @escaping @Sendable (Transaction) throws(StoreError) -> Delivery
    ) throws(Problem) -> Outcome {
        let name = try call.name("webhook")
        try RequestBody(try call.document(), called: what, keys: []).check()
        return .later { waiting in
            call.services.store.write(body) { result in
                waiting.finish { () throws(Problem) in
                    let delivery = try result.orProblem()
                    let place = "/v1/webhooks/\(name)/deliveries/\(delivery.message)"
                    return Answer(
                        202, .json(delivery.wire(to: name)), headers: [("Location", place), ("Retry-After", "1")])
                }
            }
        }
    }

    private static func unknown(_ name: String) -> Problem {
        Problem(
            Failure(
                .notFound, "there is no webhook \(name)",
                hint: "PUT /v1/webhooks/\(name) makes it; GET /v1/webhooks lists those that are there"))
    }
}
