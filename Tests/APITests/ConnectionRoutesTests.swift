import Foundation
import Model
import Platform
import Testing

@testable import API
@testable import HTTPServer

/// Connections over the interface.
struct ConnectionRoutesTests {
    private let shop = "{\"type\": \"sqlite\", \"path\": \"shop.db\"}"

    @Test func putMakesThenChangesThenLeavesAlone() throws {
        let world = try World()
        let made = world.ask(.put, "/v1/connections/shop", body: shop)
        #expect(made.status == 201)
        #expect(made.header("ETag") == "\"1\"")
        #expect(made.header("Location") == "/v1/connections/shop")
        #expect(made.json.keys == ["name", "type", "path", "version", "created_at", "updated_at"])
        world.clock.advance(by: .seconds(5))
        let same = world.ask(.put, "/v1/connections/shop", body: "type: sqlite\npath: shop.db\n")
        #expect(same.status == 200)
        #expect(same.json == made.json)
        let changed = world.ask(.put, "/v1/connections/shop", body: "{type: sqlite, path: other.db}")
        #expect(changed.status == 200)
        #expect(changed.json["version"] == 2)
        #expect(changed.json["created_at"] == made.json["created_at"])
        #expect(changed.json["updated_at"] == "2024-04-01T00:00:05Z")
    }

    @Test func anAnswerCanBeSentBack() throws {
        let world = try World()
        let made = world.ask(.put, "/v1/connections/shop", body: shop)
        let back = world.ask(.put, "/v1/connections/shop", body: made.text)
        #expect(back.status == 200)
        #expect(back.json["version"] == 1)
    }

    @Test func neverShowsTheValueOfAVariable() throws {
        let world = try World(environment: ["SECRET_FOLDER": "canary-4711"])
        let definition = "{type: sqlite, path: '${SECRET_FOLDER}/shop.db'}"
        var texts = [world.ask(.put, "/v1/connections/shop", body: definition).text]
        #expect(world.ask(.get, "/v1/connections/shop").json["path"] == "${SECRET_FOLDER}/shop.db")
        texts.append(world.ask(.get, "/v1/connections").text)
        texts.append(world.ask(.post, "/v1/connections/shop/test").text)
        #expect(world.ask(.put, "/v1/connections/warehouse", body: "{type: sqlite, path: w.db}").status == 201)
        #expect(world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline).status == 201)
        texts.append(world.ask(.post, "/v1/pipelines/orders/plan").text)
        let trigger = world.ask(.post, "/v1/pipelines/orders/runs")
        texts.append(trigger.text)
        if let id = trigger.json["id"]?.string { texts.append(world.finished(id).text()) }
        texts += world.lines.read { $0 }
        for text in texts { #expect(!text.contains("canary-4711"), "\(text)") }
    }

    @Test func testListsTablesAndViews() throws {
        let world = try World()
        _ = world.ask(.put, "/v1/connections/shop", body: shop)
        let answer = world.ask(.post, "/v1/connections/shop/test")
        #expect(answer.status == 200)
        let tables = answer.json["tables"]
        #expect(tables?.array?.map { $0["name"] } == ["large_orders", "orders"])
        #expect(tables?[0]?["kind"] == "view")
        #expect(tables?[1]?["columns"]?[0] == .object(["name": "id", "type": "INTEGER", "primary_key": 1]))
        #expect(tables?[1]?["columns"]?[1]?["primary_key"] == .null)
    }

    @Test(arguments: [
        ("missing.db", 422, "missing_file"), ("../outside.db", 422, "outside_data_root"),
        (".", 422, "outside_data_root"),
        ("notes.txt", 422, "not_a_database"),
    ])
    func testSaysWhatKeepsAFileFromBeingOpened(_ path: String, _ status: Int, _ code: String) throws {
        let world = try World()
        try String(repeating: "no database ", count: 100).write(
            toFile: world.directory + "/data/notes.txt", atomically: true, encoding: .utf8)
        _ = world.ask(.put, "/v1/connections/place", body: "{type: sqlite, path: '\(path)'}")
        let answer = world.ask(.post, "/v1/connections/place/test")
        #expect(answer.status == status)
        #expect(answer.code == code, "\(answer.text)")
    }

    @Test func theControlDatabaseIsNeitherSourceNorDestination() throws {
        let world = try World()
        try world.putOrders()
        try FileManager.default.linkItem(
            atPath: world.directory + "/state/control.db", toPath: world.directory + "/data/hard.db")
        #expect(world.ask(.put, "/v1/connections/ctl", body: "{type: sqlite, path: hard.db}").status == 201)
        #expect(world.ask(.post, "/v1/connections/ctl/test").code == "server_state")
        for end in ["shop", "warehouse"] {
            let document = World.ordersPipeline.replacing("connection: \(end)", with: "connection: ctl")
            #expect(world.ask(.put, "/v1/pipelines/orders", body: document).status == 200)
            let answer = world.ask(.post, "/v1/pipelines/orders/runs")
            #expect(answer.status == 422)
            #expect(answer.code == "server_state")
            #expect(world.ask(.post, "/v1/pipelines/orders/plan").code == "server_state")
        }
        #expect(world.ask(.get, "/v1/connections").json["connections"]?.array?.count == 3)
    }

    @Test func deleteIsRefusedWhileAPipelineUsesIt() throws {
        let world = try World()
        try world.putOrders()
        let refused = world.ask(.delete, "/v1/connections/shop")
        #expect(refused.status == 409)
        #expect(refused.json["detail"]?.string?.contains("orders") == true)
        #expect(world.ask(.delete, "/v1/pipelines/orders").status == 204)
        #expect(world.ask(.delete, "/v1/connections/shop").status == 204)
        #expect(world.ask(.get, "/v1/connections/shop").status == 404)
        #expect(world.ask(.delete, "/v1/connections/shop").status == 404)
    }

    @Test(arguments: [
        ("", 400, "missing_body"), ("{type: sqlite", 400, "malformed_document"), ("[]", 422, "invalid_value"),
        ("{type: sqlite, paht: a.db}", 422, "unknown_key"), ("{type: oracle, path: a}", 422, "invalid_value"),
        ("{type: sqlite, path: 'file:a?mode=rwc'}", 422, "invalid_path"),
        ("{type: sqlite, path: a, name: other}", 422, "invalid_value"), ("{type: sqlite}", 422, "missing_key"),
    ])
    func aBadDefinitionIsRefusedAndChangesNothing(_ body: String, _ status: Int, _ code: String) throws {
        let world = try World()
        let answer = world.ask(.put, "/v1/connections/shop", body: body)
        #expect(answer.status == status)
        #expect(answer.code == code, "\(answer.text)")
        #expect(world.ask(.get, "/v1/connections/shop").status == 404)
    }

    @Test func aBadNameIsToldWithAGoodOne() throws {
        let world = try World()
        let answer = world.ask(.put, "/v1/connections/My%20Shop", body: shop)
        #expect(answer.status == 422)
        #expect(answer.json["hint"]?.string?.contains("my_shop") == true)
    }

    @Test func listsByNamePageByPage() throws {
        let world = try World()
        for name in ["c", "a", "b"] { _ = world.ask(.put, "/v1/connections/\(name)", body: shop) }
        let first = world.ask(.get, "/v1/connections?limit=2").json
        #expect(first["connections"]?.array?.map { $0["name"] } == ["a", "b"])
        let rest = world.ask(.get, "/v1/connections?limit=2&cursor=\(first["next_cursor"]?.string ?? "")").json
        #expect(rest["connections"]?.array?.map { $0["name"] } == ["c"])
        #expect(rest["next_cursor"] == .null)
    }
}
