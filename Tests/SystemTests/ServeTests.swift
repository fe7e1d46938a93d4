import Foundation
import Testing

struct ServeTests {
    @Test func loadsWhatIsNewAndStopsWith0() throws {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 1_000)
            let server = try ServerProcess(in: folder)
            let first = try server.client("run", "items", "--wait", in: folder)
            #expect(first.code == 0, "\(first.errors)")
            #expect(first.output.contains("items  success  1 000     1 000"))
            #expect(try shop.isLoaded())
            try shop.source.execute(
                """
                UPDATE items SET name = 'changed', updated_at = '2024-01-01T00:00:00Z' WHERE id = 7;
                INSERT INTO items VALUES (5000, 'new', '2024-01-01T00:00:00Z');
                """)
            let run = try server.json("run", "items", "--wait", in: folder)
            let step = (run["steps"] as? [[String: Any]])?.first
            #expect(run["state"] as? String == "success")
            #expect(run["trigger"] as? String == "cli")
            #expect(step?["rows_inserted"] as? Int == 1)
            #expect(step?["rows_updated"] as? Int == 1)
            #expect(step?["watermark_after"] as? String == "2024-01-01T00:00:00Z")
            #expect(try shop.isLoaded())
            let status = try server.client("status", in: folder)
            #expect(status.code == 0)
            #expect(status.output.contains("2024-01-01T00:00:00Z"))
            #expect(try server.client("runs", in: folder).output.split(separator: "\n").count == 3)
            #expect(server.kill(SIGTERM) == 0)
            #expect(server.log.contains("stopped"))
        }
    }

    @Test func aFailedRunIsToldAndExitsWith1() throws {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 1)
            try shop.source.execute("DROP TABLE items")
            let server = try ServerProcess(in: folder)
            let outcome = try server.client("run", "items", "--wait", in: folder)
            #expect(outcome.code == 1)
            #expect(outcome.output.contains("of items: failed"))
            #expect(outcome.output.contains("items"))
            #expect(try server.client("status", in: folder).code == 1)
            #expect(server.kill(SIGINT) == 0)
        }
    }

    @Test func aWatermarkMovesOnlyWhenConfirmed() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 100)
            let server = try ServerProcess(in: folder)
            #expect(try server.client("run", "items", "--wait", in: folder).code == 0)
            let before = try server.client("watermark", "get", "items", in: folder).output
            let words = ["2023-11-14T22:13:30Z", "--reason", "reload"]
            let asked = try server.client("watermark", "set", "items", "items", words[0], in: folder)
            #expect(asked.code == 1)
            #expect(asked.output.contains("the next run would read"))
            #expect(try server.client("watermark", "get", "items", in: folder).output == before)
            let told = try server.client(
                "watermark", "set", "items", "items", words[0], words[1], words[2], "--yes", in: folder)
            #expect(told.code == 0, "\(told.errors)")
            let history = try server.client("watermark", "history", "items", "items", in: folder).output
            #expect(history.contains("a person: reload"))
            #expect(try server.client("watermark", "delete", "items", "items", "--yes", in: folder).code == 0)
            #expect(try server.client("watermark", "get", "items", in: folder).output == "no watermarks\n")
        }
    }

    @Test func backfillsARangeAndShowsHoldsAndPutsItBack() throws {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 10)
            let server = try ServerProcess(in: folder)
            _ = try server.json("run", "items", "--wait", in: folder)
            try shop.source.execute("UPDATE items SET name = 'unseen' WHERE id = 7")
            let range = ["backfill", "items", "--column", "id", "--interval", "4", "--start", "1", "--end", "11"]
            let preview = try server.client(range + ["--dry-run"], in: folder)
            #expect(preview.code == 0 && preview.output.contains("would load 3 partitions"), "\(preview.output)")
            let done = try server.client(range + ["--wait"], in: folder)
            #expect(done.code == 0 && done.output.contains("[1, 11): success"), "\(done.output)\(done.errors)")
            #expect(try shop.isLoaded())
            let again = try server.client(range, in: folder)
            #expect(again.code == 1 && again.errors.contains("--reprocess completed"), "\(again.errors)")
            let list = try server.json("backfills", in: folder)["backfills"] as? [[String: Any]]
            let id = list?.first?["id"] as? String ?? ""
            #expect(try server.client(["backfills"], in: folder).output.contains(id))
            #expect(try server.client(["backfills", id], in: folder).output.contains("3"))
            for verb in ["pause", "resume", "cancel", "retry"] {
                let refused = try server.client(["backfills", verb, id], in: folder)
                #expect(refused.code == 1 && refused.errors.contains("is success"), "\(refused.errors)")
            }
            #expect(try server.client(["rollback", id, "--yes"], in: folder).output.contains("rolled back"))
            #expect(try !shop.isLoaded())
            let wrong = try server.client(["backfill", "items", "--order", "up", "--start", "1"], in: folder)
            #expect(wrong.code == 2 && wrong.errors.contains("--end is missing") && wrong.errors.contains("--order"))
        }
    }

    @Test func rollsBackARunOrAnAuditByItsIdentifier() throws {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 10)
            let server = try ServerProcess(in: folder)
            let run = try server.json("run", "items", "--wait", in: folder)["id"] as? String ?? ""
            try shop.source.execute("UPDATE items SET name = 'unseen' WHERE id = 7")
            let audit = try server.json("audit", "items", "--heal", "--wait", in: folder)["id"] as? String ?? ""
            #expect(try shop.isLoaded())
            let refused = try server.client("rollback", run, "--yes", in: folder)
            #expect(refused.code == 1 && refused.errors.contains("audit \(audit)"))
            let asked = try server.client("rollback", audit, in: folder)
            #expect(asked.code == 1 && asked.output.contains("REVERTED"))
            #expect(try server.client("rollback", audit, "--yes", in: folder).output.contains("rolled back"))
            #expect(try !shop.isLoaded())
            let again = try server.client("rollback", audit, "--yes", in: folder)
            #expect(again.output.contains("nothing of \(audit) is left"))
            #expect(try server.client("rollback", run, "--yes", in: folder).code == 0)
            let unknown = try server.client("rollback", "nothing", "--yes", in: folder)
            #expect(unknown.code == 1 && unknown.errors.contains("neither a run nor a backfill nor an audit"))
        }
    }

    @Test func comparesATableWithAFullRefresh() throws {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 10)
            let server = try ServerProcess(in: folder)
            _ = try server.json("run", "items", "--wait", in: folder)
            let same = try server.client("compare", "items", "--wait", in: folder)
            #expect(same.code == 0, "\(same.errors)")
            #expect(same.output == "items/items: the incremental table equals a full refresh (10 rows)\n")
            try shop.source.execute("UPDATE items SET name = 'unseen' WHERE id = 7; DELETE FROM items WHERE id = 3")
            let differs = try server.client("compare", "items", "items", "--wait", in: folder)
            #expect(differs.code == 1)
            #expect(differs.output.contains("differs from a full refresh in 2 rows: 0 missing, 1 extra, 1 different"))
            #expect(differs.output.contains("different {\"id\":7}: name is "))
            #expect(differs.output.contains("and would be \"unseen\""))
            let json = try server.client("compare", "items", "--wait", "--json", in: folder)
            #expect(json.code == 1 && json.output.contains("\"identical\": false"))
            let queued = try server.client("compare", "items", in: folder)
            #expect(queued.code == 0 && queued.output.contains("/v1/audits/"))
            let unknown = try server.client("compare", "items", "nothing", "--wait", in: folder)
            #expect(unknown.code == 1 && unknown.errors.contains("nothing"))
        }
    }

    @Test func appliesDocumentsThroughTheServer() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 1)
            let path = "pipelines/items.yaml"
            let server = try ServerProcess(in: folder)
            let same = try server.client("apply", path, in: folder)
            #expect(same.code == 0, "\(same.errors)")
            #expect(
                same.output == "connection shop unchanged\nconnection warehouse unchanged\npipeline items unchanged\n")
            let changed = ShopFolder.document.replacingOccurrences(
                of: "name: items\n    retries", with: "name: other\n    retries")
            try Data(changed.utf8).write(to: folder.appendingPathComponent("other.yaml"))
            #expect(try server.client("apply", "other.yaml", in: folder).output.contains("pipeline other created"))
            try Data("pipelines: [ { name: x } ]".utf8).write(to: folder.appendingPathComponent("wrong.yaml"))
            let wrong = try server.client("apply", "wrong.yaml", in: folder)
            #expect(wrong.code == 1)
            #expect(wrong.errors.hasPrefix("wrong.yaml:1:14: the pipeline has no `steps`"))
        }
    }

    @Test func readsItsDocumentsAgainAtSIGHUP() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 1)
            let server = try ServerProcess(in: folder)
            let file = folder.appendingPathComponent("pipelines/items.yaml")
            try Data("pipelines: [".utf8).write(to: file)
            server.signal(SIGHUP)
            try server.wait(for: "the refusal") { server.log.contains("documents not applied") }
            #expect(try server.client("status", "items", in: folder).code == 0)
            let text = ShopFolder.document.replacingOccurrences(
                of: "- name: items\n    retries", with: "- name: more\n    retries")
            try Data(text.utf8).write(to: file)
            server.signal(SIGHUP)
            try server.wait(for: "the new pipeline") { try server.client("status", "more", in: folder).code == 0 }
            #expect(server.kill(SIGTERM) == 0)
        }
    }

    @Test func wrongDocumentsStopTheStartAndLeaveNoTrace() throws {
        try withFolder { folder in
            try Data("pipelines:\n  - name: x\n    stps: []\n".utf8).write(to: folder.appendingPathComponent("a.yaml"))
            let outcome = try Program.run(["serve", "--listen", "127.0.0.1:0", "--config-dir", "."], in: folder)
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains("./a.yaml:3:5: a pipeline has no key `stps`"))
            #expect(outcome.errors.contains("Did you mean `steps`?"))
            #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("strandline-data").path))
        }
    }

    @Test func oneStateDirectoryHasOneServer() throws {
        try withFolder { folder in
            let server = try ServerProcess(in: folder)
            let second = try Program.run(["serve", "--listen", "127.0.0.1:0"], in: folder)
            #expect(second.code == 1)
            #expect(second.errors.contains("strandline-data"))
            #expect(server.kill(SIGTERM) == 0)
        }
    }

    @Test func noPipelineReachesTheControlDatabaseInTheUsualLayout() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 1)
            let document = ShopFolder.document.replacing("path: warehouse.db", with: "path: strandline-data/control.db")
            try Data(document.utf8).write(to: folder.appendingPathComponent("pipelines/items.yaml"))
            let server = try ServerProcess(in: folder)
            let outcome = try server.client("run", "items", "--wait", in: folder)
            #expect(outcome.code == 1)
            #expect((outcome.output + outcome.errors).contains("the server's own state"))
            #expect(server.kill(SIGTERM) == 0)
        }
    }

    @Test func aPortThatIsTakenIsNamed() throws {
        try withFolder { folder in
            let server = try ServerProcess(in: folder)
            let address = String(server.url.dropFirst("http://".count))
            let second = try Program.run(["serve", "--listen", address, "--state-dir", "other"], in: folder)
            #expect(second.code == 1)
            #expect(second.errors.contains("cannot listen on \(address)"))
        }
    }

    @Test func otherAddressesNeedInsecure() throws {
        try withFolder { folder in
            let outcome = try Program.run(["serve", "--listen", "0.0.0.0:0"], in: folder)
            #expect(outcome.code == 2)
            #expect(outcome.errors.contains("would let every machine that reaches this one read and change your data"))
            #expect(outcome.errors.contains("--insecure"))
        }
    }

    @Test func everyWrongFlagIsToldAtOnce() throws {
        try withFolder { folder in
            let outcome = try Program.run(
                ["serve", "--wrkers", "3", "--log-format", "xml", "--data-root", "none"], in: folder)
            #expect(outcome.code == 2)
            let lines = outcome.errors.split(separator: "\n")
            #expect(lines.count == 3)
            #expect(outcome.errors.contains("did you mean --workers?"))
        }
    }

    @Test func aServerThatIsNotThereIsNamed() throws {
        try withFolder { folder in
            let outcome = try Program.run(["status", "--server", "http://127.0.0.1:1"], in: folder)
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains("cannot reach http://127.0.0.1:1"))
            #expect(outcome.errors.contains("`strandline serve` starts one"))
            #expect(try Program.run(["status", "--server", "ftp://x"], in: folder).code == 2)
        }
    }
}
