import Glibc
import HTTPClient
import HTTPServer
import Platform
import Testing

@Suite struct HTTPClientTests {
    /// A server that says what it was asked.
    private final class Echo: Sendable {
        let listener: Listener
        let held = Monitor([Responder]())

        init() throws {
            let held = self.held
            let show: Route.Handler = { request in
                let type = request.headers["Content-Type"] ?? "none"
                let own = request.headers["X-Own"] ?? "none"
                let text = "\(request.method.rawValue) \(request.rawTarget) \(type) \(own) "
                return .now(
                    Response(status: 200, headers: [("X-A", "a")], body: Array(text.utf8) + request.body))
            }
            var routes = [HTTPServer.Method.get, .put, .post, .delete, .patch].map {
                Route($0, "/echo/{path...}", name: "echo", acceptedTypes: nil, handler: show)
            }
            routes += [
                Route(.get, "/redirect", name: "redirect") { _ in
                    .now(Response(status: 302, headers: [("Location", "file:///etc/passwd")]))
                },
                Route(.get, "/large", name: "large") { _ in
                    .now(Response(status: 200, body: [UInt8](repeating: 120, count: Limits.clientAnswerBytes + 1)))
                },
                Route(.get, "/stream", name: "stream") { request in
                    let ends = request.query["ends"] != nil
                    return .stream(
                        StreamedResponse(head: .empty(200), beat: .seconds(60)) { _ in Numbers(ends: ends) })
                },
                Route(.get, "/held", name: "held") { _ in
                    .later { responder in held.update { $0.append(responder) } }
                },
            ]
            var configuration = ServerConfiguration()
            configuration.port = 0
            listener = try Listener(configuration, router: Router(routes: routes), log: Log { _ in })
            try listener.start()
        }

        deinit { listener.stop(within: .zero) }

        var client: HTTPClient { HTTPClient(server: "http://127.0.0.1:\(listener.port)") }
    }

    /// Says 0 to 9, a line each, and then ends or says nothing.
    private final class Numbers: StreamSource {
        private let next = Monitor(0)
        private let ends: Bool

        init(ends: Bool) { self.ends = ends }

        func read(into buffer: UnsafeMutableRawBufferPointer, onBeat: Bool) -> StreamPart {
            next.update { next in
                guard next < 10 else { return ends ? .end : .nothing }
                buffer.copyBytes(from: [UInt8(0x30 + next), 0x0A])
                next += 1
                return .bytes(2)
            }
        }

        func end() {}
    }

    @Test func handsAStreamOnAsItComes() throws {
        let echo = try Echo()
        var text = ""
        let whole = try echo.client.stream("/stream?ends", silence: .seconds(20), isStopped: { false }) { bytes in
            text += String(decoding: bytes, as: UTF8.self)
            return true
        }
        #expect(whole.status == 200)
        #expect(whole.body.isEmpty)
        #expect(text == "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n")
        text = ""
        let enough = try echo.client.stream("/stream", silence: .seconds(20), isStopped: { false }) { bytes in
            text += String(decoding: bytes, as: UTF8.self)
            return !text.contains("9")
        }
        #expect(enough.status == 200)
        let refused = try echo.client.stream("/nothing", silence: .seconds(20), isStopped: { false }) { _ in false }
        #expect(refused.status == 404)
        #expect(!refused.body.isEmpty)
    }

    @Test func aStreamCanBeStoppedWhileItIsSilent() throws {
        let echo = try Echo()
        let hasCome = Monitor(false)
        _ = try echo.client.stream(
            "/stream", silence: .seconds(60), isStopped: { hasCome.read { $0 } }
        ) { _ in
            // Asked again when no more bytes come.
            Thread.start(name: "stop") { hasCome.update { $0 = true } }
            return true
        }
        #expect(hasCome.read { $0 })
    }

    @Test func aStreamThatFallsSilentIsBroken() throws {
        let echo = try Echo()
        do throws(HTTPClientError) {
            _ = try echo.client.stream("/stream", silence: .milliseconds(100), isStopped: { false }) { _ in true }
            Issue.record("it ended")
        } catch {
            #expect(error.code == .timedOut)
        }
    }

    private func failure(
        _ server: String, _ method: String = "GET", _ path: String = "/", headers: [(name: String, value: String)] = [],
        timeout: Duration = .seconds(20)
    ) -> HTTPClientError? {
        do throws(HTTPClientError) {
            _ = try HTTPClient(server: server).send(method, path, headers: headers, timeout: timeout)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ("GET", nil, "none none "), ("DELETE", nil, "none none "), ("POST", nil, "none none "),
        ("POST", "", "application/json none "), ("PUT", "{}", "application/json none {}"),
        ("PATCH", "a\0b", "application/json none a\0b"), ("DELETE", "{}", "application/json none {}"),
        (
            "POST", String(repeating: "b", count: 900_000),
            "application/json none " + String(repeating: "b", count: 900_000)
        ),
    ])
    func sendsWhatItIsGiven(_ method: String, _ body: String?, _ expected: String) throws {
        let echo = try Echo()
        let answer = try echo.client.send(method, "/echo/a%2Fb?c=d", body: body.map { Array($0.utf8) })
        #expect(answer.status == 200)
        #expect(answer.text == "\(method) /echo/a%2Fb?c=d \(expected)")
    }

    @Test func sendsItsHeadersAndReadsTheServers() throws {
        let echo = try Echo()
        let answer = try echo.client.send(
            "POST", "/echo/a", headers: [("Content-Type", "application/yaml"), ("X-Own", "mine")], body: [0x61])
        #expect(answer.text == "POST /echo/a application/yaml mine a")
        #expect(answer.header("x-a") == "a")
        #expect(answer.header("X-C") == nil)
        #expect(answer.header("X-Request-Id")?.utf8.count == 26)
    }

    @Test func answersHeadWithoutABody() throws {
        let echo = try Echo()
        let answer = try echo.client.send("HEAD", "/echo/a")
        #expect(answer.status == 200)
        #expect(answer.body.isEmpty)
    }

    @Test func takesRefusalsAsAnswers() throws {
        let echo = try Echo()
        #expect(try echo.client.send("GET", "/nothing").status == 404)
        let long = try echo.client.send("POST", "/echo/a", body: [UInt8](repeating: 97, count: 3 << 20))
        #expect(long.status == 413)
    }

    @Test func followsNoRedirect() throws {
        let echo = try Echo()
        let answer = try echo.client.send("GET", "/redirect")
        #expect(answer.status == 302)
        #expect(answer.body.isEmpty)
    }

    @Test func takesAnAddressWithoutASchemeOrWithASlash() throws {
        let echo = try Echo()
        for address in ["127.0.0.1:\(echo.listener.port)", "HTTP://localhost:\(echo.listener.port)/"] {
            #expect(try HTTPClient(server: address).send("GET", "/echo/a").status == 200)
        }
        let below = HTTPClient(server: "http://127.0.0.1:\(echo.listener.port)/echo/")
        #expect(try below.send("GET", "/a").text.hasPrefix("GET /echo/a "))
    }

    @Test func saysThatNobodyListens() throws {
        let port = try Echo().listener.port
        let error = try #require(failure("http://127.0.0.1:\(port)"))
        #expect(error.code == .unreachable)
        #expect(
            error.description
                == "cannot reach http://127.0.0.1:\(port): connection refused; is `strandline serve` running?")
    }

    @Test func givesUpWhenTheTimeIsOver() throws {
        let echo = try Echo()
        let error = try #require(failure(echo.client.server, "GET", "/held", timeout: .milliseconds(300)))
        #expect(error.code == .timedOut)
        #expect(error.description.contains("0.3 s"))
    }

    @Test func refusesAnAnswerThatIsTooLarge() throws {
        let echo = try Echo()
        #expect(failure(echo.client.server, "GET", "/large")?.code == .answerTooLarge)
    }

    @Test(arguments: [
        "", "http://", "http:///a", "ftp://localhost", "file:///etc/passwd", "http://a b", "http://:80",
        "http://user:secret@localhost", "http://localhost?a", "http://localhost#a", "http://localhost:port",
        "http://localhost:99999", "gopher://127.0.0.1", "http://lo\ncalhost",
    ])
    func refusesAnAddressThatIsNone(_ server: String) {
        let error = failure(server)
        #expect(error?.code == .badAddress)
        #expect(error?.description.contains("secret") == false)
    }

    @Test func refusesWhatWouldSplitARequest() throws {
        let echo = try Echo()
        let server = echo.client.server
        #expect(failure(server, "GET", "echo")?.code == .badRequest)
        #expect(failure(server, "GET", "/echo/a b")?.code == .badRequest)
        #expect(failure(server, "GET", "/a HTTP/1.1\r\nX: y")?.code == .badRequest)
        #expect(failure(server, "GET /a", "/a")?.code == .badRequest)
        #expect(failure(server, "", "/a")?.code == .badRequest)
        #expect(failure(server, "GET", "/a", headers: [("X-A", "a\r\nX-B: b")])?.code == .badRequest)
        #expect(failure(server, "GET", "/a", headers: [("X A", "a")])?.code == .badRequest)
        #expect(failure(server, "GET", "/a", headers: [("", "a")])?.code == .badRequest)
    }

    /// Something that is no web server: it takes one connection, says `text` and closes.
    private func stranger(_ text: String) -> Int {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length)
                listen(socket, 1)
                getsockname(socket, $0, &length)
            }
        }
        let port = Int(in_port_t(bigEndian: name.sin_port))
        Platform.Thread.start(name: "stranger") {
            let client = accept(socket, nil, nil)
            var request = [UInt8](repeating: 0, count: 4_096)
            _ = recv(client, &request, request.count, 0)
            _ = Glibc.send(client, text, text.utf8.count, Int32(MSG_NOSIGNAL))
            close(client)
            close(socket)
        }
        return port
    }

    @Test(arguments: ["", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"])
    func saysThatTheConnectionBroke(_ text: String) throws {
        let error = try #require(failure("http://127.0.0.1:\(stranger(text))"))
        #expect(error.code == .broken)
        #expect(error.description.hasPrefix("no answer from http://127.0.0.1:"))
    }

    @Test func boundsTheHeadOfAnAnswer() throws {
        let head =
            "HTTP/1.1 200 OK\r\n" + String(repeating: "X-A: \(String(repeating: "a", count: 900))\r\n", count: 400)
        let error = try #require(failure("http://127.0.0.1:\(stranger(head + "\r\n"))"))
        #expect(error.code == .answerTooLarge || error.code == .broken)
    }

    @Test func mayBeUsedOnManyThreads() throws {
        let echo = try Echo()
        let client = echo.client
        let results = Monitor([Int]())
        for _ in 0..<8 {
            Platform.Thread.start(name: "client") {
                for _ in 0..<10 {
                    let status = (try? client.send("POST", "/echo/a", body: [0x61]).status) ?? 0
                    results.update { $0.append(status) }
                }
            }
        }
        let all = results.wait(upTo: .seconds(20)) { $0.count == 80 ? $0 : nil }
        #expect(all == [Int](repeating: 200, count: 80))
    }
}
