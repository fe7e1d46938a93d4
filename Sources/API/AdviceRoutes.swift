internal import Engine
internal import HTTPServer
internal import Model

/// Advice: how to load a table.
enum AdviceRoutes {
    /// The operations on advice.
    static let endpoints = [
        Endpoint(.post, "/v1/advise", "advise", keys: .kept) { call throws(Problem) in try advise(call) }
    ]

    private static func advise(_ call: Call) throws(Problem) -> Outcome {
        var body = try RequestBody(
            try call.requiredDocument("{\"connection\": \"shop\", \"table\": \"orders\"}"),
            called: "a request for advice",
            keys: ["connection", "table", "destination"])
        let connection = body.requiredText("connection")
        let table = body.requiredText("table")
        let destination = body.text("destination")
        try body.check()
        let request = AdviceRequest(connection: connection, table: table, destination: destination)
        return .later { waiting in
            call.services.engine.advise(request) { result in
                waiting.finish { () throws(Problem) in .json(try result.orProblem().wire) }
            }
        }
    }
}

extension RequestBody {
    /// A text that must be there and not be empty.
    fileprivate mutating func requiredText(_ key: String) -> String {
        let text = text(key)
        if value(key) == nil || text == "" { refuse(key, "`\(key)` is missing or empty") }
        return text ?? ""
    }
}
