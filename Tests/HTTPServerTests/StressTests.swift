import HTTPServer
import Platform
import Testing

/// Many requests of all kinds at once.
@Suite struct StressTests {
    /// Six hundred at a time: plain ones, bodies, refusals and suspended ones, some of whose clients vanish.
    @Test(arguments: [1, 2, 3]) func leavesNoRequestStuck(_ seed: Int) throws {
        let server = try LiveServer { $0.threads = 2 + seed % 2 }
        let answering = Monitor(true)
        for _ in 0..<2 {
            Thread.start(name: "answers") {
                while let responder = server.held.nextUntil(answering) { responder.respond(.text("done")) }
            }
        }
        defer { answering.update { $0 = false } }
        let results = Monitor([String]())
        let clients = 12
        for client in 0..<clients {
            Thread.start(name: "client") {
                var wrong: [String] = []
                var wire = Wire(port: server.port)
                for round in 0..<50 {
                    let kind = (client + round * 7 + seed) % 6
                    let (request, expected) = StressTests.requests[kind]
                    wire.send(request)
                    if kind == 4 && round % 5 == 0 {
                        wire = Wire(port: server.port)
                        continue
                    }
                    let status = wire.answer()?.status ?? 0
                    if status != expected { wrong.append("client \(client) round \(round) kind \(kind): \(status)") }
                    if kind == 5 { wire = Wire(port: server.port) }
                }
                let said = wrong.isEmpty ? ["client \(client) is done"] : wrong
                results.update { $0 += said }
            }
        }
        let all = results.wait(upTo: .seconds(60)) { $0.count >= clients ? $0 : nil }
        #expect(all?.filter { !$0.hasSuffix("is done") } == [], "seed \(seed)")
        #expect(server.waitForLines(600, with: "info request"), "every request is logged")
    }

    /// Bursts of suspended requests on one connection each, all answered at the same moment.
    @Test func resumesABurstWhileOthersAreSuspended() throws {
        let server = try LiveServer()
        for _ in 0..<6 {
            let wires = (0..<60).map { _ in Wire(port: server.port) }
            for wire in wires { wire.send(StressTests.requests[4].0) }
            let responders = try #require(server.held.take(60))
            for responder in responders { responder.respond(.text("done")) }
            for wire in wires { #expect(wire.answer()?.body == "done") }
        }
    }

    private static let requests: [(String, Int)] = [
        ("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n"
                + String(repeating: "b", count: 500), 200
        ),
        ("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 404),
        ("GET /at-once HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("POST /wait HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n", 413),
    ]
}
