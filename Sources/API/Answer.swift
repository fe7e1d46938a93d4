internal import HTTPServer
internal import Model

/// An answer before it is written out.
struct Answer: Sendable {
    /// What stands in the body.
    enum Body: Sendable {
        case none
        case json(JSONValue)
        case bytes([UInt8])
    }

    /// The status code.
    var status: Int
    /// The header fields, those that every answer has aside.
    var headers: [(name: String, value: String)]
    /// The body.
    var body: Body

    /// Makes an answer.
    init(_ status: Int, _ body: Body = .none, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.body = body
        self.headers = headers
    }

    /// A JSON answer of status 200.
    static func json(_ value: JSONValue, headers: [(name: String, value: String)] = []) -> Answer {
        Answer(200, .json(value), headers: headers)
    }

    /// The same answer where it shows what was just made, at `place`.
    func created(_ place: String) -> Answer {
        Answer(201, body, headers: headers + [("Location", place)])
    }

    /// The answer as the server sends it; its JSON is indented when `pretty`.
    func response(pretty: Bool) -> Response {
        var response = Response(status: status, headers: headers)
        switch body {
        case .none: break
        case .bytes(let bytes): response.body = bytes
        case .json(let value):
            response.body = Array((value.text(pretty: pretty) + "\n").utf8)
            if response.header("Content-Type") == nil {
                response.headers.insert(("Content-Type", "application/json"), at: 0)
            }
        }
        SecurityHeaders.add(to: &response)
        return response
    }
}
