import Model
import Platform
import Testing

@testable import Store

/// Connections and pipelines: named documents with versions.
struct DocumentQueriesTests {
    @Test func countsVersionsAndTellsWhatAPutDid() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            let first = try transaction.putConnection("shop", definition: "{}")
            #expect(first == PutOutcome(version: 1, created: true, unchanged: false))
            let same = try transaction.putConnection("shop", definition: "{}")
            #expect(same == PutOutcome(version: 1, created: false, unchanged: true))
            let other = try transaction.putConnection("shop", definition: "{ }")
            #expect(other == PutOutcome(version: 2, created: false, unchanged: false))
        }
        world.clock.advance(by: .seconds(5))
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putConnection("shop", definition: "[]")
        }
        let shop = try #require(try world.store.read { session throws(StoreError) in try session.connection("shop") })
        #expect(shop.version == 3)
        #expect(shop.definition == "[]")
        #expect(shop.updatedAt == shop.createdAt.adding(.seconds(5)))
        #expect(try world.store.read { session throws(StoreError) in try session.connection("other") } == nil)
    }

    @Test(arguments: [
        (Store.Expectation.anything, true, true), (.absent, true, false), (.present, false, true),
        (.version(1), false, true),
        (.version(2), false, false), (.version(0), false, false),
    ])
    func holdsToWhatTheCallerHasSeen(expectation: Store.Expectation, whenAbsent: Bool, whenPresent: Bool) throws {
        let world = try World()
        func put(_ text: String) -> StoreError.Code? {
            do throws(StoreError) {
                try world.change { transaction throws(StoreError) in
                    _ = try transaction.putPipeline("p", document: text, connections: [], expecting: expectation)
                }
                return nil
            } catch { return error.code }
        }
        #expect(put("[1]") == (whenAbsent ? nil : .preconditionFailed))
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putPipeline("p", document: "[1]", connections: [])
        }
        #expect(put("[2]") == (whenPresent ? nil : .preconditionFailed))
        let stored = try world.store.read { session throws(StoreError) in try session.pipeline("p")?.definition }
        #expect(stored == (whenPresent ? "[2]" : "[1]"))
    }

    @Test func aVersionIsNeverGivenTwice() throws {
        let world = try World()
        try world.pipeline("orders")
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putPipeline("orders", document: "[2]", connections: [])
            try transaction.deletePipeline("orders", expecting: .version(2))
            #expect(try transaction.pipeline("orders") == nil)
            #expect(try transaction.putPipeline("orders", document: "[3]", connections: []).version == 3)
            try transaction.deletePipeline("orders")
            #expect(try transaction.putPipeline("orders", document: "[3]", connections: []).version == 4)
        }
    }

    @Test func aConnectionInUseStays() throws {
        let world = try World()
        try world.pipeline("orders")
        try world.pipeline("customers")
        let error = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in try transaction.deleteConnection("shop") }
        }
        #expect(error?.code == .inUse)
        #expect(error?.cause.contains("customers, orders") == true)
        try world.change { transaction throws(StoreError) in
            try transaction.deletePipeline("orders")
            _ = try transaction.putPipeline("customers", document: "{}", connections: [])
            #expect(try transaction.pipelines(using: "shop").isEmpty)
            try transaction.deleteConnection("shop")
        }
        let again = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in try transaction.deleteConnection("shop") }
        }
        #expect(again?.code == .unknownConnection)
    }

    @Test func aPipelineNeedsItsConnections() throws {
        let world = try World()
        let error = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in
                _ = try transaction.putPipeline("orders", document: "{}", connections: ["nowhere"])
            }
        }
        #expect(error?.code == .unknownConnection)
        #expect(error?.cause.contains("nowhere") == true)
    }

    @Test func aPipelineRunsAfterOthersThatAreThereAndNeverAfterItself() throws {
        let world = try World()
        func put(_ name: String, after upstreams: [String]) -> StoreError? {
            do throws(StoreError) {
                try world.change { transaction throws(StoreError) in
                    _ = try transaction.putPipeline(name, document: "{}", connections: [], after: upstreams)
                }
                return nil
            } catch { return error }
        }
        #expect(put("b", after: ["a"])?.code == .unknownUpstream)
        #expect(put("a", after: []) == nil)
        #expect(put("b", after: ["a", "a"]) == nil)
        #expect(put("c", after: ["b"]) == nil)
        let circle = put("a", after: ["c"])
        #expect(circle?.code == .dependencyCycle)
        #expect(
            ["a -> c -> b -> a", "b -> a -> c -> b", "c -> b -> a -> c"].contains {
                circle?.cause.hasSuffix($0) == true
            })
        func downstreams(_ name: String) throws -> [String] {
            try world.store.read { session throws(StoreError) in try session.downstreams(of: name) }
        }
        #expect(try downstreams("a") == ["b"])
        let used = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in try transaction.deletePipeline("a") }
        }
        #expect(used?.code == .inUse && used?.cause.contains("b run after") == true)
        #expect(put("b", after: []) == nil)
        #expect(try downstreams("a").isEmpty)
        try world.change { transaction throws(StoreError) in
            try transaction.deletePipeline("a")
            try transaction.deletePipeline("c")
            try transaction.deletePipeline("b")
        }
    }

    @Test func aPipelineWithARunInHandStays() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        let error = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in try transaction.deletePipeline("orders") }
        }
        #expect(error?.code == .inUse)
        #expect(error?.cause.contains(run.id) == true)
        try world.change { transaction throws(StoreError) in
            try transaction.changeRun(run.id, to: .cancelled)
            try transaction.deletePipeline("orders")
            #expect(try transaction.run(run.id)?.state == .cancelled)
        }
    }

    @Test func listsInPagesByName() throws {
        let world = try World()
        let names = (0..<23).map { "p\($0)" }
        try world.change { transaction throws(StoreError) in
            for name in names.shuffled() {
                _ = try transaction.putPipeline(name, document: "{}", connections: [])
                _ = try transaction.putConnection(name, definition: "{}")
            }
        }
        for limit in [1, 5, 22, 23, 24] {
            var pipelines: [String] = []
            var connections: [String] = []
            var page: Page? = Page(limit: limit)
            while let asked = page {
                let part = try world.store.read { session throws(StoreError) in try session.pipelines(asked) }
                #expect(part.items.count <= limit && !part.items.isEmpty)
                pipelines += part.items.map(\.name)
                connections += try world.store.read { session throws(StoreError) in
                    try session.connections(asked).items.map(\.name)
                }
                page = part.nextCursor.map { Page(limit: limit, cursor: $0) }
            }
            #expect(pipelines == names.sorted())
            #expect(connections == names.sorted())
        }
    }

    @Test(arguments: ["", "Ünknown", "a b", "a'--", String(repeating: "a", count: 64), "\0"])
    func refusesACursorThatNoListGave(cursor: String) throws {
        let world = try World()
        let page = Page(cursor: cursor)
        try world.store.read { session throws(StoreError) in
            let errors = [
                #expect(throws: StoreError.self) { try session.pipelines(page) },
                #expect(throws: StoreError.self) { try session.connections(page) },
                #expect(throws: StoreError.self) { try session.runs(RunFilter(), page) },
                #expect(throws: StoreError.self) { try session.watermarks(page) },
                #expect(throws: StoreError.self) { try session.watermarkHistory("p", "s", page) },
            ]
            #expect(errors.allSatisfy { $0?.code == .invalidCursor })
        }
    }

    @Test func holdsAPageWithinItsBounds() {
        #expect(Page(limit: 0).limit == 1)
        #expect(Page(limit: -5).limit == 1)
        #expect(Page(limit: 1_000_000).limit == Limits.maximumPageItems)
    }
}
