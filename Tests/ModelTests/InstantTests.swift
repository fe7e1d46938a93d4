import Model
import Platform
import Testing

struct InstantTests {
    @Test(
        "texts of one instant are one instant",
        arguments: [
            "2024-03-31T23:59:58Z", "2024-03-31 23:59:58", "2024-03-31t23:59:58z", "2024-04-01T01:59:58+02:00",
            "2024-03-31 18:29:58-0530", "2024-04-01T13:59:58+14", "2024-03-31T23:59:58.000",
            "2024-03-31 23:59:58,0 +00:00",
            "2024-03-31T23:59:58.000000000000000000Z",
        ])
    func oneInstant(text: String) {
        #expect(Instant(iso8601: text) == Instant(seconds: 1_711_929_598))
    }

    @Test(
        "shorter forms",
        arguments: [
            ("1970-01-01", Int64(0)), ("1970-01-01T00:01", 60), ("1969-12-31", -86_400),
            ("0000-01-01", -62_167_219_200),
            ("9999-12-31T23:59:59Z", 253_402_300_799), ("2024-02-29", 1_709_164_800), ("2000-02-29", 951_782_400),
        ])
    func shorterForms(text: String, seconds: Int64) {
        #expect(Instant(iso8601: text) == Instant(seconds: seconds))
    }

    @Test(
        "what is no time",
        arguments: [
            "", " ", "2024", "2024-03", "2024-3-1", "2024-02-30", "2023-02-29", "1900-02-29", "2024-13-01",
            "2024-00-01",
            "2024-01-00", "2024-01-01T", "2024-01-01T24:00:00", "2024-01-01T23:60", "2024-01-01T23:59:60",
            "2024-01-01T1:00",
            "2024-01-01T10:00:00.", "2024-01-01T10:00:00.1234567890123456789", "2024-01-01T10:00:00+",
            "2024-01-01T10:00:00+2",
            "2024-01-01T10:00:00+24:00", "2024-01-01T10:00:00+01:60", "2024-01-01T10:00:00ZZ", "2024-01-01T10:00:00Z ",
            " 2024-01-01", "2024-01-01\0", "+2024-01-01", "20240101", "2024-01-01Z", "٢٠٢٤-01-01",
            "2024-01-01T10:00:00 UTC",
        ])
    func noTime(text: String) {
        #expect(Instant(iso8601: text) == nil)
    }

    @Test("the sortable text orders as instants do and gives the instant back", arguments: [UInt64(1), 2, 3])
    func sortableText(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var instants: [Instant] = []
        for _ in 0..<500 {
            let power = Int.random(in: 0...18, using: &random)
            var unit: Int64 = 1
            for _ in 0..<power { unit *= 10 }
            let fraction = Int64.random(in: 0..<1_000_000_000_000_000_000, using: &random) / unit * unit
            instants.append(
                Instant(
                    seconds: Int64.random(in: -60_000_000_000...250_000_000_000, using: &random), attoseconds: fraction)
            )
        }
        for pair in zip(instants, instants.dropFirst()) {
            #expect((pair.0 < pair.1) == (pair.0.sortableText < pair.1.sortableText), "seed \(seed): \(pair)")
            #expect(Instant(iso8601: pair.0.sortableText) == pair.0, "seed \(seed)")
        }
    }

    @Test func subtractingCrossesEverySecond() {
        let instant = Instant(seconds: 10, attoseconds: 250_000_000_000_000_000)
        #expect(instant.subtracting(.milliseconds(500)) == Instant(seconds: 9, attoseconds: 750_000_000_000_000_000))
        #expect(instant.subtracting(.milliseconds(-800)) == Instant(seconds: 11, attoseconds: 50_000_000_000_000_000))
        #expect(instant.subtracting(.seconds(11)) == Instant(seconds: -1, attoseconds: 250_000_000_000_000_000))
        #expect(Instant(seconds: .min).subtracting(.seconds(1)) == Instant(seconds: .min))
    }

    @Test func clocksBeforeTheEpochRoundDown() {
        #expect(Instant(Timestamp(microseconds: -1)) == Instant(seconds: -1, attoseconds: 999_999_000_000_000_000))
        #expect(
            Instant(Timestamp(microseconds: 1_500_000)) == Instant(seconds: 1, attoseconds: 500_000_000_000_000_000))
        #expect(Instant(seconds: -1).day.text == "1969-12-31")
    }
}
