import Loading
import Model
import Platform
import SQLite
import Testing

/// What is staged is compared with the source, read a second time: whatever has changed on the way shows.
struct ReconciliationTests {
    private func reconcile(
        _ source: String, warehouse: String, query: String? = nil, key: [String] = ["id"],
        _ change: (inout LoadStep) -> Void = { _ in }
    ) throws -> Reconciliation {
        let world = try World(source, warehouse: warehouse)
        let step = world.step(query: query, key: key).with(change)
        let result = try world.stage(step, "2024-03-01", "2024-03-02")
        let found = try #require(result.reconciliation)
        #expect(result.warnings.contains { $0.code == "not_reconciled" } == !found.isReconciled)
        #expect(Reconciliation(json: found.json) == found)
        #expect(found.isReconciled == (found.difference == nil))
        return found
    }

    private static let table = "CREATE TABLE orders (id INTEGER PRIMARY KEY, n, updated_at TEXT);"

    @Test("equal sides reconcile: whole numbers exactly, others rounded")
    func reconciles() throws {
        let table = "CREATE TABLE orders (id INTEGER PRIMARY KEY, big INTEGER, n REAL, updated_at TEXT);"
        let rows = """
            INSERT INTO orders VALUES (1, 9223372036854775807, 0.1, '2024-03-01'), (2, 9223372036854775807, 0.2, '2024-03-01'),
                (3, NULL, NULL, '2024-03-01'), (4, 1, 1e300, '2024-03-02');
            """
        let found = try reconcile(table + rows, warehouse: table)
        #expect(found.isReconciled)
        #expect(found.sourceRows == 3 && found.shadowRows == 3)
        #expect(found.sums.map(\.column) == ["id", "big", "n"])
        #expect(found.sums.map(\.source) == [.integer(6), .string("18446744073709551614"), .number(0.3)])
    }

    @Test("two rows of one key of which one was staged do not reconcile")
    func showsDoubledKeys() throws {
        let found = try reconcile(
            "CREATE TABLE orders (id INTEGER, n INTEGER, updated_at TEXT);"
                + "INSERT INTO orders VALUES (1, 5, '2024-03-01'), (1, 6, '2024-03-01T01:00:00Z')",
            warehouse: ReconciliationTests.table)
        #expect(!found.isReconciled)
        #expect(found.sourceRows == 2 && found.shadowRows == 1)
        #expect(found.missing == 0)
        #expect(found.sums.first { $0.column == "n" }?.source == 11)
        #expect(found.sums.first { $0.column == "n" }?.shadow == 6)
    }

    @Test("a number that the destination's type changes does not reconcile")
    func showsChangedNumbers() throws {
        let found = try reconcile(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, n TEXT, updated_at TEXT);"
                + "INSERT INTO orders VALUES (1, '9007199254740993', '2024-03-01')",
            warehouse: "CREATE TABLE orders (id INTEGER PRIMARY KEY, n REAL, updated_at TEXT);")
        #expect(!found.isReconciled)
        #expect(found.sums.first { $0.column == "n" }?.source == 9_007_199_254_740_993)
        #expect(found.sums.first { $0.column == "n" }?.shadow == 9_007_199_254_740_992)
    }

    @Test("a query that answers otherwise the second time does not reconcile")
    func showsUnsteadyQueries() throws {
        let rows = "INSERT INTO orders VALUES (1, 1, '2024-03-01'), (2, 2, '2024-03-01');"
        let found = try reconcile(
            ReconciliationTests.table + rows, warehouse: ReconciliationTests.table,
            query: "SELECT id + abs(random() % 1000000007) AS id, n, updated_at FROM orders")
        #expect(!found.isReconciled)
        #expect(found.missing == 2 && found.extra == 2)
        #expect(found.samples.map(\.kind) == [.missing, .missing, .extra, .extra])
        let nulls = try reconcile(
            ReconciliationTests.table + rows, warehouse: ReconciliationTests.table,
            query:
                "SELECT id, CASE WHEN random() % 1000000007 = 0 THEN NULL ELSE random() END AS n, updated_at FROM orders"
        )
        #expect(!nulls.isReconciled)
    }

    @Test("rows that a check has set aside do not reconcile")
    func showsQuarantinedRows() throws {
        let found = try reconcile(
            ReconciliationTests.table + "INSERT INTO orders VALUES (1, NULL, '2024-03-01'), (2, 2, '2024-03-01');",
            warehouse: ReconciliationTests.table
        ) { step in
            step.checks = [Check(name: "filled", rule: .notNull(["n"]), onFail: .quarantine)]
        }
        #expect(!found.isReconciled)
        #expect(found.missing == 1 && found.samples.count == 1)
        #expect(found.nulls.map(\.source) == [1] && found.nulls.map(\.shadow) == [0])
    }

    @Test("sums do not depend on the order of the rows, and are rounded as the step says")
    func roundsAsTheStepSays() throws {
        let table = "CREATE TABLE orders (id INTEGER PRIMARY KEY, n REAL, updated_at TEXT);"
        let rows = "INSERT INTO orders VALUES (1, 0.126, '2024-03-01'), (2, -5.5, '2024-03-01')"
        let found = try reconcile(table + rows, warehouse: table) { $0.reconcileDecimals = 2 }
        #expect(found.isReconciled)
        #expect(found.sums.first { $0.column == "n" }?.source == .number(-5.37))
    }
}
