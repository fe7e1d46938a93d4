import Loading
import Model
import Platform
import SQLite
import Testing

/// Audits of steps that apply change events.
@Suite struct ChangeAuditTests {
    private func drift(_ result: AuditResult) -> [Int] {
        [result.total.drift.missing, result.total.drift.extra, result.total.drift.different]
    }

    private func kinds(_ result: AuditResult) -> [String] {
        result.samples.map { "\($0.kind.rawValue) \($0.key["id"]?.text() ?? "")" }.sorted()
    }

    private func codes(_ result: AuditResult) -> [String] { result.warnings.map(\.code).sorted() }

    /// Drift made by hand: row 1 differs, row 2 is missing, row 90 is extra.
    private static let drift = """
        UPDATE orders SET item = 'wrong' WHERE id = 1; DELETE FROM orders WHERE id = 2;
        INSERT INTO orders (id, item) VALUES (90, 'stray')
        """

    // MARK: Captured tables

    private func captured(
        _ table: String = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, price REAL)",
        _ change: (inout LoadStep) -> Void = { _ in }
    ) throws -> (World, LoadStep) {
        let world = try World(table + "; INSERT INTO orders (id, item) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        _ = try world.loader().installCapture(try world.file("source.db"), table: "orders")
        let step = world.step("orders", .cdc, cursor: nil).with {
            $0.maxShrink = 1
            change(&$0)
        }
        try world.load(step)
        return (world, step)
    }

    /// PAINS 3.
    @Test func capturedTableIsComparedAndMended() throws {
        let (world, step) = try captured()
        try world.source.execute("UPDATE orders SET item = 'A' WHERE id = 1; INSERT INTO orders VALUES (4, 'd', 4)")
        try world.load(step)
        let applied = try world.watermark()?.value
        let clean = try world.audit(step)
        #expect(drift(clean) == [0, 0, 0] && codes(clean) == [])
        #expect(clean.verifiedThrough == applied && clean.watermark == applied && applied != nil)
        #expect(clean.total.sourceRows == 4 && clean.total.destinationRows == 4)
        #expect(clean.total.sums == [.init(column: "price", source: 4, destination: 4)])
        try world.warehouse.execute(ChangeAuditTests.drift)
        let found = try world.audit(step)
        #expect(kinds(found) == ["different 1", "extra 90", "missing 2"])
        #expect(found.verifiedThrough == nil && found.samples.first { $0.kind == .different }?.columns == ["item"])
        let healed = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(healed.healed == .init(missing: 1, extra: 1, different: 1) && healed.verifiedThrough == applied)
        #expect(try world.isEqual())
        #expect(try world.watermark()?.value == applied)
        try world.source.execute("DELETE FROM orders WHERE id = 1")
        try world.load(step)
        #expect(try world.isEqual())
    }

    /// What no run has applied yet is no drift, on whichever side it is; beside it drift is still found.
    @Test func changesThatAreNotAppliedYetAreNoDrift() throws {
        let (world, step) = try captured()
        let applied = try world.watermark()?.value
        try world.source.execute(
            "UPDATE orders SET item = 'new' WHERE id = 1; DELETE FROM orders WHERE id = 2; INSERT INTO orders VALUES (4, 'd', 4)"
        )
        let result = try world.audit(step)
        #expect(drift(result) == [0, 0, 0] && codes(result) == ["keys_unsettled"])
        #expect(result.warnings[0].message.hasPrefix("3 keys "))
        #expect(result.total.sourceRows == 1 && result.total.destinationRows == 1)
        #expect(result.verifiedThrough == applied)
        try world.warehouse.execute("UPDATE orders SET item = 'wrong' WHERE id IN (1, 3)")
        #expect(kinds(try world.audit(step)) == ["different 3"])
        let healed = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(healed.healed == .init(different: 1))
        #expect(try world.inWarehouse("SELECT id, item FROM orders") == [[1, "wrong"], [2, "b"], [3, "c"]])
        try world.load(step)
        #expect(try world.isEqual())
    }

    /// Keys are told apart as each side stores them: text in the source, numbers in the destination, and others.
    @Test(arguments: [
        ("CREATE TABLE orders (id TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, item TEXT, price REAL)", "'a'", "'A'"),
        ("CREATE TABLE orders (id PRIMARY KEY NOT NULL, item TEXT, price REAL)", "'7'", "7"),
        ("CREATE TABLE orders (id REAL PRIMARY KEY NOT NULL, item TEXT, price REAL) WITHOUT ROWID", "1.5", "15"),
    ])
    func keysOfUnappliedChangesAreTakenExactly(_ table: String, _ one: String, _ other: String) throws {
        let (world, step) = try captured(table)
        try world.source.execute("INSERT INTO orders (id, item) VALUES (\(one), 'one')")
        try? world.source.execute("INSERT INTO orders (id, item) VALUES (\(other), 'other')")
        try world.load(step)
        try world.source.execute("UPDATE orders SET item = 'new' WHERE id = \(one) COLLATE BINARY")
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.warehouse.execute("UPDATE orders SET item = 'wrong'")
        let total = try world.inSource("SELECT count(*) FROM orders")[0][0].integer ?? 0
        let healed = try world.audit(step, AuditOptions(heal: true))
        #expect(healed.healed?.different == Int(total) - 1)
        try world.load(step)
        #expect(try world.isEqual())
    }

    @Test func softDeletedRowsAreNotExtraAndOthersAreMarked() throws {
        let (world, step) = try captured { $0.softDelete = "gone_at" }
        try world.source.execute("DELETE FROM orders WHERE id = 3")
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.warehouse.execute(
            "UPDATE orders SET gone_at = 'x' WHERE id = 1; INSERT INTO orders (id, item) VALUES (90, 'stray')")
        #expect(kinds(try world.audit(step)) == ["different 1", "extra 90"])
        _ = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(
            try world.inWarehouse("SELECT id, gone_at IS NULL FROM orders ORDER BY id")
                == [[1, 1], [2, 1], [3, 0], [90, 0]])
    }

    @Test func captureThatMissedChangesIsNotComparedWith() throws {
        let (world, step) = try captured()
        try world.source.execute("DROP TRIGGER _strandline_capture_orders_delete")
        #expect(try world.auditFailure(step)?.code == .schemaChanged)
    }

    @Test func stepThatHasLoadedNothingIsVerifiedNowhere() throws {
        let (world, step) = try captured()
        _ = try world.loader().removeWatermark(
            pipeline: "orders", step: "orders", destination: try world.file("warehouse.db"))
        let result = try world.audit(step)
        #expect(codes(result) == ["watermark_missing"] && result.verifiedThrough == nil)
    }

    /// A load that commits, and trims the log, between the states of the two sides is no reason to fail.
    @Test func loadInBetweenIsSeenWhole() throws {
        let (world, step) = try captured()
        try world.source.execute("UPDATE orders SET item = 'new' WHERE id = 1; DELETE FROM orders WHERE id = 2")
        let (loads, next) = (world.loader(), try world.request(step))
        let loaded = Monitor(false)
        // The clock is looked at when the destination's state is fixed and the source's is not.
        let auditor = Loader(
            clock: WatchedClock(world.clock) { looks in
                guard looks == 1, (try? loads.load(next, stop: StopToken())) != nil else { return }
                loaded.update { $0 = true }
            })
        let result = try auditor.audit(try world.request(step), AuditOptions(), stop: StopToken())
        #expect(loaded.read { $0 })
        #expect(drift(result) == [0, 0, 0] && codes(result) == [])
        #expect(try result.verifiedThrough == world.watermark()?.value)
    }

    /// Random writes, of which the runs lag behind: never drift; and what is spoiled by hand is always found and mended.
    @Test(arguments: [UInt64](1...10)) func nothingIsFoundButWhatIsThere(_ seed: UInt64) throws {
        var random = Seeded(seed)
        func some(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
        let (world, step) = try captured()
        for round in 0..<15 {
            for _ in 0..<some(8) {
                let id = some(12)
                switch some(4) {
                case 0: try world.source.execute("REPLACE INTO orders VALUES (\(id), 'r\(some(9))', \(some(9)))")
                case 1: try world.source.execute("DELETE FROM orders WHERE id = \(id)")
                case 2: try world.source.execute("UPDATE OR REPLACE orders SET id = \(some(12)) WHERE id = \(id)")
                default: try world.source.execute("UPDATE orders SET item = 'u\(some(9))' WHERE id >= \(id)")
                }
            }
            if some(2) == 0 { try world.load(step) }
            let clean = try world.audit(step)
            #expect(drift(clean) == [0, 0, 0], "seed \(seed), round \(round)")
            #expect(clean.verifiedThrough == clean.watermark)
            guard some(3) == 0 else { continue }
            try world.load(step)
            let rows = try world.inWarehouse("SELECT count(*) FROM orders")[0][0].integer ?? 0
            try world.warehouse.execute("UPDATE orders SET price = -1; INSERT INTO orders VALUES (77, 'stray', 0)")
            let healed = try world.audit(step, AuditOptions(heal: true, deleteExtra: true, allowShrink: true))
            #expect(healed.healed == .init(extra: 1, different: Int(rows)), "seed \(seed), round \(round)")
            #expect(try world.isEqual(), "seed \(seed), round \(round)")
        }
    }

    // MARK: Other logs

    private func flat(
        _ events: String, _ change: (inout LoadStep) -> Void = { _ in }
    ) throws -> (World, LoadStep) {
        let world = try World(ChangeEventTests.log + events)
        let step = world.step("changes", to: "orders", .cdc, cursor: nil).with {
            $0.maxShrink = 1
            change(&$0)
        }
        try world.load(step)
        return (world, step)
    }

    private static let three = """
        INSERT INTO changes VALUES (1, 'I', 1, 'cup', 1), (2, 'I', 2, 'pot', 2), (3, 'I', 3, 'jar', 3), (4, 'U', 2, 'urn', 2.5),
            (5, 'D', 3, NULL, NULL), (6, 'I', 4, 'lid', 4);
        """

    private func orders(_ world: World) throws -> [[Value]] {
        try world.inWarehouse("SELECT id, item, price FROM orders ORDER BY id")
    }

    /// PAINS 3.
    @Test func outcomeOfALogIsComparedAndMended() throws {
        let (world, step) = try flat(ChangeAuditTests.three)
        let before = try orders(world)
        let clean = try world.audit(step)
        #expect(drift(clean) == [0, 0, 0] && codes(clean) == [] && clean.verifiedThrough == .integer(6))
        #expect(clean.total.sourceRows == 3 && clean.total.destinationRows == 3)
        try world.warehouse.execute(ChangeAuditTests.drift + "; INSERT INTO orders VALUES (3, 'back', 3)")
        let found = try world.audit(step)
        // No event names row 90, so nothing tells whether it should be there.
        #expect(kinds(found) == ["different 1", "extra 3", "missing 2"])
        #expect(codes(found) == ["rows_unnamed"] && found.verifiedThrough == nil)
        let healed = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(healed.healed == .init(missing: 1, extra: 1, different: 1))
        #expect(healed.verifiedThrough == .integer(6))
        #expect(try orders(world) == before + [[90, "stray", .null]])
        #expect(drift(try world.audit(step)) == [0, 0, 0])
    }

    @Test func eventsAboveTheWatermarkAreNotExpectedYet() throws {
        let (world, step) = try flat(ChangeAuditTests.three)
        try world.source.execute(
            "INSERT INTO changes VALUES (7, 'U', 1, 'mug', 1), (8, 'D', 2, NULL, NULL), (9, 'I', 9, 'new', 9)")
        let result = try world.audit(step)
        #expect(drift(result) == [0, 0, 0] && codes(result) == [] && result.verifiedThrough == .integer(6))
        // After a rewind the destination holds what lies above, which says nothing about the rows below.
        try world.load(step)
        _ = try world.loader().setWatermark(try world.request(step), to: .integer(6), reason: "test")
        let rewound = try world.audit(step)
        #expect(drift(rewound) == [0, 0, 0] && codes(rewound) == ["keys_unsettled"])
        try world.warehouse.execute("UPDATE orders SET item = 'wrong' WHERE id = 4")
        #expect(kinds(try world.audit(step)) == ["different 4"])
    }

    @Test func lateEventsWithinTheLookbackAreNoDriftAndThoseBelowItAre() throws {
        let (world, step) = try flat(
            """
            INSERT INTO changes VALUES (10, 'I', 1, 'cup', 1), (20, 'I', 2, 'pot', 2), (30, 'I', 3, 'jar', 3);
            """
        ) {
            $0.lookback = .count(15)
            $0.onGap = .ignore
        }
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.source.execute("INSERT INTO changes VALUES (25, 'U', 2, 'late', 2), (26, 'I', 4, 'late', 4)")
        let late = try world.audit(step)
        #expect(drift(late) == [0, 0, 0] && codes(late) == ["keys_unsettled"])
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        #expect(codes(try world.audit(step)) == [])
        // No run reads this one any more.
        try world.source.execute("INSERT INTO changes VALUES (11, 'U', 1, 'lost', 1)")
        try world.load(step)
        #expect(kinds(try world.audit(step)) == ["different 1"])
        _ = try world.audit(step, AuditOptions(heal: true))
        #expect(try orders(world)[0] == [1, "lost", 1.0])
    }

    @Test func rowsThatCameAfterATruncationAreNoDriftWhereLateEventsAreReadAgain() throws {
        let (world, step) = try flat(
            "INSERT INTO changes VALUES (10, 'I', 1, 'cup', 1), (20, 'I', 2, 'pot', 2);"
        ) {
            $0.lookback = .count(1_000)
            $0.onGap = .ignore
            $0.maxShrink = 1
        }
        try world.source.execute("INSERT INTO changes VALUES (30, 't', NULL, NULL, NULL), (40, 'I', 3, 'jar', 3)")
        try world.load(step)
        let found = try world.audit(step)
        #expect(drift(found) == [0, 0, 0] && found.verifiedThrough == .integer(40))
        try world.warehouse.execute("UPDATE orders SET item = 'other' WHERE id = 3")
        #expect(kinds(try world.audit(step)) == ["different 3"])
    }

    @Test func trimmedLogIsJudgedByWhatItStillNames() throws {
        let (world, step) = try flat(ChangeAuditTests.three)
        try world.source.execute("DELETE FROM changes WHERE sequence < 4")
        try world.warehouse.execute("DELETE FROM orders WHERE id IN (1, 4)")
        let result = try world.audit(step)
        #expect(kinds(result) == ["missing 4"])
        try world.source.execute("DELETE FROM changes")
        let empty = try world.audit(step)
        #expect(codes(empty) == ["rows_unnamed"] && empty.verifiedThrough == nil && empty.total.sourceRows == 0)
    }

    @Test func markedRowsAreGone() throws {
        let (world, step) = try flat(ChangeAuditTests.three) { $0.softDelete = "gone_at" }
        try world.source.execute("INSERT INTO changes VALUES (7, 'I', 3, 'jar', 3)")
        try world.load(step)
        try world.source.execute("INSERT INTO changes VALUES (8, 'D', 3, NULL, NULL)")
        try world.load(step)
        #expect(try world.inWarehouse("SELECT count(*) FROM orders WHERE gone_at IS NOT NULL") == [[1]])
        let clean = try world.audit(step)
        #expect(drift(clean) == [0, 0, 0] && codes(clean) == [])
        try world.warehouse.execute(
            "UPDATE orders SET gone_at = CASE id WHEN 3 THEN NULL ELSE 'x' END WHERE id IN (1, 3)")
        #expect(kinds(try world.audit(step)) == ["different 1", "extra 3"])
        _ = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(
            try world.inWarehouse("SELECT id, gone_at IS NULL FROM orders ORDER BY id") == [
                [1, 1], [2, 1], [3, 0], [4, 1],
            ])
    }

    @Test func afterATruncationEveryRowIsJudged() throws {
        let (world, step) = try flat(ChangeAuditTests.three)
        try world.source.execute(
            "INSERT INTO changes VALUES (7, 't', NULL, NULL, NULL), (8, 'I', 5, 'new', 5), (9, 'I', 6, 'six', 6)")
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.warehouse.execute(
            "INSERT INTO orders VALUES (90, 'stray', 0); UPDATE orders SET item = 'x' WHERE id = 6")
        #expect(kinds(try world.audit(step)) == ["different 6", "extra 90"])
        _ = try world.audit(step, AuditOptions(heal: true, deleteExtra: true))
        #expect(try orders(world) == [[5, "new", 5.0], [6, "six", 6.0]])
        _ = try world.loader().setWatermark(try world.request(step), to: .integer(6), reason: "test")
        #expect(try world.auditFailure(step)?.code == .conflict)
    }

    // MARK: JSON

    private func partial(_ more: String = "") throws -> (World, LoadStep) {
        let world = try World(
            """
            CREATE TABLE changes (sequence INTEGER PRIMARY KEY, operation TEXT, id INTEGER, data TEXT);
            INSERT INTO changes VALUES (1, 'I', 1, '{"item": "cup", "price": 1}'), (2, 'I', 2, '{"item": "pot", "price": 2}'),
                (3, 'U', 2, '{"price": 3}');
            """ + more)
        let step = world.step("changes", to: "orders", .cdc, cursor: nil).with { $0.maxShrink = 1 }
        try world.load(step)
        return (world, step)
    }

    @Test func columnsThatEventsLeaveOutAreNotJudged() throws {
        let (world, step) = try partial()
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        // The first event of row 2 is gone, and with it what its item is.
        try world.source.execute("DELETE FROM changes WHERE sequence = 2")
        try world.warehouse.execute("UPDATE orders SET item = 'unknown', price = 9 WHERE id = 2")
        let found = try world.audit(step)
        #expect(found.samples.map(\.columns) == [["price"]])
        _ = try world.audit(step, AuditOptions(heal: true))
        #expect(try orders(world) == [[1, "cup", 1], [2, "unknown", 3]])
    }

    @Test func missingRowIsOnlyMendedWhereItIsKnownWhole() throws {
        let (world, step) = try partial()
        try world.warehouse.execute("DELETE FROM orders")
        #expect(kinds(try world.audit(step)) == ["missing 1", "missing 2"])
        #expect(try world.audit(step, AuditOptions(heal: true)).healed == .init(missing: 2))
        #expect(try orders(world) == [[1, "cup", 1], [2, "pot", 3]])
        try world.source.execute("DELETE FROM changes WHERE sequence = 2")
        try world.warehouse.execute("DELETE FROM orders")
        let failure = try world.auditFailure(step, AuditOptions(heal: true))
        #expect(failure?.code == .conflict && failure?.message.contains("id 2") == true)
        #expect(try orders(world) == [])
        // Nothing is left that mentions the item.
        try world.source.execute("DELETE FROM changes WHERE sequence = 1")
        let other = try world.auditFailure(step, AuditOptions(heal: true))
        #expect(other?.message.contains("none mentions item") == true)
    }

    @Test func eventsThatShareTheWatermarksNumberAreAppliedByTheirOrder() throws {
        func envelope(_ op: String, _ lsn: Int, _ id: Int, _ item: String) -> String {
            let row = #"{"id": \#(id), "item": "\#(item)"}"#
            let (before, after) = op == "d" ? (row, "null") : ("null", row)
            return #"('{"op": "\#(op)", "before": \#(before), "after": \#(after), "source": {"lsn": \#(lsn)}}')"#
        }
        let world = try World(
            "CREATE TABLE changes (value TEXT); INSERT INTO changes VALUES "
                + [envelope("c", 1, 1, "a"), envelope("c", 2, 2, "b")].joined(separator: ", "))
        let step = world.step("changes", to: "orders", .cdc, cursor: nil).with { $0.maxShrink = 1 }
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.source.execute(
            "INSERT INTO changes VALUES "
                + [envelope("c", 2, 3, "c"), envelope("u", 2, 2, "B")].joined(separator: ", "))
        let result = try world.audit(step)
        #expect(drift(result) == [0, 0, 0] && codes(result) == ["keys_unsettled"])
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.source.execute("INSERT INTO changes VALUES " + envelope("d", 3, 1, "a"))
        try world.load(step)
        #expect(drift(try world.audit(step)) == [0, 0, 0])
        try world.warehouse.execute("INSERT INTO orders VALUES (1, 'back')")
        #expect(kinds(try world.audit(step)) == ["extra 1"])
    }
}
