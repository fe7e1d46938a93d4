import HTTPServer
import Platform
import Testing

@testable import HTTPClient

@Suite struct WebPostTests {
    /// A receiver on loopback that remembers what it was sent.
    private final class Receiver: Sendable {
        let listener: Listener
        let requests: Monitor<[Request]>

        init() throws {
            let requests = Monitor([Request]())
            self.requests = requests
            func route(_ path: String, _ answer: @escaping @Sendable () -> Response) -> Route {
                Route(.post, path, name: path) { request in
                    requests.update { $0.append(request) }
                    return .now(answer())
                }
            }
            let routes = [
                route("/hook") { Response(status: 204) },
                route("/busy") { Response(status: 503, headers: [("Retry-After", " 120 ")]) },
                route("/elsewhere") { Response(status: 307, headers: [("Location", "/hook")]) },
                route("/large") { Response(status: 200, body: [UInt8](repeating: 120, count: 1 << 20)) },
                Route(.post, "/held", name: "held") { request in
                    .later { _ in requests.update { $0.append(request) } }
                },
            ]
            var configuration = ServerConfiguration()
            configuration.port = 0
            configuration.allowedHosts = ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"]
            listener = try Listener(configuration, router: Router(routes: routes), log: Log { _ in })
            try listener.start()
            self.requests.update { $0 = [] }
        }

        deinit { listener.stop(within: .zero) }

        func url(_ path: String, host: String = "127.0.0.1") -> String { "http://\(host):\(listener.port)\(path)" }
    }

    private let loopback = AddressRule(allowed: ["127.0.0.0/8", "::1"].compactMap { IPNetwork($0) })

    private func send(
        _ url: String, _ rule: AddressRule?, headers: [(name: String, value: String)] = [], body: String = "{}",
        isStopped: @escaping @Sendable () -> Bool = { false }
    ) -> Result<WebPost.Answer, WebPost.Refusal> {
        Result { () throws(WebPost.Refusal) in
            try WebPost(rule: rule).send(url, headers: headers, body: Array(body.utf8), isStopped: isStopped)
        }
    }

    @Test func sendsTheBodyByteForByte() throws {
        let receiver = try Receiver()
        let body = "{\"a\":\"\u{0}é\r\n\"} "
        let answer = try send(receiver.url("/hook"), loopback, headers: [("webhook-id", "msg_1")], body: body).get()
        #expect(answer == WebPost.Answer(status: 204, retryAfterSeconds: nil))
        let request = try #require(receiver.requests.read { $0.first })
        #expect(request.body == Array(body.utf8))
        #expect(request.headers["webhook-id"] == "msg_1")
        #expect(request.headers["Content-Type"] == "application/json")
    }

    @Test(arguments: ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
    func connectsToNoPrivateAddressHoweverItIsSpelt(_ host: String) throws {
        let receiver = try Receiver()
        guard case .failure(let refusal) = send(receiver.url("/hook", host: host), AddressRule()) else {
            Issue.record("connected to \(host)")
            return
        }
        #expect(refusal.cause.contains("is no public address"), "\(refusal.cause)")
        #expect(receiver.requests.read { $0.count } == 0)
        // The same name is a way there for who may go.
        #expect(try send(receiver.url("/hook", host: host), loopback).get().status == 204)
    }

    @Test(arguments: ["[::1]", "[::ffff:127.0.0.1]", "[::]", "0.0.0.0", "10.255.255.1", "169.254.169.254"])
    func connectsToNothingOfTheKind(_ host: String) {
        guard case .failure(let refusal) = send("http://\(host):1/", AddressRule()) else {
            Issue.record("connected to \(host)")
            return
        }
        #expect(refusal.cause.contains("is no public address"), "\(refusal.cause)")
    }

    @Test func followsNoRedirect() throws {
        let receiver = try Receiver()
        #expect(try send(receiver.url("/elsewhere"), loopback).get().status == 307)
        #expect(receiver.requests.read { $0.map(\.path) } == ["/elsewhere"])
    }

    @Test func readsHowLongToWait() throws {
        let receiver = try Receiver()
        #expect(
            try send(receiver.url("/busy"), loopback).get() == WebPost.Answer(status: 503, retryAfterSeconds: 120))
    }

    @Test func readsNoMoreOfAnAnswerThanItMust() throws {
        let receiver = try Receiver()
        #expect(try send(receiver.url("/large"), loopback).get().status == 200)
    }

    @Test func endsWhenItIsToldTo() throws {
        let receiver = try Receiver()
        let requests = receiver.requests
        let result = send(receiver.url("/held"), loopback) { requests.read { !$0.isEmpty } }
        #expect(result == .failure(WebPost.Refusal(cause: "the server is stopping")))
    }

    @Test func refusesWhatWouldSplitARequest() throws {
        let receiver = try Receiver()
        let result = send(receiver.url("/hook"), loopback, headers: [("webhook-id", "a\r\nX-B: c")])
        guard case .failure = result else {
            Issue.record("sent it")
            return
        }
        #expect(receiver.requests.read { $0.isEmpty })
        for url in ["file:///etc/passwd", "gopher://127.0.0.1/", "", "http://"] {
            guard case .failure = send(url, nil) else {
                Issue.record("sent to \(url)")
                return
            }
        }
    }

    @Test func saysThatNobodyListens() throws {
        let url = try Receiver().url("/hook")
        #expect(send(url, loopback) == .failure(WebPost.Refusal(cause: "connection refused")))
    }
}
