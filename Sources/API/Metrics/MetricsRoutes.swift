internal import Engine
internal import HTTPServer
internal import Platform

/// What a monitoring system scrapes.
enum MetricsRoutes {
    /// The one operation.
    static let endpoints = [
        Endpoint(.get, "/metrics", "get_metrics", answersUnderLoad: true) { call in .now(metrics(call)) }
    ]

    /// From memory: no answer waits for the control database, and none reads a source.
    private static func metrics(_ call: Call) -> Answer {
        let services = call.services
        let format = MetricsText.Format(call.request.headers)
        let reading = ServerMetrics.Reading(
            measures: services.engine.measures(at: services.clock.now()), requests: services.requests.counts,
            startedAt: services.startedAt, build: services.build)
        let fields = [("Content-Type", format.contentType), ("Vary", "Accept"), ("Cache-Control", "no-store")]
        return Answer(200, .bytes(services.metrics.text(reading, format)), headers: fields)
    }
}
