import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// "A pipeline of five steps across two databases runs every minute for a simulated year through crashes and clock changes
/// with no tick unaccounted for."
struct ScheduleYearTests {
    /// A stretch of time in which the clock was not set back.
    private struct Era {
        let begin: Timestamp
        let end: Timestamp
    }

    // PAINS 55, 57, 59 and 60
    @Test func everyTickOfAYearOfRealRunsIsAccountedFor() throws {
        let start = try #require(Timestamp(rfc3339: "2024-01-01T00:00:00Z"))
        let end = try #require(Timestamp(rfc3339: "2025-01-01T00:00:00Z"))
        // When clocks are set in Berlin and in New York.
        let slow = try ["2024-03-10T07:00:00Z", "2024-03-31T01:00:00Z", "2024-10-27T01:00:00Z", "2024-11-03T06:00:00Z"]
            .map { try #require(Timestamp(rfc3339: $0)) }
        let year = try ScheduleYear(seed: 5, from: start, through: end, slow: slow)
        try year.pass()
        let world = year.world
        for (pipeline, least) in [("shop", 500_000), ("nightly", 360), ("probe", 26_000)] {
            let eras = try eras(of: pipeline, from: start, world)
            let told = try accountFor(pipeline, eras, world)
            #expect(told >= least, "\(pipeline): \(told) ticks")
        }
        try nightlyRunsByHand(world)
        try tablesAreRight(world)
        for what in [
            "minute", "leap", "set clocks", "slow run", "slow probe", "stop", "crash before commit",
            "crash after commit", "set back", "set ahead",
        ] {
            #expect(year.happened[what, default: 0] >= 2, "\(what) in \(year.happened)")
        }
        world.end()
    }

    // MARK: Accounts

    /// One run as it is stored: the tick it was started for, in which era, for how many, and what became of it.
    private struct Stored {
        let id: String
        let tick: Timestamp
        let era: Int
        let ticks: Int
        let state: String
    }

    private func runs(of pipeline: String, _ world: World) throws -> [Stored] {
        let connection = try Connection(path: world.directory + "/state/control.db", access: .readOnly)
        defer { connection.close() }
        return try connection.rows(
            """
            SELECT id, scheduled_for, schedule_era, ticks, state FROM runs WHERE pipeline = ?
            ORDER BY schedule_era, scheduled_for
            """, [.text(pipeline)]
        ).map { row in
            Stored(
                id: try row.text("id"), tick: Timestamp(microseconds: try row.int("scheduled_for")),
                era: Int(try row.int("schedule_era")), ticks: Int(try row.int("ticks")), state: try row.text("state"))
        }
    }

    private func events(_ kind: String, of pipeline: String, _ world: World) throws -> [JSONValue] {
        let connection = try Connection(path: world.directory + "/state/control.db", access: .readOnly)
        defer { connection.close() }
        return try connection.rows(
            "SELECT payload FROM events WHERE kind = ? AND pipeline = ? ORDER BY id", [.text(kind), .text(pipeline)]
        ).map { try JSONValue(parsing: Array(try $0.text("payload").utf8)) }
    }

    /// Where ticks began anew, as the events tell.
    private func eras(of pipeline: String, from start: Timestamp, _ world: World) throws -> [Era] {
        var eras: [Era] = []
        var begin = start
        for event in try events("schedule_begun_anew", of: pipeline, world) {
            let end = try #require(Timestamp(rfc3339: event["accounted"]?.string ?? ""))
            eras.append(Era(begin: begin, end: end))
            begin = try #require(Timestamp(rfc3339: event["now"]?.string ?? ""))
        }
        let record = try world.schedule(pipeline)
        // Up to now nothing is due that is not accounted for.
        #expect(record.missed(at: world.clock.now()) == 0)
        return eras + [Era(begin: begin, end: record.accounted)]
    }

    /// Holds every tick against the runs: each stands for those since the one before it, and for no other. Answers how
    /// many ticks there were.
    private func accountFor(_ pipeline: String, _ eras: [Era], _ world: World) throws -> Int {
        let record = try world.schedule(pipeline)
        let ticks = try #require(record.ticks)
        let runs = Dictionary(grouping: try runs(of: pipeline, world), by: \.era)
        let skipped = try events("ticks_skipped", of: pipeline, world).compactMap { $0["ticks"]?.integer }
        #expect(record.era == eras.count && runs.keys.allSatisfy { (1...eras.count).contains($0) })
        var all = 0
        var ofRuns = 0
        for (place, era) in eras.enumerated() {
            let due = ticks.oneByOne(after: era.begin, through: era.end)
            all += due.count
            var last = era.begin
            var next = 0
            for run in runs[place + 1] ?? [] {
                ofRuns += run.ticks
                let first = next
                while next < due.count, due[next] <= run.tick { next += 1 }
                let since = next - first
                #expect(
                    since > 0 && due[next - 1] == run.tick,
                    "\(pipeline): \(run.tick.rfc3339) is no tick of era \(place + 1)")
                // Where ticks are skipped, a run stands for those that were due together with its own.
                let isRight = record.overlap == .skip ? (1...max(1, since)).contains(run.ticks) : run.ticks == since
                #expect(isRight, "\(pipeline): \(run) stands for \(run.ticks) ticks of \(since) since \(last.rfc3339)")
                last = run.tick
            }
            if record.overlap != .skip { #expect(last == due.last ?? last, "\(pipeline): the end of era \(place + 1)") }
        }
        #expect(ofRuns + Int(skipped.reduce(0, +)) == all, "\(pipeline)")
        #expect(record.runs + record.coalesced + record.skipped == all && record.skipped == Int(skipped.reduce(0, +)))
        #expect(record.runs == runs.values.reduce(0) { $0 + $1.count })
        #expect((record.skipped > 0) == (record.overlap == .skip), "\(pipeline): \(record.skipped) skipped")
        #expect(runs.values.joined().allSatisfy { $0.state == "success" })
        return all
    }

    /// The ticks of half past two as a person reckons them: at one o'clock UTC when that time is left out, at the first of
    /// both when it comes twice.
    private func nightlyRunsByHand(_ world: World) throws {
        let ticks = try #require(try world.schedule("nightly").ticks)
        for (day, expected) in [
            ("2024-03-30", "2024-03-30T01:30:00Z"), ("2024-03-31", "2024-03-31T01:00:00Z"),
            ("2024-04-01", "2024-04-01T00:30:00Z"), ("2024-10-26", "2024-10-26T00:30:00Z"),
            ("2024-10-27", "2024-10-27T00:30:00Z"), ("2024-10-28", "2024-10-28T01:30:00Z"),
        ] {
            let midnight = try #require(Timestamp(rfc3339: day + "T00:00:00Z"))
            let found = ticks.oneByOne(after: midnight, through: midnight.adding(.seconds(86_400)))
            #expect(found.map(\.rfc3339) == [expected])
        }
    }

    // MARK: Tables

    private func tablesAreRight(_ world: World) throws {
        func rows(_ file: String, _ sql: String) throws -> [String] {
            try world.database(file) { db in
                try db.rows(sql).map { row in (0..<row.count).map { "\(row[$0])" }.joined(separator: "|") }
            }
        }
        let changes = "SELECT id, total FROM changes ORDER BY id"
        #expect(try rows("warehouse.db", changes) == rows("shop.db", changes))
        let orders = "SELECT id, total, updated_at FROM orders ORDER BY id"
        #expect(try rows("mart.db", orders) == rows("shop.db", orders))
        let sums = "SELECT id % 7, sum(total), count(*) FROM changes GROUP BY 1 ORDER BY 1"
        #expect(try rows("mart.db", "SELECT id, total, n FROM report ORDER BY id") == rows("shop.db", sums))
        // Each run has passed through its last step once, and its windows leave nothing out.
        let stored = try runs(of: "shop", world)
        #expect(try Set(rows("mart.db", "SELECT run FROM log")) == Set(stored.map { "\(Value.text($0.id))" }))
        #expect(try rows("mart.db", "SELECT count(*) - count(DISTINCT run) FROM log") == ["\(Value(0))"])
        let broken = """
            SELECT count(*) FROM (SELECT s, lag(e) OVER (ORDER BY rowid) AS before FROM log) WHERE s IS NOT before
            """
        #expect(try rows("mart.db", broken) == ["\(Value(0))"])
    }
}
