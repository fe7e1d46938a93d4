import HTTPClient
import Model
import Platform
import SQLite
import Store
import Testing

@testable import API
@testable import Store

/// Listeners that come, go, stall and come back, over a log that is trimmed under them.
struct EventListenersModelTests {
    /// One who listens, over all of its connections.
    private final class Life {
        let pipeline: String?
        let after: Int64?
        var ear: Ear
        var isStalled = false
        var start: Int64?
        /// The last number that any of its connections was told.
        var place: Int64?
        var heard: [Ear.Heard] = []

        init(_ port: Int, _ pipeline: String?, after: Int64?) {
            self.pipeline = pipeline
            self.after = after
            ear = Ear(port: port, Life.target(pipeline, after), receiveBytes: 4_096)
        }

        private static func target(_ pipeline: String?, _ after: Int64?) -> String {
            let parts = [pipeline.map { "pipeline=\($0)" }, after.map { "after=\($0)" }].compactMap { $0 }
            return "/v1/events" + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
        }

        /// Breaks off, forgetting what it has not read, and comes back to where it was.
        func comeBack(_ port: Int) {
            settle()
            ear = Ear(port: port, Life.target(pipeline, after), lastEventID: place, receiveBytes: 4_096)
        }

        func settle() {
            start = start ?? ear.firstID
            place = ear.lastID ?? place
            heard += ear.heard
        }

        var last: Int64? { ear.heard.last?.id ?? heard.last?.id }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func everyoneHearsTheLogFromItsPlaceOn(seed: UInt64) throws {
        var random = Seeded(seed)
        let world = try World(isStarted: false)
        let port = Int(try world.listen().server.split(separator: ":").last ?? "") ?? 0
        var log: [String] = []
        var trimmed: Int64 = 0
        var lives: [Life] = []
        func tell(_ pipelines: [String]) throws {
            let texts = pipelines.map { _ in
                String(repeating: "x", count: Int.random(in: 0..<10, using: &random) == 0 ? 20_000 : 50)
            }
            try world.store.write { transaction throws(StoreError) in
                for (pipeline, text) in zip(pipelines, texts) {
                    try transaction.appendEvent("run_started", pipeline: pipeline, payload: #"{"text":"\#(text)"}"#)
                }
            }
            log += pipelines
        }
        for _ in 0..<250 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<8:
                let count = Int.random(in: 1...40, using: &random)
                try tell((0..<count).map { _ in ["a", "b", "c"].randomElement(using: &random) ?? "a" })
            case 8..<11 where lives.count < 20:
                let places: [Int64?] = [nil, 0, Int64.random(in: 0...Int64(log.count), using: &random)]
                let pipelines: [String?] = [nil, nil, "a", "b"]
                lives.append(
                    Life(
                        port, pipelines.randomElement(using: &random) ?? nil,
                        after: places.randomElement(using: &random) ?? nil))
            case 11..<13: lives.randomElement(using: &random)?.isStalled.toggle()
            case 13..<15: lives.randomElement(using: &random)?.comeBack(port)
            case 15 where log.count > 500:
                let bound = Int64.random(in: trimmed...(Int64(log.count) - 200), using: &random)
                trimmed = bound
                try world.store.write { transaction throws(StoreError) in
                    try transaction.run("trim", "DELETE FROM events WHERE id <= ?", [.integer(bound)])
                }
            default:
                var turns = 0
                _ = Ear.listen(lives.filter { !$0.isStalled }.map(\.ear)) {
                    turns += 1
                    return turns > 2
                }
            }
        }
        try tell(["a", "b", "c"])
        let end = Int64(log.count)
        func isWhole(_ life: Life) -> Bool {
            life.last == (life.pipeline == nil ? end : life.pipeline == "a" ? end - 2 : end - 1)
        }
        #expect(Ear.listen(lives.map(\.ear)) { lives.allSatisfy(isWhole) }, "seed \(seed)")
        for life in lives {
            life.settle()
            let start = try #require(life.start, "seed \(seed)")
            let ids = life.heard.compactMap(\.id)
            #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }, "seed \(seed): \(ids)")
            var (lost, told) = (Set<Int64>(), Set<Int64>())
            for event in life.heard {
                let id = try #require(event.id)
                guard event.kind == "gap" else {
                    #expect(life.pipeline == nil || log[Int(id) - 1] == life.pipeline, "seed \(seed)")
                    told.insert(id)
                    continue
                }
                let after = try JSONValue(parsing: event.data.utf8)["payload"]?["after"]?.integer ?? 0
                #expect(id <= trimmed, "seed \(seed): only what is gone is told as gone")
                lost.formUnion((after + 1)...id)
            }
            let wanted = (start + 1...end).filter { life.pipeline == nil || log[Int($0) - 1] == life.pipeline }
            #expect(wanted.allSatisfy { told.contains($0) != lost.contains($0) }, "seed \(seed)")
            #expect(told.isSubset(of: wanted), "seed \(seed)")
        }
    }
}
