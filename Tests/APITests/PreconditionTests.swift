import Model
import Store
import Testing

@testable import API
@testable import HTTPServer

/// Entity tags and what a change may ask of them.
struct PreconditionTests {
    @Test func readsTagsAsTheyAreSent() {
        #expect(EntityTag.list(["\"1\", W/\"2\" ,\"a,b\"", "*"]) == ["\"1\"", "W/\"2\"", "\"a,b\"", "*"])
        #expect(EntityTag.version("\"7\"") == 7)
        #expect(EntityTag.version("\"7-0a1b\"") == 7)
        #expect(EntityTag.version("W/\"7\"") == nil)
        #expect(EntityTag.version("\"seven\"") == nil)
        #expect(EntityTag.version("7") == nil)
    }

    private static let wishes: [(Headers, Store.Expectation)] = [
        (["If-Match": "\"7\""], .version(7)), (["If-Match": "\"7-ab\""], .version(7)),
        (["If-Match": "\"6\", \"7\""], .version(7)), (["If-Match": "\"6\""], .version(6)),
        (["If-Match": "W/\"7\""], .version(0)), (["If-Match": "\"x\""], .version(0)),
        (["If-Match": "*"], .present), (["If-None-Match": "*"], .absent),
        (["If-None-Match": "\"7\""], .version(0)), (["If-None-Match": "\"6\""], .anything), ([:], .anything),
    ]

    @Test(arguments: wishes)
    func asksForAVersion(_ headers: Headers, _ expected: Store.Expectation) throws {
        #expect(try Precondition(headers).expectation(7) == expected)
    }

    @Test(arguments: ["7", "\"7", "abc, \"7\"", "\"a\" \"b\"x"])
    func refusesWhatIsNoTag(_ text: String) {
        #expect(throws: Problem.self) { try Precondition(["If-Match": text]) }
    }

    @Test func aChangeIsRefusedWhenSomebodyElseWasFaster() throws {
        let world = try World()
        try world.putOrders()
        let path = "/v1/pipelines/orders"
        let tag = world.ask(.get, path).header("ETag") ?? ""
        let mine = World.ordersPipeline + "\n    lookback: 2h"
        let theirs = World.ordersPipeline + "\n    lookback: 3h"
        #expect(world.ask(.put, path, ["If-Match": tag], body: theirs).status == 200)
        let late = world.ask(.put, path, ["If-Match": tag], body: mine)
        #expect(late.status == 412)
        #expect(late.code == "precondition_failed")
        #expect(world.ask(.delete, path, ["If-Match": tag]).status == 412)
        #expect(world.ask(.get, path).json["version"] == 2)
    }

    @Test func aRunDoesNotRefuseAnEditButShowsInTheTag() throws {
        let world = try World()
        try world.putOrders()
        let path = "/v1/pipelines/orders"
        let tag = world.ask(.get, path).header("ETag") ?? ""
        #expect(world.ask(.get, path, ["If-None-Match": tag]).status == 304)
        world.load()
        let shown = world.ask(.get, path, ["If-None-Match": tag])
        #expect(shown.status == 200)
        #expect(shown.json["last_run"] != .null)
        #expect(
            world.ask(.put, path, ["If-Match": tag], body: World.ordersPipeline + "\n    lookback: 2h").status == 200)
    }

    @Test func createsOnlyWhereNothingIs() throws {
        let world = try World()
        let body = "{type: sqlite, path: shop.db}"
        #expect(world.ask(.put, "/v1/connections/shop", ["If-None-Match": "*"], body: body).status == 201)
        #expect(world.ask(.put, "/v1/connections/shop", ["If-None-Match": "*"], body: body).status == 412)
        #expect(world.ask(.put, "/v1/connections/other", ["If-Match": "*"], body: body).status == 412)
        #expect(world.ask(.get, "/v1/connections/shop", ["If-None-Match": "W/\"1\", \"9\""]).status == 304)
        #expect(world.ask(.get, "/v1/connections/shop", ["If-None-Match": "\"9\""]).status == 200)
    }
}
