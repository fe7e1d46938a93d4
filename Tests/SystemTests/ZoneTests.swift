import Foundation
import Testing

/// The machine's time zone moves no boundary: what is read, deleted, checked and compared is bound as the same instant.
struct ZoneTests {
    private static let document = """
        connections:
          shop: { type: sqlite, path: shop.db }
          warehouse: { type: sqlite, path: warehouse.db }
        pipelines:
          - name: items
            retries: { max_attempts: 1 }
            steps:
              - name: items
                source: { connection: shop, table: items }
                destination: { connection: warehouse, table: items }
                strategy: timestamp
                cursor: updated_at
                primary_key: [id]
                write_mode: delete_insert
                lookback: 1h
                partition_by: { column: updated_at, interval: day }
                checks: [{ type: freshness, column: updated_at, max_age: 36500d }]
              - name: seen
                kind: sql
                depends_on: [items]
                destination: { connection: warehouse }
                sql: |
                  CREATE TABLE IF NOT EXISTS seen (mark TEXT, day TEXT, n INTEGER);
                  INSERT INTO seen SELECT :watermark, date(updated_at), count(*) FROM items
                    WHERE updated_at <= :watermark GROUP BY 2;
                checks:
                  - { type: sql, name: all, query: "SELECT count(*) FROM items WHERE updated_at > (SELECT max(mark) FROM seen)", expect: 0 }

        """

    /// What comes of a load, of a backfill by days after the source was changed on their bounds, and of an audit.
    private func outcome(_ zone: String) throws -> [String] {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 0)
            try Data(ZoneTests.document.utf8).write(to: folder.appendingPathComponent("pipelines/items.yaml"))
            try shop.source.execute(
                """
                DELETE FROM items;
                INSERT INTO items VALUES (1, 'a', '2024-03-09T23:59:59Z'), (2, 'b', '2024-03-10T00:00:00Z'),
                    (3, 'c', '2024-03-10T06:59:59Z'), (4, 'd', '2024-03-10T07:00:00Z'), (5, 'e', '2024-03-10T23:59:59Z'),
                    (6, 'f', '2024-03-11T00:00:00Z'), (7, 'g', '2024-03-11T04:00:00Z');
                """)
            let server = try ServerProcess(
                in: folder, environment: ["TZ": zone], "--config-dir", "pipelines")
            func succeed(_ words: String...) throws {
                let outcome = try server.client(words + ["--wait"], in: folder)
                #expect(outcome.code == 0, "\(zone), \(words): \(outcome.output)\(outcome.errors)")
            }
            try succeed("run", "items")
            try shop.source.execute(
                """
                DELETE FROM items WHERE id IN (2, 5);
                UPDATE items SET updated_at = '2024-03-10T00:00:00Z' WHERE id = 1;
                UPDATE items SET updated_at = '2024-03-11T00:30:00Z', name = 'late' WHERE id = 7;
                """)
            try succeed("backfill", "items", "--step", "items", "--start", "2024-03-09", "--end", "2024-03-12")
            try succeed("audit", "items", "--step", "items")
            try succeed("run", "items")
            #expect(try shop.isLoaded(), "\(zone)")
            return try shop.destination.rows(
                """
                SELECT start_value, end_value, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_deleted
                FROM _strandline_partitions ORDER BY commit_order
                """)
                + shop.destination.rows("SELECT value FROM _strandline_watermarks")
                + shop.destination.rows("SELECT * FROM seen ORDER BY rowid")
        }
    }

    // PAINS 61
    @Test func theMachinesTimeZoneMovesNoBoundary() throws {
        let expected = try outcome("UTC")
        let day = 86_400_000_000
        let first = 1_709_942_400_000_000
        #expect(
            expected.prefix(3).map { $0.split(separator: "|").prefix(2).joined(separator: "|") }
                == (0..<3).map { "\(first + $0 * day)|\(first + ($0 + 1) * day)" })
        for zone in ["America/New_York", "Pacific/Kiritimati", "Asia/Kolkata"] {
            #expect(try outcome(zone) == expected, "\(zone)")
        }
    }
}
