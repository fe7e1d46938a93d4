import HTTPServer
import Platform
import Testing

/// Ordinary requests over a live server.
@Suite struct ExchangeTests {
    let server: LiveServer

    init() throws { server = try LiveServer() }

    private func ask(_ line: String, _ headers: String = "", body: String = "") throws -> Wire.Answer {
        let wire = Wire(port: server.port)
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        wire.send("\(line) HTTP/1.1\r\nHost: localhost\r\n\(headers)\(length)\r\n\(body)")
        return try #require(wire.answer(toHead: line.hasPrefix("HEAD")))
    }

    @Test func keepsAnEscapedSlashInItsSegment() throws {
        #expect(try ask("GET /items/a%2Fb").body == "a/b")
        #expect(try ask("GET /items/a%252Fb").body == "a%2Fb")
        #expect(try ask("GET /items/%C3%BC%20+").body == "ü +")
        #expect(try ask("GET /items/ü").body == "ü")
    }

    @Test func decodesTheQuery() throws {
        #expect(try ask("GET /query?a=1&b=x%26y+z&c&=e&a=2&d=p=q").body == "a=1|b=x&y z|c=|=e|a=2|d=p=q")
    }

    @Test func namesTheAllowedMethods() throws {
        let answer = try ask("POST /items/a")
        #expect(answer.status == 405)
        #expect(answer.header("Allow") == "GET, HEAD, PUT")
    }

    @Test func answersHeadLikeGetWithoutTheBody() throws {
        let wire = Wire(port: server.port)
        wire.send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\nGET /items/next HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let head = try #require(wire.answer(toHead: true))
        #expect(head.status == 200)
        #expect(head.header("Content-Length") == "5")
        #expect(wire.answer()?.body == "next")
    }

    @Test func answersHeadOfARefusalWithoutTheBody() throws {
        let wire = Wire(port: server.port)
        wire.send("HEAD /nothing HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(wire.answer(toHead: true)?.status == 404)
        #expect(wire.answer()?.body == "hello")
    }

    @Test func answersPipelinedRequestsInOrder() throws {
        let wire = Wire(port: server.port)
        let bodies = (0..<50).map { "body-\($0)" }
        wire.send(
            bodies.map { "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: \($0.utf8.count)\r\n\r\n\($0)" }
                .joined())
        for body in bodies { #expect(wire.answer()?.body == body) }
    }

    @Test func readsARequestThatComesByteByByte() throws {
        let wire = Wire(port: server.port)
        for byte in "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            .utf8
        {
            wire.send([byte])
        }
        #expect(wire.answer()?.body == "abc")
    }

    @Test func keepsTheConnectionAfterARefusalWithAShortBody() throws {
        let wire = Wire(port: server.port)
        let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for line in ["POST /nothing", "PATCH /hello"] {
            wire.send("\(line) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
            #expect((wire.answer()?.status ?? 0) >= 400)
        }
        wire.send(hello)
        #expect(wire.answer()?.body == "hello")
    }

    @Test func givesLeaveToSendABodyItWants() throws {
        let wire = Wire(port: server.port)
        wire.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(wire.answer()?.status == 100)
        wire.send("abc")
        #expect(wire.answer()?.body == "abc")
    }

    @Test(arguments: [("POST /echo", 413, 5_000), ("POST /nothing", 404, 3), ("PUT /hello", 405, 3)])
    func refusesWithoutAskingForTheBody(_ line: String, _ status: Int, _ length: Int) throws {
        let wire = Wire(port: server.port)
        wire.send("\(line) HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: \(length)\r\n\r\n")
        let answer = try #require(wire.answer())
        #expect(answer.status == status)
        #expect(answer.header("Connection") == "close")
        #expect(wire.endsByItself())
    }

    @Test func takesABodyUpToTheLimit() throws {
        let body = String(repeating: "a", count: Limits.requestBodyBytes)
        #expect(try ask("POST /large", body: body).body == "\(body.utf8.count)")
    }

    @Test func answersTooLargeToAClientThatSendsItAllFirst() throws {
        let wire = Wire(port: server.port)
        let count = 8 << 20
        wire.send("POST /large HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(count)\r\n\r\n")
        let isSent = wire.send([UInt8](repeating: 97, count: count))
        #expect(isSent)
        #expect(wire.answer()?.status == 413)
        #expect(wire.endsByItself())
    }

    @Test func cutsAnEndlessChunkedBody() throws {
        let wire = Wire(port: server.port)
        wire.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 97, count: 1 << 16) + Array("\r\n".utf8)
        var chunks = 0
        while wire.send(chunk), chunks < 10_000 { chunks += 1 }
        #expect(chunks < 1_000)
        #expect(server.logged("path=/echo", "end=cut") != nil)
    }

    @Test func takesAShortTokenAsTheRequestIdentifier() throws {
        let answer = try ask("GET /hello", "X-Request-Id: my-request.7\r\n")
        #expect(answer.header("X-Request-Id") == "my-request.7")
        #expect(server.logged("request=my-request.7", "status=200", "path=/hello", "bytes=5", "end=sent") != nil)
    }

    @Test(arguments: ["has space", "a\"b", "", String(repeating: "a", count: 65), "ü"])
    func replacesAnyOtherRequestIdentifier(_ identifier: String) throws {
        let answer = try ask("GET /hello", "X-Request-Id: \(identifier)\r\n")
        #expect(answer.header("X-Request-Id")?.utf8.count == 26)
    }

    @Test func leavesTheQueryOutOfTheLog() throws {
        _ = try ask("GET /query?token=secret", "X-Request-Id: quiet\r\n")
        let line = try #require(server.logged("request=quiet"))
        #expect(!line.contains("secret"))
    }

    @Test func dropsAHeaderThatWouldSplitTheAnswer() throws {
        let answer = try ask("GET /bad-header")
        #expect(answer.header("X-A") == nil)
        #expect(answer.header("X-B") == nil)
        #expect(answer.header("X-C") == "c")
        #expect(server.logged("a header of an answer was dropped") != nil)
    }

    @Test func answersAnImpossibleStatusAsAnErrorOfTheServer() throws {
        #expect(try ask("GET /bad-status").status == 500)
    }

    @Test func sendsNoBodyWithStatus204() throws {
        let wire = Wire(port: server.port)
        wire.send("PUT /items/a HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(wire.answer(toHead: true)?.status == 204)
        #expect(wire.answer()?.body == "hello")
    }

    @Test(arguments: [
        ("Origin: http://evil.example\r\n", 403), ("Origin: null\r\n", 403), ("Origin: http://localhost\r\n", 200),
        ("Origin: https://localhost\r\n", 200), ("Origin: http://localhost:81\r\n", 403), ("", 200),
        ("Sec-Fetch-Site: same-origin\r\n", 200), ("Sec-Fetch-Site: none\r\n", 200),
        ("Sec-Fetch-Site: same-site\r\n", 403), ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.example\r\n", 200),
        ("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\nOrigin: http://localhost\r\n", 403),
        ("Origin: http://localhost\r\nOrigin: http://evil.example\r\n", 403),
        ("Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://evil.example\r\n", 403),
    ])
    func stopsWhatAnotherSiteSends(_ headers: String, _ status: Int) throws {
        #expect(try ask("POST /echo", headers, body: "{}").status == status)
        #expect(try ask("GET /hello", headers).status == 200)
    }

    @Test func answersForAddedHostsOnly() throws {
        let server = try LiveServer { $0.allowedHosts = ["Strandline.example", "proxy.example:8443"] }
        for (host, status) in [
            ("strandline.example", 200), ("strandline.example:80", 200), ("proxy.example:8443", 200),
            ("proxy.example", 421), ("other.example", 421), ("localhost", 200),
        ] {
            let wire = Wire(port: server.port)
            wire.send("GET /hello HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(wire.answer()?.status == status, "\(host)")
        }
    }
}
