import Foundation
import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// A year of a real engine over real files, by a clock that is moved: runs of every minute, hours and months that pass in
/// one leap, runs that take long, crashes, and a wall clock that is set either way.
///
/// What became of the ticks is read from the control database alone, when the year is over.
final class ScheduleYear {
    /// How often each thing happened, so that a test knows that it did.
    private(set) var happened: [String: Int] = [:]

    private var random: Seeded
    private(set) var world: World
    private var orders = 0
    private let end: Timestamp
    /// The instants near which no leap is made: each minute of them passes by itself.
    private let slow: [Timestamp]

    /// What happens to the runs of one pipeline in hand.
    private final class Gate: Sendable {
        let begun = Signal<Bool>()
        let passed = Signal<Bool>()
    }

    init(seed: UInt64, from start: Timestamp, through end: Timestamp, slow: [Timestamp]) throws {
        random = Seeded(seed)
        self.end = end
        self.slow = slow
        world = try World(workers: 3, now: start)
        try world.connection("mart", "mart.db")
        try world.connection("checks", "checks.db")
        try world.database("shop.db") { try $0.execute("CREATE TABLE changes (id INTEGER PRIMARY KEY, total INTEGER)") }
        try world.database("mart.db") {
            try $0.execute("CREATE TABLE log (run TEXT, s TEXT, e TEXT)")
        }
        try change()
        try world.pipeline(
            "shop", steps: ScheduleYear.steps, more: #""schedule":{"cron":"* * * * *","timezone":"Europe/Berlin"},"#)
        try world.pipeline(
            "nightly", steps: [ScheduleYear.sql("nightly", in: "checks", "SELECT 1")],
            more: #""schedule":{"cron":"30 2 * * *","timezone":"Europe/Berlin"},"#)
        try world.pipeline(
            "probe", steps: [ScheduleYear.sql("probe", in: "checks", "SELECT 1")],
            more: #""schedule":{"cron":"*/20 * * * *","timezone":"America/New_York","overlap":"skip"},"#)
        try world.engine.start()
    }

    /// Five steps over two databases: two loads side by side, statements over one of them, their result loaded into the
    /// other database, and an entry there for each run.
    private static var steps: [String] {
        [
            load("changes", from: "shop", "changes", to: "warehouse", "\"strategy\":\"sequence\",\"cursor\":\"id\""),
            load("orders", from: "shop", "orders", to: "mart", "\"strategy\":\"snapshot_diff\""),
            sql(
                "sums", in: "warehouse",
                """
                CREATE TABLE IF NOT EXISTS sums (id INTEGER PRIMARY KEY, total INTEGER, n INTEGER);
                INSERT INTO sums SELECT id % 7, sum(total), count(*) FROM changes WHERE true GROUP BY 1
                    ON CONFLICT DO UPDATE SET total = excluded.total, n = excluded.n
                """, after: ["changes"]),
            load("report", from: "warehouse", "sums", to: "mart", "\"strategy\":\"full_refresh\"", after: ["sums"]),
            sql(
                "log", in: "mart", "INSERT INTO log VALUES (:run, :window_start, :window_end)",
                after: ["orders", "report"]),
        ]
    }

    private static func load(
        _ name: String, from source: String, _ table: String, to destination: String, _ strategy: String,
        after: [String] = []
    ) -> String {
        """
        {"name":"\(name)","depends_on":[\(after.map { "\"\($0)\"" }.joined(separator: ","))],\
        "source":{"connection":"\(source)","table":"\(table)"},\
        "destination":{"connection":"\(destination)","table":"\(name)"},\(strategy),"primary_key":["id"]}
        """
    }

    private static func sql(_ name: String, in connection: String, _ sql: String, after: [String] = []) -> String {
        World.statements(name, sql, after: after).replacing(
            #""connection":"warehouse""#, with: "\"connection\":\"\(connection)\"")
    }

    // MARK: Time

    /// Lets the year pass.
    func pass() throws {
        while world.clock.now() < end {
            switch Int.random(in: 0..<12, using: &random) {
            case 0...4: try minutes(Int.random(in: 1...4, using: &random))
            case 5: try slowRun()
            case 6: try slowProbe()
            case 7: try stopAndStart()
            case 8: try crash(beforeCommit: Bool.random(using: &random))
            case 9: try jump()
            default: break
            }
            try leap()
        }
        try rest()
    }

    /// Minutes that pass one by one, each with its run.
    private func minutes(_ count: Int) throws {
        for _ in 0..<count {
            note("minute")
            try change()
            try world.tick(by: .seconds(60))
            try rest()
        }
    }

    /// Hours, or days, that pass in one leap: what was due in them is one run of each pipeline.
    private func leap() throws {
        let now = world.clock.now()
        // Minute by minute through what is to be seen closely.
        if let near = slow.first(where: { now < $0 && $0.since(now) <= .seconds(300) }) {
            while world.clock.now() < near.adding(.seconds(120)) { try minutes(1) }
            note("set clocks")
            return
        }
        var leap = Int.random(in: 1...4 * 1_440, using: &random) * 60
        for near in slow where now < near {
            leap = min(leap, Int(near.since(now).components.seconds) - 180)
        }
        note("leap")
        try change()
        try world.tick(by: .seconds(max(60, leap)))
        try rest()
    }

    /// Waits until nothing is queued or in hand.
    private func rest() throws {
        while let run = try active().first { _ = try world.finish(run) }
    }

    private func active() throws -> [Run] {
        try world.store.read { (session) throws(StoreError) in try session.activeRuns() }
    }

    private func note(_ what: String) { happened[what, default: 0] += 1 }

    /// A few rows more, and others, in the shop.
    private func change() throws {
        try world.database("shop.db") { shop in
            try shop.execute("BEGIN IMMEDIATE")
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                orders += 1
                let total = Int.random(in: 0..<1_000, using: &random)
                try shop.execute("INSERT INTO changes VALUES (?, ?)", [Value(orders), Value(total)])
                try shop.execute(
                    "INSERT OR REPLACE INTO orders VALUES (?, ?, NULL)", [Value(orders % 50), .real(Double(total))])
            }
            try shop.execute("COMMIT")
        }
    }

    // MARK: Trouble

    /// A run that is in hand while several ticks come, which become one run behind it.
    private func slowRun() throws {
        note("slow run")
        let gate = Gate()
        world.loader.before { moment throws(Failure) in
            guard moment.request.step.name == "changes", !moment.request.run.isEmpty, gate.begun.values.isEmpty else {
                return
            }
            gate.begun.open()
            _ = gate.passed.wait()
        }
        try world.tick(by: .seconds(60))
        _ = gate.begun.wait()
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            try world.tick(by: .seconds(60 * Int.random(in: 1...50, using: &random)))
        }
        gate.passed.open()
        try rest()
        world.loader.before { _ in }
    }

    /// A run of the pipeline that skips what comes meanwhile.
    private func slowProbe() throws {
        note("slow probe")
        let gate = Gate()
        world.loader.aroundSQL(before: { request, _ in
            guard request.pipeline == "probe", gate.begun.values.isEmpty else { return }
            gate.begun.open()
            _ = gate.passed.wait()
        })
        try world.tick(by: .seconds(2_400))
        _ = gate.begun.wait()
        try world.tick(by: .seconds(60 * Int.random(in: 20...600, using: &random)))
        gate.passed.open()
        try rest()
        world.loader.aroundSQL()
    }

    /// The server is stopped without grace, wherever its runs are, and is back after a while.
    private func stopAndStart() throws {
        note("stop")
        try world.tick(by: .seconds(60))
        world.end(within: .zero)
        try comeBack(from: world)
    }

    /// The process dies before a load has committed, or after that and before anybody was told.
    private func crash(beforeCommit: Bool) throws {
        note(beforeCommit ? "crash before commit" : "crash after commit")
        let gate = Gate()
        let step = ["changes", "report"].randomElement(using: &random) ?? ""
        let script: ScriptedLoader.Script = { moment throws(Failure) in
            guard moment.request.step.name == step, gate.begun.values.isEmpty else { return }
            gate.begun.open()
            _ = gate.passed.wait()
        }
        if beforeCommit { world.loader.before(script) } else { world.loader.after(script) }
        try world.tick(by: .seconds(60))
        _ = gate.begun.wait()
        // Whatever else is in hand comes to its end before the image is taken, which then holds no half of a write.
        for _ in 0..<5_000 {
            try world.settle()
            let runs = try active()
            if runs.count == 1, runs[0].steps.count(where: { $0.state == .running }) == 1 { break }
        }
        let before = world
        try comeBack(from: before)
        gate.passed.open()
        before.end()
    }

    private func comeBack(from before: World) throws {
        #expect(before.loader.clashes.isEmpty)
        let away = [1, 60, 7_200, 200_000].randomElement(using: &random) ?? 1
        world = try before.afterCrash(workers: 3, now: before.clock.now().adding(.seconds(away)))
        try world.engine.start()
        try world.settle()
        try rest()
    }

    /// Somebody sets the wall clock.
    private func jump() throws {
        let seconds = [-20, 40, -400, 4_000, -9_000, 90_000, -100_000].randomElement(using: &random) ?? 0
        note(seconds < 0 ? "set back" : "set ahead")
        world.clock.set(world.clock.now().adding(.seconds(seconds)))
        // It is looked at once a minute.
        try world.tick(by: .seconds(60))
        try rest()
    }
}
