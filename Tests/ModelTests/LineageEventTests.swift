import Model
import Platform
import Testing

struct LineageEventTests {
    private let run = "01m7zfrn6abb888f1jw9c0x28t"

    @Test func anIdentifierIsTheSameAgainAndOfVersionSeven() {
        let id = LineageIdentifier.run(run)
        #expect(id == LineageIdentifier.run(run))
        let bytes = Array(id.utf8)
        #expect(bytes.count == 36)
        for (place, byte) in bytes.enumerated() {
            let isHyphen = [8, 13, 18, 23].contains(place)
            #expect(isHyphen ? byte == UInt8(ascii: "-") : Character(Unicode.Scalar(byte)).isHexDigit)
        }
        #expect(bytes[14] == UInt8(ascii: "7"))
        #expect("89ab".utf8.contains(bytes[19]))
        // The time is that of our identifier.
        let maker = IdentifierMaker(clock: ManualClock(Timestamp(microseconds: 1_711_929_600_000_000)))
        #expect(LineageIdentifier.run(maker.next()).hasPrefix("018e96f4-a800-7"))
    }

    @Test func noTwoShareAnIdentifier() {
        let maker = IdentifierMaker(clock: ManualClock(Timestamp(microseconds: 1_711_929_600_000_000)))
        var seen: Set<String> = []
        for _ in 0..<2_000 {
            let run = maker.next()
            seen.insert(LineageIdentifier.run(run))
            for attempt in 1...2 {
                for step in ["a", "b"] { seen.insert(LineageIdentifier.step(step, attempt: attempt, of: run)) }
            }
        }
        #expect(seen.count == 2_000 * 5)
    }

    @Test func aScheduledRunTellsItsTick() {
        let tick = Timestamp(microseconds: 1_711_929_600_000_000)
        var scheduled = Run(
            id: run, pipeline: "orders", state: .failed, trigger: .schedule, attempt: 1, options: RunOptions(),
            createdAt: tick, error: Failure(.locked, "locked"), steps: [])
        func facets(_ run: Run) -> JSONValue? {
            LineageEvent(.fail, run, in: "shop", at: tick).json["run"]?["facets"]
        }
        #expect(facets(scheduled)?["nominalTime"] == nil)
        scheduled.scheduledFor = tick
        #expect(facets(scheduled)?["nominalTime"]?["nominalStartTime"] == "2024-04-01T00:00:00Z")
        #expect(facets(scheduled)?["errorMessage"]?["message"] == "locked")
    }

    @Test(arguments: [(RunState.success, "COMPLETE"), (.failed, "FAIL"), (.cancelled, "ABORT")])
    func everyEndHasItsName(_ state: RunState, _ name: String) {
        #expect(LineageEvent.Kind(endOf: state)?.rawValue == name)
        #expect(LineageEvent.Kind(endOf: .running) == nil)
    }
}
