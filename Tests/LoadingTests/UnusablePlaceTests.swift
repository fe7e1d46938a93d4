import Foundation
import Loading
import Model
import Platform
import SQLite
import Testing

/// Files and tables that a load cannot use are refused in words of their own, never as a fault of the program.
struct UnusablePlaceTests {
    private func world() throws -> World {
        let world = try World(Tables.orders + "INSERT INTO orders VALUES (1, 'a', '2024-05-01')")
        try FileManager.default.createDirectory(atPath: world.path("sub"), withIntermediateDirectories: true)
        return world
    }

    private func failure(_ world: World, _ request: LoadRequest) -> Failure? {
        #expect(throws: Failure.self) { try world.loader().load(request, stop: StopToken()) }
    }

    @Test("a destination whose folder was removed is missing")
    func missingFolder() throws {
        let world = try world()
        let request = try world.request(world.step(), to: "sub/warehouse.db")
        try FileManager.default.removeItem(atPath: world.path("sub"))
        let failure = failure(world, request)
        #expect(failure?.code == .missingFile)
        #expect(failure?.field == "destination.connection")
        #expect(failure?.message.contains("sub/warehouse.db") == true)
    }

    @Test("a source in the destination's own file that is missing is missing")
    func missingSharedFile() throws {
        let world = try world()
        let failure = failure(world, try world.request(world.step(to: "x"), from: "no.db", to: "no.db"))
        #expect(failure?.code == .missingFile)
        #expect(!FileManager.default.fileExists(atPath: world.path("no.db")))
    }

    @Test("a folder that may not be written is read-only", .enabled(if: getuid() != 0, "root may write anywhere"))
    func folderNotWritable() throws {
        let world = try world()
        let request = try world.request(world.step(), to: "sub/warehouse.db")
        chmod(world.path("sub"), 0o500)
        defer { chmod(world.path("sub"), 0o700) }
        let failure = failure(world, request)
        #expect(failure?.code == .readOnly)
        #expect(failure?.field == "destination.connection")
    }

    @Test("a folder that may not be entered is read-only", .enabled(if: getuid() != 0, "root may read anything"))
    func sourceNotReadable() throws {
        let world = try world()
        try FileManager.default.copyItem(atPath: world.path("source.db"), toPath: world.path("sub/copy.db"))
        let request = try world.request(world.step(), from: "sub/copy.db")
        chmod(world.path("sub/copy.db"), 0)
        let failure = failure(world, request)
        #expect(failure?.code == .readOnly)
        #expect(failure?.field == "source.connection")
    }

    @Test(
        "a table that SQLite or Strandline keeps is no destination",
        arguments: ["sqlite_master", "SQLITE_x", "_strandline_watermarks", "_Strandline_loads", "_strandline_new"])
    func reservedTables(table: String) throws {
        let world = try world()
        for strategy in [Strategy.timestamp, .fullRefresh] {
            let step = world.step("orders", to: table, strategy, cursor: strategy == .timestamp ? "updated_at" : nil)
            let failure = try world.failure(step)
            #expect(failure?.code == .invalidValue)
            #expect(failure?.field == "destination.table")
            #expect(throws: Failure.self) { try world.plan(step) }
        }
    }

    @Test("a table that is called as the old one would be while it is replaced stays as it is")
    func aTableCalledOld() throws {
        let world = try world()
        try world.warehouse.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT); "
                + "CREATE TABLE _strandline_old (a); INSERT INTO _strandline_old VALUES (7); "
                + "CREATE INDEX _STRANDLINE_OLD_2 ON _strandline_old (a)")
        let step = world.step("orders", .fullRefresh, cursor: nil)
        _ = try world.plan(step)
        for _ in 0..<2 { try world.load(step) }
        #expect(try world.isEqual())
        #expect(try world.inWarehouse("SELECT * FROM _strandline_old") == [[7]])
    }
}
