import Testing

@testable import HTTPServer

/// The checks of a head, with no server and no thread.
@Suite struct AdmissionTests {
    private let router = Router(routes: [
        Route(.get, "/hello", name: "hello") { _ in .now(.empty(204)) },
        Route(.post, "/work", name: "work") { _ in .now(.empty(204)) },
        Route(.get, "/healthz", name: "health", answersUnderLoad: true) { _ in .now(.empty(204)) },
    ])

    private func refusal(
        _ method: String, _ target: String, host: String = "localhost", overloaded: Bool = false,
        draining: Bool = false
    ) -> HTTPError? {
        let raw = RawHead(
            method: Array(method.utf8), target: Array(target.utf8), version: "HTTP/1.1",
            fields: [(Array("Host".utf8), Array(host.utf8))], isWhole: true)
        do throws(HTTPError) {
            let (headers, framing) = try raw.framed()
            _ = try Admission(
                raw, headers, framing, router: router, hosts: HostRule(address: "::1", names: ["a.example"]),
                conditions: Admission.Conditions(isDraining: draining, isOverloaded: overloaded))
            return nil
        } catch {
            return error
        }
    }

    @Test func servesHealthChecksOnlyAboveTheBoundOnConnections() {
        #expect(refusal("GET", "/hello", overloaded: true) == .overloaded)
        #expect(refusal("GET", "/nothing", overloaded: true) == .overloaded)
        #expect(refusal("GET", "/healthz", overloaded: true) == nil)
    }

    @Test func takesNoUnsafeMethodWhileDraining() {
        #expect(refusal("POST", "/work", draining: true) == .draining)
        #expect(refusal("GET", "/hello", draining: true) == nil)
        #expect(refusal("POST", "/work") == nil)
    }

    @Test func tellsAStrangerNothingAboutRoutes() {
        #expect(refusal("GET", "/nothing", host: "evil.example") == .misdirected(host: "evil.example"))
        #expect(refusal("BREW", "/hello", host: "evil.example") == .misdirected(host: "evil.example"))
    }

    @Test(arguments: [
        ("localhost", true), ("localhost:1", true), ("a.example", true), ("A.EXAMPLE:443", true), ("[::1]", true),
        ("[::1]:8080", true), ("127.0.0.1:8080", true), ("b.a.example", false), ("a.example.", false),
        ("127.0.0.2", false), ("0.0.0.0", false),
    ])
    func answersForItsHostsOnly(_ host: String, _ isAllowed: Bool) {
        #expect((refusal("GET", "/hello", host: host) == nil) == isAllowed)
    }

    @Test(arguments: [
        "", ":80", "a:", "a:b", "a:123456", "a:70000", "[::1", "[]", "[x]:1", "a b", "a/b", "a,b", "a@b", "[::1]x", "é",
    ])
    func refusesAHostThatIsNone(_ host: String) {
        guard case .badRequest = refusal("GET", "/hello", host: host) else {
            Issue.record("\(host) was taken")
            return
        }
    }

    @Test(arguments: [
        HTTPError.badRequest("a."), .crossSite("a."), .notFound, .methodNotAllowed(allow: [.get]),
        .bodyTooLarge(limit: 1), .unsupportedMediaType(given: "a", accepted: ["b"]), .expectationFailed("a"),
        .misdirected(host: "a"), .unanswered, .notImplemented("a."), .draining, .overloaded, .timedOut,
        .versionNotSupported("a"),
    ])
    func writesAPageForEachRefusal(_ error: HTTPError) {
        let response = PlainErrorPages().page(for: error, to: RequestHead(method: "GET", target: "/"))
        #expect(response.status == error.status)
        #expect((400...599).contains(response.status))
        #expect(error.detail.hasSuffix("."))
        #expect(!error.code.contains(" "))
        #expect((response.header("Retry-After") != nil) == (error.status == 503))
    }
}
