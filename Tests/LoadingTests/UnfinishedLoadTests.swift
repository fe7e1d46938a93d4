import Loading
import Model
import Platform
import SQLite
import Synchronization
import Testing

/// What is told of a load of several commits of which one failed.
struct UnfinishedLoadTests {
    private func world() throws -> World {
        try World(
            Tables.orders
                + """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8)
                INSERT INTO orders SELECT i, 'item ' || i, '2024-05-0' || i FROM n
                """)
    }

    private func failed(
        _ request: LoadRequest, _ loader: Loader, _ stop: StopToken = StopToken()
    ) throws -> (failure: Failure, load: FinishedLoad) {
        let progress = LoadProgress()
        let failure = #expect(throws: Failure.self) { try loader.load(request, stop: stop, progress: progress) }
        return (try #require(failure), try #require(progress.failed))
    }

    @Test("the commits before the one that failed are counted, with the watermark that they left")
    func tellsOfTheCommitsBefore() throws {
        let world = try world()
        let step = world.step().with {
            $0.checks = [
                Check(name: "known", rule: .acceptedValues(column: "item", values: (1...5).map { .text("item \($0)") }))
            ]
        }
        let run = world.nextRun()
        let (failure, load) = try failed(try world.request(step, run: run), world.loader(2))
        #expect(load.result.commits == 2)
        #expect(load.result.counts == RowCounts(read: 4, inserted: 4))
        #expect(load.result.watermarkAfter == .text("2024-05-04"))
        #expect(load.watermark == (try world.watermark()))
        #expect(load.result.manifest?.commits.count == 2)
        #expect(load.result.manifest?.failed?.number == 3)
        #expect(load.result.checks.first?.count == 1)
        #expect(failure.code == .checkFailed)
        #expect(!failure.message.contains("nothing was"))
        #expect(
            failure.message.hasSuffix(
                "; this commit was taken back, and the 2 before it stay (4 rows read, 4 inserted, 0 updated, 0 deleted, "
                    + "the watermark at 2024-05-04)"), "\(failure.message)")

        // The next attempt goes on, and counts all.
        try world.source.execute("UPDATE orders SET item = 'item 1' WHERE id > 5")
        let result = try world.load(step, run: run, attempt: 2, rowsPerCommit: 2)
        #expect(result.counts.inserted == 8)
    }

    @Test("a load that failed at its first commit has changed nothing")
    func tellsOfNothing() throws {
        let world = try world()
        let step = world.step().with {
            $0.checks = [Check(name: "none", rule: .acceptedValues(column: "item", values: [.text("x")]))]
        }
        let (failure, load) = try failed(try world.request(step), world.loader(2))
        #expect(failure.message.hasSuffix("; nothing was changed"))
        #expect(load.result.commits == 0 && load.watermark == nil)
        #expect(load.result.manifest?.failed?.number == 1)
    }

    @Test("one that is stopped tells how far it came")
    func tellsWhereItWasStopped() throws {
        let world = try world()
        let stop = StopToken()
        let clock = StoppingClock(stop, atCommit: 3)
        let (failure, load) = try failed(
            try world.request(world.step()), Loader(clock: clock, rowsPerCommit: 2), stop)
        #expect(failure.code == .cancelled)
        #expect(load.result.commits == 2 && load.result.counts.inserted == 4)
    }

    @Test("what a failed run has committed can be rolled back")
    func isRolledBack() throws {
        let world = try world()
        let step = world.step().with {
            $0.undo = .usual
            $0.checks = [
                Check(name: "known", rule: .acceptedValues(column: "item", values: (1...5).map { .text("item \($0)") }))
            ]
        }
        try world.source.execute("CREATE TABLE kept AS SELECT * FROM orders; DELETE FROM orders WHERE id > 1")
        try world.load(step)
        let before = try world.picture()
        try world.source.execute("INSERT INTO orders SELECT * FROM kept WHERE id > 1")
        let run = world.nextRun()
        let (_, load) = try failed(try world.request(step, run: run), world.loader(2))
        #expect(load.result.commits == 2)
        #expect(try world.rollback(run, step).first?.rowsRemoved == load.result.counts.inserted)
        #expect(try world.picture() == before)
    }
}

/// A clock at which a load looks once for each commit, and that stops it at one of them.
private final class StoppingClock: Clock {
    private let stop: StopToken
    private let commit: Int
    private let looks = Mutex(0)

    init(_ stop: StopToken, atCommit commit: Int) {
        self.stop = stop
        self.commit = commit
    }

    func now() -> Timestamp {
        let look = looks.withLock { looks in
            looks += 1
            return looks
        }
        if look == commit { stop.stop(.cancelled) }
        return World.start
    }

    func uptime() -> Duration { .zero }
}
