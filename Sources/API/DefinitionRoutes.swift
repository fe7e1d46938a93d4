internal import Engine
internal import HTTPServer
internal import Model
internal import Store

/// The operations on a kind of definition that is stored whole under a name: list, get, put and delete.
struct DefinitionRoutes: Sendable {
    /// What one is called; the plural, with an s, is the path's.
    let noun: String
    /// A body that could be put.
    let example: String
    /// The code of a name that nothing has.
    let unknown: Failure.Code
    /// What an answer shows beside the definition; a body may hold it, so that an answer can be sent back.
    var extraKeys: [String] = []
    /// Checks a body; answers what is to be stored.
    let decode: @Sendable (DocumentNode, String) throws(DocumentFailures) -> JSONValue
    let list: @Sendable (ReadSession, Page) throws(StoreError) -> Listing<StoredDefinition>
    let read: @Sendable (ReadSession, String) throws(StoreError) -> StoredDefinition?
    let put: @Sendable (Transaction, String, String, Expectation) throws(StoreError) -> PutOutcome
    let delete: @Sendable (Transaction, String, Expectation) throws(StoreError) -> Void
    /// Tells the engine of a name that was put or deleted.
    let changed: @Sendable (LoadEngine, String) -> Void
    /// What an answer shows beside the definition.
    var extra: @Sendable (LoadEngine, String) -> [JSONValue.Member] = { _, _ in [] }

    /// The operations.
    var endpoints: [Endpoint] {
        [
            Endpoint(.get, "/v1/\(noun)s", "list_\(noun)s", query: Page.parameters) { call throws(Problem) in
                try list(call)
            },
            Endpoint(.get, "/v1/\(noun)s/{\(noun)}", "get_\(noun)") { call throws(Problem) in try get(call) },
            Endpoint(.put, "/v1/\(noun)s/{\(noun)}", "put_\(noun)") { call throws(Problem) in try put(call) },
            Endpoint(.delete, "/v1/\(noun)s/{\(noun)}", "delete_\(noun)") { call throws(Problem) in
                try delete(call)
            },
        ]
    }

    private func list(_ call: Call) throws(Problem) -> Outcome {
        let page = try call.page()
        let listing = try call.services.read { session throws(StoreError) in try list(session, page) }
        return .now(
            .json(
                try listing.wire("\(noun)s") { stored throws(Problem) in try wire(stored, call.services) }))
    }

    private func get(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name(noun)
        let stored = try call.services.read { session throws(StoreError) in try read(session, name) }
        guard let stored else { throw unknown(name) }
        return .now(call.unlessHeld(.json(try wire(stored, call.services)), stored.tag))
    }

    private func put(_ call: Call) throws(Problem) -> Outcome {
        let name = call.request.parameters[noun] ?? ""
        let precondition = try Precondition(call.request.headers)
        let node = try call.requiredDocument(example).without(StoredDefinition.addedKeys + extraKeys)
        let definition: String
        do throws(DocumentFailures) {
            definition = try decode(node, name).text()
        } catch {
            throw Problem(error)
        }
        return .later { waiting in
            call.services.store.write { transaction throws(StoreError) in
                let current = try read(transaction, name)?.version
                let outcome = try put(transaction, name, definition, precondition.expectation(current))
                return (outcome, try read(transaction, name))
            } completion: { result in
                waiting.finish { () throws(Problem) in
                    let (outcome, stored) = try result.orProblem()
                    guard let stored else { throw unknown(name) }
                    changed(call.services.engine, name)
                    let answer = Answer.json(try wire(stored, call.services), headers: [("ETag", stored.tag.text)])
                    return outcome.created ? answer.created("/v1/\(noun)s/\(name)") : answer
                }
            }
        }
    }

    private func delete(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name(noun)
        return try call.delete { session throws(StoreError) in
            try read(session, name)?.version
        } _: { transaction, expectation throws(StoreError) in
            try delete(transaction, name, expectation)
        } then: {
            changed(call.services.engine, name)
        }
    }

    private func wire(_ stored: StoredDefinition, _ services: Services) throws(Problem) -> JSONValue {
        guard case .object(let members) = try stored.wire() else { throw .unreadableDocument }
        return .object(members + extra(services.engine, stored.name))
    }

    private func unknown(_ name: String) -> Problem {
        Problem(
            Failure(
                unknown, "there is no \(noun) \(name)",
                hint: "PUT /v1/\(noun)s/\(name) makes it; GET /v1/\(noun)s lists those that are there"))
    }
}
