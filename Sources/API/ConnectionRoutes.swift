internal import Engine
internal import HTTPServer
internal import Model
internal import Store

/// Connections: where data lives.
enum ConnectionRoutes {
    /// The operations on connections.
    static let endpoints =
        definitions.endpoints + [
            Endpoint(.post, "/v1/connections/{connection}/test", "test_connection") { call throws(Problem) in
                try test(call)
            }
        ]

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

    private static let definitions = DefinitionRoutes(
        noun: "connection", example: "{\"type\": \"sqlite\", \"path\": \"shop.db\"}", unknown: .unknownConnection
    ) { node, name throws(DocumentFailures) in
        try DocumentDecoder.connection(node, name: name).json
    } list: { session, page throws(StoreError) in
        try session.connections(page)
    } read: { session, name throws(StoreError) in
        try session.connection(name)
    } put: { transaction, name, definition, expectation throws(StoreError) in
        try transaction.putConnection(name, definition: definition, expecting: expectation)
    } delete: { transaction, name, expectation throws(StoreError) in
        try transaction.deleteConnection(name, expecting: expectation)
    } changed: { engine, name in
        engine.connectionChanged(name)
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
