import Testing

/// What the server makes of requests that are malformed, odd or hostile, one connection for each.
@Suite struct StrictnessTests {
    struct Probe: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: String
        /// The statuses that are right; 0 stands for a connection closed without an answer.
        let statuses: [Int]
        /// Whether the server must close the connection after its answer; nil where either is right.
        let closes: Bool?
        var testDescription: String { name }

        init(_ name: String, _ bytes: String, _ statuses: Int..., closes: Bool? = nil) {
            self.name = name
            self.bytes = bytes
            self.statuses = statuses
            self.closes = closes
        }
    }

    static let host = "Host: localhost\r\n"
    static let end = "\r\n\r\n"

    /// Request lines and targets.
    static let targets: [Probe] = [
        Probe("plain", "GET /hello HTTP/1.1\r\n\(host)\r\n", 200, closes: false),
        Probe("version 1.0", "GET /hello HTTP/1.0\r\n\(host)\r\n", 200, closes: true),
        Probe("version 1.0 kept", "GET /hello HTTP/1.0\r\n\(host)Connection: keep-alive\r\n\r\n", 200),
        Probe("asks to close", "GET /hello HTTP/1.1\r\n\(host)Connection: close\r\n\r\n", 200, closes: true),
        Probe("empty line first", "\r\nGET /hello HTTP/1.1\r\n\(host)\r\n", 200),
        Probe("bare line feeds", "GET /hello HTTP/1.1\nHost: localhost\n\n", 200),
        Probe("version 1.9", "GET /hello HTTP/1.9\r\n\(host)\r\n", 505, closes: true),
        Probe("version 2.0", "GET /hello HTTP/2.0\r\n\(host)\r\n", 505, closes: true),
        Probe("version 0.9", "GET /hello\r\n\r\n", 400, 505, 0, closes: true),
        Probe("small version", "GET /hello http/1.1\r\n\(host)\r\n", 400, 505, 0, closes: true),
        Probe("no protocol", "hello world\r\n\r\n", 400, 505, 0, closes: true),
        Probe("TLS hello", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n", 400, 505, 0, closes: true),
        Probe("space in target", "GET /he llo HTTP/1.1\r\n\(host)\r\n", 400, 0),
        Probe("two spaces", "GET  /hello HTTP/1.1\r\n\(host)\r\n", 200, 400, 0),
        Probe("tab in target", "GET /he\tllo HTTP/1.1\r\n\(host)\r\n", 400, 0),
        Probe("NUL in target", "GET /hello\0x HTTP/1.1\r\n\(host)\r\n", 400, closes: true),
        Probe("%00 in target", "GET /hello%00x HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("%00 in query", "GET /query?a=%00 HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("short escape", "GET /hello%2 HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("wrong escape", "GET /hello%zz HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("escape is no UTF-8", "GET /hello%ff HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("overlong slash", "GET /items/%c0%af HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("query is no UTF-8", "GET /query?a=%e2%28%a1 HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("fragment", "GET /hello#part HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("dot segments", "GET /items/../hello HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("escaped dot segments", "GET /files/%2e%2e/%2E%2E/etc/passwd HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("absolute form", "GET http://localhost/hello HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("authority form", "CONNECT localhost:80 HTTP/1.1\r\n\(host)\r\n", 400, 501),
        Probe("asterisk form", "OPTIONS * HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("no leading slash", "GET hello HTTP/1.1\r\n\(host)\r\n", 400),
        Probe("unknown path", "GET /nothing HTTP/1.1\r\n\(host)\r\n", 404, closes: false),
        Probe("doubled slash", "GET //hello HTTP/1.1\r\n\(host)\r\n", 404),
        Probe("trailing slash", "GET /hello/ HTTP/1.1\r\n\(host)\r\n", 404),
        Probe(
            "target over the memory bound", "GET /\(String(repeating: "a", count: 40_000)) HTTP/1.1\r\n\(host)\r\n",
            414, 431, 413, closes: true),
    ]

    /// Methods.
    static let methods: [Probe] = [
        Probe("wrong method", "DELETE /hello HTTP/1.1\r\n\(host)\r\n", 405, closes: false),
        Probe("options", "OPTIONS /hello HTTP/1.1\r\n\(host)\r\n", 405),
        Probe("unknown method", "BREW /hello HTTP/1.1\r\n\(host)\r\n", 501),
        Probe("trace", "TRACE /hello HTTP/1.1\r\n\(host)\r\n", 501),
        Probe("small letters", "get /hello HTTP/1.1\r\n\(host)\r\n", 501),
        Probe("method is no token", "G<ET /hello HTTP/1.1\r\n\(host)\r\n", 400, closes: true),
        Probe("method with a colon", "GET: /hello HTTP/1.1\r\n\(host)\r\n", 400, closes: true),
        Probe("long method", "\(String(repeating: "A", count: 5_000)) /hello HTTP/1.1\r\n\(host)\r\n", 501),
    ]

    /// Header fields and hosts.
    static let headers: [Probe] = [
        Probe("no host", "GET /hello HTTP/1.1\r\n\r\n", 400),
        Probe("no host in 1.0", "GET /hello HTTP/1.0\r\n\r\n", 400),
        Probe("two hosts", "GET /hello HTTP/1.1\r\n\(host)\(host)\r\n", 400),
        Probe("two different hosts", "GET /hello HTTP/1.1\r\n\(host)Host: evil.example\r\n\r\n", 400),
        Probe("empty host", "GET /hello HTTP/1.1\r\nHost:\r\n\r\n", 400),
        Probe("foreign host", "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        Probe("foreign host with our name", "GET /hello HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421),
        Probe("host with a user", "GET /hello HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", 400),
        Probe("host with a bad port", "GET /hello HTTP/1.1\r\nHost: localhost:http\r\n\r\n", 400),
        Probe("host with a list", "GET /hello HTTP/1.1\r\nHost: localhost, localhost\r\n\r\n", 400),
        Probe("host with a port", "GET /hello HTTP/1.1\r\nHost: LOCALHOST:9999\r\n\r\n", 200),
        Probe("version 6 host", "GET /hello HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
        Probe("white space around a value", "GET /hello HTTP/1.1\r\nHost: \t localhost \t \r\n\r\n", 200),
        Probe("space before the colon", "GET /hello HTTP/1.1\r\n\(host)X-A : a\r\n\r\n", 400, closes: true),
        Probe(
            "length with a space before the colon",
            "POST /echo HTTP/1.1\r\n\(host)Content-Length : 3\r\n\r\nabc", 400, closes: true),
        Probe("empty name", "GET /hello HTTP/1.1\r\n\(host): a\r\n\r\n", 400, closes: true),
        Probe("no colon", "GET /hello HTTP/1.1\r\n\(host)nothing\r\n\r\n", 400, closes: true),
        Probe("brackets in a name", "GET /hello HTTP/1.1\r\n\(host)X[a]: a\r\n\r\n", 400, closes: true),
        Probe("folded line", "GET /hello HTTP/1.1\r\n\(host)X-A: a\r\n b\r\n\r\n", 400, closes: true),
        Probe("space before the first header", "GET /hello HTTP/1.1\r\n \(host)\r\n", 400, closes: true),
        Probe("NUL in a value", "GET /hello HTTP/1.1\r\n\(host)X-A: a\0b\r\nX-B: b\r\n\r\n", 400, closes: true),
        Probe("NUL in the last value", "GET /hello HTTP/1.1\r\n\(host)X-A: a\0b\r\n\r\n", 400, closes: true),
        Probe("NUL in the host", "GET /hello HTTP/1.1\r\nHost: localhost\0.evil.example\r\n\r\n", 400, closes: true),
        Probe("NUL in a name", "GET /hello HTTP/1.1\r\n\(host)X-\0A: a\r\n\r\n", 400, closes: true),
        Probe("escape character in a value", "GET /hello HTTP/1.1\r\n\(host)X-A: \u{1B}[0m\r\n\r\n", 400, closes: true),
        Probe("text in UTF-8", "GET /hello HTTP/1.1\r\n\(host)X-A: Grüße\r\n\r\n", 200),
        Probe("unknown expectation", "POST /echo HTTP/1.1\r\n\(host)Expect: tea\r\nContent-Length: 3\r\n\r\nabc", 417),
        Probe(
            "large legal head",
            "GET /hello HTTP/1.1\r\n\(host)\((0..<40).map { "X-\($0): \(String(repeating: "v", count: 200))\r\n" }.joined())\r\n",
            200),
        Probe(
            "head over the memory bound",
            "GET /hello HTTP/1.1\r\n\(host)\((0..<2_000).map { "X-\($0): aaaaaaaaaaaa\r\n" }.joined())\r\n",
            431, 413, closes: true),
    ]

    /// Bodies and where they end.
    static let bodies: [Probe] = [
        Probe("body", "POST /echo HTTP/1.1\r\n\(host)Content-Length: 3\r\n\r\nabc", 200, closes: false),
        Probe("no body", "POST /echo HTTP/1.1\r\n\(host)\r\n", 200, closes: false),
        Probe("chunks", "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200),
        Probe(
            "chunks in capitals",
            "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200),
        Probe(
            "chunks with a trailer",
            "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-A: a\r\n\r\n", 200),
        Probe(
            "bad chunk length",
            "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", 400, 0,
            closes: true),
        Probe(
            "two equal lengths",
            "POST /echo HTTP/1.1\r\n\(host)Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, closes: true),
        Probe(
            "two different lengths",
            "POST /echo HTTP/1.1\r\n\(host)Content-Length: 3\r\nContent-Length: 10\r\n\r\nabcdefghij", 400, closes: true
        ),
        Probe("length list", "POST /echo HTTP/1.1\r\n\(host)Content-Length: 3, 3\r\n\r\nabc", 400, 413, closes: true),
        Probe("signed length", "POST /echo HTTP/1.1\r\n\(host)Content-Length: +3\r\n\r\nabc", 400, 413, closes: true),
        Probe("negative length", "POST /echo HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n", 400, 413, closes: true),
        Probe("empty length", "POST /echo HTTP/1.1\r\n\(host)Content-Length:\r\n\r\n", 400, 413, closes: true),
        Probe(
            "huge length",
            "POST /echo HTTP/1.1\r\n\(host)Content-Length: 99999999999999999999999\r\n\r\n", 400, 413, closes: true),
        Probe(
            "length and chunks",
            "POST /echo HTTP/1.1\r\n\(host)Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            400, closes: true),
        Probe(
            "unknown coding", "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\nabc", 501, closes: true),
        Probe(
            "two codings",
            "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, closes: true),
        Probe(
            "two coding headers",
            "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400, closes: true),
        Probe(
            "identity and chunks",
            "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400, closes: true),
        Probe(
            "coding in 1.0",
            "POST /echo HTTP/1.0\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, closes: true),
        Probe(
            "announced too long, not sent", "POST /echo HTTP/1.1\r\n\(host)Content-Length: 1001\r\n\r\n", 413,
            closes: true),
        Probe(
            "announced far too long",
            "POST /large HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 9000000000\r\n\r\n", 413,
            closes: true),
        Probe(
            "chunks too long",
            "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n400\r\n\(String(repeating: "a", count: 1_024))\r\n0\r\n\r\n",
            413),
        Probe(
            "exactly the limit",
            "POST /echo HTTP/1.1\r\n\(host)Content-Length: 1000\r\n\r\n\(String(repeating: "a", count: 1_000))", 200),
        Probe(
            "other type", "POST /echo HTTP/1.1\r\n\(host)Content-Type: image/png\r\nContent-Length: 3\r\n\r\nabc", 415),
        Probe(
            "plain text", "POST /echo HTTP/1.1\r\n\(host)Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc", 415),
        Probe(
            "other type in chunks",
            "POST /echo HTTP/1.1\r\n\(host)Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 415,
            closes: true),
        Probe("other type without a body", "POST /echo HTTP/1.1\r\n\(host)Content-Type: image/png\r\n\r\n", 200),
        Probe(
            "JSON",
            "POST /echo HTTP/1.1\r\n\(host)Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
            200),
        Probe(
            "curl's own type",
            "POST /echo HTTP/1.1\r\n\(host)Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n\r\n{}",
            200),
        Probe("body on GET", "GET /hello HTTP/1.1\r\n\(host)Content-Length: 3\r\n\r\nabc", 200, closes: false),
    ]

    @Test(arguments: targets + methods + headers + bodies)
    func answersEachProbeAsItShould(_ probe: Probe) throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        wire.send(probe.bytes)
        if probe.statuses.contains(0) { wire.finishSending() }
        let answer = wire.answer()
        #expect(
            probe.statuses.contains(answer?.status ?? 0), "\(probe.name): \(answer?.status ?? 0) \(answer?.body ?? "")")
        if probe.closes == true { #expect(wire.endsByItself(), "\(probe.name) must close") }
        if probe.closes == false {
            wire.send("GET /hello HTTP/1.1\r\n\(StrictnessTests.host)\r\n")
            #expect(wire.answer()?.body == "hello", "\(probe.name) must keep the connection")
        }
    }

    @Test func neverServesWhatWasSmuggledInABody() throws {
        let server = try LiveServer()
        let smuggled = "GET /items/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for framing in [
            "Content-Length: 0\r\nContent-Length: \(smuggled.utf8.count)", "Content-Length : \(smuggled.utf8.count)",
            "Content-Length: \(smuggled.utf8.count)\r\nTransfer-Encoding: chunked", "Transfer-Encoding: xchunked",
        ] {
            let wire = Wire(port: server.port)
            wire.send("POST /echo HTTP/1.1\r\nHost: localhost\r\n\(framing)\r\n\r\n0\r\n\r\n\(smuggled)")
            #expect((wire.answer()?.status ?? 0) >= 400)
            #expect(wire.endsByItself())
        }
        #expect(server.lines(with: "/items/smuggled").isEmpty)
    }
}
