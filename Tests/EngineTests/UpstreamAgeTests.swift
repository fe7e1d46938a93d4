import Loading
import Model
import Platform
import Store
import Testing

@testable import Engine

/// Runs that do not load on old data of the pipelines before them.
struct UpstreamAgeTests {
    private static let twoHours = #""after":["orders"],"max_upstream_age":"2h","#

    /// A world in which `report` runs after `orders`, whose newest row is of an hour ago.
    private func world(_ more: String = UpstreamAgeTests.twoHours) throws -> World {
        let world = try World()
        try world.order(96_400...96_402)
        try world.connection("annex", "annex.db")
        try world.pipeline("orders")
        try world.pipeline("report", steps: [World.step("report", to: "annex", table: "report")], more: more)
        try world.engine.start()
        return world
    }

    // PAINS 53
    @Test func aRunDoesNotStartOnOldDataWhateverStartsIt() throws {
        let world = try world(UpstreamAgeTests.twoHours + #""schedule":{"every":"1h"},"#)
        defer { world.end() }
        // Before the first load there is nothing at all.
        let first = try world.run("report")
        #expect(first.state == .failed && first.error?.code == .upstreamStale && first.attempt == 1)
        #expect(first.error?.message.contains("step orders of orders has never succeeded") == true)
        #expect(first.steps.map(\.state) == [.skipped] && first.steps.first?.error?.code == .upstreamStale)
        // The success of the one before it starts it, on data that is young enough.
        _ = try world.run("orders")
        let caused = try world.finish(try #require(try world.newest("report").first))
        #expect(caused.trigger == .upstream && caused.state == .success)
        #expect(try world.rows("report", in: "annex.db") == 3)
        // An hour and a bit later the newest row is too old, though `orders` may have run a moment ago.
        try world.tick(by: .seconds(3_600 + 60))
        let ticked = try world.finish(try #require(try world.newest("report").first))
        #expect(ticked.trigger == .schedule && ticked.error?.code == .upstreamStale && ticked.ticks == 1)
        let since = World.start.adding(.seconds(96_402 - 100_000))
        #expect(ticked.error?.message.contains("has come to \(since.rfc3339)") == true)
        #expect(ticked.error?.message.contains("too old since \(since.adding(.seconds(7_200)).rfc3339)") == true)
        #expect(try world.events(of: ticked).contains("run_retrying") == false)
        // A success that found nothing new makes nothing younger.
        _ = try world.run("orders")
        let again = try world.finish(try #require(try world.newest("report").first))
        #expect(again.trigger == .upstream && again.error?.code == .upstreamStale)
        #expect(try world.run("report").error?.code == .upstreamStale)
        // New rows do.
        try world.order(100_010...100_010)
        _ = try world.run("orders")
        #expect(try world.finish(try #require(try world.newest("report").first)).state == .success)
        #expect(try world.rows("report", in: "annex.db") == 4)
    }

    @Test func oneRunMayTakeWhatThereIsAndSoMayItsRetry() throws {
        let world = try world()
        defer { world.end() }
        var request = RunRequest(pipeline: "report")
        request.options.allowStaleUpstream = true
        world.loader.before { moment throws(Failure) in
            if moment.number == 1 { throw Failure(.constraint, "no") }
        }
        let first = try world.finish(try world.trigger(request))
        #expect(first.error?.code == .constraint && first.options.allowStaleUpstream)
        let retried = try world.finish(
            try #require(
                try { () throws -> Run? in
                    switch try wait({ world.engine.retry(first.id, completion: $0) }) as TriggerOutcome {
                    case .accepted(let run): run
                    case .replayed: nil
                    }
                }()))
        #expect(retried.state == .success && retried.options.allowStaleUpstream)
    }

    @Test func anAttemptAsksAnew() throws {
        let world = try world()
        defer { world.end() }
        world.loader.before { moment throws(Failure) in
            if moment.request.pipeline == "report" { throw Failure(.locked, "locked", isTransient: true) }
        }
        _ = try world.run("orders")
        let run = try #require(try world.newest("report").first)
        _ = try world.laidAside(run)
        world.advance(by: .seconds(7_200))
        #expect(try world.finish(run).error?.code == .upstreamStale)
    }

    @Test func aPlanTellsThatARunWouldNotStart() throws {
        let world = try world()
        defer { world.end() }
        func codes(_ options: RunOptions = RunOptions()) throws -> [String] {
            let plans: [LoadPlan] = try wait { world.engine.plan("report", options: options, completion: $0) }
            return plans.flatMap(\.warnings).map(\.code)
        }
        #expect(try codes().contains("upstream_stale"))
        var options = RunOptions()
        options.allowStaleUpstream = true
        #expect(try !codes(options).contains("upstream_stale"))
        _ = try world.run("orders")
        #expect(try !codes().contains("upstream_stale"))
    }
}
