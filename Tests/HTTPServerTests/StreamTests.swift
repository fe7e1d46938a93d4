import HTTPServer
import Platform
import Testing

/// Answers that go on.
@Suite struct StreamTests {
    private let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test func sendsBytesWhenThereAreSome() throws {
        let streams = try StreamServer()
        let (wire, source, head) = try streams.listen()
        #expect(head.status == 200)
        #expect(head.header("Content-Type") == "text/x")
        #expect(head.header("Transfer-Encoding") == "chunked")
        #expect(head.header("X-Request-Id") != nil)
        #expect(source.wasRead(1))
        for text in ["a", "bc", String(repeating: "d", count: 100_000)] {
            source.say(text)
            #expect(wire.chunks(of: text) == text)
        }
        source.say("z", ends: true)
        #expect(wire.chunk() == "z")
        #expect(wire.chunk() == "")
        #expect(source.isOver)
        // The connection is good for more.
        wire.send(hello)
        #expect(wire.answer()?.body == "hello")
        #expect(streams.server.logged("path=/stream", "bytes=100004", "end=sent") != nil)
    }

    @Test func aHeadHasNoBytes() throws {
        let streams = try StreamServer()
        let wire = Wire(port: streams.server.port)
        wire.send("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let head = try #require(wire.answer(toHead: true))
        #expect(head.status == 200)
        #expect(head.header("Content-Type") == "text/x")
        wire.send(hello)
        #expect(wire.answer()?.body == "hello")
    }

    @Test func speaksTheOldVersionToo() throws {
        let streams = try StreamServer()
        let (wire, source, head) = try streams.listen("GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
        #expect(head.header("Transfer-Encoding") == nil)
        source.say("first")
        #expect(wire.hears(within: 20_000))
        source.say(String(repeating: "x", count: 10_000), ends: true)
        #expect(wire.endsByItself())
        #expect(streams.server.logged("path=/stream", "bytes=10005", "end=sent") != nil)
    }

    @Test func asksForASignOfLifeWhenItIsSilent() throws {
        let clock = ManualClock(Timestamp(microseconds: 0))
        let streams = try StreamServer(beat: .seconds(15), clock: clock)
        let (wire, source, _) = try streams.listen()
        source.say("a")
        #expect(wire.chunk() == "a")
        clock.advance(by: .seconds(14))
        #expect(!wire.hears(within: 50))
        for _ in 0..<20 {
            clock.advance(by: .seconds(15))
            // Neither the time to send nor the time to wait cuts a stream that is silent by nature.
            #expect(wire.chunk() == "~")
        }
        source.say("b", ends: true)
        #expect(wire.chunks(of: "b") == "b")
    }

    @Test func noticesAClientThatIsGone() throws {
        let clock = ManualClock(Timestamp(microseconds: 0))
        let streams = try StreamServer(clock: clock)
        let (wire, source, _) = try streams.listen()
        wire.close()
        let other = Wire(port: streams.server.port)
        var tries = 0
        // The first sign of life is refused by the other side, the second finds the connection broken.
        while tries < 500, streams.server.lines(with: "end=cut").isEmpty {
            clock.advance(by: .seconds(15))
            _ = other.hears(within: 20)
            tries += 1
        }
        #expect(source.isOver)
        #expect(streams.server.logged("path=/stream", "end=cut") != nil)
    }

    @Test func cutsAClientThatTakesNothing() throws {
        let clock = ManualClock(Timestamp(microseconds: 0))
        let streams = try StreamServer(repeats: String(repeating: "x", count: 4_000), clock: clock)
        let (wire, source, _) = try streams.listen()
        #expect(wire.hears(within: 20_000))
        let other = Wire(port: streams.server.port)
        var tries = 0
        // Until the kernel's buffers are full, each read gives the client more time.
        while tries < 500, streams.server.lines(with: "end=cut").isEmpty {
            clock.advance(by: .seconds(121))
            _ = other.hears(within: 20)
            tries += 1
        }
        #expect(source.isOver)
    }

    @Test func leavesRoomForEverythingElse() throws {
        let streams = try StreamServer { $0.connections = 40 }
        let open = try (0..<20).map { _ in try streams.listen() }
        let wire = Wire(port: streams.server.port)
        wire.send(StreamServer.request)
        let refused = try #require(wire.answer())
        #expect(refused.status == 503)
        #expect(refused.header("Retry-After") == "5")
        #expect(refused.body.contains("20 streams are open"))
        wire.send(hello)
        #expect(wire.answer()?.body == "hello")
        // One that ends makes room.
        open[0].source.say("z", ends: true)
        #expect(open[0].source.isOver)
        #expect(streams.server.logged("path=/stream", "end=sent") != nil)
        let next = try streams.listen()
        next.source.say("in", ends: true)
        #expect(next.wire.chunks(of: "in") == "in")
    }

    @Test func endsWithTheServer() throws {
        let streams = try StreamServer()
        let open = try (0..<50).map { _ in try streams.listen() }
        for listener in open { #expect(listener.source.wasRead(1)) }
        open[0].source.say("a")
        #expect(open[0].wire.chunk() == "a")
        let isOver = Monitor(false)
        Thread.start(name: "stop") {
            streams.server.listener.stop(within: .seconds(3_600))
            isOver.update { $0 = true }
        }
        for listener in open {
            #expect(listener.wire.chunk() == "", "the end of the chunks")
            #expect(listener.wire.endsByItself())
            #expect(listener.source.isOver)
        }
        #expect(isOver.wait(upTo: .seconds(20)) { $0 ? true : nil } == true)
        // A source that goes on talking talks to nobody.
        for listener in open { listener.source.say("late") }
    }

    @Test func aListenerThatTakesNothingDoesNotHoldTheStop() throws {
        let streams = try StreamServer(repeats: String(repeating: "x", count: 4_000))
        let open = try (0..<4).map { _ in try streams.listen() }
        for listener in open { #expect(listener.wire.hears(within: 20_000)) }
        let isOver = Monitor(false)
        Thread.start(name: "stop") {
            streams.server.listener.stop(within: .seconds(3_600))
            isOver.update { $0 = true }
        }
        #expect(isOver.wait(upTo: .seconds(20)) { $0 ? true : nil } == true)
        for listener in open { #expect(listener.source.isOver) }
    }

    @Test func beginsNoneOnceItStops() throws {
        let streams = try StreamServer()
        streams.server.listener.drain()
        // While runs in hand finish, those who watch them hear of it.
        let (wire, source, head) = try streams.listen()
        #expect(head.header("Connection") == "close")
        source.say("a", ends: true)
        #expect(wire.chunks(of: "a") == "a")
        #expect(wire.chunk() == "")
        #expect(wire.endsByItself())
    }

    /// Sources that say more at any moment, on any thread: nothing is lost, doubled or turned round.
    @Test(arguments: [1, 2, 3]) func losesNothing(round: Int) throws {
        let streams = try StreamServer(beat: .milliseconds(10))
        let (listeners, words) = (100, 200)
        let open = try (0..<listeners).map { _ in try streams.listen() }
        for part in 0..<4 {
            let mine = open.indices.filter { $0 % 4 == part }.map { open[$0].source }
            Thread.start(name: "speaker") {
                for word in 0..<words {
                    for source in mine { source.say("\(word),", ends: word == words - 1) }
                }
            }
        }
        let expected = (0..<words).map { "\($0)," }.joined()
        for listener in open {
            var heard = ""
            while let chunk = listener.wire.chunk(), !chunk.isEmpty { heard += chunk }
            #expect(heard.filter { $0 != "~" } == expected)
            #expect(listener.source.isOver)
        }
    }
}
