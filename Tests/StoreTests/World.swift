import Foundation
import Model
import Platform
import SQLite

@testable import Store

/// A state directory, a clock and an open store of one test; removed when the test lets go of it.
final class World {
    let directory: String
    let clock = ManualClock(Timestamp(microseconds: 1_700_000_000_000_000))
    let identifiers: IdentifierMaker
    private(set) var store: ControlStore

    init() throws {
        directory = NSTemporaryDirectory() + "strandline-store-" + UUID().uuidString
        identifiers = IdentifierMaker(clock: clock)
        store = try ControlStore.open(directory: directory, clock: clock, log: World.log)
    }

    deinit {
        store.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    static var log: Log { Log(level: .error) { _ in } }

    /// Makes a change on the test's own thread, where its expectations count.
    @discardableResult
    func change<Result>(_ body: (Transaction) throws(StoreError) -> Result) throws(StoreError) -> Result {
        let connection: SQLite.Connection
        do throws(SQLiteError) {
            connection = try self.connection()
            try connection.execute("PRAGMA foreign_keys = ON")
        } catch {
            throw StoreError("change", error)
        }
        return try connection.transaction(wrapping: { StoreError("change", $0) }) { () throws(StoreError) in
            try body(Transaction(connection, now: clock.now()))
        }
    }

    /// Closes the store and opens it again, as a restart of the server does.
    func reopen() throws {
        store.close()
        store = try ControlStore.open(directory: directory, clock: clock, log: World.log)
    }

    /// A second connection to the control database, to look at it or to break it.
    func connection() throws(SQLiteError) -> SQLite.Connection {
        try SQLite.Connection(path: directory + "/control.db", access: .readWrite)
    }

    /// Stores a connection and a pipeline called `name` that uses it.
    func pipeline(_ name: String) throws {
        try store.write { transaction throws(StoreError) in
            _ = try transaction.putConnection("shop", definition: #"{"type":"sqlite","path":"shop.db"}"#)
            _ = try transaction.putPipeline(name, document: #"{"name":"\#(name)"}"#, connections: ["shop"])
        }
    }

    /// Stores a queued run of two steps, the second after the first.
    func run(_ pipeline: String = "orders") throws -> Run {
        clock.advance(by: .milliseconds(1))
        let run = Run(
            id: identifiers.next(), pipeline: pipeline, state: .queued, trigger: .api, attempt: 1,
            options: RunOptions(), createdAt: clock.now(),
            steps: [StepRun(name: "a", strategy: .timestamp), StepRun(name: "b", strategy: .fullRefresh)])
        try store.write { transaction throws(StoreError) in try transaction.insertRun(run) }
        return run
    }
}

extension ReadSession {
    /// The events after one, oldest first.
    func events(after id: Int64 = 0, limit: Int = Limits.pageItems, run: String? = nil) throws(StoreError) -> [Event] {
        try events(EventFilter(work: run), after: id, limit: limit).events
    }
}
