import Model
import Testing

struct DurationTextTests {
    @Test(
        arguments: [
            ("90s", 90_000), ("10m", 600_000), ("2h", 7_200_000), ("3d", 259_200_000), ("1w", 604_800_000),
            ("1h30m", 5_400_000), ("1w2d3h4m5s6ms", 788_645_006), ("0s", 0), ("007s", 7_000), ("250ms", 250),
            ("5200w", 3_144_960_000_000),
        ] as [(String, Int)])
    func reads(text: String, milliseconds: Int) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "s", "10", "1.5h", "-1s", "+1s", "1 h", " 1h", "1h ", "30m1h", "1h1h", "1y", "1H", "9999999999999999999s",
        "9223372036854775807w", "6000w", "1h-30m", "١s",
    ])
    func refusesWhatIsNoLength(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        (0, "0s"), (-5, "0s"), (1, "1ms"), (90_000, "1m30s"), (5_400_000, "1h30m"), (604_800_000, "1w"),
    ])
    func writesTheLargestUnitsFirst(milliseconds: Int, text: String) {
        #expect(DurationText.format(.milliseconds(milliseconds)) == text)
    }

    @Test func readsWhatItWrites() {
        let seed: UInt64 = 20_260_101
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let duration = Duration.milliseconds(Int64.random(in: 0...3_000_000_000_000, using: &generator))
            #expect(DurationText.parse(DurationText.format(duration)) == duration, "seed \(seed)")
        }
    }
}
