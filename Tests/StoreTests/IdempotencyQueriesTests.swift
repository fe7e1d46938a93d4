import Model
import Platform
import Testing

@testable import Store

struct IdempotencyQueriesTests {
    private let answer = StoredAnswer(status: 202, headers: #"{"location":"/v1/runs/1"}"#, body: [0, 0xFF, 0x7B])

    private func claim(_ world: World, _ key: String = "k", _ fingerprint: String = "f") throws -> IdempotencyClaim {
        try world.change { transaction throws(StoreError) in
            try transaction.claim(key: key, fingerprint: fingerprint)
        }
    }

    @Test func answersARepetitionAsBefore() throws {
        let world = try World()
        #expect(try claim(world) == .fresh)
        #expect(try claim(world) == .inProgress(run: nil))
        #expect(try claim(world, "k", "other") == .mismatch)
        #expect(try claim(world, "other") == .fresh)
        try world.change { transaction throws(StoreError) in
            try transaction.saveAnswer(answer, forKey: "k")
        }
        #expect(try claim(world) == .replay(answer))
        #expect(try claim(world, "k", "other") == .mismatch)
        try world.reopen()
        #expect(try claim(world) == .replay(answer))
    }

    @Test func anEmptyBodyIsAnAnswerToo() throws {
        let world = try World()
        let empty = StoredAnswer(status: 204, headers: "{}", body: [])
        _ = try claim(world)
        try world.change { transaction throws(StoreError) in try transaction.saveAnswer(empty, forKey: "k") }
        #expect(try claim(world) == .replay(empty))
    }

    @Test func aKeyIsFreeAgainAfterADay() throws {
        let world = try World()
        _ = try claim(world)
        try world.change { transaction throws(StoreError) in
            try transaction.saveAnswer(answer, forKey: "k")
        }
        world.clock.advance(by: Limits.idempotencyTime - .microseconds(1))
        #expect(try claim(world) == .replay(answer))
        world.clock.advance(by: .microseconds(1))
        #expect(try claim(world, "k", "other") == .fresh)
    }

    @Test func aRefusedChangeDoesNotClaimTheKey() throws {
        let world = try World()
        #expect(throws: StoreError.self) {
            try world.change { transaction throws(StoreError) in
                _ = try transaction.claim(key: "k", fingerprint: "f")
                throw StoreError(.unknownPipeline, "trigger", "no such pipeline")
            }
        }
        #expect(try claim(world) == .fresh)
        try world.change { transaction throws(StoreError) in try transaction.release(key: "k") }
        #expect(try claim(world) == .fresh)
    }

    @Test func aRestartFreesTheKeysOfRequestsThatStartedNothing() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        _ = try claim(world, "lost")
        try world.change { transaction throws(StoreError) in
            _ = try transaction.claim(key: "started", fingerprint: "f")
            try transaction.attach(run: run.id, toKey: "started")
        }
        try world.reopen()
        #expect(try claim(world, "lost") == .fresh)
        #expect(try claim(world, "started") == .inProgress(run: run.id))
    }
}
