import HTTPServer
import Platform
import Testing

/// Requests that wait for their answer.
@Suite struct SuspensionTests {
    private let wait = "POST /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
    private let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test func answersFromAnotherThreadAndKeepsTheConnection() throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        wire.send(wait + hello)
        let responder = try #require(server.held.next())
        Thread.start(name: "answers") { responder.respond(.text("done")) }
        #expect(wire.answer()?.body == "done")
        #expect(wire.answer()?.body == "hello")
    }

    @Test func answersOnTheServerThreadItself() throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        for _ in 0..<20 {
            wire.send("GET /at-once HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(wire.answer()?.body == "at once")
        }
    }

    @Test func honoursTheFirstAnswerOnly() throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        for round in 0..<50 {
            wire.send(wait)
            let responder = try #require(server.held.next())
            let done = Monitor(0)
            for contender in 0..<2 {
                Thread.start(name: "contender") {
                    responder.respond(.text("\(round)/\(contender)"))
                    done.update { $0 += 1 }
                }
            }
            #expect(wire.answer()?.body.hasPrefix("\(round)/") == true)
            _ = done.wait { $0 == 2 ? true : nil }
            responder.respond(.text("late"))
        }
        wire.send(hello)
        #expect(wire.answer()?.body == "hello")
    }

    @Test func servesOthersWhileOneWaits() throws {
        let server = try LiveServer()
        let waiting = (0..<20).map { _ in Wire(port: server.port) }
        for wire in waiting { wire.send(wait) }
        let responders = try #require(server.held.take(20))
        for _ in 0..<8 {
            let wire = Wire(port: server.port)
            wire.send(hello)
            #expect(wire.answer()?.body == "hello")
        }
        for responder in responders { responder.respond(.text("done")) }
        for wire in waiting { #expect(wire.answer()?.body == "done") }
    }

    @Test func answersAForgottenRequestAsAnErrorOfTheServer() throws {
        let server = try LiveServer()
        let wire = Wire(port: server.port)
        wire.send("GET /forget HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(wire.answer()?.status == 500)
    }

    @Test func givesTheDeadlinesAnswerWhenTheTimeHasPassed() throws {
        let clock = ManualClock(Timestamp(microseconds: 0))
        let server = try LiveServer(clock: clock)
        let wire = Wire(port: server.port)
        wire.send("GET /deadline?ms=20000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let responder = try #require(server.held.next())
        clock.advance(by: .milliseconds(19_999))
        #expect(!wire.hears(within: 50))
        clock.advance(by: .milliseconds(1))
        #expect(wire.answer()?.body == "not yet")
        responder.respond(.text("late"))
    }

    @Test func wakesForADeadlineBelowTheSweepInterval() throws {
        let server = try LiveServer { ($0.sweepInterval, $0.waitTime) = (.seconds(600), .seconds(3_600)) }
        let wire = Wire(port: server.port)
        wire.send("GET /deadline?ms=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(wire.answer()?.body == "not yet")
    }

    @Test func letsNobodyWaitLongerThanTheLimit() throws {
        let clock = ManualClock(Timestamp(microseconds: 0))
        let server = try LiveServer(clock: clock) { $0.waitTime = .seconds(10) }
        let kept = Wire(port: server.port)
        kept.send(wait)
        let long = Wire(port: server.port)
        long.send("GET /deadline?ms=3600000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let responders = try #require(server.held.take(2))
        clock.advance(by: .seconds(10))
        let answer = try #require(kept.answer())
        #expect(answer.status == 503)
        #expect(answer.header("Retry-After") != nil)
        #expect(long.answer()?.body == "not yet")
        withExtendedLifetime(responders) {}
    }

    @Test func survivesClientsThatVanish() throws {
        let server = try LiveServer()
        for _ in 0..<20 {
            let wire = Wire(port: server.port)
            wire.send(wait)
            #expect(server.held.waits(for: 1))
            wire.close()
            server.held.next()?.respond(.text(String(repeating: "x", count: 1 << 20)))
        }
        #expect(server.waitForLines(20, with: "path=/wait"))
        let wire = Wire(port: server.port)
        wire.send(hello)
        #expect(wire.answer()?.body == "hello")
    }
}
