import Model
import Platform
import Testing

@testable import API
@testable import HTTPServer

/// What a monitoring system scrapes.
struct MetricsTests {
    private let mark = "/v1/pipelines/orders/watermarks/orders"

    @Test func tellsHowFarStepsHaveComeAndHowFarTheyAreVerified() throws {
        let world = try World()
        try world.putOrders()
        let empty = world.ask(.get, "/metrics")
        #expect(empty.status == 200 && empty.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(!empty.text.contains("watermark") && !empty.text.contains("verified"))
        #expect(world.load()["state"] == "success")
        let loaded = world.ask(.get, "/metrics").text
        let labels = #"{pipeline="orders",step="orders"}"#
        // 2024-01-01T10:00:00Z
        #expect(loaded.contains("\nstrandline_watermark_timestamp_seconds\(labels) 1704103200\n"), "\(loaded)")
        #expect(!loaded.contains("verified"))
        let audit = world.ask(.post, "/v1/pipelines/orders/audits", ["Prefer": "wait=30"])
        #expect(audit.json["state"] == "success")
        let verified = world.ask(.get, "/metrics").text
        #expect(verified.contains("\nstrandline_verified_through_timestamp_seconds\(labels) 1704103200\n"))
        // What a person says of the watermark says nothing of what was compared.
        #expect(world.ask(.put, mark, body: "{value: '2023-12-31T23:59:59.5Z', reason: again}").status == 200)
        let moved = world.ask(.get, "/metrics").text
        #expect(moved.contains("\nstrandline_watermark_timestamp_seconds\(labels) 1704067199.500000\n"))
        #expect(!moved.contains("verified"))
        #expect(moved.contains("strandline_workers_busy 0\n"))
        #expect(moved.contains("strandline_jobs{state=\"queued\"} 0\n"))
    }

    @Test func writesLabelsAndTimesAsTheFormatSays() {
        var text = MetricsText()
        text.gauge("a", "Help.", [([("l", "x\\y\"z\nw")], "1")])
        #expect(text.text == "# HELP a Help.\n# TYPE a gauge\na{l=\"x\\\\y\\\"z\\nw\"} 1\n")
        text.gauge("b", "None.", [])
        #expect(!text.text.contains("b"))
        #expect(MetricsText.seconds(Timestamp(microseconds: -1_500_000)) == "-1.500000")
        #expect(MetricsText.seconds(Timestamp(microseconds: 2_000_001)) == "2.000001")
        #expect(MetricsText.seconds(Timestamp(microseconds: 3_000_000)) == "3")
    }
}
