import Foundation
import Loading
import Model
import Platform
import SQLite
import Testing

/// Destinations and sources that changed behind a step's back, plans, and watermarks set by hand.
struct DestinationStateTests {
    private func loaded() throws -> World {
        let world = try World(Tables.orders)
        try world.source.execute(
            "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02'), (3, 'c', '2024-05-03')")
        try world.load(world.step())
        return world
    }

    @Test("PAINS 16: an upsert without its watermark reads all, and says so")
    func upsertWithoutWatermark() throws {
        let world = try loaded()
        try world.warehouse.execute("DELETE FROM _strandline_watermarks")
        let result = try world.load(world.step())
        #expect(result.counts == RowCounts(read: 3, unchanged: 3))
        #expect(result.codes == ["watermark_missing"])
    }

    @Test func aDestinationThatIsGoneStopsTheRun() throws {
        let world = try loaded()
        try world.warehouse.execute("DROP TABLE orders")
        #expect(try world.failure(world.step())?.code == .destinationMissing)
        #expect(throws: Failure.self) { try world.plan(world.step()) }
        #expect(try world.load(world.step(), fullRefresh: true).counts.inserted == 3)
    }

    @Test func anEmptiedDestinationIsTold() throws {
        let world = try loaded()
        try world.warehouse.execute("DELETE FROM orders")
        #expect(try world.load(world.step()).codes == ["destination_empty"])
    }

    @Test func anEmptiedSourceIsTold() throws {
        let world = try loaded()
        try world.source.execute("DELETE FROM orders")
        let result = try world.load(world.step())
        #expect(result.codes == ["source_empty"])
        #expect(result.watermarkAfter == .text("2024-05-03"))
        #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[3]])
    }

    @Test func aChangedCursorColumnStopsTheRun() throws {
        let world = try loaded()
        let failure = try world.failure(world.step(cursor: "item"))
        #expect(failure?.code == .conflict)
        #expect(failure?.field == "cursor.column")
    }

    @Test("columns that vanished are named", arguments: ["updated_at", "id", "item"])
    func vanishedColumns(column: String) throws {
        let world = try loaded()
        let step = world.step().with { $0.columns = ColumnSelection(include: ["id", "item", "updated_at"]) }
        try world.source.execute("DROP INDEX orders_by_updated_at")
        try world.source.execute("ALTER TABLE orders RENAME COLUMN \(column) TO other")
        let failure = try world.failure(step)
        #expect(failure?.code == .unknownColumn)
        #expect(failure?.message.contains(column) == true)
        #expect(failure?.hint.contains("other") == true)
    }

    @Test("a new source column is added, refused or left out", arguments: SchemaPolicy.allCases)
    func newColumns(policy: SchemaPolicy) throws {
        for mode in WriteMode.allCases {
            let world = try World(Tables.orders + "INSERT INTO orders VALUES (1, 'a', '2024-05-01');")
            let step = world.step(mode: mode).with { $0.schemaPolicy = policy }
            try world.load(step)
            try world.source.execute(
                "ALTER TABLE orders ADD COLUMN size REAL; INSERT INTO orders VALUES (2, 'b', '2024-05-02', 1.5)")
            let names = "SELECT group_concat(name) FROM pragma_table_info('orders')"
            switch policy {
            case .evolve:
                #expect(try world.load(step).codes == ["columns_added"])
                #expect(try world.isEqual())
                #expect(try world.load(step).codes == [])
            case .freeze:
                #expect(try world.failure(step)?.code == .schemaChanged)
                #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[1]])
            case .discard:
                #expect(try world.load(step).codes == ["columns_discarded"])
                #expect(try world.inWarehouse(names) == [["id,item,updated_at"]])
                #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[2]])
            }
        }
    }

    @Test("PAINS 32: values of a column that the source dropped stay")
    func droppedColumnsKeepTheirValues() throws {
        let world = try loaded()
        try world.source.execute("ALTER TABLE orders DROP COLUMN item; INSERT INTO orders VALUES (4, '2024-05-04')")
        #expect(try world.failure(world.step().with { $0.schemaPolicy = .freeze })?.code == .schemaChanged)
        #expect(try world.load(world.step()).codes == ["columns_missing"])
        #expect(try world.inWarehouse("SELECT item FROM orders ORDER BY id") == [["a"], ["b"], ["c"], [nil]])
    }

    @Test("a table that was made from the source matches it under freeze", arguments: ["", " STRICT"])
    func whatWasMadeMatches(suffix: String) throws {
        let types =
            suffix.isEmpty
            ? ["VARCHAR(20)", "\"ENUM('a','b')\"", "\"ORDER\"", "", "DECIMAL(10, 2)", "NUMERIC NOT NULL"]
            : ["ANY", "INT", "BLOB"]
        for type in types {
            let world = try World(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, item \(type), updated_at TEXT)\(suffix)")
            try world.source.execute(
                "INSERT INTO orders VALUES (1, \(suffix.isEmpty ? "'007'" : type == "INT" ? "7" : "x'07'"), '2024-05-01')"
            )
            let step = world.step().with { $0.schemaPolicy = .freeze }
            #expect(try world.load(step).warnings == [], "\(type)")
            #expect(try world.load(step).warnings == [], "\(type)")
            #expect(try world.isEqual(), "\(type)")
        }
    }

    @Test("a timestamp step without a cursor is refused, not rebuilt")
    func aCursorIsNeeded() throws {
        let world = try loaded()
        #expect(try world.failure(world.step(cursor: nil))?.code == .missingCursor)
    }

    // MARK: Plans

    @Test("a plan changes nothing and foretells the run", arguments: WriteMode.allCases)
    func plansForetellTheRun(mode: WriteMode) throws {
        for table in Tables.both {
            let world = try World(table)
            try world.source.execute("INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', '2024-05-02')")
            let step = world.step(mode: mode)
            let first = try world.plan(step)
            #expect(!FileManager.default.fileExists(atPath: world.path("warehouse.db")))
            #expect(first.createsDestination)
            #expect(first.watermark == nil)
            #expect(first.rows == 2)
            #expect(first.statements.allSatisfy { !$0.contains("FROM \"main\"") })
            #expect(try world.load(step).counts.read == first.rows)
            let made = try world.inWarehouse("SELECT sql FROM sqlite_schema WHERE name = 'orders'")[0][0].string
            #expect(first.statements[0].replacingOccurrences(of: "main.", with: "") == made)
            try world.source.execute("INSERT INTO orders VALUES (3, 'c', '2024-05-02')")
            try world.warehouse.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            try world.source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            let files = ["source.db", "warehouse.db"]
            let before = try files.map { try Data(contentsOf: URL(fileURLWithPath: world.path($0))) }
            let second = try world.plan(step)
            #expect(try files.map { try Data(contentsOf: URL(fileURLWithPath: world.path($0))) } == before)
            #expect(second.from == .text("2024-05-02T00:00:00Z"))
            #expect(second.to == .text("2024-05-02"))
            #expect(second.watermark == .text("2024-05-02"))
            #expect(!second.createsDestination)
            #expect(second.fullScans.isEmpty == (table == Tables.orders))
            #expect(second.suggestedIndexes.isEmpty == (table == Tables.orders))
            #expect(try world.load(step).counts.read == second.rows)
        }
    }

    @Test("a plan of a step that cannot run fails as the run does")
    func plansFailAsRunsDo() throws {
        let world = try World(Tables.orders + "INSERT INTO orders VALUES (1, 'a', '2024-05-01'), (2, 'b', NULL)")
        let failure = #expect(throws: Failure.self) { try world.plan(world.step()) }
        #expect(failure?.code == .cursorMissing)
        let step = world.step().with { $0.cursor?.onMissing = .exclude }
        try world.load(step)
        let hidden = #expect(throws: Failure.self) { try world.plan(world.step()) }
        #expect(hidden?.code == .cursorMissing)
        try world.warehouse.execute("DELETE FROM _strandline_watermarks")
        let lost = #expect(throws: Failure.self) { try world.plan(step.with { $0.writeMode = .append }) }
        #expect(lost?.code == .watermarkMissing)
    }

    // MARK: Watermarks

    @Test("a watermark is set, looked at beforehand, and removed")
    func watermarksByHand() throws {
        let world = try loaded()
        let request = try world.request(world.step())
        let loader = world.loader()
        let back = try loader.previewWatermark(request, to: .text("2024-05-02"), stop: StopToken())
        #expect(
            back
                == WatermarkPreview(
                    current: .text("2024-05-03"), proposed: .text("2024-05-02"), rowsToRead: 2, rowsSkipped: 0))
        try world.source.execute("INSERT INTO orders VALUES (4, 'd', '2024-05-04'), (5, 'e', '2024-05-05')")
        let lookback = try world.request(world.step().with { $0.lookback = .time(.seconds(86_400)) })
        let forward = try loader.previewWatermark(lookback, to: .text("2024-05-06"), stop: StopToken())
        #expect(forward.rowsToRead == 1)
        #expect(forward.rowsSkipped == 1)
        let all = try loader.previewWatermark(request, to: nil, stop: StopToken())
        #expect(all.rowsToRead == 5)
        #expect(try world.watermark()?.value == .text("2024-05-03"))
        #expect(throws: Failure.self) { try loader.setWatermark(request, to: .text("soon"), reason: "") }
        let set = try loader.setWatermark(request, to: .text("2024-05-02"), reason: "a late file")
        #expect(set.version == 2)
        #expect(set.run == nil)
        #expect(try world.watermark() == set)
        #expect(try world.load(world.step()).counts == RowCounts(read: 4, inserted: 2, unchanged: 2))
        let file = try world.file("warehouse.db")
        #expect(
            try loader.removeWatermark(pipeline: "orders", step: "orders", destination: file)?.value
                == .text("2024-05-05"))
        #expect(try loader.removeWatermark(pipeline: "orders", step: "orders", destination: file) == nil)
        #expect(try world.watermark() == nil)
    }

    @Test("no version of a watermark is given twice, whoever removes it and whatever sets it again")
    func versionsGoOnAfterARemoval() throws {
        for way in 0..<3 {
            let world = try loaded()
            let loader = world.loader()
            let file = try world.file("warehouse.db")
            #expect(try world.watermark()?.version == 1)
            _ = try loader.removeWatermark(pipeline: "orders", step: "orders", destination: file)
            _ = try loader.removeWatermark(pipeline: "orders", step: "orders", destination: file)
            switch way {
            case 0: try world.load(world.step())
            case 1: try world.load(world.step(), fullRefresh: true)
            default: _ = try loader.setWatermark(try world.request(world.step()), to: .text("2024-05-02"), reason: "")
            }
            // The removal was version 2.
            #expect(try world.watermark()?.version == 3)
        }
    }
}
