import Documents
import Model
import Platform
import Testing

/// How fresh a step and a pipeline are: plain rules over what is known and what the clock shows.
struct FreshnessTests {
    private let start = Timestamp(microseconds: 1_711_929_600_000_000)

    private func at(_ minutes: Int) -> Timestamp { start.adding(.seconds(60 * minutes)) }

    private func pipeline(_ lines: String = "freshness: { warn_after: 30m, error_after: 2h }") throws -> Pipeline {
        try decode(step() + lines).pipeline
    }

    private func judge(
        _ pipeline: Pipeline, _ clocks: [String: StepClocks], at now: Timestamp, run: FreshnessFacts.LastRun? = nil
    ) throws -> PipelineFreshness {
        try #require(PipelineFreshness(pipeline, FreshnessFacts(steps: clocks, lastRun: run), at: now))
    }

    private func loaded(watermark minutes: Int?, success: Int?) -> StepClocks {
        StepClocks(
            knownSince: start, lastSuccessAt: success.map(at), lastChangeAt: success.map(at),
            watermark: minutes.map { .text(at($0).rfc3339) })
    }

    @Test func aLimitIsPassedAtTheVeryInstantItsAgeIsReached() throws {
        let pipeline = try pipeline()
        let clocks = ["orders": loaded(watermark: 0, success: 20)]
        let microsecond = Duration.microseconds(1)
        for (now, state, since) in [
            (at(0), FreshnessState.fresh, nil), (at(30).adding(.zero - microsecond), .fresh, nil),
            (at(30), .warn, at(30)), (at(120).adding(.zero - microsecond), .warn, at(30)),
            (at(120), .stale, at(120)), (at(100_000), .stale, at(120)),
        ] as [(Timestamp, FreshnessState, Timestamp?)] {
            let freshness = try judge(pipeline, clocks, at: now)
            #expect(freshness.state == state && freshness.worst.since == since, "\(now)")
        }
        // What is ahead of the clock has no age yet.
        #expect(try judge(pipeline, clocks, at: at(-5)).state == .fresh)
        #expect(try judge(pipeline, clocks, at: at(10)).changesAt == at(30))
        #expect(try judge(pipeline, clocks, at: at(30)).changesAt == at(120))
        #expect(try judge(pipeline, clocks, at: at(120)).changesAt == nil)
    }

    // PAINS 50: both clocks are told; which one counts is the document's choice.
    @Test func theBasisSaysWhichClockCounts() throws {
        let clocks = ["orders": loaded(watermark: 0, success: 119)]
        let byData = try judge(try pipeline(), clocks, at: at(120))
        #expect(byData.state == .stale && byData.worst.basis == .watermark)
        #expect(byData.worst.reckonedFrom == at(0) && byData.lastSuccessAt == at(119))
        let lines = "freshness: { warn_after: 30m, error_after: 2h, basis: last_success }"
        let byLook = try judge(try pipeline(lines), clocks, at: at(120))
        #expect(byLook.state == .fresh && byLook.worst.reckonedFrom == at(119))
        #expect(byLook.furthestBehind?.watermarkAt == at(0))
        // A cursor that only counts tells no time.
        let sequence = try decode(
            step("strategy: sequence", "cursor: id") + "freshness: { error_after: 2h }"
        ).pipeline
        #expect(try judge(sequence, clocks, at: at(120)).worst.basis == .lastSuccess)
    }

    // PAINS 49
    @Test func anEmptyTableIsUnknownWithTheReason() throws {
        let clocks = ["orders": StepClocks(knownSince: start, lastSuccessAt: at(5))]
        let freshness = try judge(try pipeline(), clocks, at: at(100_000))
        #expect(freshness.state == .unknown && freshness.changesAt == nil)
        #expect(freshness.reason == "no rows yet: the last load, at 2024-04-01T00:05:00Z, found none")
        var removed = try #require(clocks["orders"])
        removed.lastChangeAt = at(5)
        #expect(try judge(try pipeline(), ["orders": removed], at: at(6)).reason.contains("has no watermark"))
        removed.watermark = .text("soon")
        #expect(try judge(try pipeline(), ["orders": removed], at: at(6)).reason == "its watermark soon is no time")
    }

    // PAINS 54: what never ran goes stale without failing.
    @Test func whatWasNeverLoadedIsReckonedFromWhenItWasMade() throws {
        let clocks = ["orders": StepClocks(knownSince: start)]
        let young = try judge(try pipeline(), clocks, at: at(29))
        #expect(young.state == .unknown && young.changesAt == at(30))
        #expect(young.reason == "nothing was loaded since the step was made at 2024-04-01T00:00:00Z")
        let old = try judge(try pipeline(), clocks, at: at(120))
        #expect(old.state == .stale && old.worst.since == at(120) && old.worst.reckonedFrom == nil)
        #expect(old.reason.hasSuffix("; no run was ever started"))
    }

    @Test func withoutLimitsBothClocksAreShownAndNothingIsJudged() throws {
        let freshness = try judge(try pipeline(""), ["orders": loaded(watermark: 0, success: 1)], at: at(9_999))
        #expect(freshness.state == .unknown && !freshness.hasLimits && freshness.changesAt == nil)
        #expect(freshness.reason == "no limits are set")
        #expect(freshness.worst.watermarkAt == at(0) && freshness.lastSuccessAt == at(1))
    }

    @Test func aPipelineIsAsItsWorstStep() throws {
        func step(_ name: String, _ more: String = "") -> String {
            """
              - name: \(name)
                source: { connection: shop, table: \(name) }
                destination: { connection: warehouse, table: \(name) }
                strategy: timestamp
                cursor: updated_at
                primary_key: [id]
                \(more)

            """
        }
        let text =
            "name: both\nfreshness: { warn_after: 30m, error_after: 2h }\nsteps:\n" + step("a")
            + step("b", "freshness: { warn_after: 10m }") + step("c")
        let pipeline = try decode(text).pipeline
        func state(_ a: Int?, _ b: Int?, _ c: Int?) throws -> (FreshnessState, String) {
            let clocks = ["a": loaded(watermark: a, success: 60), "b": loaded(watermark: b, success: 60)]
            let all = clocks.merging(["c": loaded(watermark: c, success: nil)]) { own, _ in own }
            let freshness = try judge(pipeline, all, at: at(125))
            return (freshness.state, freshness.worst.name)
        }
        #expect(try state(124, 124, 124) == (.fresh, "b"))
        #expect(try state(124, 110, 124) == (.warn, "b"))
        // Its own limits take the place of the pipeline's: without the second one it is never stale.
        #expect(try state(124, 0, 124) == (.warn, "b"))
        #expect(try state(0, 0, 124) == (.stale, "a"))
        #expect(try state(0, 0, 4) == (.stale, "a"))
        // What cannot be judged does not hide behind what is well, nor hide what is late.
        #expect(try state(nil, 124, 124) == (.unknown, "a"))
        #expect(try state(nil, 110, 124) == (.warn, "b"))
        let freshness = try judge(
            pipeline, ["a": loaded(watermark: 1, success: 60), "b": loaded(watermark: 2, success: 50)], at: at(60))
        #expect(freshness.furthestBehind?.name == "a")
        // One of them has never succeeded.
        #expect(freshness.lastSuccessAt == nil)
        #expect(freshness.reason.hasPrefix("step b: "))
    }

    // PAINS 54
    @Test func theReasonSaysWhatHoldsTheLoadUp() throws {
        let pipeline = try pipeline()
        let clocks = ["orders": loaded(watermark: 0, success: 3)]
        func reason(_ run: FreshnessFacts.LastRun?, paused: Timestamp?? = nil) throws -> String {
            var facts = FreshnessFacts(steps: clocks, lastRun: run, isScheduled: true)
            if let paused { (facts.isPaused, facts.pausedAt) = (true, paused) }
            let freshness = try #require(PipelineFreshness(pipeline, facts, at: at(200)))
            #expect(freshness.reason.hasPrefix("no rows newer than 2024-04-01T00:00:00Z are loaded; "))
            return String(freshness.reason.dropFirst("no rows newer than 2024-04-01T00:00:00Z are loaded; ".count))
        }
        func run(_ state: RunState, _ error: String? = nil) -> FreshnessFacts.LastRun {
            .init(state: state, createdAt: at(1), startedAt: at(2), finishedAt: at(3), error: error)
        }
        #expect(
            try reason(run(.success)) == "the last run succeeded at 2024-04-01T00:03:00Z and found nothing newer")
        #expect(
            try reason(run(.failed, "no such table")) == "the last run failed at 2024-04-01T00:03:00Z: no such table")
        #expect(try reason(run(.cancelled)) == "the last run was cancelled at 2024-04-01T00:03:00Z")
        #expect(try reason(run(.running)) == "a run is in hand since 2024-04-01T00:02:00Z")
        #expect(try reason(run(.queued)) == "a run waits in the queue since 2024-04-01T00:01:00Z")
        #expect(try reason(run(.queued, "locked")) == "a run waits for another attempt: locked")
        var other = run(.success)
        (other.startedAt, other.finishedAt) = (at(4), at(5))
        #expect(try reason(other) == "the last run, at 2024-04-01T00:05:00Z, did not load it")
        #expect(
            try reason(run(.cancelled), paused: .some(at(7)))
                == "the schedule is paused since 2024-04-01T00:07:00Z; the last run was cancelled at 2024-04-01T00:03:00Z"
        )
        #expect(
            try reason(nil, paused: .some(nil)) == "the schedule is paused by the document; no run was ever started")
        #expect(try reason(run(.failed, String(repeating: "x", count: 5_000))).count < 300)
    }

    @Test func aDeadlineIsMissedFromItsTickOnUntilThereIsNewEnoughData() throws {
        // At 06:00 UTC; the start is midnight.
        let pipeline = try pipeline("freshness: { deadline: { cron: '0 6 * * *', lower_bound: 2h } }")
        func state(_ mark: Int?, _ now: Int) throws -> PipelineFreshness {
            try judge(pipeline, ["orders": loaded(watermark: mark, success: mark)], at: at(now))
        }
        let six = 360
        let day = 1_440
        // Data of 03:00 does until six, and not from then on.
        #expect(try state(180, six - 1).state == .fresh && state(180, six - 1).changesAt == at(six))
        let missed = try state(180, six)
        #expect(missed.state == .stale && missed.worst.since == at(six) && missed.worst.dueAt == at(six))
        #expect(
            missed.reason.hasPrefix("by 2024-04-01T06:00:00Z it had to have data of the last 2h; no rows newer than"))
        #expect(try state(180, 3 * day).worst.since == at(six))
        // Data of four is just new enough, and holds until the next morning.
        #expect(try state(240, six).state == .fresh && state(240, day).worst.dueAt == at(day + six))
        #expect(try state(239, six).state == .stale)
        #expect(try state(240, day + six).state == .stale)
        // What was loaded too late ends it: the tick does not stay missed.
        #expect(try state(six + 60, six + 61).state == .fresh)
        // Ticks of before it was made do not count, the first one after does.
        #expect(try state(nil, six - 1).state == .unknown && state(nil, six).worst.since == at(six))
        #expect(try state(-9_999, six - 1).state == .fresh && state(-9_999, six).worst.since == at(six))
    }

    @Test func ofADeadlineAndAnAgeTheFirstCounts() throws {
        let pipeline = try pipeline(
            "freshness: { error_after: 3h, warn_after: 1h, deadline: { cron: '0 6 * * *', lower_bound: 2h } }")
        for (mark, now, since) in [(170, 360, 350), (185, 360, 360), (185, 370, 360)] {
            let freshness = try judge(pipeline, ["orders": loaded(watermark: mark, success: mark)], at: at(now))
            #expect(freshness.state == .stale && freshness.worst.since == at(since), "\(mark) \(now)")
        }
        let before = try judge(pipeline, ["orders": loaded(watermark: 185, success: 185)], at: at(359))
        #expect(before.state == .warn && before.changesAt == at(360))
    }

    @Test func aDeadlineFollowsTheClocksOfItsZone() throws {
        let lines = "freshness: { deadline: { cron: '0 6 * * *', timezone: Europe/Berlin, lower_bound: 2h } }"
        let freshness = try judge(
            try pipeline(lines), ["orders": loaded(watermark: 0, success: 0)], at: at(240))
        // Summer time began the day before.
        #expect(freshness.worst.since == at(240))
    }

    // MARK: Documents

    @Test func documentsSayTheLimits() throws {
        let forms: [(String, FreshnessPolicy)] = [
            ("{ warn_after: 30m, error_after: 2h }", .init(warnAfter: .seconds(1_800), errorAfter: .seconds(7_200))),
            ("{ error_after: 1d, basis: last_success }", .init(errorAfter: .seconds(86_400), basis: .lastSuccess)),
            (
                "{ warn_after: 1h, error_after: 1h, basis: watermark }",
                .init(warnAfter: .seconds(3_600), errorAfter: .seconds(3_600), basis: .watermark)
            ),
        ]
        for (text, policy) in forms {
            #expect(try decode(step() + "freshness: \(text)").pipeline.freshness == policy)
            #expect(try decode(step("freshness: \(text)")).pipeline.steps.first?.freshness == policy)
        }
        let deadline = try decode(
            step() + "freshness: { deadline: { cron: '0 6 * * *', timezone: Europe/Berlin, lower_bound: 8h } }")
        #expect(
            deadline.pipeline.freshness?.deadline
                == FreshnessDeadline(
                    expression: try CronExpression("0 6 * * *"), zone: try #require(Zone(named: "Europe/Berlin")),
                    lowerBound: .seconds(28_800)))
        #expect(try decode(step() + "freshness: null").pipeline.freshness == nil)
    }

    @Test(arguments: [
        ("{}", "freshness.error_after", "error_after: 2h"), ("2h", "freshness", ""),
        ("{ warn_after: 2h, error_after: 1h }", "freshness.warn_after", "at most 1h"),
        ("{ warn_after: 5 }", "freshness.warn_after", "90s"), ("{ warn_after: 0 }", "freshness.warn_after", ""),
        ("{ eror_after: 1h }", "freshness.eror_after", "error_after"),
        ("{ deadline: { cron: '0 6 * * *' } }", "freshness.deadline.lower_bound", "8h"),
        ("{ deadline: { lower_bound: 8h } }", "freshness.deadline.cron", "8h"),
        ("{ deadline: { cron: '0 6 * *', lower_bound: 8h } }", "freshness.deadline.cron", "minute, hour"),
        ("{ deadline: { cron: '0 6 * * *', lower_bound: 8h, timezone: Berlin } }", "freshness.deadline.timezone", ""),
        ("{ error_after: 1h, basis: age }", "freshness.basis", "last_success"),
    ])
    func refusesWhatCannotBeMeant(_ text: String, _ field: String, _ hint: String) {
        for (place, document) in [("", step() + "freshness: \(text)"), ("steps[0].", step("freshness: \(text)"))] {
            let failure = failures(document).first
            #expect(failure?.field == place + field && failure?.hint.contains(hint) == true, "\(text) \(place)")
        }
    }

    @Test func refusesTheWatermarkWhereNoCursorIsATime() {
        let sequence = step("strategy: sequence", "cursor: id")
        let lines = "freshness: { error_after: 1h, basis: watermark }"
        #expect(failures(sequence + lines).map(\.field) == ["freshness.basis"])
        #expect(failures(step("strategy: sequence", "cursor: id", lines)).map(\.field) == ["steps[0].freshness.basis"])
        #expect(failures(step(lines)).isEmpty && failures(step() + lines).isEmpty)
    }
}
