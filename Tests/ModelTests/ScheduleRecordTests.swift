import Model
import Platform
import Testing

/// What becomes of ticks, decided over plain values.
struct ScheduleRecordTests {
    private let start = Timestamp(microseconds: 1_711_929_600_000_000)

    private func record(_ overlap: Schedule.Overlap = .bufferOne, every seconds: Int = 60) -> ScheduleRecord {
        ScheduleRecord(
            pipeline: "orders", rule: Schedule.Rule.every(.seconds(seconds), jitter: .zero).text, overlap: overlap,
            accounted: start)
    }

    private func after(_ seconds: Int) -> Timestamp { start.adding(.seconds(seconds)) }

    @Test func nothingIsDueBeforeTheTick() {
        #expect(record().decide(at: after(59), active: []) == .nothing)
        #expect(record().nextDecision(at: after(1)) == after(60))
        #expect(record().missed(at: after(59)) == 0)
    }

    // PAINS 55
    @Test func allTicksThatWereMissedAreOneRun() {
        var record = record()
        let decision = record.decide(at: after(3_610), active: [])
        #expect(decision == .start(DueTicks(count: 60, last: after(3_600)), cancelling: nil))
        record.apply(decision)
        #expect(record.runs == 1 && record.coalesced == 59 && record.skipped == 0)
        #expect(record.lastTick == after(3_600) && record.nextDecision(at: after(3_610)) == after(3_660))
        #expect(record.decide(at: after(3_610), active: []) == .nothing)
    }

    @Test func overlapSaysWhatBecomesOfATickBesideARun() {
        let due = DueTicks(count: 1, last: after(60))
        let inHand = TickRun(id: "a", state: .inHand)
        let asked = TickRun(id: "b", state: .waiting)
        let waiting = TickRun(id: "c", state: .waitingForTick)
        let table: [(Schedule.Overlap, [TickRun], TickDecision)] = [
            (.skip, [], .start(due, cancelling: nil)), (.skip, [inHand], .skip(due, because: "a")),
            (.skip, [asked], .skip(due, because: "b")), (.skip, [waiting], .skip(due, because: "c")),
            (.bufferOne, [inHand], .start(due, cancelling: nil)),
            (.bufferOne, [inHand, waiting], .join(due, run: "c", cancelling: nil)),
            (.bufferOne, [inHand, asked], .start(due, cancelling: nil)),
            (.cancelOther, [], .start(due, cancelling: nil)), (.cancelOther, [asked], .start(due, cancelling: nil)),
            (.cancelOther, [inHand], .start(due, cancelling: "a")),
            (.cancelOther, [inHand, waiting], .join(due, run: "c", cancelling: "a")),
        ]
        for (overlap, active, decision) in table {
            #expect(record(overlap).decide(at: after(60), active: active) == decision, "\(overlap) \(active)")
        }
    }

    @Test func aPausedScheduleDecidesNothing() {
        var record = record()
        record.pausedAt = after(1)
        #expect(record.decide(at: after(600), active: []) == .nothing)
        #expect(record.nextDecision(at: after(600)) == nil)
        #expect(record.missed(at: after(600)) == 10)
        record.pausedAt = nil
        record.isPausedByDocument = true
        #expect(record.decide(at: after(600), active: []) == .nothing)
        #expect(record.skipMissed(at: after(600)) == 10)
        #expect(record.skipped == 10 && record.missed(at: after(600)) == 0)
    }

    @Test func aClockThatIsSetBackMakesNeitherAStormNorASilence() {
        var record = record()
        record.apply(record.decide(at: after(600), active: []))
        // By less than a period: what was accounted for does not come again.
        #expect(record.decide(at: after(545), active: []) == .nothing)
        #expect(record.nextDecision(at: after(545)) == after(660))
        // By more: ticks begin anew from now, in an era of their own.
        #expect(record.nextDecision(at: after(100)) == after(100))
        #expect(record.decide(at: after(100), active: []) == .beginAnew(from: after(100)))
        record.apply(.beginAnew(from: after(100)))
        #expect(record.era == 2)
        #expect(record.nextDecision(at: after(100)) == after(120))
        #expect(record.runs == 1 && record.coalesced == 9)
    }

    @Test func aRuleThatCannotBeReadDecidesNothing() {
        let record = ScheduleRecord(
            pipeline: "orders", rule: "cron Europe/Nowhere * * * * *", overlap: .bufferOne, accounted: start)
        #expect(record.decide(at: after(600), active: []) == .nothing)
        #expect(record.nextDecision(at: after(600)) == nil && record.missed(at: after(600)) == 0)
    }
}
