internal import Engine
internal import HTTPServer
internal import Model

/// Captures: tables of a connection that record their own changes.
enum CaptureRoutes {
    private static let all = "/v1/connections/{connection}/captures"

    /// The operations on captures.
    static let endpoints = [
        Endpoint(.get, all, "list_captures") { call throws(Problem) in try list(call) },
        Endpoint(.put, all + "/{table}", "put_capture") { call throws(Problem) in try put(call) },
        Endpoint(.delete, all + "/{table}", "delete_capture") { call throws(Problem) in try delete(call) },
        Endpoint(.delete, all + "/{table}/consumers/{consumer}", "delete_capture_consumer") { call throws(Problem) in
            try forget(call)
        },
    ]

    private static func list(_ call: Call) throws(Problem) -> Outcome {
        let connection = try call.name("connection")
        return .later { waiting in
            call.services.engine.captures(connection) { result in
                waiting.finish { () throws(Problem) in
                    .json(.object(["captures": .array(try result.orProblem().map { $0.wire(connection) })]))
                }
            }
        }
    }

    private static func put(_ call: Call) throws(Problem) -> Outcome {
        let connection = try call.name("connection")
        let table = call.request.parameters["table"] ?? ""
        try RequestBody(try call.document(), called: "a capture", keys: []).check()
        return .later { waiting in
            call.services.engine.installCapture(connection, table: table) { result in
                waiting.finish { () throws(Problem) in .json(try result.orProblem().wire(connection)) }
            }
        }
    }

    private static func forget(_ call: Call) throws(Problem) -> Outcome {
        let connection = try call.name("connection")
        let table = call.request.parameters["table"] ?? ""
        let consumer = call.request.parameters["consumer"] ?? ""
        return .later { waiting in
            call.services.engine.forgetConsumer(consumer, of: table, connection) { result in
                waiting.finish { () throws(Problem) in
                    try result.orProblem()
                    return Answer(204)
                }
            }
        }
    }

    private static func delete(_ call: Call) throws(Problem) -> Outcome {
        let connection = try call.name("connection")
        let table = call.request.parameters["table"] ?? ""
        return .later { waiting in
            call.services.engine.removeCapture(connection, table: table) { result in
                waiting.finish { () throws(Problem) in
                    try result.orProblem()
                    return Answer(204)
                }
            }
        }
    }
}
