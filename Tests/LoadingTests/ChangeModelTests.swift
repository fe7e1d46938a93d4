import Loading
import Model
import Platform
import SQLite
import Testing

/// Random change events, applied in random portions, against a model that applies them one by one.
@Suite struct ChangeModelTests {
    private struct Event {
        var sequence: Int64
        var key: Int64
        var value: Value?
    }

    /// What the destination must hold: of each key the newest event by its sequence, then by its place in the log.
    private struct Model {
        private var newest: [Int64: Event] = [:]

        mutating func apply(_ event: Event) {
            if let held = newest[event.key], held.sequence > event.sequence { return }
            newest[event.key] = event
        }

        var rows: [[Value]] {
            newest.values.filter { $0.value != nil }.sorted { $0.key < $1.key }.map {
                [.integer($0.key), $0.value ?? .null]
            }
        }
    }

    @Test(arguments: [UInt64](1...24))
    func destinationHoldsTheNewestOfEachKey(_ seed: UInt64) throws {
        var random = Seeded(seed)
        let isUnique = random.next() % 2 == 0
        let hasLookback = random.next() % 2 == 0
        let isSoft = random.next() % 2 == 0
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER\(isUnique ? " UNIQUE" : ""), operation TEXT, id INTEGER, v);
            \(random.next() % 2 == 0 ? "CREATE INDEX by_sequence ON changes (sequence);" : "")
            """)
        let step = world.step("changes", to: "orders", .cdc, cursor: nil).with {
            $0.maxShrink = 1
            $0.onGap = .ignore
            $0.lookback = hasLookback ? .count(1_000) : .none
            $0.softDelete = isSoft ? "gone_at" : nil
        }
        var model = Model()
        var next: Int64 = 100
        var used: Set<Int64> = []
        let filter = isSoft ? "WHERE gone_at IS NULL" : ""
        for round in 0..<15 {
            for _ in 0..<Int(random.next() % 25) {
                // A late event is only seen within a lookback.
                let isLate = hasLookback && random.next() % 4 == 0
                if !(random.next() % 3 == 0 && !isUnique) { next += 1 }
                let sequence = isLate ? Int64(random.next() % UInt64(next)) : next
                if isUnique, !used.insert(sequence).inserted { continue }
                let value: Value? =
                    switch random.next() % 5 {
                    case 0: nil
                    case 1: .null
                    case 2: .text("t\(random.next() % 3)")
                    case 3: .real(Double(random.next() % 3))
                    default: .integer(Int64(random.next() % 3))
                    }
                let event = Event(sequence: sequence, key: Int64(random.next() % 12), value: value)
                // Events of one sequence in the log's order: a late one lies behind those that were there.
                model.apply(event)
                try world.source.execute(
                    "INSERT INTO changes VALUES (?, ?, ?, ?)",
                    [.integer(sequence), value == nil ? "D" : "U", .integer(event.key), value ?? .null])
            }
            if random.next() % 5 == 0, let mark = try world.watermark()?.value, case .integer(let place) = mark {
                let lower = max(0, place - Int64(random.next() % 40))
                _ = try world.loader().setWatermark(try world.request(step), to: .integer(lower), reason: "again")
            }
            let result = try world.load(step, rowsPerCommit: random.next() % 2 == 0 ? 4 : 1_000)
            let counts = result.counts
            #expect(counts.read == counts.inserted + counts.updated + counts.unchanged + counts.deleted, "seed \(seed)")
            guard try world.warehouse.first("SELECT 1 FROM sqlite_schema WHERE name = 'orders'") != nil else {
                continue
            }
            let rows = try world.inWarehouse("SELECT id, v FROM orders \(filter) ORDER BY id")
            #expect(rows == model.rows, "seed \(seed), round \(round)")
            // A run that finds nothing new changes nothing.
            let again = try world.load(step).counts
            #expect(again.read == again.unchanged, "seed \(seed), round \(round)")
        }
    }

    @Test func rolledBackRunIsAppliedAgain() throws {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER PRIMARY KEY, operation TEXT, id INTEGER, v);
            INSERT INTO changes VALUES (1, 'I', 1, 'a'), (2, 'I', 2, 'b'), (3, 'I', 3, 'c')
            """)
        let step = world.step("changes", to: "orders", .cdc, cursor: nil).with {
            $0.maxShrink = 1
            $0.lookback = .count(10)
            $0.undo = UndoPolicy(keep: .seconds(86_400), maxRows: 1_000)
        }
        try world.load(step)
        let before = try world.inWarehouse("SELECT * FROM orders ORDER BY id")
        try world.source.execute("INSERT INTO changes VALUES (4, 'U', 1, 'x'), (5, 'D', 2, NULL), (6, 'I', 4, 'd')")
        let run = world.nextRun()
        try world.load(step, run: run)
        let after = try world.inWarehouse("SELECT * FROM orders ORDER BY id")
        _ = try world.rollback(run, step)
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == before)
        #expect(try world.watermark()?.value == .integer(3))
        try world.load(step)
        #expect(try world.inWarehouse("SELECT * FROM orders ORDER BY id") == after)
    }
}
