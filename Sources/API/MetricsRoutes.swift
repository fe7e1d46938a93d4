internal import Engine
internal import HTTPServer
internal import Model
internal import Platform

/// What a monitoring system scrapes.
enum MetricsRoutes {
    /// The one operation.
    static let endpoints = [
        Endpoint(.get, "/metrics", "get_metrics") { call throws(Problem) in try metrics(call) }
    ]

    private static func metrics(_ call: Call) throws(Problem) -> Outcome {
        let measures: Measures
        do throws(Failure) { measures = try call.services.engine.measures() } catch { throw Problem(error) }
        let fields = [("Content-Type", MetricsText.contentType), ("Cache-Control", "no-store")]
        return .now(Answer(200, .bytes(Array(text(measures).utf8)), headers: fields))
    }

    /// Times, never ages: a scrape that fails must not look like one that found nothing old. What never happened is
    /// absent.
    private static func text(_ measures: Measures) -> String {
        var text = MetricsText()
        func places(_ name: String, _ help: String, _ place: (Measures.Step) -> PartitionBound.Place?) {
            var times: [MetricsText.Sample] = []
            var numbers: [MetricsText.Sample] = []
            for step in measures.steps {
                let labels = [("pipeline", step.pipeline), ("step", step.step)]
                switch place(step) {
                case .time(let time)?: times.append((labels, MetricsText.seconds(time)))
                case .number(let number)?: numbers.append((labels, String(number)))
                case nil: break
                }
            }
            text.gauge("strandline_\(name)_timestamp_seconds", help + ", for cursors that are times.", times)
            text.gauge("strandline_\(name)_value", help + ", for cursors that are numbers.", numbers)
        }
        places("watermark", "The highest cursor value whose rows are committed in the destination") { $0.watermark }
        places("verified_through", "How far the last audit found source and destination to be the same") {
            $0.verifiedThrough
        }
        text.gauge(
            "strandline_jobs", "Jobs in the queue and in hand.",
            [
                ([("state", "queued")], String(measures.jobs.waiting)),
                ([("state", "running")], String(measures.jobs.running)),
            ])
        text.gauge("strandline_workers", "Workers that carry out runs.", [([], String(measures.workers.all))])
        text.gauge("strandline_workers_busy", "Workers that have a run in hand.", [([], String(measures.workers.busy))])
        return text.text
    }
}
