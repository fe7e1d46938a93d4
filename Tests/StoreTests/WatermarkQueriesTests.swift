import Model
import Platform
import SQLite
import Testing

@testable import Store

struct WatermarkQueriesTests {
    private func watermark(_ world: World, _ value: CursorValue?, step: String = "s", version: Int = 1) -> Watermark {
        Watermark(
            pipeline: "p", step: step, cursor: "updated_at", value: value, updatedAt: world.clock.now(), run: "r",
            version: version)
    }

    @Test func keepsAnyValueExactly() throws {
        let world = try World()
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Seeded(seed)
        for version in 1...300 {
            var mark = watermark(world, random.optional { $0.cursorValue() }, version: version)
            mark.key = (0..<Int.random(in: 0...3, using: &random)).map { _ in random.cursorValue() }
            mark.reason = random.optional { $0.text() }
            try world.change { transaction throws(StoreError) in try transaction.mirrorWatermark(mark) }
            try world.store.read { session throws(StoreError) in
                #expect(try session.watermark("p", "s") == mark, "seed \(seed)")
                #expect(try session.watermarkHistory("p", "s", Page(limit: 1)).items == [mark], "seed \(seed)")
            }
        }
    }

    @Test func aCopyThatSaysTheSameIsNoChange() throws {
        let world = try World()
        let mark = watermark(world, .text("2024"))
        try world.change { transaction throws(StoreError) in
            try transaction.mirrorWatermark(mark)
            try transaction.mirrorWatermark(mark)
            #expect(try transaction.watermarkHistory("p", "s").items == [mark])
        }
    }

    @Test func aRewindAndARemovalAreRemembered() throws {
        let world = try World()
        var marks = [watermark(world, .integer(10)), watermark(world, .integer(5), version: 2)]
        marks[1].run = nil
        marks[1].reason = "the source was repaired"
        let copy = marks
        try world.change { transaction throws(StoreError) in
            for mark in copy { try transaction.mirrorWatermark(mark) }
            try transaction.removeWatermark("p", "s", reason: "start again")
            #expect(try transaction.watermark("p", "s") == nil)
        }
        let history = try world.store.read { session throws(StoreError) in try session.watermarkHistory("p", "s").items
        }
        #expect(history.map(\.value) == [nil, .integer(5), .integer(10)])
        #expect(history.map(\.reason) == ["start again", "the source was repaired", nil])
        #expect(history.map(\.version) == [3, 2, 1])
        let again = #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in
                try transaction.removeWatermark("p", "s", reason: nil)
            }
        }
        #expect(again?.code == .unknownWatermark)
    }

    @Test func listsInPages() throws {
        let world = try World()
        var expected: [Watermark] = []
        for pipeline in ["a", "a-b", "b"] {
            for step in 0..<5 {
                var mark = watermark(world, .integer(1), step: "s\(step)")
                mark.pipeline = pipeline
                expected.append(mark)
            }
        }
        let marks = expected.shuffled()
        try world.change { transaction throws(StoreError) in
            for mark in marks { try transaction.mirrorWatermark(mark) }
        }
        for pipeline in [nil, "a", "a-b", "none"] {
            var found: [Watermark] = []
            var page: Page? = Page(limit: 4)
            while let asked = page {
                let part = try world.store.read { session throws(StoreError) in
                    try session.watermarks(pipeline: pipeline, asked)
                }
                found += part.items
                page = part.nextCursor.map { Page(limit: 4, cursor: $0) }
            }
            #expect(found == expected.filter { pipeline == nil || $0.pipeline == pipeline })
        }
    }

    @Test func pagesAndBoundsTheHistory() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            for version in 1...9 {
                try transaction.mirrorWatermark(
                    Watermark(
                        pipeline: "p", step: "s", cursor: "c", value: .integer(Int64(version)),
                        updatedAt: transaction.now,
                        version: version))
            }
        }
        var versions: [Int] = []
        var page: Page? = Page(limit: 2)
        while let asked = page {
            let part = try world.store.read { session throws(StoreError) in
                try session.watermarkHistory("p", "s", asked)
            }
            versions += part.items.map(\.version)
            page = part.nextCursor.map { Page(limit: 2, cursor: $0) }
        }
        #expect(versions == Array((1...9).reversed()))
        try world.connection().execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < \(Limits.watermarkChanges + 50))
            INSERT INTO watermark_history (pipeline, step, cursor_column, value, key, updated_at, version)
            SELECT 'p', 's', 'c', i, '[]', 0, i FROM n
            """)
        let last = Limits.watermarkChanges + 51
        let mark = watermark(world, .integer(1), version: last)
        try world.change { transaction throws(StoreError) in try transaction.mirrorWatermark(mark) }
        let left = try world.connection().first("SELECT count(*), min(version), max(version) FROM watermark_history")
        #expect(
            left?.values == [Value(Limits.watermarkChanges), Value(last - Limits.watermarkChanges + 1), Value(last)])
    }

    @Test func goesWithItsPipelineButItsHistoryStays() throws {
        let world = try World()
        try world.change { transaction throws(StoreError) in
            _ = try transaction.putPipeline("p", document: "{}", connections: [])
        }
        let mark = watermark(world, .integer(1))
        try world.change { transaction throws(StoreError) in
            try transaction.mirrorWatermark(mark)
            try transaction.deletePipeline("p")
            #expect(try transaction.watermark("p", "s") == nil)
            #expect(try transaction.watermarkHistory("p", "s").items.count == 1)
        }
    }
}
