import Model
import Platform
import Testing

@testable import API
@testable import Engine
@testable import HTTPServer
@testable import Store

/// The streams of backfills and audits: each tells all of one piece of work, and ends with it.
struct WorkEventsTests {
    private let range = "pipeline: orders, interval: hour, start: '2024-01-01T02:00:00Z', end: '2024-01-01T06:00:00Z'"

    private func hears(_ ear: Ear, _ condition: @escaping (Ear) -> Bool) -> Bool {
        Ear.listen([ear]) { condition(ear) }
    }

    /// A world with ten loaded orders.
    private func stage(_ loader: ScriptedLoader) throws -> Stage {
        let stage = try Stage(loader: { _ in loader })
        try stage.world.putOrders()
        #expect(stage.world.load()["state"] == "success")
        return stage
    }

    private func begin(_ stage: Stage) -> String {
        stage.world.ask(.post, "/v1/backfills", body: "{\(range)}").json["id"]?.string ?? ""
    }

    @Test func aStreamOfABackfillTellsHowFarItIsAndEndsWithIt() throws {
        let loader = ScriptedLoader(clock: SystemClock())
        let gate = Signal<Bool>()
        loader.beforePartition { _, _ in _ = gate.wait() }
        let stage = try stage(loader)
        let id = begin(stage)
        let target = "/v1/backfills/\(id)/events"
        let early = stage.listen(target)
        #expect(hears(early) { $0.heard.contains { $0.kind == "progress" } })
        #expect(early.heard.first?.kind == "backfill_queued")
        let progress = try JSONValue(parsing: early.heard.first { $0.kind == "progress" }?.data.utf8 ?? "".utf8)
        #expect(
            progress.keys == [
                "backfill", "state", "progress", "eta_seconds", "rows_per_second", "rows_read", "partitions",
            ])
        #expect(progress["backfill"]?.string == id && progress["state"] == "running")
        #expect(progress["partitions"]?["total"] == 4)
        #expect(!early.isEnded)
        // What happens to others is not told.
        try stage.tell(pipeline: "orders")
        gate.open()
        #expect(hears(early) { $0.isEnded })
        let kinds = early.heard.map(\.kind).filter { $0 != "progress" }
        #expect(
            kinds == ["backfill_queued", "backfill_started"]
                + Array(repeating: "partition_finished", count: 4) + ["backfill_finished"])
        let late = stage.listen(target)
        #expect(hears(late) { $0.isEnded })
        #expect(late.heard == early.heard.filter { $0.id != nil })
        let done = stage.listen(target, lastEventID: late.lastID)
        #expect(hears(done) { $0.head != nil })
        #expect(done.status == 204)
        #expect(stage.world.ask(.get, target + "?limit=100&after=0").json["events"]?.array?.count == late.heard.count)
        #expect(stage.world.ask(.get, "/v1/backfills/nothing/events").status == 404)
    }

    @Test func eventsWithoutAPauseDoNotHideHowFarTheWorkIs() throws {
        let world = try World(isStarted: false)
        let listener = EventListener(
            to: world.api.services.events, EventFilter(), after: 0, opening: [1], beat: .seconds(1),
            waker: StreamWaker {}, clock: world.clock
        ) { [7, 7] }
        defer { listener.end() }
        var bytes = [UInt8](repeating: 0, count: 10)
        /// What it gives when it is woken by an event, and no beat comes since there is no silence.
        func given() -> [UInt8]? {
            let part = bytes.withUnsafeMutableBytes { listener.read(into: $0, onBeat: false) }
            guard case .bytes(let count) = part else { return nil }
            return Array(bytes.prefix(count))
        }
        #expect(given() == [1])
        world.clock.advance(by: Limits.progressTime - .milliseconds(1))
        #expect(given() == nil)
        world.clock.advance(by: .milliseconds(1))
        #expect(given() == [7, 7])
        world.clock.advance(by: Limits.progressTime)
        // It has not changed.
        #expect(given() == nil)
    }

    @Test func theStreamOfACancelledBackfillOutlastsWhatIsInHand() throws {
        let loader = ScriptedLoader(clock: SystemClock())
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        loader.beforePartition { _, _ in
            begun.open()
            _ = gate.wait()
        }
        let stage = try stage(loader)
        let id = begin(stage)
        #expect(begun.wait() == true)
        let ear = stage.listen("/v1/backfills/\(id)/events")
        #expect(stage.world.ask(.post, "/v1/backfills/\(id)/cancel").json["state"] == "cancelled")
        #expect(hears(ear) { $0.heard.contains { $0.kind == "backfill_finished" } })
        // A listener that comes now is given the same, and waits as well.
        let late = stage.listen("/v1/backfills/\(id)/events", lastEventID: ear.lastID)
        #expect(hears(late) { $0.head != nil })
        #expect(late.status == 200 && !ear.isEnded)
        gate.open()
        #expect(Ear.listen([ear, late]) { ear.isEnded && late.isEnded })
        #expect(ear.heard.last?.kind == "partition_finished" && late.heard.last?.kind == "partition_finished")
    }

    @Test func theStreamOfARetriedBackfillGoesOnToItsLastEnd() throws {
        let loader = ScriptedLoader(clock: SystemClock())
        loader.beforePartition { _, _ throws(Failure) in throw Failure(.checkFailed, "not yet", hint: "later") }
        let stage = try stage(loader)
        let id = begin(stage)
        let target = "/v1/backfills/\(id)/events"
        let first = stage.listen(target)
        #expect(hears(first) { $0.isEnded })
        #expect(first.heard.last?.kind == "backfill_finished")
        let gate = Signal<Bool>()
        loader.beforePartition { _, _ in _ = gate.wait() }
        #expect(stage.world.ask(.post, "/v1/backfills/\(id)/retry").status == 202)
        let whole = stage.listen(target)
        let rest = stage.listen(target, lastEventID: first.lastID)
        #expect(
            Ear.listen([whole, rest]) { [whole, rest].allSatisfy { $0.heard.contains { $0.kind == "progress" } } })
        #expect(!whole.isEnded && whole.ids.starts(with: first.ids))
        gate.open()
        #expect(Ear.listen([whole, rest]) { whole.isEnded && rest.isEnded })
        #expect(whole.heard.count { $0.kind == "backfill_finished" } == 2)
        #expect(rest.heard.first?.kind == "backfill_retried" && rest.heard.last?.kind == "backfill_finished")
    }

    @Test func aStreamOfAnAuditEndsWithIt() throws {
        let loader = ScriptedLoader(clock: SystemClock())
        let gate = Signal<Bool>()
        loader.beforeAudit { _ in _ = gate.wait() }
        let stage = try stage(loader)
        let id = stage.world.ask(.post, "/v1/pipelines/orders/audits").json["id"]?.string ?? ""
        let ear = stage.listen("/v1/audits/\(id)/events")
        #expect(hears(ear) { $0.heard.contains { $0.kind == "audit_started" } })
        #expect(!ear.isEnded)
        gate.open()
        #expect(hears(ear) { $0.isEnded })
        #expect(ear.heard.map(\.kind) == ["audit_queued", "audit_started", "audit_finished"])
        let done = stage.listen("/v1/audits/\(id)/events", lastEventID: ear.lastID)
        #expect(hears(done) { $0.head != nil })
        #expect(done.status == 204)
        #expect(stage.world.ask(.get, "/v1/audits/nothing/events").status == 404)
    }
}
