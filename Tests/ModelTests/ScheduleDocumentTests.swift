import Documents
import Model
import Platform
import Testing

/// Documents say when pipelines run by themselves.
struct ScheduleDocumentTests {
    private func decode(_ lines: String) throws -> Pipeline {
        try DocumentDecoder.pipeline(try DocumentReader.read(Array((step() + lines).utf8)), name: nil).pipeline
    }

    @Test func decodesEveryForm() throws {
        let berlin = try #require(Zone(named: "Europe/Berlin"))
        let cron = try CronExpression("*/15 * * * *")
        let forms: [(String, Schedule)] = [
            ("schedule: \"*/15 * * * *\"", Schedule(.cron(cron, .utc))),
            ("schedule: \"@daily\"", Schedule(.cron(try CronExpression("@daily"), .utc))),
            ("schedule: { cron: \"*/15 * * * *\" }", Schedule(.cron(cron, .utc))),
            (
                "schedule: { cron: \"*/15 * * * *\", timezone: Europe/Berlin, overlap: skip }",
                Schedule(.cron(cron, berlin), overlap: .skip)
            ),
            ("schedule: { every: 5m }", Schedule(.every(.seconds(300), jitter: .zero))),
            (
                "schedule: { every: 1h30m, jitter: 10m, overlap: cancel_other }",
                Schedule(.every(.seconds(5_400), jitter: .seconds(600)), overlap: .cancelOther)
            ),
        ]
        for (text, schedule) in forms {
            let pipeline = try decode(text)
            #expect(pipeline.schedule == schedule, "\(text)")
            #expect(!pipeline.isPaused)
            #expect(try decode(text + "\npaused: true").isPaused)
        }
        #expect(try decode("schedule: null\npaused: false").schedule == nil)
    }

    @Test(arguments: [
        ("schedule: \"* * * *\"", "schedule", "minute, hour"), ("schedule: 5", "schedule", "quotes"),
        ("schedule: {}", "schedule.cron", "every: 5m"), ("schedule: [a]", "schedule", ""),
        ("schedule: { cron: \"0 0 30 2 *\" }", "schedule.cron", "28-31"),
        ("schedule: { cron: \"61 * * * *\" }", "schedule.cron", "0 to 59"),
        ("schedule: { cron: \"@daily\", every: 5m }", "schedule.every", "Remove one"),
        ("schedule: { cron: \"@daily\", jitter: 5m }", "schedule.jitter", "every"),
        ("schedule: { cron: \"@daily\", timezone: Berlin }", "schedule.timezone", "Europe/Berlin"),
        ("schedule: { cron: \"@daily\", overlap: queue }", "schedule.overlap", "buffer_one"),
        ("schedule: { cron: \"@daily\", tz: UTC }", "schedule.tz", ""),
        ("schedule: { every: 5m, timezone: UTC }", "schedule.timezone", "cron"),
        ("schedule: { every: 5m, jitter: 5m }", "schedule.jitter", "2m30s"),
        ("schedule: { every: 500ms }", "schedule.every", ""), ("schedule: { every: 5 }", "schedule.every", "90s"),
        ("paused: true", "paused", "Add a schedule"), ("schedule: \"@daily\"\npaused: 1", "paused", ""),
    ])
    func refusesWhatCannotBeMeant(_ lines: String, _ field: String, _ hint: String) throws {
        let failures = #expect(throws: DocumentFailures.self) { _ = try decode(lines) }
        let failure = try #require(failures?.failures.first { $0.field == field }, "\(String(describing: failures))")
        #expect(failure.mark != nil)
        #expect(failure.hint.contains(hint), "\(failure.hint)")
    }
}
