import HTTPServer
import Platform
import Testing

/// What is counted of requests, and what their client cannot make of it.
@Suite struct RequestMeterTests {
    /// What was counted, as `METHOD route status`, once `requests` lines of the log tell of requests.
    private func counted(_ server: LiveServer, after requests: Int) -> [String: Int] {
        #expect(server.waitForLines(requests, with: "method="))
        var counts: [String: Int] = [:]
        for (target, tally) in server.meter.counts {
            for (status, count) in tally.statuses { counts["\(target.method) \(target.route) \(status)"] = count }
        }
        return counts
    }

    private func ask(_ server: LiveServer, _ lines: [String]) {
        let wire = Wire(port: server.port)
        for line in lines {
            wire.send("\(line) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(wire.answer(toHead: line.hasPrefix("HEAD")) != nil, "\(line)")
        }
    }

    @Test func countsByPatternMethodAndStatus() throws {
        let server = try LiveServer()
        ask(server, ["GET /items/a", "GET /items/b", "HEAD /items/a", "GET /items/a?x=1", "GET /hello"])
        #expect(
            counted(server, after: 5) == [
                "GET /items/{item} 200": 3, "HEAD /items/{item} 200": 1, "GET /hello 200": 1,
            ])
        let times = try #require(server.meter.counts.first { $0.target.route == "/items/{item}" }?.tally.times)
        #expect(times.count == 3 && times.sum > .zero)
    }

    @Test func namesNothingThatAClientMadeUp() throws {
        let server = try LiveServer()
        for number in 0..<50 { ask(server, ["GET /nowhere-\(number)"]) }
        for number in 0..<50 { ask(server, ["MADEUP\(number) /hello"]) }
        ask(server, ["POST /hello"])
        #expect(
            counted(server, after: 101) == [
                "GET unmatched 404": 50, "other unmatched 501": 50, "POST unmatched 405": 1,
            ])
    }

    @Test func countsAClientThatLeavesBeforeTheAnswer() throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        wire.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab")
        wire.close()
        #expect(counted(server, after: 1) == ["POST /echo 0": 1])
    }
}

/// A head that comes again over one connection is read once, and still answered by what it says.
@Suite struct ReadHeadTests {
    private let head = "Host: localhost\r\nAccept: text/plain\r\n\r\n"

    @Test func answersEachTargetAndFieldForItself() throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        for target in ["/items/a", "/items/a", "/items/b", "/items/a", "/query?a=1", "/query?a=2", "/query?a=2"] {
            wire.send("GET \(target) HTTP/1.1\r\n\(head)")
            let said = target.hasPrefix("/query") ? target.dropFirst(7) : target.dropFirst(7)
            #expect(wire.answer()?.body == String(said))
        }
        // The same but for the method, the version, a field's value, and one field more.
        wire.send("PUT /items/a HTTP/1.1\r\nContent-Length: 0\r\n\(head)")
        #expect(wire.answer()?.status == 204)
        wire.send("GET /items/a HTTP/1.1\r\nHost: evil.example\r\nAccept: text/plain\r\n\r\n")
        #expect(wire.answer()?.status == 421)
        wire.send("GET /items/a HTTP/1.1\r\nX-Request-Id: mine\r\n\(head)")
        #expect(wire.answer()?.header("X-Request-Id") == "mine")
        wire.send("GET /items/a HTTP/1.1\r\n\(head)")
        let last = wire.answer()
        #expect(last?.body == "a" && last?.header("X-Request-Id") != "mine")
    }

    @Test func givesEachRequestAnIdentifierOfItsOwn() throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        var identifiers: Set<String> = []
        for _ in 0..<5 {
            wire.send("GET /hello HTTP/1.1\r\n\(head)")
            identifiers.insert(wire.answer()?.header("X-Request-Id") ?? "")
        }
        #expect(identifiers.count == 5)
    }

    @Test func heedsThatTheServerIsFull() throws {
        let server = try LiveServer { $0.connections = 16 }
        let first = Wire(port: server.port)
        func ask() -> Int? {
            first.send("GET /hello HTTP/1.1\r\n\(head)")
            return first.answer()?.status
        }
        #expect(ask() == 200)
        // Each is known to be open once it was answered.
        let others = (0..<15).map { _ in Wire(port: server.port) }
        for other in others {
            other.send("GET /healthz HTTP/1.1\r\n\(head)")
            #expect(other.answer()?.status == 200)
        }
        #expect(ask() == 503)
    }
}
