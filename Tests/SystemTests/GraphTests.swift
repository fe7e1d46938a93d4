import Foundation
import Testing

/// A pipeline of five steps over two databases, in the real program.
struct GraphTests {
    private static let document = """
        connections:
          shop: { type: sqlite, path: shop.db }
          warehouse: { type: sqlite, path: warehouse.db }
          mart: { type: sqlite, path: mart.db }
        pipelines:
          - name: sales
            retries: { max_attempts: 1 }
            steps:
              - name: items
                source: { connection: shop, table: items }
                destination: { connection: warehouse, table: items }
                strategy: timestamp
                cursor: updated_at
                primary_key: [id]
              - name: copies
                source: { connection: shop, table: items }
                destination: { connection: mart, table: copies }
                strategy: full_refresh
              - name: days
                kind: sql
                depends_on: [items]
                destination: { connection: warehouse }
                sql: |
                  CREATE TABLE IF NOT EXISTS days (day TEXT PRIMARY KEY, items INTEGER, run TEXT);
                  INSERT INTO days SELECT substr(updated_at, 1, 10), count(*), :run FROM items GROUP BY 1
                    ON CONFLICT DO UPDATE SET items = excluded.items, run = excluded.run;
                checks: [{ type: range, table: days, column: items, min: 1 }]
              - name: report
                kind: sql
                depends_on: [copies, days]
                destination: { connection: mart }
                sql: INSERT INTO report SELECT :watermark, count(*) FROM copies
              - name: log
                kind: sql
                depends_on: [report]
                when: all_done
                destination: { connection: mart }
                sql: |
                  CREATE TABLE IF NOT EXISTS log (run TEXT, until TEXT);
                  INSERT INTO log VALUES (:run, :window_end);

        """

    @Test func aFailedStepIsMendedAndOnlyTheRestIsRepeated() throws {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 1_000)
            try Data(GraphTests.document.utf8).write(to: folder.appendingPathComponent("pipelines/items.yaml"))
            let mart = Database(folder, "mart.db")
            let server = try ServerProcess(in: folder, "--config-dir", "pipelines", "--workers", "3")
            func steps(_ words: String..., code: Int32) throws -> [String: String] {
                let outcome = try server.client(words + ["--wait", "--json"], in: folder)
                #expect(outcome.code == code, "\(outcome.errors)")
                let run = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
                let steps = run?["steps"] as? [[String: Any]] ?? []
                return Dictionary(
                    uniqueKeysWithValues: steps.compactMap { step in
                        (step["name"] as? String).map { ($0, step["state"] as? String ?? "") }
                    })
            }
            // The table of the report is missing.
            #expect(
                try steps("run", "sales", code: 1) == [
                    "items": "success", "copies": "success", "days": "success", "report": "failed", "log": "success",
                ])
            #expect(try shop.isLoaded())
            #expect(try mart.content(of: "copies") == shop.source.content(of: "items"))
            #expect(try shop.destination.rows("SELECT sum(items) FROM days") == ["1000"])
            #expect(try mart.rows("SELECT count(*) FROM log") == ["1"])
            try mart.execute("CREATE TABLE report (mark TEXT, n INTEGER)")
            let runs = try server.json("runs", in: folder)["runs"] as? [[String: Any]]
            let failed = runs?.first?["id"] as? String ?? ""
            #expect(try steps("runs", "retry", failed, code: 0) == ["report": "success"])
            #expect(try mart.rows("SELECT ifnull(mark, '-'), n FROM report") == ["-|1000"])
            #expect(try steps("run", "sales", "--from", "report", code: 0) == ["report": "success", "log": "success"])
            #expect(try mart.rows("SELECT count(*) FROM report") == ["2"])
            #expect(try mart.rows("SELECT count(*), count(DISTINCT run) FROM log") == ["2|2"])
            #expect(try steps("run", "sales", "--step", "days", code: 0) == ["days": "success"])
            let both = try server.client("run", "sales", "--from", "days", "--step", "items", in: folder)
            #expect(both.code == 1 && both.errors.contains("`steps` and `from`"), "\(both.errors)")
            #expect(server.kill(SIGTERM) == 0)
        }
    }

    @Test func aRunInHandIsCancelledAndAQueuedOneSaysWhatItWaitsFor() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 1)
            let document = """
                connections: { endless: { type: sqlite, path: endless.db } }
                pipelines:
                  - name: endless
                    steps:
                      - name: count
                        kind: sql
                        destination: { connection: endless }
                        sql: |
                          CREATE TABLE t (n);
                          INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n
                            WHERE i < 0;
                """
            try Data(document.utf8).write(to: folder.appendingPathComponent("pipelines/items.yaml"))
            let server = try ServerProcess(in: folder, "--config-dir", "pipelines")
            let first = try server.json("run", "endless", in: folder)["id"] as? String ?? ""
            // Its destination is made when it is in hand.
            let file = folder.appendingPathComponent("endless.db").path
            try server.wait(for: "the run to begin") { FileManager.default.fileExists(atPath: file) }
            let second = try server.json("run", "endless", in: folder)["id"] as? String ?? ""
            let waits = "waits for the run of its pipeline before it, behind \(first)"
            #expect(try server.client("runs", second, in: folder).output.contains(waits))
            #expect(try server.client("runs", in: folder).output.contains("waits for the run of its pipeline"))
            let queued = try server.client("runs", "cancel", second, in: folder)
            #expect(queued.code == 0 && queued.output.contains("of endless: cancelled"), "\(queued)")
            let ended = try server.client("runs", "cancel", first, "--wait", in: folder)
            #expect(ended.code == 0 && ended.output.contains("of endless: cancelled"), "\(ended)")
            let late = try server.client("runs", "cancel", first, in: folder)
            #expect(late.code == 1 && late.errors.contains("cancelled"), "\(late)")
            #expect(server.kill(SIGTERM) == 0)
        }
    }
}
