import Model
import SQLite
import Testing

@testable import API
@testable import HTTPServer

struct AdviceTests {
    private func advise(_ world: World, _ body: String) -> Reading { world.ask(.post, "/v1/advise", body: body) }

    @Test func itsYAMLIsADocumentThatIsTakenAndRuns() throws {
        let world = try World(orders: 10)
        try world.putOrders()
        #expect(world.ask(.put, "/v1/connections/lake", body: "{type: sqlite, path: lake.db}").status == 201)
        let advice = advise(world, "{connection: shop, table: orders, destination: lake}").json
        #expect(advice["strategy"] == "full_refresh")
        // The name `orders` is another pipeline's.
        #expect(advice["document"]?["name"] == "orders_2")
        let put = world.ask(.put, "/v1/pipelines/orders_2", body: advice["yaml"]?.string ?? "")
        #expect(put.status == 201, "\(put.text)")
        let run = world.ask(.post, "/v1/pipelines/orders_2/runs", ["Prefer": "wait=30"])
        #expect(run.json["state"] == "success", "\(run.text)")
        let rows = try world.database("lake.db") { try $0.rows("SELECT count(*) FROM orders")[0][0] }
        #expect(rows == 10)
    }

    @Test func choosesADestinationThatCannotBeWrong() throws {
        let world = try World()
        func destination(_ body: String = "{connection: shop, table: orders}") -> JSONValue? {
            advise(world, body).json["document"]?["steps"]?[0]?["destination"]
        }
        func put(_ name: String) {
            #expect(world.ask(.put, "/v1/connections/\(name)", body: "{type: sqlite, path: \(name).db}").status == 201)
        }
        put("shop")
        let alone = advise(world, "{connection: shop, table: orders}").json
        #expect(alone["document"]?["steps"]?[0]?["destination"]?["connection"] == "warehouse")
        #expect(alone["notes"]?[0]?.string?.contains("PUT /v1/connections/warehouse") == true)
        put("crm")
        #expect(destination()?["connection"] == "crm")
        put("lake")
        #expect(destination()?["connection"] == "warehouse")
        put("warehouse")
        #expect(
            world.ask(.put, "/v1/pipelines/orders", body: World.ordersPipeline.replacing("warehouse", with: "lake"))
                .status == 201)
        #expect(destination()?["connection"] == "lake")
        #expect(world.load()["state"] == "success")
        // The table is there already: somebody's rows are not written over.
        #expect(destination()?["table"] == "orders_2")
        #expect(destination("{connection: shop, table: orders, destination: crm}")?["table"] == "orders")
    }

    @Test(arguments: [
        ("{table: orders}", 422, "connection"), ("{connection: shop}", 422, "table"),
        ("{connection: shop, table: 7}", 422, "table"), ("{connection: no, table: orders}", 422, "connection"),
        ("{connection: shop, table: no}", 422, "table"), ("{connection: shop, tabel: orders}", 422, "tabel"),
        ("{connection: shop, table: orders, destination: no}", 422, "destination"),
        ("{connection: lake, table: orders}", 422, "connection"),
    ])
    func saysWhatIsWrong(_ body: String, _ status: Int, _ field: String) throws {
        let world = try World()
        try world.putOrders()
        #expect(world.ask(.put, "/v1/connections/lake", body: "{type: sqlite, path: lake.db}").status == 201)
        let answer = advise(world, body)
        #expect(answer.status == status)
        #expect(answer.json["field"]?.string == field, "\(answer.text)")
    }
}
