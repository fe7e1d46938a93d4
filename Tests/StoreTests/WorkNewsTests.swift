import Model
import Platform
import Testing

@testable import Store

/// What is told of work that is counted, after each commit.
struct WorkNewsTests {
    @Test func tellsOfARunThatHasEndedOnceAndAfterTheCommit() throws {
        let world = try World()
        try world.pipeline("orders")
        let heard = Monitor([Run]())
        world.store.onWork { news in heard.update { $0 += news.ended } }
        let run = try world.run("orders")
        #expect(heard.read { $0 }.isEmpty)
        try world.store.write { transaction throws(StoreError) in
            try transaction.changeRun(run.id, to: .running)
            try transaction.changeRun(run.id, to: .failed)
        }
        #expect(heard.read { $0.map(\.id) } == [run.id] && heard.read { $0.first?.state } == .failed)
        // What ends nothing is not told.
        try world.store.write { transaction throws(StoreError) in _ = try transaction.appendEvent("x") }
        #expect(heard.read { $0.count } == 1)
    }

    @Test func doesNotTellOfARunWhoseEndWasUndone() throws {
        let world = try World()
        try world.pipeline("orders")
        let heard = Monitor([Run]())
        world.store.onWork { news in heard.update { $0 += news.ended } }
        let run = try world.run("orders")
        #expect(throws: StoreError.self) {
            try world.store.write { transaction throws(StoreError) in
                try transaction.changeRun(run.id, to: .cancelled)
                // A final state cannot be left.
                try transaction.changeRun(run.id, to: .running)
            }
        }
        #expect(heard.read { $0 }.isEmpty)
        try world.store.write { transaction throws(StoreError) in try transaction.changeRun(run.id, to: .cancelled) }
        #expect(heard.read { $0.count } == 1)
    }

    @Test func tellsTheFiguresOfTheDatabase() throws {
        let world = try World()
        try world.pipeline("orders")
        #expect(world.store.figures.logBytes > 0 && world.store.figures.oldestRead == nil)
        let before = SystemClock().uptime()
        let inside = try world.store.read { (_) throws(StoreError) in world.store.figures.oldestRead }
        #expect(try #require(inside) >= before)
        #expect(world.store.figures.oldestRead == nil && world.store.figures.waitingChanges == 0)
    }
}
