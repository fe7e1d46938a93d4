public import Platform

/// A small synchronous client of one server, for the command line. May be used on any thread; a call blocks it.
public struct HTTPClient: Sendable {
    /// The server's address as it was given.
    public let server: String

    /// Makes a client of the server at an address such as `http://127.0.0.1:8080`; a bad one shows when it is used.
    public init(server: String) {
        self.server = server
    }

    /// Sends a request and waits for the whole answer, `timeout` at most.
    ///
    /// A body without a `Content-Type` is sent as JSON. Redirects are answers like any other and are not followed.
    public func send(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        timeout: Duration = Limits.clientTimeout
    ) throws(HTTPClientError) -> HTTPAnswer {
        try transfer(method, path, headers).run(method, path, headers, body, timeout)
    }

    /// Gets an answer that goes on, and hands its bytes to `take` as they come, until it ends, `take` answers false or
    /// `isStopped` does true, which is asked about once a second. The answer of another status than 200 is held in memory.
    ///
    /// Fails as `timedOut` when nothing comes for `silence`.
    public func stream(
        _ path: String, headers: [(name: String, value: String)] = [], silence: Duration,
        isStopped: @escaping () -> Bool, take: @escaping ([UInt8]) -> Bool
    ) throws(HTTPClientError) -> HTTPAnswer {
        let taker = AnswerTaker(silence: silence, isStopped: isStopped, take: take)
        return try transfer("GET", path, headers).run("GET", path, headers, nil, silence, taker)
    }

    private func transfer(
        _ method: String, _ path: String, _ headers: [(name: String, value: String)]
    ) throws(HTTPClientError) -> Transfer {
        let address = try ServerAddress(server)
        func error(_ cause: String) -> HTTPClientError {
            HTTPClientError(code: .badRequest, server: address.text, cause: cause, hint: "change the request")
        }
        guard method.utf8.allSatisfy({ $0 >= 0x41 && $0 <= 0x5A }), !method.isEmpty else {
            throw error("'\(method)' is not a method")
        }
        guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw error("the path '\(path)' must start with '/' and hold no white space")
        }
        for (name, value) in headers {
            let isToken = !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
            guard isToken, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw error("the header '\(name)' holds characters that no header may hold")
            }
        }
        return Transfer(address)
    }
}
