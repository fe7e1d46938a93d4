import Loading
import Model
import Platform
import SQLite
import Testing

/// Debezium's envelopes.
@Suite struct EnvelopeEventTests {
    static let log = "CREATE TABLE events (offset_in_topic INTEGER PRIMARY KEY, value TEXT);"

    private func world(_ events: [String?], wrapped: Bool = false) throws -> World {
        let world = try World(EnvelopeEventTests.log)
        try add(events, to: world, wrapped: wrapped)
        return world
    }

    private func add(_ events: [String?], to world: World, wrapped: Bool = false) throws {
        for event in events {
            let text = event.map { wrapped ? "{\"schema\":{\"op\":\"x\"},\"payload\":\($0)}" : $0 }
            try world.source.execute("INSERT INTO events (value) VALUES (?)", [Value(text)])
        }
    }

    private func event(_ op: String, lsn: Int64, before: String = "null", after: String = "null") -> String {
        "{\"op\":\"\(op)\",\"before\":\(before),\"after\":\(after),\"source\":{\"lsn\":\(lsn),\"ts_ms\":1},\"ts_ms\":2}"
    }

    private func step(_ world: World, _ change: (inout LoadStep) -> Void = { _ in }) -> LoadStep {
        world.step("events", to: "orders", .cdc, cursor: nil).with {
            $0.maxShrink = 1
            change(&$0)
        }
    }

    private func rows(_ world: World) throws -> [[Value]] { try world.inWarehouse("SELECT * FROM orders ORDER BY id") }

    @Test(arguments: [false, true])
    func appliesCreatesReadsUpdatesAndDeletes(_ wrapped: Bool) throws {
        let world = try world(
            [
                event("r", lsn: 1, after: #"{"id":1,"item":"cup"}"#),
                event("c", lsn: 2, after: #"{"id":2,"item":"pot"}"#),
                event("u", lsn: 3, before: #"{"id":1,"item":"cup"}"#, after: #"{"id":1,"item":"mug"}"#),
                event("d", lsn: 4, before: #"{"id":2,"item":"pot"}"#), nil,
                event("c", lsn: 5, after: #"{"id":3,"item":"jar"}"#),
            ], wrapped: wrapped)
        let result = try world.load(step(world))
        #expect(try rows(world) == [[1, "mug"], [3, "jar"]])
        #expect(result.codes == ["tombstones"])
        #expect(result.counts.read == 3)
        #expect(result.watermarkAfter == .integer(5))
        #expect(try world.watermark()?.cursor == "source.lsn")
        #expect(
            try world.inWarehouse("SELECT name, type, pk FROM pragma_table_info('orders')") == [
                ["id", "INTEGER", 1], ["item", "TEXT", 0],
            ])
        try add([event("d", lsn: 6, before: #"{"id":1}"#), nil, nil], to: world, wrapped: wrapped)
        let second = try world.load(step(world))
        #expect(second.counts.deleted == 1)
        #expect(second.codes == [])
        // Each tombstone is told of once, with the event behind it.
        try add([event("c", lsn: 7, after: #"{"id":9,"item":"pan"}"#)], to: world, wrapped: wrapped)
        #expect(try world.load(step(world)).warnings.first?.message.hasPrefix("2 events") ?? false)
        #expect(try world.load(step(world)).counts == RowCounts(read: 1, unchanged: 1))
    }

    /// PAINS 15
    @Test func eventsOfOneTransactionShareAnLSN() throws {
        let world = try world([
            event("c", lsn: 7, after: #"{"id":1,"item":"a"}"#), event("u", lsn: 7, after: #"{"id":1,"item":"b"}"#),
        ])
        try world.load(step(world))
        try add(
            [event("u", lsn: 7, after: #"{"id":1,"item":"c"}"#), event("c", lsn: 7, after: #"{"id":2,"item":"x"}"#)],
            to: world)
        try world.load(step(world))
        #expect(try rows(world) == [[1, "c"], [2, "x"]])
        #expect(try world.watermark()?.key == [.integer(4)])
    }

    /// PAINS 26
    @Test func secondSnapshotOfTheSameTableDoublesNothing() throws {
        let snapshot = [
            event("r", lsn: 1, after: #"{"id":1,"item":"a"}"#), event("r", lsn: 1, after: #"{"id":2,"item":"b"}"#),
        ]
        let world = try world(snapshot)
        try world.load(step(world))
        try add(snapshot.map { $0.replacing("\"lsn\":1", with: "\"lsn\":9") }, to: world)
        #expect(try world.load(step(world)).counts == RowCounts(read: 2, unchanged: 2))
        #expect(try rows(world).count == 2)
    }

    @Test func changedKeyTakesTheOldRowAway() throws {
        let world = try world([
            event("c", lsn: 1, after: #"{"id":1,"item":"a"}"#), event("c", lsn: 2, after: #"{"id":5,"item":"e"}"#),
        ])
        try world.load(step(world))
        try add(
            [event("u", lsn: 3, before: #"{"id":1,"item":"a"}"#, after: #"{"id":2,"item":"a"}"#)], to: world)
        let result = try world.load(step(world))
        #expect(try rows(world) == [[2, "a"], [5, "e"]])
        // Events at the boundary are read again: others may share their LSN.
        #expect(result.counts == RowCounts(read: 3, inserted: 1, unchanged: 1, deleted: 1))
    }

    @Test func valuesStayExact() throws {
        let world = try world([
            event(
                "c", lsn: 9_007_199_254_740_993,
                after: #"{"id":9007199254740993,"big":9223372036854775807,"huge":12345678901234567890,"real":0.1,"#
                    + #""yes":true,"no":false,"none":null,"list":[1,{"a":"b"}],"text":"é \"q\" ☃","bytes":"AP8=","od\"d":1}"#
            )
        ])
        try world.load(step(world))
        #expect(
            try rows(world) == [
                [
                    9_007_199_254_740_993, .integer(.max), "12345678901234567890", 0.1, 1, 0, .null,
                    "[1,{\"a\":\"b\"}]",
                    "é \"q\" ☃", "AP8=", 1,
                ]
            ])
        #expect(try world.watermark()?.value == .integer(9_007_199_254_740_993))
    }

    @Test func whatAnEventLeavesOutKeepsItsValue() throws {
        let world = try world([
            event("c", lsn: 1, after: #"{"id":1,"a":"a1","b":"b1"}"#),
            event("c", lsn: 2, after: #"{"id":2,"a":"a2","b":"b2"}"#),
            event("c", lsn: 3, after: #"{"id":3,"a":"a3","b":"b3"}"#),
        ])
        try world.load(step(world))
        try add(
            [
                // Parts of one row in one run are put together in their order.
                event("u", lsn: 4, after: #"{"id":1,"a":"new"}"#), event("u", lsn: 5, after: #"{"id":1,"b":null}"#),
                event("u", lsn: 6, after: #"{"id":2,"a":"__debezium_unavailable_value","b":"new"}"#),
                // After a delete the row begins anew.
                event("d", lsn: 7, before: #"{"id":3}"#), event("c", lsn: 8, after: #"{"id":3,"a":"x"}"#),
                event("c", lsn: 9, after: #"{"id":4,"c":"c4"}"#),
            ], to: world)
        let result = try world.load(step(world))
        #expect(
            try world.inWarehouse("SELECT id, a, b, c FROM orders ORDER BY id") == [
                [1, "new", .null, .null], [2, "a2", "new", .null], [3, "x", .null, .null], [4, .null, .null, "c4"],
            ])
        #expect(result.codes == ["columns_added"])
    }

    @Test func sequenceIsTheTimeWhereThereIsNoLSN() throws {
        let world = try world([
            #"{"op":"c","after":{"id":1,"n":1},"source":{"ts_ms":1700000000001},"ts_ms":5}"#,
            #"{"op":"u","after":{"id":1,"n":2},"source":{"ts_ms":1700000000001},"ts_ms":5}"#,
        ])
        try world.load(step(world))
        #expect(try rows(world) == [[1, 2]])
        #expect(try world.watermark()?.cursor == "source.ts_ms")
        let plain = try self.world([#"{"op":"c","after":{"id":1},"ts_ms":7}"#])
        #expect(try plain.load(step(plain)).watermarkAfter == .integer(7))
        let explicit = try self.world([#"{"op":"c","after":{"id":1}}"#])
        #expect(try explicit.failure(step(explicit))?.code == .missingCursor)
        let named = step(explicit) { $0.cursor = Cursor(column: "offset_in_topic") }
        #expect(try explicit.load(named).watermarkAfter == .integer(1))
    }

    @Test func snapshotWithoutPlacesComesFirst() throws {
        func read(_ id: Int, _ item: String) -> String {
            "{\"op\":\"r\",\"before\":null,\"after\":{\"id\":\(id),\"item\":\"\(item)\"},\"source\":{\"ts_ms\":9}}"
        }
        let world = try world([
            read(1, "a"), read(2, "b"), event("u", lsn: 5, after: #"{"id":1,"item":"A"}"#),
            event("d", lsn: 6, before: #"{"id":2}"#), event("c", lsn: 7, after: #"{"id":3,"item":"c"}"#),
        ])
        #expect(try world.load(step(world)).counts == RowCounts(read: 3, inserted: 2, unchanged: 1))
        #expect(try rows(world) == [[1, "A"], [3, "c"]])
        #expect(try world.watermark()?.cursor == "source.lsn")
        #expect(try world.load(step(world)).counts == RowCounts(read: 1, unchanged: 1))
        // One that comes later has no place, and must not be passed over in silence.
        try add([read(3, "later")], to: world)
        #expect(try world.failure(step(world))?.code == .cursorMissing)
    }

    @Test func membersMayBeColumnsOfTheirOwn() throws {
        let world = try World(
            """
            CREATE TABLE events (op TEXT, before TEXT, after TEXT, source TEXT, ts_ms INTEGER);
            INSERT INTO events VALUES ('c', NULL, '{"id":1,"n":1}', '{"lsn":3}', 1),
                ('d', '{"id":1,"n":1}', NULL, '{"lsn":5}', 1), ('c', NULL, '{"id":2,"n":2}', '{"lsn":4}', 1)
            """)
        try world.load(step(world))
        #expect(try rows(world) == [[2, 2]])
        #expect(try world.watermark()?.value == .integer(5))
    }

    @Test func truncateRemovesAllRowsUnderTheGuard() throws {
        let world = try world([
            event("c", lsn: 1, after: #"{"id":1,"n":1}"#), event("c", lsn: 2, after: #"{"id":2,"n":1}"#),
        ])
        try world.load(step(world))
        try add([event("t", lsn: 3), event("c", lsn: 4, after: #"{"id":2,"n":5}"#)], to: world)
        #expect(try world.failure(step(world) { $0.maxShrink = 0.4 })?.code == .shrinkGuard)
        #expect(try world.load(step(world)).counts == RowCounts(read: 1, updated: 1, deleted: 1))
        #expect(try rows(world) == [[2, 5]])
    }

    @Test func deleteWithoutAKeyIsNamed() throws {
        let world = try world([event("c", lsn: 1, after: #"{"id":1}"#), event("d", lsn: 2)])
        let failure = try world.failure(step(world))
        #expect(failure?.code == .nullKey)
        #expect(failure?.message.contains("source.lsn 2") ?? false)
    }

    @Test func whatIsNoJSONIsShown() throws {
        let world = try world([event("c", lsn: 1, after: #"{"id":1}"#), "{\"op\":\"c\", oops"])
        let failure = try world.failure(step(world))
        #expect(failure?.code == .malformedDocument)
        #expect(failure?.message.contains("oops") ?? false)
    }

    @Test func emptyLogMakesNoTable() throws {
        let world = try world([])
        let result = try world.load(step(world) { $0.changeLog.shape = .debezium })
        #expect(result.counts == RowCounts())
        #expect(try world.inWarehouse("SELECT name FROM sqlite_schema WHERE name = 'orders'").isEmpty)
        try add([event("c", lsn: 1, after: #"{"id":1}"#)], to: world)
        #expect(try world.load(step(world)).counts.inserted == 1)
        // Events that were read are removed from the log.
        try world.source.execute("DELETE FROM events")
        #expect(try world.load(step(world) { $0.changeLog.shape = .debezium }).counts == RowCounts())
    }

    @Test func columnsCanBeChosen() throws {
        let world = try world([event("c", lsn: 1, after: #"{"id":1,"card":"4111","item":"a"}"#)])
        let chosen = step(world) { $0.columns.exclude = ["card"] }
        try world.load(chosen)
        #expect(try rows(world) == [[1, "a"]])
        try add([event("d", lsn: 2, before: #"{"id":1}"#)], to: world)
        #expect(try world.load(chosen).counts.deleted == 1)
    }

    @Test func planShowsEnvelopesToo() throws {
        let world = try world([event("c", lsn: 1, after: #"{"id":1,"n":1}"#)])
        let plan = try world.plan(step(world))
        #expect(plan.rows == 1)
        #expect(plan.columns == ["id", "n"])
        #expect(plan.to == .integer(1))
    }
}
