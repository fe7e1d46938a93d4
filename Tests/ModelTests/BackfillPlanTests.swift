import Model
import Platform
import Testing

/// Ranges are cut where the calendar of their time zone says, once and for all.
struct BackfillPlanTests {
    private func texts(
        _ start: JSONValue, _ end: JSONValue, _ interval: Interval, _ timezone: String = "UTC", limit: Int = 1_000
    ) throws(Failure) -> [String] {
        let plan = try BackfillPlan(PartitionScheme(column: "at", interval: interval, timezone: timezone))
        let range = try plan.range(plan.bound(start, field: "start"), plan.bound(end, field: "end"))
        let partitions = try plan.partitions(of: range, limit: limit)
        for (left, right) in zip(partitions, partitions.dropFirst()) { #expect(left.end == right.start) }
        #expect(partitions.first?.start == range.start && partitions.last?.end == range.end)
        return partitions.map(\.text)
    }

    @Test func daysAreThoseOfTheTimeZone() throws {
        #expect(try hours("2024-03-30", "2024-04-02", "Europe/Berlin") == [24, 23, 24])
        #expect(try hours("2024-10-26", "2024-10-29", "Europe/Berlin") == [24, 25, 24])
        // The clocks of Beirut jump over midnight, those of Lord Howe by half an hour.
        #expect(try hours("2024-03-30", "2024-04-02", "Asia/Beirut") == [24, 23, 24])
        #expect(try hours("2024-04-06", "2024-04-09", "Australia/Lord_Howe") == [24, 24.5, 24])
        // Samoa had no 30 December 2011.
        #expect(try texts("2011-12-29", "2012-01-01", .day, "Pacific/Apia").count == 2)
    }

    @Test func boundsAreWrittenAsDatesWhereDaysBegin() throws {
        #expect(
            try texts("2024-03-30", "2024-04-01", .day, "Europe/Berlin")
                == ["[2024-03-30, 2024-03-31)", "[2024-03-31, 2024-04-01)"])
        #expect(
            try texts("2024-03-30T06:00:00+01:00", "2024-03-31T06:00:00", .day, "Europe/Berlin")
                == ["[2024-03-30T05:00:00Z, 2024-03-31)", "[2024-03-31, 2024-03-31T04:00:00Z)"])
    }

    @Test func hoursAreNeverDoubledNorSkipped() throws {
        #expect(
            try texts("2024-10-27T00:30:00Z", "2024-10-27T02:30:00Z", .hour, "Europe/Berlin")
                == [
                    "[2024-10-27T00:30:00Z, 2024-10-27T01:00:00Z)", "[2024-10-27T01:00:00Z, 2024-10-27T02:00:00Z)",
                    "[2024-10-27T02:00:00Z, 2024-10-27T02:30:00Z)",
                ])
        // Hours of a zone that is half an hour off begin when its clocks say so.
        #expect(
            try texts("2024-01-01", "2024-01-01T02:00:00", .hour, "Asia/Kolkata")
                == ["[2024-01-01, 2023-12-31T19:30:00Z)", "[2023-12-31T19:30:00Z, 2023-12-31T20:30:00Z)"])
    }

    @Test func theFirstAndTheLastPartitionAreCutToTheRange() throws {
        #expect(
            try texts("2024-01-15", "2024-03-10", .month)
                == ["[2024-01-15, 2024-02-01)", "[2024-02-01, 2024-03-01)", "[2024-03-01, 2024-03-10)"])
        #expect(
            try texts("2024-01-03", "2024-01-16", .week)
                == ["[2024-01-03, 2024-01-08)", "[2024-01-08, 2024-01-15)", "[2024-01-15, 2024-01-16)"])
        #expect(
            try texts("2023-06-01", "2025-02-01", .year).map { $0.prefix(11) } == [
                "[2023-06-01", "[2024-01-01", "[2025-01-01",
            ])
        #expect(try texts(-5, 16, .count(10)) == ["[-5, 5)", "[5, 15)", "[15, 16)"])
        #expect(try texts(0, .integer(.max), .count(.max / 2 + 1)).count == 2)
    }

    @Test(arguments: [
        ("2024-03-02" as JSONValue, "2024-03-02" as JSONValue, Interval.day, "end"),
        ("2024-03-02", "2024-03-01", .day, "end"),
        ("soon", "2024-03-01", .day, "start"), ("2024-02-30", "2024-03-01", .day, "start"),
        (7, "2024-03-01", .day, "start"),
        ("2024-03-01", 9, .day, "end"), ("a", 9, .count(3), "start"), (1.5, 9, .count(3), "start"),
    ])
    func aRangeThatIsNoneIsRefused(_ start: JSONValue, _ end: JSONValue, _ interval: Interval, _ field: String) {
        let failure = #expect(throws: Failure.self) { _ = try texts(start, end, interval) }
        #expect(failure?.code == .invalidValue && failure?.field == field)
    }

    @Test func moreThanTheLimitIsRefusedWithTheFigure() throws {
        let failure = #expect(throws: Failure.self) { _ = try texts("2024-01-01", "2025-01-01", .day, limit: 365) }
        #expect(failure?.code == .limitExceeded && failure?.message.contains("366 partitions") == true)
        let endless = #expect(throws: Failure.self) { _ = try texts("0001-01-01", "9999-01-01", .hour) }
        #expect(endless?.message.contains("more than 1000000 partitions") == true)
    }

    @Test(arguments: [
        "Europe/Berlim", "", "../../etc/passwd", "/etc/localtime", "+02:00", "utc", "europe/berlin", ":UTC",
    ])
    func aTimeZoneThatIsNoneIsRefused(_ name: String) {
        #expect(throws: Failure.self) {
            _ = try BackfillPlan(PartitionScheme(column: "at", interval: .day, timezone: name))
        }
    }

    @Test func everyInstantOfAYearLiesInExactlyOneDay() throws {
        for timezone in ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Tehran", "Pacific/Chatham"] {
            for year in [1999, 2018, 2024, 2040] {
                let days = try hours("\(year)-01-01", "\(year + 1)-01-01", timezone, limit: 400)
                #expect(days.count == (year % 4 == 0 ? 366 : 365), "\(timezone) \(year)")
                #expect(days.allSatisfy { (22...26).contains($0) }, "\(timezone) \(year)")
            }
        }
    }

    private func hours(_ start: String, _ end: String, _ timezone: String, limit: Int = 10) throws -> [Double] {
        let plan = try BackfillPlan(PartitionScheme(column: "at", interval: .day, timezone: timezone))
        let range = try plan.range(plan.bound(.string(start), field: "start"), plan.bound(.string(end), field: "end"))
        return try plan.partitions(of: range, limit: limit).map { part in
            guard case .time(let start) = part.start.place, case .time(let end) = part.end.place else { return 0 }
            return end.since(start).seconds / 3_600
        }
    }
}
