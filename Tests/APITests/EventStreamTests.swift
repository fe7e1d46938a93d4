import HTTPClient
import Model
import Platform
import SQLite
import Testing

@testable import API
@testable import Engine
@testable import HTTPServer
@testable import Store

struct EventStreamTests {
    private func hears(_ ear: Ear, _ condition: @escaping (Ear) -> Bool) -> Bool {
        Ear.listen([ear]) { condition(ear) }
    }

    @Test func tellsWhatHappensFromNowOn() throws {
        let stage = try Stage()
        try stage.tell(3)
        let ear = stage.listen()
        #expect(hears(ear) { $0.lastID == 3 })
        #expect(ear.status == 200)
        let head = ear.head?.lowercased() ?? ""
        for field in [
            "content-type: text/event-stream\r\n", "cache-control: no-store\r\n", "x-accel-buffering: no\r\n",
            "x-content-type-options: nosniff\r\n",
        ] { #expect(head.contains(field), "\(head)") }
        try stage.tell(2, payload: #"{"state":"running"}"#)
        #expect(hears(ear) { $0.ids == [4, 5] })
        #expect(ear.heard[0].kind == "run_started")
        let event = try JSONValue(parsing: ear.heard[0].data.utf8)
        #expect(event.keys == ["id", "at", "kind", "pipeline", "run", "step", "payload"])
        #expect(event["payload"]?["state"] == "running")
        // The same text as a page has.
        let page = stage.world.ask(.get, "/v1/events?after=3&limit=1")
        #expect(page.json["events"]?[0] == event)
    }

    @Test func goesOnWhereItBrokeOff() throws {
        let stage = try Stage()
        try stage.tell(5)
        let first = stage.listen("/v1/events?after=2")
        #expect(hears(first) { $0.ids == [3, 4, 5] })
        try stage.tell(2)
        // What a browser does: the same address, with what it heard last.
        let second = stage.listen("/v1/events?after=2", lastEventID: first.lastID)
        #expect(hears(second) { $0.ids == [6, 7] })
        let all = stage.listen("/v1/events?after=0")
        #expect(hears(all) { $0.ids == Array(1...7) })
    }

    @Test func filtersByPipelineAndKind() throws {
        let stage = try Stage()
        for (pipeline, kind) in [
            ("a", "run_started"), ("b", "run_finished"), ("a", "run_finished"), ("a", "run_queued"),
        ] {
            try stage.tell(pipeline: pipeline, kind: kind)
        }
        let ear = stage.listen("/v1/events?after=0&pipeline=a&kind=run_finished&kind=run_queued")
        #expect(hears(ear) { $0.ids == [3, 4] })
        try stage.tell(pipeline: "b", kind: "run_finished")
        try stage.tell(pipeline: "a", kind: "run_queued")
        #expect(hears(ear) { $0.ids == [3, 4, 6] })
    }

    @Test func servesThoseWhoAreFarBehindFromTheLog() throws {
        let stage = try Stage()
        let many = Limits.eventsInTail * 2 + 137
        try stage.tell(many, payload: #"{"text":"\#(String(repeating: "x", count: 300))"}"#)
        let ears = [stage.listen("/v1/events?after=0"), stage.listen("/v1/events?after=1000"), stage.listen()]
        #expect(Ear.listen(ears) { ears[0].heard.count == many && ears[1].heard.count == many - 1_000 })
        let last = try stage.tell(3)
        #expect(Ear.listen(ears) { ears.allSatisfy { $0.lastID == last } })
        #expect(ears[0].ids == Array(1...last))
        #expect(ears[1].ids == Array(1_001...last))
        #expect(ears[2].ids == Array(Int64(many + 1)...last))
    }

    @Test func sendsEventsThatNoBufferHolds() throws {
        let stage = try Stage()
        let ear = stage.listen("/v1/events?after=0")
        let text = String(repeating: "y", count: 300_000)
        try stage.tell(2, payload: #"{"text":"\#(text)"}"#)
        #expect(hears(ear) { $0.ids == [1, 2] })
        #expect(try ear.heard.allSatisfy { try JSONValue(parsing: $0.data.utf8)["payload"]?["text"]?.string == text })
    }

    @Test func tellsOfEventsThatAreGone() throws {
        let stage = try Stage()
        try stage.tell(50)
        try stage.trim(to: 20)
        let ear = stage.listen(lastEventID: 5)
        #expect(hears(ear) { $0.lastID == 50 })
        #expect(ear.heard[0].kind == "gap")
        #expect(ear.ids == [20] + Array(21...50))
        let gap = try JSONValue(parsing: ear.heard[0].data.utf8)
        #expect(gap["payload"] == .object(["reason": "trimmed", "after": 5, "lost": 15]))
        let page = stage.world.ask(.get, "/v1/events?after=5&limit=2").json
        #expect(page["events"]?[0]?["payload"] == gap["payload"])
        #expect(page["events"]?[1]?["id"] == 21)
        // Who has heard all up to the trim has lost nothing.
        let whole = stage.listen(lastEventID: 20)
        #expect(hears(whole) { $0.ids == Array(21...50) })
    }

    @Test func aPlaceThatTheLogHasNotReachedIsToldAsAGap() throws {
        let stage = try Stage()
        try stage.tell(4)
        let ear = stage.listen(lastEventID: 1_000)
        #expect(hears(ear) { $0.heard.count == 1 })
        #expect(ear.heard[0].kind == "gap")
        #expect(
            try JSONValue(parsing: ear.heard[0].data.utf8)["payload"]
                == .object(["reason": "ahead", "after": 1_000, "lost": nil]))
        try stage.tell()
        #expect(hears(ear) { $0.ids == [4, 5] })
    }

    @Test(arguments: [
        ("/v1/events?after=-1", "", "after"), ("/v1/events?after=x", "", "after"),
        ("/v1/events", "Last-Event-ID: abc\r\n", "Last-Event-ID"),
        ("/v1/events", "Last-Event-ID: 99999999999999999999\r\n", "Last-Event-ID"),
        ("/v1/events?kind=run_finish", "", "kind"), ("/v1/events?pipeline=A", "", "pipeline"),
        ("/v1/events?limit=5", "Accept: text/event-stream\r\n", "limit"), ("/v1/events?after=1&after=2", "", "after"),
    ])
    func refusesWhatItCannotRead(_ target: String, _ headers: String, _ field: String) throws {
        let stage = try Stage()
        let ear = stage.listen(target, headers: headers)
        #expect(hears(ear) { $0.head != nil })
        #expect(ear.status == 400)
        let parts = headers.split(separator: "\r\n").map { $0.split(separator: ": ").map(String.init) }
        let answer = stage.world.ask(.get, target, Headers(parts.map { Headers.Field(name: $0[0], value: $0[1]) }))
        #expect(answer.status == 400)
        #expect(answer.json["field"]?.string == field)
        #expect(answer.json["hint"]?.string?.isEmpty == false)
    }

    @Test func answersAPageWhereJSONIsAskedFor() throws {
        let stage = try Stage()
        try stage.tell(7)
        let newest = stage.world.ask(.get, "/v1/events", ["Accept": "application/json"]).json
        #expect(newest["events"]?.array?.compactMap { $0["id"]?.integer } == [7, 6, 5, 4, 3, 2, 1])
        #expect(newest["next_cursor"] == .null)
        #expect(newest["last_event_id"] == 7)
        var (found, cursor): ([Int64], String?) = ([], nil)
        repeat {
            let next = cursor.map { "&cursor=\($0)" } ?? ""
            let page = stage.world.ask(.get, "/v1/events?after=1&limit=2\(next)").json
            found += page["events"]?.array?.compactMap { $0["id"]?.integer } ?? []
            cursor = page["next_cursor"]?.string
        } while cursor != nil
        #expect(found == Array(2...7))
        #expect(stage.world.ask(.get, "/v1/events?limit=2&cursor=0").code == "invalid_parameter")
    }

    @Test func looksForRareEventsPartByPart() throws {
        let stage = try Stage(isStarted: false)
        try stage.tell(kind: "run_finished")
        try stage.tell(Int(Limits.eventsSearched) + 500)
        let last = try stage.tell(kind: "run_finished")
        let page = stage.world.ask(.get, "/v1/events?kind=run_finished&after=0&limit=10").json
        #expect(page["events"]?.array?.count == 1)
        let rest = "&cursor=\(page["next_cursor"]?.string ?? "")"
        let next = stage.world.ask(.get, "/v1/events?kind=run_finished&after=0&limit=10" + rest).json
        #expect(next["events"]?[0]?["id"]?.integer == last)
        #expect(next["next_cursor"] == .null)
        let ear = stage.listen("/v1/events?kind=run_finished&after=0")
        #expect(hears(ear) { $0.ids == [1, last] })
    }

    @Test func aHeadOpensNoStream() throws {
        let stage = try Stage()
        let client = try stage.world.listen()
        let head = Reading(try client.send("HEAD", "/v1/events"))
        #expect(head.status == 200)
        #expect(head.header("Content-Type") == "text/event-stream")
        #expect(head.text.isEmpty)
    }

    // MARK: Runs

    @Test func aStreamOfARunEndsWithIt() throws {
        let loader = ScriptedLoader(clock: SystemClock())
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        let stage = try Stage(loader: { _ in loader })
        try stage.world.putOrders()
        let run = stage.world.ask(.post, "/v1/pipelines/orders/runs").json["id"]?.string ?? ""
        let target = "/v1/runs/\(run)/events"
        let early = stage.listen(target)
        #expect(begun.wait() == true)
        #expect(hears(early) { $0.heard.contains { $0.kind == "run_started" } })
        #expect(early.heard.first?.kind == "run_queued")
        // What no log keeps: how far the step in hand has come.
        #expect(hears(early) { $0.heard.contains { $0.kind == "progress" } })
        let progress = try JSONValue(parsing: early.heard.first { $0.kind == "progress" }?.data.utf8 ?? "".utf8)
        #expect(progress.keys == ["run", "step", "rows_read", "rows_expected", "commits"])
        #expect(early.heard.first { $0.kind == "progress" }?.id == nil)
        #expect(!early.isEnded)
        gate.open()
        #expect(hears(early) { $0.isEnded })
        #expect(early.heard.last?.kind == "run_finished")
        let late = stage.listen(target)
        #expect(hears(late) { $0.isEnded })
        #expect(late.heard == early.heard.filter { $0.id != nil })
        let half = stage.listen(target, lastEventID: late.ids[1])
        #expect(hears(half) { $0.isEnded })
        #expect(half.ids == Array(late.ids[2...]))
        // A browser comes back to every stream that ends; this tells it not to.
        let done = stage.listen(target, lastEventID: late.lastID)
        #expect(hears(done) { $0.head != nil })
        #expect(done.status == 204)
        #expect(stage.world.ask(.get, target + "?limit=100&after=0").json["events"]?.array?.count == late.heard.count)
    }

    @Test func tellsWhatCameAfterTheEndOfARun() throws {
        let stage = try Stage()
        try stage.world.putOrders()
        let run = stage.world.load()["id"]?.string ?? ""
        #expect(stage.world.ask(.post, "/v1/runs/\(run)/rollback").status == 200)
        let ear = stage.listen("/v1/runs/\(run)/events")
        #expect(hears(ear) { $0.isEnded })
        #expect(ear.heard.contains { $0.kind == "run_finished" })
        #expect(ear.heard.last?.kind == "run_rolled_back")
        let rest = stage.listen("/v1/runs/\(run)/events", lastEventID: (ear.lastID ?? 0) - 1)
        #expect(hears(rest) { $0.isEnded })
        #expect(rest.heard.map(\.kind) == ["run_rolled_back"])
    }

    @Test func aRunWhoseBeginningIsGoneSaysSo() throws {
        let stage = try Stage()
        try stage.world.putOrders()
        let run = stage.world.load()["id"]?.string ?? ""
        try stage.trim(to: 2)
        let ear = stage.listen("/v1/runs/\(run)/events")
        #expect(hears(ear) { $0.isEnded })
        #expect(ear.heard.first?.kind == "gap")
        #expect(ear.heard.last?.kind == "run_finished")
        let missing = stage.listen("/v1/runs/nothing/events")
        #expect(hears(missing) { $0.head != nil })
        #expect(missing.status == 404)
    }

    // MARK: Bounds

    @Test func keepsNothingWhileNobodyListens() throws {
        let world = try World(isStarted: false)
        let tail = world.api.services.events
        let woken = Monitor(0)
        let filter = EventFilter()
        func hears(_ count: Int) -> Bool {
            woken.wait(upTo: .seconds(20)) { _ in
                if case .events(let found, _, _) = tail.next(after: 0, filter, room: .max) {
                    found.count == count ? true : nil
                } else {
                    nil
                }
            } ?? false
        }
        let listener = tail.join(StreamWaker { woken.update { $0 += 1 } })
        try world.store.write { transaction throws(StoreError) in try transaction.appendEvent("run_started") }
        #expect(hears(1))
        tail.leave(listener)
        #expect(hears(0))
        let again = tail.join(StreamWaker { woken.update { $0 += 1 } })
        #expect(hears(1))
        tail.leave(again)
    }

    @Test func keepsTheNewestOnly() throws {
        let world = try World(isStarted: false)
        let tail = world.api.services.events
        let woken = Monitor(0)
        let listener = tail.join(StreamWaker { woken.update { $0 += 1 } })
        for _ in 0..<4 {
            try world.store.write { transaction throws(StoreError) in
                let payload = #"{"text":"\#(String(repeating: "z", count: 100_000))"}"#
                for _ in 0..<30 { try transaction.appendEvent("run_started", payload: payload) }
            }
        }
        func kept() -> Int? {
            woken.wait(upTo: .seconds(20)) { _ in
                if case .events(let found, 120, _) = tail.next(after: 119, EventFilter(), room: .max) {
                    found.count
                } else {
                    nil
                }
            }
        }
        #expect(kept() == 1)
        // 12 MB were told, about 4 are kept.
        guard case .behind = tail.next(after: 60, EventFilter(), room: .max) else {
            Issue.record("older events are kept")
            return
        }
        tail.leave(listener)
    }
}
