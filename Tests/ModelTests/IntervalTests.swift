import Model
import Platform
import Testing

struct IntervalTests {
    @Test(arguments: [
        (Interval.hour, "2024-03-05T10:59:59Z", "2024-03-05T10:00:00Z"),
        (.day, "2024-03-05T10:59:59Z", "2024-03-05T00:00:00Z"), (.week, "2024-03-10T23:00:00Z", "2024-03-04T00:00:00Z"),
        (.week, "2024-03-11T00:00:00Z", "2024-03-11T00:00:00Z"),
        (.month, "2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z"),
        (.year, "2024-12-31T23:59:59Z", "2024-01-01T00:00:00Z"), (.day, "1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z"),
        (.week, "1969-12-28T12:00:00Z", "1969-12-22T00:00:00Z"),
        (.month, "1969-12-31T00:00:00Z", "1969-12-01T00:00:00Z"),
    ])
    func aPartBeginsWhereItsIntervalDoes(_ interval: Interval, _ time: String, _ start: String) throws {
        let seconds = try #require(Timestamp(rfc3339: time)).microseconds / 1_000_000
        let begin = interval.seconds(ofPart: interval.part(ofSeconds: seconds))
        #expect(Timestamp(microseconds: begin * 1_000_000).rfc3339 == start)
    }

    @Test func readsBackWhatItGives() {
        for interval: Interval in [.hour, .day, .week, .month, .year, .count(7)] {
            #expect(Interval(json: interval.json) == interval)
        }
        for json: JSONValue in [0, -1, "fortnight", 1.5, nil] { #expect(Interval(json: json) == nil) }
    }
}
