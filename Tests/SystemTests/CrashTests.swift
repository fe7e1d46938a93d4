import Foundation
import Testing

struct CrashTests {
    /// The server is killed in the middle of a first load that takes many commits, at a random commit.
    @Test(arguments: [1, 2, 3])
    func aKilledLoadEndsEqualToItsSource(round: Int) throws {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 60_000)
            let first = try ServerProcess(in: folder, "--rows-per-commit", "500")
            let run = try #require(try first.json("run", "items", in: folder)["id"] as? String)
            let rows = Int.random(in: 1...40_000)
            try first.wait(for: "\(rows) rows") {
                // The table is not there before the first commit.
                let count = (try? shop.destination.rows("SELECT count(*) FROM items"))?.first
                return Int(count ?? "") ?? 0 >= rows
            }
            #expect(first.kill(SIGKILL) == -SIGKILL)
            let second = try ServerProcess(in: folder, "--rows-per-commit", "5000")
            // A run of the same pipeline waits for the end of that one.
            #expect(try second.client("run", "items", "--wait", in: folder).code == 0)
            let ended = try second.json("runs", run, in: folder)
            #expect(ended["state"] as? String == "success", "round \(round), killed after \(rows) rows: \(ended)")
            #expect(try shop.isLoaded(), "round \(round), killed after \(rows) rows")
            let step = (ended["steps"] as? [[String: Any]])?.first
            #expect(step?["watermark_after"] as? String == "2023-11-15T14:53:20Z")
            #expect(second.kill(SIGTERM) == 0)
        }
    }

    /// A stop does not wait for ever: the run in hand goes back to the queue, and the next start ends it.
    @Test func aStopInMidLoadReleasesTheRun() throws {
        try withFolder { folder in
            let shop = try ShopFolder(folder, count: 60_000)
            let first = try ServerProcess(in: folder, "--rows-per-commit", "500", "--stop-timeout", "0s")
            let run = try #require(try first.json("run", "items", in: folder)["id"] as? String)
            try first.wait(for: "the first rows") {
                Int((try? shop.destination.rows("SELECT count(*) FROM items"))?.first ?? "") ?? 0 > 0
            }
            #expect(first.kill(SIGTERM) == 0)
            let second = try ServerProcess(in: folder)
            #expect(try second.client("run", "items", "--wait", in: folder).code == 0)
            #expect(try second.json("runs", run, in: folder)["state"] as? String == "success")
            #expect(try shop.isLoaded())
        }
    }
}
