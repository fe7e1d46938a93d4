internal import Engine
internal import HTTPServer
internal import Model
internal import Store

/// Connections: where data lives.
enum ConnectionRoutes {
    /// The operations on connections.
    static let endpoints = [
        Endpoint(.get, "/v1/connections", "list_connections", query: Page.parameters) { call throws(Problem) in
            try list(call)
        },
        Endpoint(.get, "/v1/connections/{connection}", "get_connection") { call throws(Problem) in try get(call) },
        Endpoint(.put, "/v1/connections/{connection}", "put_connection") { call throws(Problem) in try put(call) },
        Endpoint(.delete, "/v1/connections/{connection}", "delete_connection") { call throws(Problem) in
            try delete(call)
        },
        Endpoint(.post, "/v1/connections/{connection}/test", "test_connection") { call throws(Problem) in
            try test(call)
        },
    ]

    private static func list(_ call: Call) throws(Problem) -> Outcome {
        let page = try call.page()
        let listing = try call.services.read { session throws(StoreError) in try session.connections(page) }
        return .now(.json(try listing.wire("connections") { stored throws(Problem) in try stored.wire() }))
    }

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("connection")
        let stored = try call.services.read { session throws(StoreError) in try session.connection(name) }
        guard let stored else { throw unknown(name) }
        let fields = [("ETag", stored.tag.text)]
        guard !stored.tag.isHeld(call.request.headers.all("If-None-Match")) else {
            return .now(Answer(304, headers: fields))
        }
        return .now(.json(try stored.wire(), headers: fields))
    }

    private static func put(_ call: Call) throws(Problem) -> Outcome {
        let name = call.request.parameters["connection"] ?? ""
        let precondition = try Precondition(call.request.headers)
        let node = try call.requiredDocument("{\"type\": \"sqlite\", \"path\": \"shop.db\"}")
            .without(StoredConnection.addedKeys)
        let definition: String
        do throws(DocumentFailures) {
            definition = try DocumentDecoder.connection(node, name: name).json.text()
        } catch {
            throw Problem(error)
        }
        return .later { waiting in
            call.services.store.write { transaction throws(StoreError) in
                let current = try transaction.connection(name)?.version
                let outcome = try transaction.putConnection(
                    name, definition: definition, expecting: precondition.expectation(current))
                return (outcome, try transaction.connection(name))
            } completion: { result in
                waiting.finish { () throws(Problem) in
                    let (outcome, stored) = try result.orProblem()
                    guard let stored else { throw unknown(name) }
                    var answer = Answer.json(try stored.wire(), headers: [("ETag", stored.tag.text)])
                    if outcome.created {
                        answer.status = 201
                        answer.headers.append(("Location", "/v1/connections/\(name)"))
                    }
                    return answer
                }
            }
        }
    }

    private static func delete(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("connection")
        let precondition = try Precondition(call.request.headers)
        return .later { waiting in
            call.services.store.write { transaction throws(StoreError) in
                let current = try transaction.connection(name)?.version
                try transaction.deleteConnection(name, expecting: precondition.expectation(current))
            } completion: { result in
                waiting.finish { () throws(Problem) in
                    try result.orProblem()
                    return Answer(204)
                }
            }
        }
    }

    private static func test(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("connection")
        try RequestBody(try call.document(), called: "a test", keys: []).check()
        return .later { waiting in
            call.services.engine.testConnection(name) { result in
                waiting.finish { () throws(Problem) in
                    let tables = try result.orProblem()
                    return .json(
                        .object(["connection": .string(name), "tables": .array(tables.map(\.wire))]))
                }
            }
        }
    }

    private static func unknown(_ name: String) -> Problem {
        Problem(
            Failure(
                .unknownConnection, "there is no connection \(name)",
                hint: "PUT /v1/connections/\(name) makes it; GET /v1/connections lists those that are there"))
    }
}

extension DocumentNode {
    /// The same mapping without `keys`: what an answer adds to a document and a client may send back.
    func without(_ keys: [String]) -> DocumentNode {
        guard case .mapping(let members) = content else { return self }
        return DocumentNode(.mapping(members.filter { !keys.contains($0.key) }), at: mark)
    }
}

extension Result where Failure == StoreError {
    /// The value, or the problem that the error is.
    @discardableResult
    func orProblem() throws(Problem) -> Success {
        do throws(StoreError) { return try get() } catch { throw Problem(error) }
    }
}

extension Result where Failure == Model.Failure {
    /// The value, or the problem that the failure is.
    @discardableResult
    func orProblem() throws(Problem) -> Success {
        do throws(Model.Failure) { return try get() } catch { throw Problem(error) }
    }
}
