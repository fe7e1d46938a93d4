/// Finds who answers a request.
public struct Router: Sendable {
    /// The routes as they were given, for the contract test.
    public let routes: [Route]
    /// Who writes refusals.
    public let errors: any ErrorPages
    /// Who counts the requests that a server has answered.
    public let meter: RequestMeter

    private struct Place: Sendable {
        let path: Pattern
        var routes: [Route]
    }

    private let places: [Place]

    /// Makes a router; two routes of one method and path are a mistake of the program and stop it.
    public init(
        routes: [Route], errors: any ErrorPages = PlainErrorPages(), meter: RequestMeter = RequestMeter()
    ) {
        self.routes = routes
        self.errors = errors
        self.meter = meter
        var places: [Place] = []
        for route in routes {
            if let index = places.firstIndex(where: { $0.path == route.path }) {
                let isNew = places[index].routes.allSatisfy { $0.method != route.method }
                precondition(isNew, "two routes are called \(route.method.rawValue) \(route.pattern)")
                places[index].routes.append(route)
            } else {
                places.append(Place(path: route.path, routes: [route]))
            }
        }
        self.places = places.sorted { $0.path.precedes($1.path) }
    }

    /// The route of a method and path with the segments its pattern names; throws `notFound` or `methodNotAllowed`.
    ///
    /// The narrowest pattern that fits decides; a wider one is not asked when the method is missing there.
    public func route(
        _ method: Method, _ segments: [String]
    ) throws(HTTPError) -> (route: Route, parameters: [String: String]) {
        for place in places {
            guard let parameters = place.path.match(segments) else { continue }
            let wanted = place.routes.first { $0.method == method }
            if let route = wanted ?? (method == .head ? place.routes.first { $0.method == .get } : nil) {
                return (route, parameters)
            }
            let known = Set(place.routes.map(\.method))
            throw .methodNotAllowed(
                allow: Method.allCases.filter { known.contains($0) || ($0 == .head && known.contains(.get)) })
        }
        throw .notFound
    }

    /// Answers a request in process as the server would: route, body limit and body type are checked.
    public func reply(to request: Request) -> Reply {
        do throws(HTTPError) {
            let (route, parameters) = try route(request.method, request.segments)
            guard request.body.count <= route.bodyLimit else { throw .bodyTooLarge(limit: route.bodyLimit) }
            if !request.body.isEmpty { try route.checkType(request.headers) }
            var request = request
            request.parameters = parameters
            return route.handler(request)
        } catch {
            return .now(errors.page(for: error, to: request.head))
        }
    }
}
