import Platform
import Testing

struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2024-02-29T12:34:56.5Z", 1_709_210_096_500_000),
        ("1969-12-31T23:59:59.999999Z", -1), ("2024-01-01T01:00:00+01:00", 1_704_067_200_000_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
    ])
    func readsRFC3339(text: String, microseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "2024-01-01", "2024-01-01T00:00:00", "2023-02-29T00:00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00Zx", "2024-1-01T00:00:00Z",
    ])
    func refusesWhatIsNoInstant(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func writesWhatItReads() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1_000 {
            let microseconds = Int64.random(in: -62_167_219_200_000_000...253_402_300_799_999_999, using: &generator)
            let timestamp = Timestamp(microseconds: microseconds)
            #expect(Timestamp(rfc3339: timestamp.rfc3339) == timestamp, "\(microseconds)")
        }
    }

    @Test func identifiersSortInTheOrderTheyWereMade() {
        let clock = ManualClock(Timestamp(microseconds: 1_700_000_000_000_000))
        let maker = IdentifierMaker(clock: clock)
        var last = ""
        for round in 0..<500 {
            if round % 3 == 0 { clock.advance(by: .milliseconds(1)) }
            if round % 50 == 0 { clock.set(Timestamp(microseconds: 1_600_000_000_000_000)) }
            let next = maker.next()
            #expect(next > last)
            #expect(next.utf8.count == 26)
            last = next
        }
    }
}
