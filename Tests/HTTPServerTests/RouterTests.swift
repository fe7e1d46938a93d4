import HTTPServer
import Testing

@Suite struct RouterTests {
    private func router(_ patterns: (HTTPServer.Method, String)...) -> Router {
        Router(
            routes: patterns.map { method, pattern in
                Route(method, pattern, name: pattern, bodyLimit: 10) { request in
                    let values = request.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                    return .now(.text("\(pattern) \(values.joined(separator: ","))"))
                }
            })
    }

    private func answer(_ router: Router, _ request: Request) throws -> Response {
        guard case .now(let response) = router.reply(to: request) else {
            throw HTTPError.unanswered
        }
        return response
    }

    private func text(_ response: Response) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test(arguments: [
        ("/", "/ "), ("/v1/runs", "/v1/runs "), ("/v1/runs/7", "/v1/runs/{run} run=7"),
        ("/v1/runs/7/cancel", "/v1/runs/{run}/cancel run=7"), ("/v1/runs/latest", "/v1/runs/latest "),
        ("/a/b/c", "/{path...} path=a/b/c"), ("/v1/other", "/{path...} path=v1/other"),
        ("/v1/runs/a%2Fb", "/v1/runs/{run} run=a/b"), ("/v1/runs/", "/{path...} path=v1/runs/"),
    ])
    func prefersTheNarrowestPattern(_ target: String, _ expected: String) throws {
        let router = router(
            (.get, "/{path...}"), (.get, "/v1/runs/{run}"), (.get, "/v1/runs/latest"), (.get, "/v1/runs"),
            (.get, "/v1/runs/{run}/cancel"), (.get, "/"))
        #expect(text(try answer(router, Request(.get, target))) == expected)
        #expect(router.routes.count == 6)
    }

    @Test func doesNotFallThroughToAWiderPattern() throws {
        let router = router((.get, "/{path...}"), (.post, "/v1/runs"), (.delete, "/v1/runs"))
        let response = try answer(router, Request(.get, "/v1/runs"))
        #expect(response.status == 405)
        #expect(response.header("allow") == "POST, DELETE")
    }

    @Test func checksBodiesAsTheServerDoes() throws {
        let router = router((.post, "/a"))
        let long = try Request(.post, "/a", body: [UInt8](repeating: 1, count: 11))
        #expect(try answer(router, long).status == 413)
        let image = try Request(.post, "/a", headers: ["content-type": "image/png"], body: [1])
        #expect(try answer(router, image).status == 415)
        #expect(try answer(router, Request(.post, "/a", body: [1])).status == 200)
        #expect(try answer(router, Request(.get, "/b")).status == 404)
    }

    @Test(arguments: ["a", "", "/a%", "/a%4", "/a%00", "/%ff", "/a b", "/a#b", "/../a", "/%2e", "/a?b=%zz"])
    func refusesABadTarget(_ target: String) {
        #expect(throws: HTTPError.self) { try Request(.get, target) }
    }

    @Test func keepsTheErrorsStatusWhateverThePageSays() throws {
        struct Odd: ErrorPages {
            func response(for error: HTTPError, to head: RequestHead) -> Response { .text(error.code) }
        }
        let router = Router(routes: [], errors: Odd())
        let response = try answer(router, Request(.get, "/a"))
        #expect(response.status == 404)
        #expect(text(response) == "not_found")
    }

    @Test func neverMixesEscapesAndSegments() throws {
        // Every path of these pieces splits only where a plain slash stands, whatever the escapes.
        let pieces = ["a", "%2F", "%2f", "%252F", "%3F", "+", "%C3%A9", "..a", "%25"]
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(state: seed)
        for _ in 0..<2_000 {
            let segments = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                (0..<Int.random(in: 1...3, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "a" }
                    .joined()
            }
            let target = "/" + segments.joined(separator: "/")
            let request = try Request(.get, target)
            #expect(request.segments.count == segments.count, "\(target), seed \(seed)")
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
