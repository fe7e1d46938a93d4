import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

struct LineageTests {
    private func started(_ poster: ScriptedPoster, environment: [String: String] = [:]) throws -> World {
        let world = try World(environment: environment, poster: poster, lineage: "tests")
        try world.pipeline(
            "orders", steps: [World.step("orders"), World.step("copy", after: ["orders"])],
            more: "\"retries\":{\"max_attempts\":2,\"backoff\":\"10s\"},")
        try world.order(1...3)
        try world.engine.start()
        return world
    }

    /// The events as `KIND job`, in the order they came.
    private func told(_ poster: ScriptedPoster, _ count: Int) -> [String] {
        poster.letters.wait(count).map { letter in
            "\(letter.json["eventType"]?.string ?? "") \(letter.json["job"]?["name"]?.string ?? "")"
        }
    }

    @Test func aRunAndItsStepsAreTold() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        let run = try world.run("orders")
        let events = told(poster, 6)
        world.end()
        #expect(
            events == [
                "START orders", "START orders.orders", "COMPLETE orders.orders", "START orders.copy",
                "COMPLETE orders.copy", "COMPLETE orders",
            ])
        let letters = poster.letters.values
        #expect(letters.allSatisfy { $0.receiver == .lineage })
        let parent = LineageIdentifier.run(run.id)
        #expect(letters.filter { $0.json["run"]?["runId"]?.string == parent }.count == 2)
        let end = try #require(letters.first { $0.json["eventType"] == "COMPLETE" }).json
        #expect(end["run"]?["facets"]?["parent"]?["run"]?["runId"]?.string == parent)
        #expect(end["job"]?["namespace"] == "tests")
        let input = try #require(end["inputs"]?.array?.first)
        #expect(input["namespace"]?.string?.hasSuffix("/data/shop.db") == true)
        #expect(input["name"] == "orders")
        #expect(input["inputFacets"]?["inputStatistics"]?["rowCount"] == 3)
        let output = try #require(end["outputs"]?.array?.first)
        #expect(output["outputFacets"]?["outputStatistics"]?["rowCount"] == 3)
        let columns = output["facets"]?["schema"]?["fields"]?.array?.compactMap { $0["name"]?.string }
        #expect(columns == ["id", "total", "updated_at"])
    }

    @Test func aFailureAndAnotherAttemptAreTold() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        world.loader.before { (moment) throws(Failure) in
            guard moment.request.step.name == "copy", moment.number == 1 else { return }
            throw Failure(.locked, "somebody has the file", isTransient: true)
        }
        let run = try world.trigger("orders")
        _ = try world.laidAside(run)
        world.advance(by: .seconds(60))
        #expect(try world.finish(run).state == .success)
        let events = told(poster, 8)
        world.end()
        #expect(
            events == [
                "START orders", "START orders.orders", "COMPLETE orders.orders", "START orders.copy",
                "FAIL orders.copy", "START orders.copy", "COMPLETE orders.copy", "COMPLETE orders",
            ])
        let copies = poster.letters.values.filter { $0.json["job"]?["name"] == "orders.copy" }
            .map { $0.json["run"]?["runId"]?.string ?? "" }
        #expect(copies[0] == copies[1])
        #expect(copies[2] == copies[3])
        #expect(copies[0] != copies[2])
        let failed = try #require(poster.letters.values.first { $0.json["eventType"] == "FAIL" }).json
        #expect(failed["run"]?["facets"]?["errorMessage"]?["message"] == "somebody has the file")
        #expect(failed["outputs"]?.array?.first?["name"] == "copy")
    }

    @Test func everyStartHasOneEndAcrossACrash() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        let isIn = Signal<Bool>()
        let mayEnd = Signal<Bool>()
        world.loader.before { (moment) throws(Failure) in
            guard moment.request.step.name == "copy" else { return }
            isIn.open()
            _ = mayEnd.wait()
        }
        let run = try world.trigger("orders")
        _ = isIn.wait()
        _ = poster.letters.wait(4)
        let next = ScriptedPoster()
        let after = try world.afterCrash(poster: next, lineage: "tests")
        mayEnd.open()
        world.end()
        try after.engine.start()
        #expect(try after.finish(run).state == .success)
        _ = next.letters.wait { $0.json["eventType"] == "COMPLETE" && $0.json["job"]?["name"] == "orders" }
        after.end()
        // What the dead process had delivered counts, and what it had in hand is told again.
        let told = Set(
            (poster.letters.values.prefix(4) + next.letters.values).map { letter in
                "\(letter.json["run"]?["runId"]?.string ?? "") \(letter.json["eventType"]?.string ?? "")"
            })
        let runs = Dictionary(grouping: told.map { $0.split(separator: " ") }, by: { $0[0] })
            .mapValues { $0.map { String($0[1]) }.sorted() }
        #expect(runs.count == 4)
        #expect(runs.values.allSatisfy { $0.count == 2 && $0.contains("START") }, "\(runs)")
        #expect(runs.values.filter { $0.contains("ABORT") }.count == 1)
    }

    @Test func aRunThatNeverBeganIsNotTold() throws {
        let poster = ScriptedPoster()
        let world = try started(poster)
        let isIn = Signal<Bool>()
        let mayEnd = Signal<Bool>()
        world.loader.before { (moment) throws(Failure) in
            isIn.open()
            _ = mayEnd.wait()
        }
        _ = try world.trigger("orders")
        _ = isIn.wait()
        let second = try world.trigger("orders")
        #expect(try world.cancel(second).state == .cancelled)
        mayEnd.open()
        let events = told(poster, 6)
        world.end()
        #expect(!events.contains { $0.hasPrefix("ABORT") })
    }

    @Test func variablesAreNotShown() throws {
        let poster = ScriptedPoster()
        let world = try started(poster, environment: ["SHOP_FILE": "canary-4711.db"])
        try world.database("canary-4711.db") {
            try $0.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL, updated_at TEXT)")
        }
        try world.connection("shop", "${SHOP_FILE}")
        _ = try world.run("orders")
        _ = told(poster, 6)
        world.end()
        #expect(poster.letters.values.count == 6)
        for letter in poster.letters.values { #expect(!letter.body.contains("canary"), "\(letter.body)") }
    }
}
