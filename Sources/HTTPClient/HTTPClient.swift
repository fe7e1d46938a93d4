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
        return try Transfer(address).run(method, path, headers, body, timeout)
    }
}
