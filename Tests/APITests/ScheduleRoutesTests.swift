import Model
import Platform
import Store
import Testing

@testable import API
@testable import HTTPServer

/// Schedules over the interface.
struct ScheduleRoutesTests {
    private let pipeline = "/v1/pipelines/orders"

    private func world(_ schedule: String) throws -> World {
        let world = try World()
        try world.putOrders()
        let answer = world.ask(.put, pipeline, body: World.ordersPipeline + "\n" + schedule)
        #expect(answer.status == 200, "\(answer.text)")
        return world
    }

    @Test func aPipelineShowsTheTicksToCome() throws {
        let world = try world("schedule: { cron: \"30 2 * * *\", timezone: Europe/Berlin }")
        world.clock.set(try #require(Timestamp(rfc3339: "2024-10-26T00:31:00Z")))
        let status = world.ask(.get, pipeline).json["schedule_status"]
        #expect(status?["paused"] == .bool(false) && status?["paused_by"] == .null)
        #expect(status?["last_tick"] == .null)
        let next = status?["next_ticks"]?.array ?? []
        #expect(next.count == 5)
        #expect(
            next.first == .object(["at": "2024-10-27T00:30:00Z", "local": "2024-10-27T02:30:00+02:00"]), "\(next)")
        #expect(next[1] == .object(["at": "2024-10-28T01:30:00Z", "local": "2024-10-28T02:30:00+01:00"]))
        #expect(world.ask(.get, "/v1/pipelines").json["pipelines"]?[0]?["schedule_status"] == status)
        // An answer can be sent back, and a pipeline without a schedule has no status.
        #expect(world.ask(.put, pipeline, body: world.ask(.get, pipeline).text).status == 200)
        #expect(world.ask(.put, pipeline, body: World.ordersPipeline).json["schedule_status"] == .null)
    }

    // PAINS 56
    @Test func aResumptionSaysWhatRuns() throws {
        let world = try world("schedule: { every: 10m }")
        let paused = world.ask(.post, pipeline + "/pause")
        #expect(
            paused.status == 200 && paused.json["paused_by"] == "request" && paused.json["next_ticks"] == .array([]))
        #expect(world.ask(.post, pipeline + "/pause").json == paused.json)
        world.clock.advance(by: .seconds(3_600))
        #expect(world.ask(.get, pipeline).json["schedule_status"]?["missed_ticks"] == .integer(6))
        let refused = world.ask(.post, pipeline + "/resume", body: "{\"on_resume\": \"all\"}")
        #expect(refused.status == 422 && refused.json["errors"]?[0]?["field"] == "on_resume", "\(refused.text)")
        #expect(refused.text.contains("leaves nothing to the others"))
        let resumed = world.ask(.post, pipeline + "/resume", body: "{\"on_resume\": \"skip\"}")
        #expect(resumed.status == 200 && resumed.json["starts_now"] == .bool(false), "\(resumed.text)")
        #expect(resumed.json["resumed_ticks"] == .integer(6) && resumed.json["on_resume"] == "skip")
        #expect(resumed.json["counts"]?["skipped"] == .integer(6))
        _ = world.ask(.post, pipeline + "/pause")
        world.clock.advance(by: .seconds(1_200))
        let started = world.ask(.post, pipeline + "/resume")
        #expect(started.json["starts_now"] == .bool(true) && started.json["resumed_ticks"] == .integer(2))
        // The run was made in the change behind the answer.
        _ = try world.store.write { (transaction) throws(StoreError) in try transaction.lastEvent() }
        let run = world.ask(.get, "/v1/runs?pipeline=orders").json["runs"]?[0]
        #expect(run?["trigger"] == "schedule" && run?["ticks"] == .integer(2), "\(String(describing: run))")
        #expect(run?["scheduled_for"] == "2024-04-01T01:20:00Z")
    }

    @Test func preconditionsHoldAsElsewhere() throws {
        let world = try world("schedule: { every: 10m }")
        let tag = world.ask(.get, pipeline).header("ETag") ?? ""
        #expect(world.ask(.post, pipeline + "/pause", ["If-Match": "\"1\""]).status == 412)
        #expect(world.ask(.get, pipeline).json["schedule_status"]?["paused"] == .bool(false))
        #expect(world.ask(.post, pipeline + "/pause", ["If-Match": tag]).status == 200)
        #expect(world.ask(.post, pipeline + "/resume", ["If-Match": "\"1\""]).status == 412)
        #expect(world.ask(.post, pipeline + "/resume", ["If-Match": tag]).status == 200)
    }

    @Test func whatCannotBePausedIsNamed() throws {
        let world = try World()
        #expect(world.ask(.post, pipeline + "/pause").code == "unknown_pipeline")
        try world.putOrders()
        let answer = world.ask(.post, pipeline + "/pause")
        #expect(answer.status == 409 && answer.text.contains("has no schedule"), "\(answer.text)")
        _ = world.ask(.put, pipeline, body: World.ordersPipeline + "\nschedule: \"@daily\"\npaused: true")
        let status = world.ask(.get, pipeline).json["schedule_status"]
        #expect(status?["paused_by"] == "document")
        let refused = world.ask(.post, pipeline + "/resume")
        #expect(refused.status == 409 && refused.text.contains("paused: true"), "\(refused.text)")
        #expect(world.ask(.post, pipeline + "/resume", body: "{resume: now}").status == 422)
    }
}
