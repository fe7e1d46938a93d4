import Engine
import HTTPClient
import Model
import Platform
import SQLite
import Testing

@testable import API
@testable import HTTPServer
@testable import Store

/// What only shows over the network: waiting, heads, readiness.
struct LiveTests {
    private let runs = "/v1/pipelines/orders/runs"

    /// A world with the pipeline `orders` that listens.
    private struct Live {
        let world: World
        let client: HTTPClient

        init(isStarted: Bool = true) throws {
            world = try World(isStarted: isStarted)
            try world.putOrders()
            client = try world.listen()
        }

        func send(_ method: String, _ path: String, _ headers: [(String, String)] = []) throws -> Reading {
            Reading(try client.send(method, path, headers: headers.map { (name: $0.0, value: $0.1) }))
        }
    }

    @Test func waitsForTheEndOfARun() throws {
        let live = try Live()
        let answer = try live.send("POST", runs, [("Prefer", "respond-async, wait=30")])
        #expect(answer.status == 200)
        #expect(answer.header("Preference-Applied") == "wait=30")
        #expect(answer.json["state"] == "success")
        #expect(answer.json["steps"]?[0]?["rows_inserted"] == 10)
        #expect(answer.header("Location") == "/v1/runs/\(answer.json["id"]?.string ?? "")")
        #expect(answer.json == live.world.ask(.get, answer.header("Location") ?? "/").json)
    }

    @Test func saysSoWhenTheRunTakesLonger() throws {
        let live = try Live(isStarted: false)
        let answer = try live.send("POST", runs, [("Prefer", "wait=1")])
        #expect(answer.status == 202)
        #expect(answer.header("Preference-Applied") == "wait=1")
        #expect(answer.header("Location") != nil)
        #expect(answer.header("Retry-After") == "1")
        #expect(answer.json["state"] == "queued")
    }

    @Test func aRepeatedTriggerWaitsForTheSameRun() throws {
        let live = try Live()
        let headers = [("Prefer", "wait=30"), ("Idempotency-Key", "w")]
        let first = try live.send("POST", runs, headers)
        let again = try live.send("POST", runs, headers)
        #expect(first.status == 200)
        #expect(again.status == 200)
        #expect(again.text == first.text)
        #expect(again.header("Idempotency-Replayed") == "true")
    }

    @Test func retryAndCancelWaitToo() throws {
        let live = try Live(isStarted: false)
        let id = live.world.ask(.post, runs).json["id"]?.string ?? ""
        #expect(try live.send("POST", "/v1/runs/\(id)/cancel", [("Prefer", "wait=5")]).status == 200)
        try live.world.engine.start()
        let retry = try live.send("POST", "/v1/runs/\(id)/retry", [("Prefer", "wait=30")])
        #expect(retry.status == 200)
        #expect(retry.json["state"] == "success")
    }

    @Test func aHeadHasTheFieldsOfItsGet() throws {
        let live = try Live()
        let head = try live.send("HEAD", "/v1/pipelines/orders")
        let get = try live.send("GET", "/v1/pipelines/orders")
        #expect(head.status == 200)
        #expect(head.text.isEmpty)
        #expect(head.header("ETag") == get.header("ETag"))
        #expect(head.header("Content-Length") == get.header("Content-Length"))
        #expect(get.header("Cache-Control") == "no-store")
    }

    @Test func everyRouteAsksForAKnownHost() throws {
        let live = try Live()
        for endpoint in Routes.endpoints + PageRoutes.endpoints {
            let path = endpoint.pattern.split(separator: "/").map { $0.hasPrefix("{") ? "x" : String($0) }
            let answer = try live.send(
                endpoint.method.rawValue, "/" + path.joined(separator: "/"), [("Host", "evil.example")])
            #expect(answer.status == 421, "\(endpoint.name)")
            #expect(answer.code == "unknown_host")
        }
    }

    @Test func theProblemHasTheIdentifierOfTheRequest() throws {
        let live = try Live()
        let answer = try live.send("GET", "/v1/runs/none", [("X-Request-Id", "mine-1")])
        #expect(answer.json["request_id"] == "mine-1")
        #expect(answer.header("X-Request-Id") == "mine-1")
    }

    @Test func showsHowFarARunHasCome() throws {
        let loader = ScriptedLoader(clock: SystemClock())
        let (begun, gate) = (Signal<Bool>(), Signal<Bool>())
        loader.before { _ in
            begun.open()
            _ = gate.wait()
        }
        let world = try World(loader: { _ in loader })
        try world.putOrders()
        let id = world.ask(.post, runs).json["id"]?.string ?? ""
        #expect(begun.wait() == true)
        // The start was on its way to the control database when the load began; this change comes after it.
        try world.store.write { (_) throws(StoreError) in }
        let run = world.ask(.get, "/v1/runs/\(id)").json
        #expect(run["state"] == "running")
        #expect(run["progress"]?.keys == ["step", "rows_read", "rows_expected", "commits"])
        #expect(run["progress"]?["step"] == "orders")
        gate.open()
        let end = world.finished(id)
        #expect(end["state"] == "success")
        #expect(end["progress"] == .null)
    }

    @Test func isReadyUntilItDrains() throws {
        let live = try Live()
        #expect(try live.send("GET", "/readyz").status == 200)
        live.world.api.drain()
        let answer = try live.send("GET", "/readyz")
        #expect(answer.status == 503)
        #expect(answer.header("Retry-After") == "5")
        #expect(try live.send("GET", "/healthz").status == 200)
    }

    @Test func isNotReadyAfterAFullDisk() throws {
        let world = try World()
        let store = world.store
        #expect(world.ask(.get, "/readyz").status == 200)
        #expect(throws: StoreError.self) {
            try store.write { transaction throws(StoreError) in
                // As SQLite itself does when the disk is full; from now on it takes nothing.
                do throws(SQLiteError) {
                    try transaction.connection.rollback()
                    try transaction.connection.execute("PRAGMA query_only = 1")
                } catch {}
                throw StoreError(.diskFull, "test", "full")
            }
        }
        #expect(world.ask(.get, "/readyz").status == 503)
        #expect(world.ask(.get, "/readyz").status == 503)
        #expect(world.ask(.get, "/healthz").status == 200)
        #expect(store.writeFailure?.code == .diskFull)
    }

    @Test func isNotReadyWithoutItsControlDatabase() throws {
        let world = try World(isStarted: false)
        world.store.close()
        let answer = world.ask(.get, "/readyz")
        #expect(answer.status == 503)
        #expect(answer.code == "stopping")
        #expect(world.ask(.get, "/healthz").status == 200)
        #expect(world.ask(.get, "/v1/runs").status >= 500)
    }
}
