import Model
import Platform
import Testing

/// Schedules tick when their calendar says, also where clocks are set.
struct ScheduleTests {
    private func time(_ text: String) throws -> Timestamp {
        try #require(Timestamp(rfc3339: text.count > 17 ? text : text.dropLast() + ":00Z"), "\(text)")
    }

    private func ticks(_ cron: String, _ zone: String = "UTC") throws -> Ticks {
        Schedule.Rule.cron(try CronExpression(cron), try #require(Zone(named: zone))).ticks(of: "orders")
    }

    /// The local times, in UTC as written, of the next ticks.
    private func next(_ cron: String, _ zone: String, after start: String, _ count: Int) throws -> [String] {
        let ticks = try ticks(cron, zone)
        var at = try time(start)
        return try (0..<count).map { _ in
            at = try #require(ticks.next(after: at))
            return at.rfc3339.replacing(":00Z", with: "Z", maxReplacements: 1)
        }
    }

    @Test func ticksAreThoseOfAWellKnownImplementation() throws {
        var rows = 0
        var zones: Set<String> = []
        for line in CronReference.text.split(separator: "\n") {
            let parts = line.split(separator: "|").map(String.init)
            let expected = try parts[3].split(separator: " ").map { try time(String($0)) }
            let ticks = try ticks(parts[0], parts[1])
            var at = try time(parts[2])
            var found: [Timestamp] = []
            for _ in expected {
                at = try #require(ticks.next(after: at))
                found.append(at)
            }
            #expect(found == expected, "\(line)")
            rows += 1
            zones.insert(parts[1])
        }
        #expect(rows > 200 && zones.count >= 5)
    }

    // PAINS 60
    @Test func aTimeThatTheClocksLeaveOutRunsOnceAtTheJump() throws {
        // Berlin, 2024-03-31: 02:00 is followed by 03:00, at 01:00 in UTC.
        #expect(
            try next("30 2 * * *", "Europe/Berlin", after: "2024-03-30T01:30Z", 3)
                == ["2024-03-31T01:00Z", "2024-04-01T00:30Z", "2024-04-02T00:30Z"])
        // Four times that are left out are one tick, and so is the one that the jump leads to. cronsim has none of the four.
        #expect(
            try next("*/15 2,3 * * *", "Europe/Berlin", after: "2024-03-30T23:00Z", 4)
                == ["2024-03-31T01:00Z", "2024-03-31T01:15Z", "2024-03-31T01:30Z", "2024-03-31T01:45Z"])
        // cronsim waits four hours here, since a `*` lets it forget 02:00.
        #expect(
            try next("0 */2 * * *", "Europe/Berlin", after: "2024-03-30T22:00Z", 3)
                == ["2024-03-30T23:00Z", "2024-03-31T01:00Z", "2024-03-31T02:00Z"])
        // Every hour has its run: the one that is left out never was.
        #expect(
            try next("30 * * * *", "Europe/Berlin", after: "2024-03-30T23:30Z", 2)
                == ["2024-03-31T00:30Z", "2024-03-31T01:30Z"])
        // Lord Howe jumps from 02:00 to 02:30, which is shown then; cronsim, which steps by whole hours, misses it.
        #expect(
            try next("30 * * * *", "Australia/Lord_Howe", after: "2024-10-05T15:00Z", 2)
                == ["2024-10-05T15:30Z", "2024-10-05T16:30Z"])
        // Beirut jumps over midnight, Samoa over a whole day.
        #expect(
            try next("0 0 * * *", "Asia/Beirut", after: "2024-03-29T22:00Z", 2)
                == ["2024-03-30T22:00Z", "2024-03-31T21:00Z"])
        #expect(
            try next("0 12 * * *", "Pacific/Apia", after: "2011-12-29T22:00Z", 2)
                == ["2011-12-30T10:00Z", "2011-12-30T22:00Z"])
    }

    // PAINS 60
    @Test func aTimeThatTheClocksShowTwiceRunsOnce() throws {
        // Berlin, 2024-10-27: 03:00 is followed by 02:00, at 01:00 in UTC.
        #expect(
            try next("30 2 * * *", "Europe/Berlin", after: "2024-10-26T00:30Z", 3)
                == ["2024-10-27T00:30Z", "2024-10-28T01:30Z", "2024-10-29T01:30Z"])
        // cronsim has all eight.
        #expect(
            try next("*/15 2 * * *", "Europe/Berlin", after: "2024-10-27T00:00Z", 4)
                == ["2024-10-27T00:15Z", "2024-10-27T00:30Z", "2024-10-27T00:45Z", "2024-10-28T01:00Z"])
        // What runs in every hour runs in both of them: else an hour would pass without.
        #expect(
            try next("*/30 * * * *", "Europe/Berlin", after: "2024-10-26T23:30Z", 6)
                == [
                    "2024-10-27T00:00Z", "2024-10-27T00:30Z", "2024-10-27T01:00Z", "2024-10-27T01:30Z",
                    "2024-10-27T02:00Z", "2024-10-27T02:30Z",
                ])
        // In Lord Howe only half of an hour is shown twice: 01:30, but not 01:00. cronsim misses the second 01:30.
        #expect(
            try next("*/30 * * * *", "Australia/Lord_Howe", after: "2024-04-06T14:00Z", 4)
                == ["2024-04-06T14:30Z", "2024-04-06T15:00Z", "2024-04-06T15:30Z", "2024-04-06T16:00Z"])
        // A start in the second showing does not run what the first one has.
        #expect(try next("45 2 * * *", "Europe/Berlin", after: "2024-10-27T01:10Z", 1) == ["2024-10-28T01:45Z"])
    }

    /// Walks through the minutes of a week around each change, and asks the clocks at each what they show.
    @Test(arguments: ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Havana"])
    func ticksAreThoseOfAWalkThroughTheMinutes(_ name: String) throws {
        let zone = try #require(Zone(named: name))
        let expressions = [
            "* * * * *", "*/15 * * * *", "50 * 1-31/2 * *", "5,35 * * * SUN", "0 0 * * *", "30 2 * * *",
            "*/20 1-3 * * *", "15 */2 * * *", "59 23 * * *", "0,30 0,23 * * SAT,SUN", "* 2 * * 0",
        ]
        for start in ["2024-03-08", "2024-03-28", "2024-04-04", "2024-10-03", "2024-10-25", "2024-11-01"] {
            let first = try time(start + "T00:00:00Z")
            for text in expressions {
                let expression = try CronExpression(text)
                let utc = Schedule.Rule.cron(expression, .utc).ticks(of: "")
                // Whether a time of the wall clock, in seconds, is named: asked of a zone without changes.
                let names = { (from: Int64, to: Int64) in
                    utc.count(
                        after: Timestamp(microseconds: from * 1_000_000),
                        through: Timestamp(microseconds: to * 1_000_000))
                        > 0
                }
                let everyHour = text.split(separator: " ")[1] == "*"
                var walked: [Timestamp] = []
                var latest = zone.localSeconds(first)
                for minute in 1...(6 * 1_440) {
                    let at = first.adding(.seconds(minute * 60))
                    let local = zone.localSeconds(at)
                    if everyHour ? names(local - 1, local) : local > latest && names(latest, local) {
                        walked.append(at)
                    }
                    latest = max(latest, local)
                }
                let ticks = Schedule.Rule.cron(expression, zone).ticks(of: "")
                let end = first.adding(.seconds(6 * 86_400))
                var found: [Timestamp] = []
                var at = first
                while let next = ticks.next(after: at), next <= end {
                    found.append(next)
                    at = next
                }
                #expect(found == walked, "\(text) in \(name) from \(start)")
                #expect(ticks.count(after: first, through: end) == walked.count, "\(text) in \(name) from \(start)")
                #expect(ticks.last(through: end, after: first) == walked.last, "\(text) in \(name) from \(start)")
            }
        }
    }

    @Test(arguments: 0..<40) func countsAreThoseOfTheTicks(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let zones = ["Europe/Berlin", "America/New_York", "Asia/Beirut", "Pacific/Apia", "Australia/Lord_Howe", "UTC"]
        let texts = [
            "*/5 * * * *", "17 * * * *", "0 */3 * * *", "30 2 * * *", "0 0 1 * *", "*/30 1-4 * * MON", "@weekly",
        ]
        let zone = zones.randomElement(using: &random) ?? "UTC"
        let ticks =
            seed % 5 == 0
            ? Schedule.Rule.every(.seconds(Int.random(in: 60...7_200, using: &random)), jitter: .seconds(50))
                .ticks(of: "p\(seed)")
            : try ticks(texts.randomElement(using: &random) ?? "", zone)
        let begin = try time(seed % 2 == 0 ? "2024-01-01T00:00:00Z" : "2011-11-01T00:00:00Z")
        for _ in 0..<4 {
            let start = begin.adding(.microseconds(Int64.random(in: 0...20_000_000_000_000, using: &random)))
            let end = start.adding(.microseconds(Int64.random(in: 0...9_000_000_000_000, using: &random)))
            var count = 0
            var last: Timestamp?
            while let next = ticks.next(after: last ?? start), next <= end {
                #expect(next > last ?? start)
                count += 1
                last = next
            }
            #expect(ticks.count(after: start, through: end) == count, "seed \(seed), \(zone), \(start) to \(end)")
            #expect(ticks.last(through: end, after: start) == last, "seed \(seed), \(zone)")
        }
    }

    @Test func everySoOftenIsAnchoredAndShiftedByThePipelinesName() throws {
        let rule = Schedule.Rule.every(.seconds(300), jitter: .seconds(60))
        let start = try time("2024-01-01T00:00:00Z")
        let shifts = Set(try (0..<200).map { try #require(rule.ticks(of: "p\($0)").next(after: start)).since(start) })
        #expect(shifts.count > 150)
        #expect(shifts.allSatisfy { $0 <= .seconds(60) })
        #expect(rule.ticks(of: "orders") == rule.ticks(of: "orders"))
        let plain = Schedule.Rule.every(.seconds(300), jitter: .zero).ticks(of: "orders")
        #expect(plain.next(after: start)?.rfc3339 == "2024-01-01T00:05:00Z")
        #expect(plain.next(after: start.adding(.microseconds(-1))) == start)
    }

    @Test func rulesAreKeptAsTexts() throws {
        let zone = try #require(Zone(named: "Europe/Berlin"))
        for rule in [
            Schedule.Rule.cron(try CronExpression("*/5  1-3 * * MON"), zone), .cron(try CronExpression("@daily"), .utc),
            .every(.seconds(90), jitter: .milliseconds(1_500)), .every(.seconds(60), jitter: .zero),
        ] {
            #expect(Schedule.Rule(text: rule.text) == rule)
        }
        #expect(Schedule.Rule(text: "cron Europe/Nowhere * * * * *") == nil)
        #expect(Schedule.Rule(text: "never") == nil)
    }

    @Test func wordsStandForExpressions() throws {
        let expected = [
            "@hourly": "2024-01-31T10:00Z", "@daily": "2024-02-01T00:00Z", "@midnight": "2024-02-01T00:00Z",
            "@weekly": "2024-02-04T00:00Z", "@monthly": "2024-02-01T00:00Z", "@yearly": "2025-01-01T00:00Z",
            "@annually": "2025-01-01T00:00Z",
        ]
        for (word, at) in expected { #expect(try next(word, "UTC", after: "2024-01-31T09:30Z", 1) == [at]) }
    }

    @Test func aWeekMayEndOnSunday() throws {
        #expect(
            try next("0 0 * * FRI-SUN", "UTC", after: "2024-02-01T12:00Z", 4)
                == ["2024-02-02T00:00Z", "2024-02-03T00:00Z", "2024-02-04T00:00Z", "2024-02-09T00:00Z"])
    }

    /// 29 February on a Sunday: once in 28 years, and in 40 over a year like 2100.
    @Test func rareDaysAreFound() throws {
        #expect(
            try next("0 0 29 2 */7", "UTC", after: "2024-03-01T00:00Z", 3)
                == ["2032-02-29T00:00Z", "2060-02-29T00:00Z", "2088-02-29T00:00Z"])
        #expect(try next("0 0 29 2 */7", "UTC", after: "2088-03-01T00:00Z", 1) == ["2128-02-29T00:00Z"])
    }

    @Test(arguments: [
        ("0 0 30 2 *", "never runs"), ("0 0 31 4,6,9,11 *", "never runs"), ("60 * * * *", "the minute cannot be `60`"),
        ("* 24 * * *", "the hour cannot be `24`"), ("* * 0 * *", "the day of the month cannot be `0`"),
        ("* * * 13 *", "the month cannot be `13`"), ("* * * * 8", "the day of the week cannot be `8`"),
        ("* * * FOO *", "`FOO`"), ("* * * *", "has 4 fields"), ("0 0 * * * *", "has 6 fields"), ("", "has 0 fields"),
        ("*/0 * * * *", "the step `0`"), ("*/60 * * * *", "the step `60`"), ("*/ * * * *", "the step ``"),
        ("5/15 * * * *", "a step without a range"), ("30-10 * * * *", "which ends before it begins"),
        ("1,,2 * * * *", "cannot be ``"), ("* * L * *", "`L`"), ("* * * * 5#2", "`5#2`"), ("? * * * *", "`?`"),
        ("@reboot", "is no word for a schedule"), ("-5 * * * *", "cannot be ``"), ("1-2-3 * * * *", "`2-3`"),
        ("+5 * * * *", "`+5`"), ("99999999999999999999 * * * *", "cannot be"),
    ])
    func whatNeverRunsIsRefused(_ text: String, _ reason: String) throws {
        let failure = #expect(throws: Failure.self) { try CronExpression(text) }
        #expect(failure?.message.contains(reason) == true, "\(failure?.message ?? "")")
        #expect(failure?.hint.isEmpty == false)
    }

    @Test(arguments: [("5m", "{ every: 5m }"), ("every 5 minutes", "{ every: 5m }"), ("* * * *", "`*/15 * * * *`")])
    func whoMeansAPeriodIsToldHowToWriteIt(_ text: String, _ remedy: String) throws {
        let failure = #expect(throws: Failure.self) { try CronExpression(text) }
        #expect(failure?.hint.contains(remedy) == true, "\(failure?.hint ?? "")")
        #expect(failure?.message.contains("1 fields") == false)
    }
}
