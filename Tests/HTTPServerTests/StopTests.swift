import HTTPServer
import Platform
import Testing

/// The end of a server.
@Suite struct StopTests {
    private let wait = "POST /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
    private let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"

    /// Stops on a thread of its own; the monitor turns true when the stop is over.
    private func stop(_ server: LiveServer, within time: Duration) -> Monitor<Bool> {
        let isOver = Monitor(false)
        Thread.start(name: "stop") {
            server.listener.stop(within: time)
            isOver.update { $0 = true }
        }
        return isOver
    }

    private func ends(_ stop: Monitor<Bool>) -> Bool { stop.wait(upTo: .seconds(20)) { $0 ? true : nil } ?? false }

    @Test func waitsForTheRequestsInHand() throws {
        let server = try LiveServer()
        let wires = (0..<10).map { _ in Wire(port: server.port) }
        for wire in wires { wire.send(wait) }
        let responders = try #require(server.held.take(10))
        let stopping = stop(server, within: .seconds(20))
        #expect(stopping.wait(upTo: .milliseconds(50)) { $0 ? true : nil } == nil)
        for responder in responders { responder.respond(.text("done")) }
        for wire in wires {
            let answer = try #require(wire.answer())
            #expect(answer.body == "done")
            #expect(answer.header("Connection")?.lowercased() == "close")
            #expect(wire.endsByItself())
        }
        #expect(ends(stopping))
    }

    @Test func refusesThoseThatWaitWhenTheTimeIsOver() throws {
        let server = try LiveServer()
        let wires = (0..<10).map { _ in Wire(port: server.port) }
        for wire in wires { wire.send(wait) }
        let responders = try #require(server.held.take(10))
        #expect(ends(stop(server, within: .milliseconds(20))))
        for wire in wires { #expect(wire.answer()?.status == 503) }
        for responder in responders { responder.respond(.text("late")) }
    }

    @Test func givesTheDeadlinesAnswerAtOnce() throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        wire.send("GET /deadline?ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(server.held.waits(for: 1))
        #expect(ends(stop(server, within: .seconds(20))))
        #expect(wire.answer()?.body == "not yet")
    }

    @Test func beginsNoNewWorkWhileDraining() throws {
        let server = try LiveServer()
        let wires = (0..<3).map { _ in Wire(port: server.port) }
        for wire in wires {
            wire.send(hello)
            #expect(wire.answer()?.status == 200)
        }
        #expect(!server.listener.isDraining)
        server.listener.drain()
        #expect(server.listener.isDraining)
        wires[0].send(wait)
        let refused = try #require(wires[0].answer())
        #expect(refused.status == 503)
        #expect(refused.header("Retry-After") != nil)
        wires[1].send(hello)
        #expect(wires[1].answer()?.status == 200)
        #expect(wires[1].endsByItself())
    }

    @Test func closesIdleConnections() throws {
        let server = try LiveServer()
        let wires = (0..<10).map { _ in Wire(port: server.port) }
        for wire in wires.prefix(5) {
            wire.send(hello)
            #expect(wire.answer()?.status == 200)
        }
        wires[6].send("GET /hello HT")
        #expect(ends(stop(server, within: .seconds(20))))
        for wire in wires { #expect(wire.endsByItself()) }
    }

    @Test func mayBeAskedForAnyNumberOfTimes() throws {
        let server = try LiveServer()
        let stops = (0..<8).map { _ in stop(server, within: .seconds(5)) }
        for stop in stops { #expect(ends(stop)) }
        server.listener.stop(within: .zero)
    }

    @Test func mayComeBeforeTheStart() throws {
        var configuration = ServerConfiguration()
        configuration.port = 0
        let listener = try Listener(configuration, router: Router(routes: []), log: Log { _ in })
        listener.stop(within: .zero)
        let again = try Listener(configuration, router: Router(routes: []), log: Log { _ in })
        withExtendedLifetime(again) {}
    }

    @Test func freesThePort() throws {
        for _ in 0..<20 {
            let first = try LiveServer()
            let port = first.port
            let wire = Wire(port: port)
            wire.send(wait)
            #expect(first.held.waits(for: 1))
            first.listener.stop(within: .zero)
            let second = try LiveServer { $0.port = port }
            let next = Wire(port: port)
            next.send(hello)
            #expect(next.answer()?.body == "hello")
            second.listener.stop(within: .zero)
        }
    }

    @Test func neverEndsTheProcessWhileRequestsKeepComing() throws {
        for _ in 0..<10 {
            let server = try LiveServer()
            let clients = Monitor(0)
            for _ in 0..<6 {
                let wire = Wire(port: server.port)
                Thread.start(name: "client") {
                    let wait = "POST /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    let late = "GET /deadline?ms=5000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    while wire.send(wait + late), wire.answer() != nil, wire.answer() != nil {}
                    wire.close()
                    clients.update { $0 += 1 }
                }
            }
            let answering = Monitor(true)
            Thread.start(name: "answers") {
                while answering.read({ $0 }), let responder = server.held.nextUntil(answering) {
                    responder.respond(.text("done"))
                }
            }
            #expect(server.waitForLines(50, with: "status=200"))
            server.listener.stop(within: .milliseconds(5))
            answering.update { $0 = false }
            server.held.removeAll()
            #expect(clients.wait(upTo: .seconds(20)) { $0 == 6 ? true : nil } == true)
        }
    }
}
