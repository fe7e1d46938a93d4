import HTTPClient
import Platform
import SQLite

@testable import API
@testable import Engine
@testable import Store

/// A world that listens, with what its log is told by a test.
struct Stage {
    let world: World
    let port: Int

    init(isStarted: Bool = true, loader: ((any Clock) -> any StepLoading)? = nil) throws {
        world = try World(isStarted: isStarted, loader: loader)
        port = Int(try world.listen().server.split(separator: ":").last ?? "") ?? 0
    }

    func listen(_ target: String = "/v1/events", lastEventID: Int64? = nil, headers: String = "") -> Ear {
        Ear(port: port, target, lastEventID: lastEventID, headers: headers)
    }

    /// Adds `count` events, one change each or all in one.
    @discardableResult
    func tell(_ count: Int = 1, pipeline: String = "p", kind: String = "run_started", payload: String = "{}") throws
        -> Int64
    {
        try world.store.write { transaction throws(StoreError) in
            var last: Int64 = 0
            for _ in 0..<count { last = try transaction.appendEvent(kind, pipeline: pipeline, payload: payload) }
            return last
        }
    }

    /// Lets the oldest events go, as the log does at its bound.
    func trim(to id: Int64) throws {
        try world.store.write { transaction throws(StoreError) in
            try transaction.run("trim", "DELETE FROM events WHERE id <= ?", [.integer(id)])
        }
    }
}
