import Documents
import Model
import Platform
import Testing

/// How old the data of a pipeline is, and whether that is too old for those that run after it.
struct DataAgeTests {
    private let now = Timestamp(microseconds: 1_711_929_600_000_000)

    private func at(_ minutes: Int) -> Timestamp { now.adding(.seconds(60 * minutes)) }

    private func step(_ name: String, strategy: Strategy, cursor: Cursor?) -> Step {
        Step(
            .load(
                LoadStep(
                    name: name, source: .init(connection: "shop", relation: .table(name)),
                    destination: .init(connection: "warehouse", table: name), strategy: strategy, cursor: cursor)))
    }

    private var orders: Step { step("orders", strategy: .timestamp, cursor: Cursor(column: "updated_at")) }
    private var lines: Step { step("lines", strategy: .sequence, cursor: Cursor(column: "id")) }

    @Test func aTimeIsTheWatermarkAndAllElseTheLastSuccess() {
        let time = CursorValue.text(at(-30).rfc3339)
        #expect(
            DataAge(of: orders, watermark: time, lastSuccess: at(-1))
                == DataAge(step: "orders", basis: .watermark, since: at(-30)))
        // No row was found yet.
        #expect(
            DataAge(of: orders, watermark: nil, lastSuccess: at(-1))
                == DataAge(step: "orders", basis: .lastSuccess, since: at(-1)))
        #expect(
            DataAge(of: lines, watermark: .integer(7), lastSuccess: at(-2))
                == DataAge(step: "lines", basis: .lastSuccess, since: at(-2)))
        let seconds = step(
            "events", strategy: .sequence, cursor: Cursor(column: "at", format: .unixSeconds))
        #expect(
            DataAge(of: seconds, watermark: .integer(at(-5).microseconds / 1_000_000), lastSuccess: at(-2))
                == DataAge(step: "events", basis: .watermark, since: at(-5)))
        let sql = Step(.sql(SQLStep(name: "sum", connection: "warehouse", script: SQLScript("SELECT 1"))))
        #expect(DataAge(of: sql, watermark: nil, lastSuccess: nil).since == nil)
    }

    @Test func theStepFurthestBehindDecides() {
        let pipeline = Pipeline(name: "shop", steps: [orders, lines])
        func age(_ successes: [String: Timestamp]) -> DataAge? {
            DataAge(
                of: pipeline, watermarks: ["orders": .text(at(-30).rfc3339), "lines": .integer(3)],
                lastSuccesses: successes)
        }
        #expect(age(["orders": at(0), "lines": at(-1)])?.step == "orders")
        #expect(age(["orders": at(0), "lines": at(-31)])?.step == "lines")
        // What never succeeded is behind everything.
        #expect(age(["orders": at(0)]) == DataAge(step: "lines", basis: .lastSuccess, since: nil))
        #expect(DataAge(of: Pipeline(name: "none", steps: []), watermarks: [:], lastSuccesses: [:]) == nil)
    }

    @Test func theLimitItselfIsNotTooOldAndTheFutureIsNew() {
        let age = DataAge(step: "orders", basis: .watermark, since: at(-120))
        #expect(!age.exceeds(.seconds(7_200), at: now))
        #expect(age.exceeds(.seconds(7_200), at: now.adding(.microseconds(1))))
        #expect(DataAge(step: "orders", basis: .watermark, since: at(5)).age(at: now) == .zero)
        #expect(DataAge(step: "orders", basis: .lastSuccess, since: nil).exceeds(.seconds(1 << 40), at: now))
    }

    // PAINS 53
    @Test func aRefusalNamesWhatIsTooOldSinceWhenAndTheRemedy() throws {
        var report = Pipeline(name: "report", after: ["orders", "rates", "shops"], steps: [lines])
        let upstreams = [
            Upstream("orders", DataAge(step: "orders", basis: .watermark, since: at(-200))),
            Upstream("shops", DataAge(step: "all", basis: .lastSuccess, since: at(-60))),
            Upstream("rates", DataAge(step: "daily", basis: .lastSuccess, since: nil)),
        ]
        #expect(Upstream.stale(upstreams, for: report, at: now) == nil)
        report.maxUpstreamAge = .seconds(7_200)
        let failure = try #require(Upstream.stale(upstreams, for: report, at: now))
        #expect(failure.code == .upstreamStale && !failure.isTransient)
        #expect(
            failure.message
                == "report runs on data that is at most 2h old (max_upstream_age), but step orders of orders has come to "
                + "\(at(-200).rfc3339), 3h20m ago: too old since \(at(-80).rfc3339); step daily of rates has never succeeded"
        )
        #expect(failure.hint.contains("orders, rates") && failure.hint.contains("allow_stale_upstream"))
        report.maxUpstreamAge = .seconds(86_400)
        #expect(Upstream.stale(Array(upstreams.prefix(2)), for: report, at: now) == nil)
    }

    // MARK: Documents

    private func decode(_ lines: String) throws -> Pipeline {
        let text = """
            name: report
            steps:
              - name: report
                source: { connection: shop, table: orders }
                destination: { connection: warehouse, table: orders }
                strategy: full_refresh

            """
        return try DocumentDecoder.pipeline(try DocumentReader.read(Array((text + lines).utf8)), name: nil).pipeline
    }

    @Test func documentsSayIt() throws {
        #expect(try decode("after: [orders]\nmax_upstream_age: 2h").maxUpstreamAge == .seconds(7_200))
        #expect(try decode("after: orders").maxUpstreamAge == nil)
    }

    @Test(arguments: [
        ("max_upstream_age: 2h", "Add `after`"), ("after: []\nmax_upstream_age: 2h", "Add `after`"),
        ("after: [orders]\nmax_upstream_age: 2", "90s"), ("after: [orders]\nmax_upstream_age: 0s", ""),
    ])
    func documentsSayNothingThatMeansNothing(_ lines: String, _ hint: String) throws {
        let failures = #expect(throws: DocumentFailures.self) { _ = try decode(lines) }
        let failure = try #require(failures?.failures.first { $0.field == "max_upstream_age" })
        #expect(failure.hint.contains(hint) && failure.mark != nil)
    }
}
