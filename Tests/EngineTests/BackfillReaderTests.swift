import Loading
import Model
import Platform
import SQLite
import Store
import Testing

@testable import Engine

/// What a reader of the destination sees while backfills run, are published and are put back: never a part of a commit.
struct BackfillReaderTests {
    private static let days = 1...8

    // PAINS 44: a reader that looks all the time sees whole partitions, and of a staged backfill the whole range.
    @Test("PAINS 44: no reader ever sees a part of a partition, of a publishing or of a rollback")
    func noReaderSeesAHalf() throws {
        let world = try World()
        try world.database("shop.db") { try World.fill($0, 0) }
        try world.pipeline("orders")
        try world.engine.start()
        #expect(try world.run("orders").state == .success)
        let reader = DestinationReader(world.path("warehouse.db"))
        try reader.expect(whole(0), "at the beginning")
        var table = 0
        for generation in 1...6 {
            let isStaged = generation % 2 == 0
            try world.database("shop.db") { try World.fill($0, generation) }
            var request = world.request(BackfillReaderTests.days)
            request.options.mode = isStaged ? .staged : .direct
            request.options.autoPublish = isStaged && generation % 4 == 0
            request.options.parallelism = 2
            request.options.reprocess = .completed
            request.options.allowShrink = true
            let backfill = try world.finish(try world.backfill(request))
            #expect(backfill.state == (isStaged && generation % 4 != 0 ? .awaitingPublish : .success), "\(backfill)")
            if backfill.state == .awaitingPublish {
                #expect(try reader.take() == [whole(table)], "nothing is seen before it is published")
                _ =
                    try wait { world.engine.publishBackfill(backfill.id, isTrial: true, completion: $0) }
                    as PublishedBackfill
                #expect(try reader.take() == [whole(table)], "a trial is not seen")
                _ =
                    try wait { world.engine.publishBackfill(backfill.id, isTrial: false, completion: $0) }
                    as PublishedBackfill
            }
            try reader.expect(whole(generation), "generation \(generation)")
            let seen = try reader.take()
            if isStaged {
                #expect(seen == [whole(table), whole(generation)], "of generation \(generation), staged")
            } else {
                let isWhole = seen.allSatisfy { $0.allSatisfy { $0 == day(table) || $0 == day(generation) } }
                #expect(isWhole, "of generation \(generation): \(seen)")
            }
            if generation % 3 == 0 {
                _ =
                    try wait { world.engine.rollbackBackfill(backfill.id, isTrial: false, completion: $0) }
                    as RolledBackBackfill
                try reader.expect(whole(table), "generation \(generation) is put back")
                #expect(try reader.take() == [whole(generation), whole(table)], "the rollback of \(generation)")
            } else {
                table = generation
            }
        }
        reader.stop()
        world.end()
    }

    /// A day of a generation, as readers sum it up.
    private func day(_ generation: Int) -> DestinationReader.Day {
        DestinationReader.Day(rows: World.rows(generation).count, lowest: generation, highest: generation)
    }

    private func whole(_ generation: Int) -> DestinationReader.Snapshot {
        BackfillReaderTests.days.map { _ in day(generation) }
    }
}

extension World {
    /// The places of the rows of each day in a generation: others come, some go, all change.
    fileprivate static func rows(_ generation: Int) -> Range<Int> {
        let first = generation % 3 * 40
        return first..<first + 150 + generation % 2 * 50
    }

    /// Fills the shop with a generation.
    fileprivate static func fill(_ shop: Connection, _ generation: Int) throws {
        try shop.execute("BEGIN IMMEDIATE; DELETE FROM orders;")
        for day in 1...8 {
            for place in rows(generation) {
                try shop.execute(
                    "INSERT INTO orders VALUES (?, ?, ?)",
                    [Value(day * 1_000 + place), Value(generation), .text(World.day(day) + "T10:00:00Z")])
            }
        }
        try shop.execute("COMMIT")
    }
}

/// Reads the destination again and again, on a thread and a connection of its own.
private final class DestinationReader: Sendable {
    /// The rows of a day, and the lowest and highest generation among them.
    struct Day: Equatable {
        var rows, lowest, highest: Int
    }

    typealias Snapshot = [Day]

    private struct State {
        /// What was seen since somebody took it, without repetitions of the one before; the first was seen by then.
        var seen: [Snapshot] = []
        /// How many times it has looked.
        var looks = 0
        var isStopped = false
        var failure: String?
    }

    private let state = Monitor(State())
    private let lane = Lane(name: "reader", capacity: 1)

    init(_ path: String) {
        _ = lane.submit { [state] _ in
            do {
                let connection = try Connection(path: path, access: .readOnly)
                defer { connection.close() }
                while !state.read({ $0.isStopped }) {
                    let days = try DestinationReader.look(connection)
                    state.update { state in
                        state.looks += 1
                        if state.seen.last != days { state.seen.append(days) }
                    }
                }
            } catch {
                state.update { $0.failure = "\(error)" }
            }
        }
    }

    private static func look(_ connection: Connection) throws -> Snapshot {
        try connection.rows(
            "SELECT count(*), min(total), max(total) FROM orders GROUP BY substr(updated_at, 1, 10) "
                + "ORDER BY substr(updated_at, 1, 10)"
        ).map { row in
            Day(rows: Int(row[0].integer ?? -1), lowest: number(row[1]), highest: number(row[2]))
        }
    }

    private static func number(_ value: Value) -> Int {
        if case .real(let number) = value { Int(number) } else { Int(value.integer ?? -1) }
    }

    /// Waits until it sees a state.
    func expect(_ snapshot: Snapshot, _ moment: Comment) throws {
        let found = state.wait(upTo: .seconds(10)) { $0.seen.last == snapshot || $0.failure != nil ? true : nil }
        try #require(found == true, moment)
        try #require(state.read { $0.failure } == nil)
    }

    /// What it has seen since the last time, once it has looked again twice; the last of it counts for the next time, too.
    func take() throws -> [Snapshot] {
        let looks = state.read { $0.looks }
        let hasLooked = state.wait(upTo: .seconds(10)) { $0.looks > looks + 1 ? true : nil }
        try #require(hasLooked == true)
        return state.update { state in
            let seen = state.seen
            state.seen = Array(seen.suffix(1))
            return seen
        }
    }

    func stop() {
        state.update { $0.isStopped = true }
        lane.stop()
    }
}
