import Foundation
import Model
import Platform
import Testing

@testable import API
@testable import Engine
@testable import HTTPServer

/// What a monitoring system scrapes.
struct MetricsTests {
    private let mark = "/v1/pipelines/orders/watermarks/orders"

    @Test func tellsHowFarStepsHaveComeAndHowFarTheyAreVerified() throws {
        let world = try World()
        try world.putOrders()
        let empty = world.ask(.get, "/metrics")
        #expect(empty.status == 200 && empty.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(!empty.text.contains("_watermark") && !empty.text.contains("_verified"))
        #expect(world.load()["state"] == "success")
        let loaded = world.ask(.get, "/metrics").text
        let labels = #"{pipeline="orders",step="orders"}"#
        // 2024-01-01T10:00:00Z
        #expect(loaded.contains("\nstrandline_watermark_timestamp_seconds\(labels) 1704103200\n"), "\(loaded)")
        #expect(!loaded.contains("_verified"))
        let audit = world.ask(.post, "/v1/pipelines/orders/audits", ["Prefer": "wait=30"])
        #expect(audit.json["state"] == "success")
        let verified = world.ask(.get, "/metrics").text
        #expect(verified.contains("\nstrandline_verified_through_timestamp_seconds\(labels) 1704103200\n"))
        // What a person says of the watermark says nothing of what was compared.
        #expect(world.ask(.put, mark, body: "{value: '2023-12-31T23:59:59.5Z', reason: again}").status == 200)
        let moved = world.ask(.get, "/metrics").text
        #expect(moved.contains("\nstrandline_watermark_timestamp_seconds\(labels) 1704067199.500000\n"))
        #expect(!moved.contains("_verified"))
        #expect(moved.contains("strandline_workers_busy 0\n"))
        #expect(moved.contains("strandline_jobs{lane=\"run\",state=\"queued\"} 0\n"))
    }

    @Test func tellsTheStateByTheClockOfTheScrape() throws {
        let world = try World()
        try world.putOrders(adding: "freshness: { warn_after: 1h, error_after: 2h, basis: last_success }")
        let never = world.ask(.get, "/metrics").text
        #expect(!never.contains("strandline_last_success") && !never.contains("strandline_last_attempt"))
        #expect(world.load()["state"] == "success")
        for (wait, state) in [(Duration.zero, "fresh"), (.seconds(3_600), "warn"), (.seconds(3_600), "stale")] {
            world.clock.advance(by: wait)
            let text = world.ask(.get, "/metrics").text
            for other in ["fresh", "warn", "stale", "unknown"] {
                let line =
                    "strandline_freshness_state{pipeline=\"orders\",state=\"\(other)\"} \(other == state ? 1 : 0)\n"
                #expect(text.contains(line), "\(state)")
            }
            // The instant stays; only the clock goes on.
            let labels = #"{pipeline="orders",step="orders"}"#
            #expect(text.contains("strandline_last_success_timestamp_seconds\(labels) 1711929600\n"))
            #expect(text.contains("strandline_last_change_timestamp_seconds\(labels) 1711929600\n"))
            #expect(text.contains("strandline_freshness_warn_after_seconds\(labels) 3600\n"))
            #expect(text.contains("strandline_freshness_error_after_seconds\(labels) 7200\n"))
        }
    }

    // PAINS 54: whoever watches sees that the looking itself goes on.
    @Test func tellsWhenFreshnessWasLastLookedAtByTheClock() throws {
        let world = try World()
        func evaluated() -> String? {
            world.ask(.get, "/metrics").text.split(separator: "\n")
                .first { $0.hasPrefix("strandline_freshness_evaluated_timestamp_seconds ") }.map(String.init)
        }
        #expect(evaluated()?.hasSuffix(" 1711929600") == true)
        // A scrape looks at the clock too, and must not pass for the looking that history and messages live by.
        world.clock.advance(by: .seconds(30))
        #expect(evaluated()?.hasSuffix(" 1711929600") == true)
    }

    @Test func countsRunsAndRowsOfAPipelineUntilItIsGone() throws {
        let world = try World()
        try world.putOrders()
        let none = world.ask(.get, "/metrics").text
        for state in ["success", "failed", "cancelled"] {
            #expect(none.contains("strandline_runs_total{pipeline=\"orders\",state=\"\(state)\"} 0\n"))
        }
        #expect(!none.contains("state=\"queued\"} 0\nstrandline_runs_total") && !none.contains("strandline_rows_total"))
        for _ in 0..<2 { #expect(world.load()["state"] == "success") }
        let twice = world.ask(.get, "/metrics").text
        let rows = #"strandline_rows_total{pipeline="orders",step="orders",change="#
        #expect(twice.contains("strandline_runs_total{pipeline=\"orders\",state=\"success\"} 2\n"))
        #expect(twice.contains("\(rows)\"inserted\"} 10\n") && twice.contains("\(rows)\"deleted\"} 0\n"))
        #expect(twice.contains("strandline_run_duration_seconds_count 2\n"))
        #expect(world.ask(.delete, "/v1/pipelines/orders").status == 204)
        #expect(!world.ask(.get, "/metrics").text.contains("orders\""))
    }

    @Test func keepsWhatItWroteOnlyAsLongAsNothingChanges() throws {
        let world = try World()
        try world.putOrders()
        for id in 11...14 {
            #expect(world.load()["state"] == "success")
            let watermark = world.ask(.get, mark).json["value"]?.string
            let time = try #require(watermark.flatMap { Timestamp(rfc3339: $0) })
            let text = world.ask(.get, "/metrics").text
            #expect(text.contains("orders\"} \(MetricSamples.seconds(time))\n"))
            try world.order(id...id)
        }
    }

    @Test(arguments: [
        (nil, false), ("*/*", false), ("text/plain", false), ("application/json", false), ("nonsense;;q", false),
        ("application/openmetrics-text", true), ("application/openmetrics-text; version=1.0.0", true),
        ("application/openmetrics-text;version=0.0.1", false), ("APPLICATION/OPENMETRICS-TEXT;VERSION=\"1.0.0\"", true),
        ("application/openmetrics-text;q=0", false), ("application/openmetrics-text;q=0.4, text/plain;q=0.5", false),
        ("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.5", true),
        ("application/openmetrics-text;version=0.0.1;q=0.9,application/openmetrics-text;q=0.1,text/*;q=0.2", false),
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                + "text/plain;version=0.0.4;q=0.5,*/*;q=0.2", true
        ),
    ])
    func choosesTheFormatThatTheClientWouldRatherHave(accept: String?, isOpen: Bool) {
        let headers = Headers(accept.map { [Headers.Field(name: "Accept", value: $0)] } ?? [])
        #expect(MetricsText.Format(headers) == (isOpen ? .openMetrics : .prometheus))
    }

    @Test func writesEachFormatAsItsStandardSays() {
        var samples = MetricSamples()
        samples.add("a_seconds_total", [("l", "x\\y\"z\nw"), ("m", "")], "1")
        let metric = Metric("a_seconds_total", .counter, labels: ["l", "m"], "Help.")
        var old = MetricsText(.prometheus)
        old.add(metric, samples)
        old.end()
        let line = "a_seconds_total{l=\"x\\\\y\\\"z\\nw\",m=\"\"} 1\n"
        #expect(old.string == "# HELP a_seconds_total Help.\n# TYPE a_seconds_total counter\n" + line)
        var new = MetricsText(.openMetrics)
        new.add(metric, samples)
        new.add(Metric("nothing", .gauge, "None."), MetricSamples())
        new.end()
        #expect(
            new.string == "# HELP a_seconds Help.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n" + line
                + "# EOF\n")
        #expect(MetricSamples.seconds(Timestamp(microseconds: -1_500_000)) == "-1.500000")
        #expect(MetricSamples.seconds(Timestamp(microseconds: 2_000_001)) == "2.000001")
        #expect(MetricSamples.seconds(Duration.seconds(3)) == "3")
    }

    @Test func writesTheBucketsOfAHistogramAsSums() {
        var histogram = Histogram(bounds: [0.5, 1])
        for time in [Duration.milliseconds(500), .milliseconds(501), .seconds(7), .seconds(-1)] { histogram.add(time) }
        var samples = MetricSamples()
        samples.add("h", [("a", "b")], histogram)
        #expect(
            String(decoding: samples.bytes, as: UTF8.self) == """
                h_bucket{a="b",le="0.5"} 2
                h_bucket{a="b",le="1.0"} 3
                h_bucket{a="b",le="+Inf"} 4
                h_sum{a="b"} 8.001000
                h_count{a="b"} 4

                """)
    }

    @Test func everyMetricStandsInThePageOfMetricsAndNothingElse() throws {
        let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let page = try String(contentsOf: top.appending(path: "docs/metrics.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        let written = Set(rows.map { "\($0[0]) \($0[1]) \($0[2])" })
        let metrics = PipelineMetrics.table.map(\.metric) + ServerMetrics.table.map(\.metric)
        let told = Set(
            metrics.map { metric in
                "`\(metric.name)` \(metric.kind.rawValue) \(metric.labels.map { "`\($0)`" }.joined(separator: " "))"
            })
        #expect(written == told, "\(told.symmetricDifference(written).sorted())")
        #expect(metrics.count == told.count)
    }
}

extension MetricsText {
    fileprivate var string: String { String(decoding: bytes, as: UTF8.self) }
}
