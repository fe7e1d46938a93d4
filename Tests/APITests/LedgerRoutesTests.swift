import Model
import SQLite
import Testing

@testable import API
@testable import HTTPServer

/// The ledger of a step over the interface.
struct LedgerRoutesTests {
    private let ledger = "/v1/pipelines/orders/ledger/orders"

    @Test func showsWhatIsLoadedAndWhatAPersonPassedOver() throws {
        let world = try World()
        try world.putOrders()
        #expect(world.ask(.get, ledger).json["intervals"] == .array([]))
        #expect(world.load()["state"] == "success")
        let mark = "/v1/pipelines/orders/watermarks/orders"
        let moved = world.ask(.put, mark, body: "{value: '2024-02-01T00:00:00Z', reason: outage}")
        #expect(moved.status == 200, "\(moved.text)")
        try world.database("shop.db") {
            try $0.execute("INSERT INTO orders (id, total, updated_at) VALUES (900, 1, '2024-02-02T00:00:00Z')")
        }
        let run = world.load()
        #expect(run["state"] == "success")
        let found = world.ask(.get, ledger).json
        #expect(found["column"] == "updated_at" && found["through"] == "2024-02-02T00:00:00Z")
        #expect(
            found["gaps"]
                == .array([.object(["start": "2024-01-01T10:00:00Z", "end": "2024-02-01T00:00:00Z"])]), "\(found)")
        #expect(found["intervals"]?[0]?["start"] == .null && found["intervals"]?[1]?["last"] == run["id"])
        #expect(found["intervals"]?[1]?["origin"] == "run" && found["overlaps"] == .array([]))
    }

    @Test func whatIsNotThereIsNamed() throws {
        let world = try World()
        #expect(world.ask(.get, ledger).code == "unknown_pipeline")
        try world.putOrders()
        let answer = world.ask(.get, "/v1/pipelines/orders/ledger/order")
        #expect(answer.status == 404 && answer.code == "unknown_step")
    }
}
