import HTTPServer
import Platform
import Testing

/// Clients that take too long.
@Suite struct DeadlineTests {
    let clock = ManualClock(Timestamp(microseconds: 0))
    let server: LiveServer

    init() throws {
        server = try LiveServer(clock: clock) { $0.receiveTime = .seconds(30) }
    }

    /// Waits until the server has taken up the connection: it has served one request on it.
    private func connected() -> Wire {
        let wire = Wire(port: server.port)
        wire.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = wire.answer()
        return wire
    }

    @Test(arguments: [
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n384\r\n",
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nX-A: ",
    ])
    func cutsAClientThatDrips(_ start: String) throws {
        let wire = Wire(port: server.port)
        wire.send(start)
        // Each drop comes long before the idle limit, so that only the whole time can end it.
        var drops = 0
        while drops < 600, wire.send("a"), !wire.hears(within: 20) {
            clock.advance(by: .seconds(1))
            drops += 1
        }
        #expect(drops >= 29)
        #expect(drops < 600)
        #expect(wire.endsByItself())
        #expect(server.logged("connection cut", "remote=127.0.0.1") != nil)
    }

    @Test func cutsAClientThatDripsBetweenRequests() throws {
        let wire = connected()
        wire.send("GET /he")
        #expect(server.logged("path=/hello", "end=sent") != nil)
        clock.advance(by: .seconds(89))
        #expect(!wire.hears(within: 50))
        clock.advance(by: .seconds(2))
        #expect(wire.endsByItself())
    }

    @Test func cutsAClientThatNeverReadsItsAnswer() throws {
        let wire = Wire(port: server.port)
        let big = "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let server = try LiveServer(
            clock: clock,
            routes: [
                Route(.get, "/big", name: "big") { _ in
                    .now(Response(status: 200, body: [UInt8](repeating: 0, count: 32 << 20)))
                }
            ])
        let reader = Wire(port: server.port)
        reader.send(big)
        #expect(reader.hears(within: 20_000))
        clock.advance(by: .seconds(121))
        #expect(server.logged("path=/big", "end=cut") != nil)
        wire.close()
    }

    @Test func leavesARequestInHandAlone() throws {
        let wire = Wire(port: server.port)
        wire.send("POST /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let responder = try #require(server.held.next())
        clock.advance(by: .seconds(60))
        #expect(!wire.hears(within: 50))
        responder.respond(.text("done"))
        #expect(wire.answer()?.body == "done")
    }
}
