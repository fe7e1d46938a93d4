import Loading
import Model
import Platform
import SQLite
import Testing

/// What a comparison with a full refresh finds, in every kind of step.
struct CompareTests {
    private func orders(_ more: String = "") throws -> World {
        try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, total REAL, updated_at TEXT);
            INSERT INTO orders VALUES (1, 'a', 1.5, '2024-05-01T10:00:00Z'), (2, 'b', 2.5, '2024-05-01T11:00:00Z'),
                (3, 'c', 3.5, '2024-05-02T10:00:00Z'), (4, 'd', 4.5, '2024-05-02T11:00:00Z');
            """ + more)
    }

    private func counts(_ result: AuditResult) -> [Int] {
        let drift = result.total.drift
        return [
            drift.missing, drift.extra, drift.different, result.refresh?.pending ?? -1, result.refresh?.excluded ?? -1,
        ]
    }

    private func found(_ result: AuditResult) -> [String] {
        result.differences.map { "\($0.kind.rawValue) \($0.key.text())" }
    }

    @Test(arguments: WriteMode.allCases)
    func aLoadedTableEqualsAFullRefresh(_ mode: WriteMode) throws {
        let world = try orders()
        let step = world.step(mode: mode)
        try world.load(step)
        let result = try world.compare(step)
        #expect(counts(result) == [0, 0, 0, 0, 0] && result.json["identical"] == true)
        #expect(result.total.sourceRows == 4 && result.total.destinationRows == 4)
        #expect(result.differences.isEmpty && result.verifiedThrough == nil)
    }

    @Test func everyDifferenceIsNamedWithBothValues() throws {
        let world = try orders()
        let step = world.step()
        try world.load(step)
        try world.source.execute(
            """
            UPDATE orders SET total = 99, item = NULL WHERE id = 2;
            DELETE FROM orders WHERE id = 3;
            INSERT INTO orders VALUES (7, 'late', 7.5, '2024-05-02T09:00:00Z');
            """)
        let before = try world.inWarehouse("SELECT * FROM orders")
        let result = try world.compare(step)
        #expect(counts(result) == [1, 1, 1, 0, 0] && result.json["identical"] == false)
        #expect(found(result) == [#"different {"id":2}"#, #"extra {"id":3}"#, #"missing {"id":7}"#])
        #expect(result.differences.map(\.number) == [1, 2, 3] && result.refresh?.kept == 3)
        #expect(
            result.differences[0].columns.text()
                == #"{"item":{"source":null,"destination":"b"},"total":{"source":99.0,"destination":2.5}}"#)
        #expect(result.samples.map(\.columns) == [[], [], ["item", "total"]])
        #expect(try world.inWarehouse("SELECT * FROM orders") == before, "it wrote")
    }

    @Test func whatTheNextRunLoadsIsPendingUntilItHas() throws {
        let world = try orders()
        let step = world.step()
        try world.load(step)
        try world.source.execute(
            """
            UPDATE orders SET total = 0, updated_at = '2024-05-04T00:00:00Z' WHERE id = 2;
            INSERT INTO orders VALUES (8, 'new', 1, '2024-05-05T00:00:00Z'), (9, 'far', 1, '2099-01-01T00:00:00Z');
            """)
        let result = try world.compare(step)
        #expect(counts(result) == [0, 0, 0, 3, 0] && result.json["identical"] == true)
        try world.load(step)
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 0])
    }

    @Test func nothingLoadedYetIsAllPending() throws {
        let world = try orders("INSERT INTO orders VALUES (5, 'old', 1, '2020-01-01'), (6, 'none', 1, NULL);")
        let step = world.step().with {
            $0.cursor = Cursor(column: "updated_at", onMissing: .exclude, initial: .text("2024-01-01"))
        }
        #expect(try world.compareFailure(step)?.code == .destinationMissing)
        try world.warehouse.execute(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, total REAL, updated_at TEXT);
            INSERT INTO orders VALUES (77, 'mine', 1, '2024-05-01');
            """)
        let result = try world.compare(step)
        #expect(counts(result) == [0, 1, 0, 4, 2] && found(result) == [#"extra {"id":77}"#])
    }

    @Test("what the document passes over is excluded only where it says so")
    func excludedIsWhatTheDocumentPassesOver() throws {
        let world = try orders()
        let step = world.step().with {
            $0.cursor = Cursor(
                column: "updated_at", onMissing: .exclude, onUnparsable: .exclude, initial: .text("2024-01-01"))
        }
        try world.load(step)
        try world.source.execute(
            "INSERT INTO orders VALUES (5, 'old', 1, '2020-01-01'), (6, 'none', 1, NULL), (7, 'odd', 1, 'soon')")
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 3])
        // A row that the destination holds is not passed over when its cursor goes away: nothing mends it.
        try world.source.execute("UPDATE orders SET total = 0, updated_at = NULL WHERE id = 1")
        let result = try world.compare(step)
        #expect(counts(result) == [0, 0, 1, 0, 3] && found(result) == [#"different {"id":1}"#])
        let strict = step.with { $0.cursor = Cursor(column: "updated_at", initial: .text("2024-01-01")) }
        #expect(counts(try world.compare(strict)) == [2, 0, 1, 0, 1], "a policy that fails passes nothing over")
        let lenient = step.with { $0.cursor = Cursor(column: "updated_at", onMissing: .include) }
        #expect(counts(try world.compare(lenient)) == [2, 0, 0, 2, 0], "every run reads rows without a cursor")
    }

    @Test func aCursorThatIsNotLoadedStillTellsWhatIsPending() throws {
        let world = try orders()
        let step = world.step().with { $0.columns.exclude = ["updated_at"] }
        try world.load(step)
        try world.source.execute("INSERT INTO orders VALUES (8, 'new', 1, '2024-05-05T00:00:00Z')")
        #expect(counts(try world.compare(step)) == [0, 0, 0, 1, 0])
    }

    @Test func rowsMarkedAsDeletedAreAbsent() throws {
        let world = try orders()
        let step = world.step().with {
            $0.detectDeletes = .keys
            $0.softDelete = "gone_at"
        }
        try world.load(step)
        try world.source.execute("DELETE FROM orders WHERE id = 2")
        #expect(counts(try world.compare(step)) == [0, 1, 0, 0, 0])
        try world.load(step)
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 0])
        // Back with an old time: no run sees it, and the marked row does not stand for it.
        try world.source.execute("INSERT INTO orders VALUES (2, 'b', 2.5, '2024-05-01T11:00:00Z')")
        let result = try world.compare(step)
        #expect(counts(result) == [1, 0, 0, 0, 0] && found(result) == [#"missing {"id":2}"#])
    }

    @Test func olderVersionsThatAppendKeepsAreExtra() throws {
        let world = try orders()
        let step = world.step(mode: .append)
        try world.load(step)
        try world.source.execute("UPDATE orders SET total = 0, updated_at = '2024-05-04T00:00:00Z' WHERE id = 2")
        #expect(counts(try world.compare(step)) == [0, 1, 0, 1, 0])
        try world.load(step)
        let result = try world.compare(step)
        #expect(counts(result) == [0, 1, 0, 0, 0])
        #expect(found(result) == [#"extra {"id":2,"updated_at":"2024-05-01T11:00:00Z"}"#])
    }

    @Test func ofRowsThatShareAKeyTheNewestCounts() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER, item TEXT, updated_at TEXT);
            INSERT INTO orders VALUES (1, 'old', '2024-05-01'), (1, 'new', '2024-05-03'), (2, 'b', '2024-05-02');
            """)
        let step = world.step()
        try world.load(step)
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 0])
        try world.source.execute(
            "INSERT INTO orders VALUES (2, 'older', '2024-05-01'), (1, 'later', '2024-05-04'), (2, 'none', NULL)")
        #expect(counts(try world.compare(step)) == [0, 0, 0, 1, 0])
        try world.source.execute("INSERT INTO orders VALUES (2, 'late', '2024-05-02T10:00:00Z')")
        let result = try world.compare(step)
        #expect(counts(result) == [0, 0, 1, 1, 0] && result.total.sourceRows == 2)
        #expect(result.differences[0].columns["item"]?["source"] == "late")
    }

    @Test func rowsWithoutAKeyAreCountedAsAMultiset() throws {
        let world = try World(
            """
            CREATE TABLE events (name, at INTEGER);
            INSERT INTO events VALUES ('a', 1), ('a', 1), ('b', 2), (1, 3), (1.0, 3), ('1', 3);
            """)
        let step = world.step("events", .sequence, cursor: "at", key: [], mode: .append)
        try world.load(step)
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 0])
        try world.source.execute(
            "DELETE FROM events WHERE rowid = 1; INSERT INTO events VALUES ('b', 2), (x'31', 3), ('z', 9)")
        let result = try world.compare(step)
        #expect(counts(result) == [2, 1, 0, 1, 0])
        #expect(
            found(result) == [
                #"extra {"name":"a","at":1}"#, #"missing {"name":"b","at":2}"#,
                #"missing {"name":{"blob_hex":"31"},"at":3}"#,
            ])
    }

    @Test func aColumnThatAFullRefreshWouldAddIsADifference() throws {
        let world = try orders()
        let step = world.step()
        try world.load(step)
        try world.source.execute(
            "ALTER TABLE orders ADD COLUMN note TEXT; UPDATE orders SET note = 'x' WHERE id IN (1, 4)")
        let result = try world.compare(step)
        #expect(counts(result) == [0, 0, 2, 0, 0])
        #expect(result.differences[0].columns.text() == #"{"note":{"source":"x","destination":null}}"#)
        #expect(result.warnings.map(\.code) == ["columns_missing"])
        try world.load(step, fullRefresh: true)
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 0])
        try world.warehouse.execute("ALTER TABLE orders ADD COLUMN mine TEXT")
        #expect(try world.compare(step).warnings.map(\.code) == ["columns_kept"])
    }

    /// Casts, names and the destination's own types are what a full refresh would store, too.
    @Test func valuesAreComparedAsTheDestinationStoresThem() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, price TEXT, size TEXT, at INTEGER);
            INSERT INTO orders VALUES (1, '1.50', '7', 1), (2, '2', '8', 2);
            """, warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, cost REAL, size INTEGER, at INTEGER)")
        let step = world.step("orders", .sequence, cursor: "at").with {
            $0.columns.rename = [("price", "cost")]
            $0.columns.cast = [("cost", .real)]
        }
        try world.load(step)
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 0])
        try world.source.execute("UPDATE orders SET price = '1.75' WHERE id = 1")
        let result = try world.compare(step)
        #expect(result.differences.map { $0.columns.text() } == [#"{"cost":{"source":1.75,"destination":1.5}}"#])
    }

    @Test(arguments: [Strategy.snapshotDiff, .fullRefresh])
    func aTableWithoutACursorIsComparedWhole(_ strategy: Strategy) throws {
        let world = try orders()
        let step = world.step("orders", strategy, cursor: nil)
        try world.load(step)
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 0])
        try world.source.execute("UPDATE orders SET item = 'z' WHERE id = 1; DELETE FROM orders WHERE id = 2")
        #expect(found(try world.compare(step)) == [#"different {"id":1}"#, #"extra {"id":2}"#])
    }

    @Test func aCapturedTableIsComparedItselfAndAnyOtherLogIsRefused() throws {
        let world = try World(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT);
            INSERT INTO orders VALUES (1, 'a'), (2, 'b'), (3, 'c');
            CREATE TABLE changes (seq INTEGER PRIMARY KEY, op TEXT, id INTEGER, item TEXT);
            INSERT INTO changes VALUES (1, 'INSERT', 1, 'a');
            """)
        _ = try world.loader().installCapture(try world.file("source.db"), table: "orders")
        let step = world.step("orders", .cdc, cursor: nil)
        #expect(try world.compareFailure(step)?.code == .destinationMissing)
        try world.load(step)
        #expect(counts(try world.compare(step)) == [0, 0, 0, 0, 0])
        try world.source.execute("UPDATE orders SET item = 'z' WHERE id = 1; INSERT INTO orders VALUES (4, 'd')")
        try world.warehouse.execute("DELETE FROM orders WHERE id = 3; UPDATE orders SET item = 'y' WHERE id = 2")
        let result = try world.compare(step)
        #expect(counts(result) == [1, 0, 1, 2, 0])
        #expect(found(result) == [#"different {"id":2}"#, #"missing {"id":3}"#])
        let log = world.step("changes", to: "told", .cdc, cursor: nil).with { $0.name = "told" }
        try world.load(log)
        let refused = try world.compareFailure(log)
        #expect(refused?.code == .conflict && refused?.message.contains("cannot rebuild") == true)
    }

    @Test func keepsTheFirstDifferencesAndCountsTheRest() throws {
        let world = try orders()
        let step = world.step()
        try world.load(step)
        try world.source.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 10 + \(Limits.auditDifferences))
            INSERT INTO orders SELECT i, 'late', 1, '2024-05-01' FROM n
            """)
        let result = try world.compare(step)
        #expect(result.total.drift.missing == Limits.auditDifferences + 1)
        #expect(result.differences.count == Limits.auditDifferences && result.refresh?.kept == Limits.auditDifferences)
        #expect(result.samples.count == Limits.auditSamples)
        try world.source.execute("DELETE FROM orders WHERE id > 1000")
        try world.source.execute("UPDATE orders SET item = replace(hex(zeroblob(500000)), '00', 'long ') WHERE id = 1")
        let cut = try world.compare(step).differences[0].columns["item"]?["source"]?.string ?? ""
        #expect(cut.count == Limits.auditKeyCharacters + 1 && cut.hasSuffix("…"))
    }

    /// Random tables with a key of two columns, against sets: what is counted and named is what the sets say.
    @Test(arguments: 0..<30 as Range<UInt64>)
    func findsWhatSetsFind(_ seed: UInt64) throws {
        struct Key: Hashable {
            let region: String
            let number: Int64
        }
        struct Content: Equatable {
            var value: Int64?
            var at: Int64?
        }
        var random = Seeded(seed)
        let (initial, watermark): (Int64, Int64) = (10, 60)
        func content() -> Content {
            Content(
                value: Bool.random(using: &random) ? Int64.random(in: 0...2, using: &random) : nil,
                at: Int.random(in: 0..<8, using: &random) == 0 ? nil : Int64.random(in: 0...90, using: &random))
        }
        func table(_ count: Int) -> [Key: Content] {
            var rows: [Key: Content] = [:]
            for _ in 0..<count {
                let region = ["n", "s", "S", "é"].randomElement(using: &random) ?? ""
                rows[Key(region: region, number: Int64.random(in: 1...12, using: &random))] = content()
            }
            return rows
        }
        let source = table(40)
        var destination = table(20)
        for (key, row) in source where Bool.random(using: &random) { destination[key] = row }

        let world = try World()
        let create =
            "CREATE TABLE orders (region TEXT, number INTEGER, value INTEGER, at INTEGER, PRIMARY KEY (region, number))"
        func fill(_ connection: Connection, _ rows: [Key: Content]) throws {
            for (key, row) in rows {
                _ = try connection.run(
                    "INSERT INTO orders VALUES (?, ?, ?, ?)",
                    [
                        .text(key.region), .integer(key.number), row.value.map { .integer($0) } ?? .null,
                        row.at.map { .integer($0) } ?? .null,
                    ])
            }
        }
        try world.source.execute(create)
        let step = world.step("orders", .sequence, cursor: "at", key: ["region", "number"]).with {
            $0.cursor = Cursor(column: "at", onMissing: .exclude, initial: .integer(initial))
        }
        // A row at the watermark makes the load set it.
        try world.source.execute("INSERT INTO orders VALUES ('w', 1, 1, \(watermark))")
        try world.load(step)
        try world.source.execute("DELETE FROM orders")
        try world.warehouse.execute("DELETE FROM orders")
        try fill(world.source, source)
        try fill(world.warehouse, destination)

        var expected: Set<String> = []
        var (pending, excluded) = (0, 0)
        for (key, row) in source {
            let isPending = (row.at ?? 0) > watermark
            let name = #"{"region":"\#(key.region)","number":\#(key.number)}"#
            if let there = destination[key] {
                guard there != row else { continue }
                if isPending { pending += 1 } else { expected.insert("different " + name) }
            } else if isPending {
                pending += 1
            } else if row.at.map({ $0 < initial }) ?? true {
                excluded += 1
            } else {
                expected.insert("missing " + name)
            }
        }
        for key in destination.keys where source[key] == nil {
            expected.insert(#"extra {"region":"\#(key.region)","number":\#(key.number)}"#)
        }
        let result = try world.compare(step)
        #expect(Set(found(result)) == expected && result.differences.count == expected.count)
        #expect(result.refresh == AuditResult.Refresh(pending: pending, excluded: excluded, kept: expected.count))
        #expect(result.total.sourceRows == source.count && result.total.destinationRows == destination.count)
        for difference in result.differences where difference.kind == .different {
            let key = Key(
                region: difference.key["region"]?.string ?? "", number: difference.key["number"]?.integer ?? 0)
            let (left, right) = (source[key], destination[key])
            #expect((difference.columns["value"] != nil) == (left?.value != right?.value))
            #expect((difference.columns["at"] != nil) == (left?.at != right?.at))
        }
    }
}

extension World {
    static let comparison: AuditOptions = {
        var options = AuditOptions()
        options.kind = .compare
        return options
    }()

    func compare(_ step: LoadStep) throws -> AuditResult { try audit(step, World.comparison) }

    /// The failure of a comparison that must fail; nil when it did not.
    func compareFailure(_ step: LoadStep) throws -> Failure? { try auditFailure(step, World.comparison) }
}
