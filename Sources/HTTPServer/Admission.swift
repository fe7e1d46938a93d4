/// A request whose head passed every check, with the route that will answer it.
struct Admission: Sendable {
    /// The method.
    let method: Method
    /// The decoded path and query.
    let target: Target
    /// Who answers.
    let route: Route
    /// The segments the route's pattern names.
    let parameters: [String: String]
    /// Where the body ends.
    let framing: Framing

    /// What the server knows about itself when a request comes.
    struct Conditions: Sendable, Equatable {
        /// Whether the server takes no new work.
        var isDraining = false
        /// Whether more connections are open than the server answers.
        var isOverloaded = false
    }

    /// Checks a head in the order that tells a caller most: its form, its right to be here, then what it asks for.
    init(
        _ raw: RawHead, _ headers: Headers, _ framing: Framing, router: Router, hosts: HostRule,
        conditions: Conditions
    ) throws(HTTPError) {
        self.framing = framing
        let hostFields = headers.all("Host")
        guard hostFields.count == 1, let hostText = hostFields.first else {
            throw .badRequest("The request has \(hostFields.count) Host headers; send one.")
        }
        guard let host = HostRule.Host(hostText) else {
            throw .badRequest("The Host '\(hostText)' is not a name or address with an optional port.")
        }
        target = try Target(raw.target)
        guard hosts.allows(host) else { throw .misdirected(host: hostText) }
        guard let method = Method(rawValue: String(decoding: raw.method, as: UTF8.self)) else {
            throw .notImplemented("This server knows \(Method.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        self.method = method
        try CrossSiteRule.check(method, headers, host: hostText)
        if conditions.isDraining && !method.isSafe { throw .draining }
        let found: Result<(route: Route, parameters: [String: String]), HTTPError>
        do throws(HTTPError) {
            found = .success(try router.route(method, target.segments))
        } catch {
            found = .failure(error)
        }
        if conditions.isOverloaded {
            guard case .success(let match) = found, match.route.answersUnderLoad else { throw .overloaded }
        }
        (route, parameters) = try found.get()
        if let length = framing.length, length > route.bodyLimit { throw .bodyTooLarge(limit: route.bodyLimit) }
        if framing.announcesBody { try route.checkType(headers) }
    }
}

extension RawHead {
    /// Checks what must hold before the body's end can be known: version, method, headers, framing.
    ///
    /// After an error from here the connection must be closed, as what follows on it cannot be told apart.
    func framed() throws(HTTPError) -> (headers: Headers, framing: Framing) {
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else {
            throw .versionNotSupported(String(version.prefix(16)))
        }
        guard !method.isEmpty, method.allSatisfy(isTokenByte) else {
            throw .badRequest("The request does not begin with a method.")
        }
        let headers = try headers()
        return (headers, try Framing(headers, version: version))
    }
}
