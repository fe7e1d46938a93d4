import HTTPServer
import Platform
import Testing

/// Where a server listens and how many it serves.
@Suite struct ListenerTests {
    private func error(_ configure: (inout ServerConfiguration) -> Void) -> ListenError? {
        var configuration = ServerConfiguration()
        configure(&configuration)
        do throws(ListenError) {
            _ = try Listener(configuration, router: Router(routes: []), log: Log { _ in })
            return nil
        } catch {
            return error
        }
    }

    @Test func saysThatAPortIsTaken() throws {
        let server = try LiveServer()
        let error = try #require(error { $0.port = server.port })
        #expect(error.code == .addressInUse)
        #expect(
            error.description
                == "cannot listen on 127.0.0.1:\(server.port): another program listens there; "
                + "stop it or choose another port with --listen")
    }

    @Test func saysThatAnAddressIsNotOne() {
        #expect(error { $0.address = "example.com" }?.code == .badAddress)
        #expect(error { $0.port = 65_536 }?.code == .badAddress)
        #expect(error { ($0.address, $0.port) = ("192.0.2.1", 0) }?.code == .addressUnavailable)
    }

    @Test func listensOnTheLoopbackAddressOnly() throws {
        #expect(ServerConfiguration().address == "127.0.0.1")
        let server = try LiveServer { $0.address = "localhost" }
        let wire = Wire(port: server.port)
        wire.send("GET /hello HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n\r\n")
        #expect(wire.answer()?.body == "hello")
    }

    @Test func servesAgainWhenConnectionsAreFreed() throws {
        let server = try LiveServer { $0.connections = 8 }
        for _ in 0..<10 {
            let wires = (0..<4).map { _ in Wire(port: server.port) }
            for wire in wires { wire.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            for wire in wires { #expect(wire.answer()?.status == 200) }
        }
    }
}
