import Loading
import Model
import Platform
import SQLite
import Testing

/// Change events that give rows another key and leave out the values that did not change.
@Suite struct MovedKeyTests {
    private let missing = "__debezium_unavailable_value"

    private func add(_ events: [String], to world: World) throws {
        for event in events { try world.source.execute("INSERT INTO events (value) VALUES (?)", [.text(event)]) }
    }

    private func world(_ events: [String]) throws -> World {
        let world = try World(EnvelopeEventTests.log)
        try add(events, to: world)
        return world
    }

    private func step(_ world: World) -> LoadStep {
        world.step("events", to: "orders", .cdc, cursor: nil).with {
            $0.maxShrink = 1
            $0.changeLog.shape = .debezium
        }
    }

    private func event(_ op: String, _ lsn: Int64, before: String = "null", after: String = "null") -> String {
        "{\"op\":\"\(op)\",\"before\":\(before),\"after\":\(after),\"source\":{\"lsn\":\(lsn)}}"
    }

    private func move(
        _ lsn: Int64, _ old: Int, _ new: Int, leaving text: String = ",\"text\":\"__debezium_unavailable_value\""
    ) -> String {
        event("u", lsn, before: "{\"id\":\(old)}", after: "{\"id\":\(new),\"n\":\(lsn)\(text)}")
    }

    private func rows(_ world: World) throws -> [[Value]] {
        try world.inWarehouse("SELECT id, n, text FROM orders ORDER BY id")
    }

    @Test(arguments: ["", ",\"text\":\"__debezium_unavailable_value\""])
    func rowTakesAlongWhatItsMovesLeaveOut(_ text: String) throws {
        let world = try world([event("c", 1, after: #"{"id":1,"n":1,"text":"long"}"#)])
        try world.load(step(world))
        try add([move(2, 1, 2, leaving: text), move(3, 2, 3, leaving: text)], to: world)
        #expect(try world.load(step(world)).counts == RowCounts(read: 3, inserted: 1, unchanged: 1, deleted: 1))
        #expect(try rows(world) == [[3, 3, "long"]])
        // Back to a key that it had.
        try add([move(4, 3, 1, leaving: text), move(5, 1, 3, leaving: text)], to: world)
        try world.load(step(world))
        #expect(try rows(world) == [[3, 5, "long"]])
    }

    @Test func rowOfTheSameDeltaTakesAlongItsValues() throws {
        let world = try world([
            event("c", 1, after: #"{"id":1,"n":1,"text":"long"}"#), move(2, 1, 2), move(3, 2, 3),
            // The key that was left is free for another row, which has nothing of the old one.
            event("c", 4, after: #"{"id":1,"n":4}"#), event("u", 5, after: #"{"id":1,"n":5}"#),
        ])
        try world.load(step(world))
        #expect(try rows(world) == [[1, 5, .null], [3, 3, "long"]])
    }

    @Test func rowTakesThePlaceOfOneThatWasDeleted() throws {
        let world = try world([
            event("c", 1, after: #"{"id":1,"n":1,"text":"one"}"#),
            event("c", 2, after: #"{"id":2,"n":2,"text":"two"}"#),
        ])
        try world.load(step(world))
        try add([event("d", 3, before: #"{"id":2}"#), move(4, 1, 2)], to: world)
        try world.load(step(world))
        #expect(try rows(world) == [[2, 4, "one"]])
        // Events at the boundary are read again and change nothing.
        #expect(try world.load(step(world)).counts == RowCounts(read: 2, unchanged: 2))
        try add([event("c", 5, after: #"{"id":1,"n":5}"#)], to: world)
        try world.load(step(world))
        #expect(try rows(world) == [[1, 5, .null], [2, 4, "one"]])
    }

    /// An event that comes late was never applied, though the watermark is above it.
    @Test(arguments: [false, true])
    func lateMoveTakesAlongTheRowThatItMoves(_ isDelete: Bool) throws {
        let world = try world([
            event("c", 1, after: #"{"id":2,"n":1,"text":"two"}"#),
            event("c", 2, after: #"{"id":4,"n":2,"text":"four"}"#),
            event("c", 20, after: #"{"id":9,"n":20,"text":"nine"}"#),
        ])
        let step = step(world).with { $0.lookback = .count(5) }
        try world.load(step)
        try add([isDelete ? event("d", 17, before: #"{"id":2}"#) : move(17, 2, 5), move(18, 4, 2)], to: world)
        try world.load(step)
        let moved: [[Value]] = isDelete ? [] : [[5, 17, "two"]]
        #expect(try rows(world) == [[2, 18, "four"]] + moved + [[9, 20, "nine"]])
        // Read again, they were applied.
        #expect(try world.load(step).counts.updated == 0)
        #expect(try rows(world) == [[2, 18, "four"]] + moved + [[9, 20, "nine"]])
    }

    @Test func movesThatWereRolledBackAreAppliedAnew() throws {
        let world = try world([
            event("c", 1, after: #"{"id":2,"n":1,"text":"two"}"#),
            event("c", 2, after: #"{"id":4,"n":2,"text":"four"}"#),
            event("c", 10, after: #"{"id":9,"n":10,"text":"nine"}"#),
        ])
        let step = step(world).with { $0.undo = .usual }
        try world.load(step)
        try add([move(12, 2, 5), move(13, 4, 2)], to: world)
        let run = world.nextRun()
        try world.load(step, run: run)
        let after = try rows(world)
        #expect(after == [[2, 13, "four"], [5, 12, "two"], [9, 10, "nine"]])
        _ = try world.loader().rollback(
            run: run, steps: [step], destination: try world.file("warehouse.db"), isTrial: false)
        try world.load(step)
        #expect(try rows(world) == after)
    }

    /// Debezium tells a changed key as a delete and a create of the same place in the source's log.
    @Test func createThatLeavesOutAValueContinuesTheRowDeletedBeforeIt() throws {
        let world = try world([event("c", 1, after: #"{"id":1,"n":1,"text":"long"}"#)])
        try world.load(step(world))
        try add(
            [
                event("d", 2, before: #"{"id":1}"#),
                event("c", 2, after: "{\"id\":2,\"n\":2,\"text\":\"\(missing)\"}"),
                event("c", 3, after: #"{"id":9,"n":3,"text":"nine"}"#),
            ], to: world)
        try world.load(step(world))
        #expect(try rows(world) == [[2, 2, "long"], [9, 3, "nine"]])
    }

    @Test func marksAreNoValuesToTakeAlong() throws {
        let world = try world([
            event("c", 1, after: #"{"id":1,"n":1,"text":"one"}"#),
            event("c", 2, after: #"{"id":2,"n":2,"text":"two"}"#),
        ])
        let soft = step(world).with { $0.softDelete = "gone_at" }
        try world.load(soft)
        try add([move(3, 1, 3), event("d", 4, before: #"{"id":2}"#)], to: world)
        try world.load(soft)
        try add(
            [event("c", 5, after: #"{"id":2,"n":5}"#), event("u", 6, after: #"{"id":3,"n":3,"text":"one"}"#)], to: world
        )
        try world.load(soft)
        let found = try world.inWarehouse("SELECT id, n, text, gone_at IS NULL FROM orders ORDER BY id")
        #expect(found == [[1, 1, "one", 0], [2, 5, .null, 1], [3, 3, "one", 1]])
    }

    /// No event of the second run mentions `text`.
    @Test func columnsThatNoEventMentionsMoveAndEndToo() throws {
        let world = try world([
            event("c", 1, after: #"{"id":1,"n":1,"text":"one"}"#),
            event("c", 2, after: #"{"id":2,"n":2,"text":"two"}"#),
            event("c", 3, after: #"{"id":5,"n":3}"#),
        ])
        try world.load(step(world))
        try add([move(4, 1, 3, leaving: "")], to: world)
        try world.load(step(world))
        #expect(try rows(world) == [[2, 2, "two"], [3, 4, "one"], [5, 3, .null]])
        try add([event("d", 5, before: #"{"id":2}"#), event("c", 6, after: #"{"id":2,"n":6}"#)], to: world)
        try world.load(step(world))
        #expect(try rows(world) == [[2, 6, .null], [3, 4, "one"], [5, 3, .null]])
    }

    @Test func movesThatNothingOrdersAreRefused() throws {
        let world = try world([
            event("c", 1, after: #"{"id":1,"n":1,"text":"x"}"#), move(2, 1, 2), move(2, 2, 3),
        ])
        let query = world.step(query: "SELECT value FROM events", .cdc, cursor: nil).with { $0.maxShrink = 1 }
        #expect(try world.failure(query)?.code == .duplicateKey)
    }

    // MARK: Against a model

    /// A table that writes its own change events, as Debezium would, and knows what it holds.
    private struct Table {
        var rows: [Int: (n: Value, text: Value)] = [:]
        var events: [String] = []
        var lsn: Int64 = 0
        var random: Seeded
        let key: (Int) -> String

        init(_ seed: UInt64) {
            random = Seeded(seed)
            let isComposite = random.next() % 3 == 0
            key = { isComposite ? "\"id\":\($0),\"part\":\"p\($0 % 2)\"" : "\"id\":\($0)" }
        }

        mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

        private func event(_ op: String, before: String?, after: String?) -> String {
            "{\"op\":\"\(op)\",\"before\":\(before ?? "null"),\"after\":\(after ?? "null"),\"source\":{\"lsn\":\(lsn)}}"
        }

        private func json(_ value: Value) -> String {
            switch value {
            case .integer(let number): "\(number)"
            case .text(let text): "\"\(text.string ?? "")\""
            default: "null"
            }
        }

        /// What an event tells of a row; a value that is nil is left out.
        private mutating func image(_ id: Int, _ n: Value?, _ text: Value?, mayBeAbsent: Bool = true) -> String {
            var members = [key(id)]
            if let n { members.append("\"n\":\(json(n))") }
            if let text {
                members.append("\"text\":\(json(text))")
            } else if !mayBeAbsent || below(2) == 0 {
                members.append("\"text\":\"__debezium_unavailable_value\"")
            }
            return "{" + members.joined(separator: ",") + "}"
        }

        private mutating func value() -> Value {
            let number = below(5)
            return number == 0 ? .null : .text("t\(below(1_000))")
        }

        /// The first event, from which the destination's columns are known.
        mutating func first() -> String {
            rows[0] = (.integer(1), "t")
            lsn += 1
            return event("c", before: nil, after: image(0, .some(.integer(1)), .some("t")))
        }

        /// A statement, and the events of it.
        mutating func change() {
            let isAlone = below(3) > 0
            if isAlone { lsn += Int64(1 + below(3)) }
            let (ids, id) = (rows.keys.sorted(), below(8))
            let first = events.count
            if ids.isEmpty || below(4) == 0, rows[id] == nil {
                let n = Value.integer(Int64(below(100)))
                let text: Value? = below(3) == 0 ? .none : .some(value())
                rows[id] = (n, text ?? .null)
                // A new row has no value that was not touched: one that is left out is none.
                events.append(
                    event(
                        "c", before: nil,
                        after: "{"
                            + ([key(id), "\"n\":\(json(n))"] + (text.map { ["\"text\":\(json($0))"] } ?? [])).joined(
                                separator: ",") + "}"))
            } else if !ids.isEmpty {
                let old = ids[below(ids.count)]
                var row = rows[old] ?? (.null, .null)
                switch below(5) {
                case 0:
                    rows[old] = nil
                    events.append(event("d", before: "{\(key(old))}", after: nil))
                case 1:
                    row.text = value()
                    rows[old] = row
                    events.append(
                        event("u", before: nil, after: image(old, below(2) == 0 ? .some(row.n) : .none, row.text)))
                case 2:
                    row.n = .integer(Int64(below(100)))
                    rows[old] = row
                    events.append(event("u", before: nil, after: image(old, row.n, .none)))
                default:
                    guard rows[id] == nil else { return }
                    move(old, id)
                }
            }
            // A connector that starts again tells its last statement again.
            if isAlone, below(6) == 0 { events += events[first...] }
        }

        private mutating func move(_ old: Int, _ new: Int) {
            var row = rows[old] ?? (.null, .null)
            rows[old] = nil
            let isNew = below(3) == 0
            if isNew { row.text = value() }
            row.n = .integer(Int64(below(100)))
            rows[new] = row
            let text: Value? = isNew ? .some(row.text) : .none
            if below(3) == 0 {
                // The two share their place, which no other statement has.
                lsn += 1
                events.append(event("d", before: "{\(key(old))}", after: nil))
                events.append(event("c", before: nil, after: image(new, row.n, text, mayBeAbsent: false)))
            } else {
                events.append(event("u", before: "{\(key(old))}", after: image(new, row.n, text)))
            }
        }

        var expected: [[Value]] {
            rows.sorted { $0.key < $1.key }.map { [.integer(Int64($0.key)), $0.value.n, $0.value.text] }
        }
    }

    @Test(arguments: [UInt64](1...40))
    func destinationHoldsWhatTheEventsTell(_ seed: UInt64) throws {
        var table = Table(seed)
        let isComposite = table.key(1).contains("part")
        let isSoft = table.below(4) == 0
        let hasLookback = table.below(3) == 0
        let world = try World(EnvelopeEventTests.log)
        let step = step(world).with {
            $0.primaryKey = isComposite ? ["id", "part"] : ["id"]
            $0.softDelete = isSoft ? "gone_at" : nil
            $0.lookback = hasLookback ? .count(5) : .none
        }
        for round in 0..<12 {
            table.events = round == 0 ? [table.first()] : []
            for _ in 0..<table.below(20) { table.change() }
            try add(table.events, to: world)
            if table.below(5) == 0, case .integer(let place)? = try world.watermark()?.value {
                let lower = max(0, place - Int64(table.below(20)))
                _ = try world.loader().setWatermark(try world.request(step), to: .integer(lower), reason: "again")
            }
            try world.load(step, rowsPerCommit: table.below(2) == 0 ? 3 : 1_000)
            guard try world.warehouse.first("SELECT 1 FROM sqlite_schema WHERE name = 'orders'") != nil else {
                continue
            }
            let sql = "SELECT id, n, text FROM orders \(isSoft ? "WHERE gone_at IS NULL" : "") ORDER BY id"
            let found = try world.inWarehouse(sql)
            #expect(found == table.expected, "seed \(seed), round \(round)")
            guard found == table.expected else {
                return
            }
            let again = try world.load(step).counts
            #expect(again.read == again.unchanged, "seed \(seed), round \(round)")
        }
        // The whole log, put together anew, comes to the same.
        let drift = try world.audit(step).total.drift
        #expect(drift.missing == 0 && drift.extra == 0 && drift.different == 0, "seed \(seed)")
    }
}
