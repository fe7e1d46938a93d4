import Engine
import Model
import SQLite
import Testing

@testable import API
@testable import HTTPServer

/// `openapi.yaml` says what the server does, no more and no less.
struct ContractTests {
    let contract: Contract

    init() throws { contract = try Contract() }

    private var endpoints: [Endpoint] { Routes.endpoints + PageRoutes.endpoints }

    @Test func everyRouteStandsInTheContractAndNothingElse() {
        let written = contract.operations.map { "\($0.method) \($0.path) \($0.operation["operationId"]?.string ?? "")" }
        let served = endpoints.map {
            "\($0.method.rawValue) \($0.pattern.replacing("...}", with: "}")) \($0.name)"
        }
        #expect(Set(written) == Set(served))
        #expect(written.count == Set(written).count)
    }

    @Test func everyParameterStandsInTheContractAndNothingElse() {
        for endpoint in endpoints {
            let found = contract.operations.first { $0.operation["operationId"]?.string == endpoint.name }
            guard let parameters = found?.parameters else { continue }
            func names(_ place: String) -> [String] {
                parameters.filter { $0["in"]?.string == place }.compactMap { $0["name"]?.string }
            }
            #expect(Set(names("query")) == Set(endpoint.query + ["pretty"]), "\(endpoint.name)")
            let inPath = endpoint.pattern.split(separator: "/").filter { $0.hasPrefix("{") }
                .map { String($0.dropFirst().dropLast()).replacing("...", with: "") }
            #expect(names("path") == inPath, "\(endpoint.name)")
            #expect(names("header").contains("Idempotency-Key") == !endpoint.method.isSafe, "\(endpoint.name)")
        }
    }

    @Test func everyReferenceLeadsSomewhereAndEveryComponentIsUsed() {
        var used: Set<String> = []
        for (path, object) in contract.objects() {
            guard let reference = object["$ref"]?.string else { continue }
            used.insert(reference)
            #expect(contract.resolved(object) != .null, "\(path): \(reference)")
        }
        for kind in contract.members(contract.root["components"]) {
            for component in contract.members(kind.value) {
                #expect(used.contains("#/components/\(kind.key)/\(component.key)"), "\(kind.key)/\(component.key)")
            }
        }
    }

    @Test func everyObjectSchemaIsClosed() {
        for (path, object) in contract.objects() where object["properties"] != nil {
            #expect(object["additionalProperties"] == false, "\(path)")
        }
    }

    @Test func everyBodyHasExamplesThatFitItsSchema() {
        for (path, object) in contract.objects() {
            // An object with a schema under `content` is a body.
            guard path.count > 1, path[path.count - 2] == "content", let schema = object["schema"] else { continue }
            let examples = contract.members(object["examples"])
            #expect(!examples.isEmpty, "\(path)")
            let isAnswer = !path.contains("requestBody") && !path.contains("requestBodies")
            for example in examples {
                let value = contract.resolved(example.value)["value"] ?? .null
                #expect(contract.faults(value, schema, isAnswer: isAnswer) == [], "\(path) \(example.key)")
            }
        }
    }

    @Test func statesAndCodesAreThoseOfTheModel() {
        func words(_ schema: String, _ property: String? = nil) -> [String] {
            var found = contract.root["components"]?["schemas"]?[schema]
            if let property { found = found?["properties"]?[property] }
            return found?["enum"]?.array?.compactMap(\.string) ?? []
        }
        #expect(words("RunState") == RunState.allCases.map(\.rawValue))
        #expect(words("EventKind") == LoadEngine.eventKinds + [EventGap.kind])
        #expect(words("BackfillState") == BackfillState.allCases.map(\.rawValue))
        #expect(words("PartitionState") == PartitionState.allCases.map(\.rawValue))
        #expect(words("PartitionFormat") == CursorFormat.allCases.map(\.rawValue))
        #expect(words("BackfillRequest", "reprocess") == Reprocess.allCases.map(\.rawValue))
        #expect(words("Backfill", "order") == PartitionOrder.allCases.map(\.rawValue))
        #expect(words("Backfill", "mode") == BackfillMode.allCases.map(\.rawValue))
        #expect(words("NoticeType") == NoticeType.subscribable.map(\.rawValue))
        #expect(words("FreshnessState") == FreshnessState.allCases.map(\.rawValue))
        #expect(words("FreshnessBasis") == FreshnessBasis.allCases.map(\.rawValue))
        #expect(words("DeliveryState") == DeliveryState.allCases.map(\.rawValue))
        #expect(words("AuditState") == AuditState.allCases.map(\.rawValue))
        #expect(words("StepRun", "state") == StepRunState.allCases.map(\.rawValue))
        #expect(words("Run", "trigger") == Trigger.allCases.map(\.rawValue))
        #expect(words("Strategy") == Strategy.allCases.map(\.rawValue))
        #expect(words("LoadStep", "write_mode") == WriteMode.allCases.map(\.rawValue))
        #expect(words("LoadStep", "schema_policy") == SchemaPolicy.allCases.map(\.rawValue))
        #expect(words("LoadStep", "on_gap") == GapPolicy.allCases.map(\.rawValue))
        #expect(words("LoadStep", "on_duplicate_key") == DuplicateKeyPolicy.allCases.map(\.rawValue))
        let phases = contract.root["components"]?["schemas"]?["CommitManifest"]?["properties"]?["phases"]?["items"]
        #expect(
            phases?["properties"]?["name"]?["enum"]?.array?.compactMap(\.string)
                == LoadPhase.Name.allCases.map(\.rawValue))
        #expect(words("CursorFacts", "role") == CursorFacts.Role.allCases.map(\.rawValue))
        #expect(words("CheckType") == CheckType.allCases.map(\.rawValue))
        #expect(words("Check", "severity") == CheckSeverity.allCases.map(\.rawValue))
        #expect(words("Check", "on_fail") == CheckFailurePolicy.allCases.map(\.rawValue))
        #expect(words("Cursor", "format") == CursorFormat.allCases.map(\.rawValue))
        #expect(words("Cursor", "on_missing") == MissingCursorPolicy.allCases.map(\.rawValue))
        #expect(words("Cursor", "on_unparsable") == UnparsableCursorPolicy.allCases.map(\.rawValue))
    }

    @Test func realAnswersFitTheContract() throws {
        let world = try World()
        try world.page("index.html", "<!doctype html>")
        try world.putOrders()
        let run = world.load()["id"]?.string ?? ""
        try world.database("shop.db") { try $0.execute("ALTER TABLE orders RENAME TO kept") }
        let failed = world.load()["id"]?.string ?? ""
        try world.database("shop.db") { try $0.execute("ALTER TABLE kept RENAME TO orders") }
        let checked =
            World.ordersPipeline + "\n    checks: [{ type: row_count, min: 100 }, { type: not_null, columns: [id] }]"
        _ = world.ask(.put, "/v1/pipelines/orders", body: checked)
        let refused = world.load()["id"]?.string ?? ""
        _ = world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline)
        try world.database("warehouse.db") { try $0.execute("UPDATE orders SET total = 0 WHERE id = 3") }
        let audited =
            world.ask(.post, "/v1/pipelines/orders/audits", ["Prefer": "wait=30"]).json["id"]?.string ?? ""
        let healed =
            world.ask(.post, "/v1/pipelines/orders/audits", ["Prefer": "wait=30"], body: "{heal: true}")
            .json["id"]?.string ?? ""
        let days = "{pipeline: orders, start: '2024-01-01', end: '2024-01-03', reprocess: completed}"
        let filled = world.ask(.post, "/v1/backfills", ["Prefer": "wait=30"], body: days).json["id"]?.string ?? ""
        let mark = "/v1/pipelines/orders/watermarks/orders"
        let asked: [(String, HTTPServer.Method, String, String)] = [
            ("list_connections", .get, "/v1/connections", ""), ("get_connection", .get, "/v1/connections/shop", ""),
            ("put_connection", .put, "/v1/connections/shop", "{type: sqlite, path: shop.db}"),
            ("test_connection", .post, "/v1/connections/shop/test", ""),
            ("put_pool", .put, "/v1/pools/heavy", "{slots: 2}"), ("put_pool", .put, "/v1/pools/heavy", "{slots: 0}"),
            ("list_pools", .get, "/v1/pools", ""), ("get_pool", .get, "/v1/pools/heavy", ""),
            ("delete_pool", .delete, "/v1/pools/heavy", ""), ("get_pool", .get, "/v1/pools/heavy", ""),
            ("advise", .post, "/v1/advise", "{connection: shop, table: orders}"),
            ("start_audit", .post, "/v1/pipelines/orders/audits", "{interval: week}"),
            ("start_audit", .post, "/v1/pipelines/orders/audits", "{interval: fortnight}"),
            ("start_audit", .post, "/v1/pipelines/nothing/audits", ""), ("list_audits", .get, "/v1/audits", ""),
            ("get_audit", .get, "/v1/audits/\(audited)", ""), ("get_audit", .get, "/v1/audits/nothing", ""),
            ("cancel_audit", .post, "/v1/audits/\(audited)/cancel", ""),
            ("rollback_audit", .post, "/v1/audits/\(healed)/rollback?dry_run", ""),
            ("rollback_audit", .post, "/v1/audits/\(healed)/rollback", ""),
            ("rollback_audit", .post, "/v1/audits/\(audited)/rollback", ""),
            ("rollback_audit", .post, "/v1/audits/nothing/rollback", ""),
            ("get_audit", .get, "/v1/audits/\(healed)", ""),
            ("start_backfill", .post, "/v1/backfills?dry_run=true", days),
            ("start_backfill", .post, "/v1/backfills", days),
            ("start_backfill", .post, "/v1/backfills", "{pipeline: orders}"),
            ("list_backfills", .get, "/v1/backfills", ""), ("get_backfill", .get, "/v1/backfills/\(filled)", ""),
            ("get_backfill", .get, "/v1/backfills/nothing", ""),
            ("list_partitions", .get, "/v1/backfills/\(filled)/partitions", ""),
            ("pause_backfill", .post, "/v1/backfills/\(filled)/pause", ""),
            ("retry_backfill", .post, "/v1/backfills/\(filled)/retry", ""),
            ("rollback_backfill", .post, "/v1/backfills/\(filled)/rollback?dry_run", ""),
            ("rollback_backfill", .post, "/v1/backfills/\(filled)/rollback", ""),
            ("advise", .post, "/v1/advise", "{connection: shop, table: nothing}"),
            ("list_pipelines", .get, "/v1/pipelines", ""), ("get_pipeline", .get, "/v1/pipelines/orders", ""),
            ("put_pipeline", .put, "/v1/pipelines/orders", World.ordersPipeline),
            ("plan_pipeline", .post, "/v1/pipelines/orders/plan", ""), ("list_runs", .get, "/v1/runs", ""),
            ("get_run", .get, "/v1/runs/\(run)", ""), ("get_run", .get, "/v1/runs/\(failed)", ""),
            ("get_events", .get, "/v1/events?limit=1000", ""),
            ("get_events", .get, "/v1/events?limit=5&after=99999", ""),
            ("get_events", .get, "/v1/events?after=x", ""),
            ("get_run_events", .get, "/v1/runs/\(run)/events?limit=5", ""),
            ("get_run_events", .get, "/v1/runs/nothing/events", ""),
            ("get_backfill_events", .get, "/v1/backfills/\(filled)/events?limit=5", ""),
            ("get_backfill_events", .get, "/v1/backfills/nothing/events", ""),
            ("get_audit_events", .get, "/v1/audits/\(healed)/events?limit=5", ""),
            ("get_audit_events", .get, "/v1/audits/nothing/events", ""),
            ("get_run", .get, "/v1/runs/\(refused)", ""),
            ("rollback_run", .post, "/v1/runs/\(run)/rollback?dry_run", ""),
            ("rollback_run", .post, "/v1/runs/\(run)/rollback", ""),
            ("rollback_run", .post, "/v1/runs/nothing/rollback", ""),
            ("retry_run", .post, "/v1/runs/\(failed)/retry", ""),
            ("trigger_run", .post, "/v1/pipelines/orders/runs", "{}"),
            ("list_watermarks", .get, "/v1/watermarks", ""),
            ("list_pipeline_watermarks", .get, "/v1/pipelines/orders/watermarks", ""),
            ("get_watermark", .get, mark, ""),
            ("put_watermark", .put, mark + "?dry_run=true", "{value: '2024-01-01T05:00:00Z'}"),
            ("put_watermark", .put, mark, "{value: '2024-01-01T05:00:00Z', reason: again}"),
            ("list_watermark_history", .get, mark + "/history", ""),
            ("delete_watermark", .delete, mark + "?dry_run", ""), ("get_health", .get, "/healthz", ""),
            ("get_readiness", .get, "/readyz", ""),
            ("list_freshness", .get, "/v1/freshness", ""), ("list_freshness", .get, "/v1/freshness?fail_on=x", ""),
            ("put_pipeline", .put, "/v1/pipelines/orders", World.ordersPipeline + "\nfreshness: { error_after: 1h }"),
            ("list_freshness", .get, "/v1/freshness?fail_on=stale", ""),
            ("get_freshness", .get, "/v1/freshness/orders?fail_on=stale", ""),
            ("list_freshness_history", .get, "/v1/freshness/orders/history", ""),
            ("list_freshness_history", .get, "/v1/freshness/nothing/history", ""),
            ("get_freshness", .get, "/v1/freshness/orders", ""), ("get_freshness", .get, "/v1/freshness/nothing", ""),
            ("get_run", .get, "/v1/runs/nothing", ""), ("list_runs", .get, "/v1/runs?limit=0", ""),
            ("put_pipeline", .put, "/v1/pipelines/orders", "{steps: [{}]}"),
            ("put_pipeline", .put, "/v1/pipelines/orders", "{steps"),
            ("cancel_run", .post, "/v1/runs/\(run)/cancel", ""),
            ("put_capture", .put, "/v1/connections/shop/captures/orders", ""),
            ("list_captures", .get, "/v1/connections/shop/captures", ""),
            ("put_capture", .put, "/v1/connections/shop/captures/nothing", ""),
            ("put_webhook", .put, "/v1/webhooks/ops", "{url: 'https://example.org', pipelines: [orders]}"),
            ("put_webhook", .put, "/v1/webhooks/ops", "{url: 'https://example.org'}"),
            ("put_webhook", .put, "/v1/webhooks/ops", "{url: example}"),
            ("get_webhook", .get, "/v1/webhooks/ops", ""), ("get_webhook", .get, "/v1/webhooks/nothing", ""),
            ("list_webhooks", .get, "/v1/webhooks", ""), ("rotate_webhook", .post, "/v1/webhooks/ops/rotate", ""),
            ("test_webhook", .post, "/v1/webhooks/ops/test", ""),
            ("list_deliveries", .get, "/v1/webhooks/ops/deliveries", ""),
            ("get_delivery", .get, "/v1/webhooks/ops/deliveries/msg_0", ""),
            ("retry_delivery", .post, "/v1/webhooks/ops/deliveries/msg_0/retry", ""),
            ("delete_capture_consumer", .delete, "/v1/connections/shop/captures/orders/consumers/nobody", ""),
        ]
        for (name, method, target, body) in asked {
            let answer = world.ask(method, target, body: body)
            let promised = contract.schema(name, answer.status)
            #expect(answer.header("Content-Type") == promised?.type, "\(name) \(answer.text)")
            #expect(contract.faults(answer.json, promised?.schema ?? .null) == [], "\(name) \(answer.text)")
        }
    }

    @Test func theContractIsServedAsItStandsAtTheTopLevel() throws {
        let world = try World()
        let answer = world.ask(.get, "/openapi.yaml")
        #expect(answer.header("Content-Type") == "application/yaml")
        #expect(answer.text.hasPrefix("openapi: 3.1.0\n"))
        let again = world.ask(.get, "/openapi.yaml", ["If-None-Match": answer.header("ETag") ?? ""])
        #expect(again.status == 304)
        #expect(again.text.isEmpty)
    }
}
