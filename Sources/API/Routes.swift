internal import HTTPServer

/// The one table of what the server answers.
enum Routes {
    /// Every operation of the contract, in its order.
    static let endpoints: [Endpoint] =
        ConnectionRoutes.endpoints + PoolRoutes.endpoints + CaptureRoutes.endpoints + PipelineRoutes.endpoints
        + ScheduleRoutes.endpoints + RunRoutes.endpoints
        + EventRoutes.endpoints + WatermarkRoutes.endpoints
        + AuditRoutes.endpoints + LedgerRoutes.endpoints + BackfillRoutes.endpoints + AdviceRoutes.endpoints
        + FreshnessRoutes.endpoints + WebhookRoutes.endpoints + MetricsRoutes.endpoints + ServerRoutes.endpoints

    /// The operations as the server's router takes them; those of the page only where files are served.
    static func all(_ services: Services) -> [Route] {
        let pages = services.files == nil ? [] : PageRoutes.endpoints
        return (endpoints + pages).map { $0.route(services) } + unknownPaths
    }

    /// What stands below `/v1` and is no operation: without these a `POST` there would be told that `GET` is allowed,
    /// as it is for any file.
    private static let unknownPaths = Method.allCases.filter { $0 != .head }.map { method in
        Route(method, "/v1/{path...}", name: "unknown_path", acceptedTypes: nil) { request in
            .now(Problem(HTTPError.notFound).answer(request.id).response(pretty: request.asksForPretty))
        }
    }
}
