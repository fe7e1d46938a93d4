import Foundation
import Model
import SQLite
import Testing

@testable import API
@testable import HTTPServer

struct CaptureRoutesTests {
    private let captures = "/v1/connections/shop/captures"

    @Test func capturedTableIsFollowedAndReleased() throws {
        let world = try World(orders: 3)
        try world.putOrders()
        let made = world.ask(.put, captures + "/orders")
        #expect(made.status == 200, "\(made.text)")
        #expect(made.json["log"] == "_strandline_changes_orders")
        let pipeline = """
            steps:
              - name: orders
                source: { connection: shop, table: orders }
                destination: { connection: warehouse, table: followed }
                strategy: cdc
                primary_key: [id]
            """
        #expect(world.ask(.put, "/v1/pipelines/followed", body: pipeline).status == 201)
        func run() -> JSONValue {
            world.ask(.post, "/v1/pipelines/followed/runs", ["Prefer": "wait=30"]).json
        }
        #expect(run()["state"] == "success")
        try world.database("shop.db") { try $0.execute("DELETE FROM orders WHERE id = 1") }
        let second = run()
        #expect(second["steps"]?[0]?["rows_deleted"] == 1, "\(second.text())")
        let rows = try world.database("warehouse.db") { try $0.rows("SELECT count(*) FROM followed")[0][0] }
        #expect(rows == 2)
        let list = world.ask(.get, captures).json["captures"]
        #expect(list?[0]?["events"] == 0 && list?[0]?["fault"] == .null)
        #expect(list?[0]?["consumers"]?[0]?["name"]?.string?.hasPrefix("followed/orders -> ") == true)
        try world.database("warehouse.db") { try $0.execute("DELETE FROM followed WHERE id = 2") }
        func audit(_ body: String) -> JSONValue {
            world.ask(.post, "/v1/pipelines/followed/audits", ["Prefer": "wait=30"], body: body).json
        }
        #expect(audit("")["missing"] == 1)
        let healed = audit("{heal: true}")
        #expect(healed["healed"]?["missing"] == 1 && healed["missing"] == 0, "\(healed.text())")
        let mark = world.ask(.get, "/v1/pipelines/followed/watermarks/orders").json
        #expect(mark["verified_through"] == mark["value"] && mark["value"] != .null, "\(mark.text())")
        #expect(world.ask(.delete, captures + "/orders").status == 204)
        #expect(world.ask(.delete, captures + "/orders").status == 404)
        #expect(world.ask(.get, captures).json["captures"]?.array?.isEmpty == true)
    }

    @Test func consumersThatAreGoneAreShownAndForgotten() throws {
        let world = try World(orders: 1)
        try world.putOrders()
        #expect(world.ask(.put, captures + "/orders").status == 200)
        for (pipeline, step) in [("one", "orders"), ("two", "orders"), ("three", "orders")] {
            let document = """
                steps:
                  - name: \(step)
                    source: { connection: shop, table: orders }
                    destination: { connection: warehouse, table: \(pipeline) }
                    strategy: cdc
                    primary_key: [id]
                """
            #expect(world.ask(.put, "/v1/pipelines/\(pipeline)", body: document).status == 201)
            let run = world.ask(.post, "/v1/pipelines/\(pipeline)/runs", ["Prefer": "wait=30"]).json
            #expect(run["state"] == "success", "\(run.text())")
        }
        func consumers() -> [JSONValue] {
            world.ask(.get, captures).json["captures"]?[0]?["consumers"]?.array ?? []
        }
        #expect(consumers().map { $0["present"] } == [true, true, true])
        #expect(world.ask(.delete, "/v1/pipelines/one").status == 204)
        let other = """
            steps:
              - name: orders
                source: { connection: shop, table: orders }
                destination: { connection: warehouse, table: two }
                strategy: snapshot_diff
            """
        #expect(world.ask(.put, "/v1/pipelines/two", body: other).status == 200)
        // Consumers come by their names: one, three, two.
        #expect(consumers().map { $0["present"] } == [false, true, false])
        try world.database("shop.db") { try $0.execute("DELETE FROM orders") }
        #expect(consumers().map { $0["pending"] } == [1, 1, 1])
        for name in consumers().filter({ $0["present"] == false }).compactMap({ $0["name"]?.string }) {
            let encoded = name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let target = captures + "/orders/consumers/" + encoded
            #expect(world.ask(.delete, target).status == 204)
            #expect(world.ask(.delete, target).status == 404)
        }
        #expect(consumers().map { $0["present"] } == [true])
    }

    @Test func whatCannotBeCapturedIsAnsweredClearly() throws {
        let world = try World(orders: 1)
        try world.putOrders()
        #expect(world.ask(.put, captures + "/nothing").json["code"] == "unknown_table")
        #expect(world.ask(.put, "/v1/connections/none/captures/orders").status == 404)
        #expect(world.ask(.put, "/v1/connections/empty", body: "{type: sqlite, path: empty.db}").status == 201)
        #expect(world.ask(.put, "/v1/connections/empty/captures/t").json["code"] == "missing_file")
        try world.database("shop.db") { try $0.execute("CREATE TABLE \"odd / name\" (id INTEGER PRIMARY KEY)") }
        let odd = world.ask(.put, captures + "/odd%20%2F%20name")
        #expect(odd.json["table"] == "odd / name", "\(odd.text)")
    }
}
