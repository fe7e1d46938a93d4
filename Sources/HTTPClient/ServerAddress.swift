/// Where a server is: `http` or `https`, a host, an optional port and an optional path that all requests begin with.
struct ServerAddress: Sendable {
    /// The address without a slash at its end.
    let text: String
    /// Whether the host is this machine, so that no proxy can stand between.
    let isLoopback: Bool

    /// Reads an address; one without a scheme is taken as `http`.
    init(_ given: String) throws(HTTPClientError) {
        func error(_ cause: String) -> HTTPClientError {
            HTTPClientError(
                code: .badAddress, server: "'\(given)'", cause: cause,
                hint: "give one such as http://127.0.0.1:8080 with --server or STRANDLINE_SERVER")
        }
        guard given.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw error("it holds white space or letters outside ASCII")
        }
        var rest = given[...]
        var scheme = "http"
        if let cut = given.firstRange(of: "://") {
            scheme = given[..<cut.lowerBound].lowercased()
            rest = given[cut.upperBound...]
        }
        guard scheme == "http" || scheme == "https" else { throw error("its scheme is not http or https") }
        guard !rest.contains("@") else {
            throw HTTPClientError(
                code: .badAddress, server: "given", cause: "it holds a user name or password",
                hint: "leave them out; they would end up in logs")
        }
        guard !rest.contains("?"), !rest.contains("#") else { throw error("it holds a query or a fragment") }
        while rest.last == "/" { rest.removeLast() }
        let host = rest.prefix { $0 != "/" }
        guard !host.isEmpty, host.first != ":" else { throw error("it names no host") }
        text = "\(scheme)://\(rest)"
        let name = host.first == "[" ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
        isLoopback = name == "localhost" || name == "[::1]" || name.hasPrefix("127.")
    }
}
