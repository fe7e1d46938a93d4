import Model
import Platform
import Testing

@testable import Engine

/// A year of a hundred schedules through crashes, clock jumps, slow runs, pauses and edits: every tick is accounted for.
struct ScheduleSimulationTests {
    private func schedules(_ rows: [(String, String, Schedule.Overlap)]) throws -> [Schedule] {
        try rows.map { cron, zone, overlap in
            if cron.contains("*") || cron.hasPrefix("@") || cron.contains(" ") {
                return Schedule(.cron(try CronExpression(cron), try #require(Zone(named: zone))), overlap: overlap)
            }
            return Schedule(
                .every(try #require(DurationText.parse(cron)), jitter: try #require(DurationText.parse(zone))),
                overlap: overlap)
        }
    }

    // PAINS 55, 57, 59 and 60
    @Test(arguments: [1, 2] as [UInt64]) func everyTickOfAYearIsAccountedForOnce(_ seed: UInt64) throws {
        var simulation = ScheduleSimulation(
            seed: seed, pipelines: 100,
            schedules: try schedules([
                ("0 * * * *", "Europe/Berlin", .bufferOne), ("30 2 * * *", "Europe/Berlin", .bufferOne),
                ("3h", "1h", .skip), ("15 */4 * * *", "America/New_York", .cancelOther),
                ("0 9-17/2 * * MON-FRI", "Asia/Kolkata", .skip), ("@daily", "Australia/Lord_Howe", .bufferOne),
                ("90m", "0s", .bufferOne), ("0 0 1,15 * *", "America/Sao_Paulo", .cancelOther),
                ("*/30 1-3 * * *", "Europe/Berlin", .bufferOne), ("5h", "17m", .cancelOther),
                ("@weekly", "UTC", .skip), ("45 23 * * *", "Pacific/Auckland", .bufferOne),
            ]), beginning: try #require(Timestamp(rfc3339: "2024-01-01T00:00:00Z")))
        simulation.pass(366 * 86_400, trouble: 40_000)
        simulation.end()
        simulation.settleAccounts()
        #expect(simulation.faults.isEmpty, "seed \(seed): \(simulation.faults.joined(separator: "\n"))")
        for what in [
            "start", "coalesced", "join", "skip", "begin anew", "cancel", "crash", "jump", "pause", "resume",
            "resume, skipping", "edit",
        ] {
            #expect(simulation.happened[what, default: 0] >= 5, "seed \(seed): \(what) in \(simulation.happened)")
        }
    }

    @Test func aPipelineOfEveryMinuteLosesNoTickOfAYear() throws {
        var simulation = ScheduleSimulation(
            seed: 11, pipelines: 1, schedules: try schedules([("* * * * *", "Europe/Berlin", .bufferOne)]),
            beginning: try #require(Timestamp(rfc3339: "2024-01-01T00:00:00Z")))
        simulation.pass(366 * 86_400, trouble: 100_000)
        simulation.end()
        simulation.settleAccounts()
        #expect(simulation.faults.isEmpty, "\(simulation.faults.joined(separator: "\n"))")
        #expect(simulation.lines["p0"].map { $0.counted > 500_000 } == true, "\(simulation.happened)")
    }
}
